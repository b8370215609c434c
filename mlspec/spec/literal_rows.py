"""What a test supposes: `[row(a: 1), rows(30_000, a: 2)]` of a source, and the numbers that gates or alerts compare.

Each row is a `Made` named `row` or `rows`, its arguments typed constants by column; of `rows` the argument `*` is the count.
"""

from __future__ import annotations

from typing import Any

from mlspec.spec import kinds
from mlspec.spec.constants import INVALID, of_type, simple
from mlspec.spec.expressions.context import Context
from mlspec.spec.expressions.operators import short
from mlspec.spec.expressions.typing import constant
from mlspec.spec.findings import listing
from mlspec.spec.kinds import Type
from mlspec.spec.measured import JUDGED, numbers_of
from mlspec.spec.model import Block
from mlspec.spec.values import Made, Typed, Value
from mlspec.syntax.nodes import Arg, Call, Expr, ListExpr, Literal

GROUP = "test_row"
COUNT = "*"  # the argument of `rows` that says how many; no column has this name
MAX_ROWS = 1_000_000
_ROW = "`row(column: value, …)`"


def literal_rows(node: Expr, context: Context) -> Any:
    """The rows of a `given` or `fit`, checked against the columns or definitions of the block that it names."""
    target = context.rows
    if target is None or target.kind not in ("source", *JUDGED) or (target.kind != "source" and context.block.kind == "fit"):  # type: ignore[union-attr]
        return INVALID  # the name is no block that rows can be given to, which is reported
    if not isinstance(node, ListExpr):
        hint = f"write `[{short(node.span)}]`" if isinstance(node, Call) else ""
        context.findings.add("MLS201", node.span, what=f"the rows of `{target.name}`", got=f"`{short(node.span)}`",
                             wanted="a list of `row(…)`", hint=hint)  # fmt: skip
        return INVALID
    found = [_row(item, target, context) for item in node.items]
    if target.kind in JUDGED and len(node.items) != 1:
        context.findings.add(
            "MLS201", node.span, what=f"what `{target.name}` compares", got=f"{len(node.items)} rows", wanted="one `row(…)`",
            hint="another case is another test",
        )  # fmt: skip
        return INVALID
    whole = sum(int(row.get(COUNT) or 1) for row in found if row is not None)
    if whole > MAX_ROWS:
        context.findings.add("MLS006", node.span, what=f"too many rows of `{target.name}` in a test", limit=f"{MAX_ROWS:,}",
                             got=f"{whole:,}")  # fmt: skip
        return INVALID
    return tuple(row for row in found if row is not None)


def _row(node: Expr, target: Block, context: Context) -> Made | None:
    """One `row(…)` or `rows(COUNT, …)`."""
    several = isinstance(node, Call) and node.callee.text == "rows" and target.kind not in JUDGED
    if not isinstance(node, Call) or (node.callee.text != "row" and not several):
        context.findings.add(
            "MLS201", node.span, what="an item of the list", got=f"`{short(node.span)}`",
            wanted=_ROW if target.kind in JUDGED else f"{_ROW}, or `rows(COUNT, column: value, …)`",
        )  # fmt: skip
        return None
    values: dict[str, Value] = {}
    given = list(node.args)
    if several:
        if not given or given[0].name is not None:
            context.findings.add("MLS106", node.callee.span, kind="the call", block="rows(…)", name="count",
                                 wanted="how many equal rows, before their values", fix="rows(100, …)")  # fmt: skip
            return None
        count = _count(given.pop(0), context)
        if count is None:
            return None
        values[COUNT] = count
    for arg in given:
        found = _value(arg, target, values, context)
        if found is not None and arg.name is not None:
            values[arg.name.text] = found
    return Made(node.callee.text, GROUP, values, node.span)


def _count(arg: Arg, context: Context) -> Value | None:
    item = simple(("int", 1, MAX_ROWS), arg.value, context.at("the count of `rows`"))
    return None if item is INVALID else Value(item, arg.span)


def _value(arg: Arg, target: Block, seen: dict[str, Value], context: Context) -> Value | None:
    """The value of one column or definition."""
    known = target.definitions if target.kind in JUDGED else target.columns
    name = arg.name.text if arg.name is not None else ""
    if name not in known:
        noun = {"gates": "gate", "monitor": "alert"}.get(target.kind, "column")
        place = arg.name.span if arg.name is not None else arg.span
        if not name:
            context.findings.add("MLS101", place, name=short(arg.span), kind=f"{noun} of `{target.name}`:", known=listing(list(known)),
                                 hint=f"a value stands behind its name: `{next(iter(known), noun)}: …`")  # fmt: skip
        elif target.name not in context.scope.broken:
            context.findings.unknown("MLS101", place, name, list(known), kind=f"{noun} of `{target.name}`")
        return None
    if name in seen:
        context.findings.add("MLS102", arg.span, kind="argument", name=name)
        return None
    item: Typed | tuple[Typed, ...] | None
    if target.kind in JUDGED:
        item = _numbers(arg.value, target, name, context)
    else:
        item = _of_column(target.columns[name].type, arg.value, context.at(f"`{name}`"))
    return None if item is None else Value(item, arg.value.span)


def _of_column(kind: Type, node: Expr, context: Context) -> Typed | None:
    """A value as the data may hold it: null and a word outside a category are faults of the data, and found by the test."""
    if isinstance(node, Literal) and node.kind == "null":
        return Typed(["lit", None, kind.name], kind.nullable(), kinds.CONST, kinds.NONE, node.span)
    if kind.name in ("text", "id") and isinstance(node, Literal) and node.kind == "string":
        kind = Type("string")
    elif kind.name in ("category", "decimal"):
        kind = Type("category" if kind.name == "category" else "float")
    return of_type(kind, node, context)


def _numbers(node: Expr, target: Block, name: str, context: Context) -> tuple[Typed, ...] | None:
    """The number that a definition compares; a list of them where it compares several."""
    wanted = numbers_of(target.definitions[name].value.form)
    items = node.items if isinstance(node, ListExpr) else (node,)
    if len(items) != len(wanted):
        context.findings.add(
            "MLS201", node.span, what=f"what `{name}` compares", got=f"{len(items)} numbers" if len(items) != 1 else "one number",
            wanted=f"a list of {len(wanted)} numbers, as it reads them" if len(wanted) != 1 else "one number",
        )  # fmt: skip
        return None
    found = [_number(item, kind, context.at(f"`{name}`")) for item, kind in zip(items, wanted, strict=True)]
    return None if any(item is None for item in found) else tuple(item for item in found if item is not None)


def _number(node: Expr, kind: str, context: Context) -> Typed | None:
    if kind:
        return of_type(Type(kind), node, context)
    found = constant(node, context)
    if found is not None and found.type.name not in kinds.NUMBERS | {"duration", "bytes", "rate", "points"}:
        context.findings.add("MLS201", node.span, what=context.where, got=f"`{short(node.span)}`", wanted="a number")
        return None
    return found
