"""The stage `step`: code of the project makes a table of other tables, and what it made is read as any data is.

It is held to what the spec says of it: two runs agree where it is `deterministic`, and rows of the past stay as they are when the
rows that came later are taken away.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlspec.runtime import files, table
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.extern.batch import of_stage
from mlspec.runtime.extern.declaration import declared
from mlspec.runtime.extern.pool import Externs
from mlspec.runtime.extern.tables import arrow_of

_FOLDER = "made"


def run(context: StageContext) -> None:
    """Make the rows, and write `rows` (and `sampled`) as `extract` does of a file: typed, within their ranges, each key once."""
    from mlspec.runtime.extract import run as extract

    name = next(iter(context.config["externs"]))
    folder = context.resume_dir("step") / _FOLDER
    files.remove_tree(folder)
    files.make_folder(folder)
    with of_stage(context, declared([context.config])) as externs:
        made = made_by(externs, name, context)
        context.progress(0, 1, f"`{name}` made {made.num_rows:,} rows of {' and '.join(context.config['tables'])}")
    _write(made, folder / f"{name}.parquet")
    config = {**context.config, "format": "parquet", "paths": [f"{name}.parquet"], "options": {}}
    extract(replace(context, kind="extract", config=config, project_root=folder))
    files.remove_tree(folder)


def made_by(externs: Externs, name: str, context: StageContext) -> Any:
    """The table that the code makes of the input tables, held to what the spec says of it."""
    given = {one: table.load(context.input(f"tables.{one}")) for one in context.config["tables"]}
    columns = context.config["columns"]
    made = externs.table(name, _shown(given, context.config), columns)
    time = next((column for column in columns if "event_time" in column.get("tags", ())), None)
    timed = {one: str(spec["time"]) for one, spec in context.config["tables"].items() if spec["time"]}
    if time is not None and timed:
        _held_to_the_past(externs, name, context, given, made, str(time["name"]), timed)
    return made


def _shown(given: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Of each table the columns that the head of the step names, as the code takes them."""
    return {one: as_given(given[one], spec["columns"]) for one, spec in config["tables"].items()}


def as_given(rows: Any, columns: Any) -> Any:
    """Columns of a table artifact as a step takes them: points in time say that they are in UTC."""
    import pyarrow as pa

    taken = [rows.column(str(column["name"])).cast(arrow_of(column)) for column in columns]
    return pa.table(taken, names=[str(column["name"]) for column in columns])


def _held_to_the_past(
    externs: Externs, name: str, context: StageContext, given: Mapping[str, Any], made: Any, time: str, timed: Mapping[str, str]
) -> None:
    """318: a row of the result is there, as it is, when the rows of the inputs that are later than it are not."""
    instant = _middle(made.column(time))
    if instant is None:
        return
    cut = {one: _until(rows, timed[one], instant) if one in timed else rows for one, rows in given.items()}
    then = externs.table(name, _shown(cut, context.config), context.config["columns"])
    changed = _missing(_until(made, time, instant), _until(then, time, instant))
    if changed:
        tables = " and ".join(f"`{one}`" for one in timed)
        raise StageError(
            "MLS318", f"rows of `{context.config['source']}` are made of rows that come later than they do", f"{context.config['source']}.{time}",
            expected=f"a row that is the same without the later rows of {tables}", found=f"{changed:,} rows up to {instant} are others",
            help=f"let extern `{name}` look no further than the time that it gives a row, or give the row a later time",
        )  # fmt: skip


def _middle(times: Any) -> Any:
    """An instant with rows before and after it, None where there is none."""
    import pyarrow.compute as pc

    known = sorted(value for value in pc.call_function("unique", [times]).to_pylist() if value is not None)
    return known[(len(known) - 1) // 2] if len(known) > 1 else None


def _until(rows: Any, column: str, instant: Any) -> Any:
    """The rows up to an instant; a date is its whole day, on either side."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values = rows.column(column)
    last = _last_of(instant)
    if pa.types.is_date(values.type):
        limit = pa.scalar(last.date(), values.type)
    else:
        limit = pa.scalar(last if values.type.tz else last.replace(tzinfo=None), values.type)
    return rows.filter(pc.call_function("less_equal", [values, limit]))


def _last_of(instant: Any) -> datetime.datetime:
    if isinstance(instant, datetime.datetime):
        return instant
    return datetime.datetime.combine(instant, datetime.time.max, datetime.UTC)


def _missing(known: Any, then: Any) -> int:
    """How many rows of one table the other does not have, each as often as it stands there."""
    import duckdb

    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.register("known", known)
        connection.register("earlier", then)
        found = connection.execute("SELECT count(*) FROM (SELECT * FROM known EXCEPT ALL SELECT * FROM earlier)").fetchone()
    return int(found[0]) if found else 0


def _write(made: Any, path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(made, path, compression="zstd")
