"""What callers and gates rely on: the columns of a request, the fields of a reply, the rows that a model is judged on."""

from __future__ import annotations

from mlspec.diff import words
from mlspec.diff.definitions import weaker
from mlspec.diff.names import plain
from mlspec.diff.order import Verdict
from mlspec.diff.report import Report, effect_of
from mlspec.spec.checks.reading import columns_read, features_of
from mlspec.spec.model import Block, Column, Part, Spec
from mlspec.spec.values import Reference

_REPLY = {"both": {"probability", "decision"}}


def compare_request(report: Report, old: Block, new: Block) -> None:
    """The columns that a request must bring, whether they are listed or follow from the features."""
    before, after = _request(report.old.spec, old), _request(report.new.spec, new)
    spans = (old.span_of("request"), new.span_of("request"))
    if before is None or after is None:
        return
    for name, column in before.items():
        place = f"{new.path}.request.{name}"
        if name not in after:
            report.add("breaking", "request-changed", place, str(column.type), "",
                       why="a request that still brings it is refused", spans=spans)  # fmt: skip
            continue
        one, other = str(column.type), str(after[name].type)
        if one != other and other != f"{one}?":
            report.add("breaking", "request-changed", place, (one), (other),
                       why="a request that fitted may fit no more", spans=spans)  # fmt: skip
    for name, column in after.items():
        if name not in before:
            effect = "additive" if column.type.optional else "breaking"
            why = "it may be left out" if column.type.optional else "a request without it is refused"
            report.add(effect, "request-changed", f"{new.path}.request.{name}", "", str(column.type), why=why, spans=spans)


def _request(spec: Spec, serve: Block) -> dict[str, Column] | None:
    """The columns of a request by name; None where the spec does not say."""
    given = serve.get("request")
    if given is not None:
        refs = [getattr(item, "item", item) for item in given]
        columns = [spec.column(ref.block, ref.member or "") for ref in refs if isinstance(ref, Reference)]
        return {column.name: column for column in columns if column is not None}
    model = serve.ref("model")
    block = None if model is None else spec.blocks.get(model.block)
    if block is None:
        return None
    found: dict[str, Column] = {}
    for _, feature in features_of(spec, block):
        found.update((column.name, column) for column, _ in columns_read(spec, feature.value))
    return found


def compare_reply(report: Report, old: Block, new: Block) -> None:
    """The fields of a reply."""
    before, after = str(old.get("output")), str(new.get("output"))
    if before == after:
        return
    gone = _REPLY.get(before, {before}) - _REPLY.get(after, {after})
    why = f"the reply no longer holds {' and '.join(sorted(gone))}" if gone else "the reply holds more"
    report.add("breaking" if gone else "additive", "reply-changed", f"{new.path}.output", before, after, why=why,
               spans=(old.span_of("output"), new.span_of("output")))  # fmt: skip


def compare_judged(report: Report, old: Block, new: Block) -> None:
    """The part that gates judge on."""
    before, after = old.ref("part"), new.ref("part")
    if plain(before, report.names) == plain(after):
        return
    verdict: Verdict = None
    parts = _part(report.old.spec, before), _part(report.new.spec, after)
    if (
        parts[0] is not None
        and parts[1] is not None
        and before
        and after
        and report.names.path(before).rpartition(".")[0] == after.block
    ):
        verdict = weaker(parts[0], parts[1])
    why = {1: "the new part has fewer rows: less evidence", -1: "the new part has more rows"}.get(verdict or 0, "")
    report.add(
        effect_of(verdict or None), "field-changed", f"{new.path}.part", *words.both(old.fields.get("part"), new.fields.get("part"), "part"),
        why=why or "whether these rows judge as strictly cannot be told", security=True, incomparable=True,
        spans=(old.span_of("part"), new.span_of("part")),
    )  # fmt: skip


def _part(spec: Spec, ref: Reference | None) -> Part | None:
    block = None if ref is None else spec.blocks.get(ref.block)
    return None if block is None or ref is None else block.parts.get(ref.member or "")
