"""4xx, people: what is written down or shown, and what a model may know of a person."""

from __future__ import annotations

from mlspec.spec.checks.reading import calls_to, columns_read, days, span_of_call, text_of
from mlspec.spec.findings import Findings
from mlspec.spec.kinds import DIRECT, FREE_TEXT, NONE, QUASI, TAINTS
from mlspec.spec.model import Block, Definition, Spec
from mlspec.spec.values import Made, Reference

LEAST_CELL = 10
LONGEST_KEEP = 366 * 86_400


def tainted_sinks(spec: Spec, findings: Findings) -> None:
    """401, 408: personal data reaches a log above quasi, or an alert at all."""
    for serve in spec.of_kind("serve"):
        for log in serve.nested("log"):
            for item in log.definitions.values():
                _sink(findings, item, QUASI, f"the log `{log.name}`")
    for monitor in spec.of_kind("monitor"):
        for item in monitor.definitions.values():
            _sink(findings, item, NONE, f"the alert `{item.name}`")


def _sink(findings: Findings, item: Definition, ceiling: int, where: str) -> None:
    taint = item.value.taint
    if taint <= ceiling:
        return
    name = text_of(item.value.span)
    if taint == FREE_TEXT:
        hint = "declare the patterns once: `param patterns: list(redaction) = [email, phone]`"
        findings.add("MLS408", item.value.span, name=name, where=where, hint=hint)
    else:
        hint = "a direct identifier belongs in no log: key it, `hmac(…, key: SECRET)`" if taint == DIRECT else ""
        findings.add("MLS401", item.value.span, name=name, got=TAINTS[taint], where=where, wanted=TAINTS[ceiling], hint=hint)


def protected_inputs(spec: Spec, findings: Findings) -> None:
    """402: a model reads a protected characteristic that nobody allowed."""
    for block in spec.of_kind("features"):
        for feature in block.definitions.values():
            if "audit" in feature.attrs or "allow" in feature.attrs:
                continue
            for column, span in columns_read(spec, feature.value):
                if "protected" in column.attrs:
                    findings.add("MLS402", span, name=feature.name, column=f"{column.source}.{column.name}")


def small_cells(spec: Spec, findings: Findings) -> None:
    """403: a report on people shows counts so small that they point at persons."""
    for block in spec.of_kind("explore"):
        made = block.make("value")
        part = None if made is None else made.get("part")
        if made is None or not isinstance(part, Reference) or part.block not in spec.blocks:
            continue
        frame = spec.blocks[part.block].ref("frame")
        source = None if frame is None else spec.spine(frame.block)
        if source is None or not _about_people(source):
            continue
        given = made.args.get("min_cell")
        cell = int(made.get("min_cell") or 0)
        if given is None or given.origin == "default" or cell < LEAST_CELL:
            what = f"`{source.name}` is about people"
            if given is not None and given.origin != "default":
                what = f"{what}: {cell} is too few to hide a person"
            findings.add("MLS403", made.span or block.span, name=block.name, what=what, limit=str(LEAST_CELL))


def _about_people(source: Block) -> bool:
    return any("protected" in column.attrs or "pii" in column.attrs for column in source.columns.values())


def log_retention(spec: Spec, findings: Findings) -> None:
    """406: a log that does not say how long its records live, or keeps them for more than a year."""
    for serve in spec.of_kind("serve"):
        for log in serve.nested("log"):
            keep = log.get("keep")
            if keep is None:
                findings.add("MLS406", log.head, name=log.name, why="does not say how long its records are kept",
                             wanted="`keep = …`")  # fmt: skip
            elif keep > LONGEST_KEEP:
                findings.add("MLS406", log.span_of("keep"), name=log.name, why="keeps its records for more than a year",
                             wanted=f"at most {days(LONGEST_KEEP)}", got=days(keep))  # fmt: skip


def unkeyed_hmac(spec: Spec, findings: Findings) -> None:
    """407: a digest without a key hides nothing: whoever has a list of values finds them."""
    secrets = [block.name for block in spec.of_kind("secret")]
    for outer in spec.of_kind("serve", "score", "features", "source", "monitor", "frame"):
        for block in (outer, *outer.blocks):
            for item in block.definitions.values():
                for call in calls_to(item.value, "hmac"):
                    key = call[3].get("key") if len(call) > 3 else None
                    if key is None or key == ["lit", None, "null"]:
                        name = next((ref.path for ref in item.value.refs if ref.kind == "column"), "…")
                        fix = secrets[0] if secrets else "SECRET"
                        findings.add("MLS407", span_of_call(item.value, "hmac"), name=name, fix=fix)


def secret_in_plain_field(spec: Spec, findings: Findings) -> None:
    """405: a secret stands where its value would be written down."""
    for block in spec.taken:
        for inner in (block, *block.blocks):
            for item in inner.definitions.values():
                for ref in item.value.refs:
                    if ref.kind == "secret" and not calls_to(item.value, "hmac"):
                        findings.add("MLS405", ref.span or item.span, name=ref.block, where=f"`{inner.name}.{item.name}`",
                                     hint="an expression may hold a secret only as the `key:` of `hmac`")  # fmt: skip


def unpinned_models(spec: Spec, findings: Findings) -> None:
    """410: a model of the hub without a revision is another model tomorrow."""
    for block in spec.of_kind("model"):
        made = block.make("value")
        if isinstance(made, Made) and made.name == "hub" and made.args.get("revision") is not None:
            revision = str(made.get("revision") or "")
            if revision and not _is_commit(revision):
                findings.add("MLS410", made.span or block.span, name=str(made.get("name")), wanted="revision: \"<40 hex digits>\"",
                             got=f"revision `{revision}`, which can move")  # fmt: skip


def _is_commit(revision: str) -> bool:
    return len(revision) == 40 and all(character in "0123456789abcdef" for character in revision)


CHECKS = (
    tainted_sinks, protected_inputs, small_cells, log_retention, unkeyed_hmac, secret_in_plain_field, unpinned_models,
)  # fmt: skip
