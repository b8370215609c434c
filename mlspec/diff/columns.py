"""Columns and attributes: types, tags and ranges of what comes in."""

from __future__ import annotations

from collections.abc import Mapping

from mlspec.diff import order, table, words
from mlspec.diff.change import EFFECTS
from mlspec.diff.fields import directed
from mlspec.diff.names import plain
from mlspec.diff.order import Verdict
from mlspec.diff.pairing import pair_items
from mlspec.diff.report import Report, changed, effect_of, unsure
from mlspec.source import Span
from mlspec.spec import schema
from mlspec.spec.kinds import Type
from mlspec.spec.model import Attribute, Block, Column, Item

_PII = table.SECURITY_ATTRIBUTES


def compare_columns(report: Report, old: Block, new: Block, key: str) -> None:
    """The columns of two blocks."""
    paired = pair_items(old.columns, new.columns, key, report.names)
    for before, after in paired.pairs:
        place = f"{new.path}.{after.name}"
        renamed(report, place, before, after)
        if plain(before.type) != plain(after.type):
            _retyped(report, place, before, after)
        compare_attributes(report, place, before, after)
    for column in paired.gone:
        if report.written(new, column.name):
            not_compared(report, f"{new.path}.{column.name}", column)
        else:
            report.add("breaking", "column-removed", f"{new.path}.{column.name}", _shown(column), spans=(column.span, new.head))
    for column in paired.come:
        report.add("additive", "column-added", f"{new.path}.{column.name}", "", _shown(column), spans=(old.head, column.span))


def renamed(report: Report, place: str, before: Item, after: Item) -> None:
    """A rename that `@was` tells of: what reads the name outside the spec must follow."""
    if before.name != after.name:
        told = isinstance(after, Column) and "named" not in after.attrs
        why = f'the data must call it so too, or say `@named("{before.name}")`' if told else ""
        report.add("operational", "item-renamed", place, before.name, after.name, why=why, spans=(before.span, after.span))


def not_compared(report: Report, place: str, item: Item) -> None:
    """Something that the new text has and that could not be bound."""
    change = report.add(
        table.UNKNOWN, "not-compared", place, words.written(item.span), "", why="it has an error, so its direction is not known",
        security=True, spans=(item.span, None),
    )  # fmt: skip
    change.code = next((fault.code for fault in report.new.errors), "")


def _types(before: Column, after: Column) -> tuple[str, str]:
    """Two types as texts that differ: settings of an image stand only in what was written."""
    if str(before.type) != str(after.type):
        return str(before.type), str(after.type)
    one, other = (words.written(column.span).partition(":")[2].partition("@")[0].strip() for column in (before, after))
    return one, other


def _shown(column: Column) -> str:
    return " ".join([str(column.type), *(words.written(attribute.span) for attribute in column.attrs.values())])


def _retyped(report: Report, place: str, before: Column, after: Column) -> None:
    verdict = _wider(before.type, after.type)
    effect = {1: "loosening", -1: "tightening"}.get(verdict or 0, "breaking")
    why = ""
    if before.type.values and after.type.values and before.type.values != after.type.values:
        by_values, why = _values(before.type.values, after.type.values)
        by_null = {1: "loosening", -1: "tightening"}.get(int(after.type.optional) - int(before.type.optional), by_values)
        effect = min(by_values, by_null, key=EFFECTS.index)
    report.add(effect, "column-retyped", place, *_types(before, after), why=why, spans=(before.span, after.span))


def _values(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, str]:
    """What a change of a category's values is, and which they are."""
    gone, come = [value for value in old if value not in new], [value for value in new if value not in old]
    if gone:
        return "breaking", f"gone: {', '.join(gone)}"
    return ("additive", f"new: {', '.join(come)}") if come else ("behaviour", "the same values in another order")


def _wider(old: Type, new: Type) -> Verdict:
    """+1 when the new type has all values of the old one and more: null, or a category that is open now."""
    null = int(new.optional) - int(old.optional)
    if str(old.required()) == str(new.required()):
        return null
    if old.name == new.name == "category" and (old.values is None) != (new.values is None):
        return order.both((null, 1 if new.values is None else -1))
    return None


def compare_attributes(report: Report, place: str, old: Item, new: Item) -> None:
    """The attributes of two columns or definitions."""
    _attributes(report, place, old.attrs, new.attrs, (old.span, new.span))


def compare_declared(report: Report, old: Block, new: Block) -> None:
    """The attributes of two entities or params."""
    before, after = old.get("attributes"), new.get("attributes")
    if before is not None and after is not None:
        _attributes(report, new.path, before, after, (old.span, new.span))


def _attributes(
    report: Report, place: str, old: Mapping[str, Attribute], new: Mapping[str, Attribute], around: tuple[Span, Span]
) -> None:
    for name in dict.fromkeys((*old, *new)):
        before, after = old.get(name), new.get(name)
        if name == "was" or plain(before, report.names) == plain(after):
            continue
        spans = (around[0] if before is None else before.span, around[1] if after is None else after.span)
        effect, verdict = attribute_effect(name, before, after, report)
        rule = ("tag-added", "tag-dropped", "tag-changed")[changed(before, after)]
        report.add(
            effect, rule, f"{place}.@{name}", _text(before), _text(after), why=unsure(verdict), spans=spans,
            security=name in _PII or (name == "notify" and effect == "loosening"),
        )  # fmt: skip


def _text(attribute: Attribute | None) -> str:
    return "" if attribute is None else words.written(attribute.span)


def attribute_effect(name: str, before: Attribute | None, after: Attribute | None, report: Report) -> tuple[str, Verdict]:
    """The effect of an attribute's change, and the comparator's verdict."""
    row = schema.attribute(name)
    direction = table.UNKNOWN if row is None else row.direction
    if name == "pii":
        levels = [str(item.get("kind")) if item is not None else "" for item in (before, after)]
        verdict = order.opposite(order.ranked(order.TAINT, *levels))
        return effect_of(verdict), verdict
    if name == "range" and (before is None or after is None):
        return ("tightening", -1) if before is None else ("loosening", 1)
    if direction in ("up_loosens", "down_loosens"):
        return directed(direction, _length(before), _length(after), "", None, None)
    if direction in ("drop_loosens", "add_loosens"):
        return _presence(direction, before, after, report)
    effects = table.DIRECTIONS.get(direction)
    return (table.UNKNOWN if effects is None else effects[changed(before, after)]), 0


def _length(attribute: Attribute | None) -> object:
    """The length that `@for(2h)` states: absent it is none at all, and of a wrong one it is not known."""
    if attribute is None:
        return 0.0
    value = next(iter(attribute.args.values()), None)
    return None if value is None else value.item


def _presence(direction: str, before: Attribute | None, after: Attribute | None, report: Report) -> tuple[str, Verdict]:
    """Tags without arguments by their presence, those with a list by its members."""
    if before is None or after is None:
        verdict: Verdict = 1 if after is None else -1
    else:
        verdict = order.members(*(_members(item, report, item is before) for item in (before, after)))
    verdict = order.opposite(verdict) if direction == "add_loosens" else verdict
    return effect_of(verdict), verdict


def _members(attribute: Attribute, report: Report, is_old: bool) -> tuple[object, ...]:
    items = [value.item for value in attribute.args.values()]
    listed = items[0] if len(items) == 1 and isinstance(items[0], tuple) else items
    return tuple(repr(plain(item, report.names) if is_old else plain(item)) for item in listed)
