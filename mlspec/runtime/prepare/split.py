"""The stage `split`: every row's part, by chance or by time, groups whole.

By chance: rows are ordered by their hashes within each stratum and cut where exact counts say (largest remainder). A group
goes where its middle row falls. By time: a part holds the rows whose time lies in its range, both ends included, whole UTC days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.runtime import query, table
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.prepare import ranges
from mlspec.runtime.prepare.places import check_shares, largest_remainder, place
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
    with table.session([rows], [work, context.output_root], work) as connection:
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
    alone = ranges.assigned(config) if _by_time(config) else None
    if not config.get("group"):
        alone = alone or assigned_by_thresholds(connection, config, keys)
        if alone is not None:
            return query.select({table.ROW: name(table.ROW), PART: name(PART)}, alone, where=query.not_null(name(PART)))
    assigned = alone or _by_chance(connection, config, keys)
    connection.execute(f"CREATE TEMP TABLE assigned AS {query.render(assigned)}")
    _check_groups(connection, config)
    parts = query.select({table.ROW: name(table.ROW), PART: name(PART)}, "assigned", where=query.not_null(name(PART)))
    return parts.order_by(name(table.ROW), copy=False)


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


def _by_chance(connection: duckdb.DuckDBPyConnection, config: Mapping[str, Any], keys: Sequence[str]) -> Sql:
    """Rows with their part: the units of each stratum in hash order, cut at the exact counts."""
    stratum = config.get("stratify")
    connection.execute(f"CREATE TEMP TABLE units AS {query.render(_units(config, keys, stratum))}")
    totals = connection.execute(
        "SELECT stratum, CAST(sum(size) AS BIGINT) FROM units GROUP BY stratum ORDER BY stratum NULLS LAST"
    ).fetchall()
    _create_cuts(connection, config, totals)
    middle = query.binary("-", query.binary("*", name("before"), 2), name("size"))
    inside = query.both(query.binary(">", middle, query.binary("*", name("low"), 2)),
                        query.binary("<=", middle, query.binary("*", name("high"), 2)))  # fmt: skip
    same = query.call("coalesce", query.binary("==", name("units", "stratum"), name("cuts", "stratum")), False)
    match = query.binary(
        "or", same, query.both(query.is_null(name("units", "stratum")), query.is_null(name("cuts", "stratum")))
    )
    parts = query.select({"unit": name("unit"), PART: name(PART)}, "units").join(
        query.table("cuts"), on=query.both(match, inside), copy=False
    )
    unit = _unit(config, keys)
    rows = query.select({table.ROW: name(table.ROW), "unit": unit, "group": _group(config)}, "rows")
    joined = query.select({table.ROW: name(table.ROW), PART: name(PART), "group": name("group")}, query.table(rows, "r"))
    return joined.join(query.table(parts, "p"), using=["unit"], copy=False)


def _unit(config: Mapping[str, Any], keys: Sequence[str]) -> Sql:
    """What goes to one part as a whole: the group's hash, or the row."""
    return place(int(config.get("seed", 0)), str(config["name"]), keys) if config.get("group") else name(table.ROW)


def _group(config: Mapping[str, Any]) -> Sql:
    return query.cast(name(str(config["group"])) if config.get("group") else None, "VARCHAR")


def _units(config: Mapping[str, Any], keys: Sequence[str], stratum: str | None) -> Sql:
    """One row per unit: its stratum, its rows, and the rows up to and with it in the order of the stratum."""
    hashed = {
        "unit": _unit(config, keys), "place": place(int(config.get("seed", 0)), str(config["name"]), keys),
        "row": name(table.ROW), "stratum": name(stratum) if stratum else query.lift(0),
    }  # fmt: skip
    found: Any = query.select(hashed, "rows")
    if config.get("group"):
        found = _grouped(found)
    else:
        found = query.select({key: name(key) for key in hashed} | {"size": query.lift(1)}, found)
    before = query.window(query.call("sum", name("size")), by=[name("stratum")], order=[name("place"), name("row")])
    return query.select(
        {"unit": name("unit"), "stratum": name("stratum"), "size": name("size"), "before": query.cast(before, "BIGINT")}, found
    )


def _grouped(rows: Any) -> Any:
    """One row per group; its stratum is the most frequent value of its rows, of equals the lowest."""
    counted = query.select(
        {"unit": name("unit"), "stratum": name("stratum"), "place": query.call("min", name("place")),
         "row": query.call("min", name("row")), "n": query.call("count_star")}, rows,
    ).group_by(name("unit"), name("stratum"), copy=False)  # fmt: skip
    rank = query.window(query.call("row_number"), by=[name("unit")], order=[query.descending(name("n")), name("stratum")])
    size = query.window(query.call("sum", name("n")), by=[name("unit")])
    first = query.window(query.call("min", name("row")), by=[name("unit")])
    ranked = query.select(
        {"unit": name("unit"), "stratum": name("stratum"), "place": name("place"), "row": first,
         "size": query.cast(size, "BIGINT"), "rank": rank}, counted,
    )  # fmt: skip
    return query.select(None, ranked, where=query.binary("==", name("rank"), 1))


def _create_cuts(connection: duckdb.DuckDBPyConnection, config: Mapping[str, Any], totals: Sequence[tuple[Any, int]]) -> None:
    """The table of cuts: per stratum and part, the rows below it and the rows up to its end."""
    shares = check_shares(config)
    connection.execute(
        "CREATE TEMP TABLE cuts AS SELECT stratum, 0 :: BIGINT AS low, 0 :: BIGINT AS high, '' AS part FROM units LIMIT 0"
    )
    for stratum, rows in totals:
        low = 0
        for part, count in zip(config["parts"], largest_remainder(rows, shares), strict=True):
            connection.execute("INSERT INTO cuts VALUES (?, ?, ?, ?)", [stratum, low, low + count, part["name"]])
            low += count


def _check_groups(connection: duckdb.DuckDBPyConnection, config: Mapping[str, Any]) -> None:
    """MLS307 when rows of one group lie in several parts, as they can in a split by time."""
    if not config.get("group"):
        return
    crossing = connection.execute(
        'SELECT count(*) FROM (SELECT "group" FROM assigned WHERE part IS NOT NULL GROUP BY "group" HAVING count(DISTINCT part) > 1)'
    ).fetchone()
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
