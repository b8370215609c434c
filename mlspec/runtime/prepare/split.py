"""The stage `split`: every row's part, by chance or by time, groups whole.

By chance: rows are ordered by their hashes within each stratum and cut where exact counts say (largest remainder). A group
goes where its middle row falls. Few strata are cut by counting (`thresholds`), many, and groups with strata, by ranks (`ranks`). By time: a part holds the rows whose time lies in its range, both ends included, whole UTC days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.runtime import query, table
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.prepare import ranges
from mlspec.runtime.prepare.ranks import ranked_groups, ranked_rows
from mlspec.runtime.prepare.thresholds import assigned_by_thresholds
from mlspec.runtime.query import Sql, name

if TYPE_CHECKING:
    import duckdb

PART = "part"


def run(context: StageContext) -> None:
    """Write `parts`: `__row` and `part` of every row that is in a part, in row order."""
    config = context.config
    rows = table.rows_path(context.input("rows"))
    work = context.resume_dir("split")
    session = table.session([rows], [work, context.output_root], work, memory=context.memory)
    with session as connection, table.watched(connection, context.progress):
        connection.execute(f"CREATE TEMP VIEW rows AS {query.render(query.select(None, query.read_parquet(str(rows))))}")
        _check_columns(config, table.head(context.input("rows"))["columns"])
        _check_nulls(connection, config)
        folder = context.output("parts")
        count = table.write_parquet(connection, _parts(connection, config, _keys(context)), folder / table.ROWS)
        _check_sizes(connection, config, folder / table.ROWS)
    table.finish_table(
        folder, [{"name": PART, "type": "category", "values": [part["name"] for part in config["parts"]]}], count
    )
    context.progress(1, 1, f"{count:,} rows in {len(config['parts'])} parts")


def _parts(connection: duckdb.DuckDBPyConnection, config: Mapping[str, Any], keys: Sequence[str]) -> Sql:
    """The rows that are in a part, in row order: as they are read where each row's part follows from the row alone."""
    if _by_time(config):
        ranged = ranges.assigned(config)
        _check_groups(connection, config, ranged)
        return query.select({table.ROW: name(table.ROW), PART: name(PART)}, ranged, where=query.not_null(name(PART)))
    if config.get("group") and config.get("stratify"):
        return ranked_groups(connection, config, keys)
    # By chance every row is in a part. A filter would be pushed below the hash, and compute it once more.
    return assigned_by_thresholds(connection, config, keys) or ranked_rows(connection, config, keys)


def _by_time(config: Mapping[str, Any]) -> bool:
    return any("from" in part for part in config["parts"])


def _keys(context: StageContext) -> list[str]:
    """What names a row: the group, else the key, else nothing but its number."""
    if context.config.get("group"):
        return [str(context.config["group"])]
    columns = table.head(context.input("rows"))["columns"]
    return [str(column["name"]) for column in columns if "key" in column.get("tags", ())]


def _check_columns(config: Mapping[str, Any], columns: Sequence[Mapping[str, Any]]) -> None:
    known = {column["name"] for column in columns}
    for field in ("group", "stratify", "on"):
        if config.get(field) and config[field] not in known:
            raise StageError(
                "MLS101", f"the rows have no column `{config[field]}`", f"{config['name']}.{field}",
                expected=", ".join(sorted(known)), found=str(config[field]), help=f"name a column of the frame in `{field}`",
            )  # fmt: skip


def _check_nulls(connection: duckdb.DuckDBPyConnection, config: Mapping[str, Any]) -> None:
    """A null names no group and no time: such a row has no place."""
    for field in ("group", "on"):
        if not config.get(field):
            continue
        column = str(config[field])
        counts = query.select({"n": query.call("count_if", query.is_null(name(column)))}, "rows")
        (nulls,) = connection.execute(query.render(counts)).fetchone() or (0,)
        if nulls:
            raise StageError(
                "MLS804", f"{nulls:,} rows have no `{column}`, by which `{config['name']}` places them", f"{config['name']}.{field}",
                expected="a value in every row", found=f"{nulls:,} nulls", help=f"split by another column, or leave rows without `{column}` out of the source",
            )  # fmt: skip


def _check_groups(connection: duckdb.DuckDBPyConnection, config: Mapping[str, Any], assigned: Sql) -> None:
    """MLS307 when rows of one group lie in several parts, as they can in a split by time."""
    if not config.get("group"):
        return
    parts = query.select(
        {"low": query.call("min", name(PART)), "high": query.call("max", name(PART))}, assigned, where=query.not_null(name(PART))
    ).group_by(name("group"), copy=False)  # fmt: skip
    several = query.call("count_if", query.binary("!=", name("low"), name("high")))
    crossing = connection.execute(query.render(query.select({"n": several}, parts))).fetchone()
    if crossing and crossing[0]:
        raise StageError(
            "MLS307", f"{crossing[0]:,} groups of `{config['group']}` have rows in several parts of `{config['name']}`",
            f"{config['name']}.group", expected="each group in one part", found=f"{crossing[0]:,} groups in more than one",
            help="split by chance with this group, or drop `group` if its rows may be on both sides",
        )  # fmt: skip


def _check_sizes(connection: duckdb.DuckDBPyConnection, config: Mapping[str, Any], written: Path) -> None:
    sizes = query.select({PART: name(PART), "n": query.call("count_star")}, query.read_parquet(str(written)))
    counts = dict(connection.execute(f"{query.render(sizes)} GROUP BY 1").fetchall())
    for part in config["parts"]:
        if not counts.get(part["name"]):
            raise StageError(
                "MLS816", f"the part `{config['name']}.{part['name']}` has 0 rows", f"{config['name']}.{part['name']}",
                expected="at least 1 row", found="0 rows", help="widen its range or share, or read more data",
            )  # fmt: skip
