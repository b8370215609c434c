"""What must hold inside a source beside its columns' own types: how its text is read, its times, and its checks over all rows."""

from __future__ import annotations

from typing import Any

from mlspec import catalogue
from mlspec.spec.expressions.context import Context
from mlspec.spec.expressions.operators import named, short
from mlspec.spec.kinds import TEMPORAL
from mlspec.spec.model import Block
from mlspec.spec.scope import Scope


def reads_text(block: Block, scope: Scope, context: Context) -> None:
    """A CSV delimiter is one character, and a sample holds some rows (209)."""
    made = block.make("from")
    delimiter = None if made is None or made.name != "csv" else made.args.get("delimiter")
    if delimiter is not None and isinstance(delimiter.item, str) and len(delimiter.item) != 1:
        got = f"{len(delimiter.item)} characters"
        scope.findings.add("MLS209", delimiter.span, what="`delimiter`", got=got, wanted="one character")
    if block.get("sample") == 0:
        scope.findings.add("MLS209", block.span_of("sample"), what="`sample`", got="no rows", wanted="more than 0%")


def event_times(block: Block, scope: Scope, context: Context) -> None:
    """`@event_time` stands on a date or timestamp (201)."""
    for column in block.columns.values():
        attribute = column.attrs.get("event_time")
        if attribute is not None and column.type.name not in TEMPORAL:
            scope.findings.add(
                "MLS201", attribute.span, what="`@event_time`", got=f"on {named(column.type)}", wanted="on a date or timestamp"
            )


def checks_all_rows(block: Block, scope: Scope, context: Context) -> None:
    """A check is over all rows: a condition on each row does not say of how many it must hold (201)."""
    for check in block.definitions.values():
        column = loose_column(check.value.form)
        if column:
            text = short(check.value.span)
            scope.findings.add(
                "MLS201", check.value.span, what=f"the check `{check.name}`", got=f"`{column}`, which has one value a row",
                wanted="a condition over all rows", hint=f"say of how many it must hold: `share({text}) >= 100%`",
            )  # fmt: skip


def checks_each_once(block: Block, scope: Scope, context: Context) -> None:
    """What is known of all rows at once has no value in each row: no aggregate stands inside another (201)."""
    for check in block.definitions.values():
        inner = _nested(check.value.form)
        if inner:
            span = next((span for name, span in check.value.calls if name == inner), check.span)
            scope.findings.add("MLS201", span, what=f"`{inner}(…)` in the check `{check.name}`", got="one value for all rows",
                               wanted="a value of each row", hint="say it outside: both as conditions, joined by `and`")  # fmt: skip


def _nested(form: Any) -> str:
    """The first aggregate that stands inside another, "" where none does."""
    pending = [(form, False)]
    while pending:
        node, inside = pending.pop()
        if isinstance(node, dict):
            pending.extend((part, inside) for part in node.values())
        elif isinstance(node, list | tuple) and node and node[0] != "lit":
            aggregate = node[0] == "call" and _is_aggregate(node)
            if aggregate and inside:
                return str(node[1])
            pending.extend((part, inside or aggregate) for part in node if isinstance(part, list | tuple | dict))
    return ""


def checks_own_rows(block: Block, scope: Scope, context: Context) -> None:
    """A check is over the rows of its own source; of another one `references` alone reads a column (104)."""
    for check in block.definitions.values():
        for path in foreign_columns(check.value.form)[1]:
            spans = [ref.span for ref in check.value.refs if ref.kind == "column" and f"{ref.block}.{ref.member}" == path]
            scope.findings.add("MLS104", next(filter(None, spans), check.span), name=path, got=f"a column of source `{path.rpartition('.')[0]}`",
                               wanted=f"a column of `{block.name}`, whose rows the check reads",
                               hint="a check reads another source by `references(column, other.column)` alone")  # fmt: skip


def foreign_columns(form: Any) -> tuple[list[str], list[str]]:
    """The columns of other sources, `source.column`, that a check reads: those in which `references` looks, and all others."""
    partners: dict[str, None] = {}
    others: dict[str, None] = {}
    pending = [form]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            pending.extend(node.values())
        elif not isinstance(node, list | tuple) or not node or node[0] == "lit":
            continue
        elif node[0] == "call" and node[1] == "references":
            partners[str(node[2][1][1])] = None
            pending.append(node[2][0])
        elif node[0] == "col" and "." in str(node[1]):
            others[str(node[1])] = None
        else:
            pending.extend(part for part in node if isinstance(part, list | tuple | dict))
    return list(partners), list(others)


def loose_column(form: Any) -> str:
    """A column that a check reads outside `share`, `mean` and the like, "" where there is none."""
    if isinstance(form, dict):
        return next((found for part in form.values() if (found := loose_column(part))), "")
    if not isinstance(form, list | tuple) or not form:
        return ""
    if form[0] == "col":
        return str(form[1])
    if form[0] == "lit" or (form[0] == "call" and _is_aggregate(form)):
        return ""
    return next((found for part in form if isinstance(part, list | tuple | dict) and (found := loose_column(part))), "")


def _is_aggregate(form: Any) -> bool:
    """Whether a call is over all rows; `min` and `max` of several values are not."""
    if not any(row.level == "check" for row in catalogue.functions(form[1])):
        return False
    return form[1] not in ("min", "max") or len(form[2]) == 1
