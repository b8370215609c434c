"""What a name in an expression means: local names first, then the file, then what the schema brings."""

from __future__ import annotations

import re

from mlspec import catalogue
from mlspec.diagnostics import Edit, Note
from mlspec.source import Span
from mlspec.spec import aliases
from mlspec.spec.expressions.context import Ambient, Context, Operand, unknown
from mlspec.spec.expressions.tested import TESTED, tested_block, tested_member, tested_names
from mlspec.spec.kinds import CONST, LIVE, NONE, ROW, Type
from mlspec.spec.model import Block, Column
from mlspec.spec.scope import MODELS
from mlspec.spec.values import Reference, Typed
from mlspec.syntax.nodes import Name, Ref

_UNKNOWN = "unknown"


def resolve(node: Ref, context: Context) -> Operand:
    """The operand that a name or dotted name stands for; what is unknown is reported."""
    whole = context.scope.whole(node)
    if len(whole.parts) == 1:
        return _single(whole.parts[0], context)
    return _dotted(whole, context)


def missing(span: Span) -> Reference:
    """Stands for a name whose fault is reported."""
    return Reference(_UNKNOWN, "", None, span)


def describe(found: Operand) -> str:
    """An operand's kind as messages name it."""
    if isinstance(found, Ambient):
        return {"model": "live traffic", "trial": "trial of this search", "features": "features"}.get(found.kind, found.kind)
    if isinstance(found, Typed):
        return "value"
    return {"features": "block of features", "gates": "block of gates", "search": "search (its model is `.best`)"}.get(
        found.kind, found.kind
    )


def _single(name: Name, context: Context) -> Operand:
    local = context.local.get(name.text)
    if local is not None:
        return _at(local, name.span, context)
    block = context.scope.get(name.text)
    if block is None:
        if context.rows is not None and name.text in context.rows.columns and context.role != "check":
            return _bare_column(name, context)
        if _is_foreign(name, context) or _is_later(name, context):
            return missing(name.span)
        known = [*context.local, *context.scope.names()]
        context.scope.missing(name, "name", known, _other_word(name.text, "trial" if "trial" in context.local else "candidate"))
        return missing(name.span)
    return of_block(block, name.span, context)


_EVENTS = frozenset(("s", "sec", "second", "seconds"))
_A_MINUTE = frozenset(("min", "minute", "minutes"))
_PER = re.compile(r"([0-9]+(?:\.[0-9]+)?)[ \t]*/[ \t]*$")


def _is_foreign(name: Name, context: Context) -> bool:
    """Reports an unknown name that shows another spelling: a rate as `50/s`."""
    source = name.span.source
    head = source.text[source.text.rfind("\n", 0, name.span.start) + 1 : name.span.start]
    start = name.span.start - len(head)
    rate = _PER.search(head)
    unit = "rps" if name.text in _EVENTS else "rpm" if name.text in _A_MINUTE else ""
    if rate and unit:
        span = Span(source, start + rate.start(), name.span.end)
        context.findings.add("MLS011", span, unit=f"/{name.text}", wanted="a rate with its unit behind the number", got=f"`{span.text}`",
                             nearest=f"{rate[1]}{unit}")  # fmt: skip
        return True
    return False


def _is_later(name: Name, context: Context) -> bool:
    """Reports a name that its own block defines on this line or below it (103)."""
    named = context.role not in ("logged", "part")  # those are keys of a record, and names of parts
    later = context.block.later.get(name.text) if context.block is not None and named else None
    if later is None:
        return False
    if later.position[0] == name.span.position[0]:
        context.findings.add("MLS101", name.span, name=name.text, kind="name", known="what is defined above this line",
                             hint=f"`{name.text}` cannot be defined by itself")  # fmt: skip
        return True
    context.findings.add("MLS103", name.span, [Note("defined here", later)], name=name.text, kind="the definition of")
    return True


def _other_word(name: str, model: str) -> str:
    """The way out where a name is that of a metric or function, or a literal of another language."""
    literal = aliases.word(name)
    if literal:
        return f"write `{literal}`"
    if catalogue.metric(name) is not None:
        return f"`{name}` is a metric of a model: `{name}({model})`"
    return f"`{name}` is a function: `{name}(…)`" if catalogue.functions(name) else ""


def _bare_column(name: Name, context: Context) -> Operand:
    """A column without its source: reported, with the full name as the way out."""
    assert context.rows is not None
    full = f"{context.rows.name}.{name.text}"
    hint = f"outside its source a column is named with it: `{full}`"
    nameable = context.scope.nameable(context.rows)
    if not nameable:
        hint = "its source stands in a file that this one does not import itself: `use` that file to name its columns"
    context.findings.add(
        "MLS101", name.span, edits=[Edit(name.span, full)] if nameable else [], name=name.text, kind="name",
        known=f"`{full}`", hint=hint,
    )  # fmt: skip
    return missing(name.span)


def _at(found: Operand, span: Span, context: Context) -> Operand:
    """An operand met again at another place."""
    if isinstance(found, Reference):
        return Reference(found.kind, found.block, found.member, span)
    if isinstance(found, Typed):
        return _moved(found, span, (), context)
    return found


def _moved(value: Typed, span: Span, first: tuple[Reference, ...], context: Context) -> Operand:
    """A definition put where its name stands."""
    if not context.expand(value, span):
        return missing(span)
    refs = (*first, *(Reference(ref.kind, ref.block, ref.member, span) for ref in value.refs))
    return Typed(value.form, value.type, value.level, value.taint, span, refs, value.calls, value.size)


def of_block(block: Block, span: Span, context: Context) -> Operand:
    """The operand that the name of a block stands for."""
    if block.kind == "param":
        return _param(block, span)
    verdict = tested_block(block, span) if context.role == "expectation" else None
    if verdict is not None:
        return verdict
    return Reference(block.kind, block.name, None, span)


def _param(block: Block, span: Span) -> Operand:
    value = block.fields.get("default")
    ref = Reference("param", block.name, None, span)
    if value is None or not isinstance(value.item, Typed):
        return unknown(span, (ref,))
    typed = value.item
    return Typed(typed.form, typed.type, CONST, NONE, span, (ref,), ())


def of_column(column: Column, span: Span, plain: bool) -> Typed:
    """A column as a typed expression; a column of a joined source is spelled with its source."""
    kind = column.type
    if column.range is not None:
        settings = (*kind.settings, ("range", (column.range.low, column.range.high)))
        kind = Type(
            kind.name, kind.optional, values=kind.values, precision=kind.precision, scale=kind.scale, entity=kind.entity,
            item=kind.item, members=kind.members, settings=settings,
        )  # fmt: skip
    name = column.name if plain else f"{column.source}.{column.name}"
    ref = Reference("column", column.source, column.name, span)
    return Typed(["col", name, column.type.code], kind, ROW, column.taint, span, (ref,))


def _dotted(node: Ref, context: Context) -> Operand:
    head, member = node.parts[0], node.parts[1]
    scope = context.scope
    whole = context.local.get(node.text)
    if whole is not None:
        return _at(whole, node.span, context)
    local = context.local.get(head.text)
    if isinstance(local, Ambient):
        return Ambient(f"{head.text}.{member.text}", local.kind)
    block = scope.get(head.text)
    if block is None:
        if context.block is not None and context.block.name == head.text and context.role == "check":
            hint = f"inside its own source a column is bare: `{member.text}`"
            edits = [Edit(node.span, member.text)]
            context.findings.add(
                "MLS101", node.span, edits=edits, kind="name", name=node.text, known=f"`{member.text}`", hint=hint
            )
            return missing(node.span)
        scope.missing(head, "name", [*context.local, *scope.names()])
        return missing(node.span)
    if len(node.parts) > 2:
        context.findings.unknown(
            "MLS101", node.parts[2].span, node.parts[2].text, (), kind="name", hint="names have two parts at most"
        )
        return missing(node.span)
    return of_member(block, member, node.span, context)


def of_member(block: Block, member: Name, span: Span, context: Context) -> Operand:
    """`source.column`, `features.feature`, `frame.at`, `split.part`, `search.best`, `ab.arm`."""
    name = member.text
    if context.role == "expectation" and block.kind in TESTED:
        return tested_member(block, name, span) or _no_member(block, member, span, context)
    if block.kind == "source" and name in block.columns:
        spine = context.rows is None or context.rows.name == block.name
        return of_column(block.columns[name], span, spine)
    if block.kind in ("features", "frame") and name in block.definitions:
        return _definition(block, name, span, context)
    if block.kind == "frame" and name == "at":
        return _instant(block, span, context)
    if block.kind == "split" and name in block.parts:
        return Reference("part", block.name, name, span)
    if block.kind == "search" and name == "best":
        return Reference("search", block.name, "best", span)
    return _no_member(block, member, span, context)


def _definition(block: Block, name: str, span: Span, context: Context) -> Operand:
    value = block.definitions[name].value
    kind = "feature" if block.kind == "features" else "derived"
    return _moved(value, span, (Reference(kind, block.name, name, span),), context)


def _instant(block: Block, span: Span, context: Context) -> Operand:
    at = block.ref("at")
    column = None if at is None else context.scope.spec.column(at.block, at.member or "")
    if column is None:
        context.findings.add(
            "MLS106", span, kind="frame", block=block.name, name="at", wanted="the time of a prediction", fix="at = …"
        )
        return missing(span)
    return of_column(column, span, True)


def members(block: Block) -> list[str]:
    """The names that may follow the dot after a block's name."""
    found = [*block.columns, *block.parts]
    if block.kind in ("features", "frame"):
        found += [*block.definitions, *(["at"] if block.kind == "frame" else [])]
    return [*found, "best"] if block.kind == "search" else found


def _no_member(block: Block, member: Name, span: Span, context: Context) -> Operand:
    known = tested_names(block) if context.role == "expectation" and block.kind in TESTED else members(block)
    if block.name in context.scope.broken:
        context.findings.hidden.append(span)
    else:
        noun = {"source": "column", "split": "part", "features": "feature"}.get(block.kind, "name")
        hint = "" if known else f"{block.kind} `{block.name}` has no named members"
        context.findings.unknown("MLS101", member.span, member.text, known, kind=noun, hint=hint)
    return missing(span)


def live(name: str, kind: Type) -> Typed:
    """A value of a request at serving, `["live", name, type]`: set to its span when it is met."""
    from mlspec.source import SourceFile

    nowhere = Span(SourceFile("", ""), 0, 0)
    return Typed(["live", name, kind.name], kind, LIVE, NONE, nowhere)


__all__ = ["MODELS", "describe", "live", "members", "missing", "of_block", "of_column", "of_member", "resolve"]
