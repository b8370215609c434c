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
