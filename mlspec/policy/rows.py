"""The settings of `mlspec.toml`, a row each: the parser, the diff of a policy and the pages read them."""

from __future__ import annotations

from mlspec.diagnostics.levels import LEVELS

# path ("*" stands for a code or an effect), form, default, direction of a change (as in the schema of blocks), doc
ROWS: tuple[tuple[str, object, object, str, str], ...] = (
    (
        "policy.tighten_only",
        "bool",
        False,
        "drop_loosens",
        "A change may tighten and never loosen, unless an approver of the old version waived it: `mlspec diff` fails otherwise.",
    ),
    (
        "policy.approvers",
        ("list", "string"),
        None,
        "add_loosens",
        "Who may sign waivers and overrides. Without it the `approvers` of the `spec` block.",
    ),
    ("policy.waiver_days", ("int", 1, 3650), None, "up_loosens", "How many days from today a waiver may hold at most."),
    ("policy.override_days", ("int", 1, 365), 30, "up_loosens", "How many days an override of failed gates may hold at most."),
    (
        "policy.codes.*",
        ("enum", *LEVELS),
        None,
        "later_loosens",
        "The level of a code. Warnings may become errors or go; errors stay errors.",
    ),
    (
        "policy.effects.*",
        ("enum", *LEVELS),
        None,
        "later_loosens",
        "What `mlspec diff` does about changes of an effect: `error` fails, `warning` tells, `off` notes.",
    ),
    (
        "policy.approve.*",
        ("list", "string"),
        None,
        "add_loosens",
        "Who may sign for this code, this effect, or `override`, in place of `approvers`.",
    ),
    (
        "extern.allow",
        ("list", "string"),
        None,
        "add_loosens",
        "Digests of the code of externs that may run, `sha256:…`: those of files that somebody of the project has read.",
    ),
)

TABLES = ("policy", "policy.codes", "policy.effects", "policy.approve", "extern")

# effect -> what `mlspec diff` does about it where no policy says otherwise
EFFECT_LEVELS = {
    "breaking": "error",
    "loosening": "error",
    "behaviour": "warning",
    "tightening": "off",
    "additive": "off",
    "operational": "off",
    "cosmetic": "off",
}


def row_of(path: str) -> tuple[str, object, object, str, str] | None:
    """The row of a dotted path, None where there is none."""
    for row in ROWS:
        head, _, last = row[0].rpartition(".")
        if path == row[0] or (last == "*" and path.startswith(f"{head}.")):
            return row
    return None
