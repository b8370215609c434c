"""Definitions (`:=`): checks, gates, guards and alerts by what they let through, features and logged values by expression, parts."""

from __future__ import annotations

from typing import Any

from mlspec.diff import conditions, table, words
from mlspec.diff.columns import compare_attributes, not_compared, renamed
from mlspec.diff.names import plain
from mlspec.diff.order import Verdict, both, larger
from mlspec.diff.pairing import pair_items
from mlspec.diff.report import UNSURE, Report, effect_of
from mlspec.spec import schema
from mlspec.spec.kinds import NONE, TAINTS
from mlspec.spec.model import Block, Definition, Item, Part
from mlspec.spec.values import Typed

NOT_READ = "it has an error, so its direction is not known"


def compare_definitions(report: Report, old: Block, new: Block, key: str) -> None:
    """The definitions of two blocks of one kind."""
    kind = schema.kind(new.kind)
    role = "" if kind is None else kind.role or ""
    paired = pair_items(old.definitions, new.definitions, key, report.names)
    candidates = ["" if ref is None else ref.block for ref in (old.ref("candidate"), new.ref("candidate"))]
    for before, after in paired.pairs:
        place = f"{new.path}.{after.name}"
        renamed(report, place, before, after)
        _expression(report, place, role, before, after, candidates)
        compare_attributes(report, place, before, after)
    for item in paired.gone:
        place = f"{new.path}.{item.name}"
        if report.written(new, item.name):
            not_compared(report, place, item)
        else:
            _one_side(report, place, role, item, 1, (old, new))
    for item in paired.come:
        _one_side(report, f"{new.path}.{item.name}", role, item, 0, (old, new))
    if [item.name for _, item in paired.pairs] != [
        report.names.members.get((key, name), name) for name in old.definitions if _kept(report, key, name, new)
    ]:
        _order(report, role, old, new)


def _kept(report: Report, key: str, name: str, new: Block) -> bool:
    return report.names.members.get((key, name), name) in new.definitions


def _order(report: Report, role: str, old: Block, new: Block) -> None:
    effect = "breaking" if role == "feature" else "cosmetic"
    why = "the order of the features is the model's signature" if role == "feature" else ""
    texts = [(", ".join(block.definitions)) for block in (old, new)]
    report.add(effect, "order-changed", f"{new.path}.order", texts[0], texts[1], why=why, spans=(old.head, new.head))


def _one_side(report: Report, place: str, role: str, item: Definition, gone: int, blocks: tuple[Block, Block]) -> None:
    row = table.ROLES.get(role)
    effect = table.UNKNOWN if row is None else row[gone]
    text, why = words.written(item.value.span), ""
    if role == "logged" and not gone and item.value.taint == NONE:
        effect = "additive"
    elif role == "logged" and not gone:
        why = f"more is written down: it tells {TAINTS[item.value.taint]}"
    elif role == "feature" and "audit" in item.attrs:
        effect = "behaviour" if gone else "additive"
    elif role == "feature" and not gone:
        why = "the model reads one more column"
    report.add(
        effect, ("definition-added", "definition-removed")[gone], place, text if gone else "", "" if gone else text, why=why,
        security=(role in table.SECURITY_ROLES and effect == "loosening"),
        spans=(item.span, blocks[1].head) if gone else (blocks[0].head, item.span),
    )  # fmt: skip


def _expression(report: Report, place: str, role: str, before: Definition, after: Definition, candidates: list[str]) -> None:
    old, new = before.value, after.value
    spans = (before.span, after.span)
    if "unknown" in (old.type.name, new.type.name):
        if _body(before) != _body(after):
            _unknown(report, place, role, before, after)
        return
    if plain(old, report.names) == plain(new):
        return
    if table.ROLES.get(role, ("", "", ""))[2] == table.CONDITION:
        _condition(report, place, role, before, after, candidates)
        return
    security, effect, rule, why = False, "behaviour", "definition-changed", ""
    if role == "derived" and ("label" in before.attrs or "label" in after.attrs):
        effect, why = "breaking", "the label is another one"
    elif role == "logged":
        effect, rule, why = _logged(report, old, new)
        security = effect == "loosening"
    elif role not in table.ROLES:
        effect, why = table.UNKNOWN, UNSURE
    texts = _texts(old, new)
    report.add(effect, rule, place, *texts, why=why, security=security, incomparable=role == "derived", spans=spans)


def _body(item: Item) -> str:
    """A definition's expression with its attributes, from its text: of a wrong one nothing else is known."""
    return words.written(item.span).partition(":=")[2].strip()


def _logged(report: Report, old: Typed, new: Typed) -> tuple[str, str, str]:
    """(effect, rule, why) of another expression for what is written down: does more of a person show?"""
    gone = _masks(old) - _masks(new)
    told = f"what is written down tells {TAINTS[old.taint]} → {TAINTS[new.taint]} of a person"
    if new.taint > NONE and gone:
        why = f"`{', '.join(sorted(gone))}` is gone: what is written down tells {TAINTS[new.taint]} of a person"
        return "loosening", "mask-dropped", why
    if new.taint > old.taint:
        return "loosening", "mask-dropped", told
    if new.taint < old.taint:
        return "tightening", "definition-changed", told
    if _mask_calls(report.names.form(old)) - _mask_calls(new.form):
        return table.UNKNOWN, "mask-dropped", "a mask is another one: mlspec cannot tell whether more shows through it"
    return "behaviour", "definition-changed", ""


MASKS = frozenset({"hmac", "redact", "bucket"})
"""Functions after which a value tells less of a person."""


def _masks(value: Typed) -> set[str]:
    return {name for name, _ in value.calls} & MASKS


def _mask_calls(form: Any) -> set[str]:
    """Every call of a mask in an expression, with its arguments."""
    if not isinstance(form, list | tuple):
        return set()
    own = {repr(form)} if len(form) > 1 and form[0] == "call" and form[1] in MASKS else set()
    return own.union(
        *(_mask_calls(part) for part in form), *(_mask_calls(list(part.values())) for part in form if isinstance(part, dict))
    )


def _texts(old: Typed, new: Typed) -> tuple[str, str]:
    one, other = words.written(old.span), words.written(new.span)
    return (one, other) if one != other else ((words.of_form(old.form)), (words.of_form(new.form)))


def _unknown(report: Report, place: str, role: str, before: Item, after: Definition) -> None:
    assert isinstance(before, Definition)
    old, new = _body(before), _body(after)
    report.add(
        table.UNKNOWN, "not-compared", place, *words.apart(old, new), why=NOT_READ, security=role in table.SECURITY_ROLES,
        spans=(before.span, after.span),
    )  # fmt: skip


def _condition(report: Report, place: str, role: str, before: Definition, after: Definition, candidates: list[str]) -> None:
    old = conditions.of_candidate(report.names.form(before.value), report.names.blocks.get(candidates[0], candidates[0]))
    new = conditions.of_candidate(after.value.form, candidates[1])
    verdict: Verdict = conditions.compare_conditions(old, new)
    if verdict == 0:
        return  # the same in other words, or another candidate, which is told where it stands
    why = conditions.why(old, new) or (UNSURE if verdict is None else "")
    texts = _texts(before.value, after.value)
    if texts[0] == texts[1] or words.written(before.value.span) == words.written(after.value.span):
        texts = words.of_form(old), words.of_form(new)
    one, other = conditions.threshold(old), conditions.threshold(new)
    if one is not None and other is not None and one[0] == other[0] and one[1] != other[1]:
        texts = _thresholds(before.value, after.value, words.of_form(one[1]), words.of_form(other[1]))
    report.add(
        effect_of(verdict), "condition-changed", place, *texts, why=why, security=role in table.SECURITY_ROLES,
        incomparable=not conditions.same_metrics(old, new), spans=(before.span, after.span),
    )  # fmt: skip


def _thresholds(old: Typed, new: Typed, one: str, other: str) -> tuple[str, str]:
    """The two constants as they were written, where the rest of the texts is the same."""
    found = words.apart(words.written(old.span), words.written(new.span))
    return found if all(found) and " " not in "".join(found) else (one, other)


def compare_parts(report: Report, old: Block, new: Block, key: str) -> None:
    """The parts of two splits; parts that go by time on one side and by chance on the other are one change."""
    paired = pair_items(old.parts, new.parts, key, report.names)
    kinds = [_kind_of(block) for block in (old, new)]
    if kinds[0] != kinds[1] and all(kinds):
        _kind(report, old, new, kinds)
    elif plain(old.fields.get("on"), report.names) != plain(new.fields.get("on")):
        texts = words.both(old.fields.get("on"), new.fields.get("on"), "column")
        report.add("behaviour", "field-changed", f"{new.path}.on", *texts, incomparable=True,
                   spans=(old.span_of("on"), new.span_of("on")))  # fmt: skip
    for before, after in paired.pairs:
        renamed(report, f"{new.path}.{after.name}", before, after)
        if kinds[0] == kinds[1] and (before.share, plain(before.interval)) != (after.share, plain(after.interval)):
            _part(report, f"{new.path}.{after.name}", before, after)
    for part in paired.gone:
        if report.written(new, part.name):
            not_compared(report, f"{new.path}.{part.name}", part)
        else:
            report.add("breaking", "definition-removed", f"{new.path}.{part.name}", _rows(part), incomparable=True,
                       spans=(part.span, new.head))  # fmt: skip
    for part in paired.come:
        report.add("additive", "definition-added", f"{new.path}.{part.name}", "", _rows(part), spans=(old.head, part.span))


def _kind_of(block: Block) -> str:
    if not block.parts:
        return ""
    return "by time" if any(part.interval is not None for part in block.parts.values()) else "by chance"


def _kind(report: Report, old: Block, new: Block, kinds: list[str]) -> None:
    """Chance mixes what came before with what came after; a split by time is the stricter one."""
    why = {
        "by chance": "rows of one time now stand in every part: a model may learn from what came after the rows it is judged on",
        "by time": "a model is judged on rows that came after those it learned from",
    }[kinds[1]]
    effect = "loosening" if kinds[1] == "by chance" else "tightening"
    report.add(effect, "split-kind", new.path, *kinds, why=why, security=effect == "loosening", incomparable=True,
               spans=(old.head, new.head))  # fmt: skip


def _rows(part: Part) -> str:
    return words.written(part.span).partition(":=")[2].partition("@")[0].strip()


def _part(report: Report, place: str, before: Part, after: Part) -> None:
    old, new = _rows(before), _rows(after)
    if old == new:
        old, new = (words.of_item(part.interval or part.share, "ratio") for part in (before, after))
    report.add("behaviour", "part-changed", place, old, new, incomparable=True, spans=(before.span, after.span))


def weaker(old: Part, new: Part) -> Verdict:
    """+1 when the new part of the same split has fewer rows: less evidence for every gate."""
    if old.share is not None and new.share is not None:
        return larger(new.share, old.share)
    if old.interval is not None and new.interval is not None:
        return both((larger(old.interval.low, new.interval.low), larger(new.interval.high, old.interval.high)))
    return None
