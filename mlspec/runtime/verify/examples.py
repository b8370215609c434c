"""Rows that show why a check failed: the null ones, the repeated ones, those that do not meet the condition, the extremes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlspec.runtime import query, table
from mlspec.runtime.extract.violations import EXAMPLES, is_masked
from mlspec.runtime.prepare import sql
from mlspec.runtime.query import Sql, call, name
from mlspec.runtime.verify.aggregates import _is_aggregate
from mlspec.runtime.verify.partners import missing, some_missing
from mlspec.runtime.wording import text_of

if TYPE_CHECKING:
    import duckdb

Columns = Sequence[Mapping[str, Any]]


def failing_rows(
    connection: duckdb.DuckDBPyConnection, form: Any, config: Mapping[str, Any], where: str
) -> tuple[int, list[str]]:
    """How many rows speak against the check, and a few of them; none where the check is about all rows at once."""
    count = 0
    shown: list[str] = []
    for aggregate in _aggregates(form):
        masked = _masked(aggregate, config["columns"])
        if aggregate[1] == "references":
            hidden = masked or is_masked(config["partners"][aggregate[2][1][1]])
            count += missing(connection, aggregate, where)
            shown += _without_partner(connection, aggregate, hidden, where)
            continue
        condition = _against(aggregate)
        if condition is None:
            continue
        inner = sql.compile_query({"value": aggregate[2][0]}, "rows", where)
        marked = query.select(
            {"row": name(table.ROW), "value": query.cast(name("value"), "VARCHAR"), "against": condition}, inner
        )
        found = connection.execute(query.render(query.select({"n": call("count_if", name("against"))}, marked))).fetchone()
        count += int(found[0]) if found else 0
        rows = query.select({"row": name("row"), "value": name("value")}, marked, where=name("against"))
        for row, value in connection.execute(query.render(rows.limit(EXAMPLES, copy=False))).fetchall():
            label = text_of(aggregate[2][0])
            shown.append(f"row {row}: {label} is {'null' if value is None else '(masked)' if masked else value}")
    return count, shown[:EXAMPLES]


def _without_partner(connection: duckdb.DuckDBPyConnection, reference: Any, hidden: bool, where: str) -> list[str]:
    """Some rows whose value the other column lacks; a value is hidden where either column's are."""
    label, other = text_of(reference[2][0]), reference[2][1][1]
    rows = some_missing(connection, reference, where, EXAMPLES)
    return [f"row {row}: {label} is {'(masked)' if hidden else value}, which `{other}` lacks" for row, value in rows]


def _aggregates(form: Any) -> list[Any]:
    if not isinstance(form, list) or not form or form[0] != "call":
        return []
    if form[1] == "references" or _is_aggregate(form[1], form[2]):
        return [form]
    return [found for item in form[2] for found in _aggregates(item)]


def _against(aggregate: Any) -> Sql | None:
    """The condition on the aggregate's input that marks a row as one to show."""
    value = name("value")
    if aggregate[1] == "null_rate":
        return query.is_null(value)
    if aggregate[1] == "share":
        return query.negate(value)
    if aggregate[1] == "unique" and len(aggregate[2]) == 1:
        return query.both(query.not_null(value), query.binary(">", query.window(call("count_star"), by=[value]), 1))
    if aggregate[1] in ("min", "max"):
        return query.binary("==", value, query.window(call(aggregate[1], value)))
    return None


def _masked(aggregate: Any, columns: Columns) -> bool:
    text = repr(aggregate)
    return any(is_masked(column) and f"['col', {str(column['name'])!r}," in text for column in columns)
