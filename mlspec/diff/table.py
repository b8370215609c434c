"""The table of effects: what it means that a block, a definition or a tag comes, goes or changes.

A field's direction stands in its row of the schema (`mlspec/spec/schema/`); here stands what has no field: kinds, roles, and which
changes a reviewer must see first. What has no row counts as loosening.
"""

from __future__ import annotations

UNKNOWN = "loosening"

# kind -> effect of a new one, effect of one that is gone
KINDS: dict[str, tuple[str, str]] = {
    "spec": ("additive", "breaking"),
    "param": ("additive", "breaking"),
    "secret": ("operational", "operational"),
    "channel": ("additive", "operational"),
    "entity": ("additive", "breaking"),
    "env": ("operational", "operational"),
    "waive": ("loosening", "tightening"),
    "schedule": ("operational", "operational"),
    "extern": ("behaviour", "behaviour"),
    "test": ("tightening", "loosening"),
    "given": ("behaviour", "behaviour"),
    "fit": ("behaviour", "behaviour"),
    "source": ("additive", "breaking"),
    "explore": ("additive", "operational"),
    "frame": ("additive", "breaking"),
    "join": ("additive", "behaviour"),
    "split": ("additive", "breaking"),
    "features": ("additive", "breaking"),
    "publish": ("additive", "breaking"),
    "model": ("additive", "behaviour"),
    "search": ("additive", "behaviour"),
    "family": ("behaviour", "behaviour"),
    "train": ("additive", "behaviour"),
    "compress": ("additive", "behaviour"),
    "prompt": ("additive", "behaviour"),
    "evaluate": ("additive", "behaviour"),
    "gates": ("tightening", "loosening"),
    "card": ("additive", "loosening"),
    "serve": ("additive", "breaking"),
    "limit": ("tightening", "loosening"),
    "ab": ("behaviour", "behaviour"),
    "arm": ("behaviour", "behaviour"),
    "canary": ("tightening", "loosening"),
    "shadow": ("operational", "operational"),
    "log": ("loosening", "tightening"),
    "score": ("additive", "breaking"),
    "monitor": ("tightening", "loosening"),
}

CONDITION = "condition"

# role -> effect of a new one, of one that is gone, of one that changed (`condition`: as its comparator says)
ROLES: dict[str, tuple[str, str, str]] = {
    "check": ("tightening", "loosening", CONDITION),
    "part": ("additive", "breaking", "behaviour"),
    "derived": ("additive", "breaking", "behaviour"),
    "feature": ("behaviour", "breaking", "behaviour"),
    "measure": ("additive", "behaviour", "behaviour"),
    "gate": ("tightening", "loosening", CONDITION),
    "constraint": ("tightening", "loosening", CONDITION),
    "limit": ("behaviour", "behaviour", "behaviour"),
    "guard": ("tightening", "loosening", CONDITION),
    "logged": ("loosening", "behaviour", "behaviour"),
    "alert": ("tightening", "loosening", CONDITION),
    "expectation": ("tightening", "loosening", CONDITION),
}

# direction of the schema -> effect of the value's coming, of its going, of any other change; None: its order decides
DIRECTIONS: dict[str, tuple[str, str, str] | None] = {
    "breaking": ("breaking", "breaking", "breaking"),
    "loosening": ("loosening", "loosening", "loosening"),
    "behaviour": ("behaviour", "behaviour", "behaviour"),
    "operational": ("operational", "operational", "operational"),
    "additive": ("additive", "behaviour", "behaviour"),
    "cosmetic": ("cosmetic", "cosmetic", "cosmetic"),
    "drop_loosens": ("tightening", "loosening", "loosening"),
    "add_loosens": ("loosening", "tightening", "loosening"),
    "up_loosens": None,
    "down_loosens": None,
    "later_loosens": None,
    "ends_decide": None,
}

OPPOSITE = {"loosening": "tightening", "tightening": "loosening"}

# What can let data out, let a worse model through, or run other code: shown first.
SECURITY_KINDS = frozenset(("secret", "extern", "waive", "gates", "limit", "canary", "log"))
SECURITY_ROLES = frozenset(("gate", "guard", "logged"))
SECURITY_ATTRIBUTES = frozenset(("pii", "protected", "allow"))
SECURITY_FIELDS = frozenset(
    (
        ("source", "from"), ("spec", "approvers"), ("spec", "registry"), ("spec", "tracking"), ("channel", "value"),
        ("secret", "value"), ("serve", "gate"), ("score", "gate"), ("score", "output"), ("score", "input"), ("gates", "confidence"),
        ("gates", "min_group"), ("gates", "part"), ("gates", "candidate"), ("log", "keep"), ("log", "sample"), ("extern", "code"),
        ("extern", "network"), ("publish", "to"), ("canary", "steps"), ("canary", "on_breach"), ("ab", "on_breach"),
        ("limit", "value"), ("waive", "finding"), ("waive", "at"), ("waive", "expires"), ("model", "value"), ("explore", "min_cell"),
        ("serve", "token"), ("serve", "host"),
    )
)  # fmt: skip
RESOURCES = frozenset(("cpu", "memory", "gpu", "time_limit", "retry", "image"))

# A change here makes numbers of before and after numbers about different things.
INCOMPARABLE_FIELDS = frozenset(
    (
        ("source", "from"), ("source", "sample"), ("split", "frame"), ("split", "on"), ("split", "group"), ("split", "stratify"),
        ("split", "gap"), ("frame", "spine"), ("frame", "at"), ("join", "value"), ("gates", "part"), ("gates", "on"),
        ("model", "label"), ("search", "label"), ("train", "label"), ("search", "objective"), ("spec", "seed"), ("search", "cv"),
    )
)  # fmt: skip

# rule -> what it says of a change; SARIF's rules and the page of effects read it
RULES: dict[str, str] = {
    "block-added": "A block is new.",
    "block-removed": "A block is gone.",
    "block-renamed": "A block has another name and says the same.",
    "condition-changed": "A check, gate, guard or alert holds for more, or for less, than before.",
    "definition-added": "A definition is new.",
    "definition-removed": "A definition is gone.",
    "definition-changed": "A definition says something else.",
    "item-renamed": "A name changed, and `@was` says what it was.",
    "order-changed": "The same names stand in another order.",
    "column-added": "A column is new.",
    "column-removed": "A column is gone.",
    "column-retyped": "A column has another type.",
    "tag-added": "An attribute is new.",
    "tag-dropped": "An attribute is gone.",
    "tag-changed": "An attribute says something else.",
    "mask-dropped": "What is written down tells more of a person than before.",
    "field-changed": "A field has another value.",
    "split-kind": "Rows are split in another way.",
    "part-changed": "A part has other rows.",
    "space-changed": "A search space changed.",
    "request-changed": "What a request must bring changed.",
    "reply-changed": "What a reply holds changed.",
    "import-changed": "Another file is imported.",
    "code-changed": "The code of an extern changed.",
    "edition-changed": "The spec is read by the rules of another edition.",
    "docs-changed": "What is said about something changed.",
    "policy-changed": "The policy that specs are held to says something else.",
    "spec-added": "A spec is new.",
    "spec-removed": "A spec is gone.",
    "spec-moved": "A spec lies elsewhere.",
    "not-compared": "The text has an error here, so that the change has no known direction.",
}

VERBS = {
    "rerun": "reruns",
    "resume": "resumes",
    "rescore": "rescores",
    "redeploy": "redeploys",
    "rearm": "re-arms",
    "follow": "rewrites",
}
