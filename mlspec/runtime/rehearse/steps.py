"""Rows of a test that a step makes of the rows given to other sources, by the very process of a run."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from mlspec.runtime import query
from mlspec.runtime.errors import StageError
from mlspec.runtime.extern.step import as_given
from mlspec.runtime.rehearse.given import Given

if TYPE_CHECKING:
    from mlspec.runtime.extern.pool import Externs
    from mlspec.runtime.rehearse.rows import Tables


def rows_made(
    tables: Tables, externs: Externs, source: Mapping[str, Any], given: Mapping[str, Given], *, learned: bool
) -> list[dict[str, Any]]:
    """The literal rows that a step makes; none of none, where nothing is given to learn from."""
    if learned and not any(one.learned for one in given.values()):
        return []
    step = source["step"]
    name = next(iter(step["externs"]))
    shown = {one: _shown(tables, given[one], spec["columns"], name, learned) for one, spec in step["tables"].items()}
    made = externs.table(name, shown, source["columns"])
    if not learned and not made.num_rows:
        raise StageError(
            "MLS826", f"extern `{name}` makes no row of the rows that are given", f"{name}.code", expected="a row that something can be expected of",
            found="an empty table", help="give rows of which it makes some",
        )  # fmt: skip
    return [{"times": 1, "values": {key: _literal(value) for key, value in row.items()}} for row in made.to_pylist()]


def _shown(tables: Tables, given: Given, columns: Any, step: str, learned: bool) -> Any:
    """The rows of one source as the code takes them."""
    view = given.each(True) if learned else given.view
    names = {str(column["name"]): query.name(str(column["name"])) for column in columns}
    rows: Any = tables.connection.sql(query.render(query.select(names, view))).to_arrow_table()
    for column in columns:
        if not column["optional"] and rows.column(str(column["name"])).null_count:
            raise StageError(
                "MLS804", f"a row of `{given.source}` has no `{column['name']}`, which the step `{step}` is given", f"{given.source}.{column['name']}",
                expected="a value in each row of the test", found="none", help=f"write `{column['name']}: …` into the row",
            )  # fmt: skip
    return as_given(rows, columns)


def _literal(value: Any) -> Any:
    """A value as a test spells it in JSON."""
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
