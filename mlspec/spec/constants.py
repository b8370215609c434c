"""Fields that take a constant: literals, params and arithmetic on them, with their bounds."""

from __future__ import annotations

from typing import Any

from mlspec.diagnostics import Edit
from mlspec.spec import aliases, kinds
from mlspec.spec.expressions.arguments import fits
from mlspec.spec.expressions.context import Context
from mlspec.spec.expressions.literals import value_of
from mlspec.spec.expressions.operators import mismatch, named, outside, points_wanted, short, unit_mismatch
from mlspec.spec.expressions.typing import bounds_of, constant
from mlspec.spec.findings import nearest
from mlspec.spec.kinds import NUMBERS, STRINGS, TEMPORAL, Type
from mlspec.spec.values import Typed
from mlspec.syntax.nodes import Chain, Expr, Literal, Ref

INVALID: Any = object()

_SIMPLE = ("string", "text", "int", "float", "bool", "duration", "bytes", "ratio", "points", "rate", "date", "timestamp")
_MEASURED = NUMBERS | {"duration", "bytes", "rate", "points"}
_EXAMPLES = {
    "string": "a string",
    "text": "a text",
    "float": "a number",
    "duration": "a duration, `90d` or `250ms`",
    "bytes": "a size, `64MiB`",
    "ratio": "a ratio, `5%`",
    "points": "points, `2pp`",
    "rate": "a rate, `50rps`",
    "date": "a date, `2026-03-31`",
    "timestamp": "an instant in UTC, `2026-03-31T00:00:00Z`",
}


def wanted(form: Any) -> str:
    """What a constant form takes, in words."""
    head = form if isinstance(form, str) else form[0]
    text = _EXAMPLES.get(head) or named(Type(head))
    if isinstance(form, str) or len(form) < 3:
        return text
    low, high = form[1], form[2]
    if head == "ratio" and low is not None and high is not None:
        return f"{text}, from {low * 100:g}% to {high * 100:.6g}%"
    if low is not None and high is not None:
        return f"{text} from {low:,} to {high:,}"
    return f"{text} of at least {low:,}" if low is not None else f"{text} of at most {high:,}"


def simple(form: Any, node: Expr, context: Context) -> Any:
    """A constant of one type, inside its bounds."""
    head = form if isinstance(form, str) else form[0]
    if _is_bare_text(head, node, context) or _is_other_word(form, node, context):
        return INVALID
    found = constant(node, context)
    if found is None:
        return INVALID
    if not fits(found.type, head) or found.type.optional:
        return misfit(found, head, context)
    value = value_of(found)
    if head == "float" and isinstance(value, int):
        value = float(value)
    return _bounded(form, value, found, context) if not isinstance(form, str) else value


def _is_bare_text(head: str, node: Expr, context: Context) -> bool:
    """Reports text without its quotes, `owner = team-a`."""
    if head not in ("string", "text") or isinstance(node, Literal) or not _unknown_names(node, context):
        return False
    fix = f'"{short(node.span)}"'
    edits = [Edit(node.span, fix)] if node.span.text == fix[1:-1] else []
    context.findings.add(
        "MLS201", node.span, edits=edits, what=context.where, got=f"`{short(node.span)}`", wanted="text in double quotes",
        hint=f"write `{fix}`",
    )  # fmt: skip
    return True


def _unknown_names(node: Expr, context: Context) -> list[Ref]:
    """The names in an expression of names and operators that nothing in the file declares."""
    scope = context.scope
    refs = [node] if isinstance(node, Ref) else []
    if isinstance(node, Chain):
        refs = [part for part in (node.first, *(right for _, right in node.rest)) if isinstance(part, Ref)]
    return [
        ref
        for ref in refs
        if not {ref.parts[0].text.partition(".")[0]}
        & {*scope.declared, *scope.imports, *scope.broken, *scope.spec.blocks, *context.local}
    ]


def _is_other_word(form: Any, node: Expr, context: Context) -> bool:
    """Reports a word where a constant is due, `every = hourly`, unless it is near the name of a `param`."""
    if not isinstance(node, Ref) or not _unknown_names(node, context):
        return False
    params = [block.name for block in context.scope.spec.of_kind("param")]
    if nearest(node.text, params):
        return False
    ours = aliases.word(node.text)
    likely = aliases.period(node.text) if form == "duration" or form[0] == "duration" else ours if ours != "null" else ""
    context.findings.add(
        "MLS201", node.span, what=context.where, got=f"the word `{short(node.span)}`", wanted=wanted(form),
        hint=f"write `{likely}`" if likely else "leave the field out for its default" if ours == "null" else "",
        edits=[Edit(node.span, likely)] if likely else [],
    )  # fmt: skip
    return True


def misfit(found: Typed, head: str, context: Context) -> Any:
    """Report a constant of the wrong type: 203 and 202 for units, else 201."""
    name = found.type.name
    if head == "points" and name in ("ratio", "float", "int"):
        points_wanted(found, context)
    elif name in _MEASURED and head in _MEASURED and not (head == "int" and name == "float"):
        unit_mismatch(found, Type(head), context)
    else:
        mismatch(found, wanted(head), context)
    return INVALID


def _bounded(form: Any, value: Any, found: Typed, context: Context) -> Any:
    low, high = form[1], form[2]
    if (low is not None and value < low) or (high is not None and value > high):
        share = as_percent(form[0], value, found)
        context.findings.add(
            "MLS209", found.span, edits=[Edit(found.span, share, guess=True)] if share else [], what=context.where,
            got=f"`{short(found.span)}`", wanted=wanted(form), hint=f"write `{share}`" if share else "",
        )  # fmt: skip
        return INVALID
    return value


def as_percent(kind: str, value: Any, found: Typed) -> str:
    """`70%` where a bare 70 stands for a share."""
    plain = found.form[0] == "lit" and found.type.name in ("int", "float") and short(found.span) == found.span.text
    return f"{found.span.text}%" if kind == "ratio" and plain and 1 < value <= 100 else ""


def any_constant(form: Any, node: Expr, context: Context) -> Any:
    """A constant of any type."""
    found = constant(node, context)
    if found is None:
        return INVALID
    if found.type.name == "range":
        return bounds_of(found)
    return value_of(found)


def tagged(form: Any, node: Expr, context: Context) -> Any:
    """`sql\"\"\"…\"\"\"`: its text; a plain one-line string will do."""
    if isinstance(node, Literal) and node.kind in ("text", "string") and node.unit in ("", form[1]):
        return node.value
    got = f"a {node.unit} text" if isinstance(node, Literal) and node.unit else f"`{short(node.span)}`"
    context.findings.add("MLS201", node.span, what=context.where, got=got, wanted=f'a {form[1]} text: `{form[1]}"""…"""`')
    return INVALID


def of_type(kind: Type, node: Expr, context: Context) -> Typed | None:
    """A constant of a declared type (a param's default, a `-p` value), typed as declared."""
    if kind.name == "redaction" or (kind.name == "list" and kind.item is not None and kind.item.name == "redaction"):
        return _redactions(kind, node, context)
    found = constant(node, context)
    if found is None:
        return None
    if found.type.name == "null" and kind.optional:
        return found
    if kind.name == "list":
        item = found.type.item
        if found.type.name != "list" or (item is not None and item.name != "null" and not fits(item, kind.item.name)):  # type: ignore[union-attr]
            mismatch(found, f"a {kind}", context)
            return None
    elif kind.name == "category" and found.type.name == "string":
        if kind.values and found.form[1] not in kind.values:
            outside(found, kind, context)
            return None
    elif not fits(found.type, kind.name):
        misfit(found, kind.name, context)
        return None
    form = ["lit", found.form[1], kind.name] if found.form[0] == "lit" else found.form
    return Typed(form, kind.required(), kinds.CONST, kinds.NONE, found.span, found.refs)


def _redactions(kind: Type, node: Expr, context: Context) -> Typed | None:
    from mlspec.spec.expressions.arguments import REDACTIONS
    from mlspec.syntax.nodes import ListExpr, Ref

    items = node.items if isinstance(node, ListExpr) and kind.name == "list" else (node,)
    for item in items:
        if not isinstance(item, Ref) or item.text not in REDACTIONS:
            context.findings.unknown("MLS101", item.span, short(item.span), REDACTIONS, kind="redaction")
            return None
    forms = [["lit", item.span.text, "string"] for item in items]
    form = ["list", forms] if kind.name == "list" else forms[0]
    return Typed(form, kind, kinds.CONST, kinds.NONE, node.span)


def comparable_bound(value: Typed, column: Type) -> bool:
    """Whether a bound of `@range` has the type of its column."""
    name = column.name
    if name in NUMBERS:
        return value.type.name in NUMBERS
    if name in TEMPORAL:
        return value.type.name in TEMPORAL
    return value.type.name == name


CONVERTERS = dict.fromkeys(_SIMPLE, simple) | {"const": any_constant, "tag": tagged}

__all__ = ["CONVERTERS", "INVALID", "STRINGS", "any_constant", "comparable_bound", "misfit", "of_type", "simple", "wanted"]
