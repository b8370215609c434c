"""The stage `explore`: statistics of one part, its target and its drift against the other parts; cells below `min_cell` withheld.

Only the part is described. Of the other parts nothing but the distance of each column's distribution to the part's is told.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlspec.runtime import files, query, table
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.profile.columns import cuts, describe, summary
from mlspec.runtime.profile.correlation import correlation
from mlspec.runtime.profile.drift import Shift, drift, number_shift, other_parts
from mlspec.runtime.profile.parts import write_parts_beside
from mlspec.runtime.profile.sheet import Sheet, kind_of
from mlspec.runtime.profile.target import BINS as TARGET_BINS
from mlspec.runtime.profile.target import target

DEFAULT_CELL = 20


def run(context: StageContext) -> None:
    """Write `statistics` and `report`."""
    config = context.config
    rows, parts = table.rows_path(context.input("rows")), table.rows_path(context.input("parts"))
    work = context.resume_dir("explore")
    context.progress(0, None, "finding the part of every row")
    write_parts_beside(rows, parts, work / "parts.parquet")
    with table.session([rows], [work], work, memory=context.memory) as connection:
        # Row by row, in row order, so that every sum rounds the same way each time.
        together = f"{_scan(rows)} AS r POSITIONAL JOIN {_scan(work / 'parts.parquet')} AS p"
        connection.execute(f"CREATE TEMP VIEW data AS SELECT * FROM {together}")  # noqa: S608 - both rendered from trees
        sheet = Sheet(connection, config["columns"], str(config["part"]), int(config.get("min_cell") or DEFAULT_CELL))
        statistics = _statistics(context, sheet, list(config.get("sections") or ()))
    from mlspec.runtime.profile.view import page

    files.write_json(context.output("statistics") / "statistics.json", statistics)
    files.write_text(context.output("report") / "index.html", page(statistics, context.block))


def _scan(path: Path) -> str:
    return query.render(query.read_parquet(str(path)))


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
    known, others = summary(sheet), other_parts(sheet) if "drift" in sections else {}
    bins: dict[str, list[float]] = {}
    shifts: dict[tuple[str, str], Shift] = {}
    for done, column in enumerate(sheet.columns):
        key = str(column["name"])
        context.progress(done, len(sheet.columns), key)
        # The values of one column at a time are in memory, sorted: everything that needs them is told here.
        values = sheet.sorted_numbers(column) if kind_of(column) == "number" else None
        found["columns"][key] = describe(sheet, column, known[key], values)
        if values is not None and len(values):
            bins[key] = cuts(values, TARGET_BINS)
            for part, nulls in others.items():
                shifts[part, key] = number_shift(values, sheet.sorted_numbers(column, part), known[key]["nulls"], nulls[key])
    context.progress(len(sheet.columns), None, "target, correlation and drift")
    if label and "target_rate" in sections:
        found["target"] = target(sheet, label, bins)
    if "correlation" in sections:
        found["correlation"] = correlation(sheet, label)
    if "drift" in sections:
        found["drift"] = drift(sheet, list(others), shifts)
    context.progress(len(sheet.columns), len(sheet.columns), f"{rows:,} rows of {sheet.part}")
    return found
