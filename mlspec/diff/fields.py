"""Fields of two blocks of one kind: the effect of each change comes from the direction in its row of the schema."""

from __future__ import annotations

from typing import Any

from mlspec.diff import confidence, order, table, words
from mlspec.diff.names import plain
from mlspec.diff.order import Verdict
from mlspec.diff.report import UNSURE, Report, changed, effect_of, unsure
from mlspec.source import Span
from mlspec.spec import schema
from mlspec.spec.kinds import Type
from mlspec.spec.model import Block
from mlspec.spec.values import Bounds, Made, Typed, Value

_ELSEWHERE = {("serve", "request"), ("serve", "output"), ("split", "on"), ("gates", "part"),
              *(("extern", name) for name in ("role", "parameters", "result"))}  # fmt: skip


def compare_fields(report: Report, old: Block, new: Block) -> None:
    """Every field that one of two blocks has, in schema order, then the parameters of an estimator."""
    row = schema.kind(new.kind)
    assert row is not None
    known = [name for name in row.fields if name in old.fields or name in new.fields]
    others = dict.fromkeys(name for name in (*old.fields, *new.fields) if name not in row.fields)
    for name in [*known, *others]:
        if (new.kind, name) not in _ELSEWHERE:
            _compare(report, old, new, name, row)


def _compare(report: Report, old: Block, new: Block, name: str, row: schema.Kind) -> None:
    before, after = old.fields.get(name), new.fields.get(name)
    if name == "attributes" or plain(before, report.names) == plain(after):
        return
    field = row.fields.get(name)
    form: Any = field.form if field is not None else ("const",)
    direction = field.direction if field is not None else "behaviour" if row.open_fields or name == "type" else table.UNKNOWN
    if direction == "ends_decide":
        direction = confidence.direction_of((old, new))
    place = new.path if name == "value" else f"{new.path}.{name}"
    context = _Context(report, new.kind, name, (_span(old, name), _span(new, name)))
    if (after is None or after.origin == "default") and report.written(new, name):
        _not_read(report, place, before, form, context)
    elif name == "type":
        report.add("breaking", "field-changed", place, *_types(before, after), spans=context.spans)
    else:
        context.compare(place, before, after, form, direction)


def _types(before: Value | None, after: Value | None) -> tuple[str, str]:
    texts = [str(value.item) if value is not None and isinstance(value.item, Type) else "none" for value in (before, after)]
    return texts[0], texts[1]


def _not_read(report: Report, place: str, before: Value | None, form: Any, context: _Context) -> None:
    change = report.add(
        table.UNKNOWN, "not-compared", place, words.of_value(before, form), "", why="it has an error, so its direction is not known",
        security=context.security(context.name), spans=context.spans,
    )  # fmt: skip
    change.code = change.code or next((fault.code for fault in report.new.errors), "")


def _span(block: Block, name: str) -> Span:
    value = block.fields.get(name)
    return block.head if value is None or value.span is None else value.span


class _Context:
    """What the change of one field is reported with."""

    def __init__(self, report: Report, kind: str, name: str, spans: tuple[Span | None, Span | None]) -> None:
        self.report = report
        self.kind = kind
        self.name = name
        self.spans = spans

    def security(self, name: str) -> bool:
        return (
            self.kind in table.SECURITY_KINDS
            or self.name in table.RESOURCES
            or (self.kind, self.name) in table.SECURITY_FIELDS
            or (self.kind, name) in table.SECURITY_FIELDS
        )

    def compare(self, place: str, before: Value | None, after: Value | None, form: Any, direction: str) -> None:
        """One field, or argument by argument where both sides call the same constructor."""
        old, new = (None if value is None else value.item for value in (before, after))
        if isinstance(old, Made) and isinstance(new, Made) and old.group == "space" and new.group == "space":
            self._space(place, old, new)
        elif isinstance(old, Made) and isinstance(new, Made) and (old.group, old.name) == (new.group, new.name):
            self._arguments(place, old, new, direction)
        elif isinstance(old, Made) != isinstance(new, Made) and (old is None or new is None):
            self._value(place, before, after, form, direction)
        else:
            self._value(place, before, after, form, direction)

    def _arguments(self, place: str, old: Made, new: Made, direction: str) -> None:
        row = schema.constructor(new.group, new.name)
        known = {} if row is None else {parameter.name: parameter for parameter in row.parameters}
        for name in dict.fromkeys((*known, *old.args, *new.args)):
            before, after = old.args.get(name), new.args.get(name)
            if plain(before, self.report.names) == plain(after):
                continue
            parameter = known.get(name)
            form = parameter.form if parameter is not None else ("const",)
            own = parameter.direction if parameter is not None and parameter.direction else direction
            inner = _Context(self.report, self.kind, self.name, (_of(before, self.spans[0]), _of(after, self.spans[1])))
            inner.compare(f"{place}.{name}", before, after, form, own)

    def _space(self, place: str, old: Made, new: Made) -> None:
        """A search space: other models can come out, and the study begins anew."""
        verdict = _width(old, new) if old.name == new.name else None
        why = {1: "the search space is wider", -1: "the search space is narrower"}.get(verdict or 0, "another search space")
        texts = words.both(Value(old, old.span), Value(new, new.span), ("call", "space"))
        self.report.add("behaviour", "space-changed", place, *texts, why=why, spans=self.spans)

    def _value(self, place: str, before: Value | None, after: Value | None, form: Any, direction: str) -> None:
        old, new = (None if value is None else value.item for value in (before, after))
        effect, verdict = directed(direction, old, new, form, plain(old, self.report.names), plain(new))
        name = place.rpartition(".")[2]
        why = unsure(verdict) if direction in _ORDERED else UNSURE if effect == direction == "loosening" else ""
        self.report.add(
            effect, "field-changed", place, *words.both(before, after, form), why=why, security=self.security(name),
            incomparable=(self.kind, self.name) in table.INCOMPARABLE_FIELDS, spans=self.spans,
        )  # fmt: skip


def _of(value: Value | None, otherwise: Span | None) -> Span | None:
    return otherwise if value is None or value.span is None else value.span


_ORDERED = frozenset(("up_loosens", "down_loosens", "later_loosens", "drop_loosens", "add_loosens"))


def directed(direction: str, old: Any, new: Any, form: Any, plain_old: Any, plain_new: Any) -> tuple[str, Verdict]:
    """The effect of a change in a direction of the schema, and the comparator's verdict where one was asked."""
    if direction in ("drop_loosens", "add_loosens"):
        verdict = order.members(_listed(plain_old, old), _listed(plain_new, new))
        verdict = order.opposite(verdict) if direction == "add_loosens" else verdict
    elif direction in ("up_loosens", "down_loosens"):
        verdict = order.larger(_number(old), _number(new))
        verdict = order.opposite(verdict) if direction == "down_loosens" else verdict
    elif direction == "later_loosens":
        verdict = order.ranked(tuple(form[1:]), old, new)
    else:
        row = table.DIRECTIONS.get(direction)
        return (table.UNKNOWN if row is None else row[changed(old, new)]), 0
    return effect_of(verdict), verdict


def _listed(plain_item: Any, item: Any) -> Any:
    """A list by its members; "none", false and nothing are the same absence."""
    if item is None or item is False or item == "none":
        return None
    return tuple(plain_item) if isinstance(item, tuple | list) else plain_item


def _number(item: Any) -> Any:
    if isinstance(item, Typed):
        return item.form[1] if item.constant else None
    return item


def _width(old: Made, new: Made) -> Verdict:
    """+1 when the new space holds the old one."""
    if "values" in old.args:
        verdict = order.members(
            tuple(map(repr, map(plain, old.get("values")))), tuple(map(repr, map(plain, new.get("values"))))
        )
        return order.opposite(verdict)
    if "to" in old.args:
        return order.larger(Bounds(0, old.get("to")), Bounds(0, new.get("to")))
    if "low" in old.args:
        return order.larger(Bounds(old.get("low"), old.get("high")), Bounds(new.get("low"), new.get("high")))
    return None
