"""Steps: an `extern step` makes a table of other tables, and a source is where its rows stand: `from = visits_by_person(visits)`.

The head names the columns that the code is given, `rows(person, cost)`; their types are those of the source that is given. What it
gives back is what the source declares that stands on it.
"""

from __future__ import annotations

from typing import Any

from mlspec.spec.constants import INVALID
from mlspec.spec.expressions.arguments import match
from mlspec.spec.expressions.context import Context
from mlspec.spec.expressions.operators import short
from mlspec.spec.extern_calls import extern_called
from mlspec.spec.kinds import UNKNOWN, Type
from mlspec.spec.model import Block
from mlspec.spec.references import find_block
from mlspec.spec.values import Made, Reference, Value
from mlspec.syntax.nodes import Call, Expr, Ref, TypeNode

ROWS = "rows"
GROUP = "step"
"""The group of the call that stands in `from`."""


def step_parameter(node: TypeNode, what: str, context: Context) -> Type | None:
    """`rows(person, cost)`: the columns that a step is given of a source."""
    names: list[str] = []
    for arg in node.args if node.name.text == ROWS and not node.optional else ():
        name = arg.value.text if isinstance(arg.value, Ref) and arg.name is None else ""
        if not name or "." in name:
            _no_rows(node, what, context)
            return None
        if name in names:
            context.findings.add("MLS102", arg.span, kind="column", name=name)
            return None
        names.append(name)
    if not names:
        _no_rows(node, what, context)
        return None
    return Type(ROWS, members=tuple((name, UNKNOWN) for name in names))


def step_result(node: TypeNode, context: Context) -> Type | None:
    """`-> rows`: its columns are those of the source that stands on the step."""
    if node.name.text == ROWS and not node.args and not node.optional:
        return Type(ROWS)
    context.findings.add("MLS201", node.span, what="the result of an extern step", got=f"`{short(node.span)}`", wanted="`rows`",
                         hint="its columns, with their types and tags, are those of the source that stands on it")  # fmt: skip
    return None


def _no_rows(node: TypeNode, what: str, context: Context) -> None:
    context.findings.add("MLS201", node.span, what=what, got=f"`{short(node.span)}`", wanted="`rows(COLUMN, …)`",
                         hint="a step is given tables: name the columns that it reads, `rows(person, cost)`")  # fmt: skip


def step_call(node: Call, context: Context) -> Any:
    """The `Made` of `from = step(visits)`; INVALID where it is none; None where no extern step is called."""
    extern = extern_called(node, "step", context)
    if not isinstance(extern, Block):
        return extern
    name = context.scope.whole(node.callee).text
    if context.block is None or context.block.kind != "source" or extern.get("role") != "step":
        if extern.get("role") is not None:
            context.scope.wrong(name, node.callee.span, f"extern {extern.get('role')}", "an extern step, in `from` of a source")
        return INVALID
    types: dict[str, Type] = dict(extern.get("parameters") or ())
    matched = match(f"extern `{name}`", tuple((one, "value", ...) for one in types), node, context) if types else None
    if matched is None:
        return INVALID
    tables: dict[str, Value] = {}
    for parameter, arg, _ in matched:
        table = _table(arg.value, types[parameter[0]], context)
        if table is None:
            return INVALID
        tables[parameter[0]] = Value(table, arg.value.span)
    called = Value(Reference("extern", name, None, node.callee.span), node.callee.span)
    return Made(GROUP, GROUP, {"": called, **{one: tables[one] for one in types}}, node.span)


def _table(node: Expr, wanted: Type, context: Context) -> Reference | None:
    """The source that is given; it has the columns that the step names."""
    source = find_block(node, ("source",), context.at("a table of the step"))
    if source is None:
        return None
    for column, _ in wanted.members:
        if column not in source.columns:
            if source.name in context.scope.broken:
                context.findings.hidden.append(node.span)
            else:
                context.findings.unknown("MLS101", node.span, column, tuple(source.columns), kind=f"column of `{source.name}`",
                                         hint="the extern's head names the columns that its code is given")  # fmt: skip
            return None
    return Reference("source", source.name, None, node.span)


def step_of(source: Block) -> Made | None:
    """The step that a source stands on, None where its rows are read."""
    made = source.make("from")
    return made if made is not None and made.group == GROUP else None


def extern_of(made: Made) -> str:
    """The name of the extern that a step calls."""
    return str(made.get("").block)


def tables_of(source: Block) -> dict[str, str]:
    """The sources that the step of a source is given, by parameter; nothing where its rows are read."""
    made = step_of(source)
    return {} if made is None else {name: value.item.block for name, value in made.args.items() if name}


def event_time(source: Block) -> str:
    """The column with the time of a row, "" where rows have none."""
    return next((column.name for column in source.columns.values() if "event_time" in column.attrs), "")
