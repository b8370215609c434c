"""The stage `explore`: statistics of one part, its target and its drift against the other parts; cells below `min_cell` withheld.

Only the part is described. Of the other parts nothing but the distance of each column's distribution to the part's is told.
"""

from __future__ import annotations

from typing import Any

from mlspec.runtime import files, query, table
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.profile.columns import describe
from mlspec.runtime.profile.correlation import correlation
from mlspec.runtime.profile.drift import drift
from mlspec.runtime.profile.sheet import Sheet
from mlspec.runtime.profile.target import target
from mlspec.runtime.query import name

DEFAULT_CELL = 20


def run(context: StageContext) -> None:
    """Write `statistics` and `report`."""
    config = context.config
    rows, parts = table.rows_path(context.input("rows")), table.rows_path(context.input("parts"))
    work = context.resume_dir("explore")
    with table.session([rows, parts], [work], work, memory=context.memory) as connection:
        joined = query.select({**_columns(config), "part": name("p", "part")}, query.table(query.read_parquet(str(rows)), "r"))
        joined = joined.join(
            query.table(query.read_parquet(str(parts)), "p"),
            on=query.binary("==", name("r", table.ROW), name("p", table.ROW)),
            copy=False,
        )
        # In row order, so that every sum rounds the same way each time.
        connection.execute(f"CREATE TEMP TABLE data AS {query.render(joined.order_by(name('r', table.ROW), copy=False))}")
        sheet = Sheet(connection, config["columns"], str(config["part"]), int(config.get("min_cell") or DEFAULT_CELL))
        statistics = _statistics(context, sheet, list(config.get("sections") or ()))
    from mlspec.runtime.profile.view import page

    files.write_json(context.output("statistics") / "statistics.json", statistics)
    files.write_text(context.output("report") / "index.html", page(statistics, context.block))


def _columns(config: Any) -> dict[str, Any]:
    return {str(column["name"]): name("r", str(column["name"])) for column in config["columns"]}


def _statistics(context: StageContext, sheet: Sheet, sections: list[str]) -> dict[str, Any]:
    parts = sheet.rows_of_parts()
    rows = parts.get(sheet.part, 0)
    if rows < sheet.min_cell:
        raise StageError(
            "MLS816", f"the part `{sheet.part}` has {rows:,} rows, too few to report on", f"{context.block}.part",
            expected=f"at least min_cell = {sheet.min_cell} rows", found=f"{rows:,} rows", help="report on a larger part",
        )  # fmt: skip
    label = context.config.get("label")
    found: dict[str, Any] = {
        "format": 1, "part": sheet.part, "rows": rows, "parts": parts, "min_cell": sheet.min_cell, "sections": sections,
        "columns": {},
    }  # fmt: skip
    for done, column in enumerate(sheet.columns):
        context.progress(done, len(sheet.columns), str(column["name"]))
        found["columns"][column["name"]] = describe(sheet, column)
    if label and "target_rate" in sections:
        found["target"] = target(sheet, label, found["columns"])
    if "correlation" in sections:
        found["correlation"] = correlation(sheet, label)
    if "drift" in sections:
        found["drift"] = drift(sheet, found["columns"])
    context.progress(len(sheet.columns), len(sheet.columns), f"{rows:,} rows of {sheet.part}")
    return found
