"""Exact cuts by rank, where there are too many strata to count, or where a group's stratum has to be found first.

Units, which are rows or groups, are ordered by their hashes within each stratum and cut where their ranks say. What is sorted
is narrow: a hash as two numbers, a row number, a size. It spills where it does not fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlspec.runtime import query
from mlspec.runtime.prepare.places import check_shares, largest_remainder, place
from mlspec.runtime.query import Sql, call, name

if TYPE_CHECKING:
    import duckdb

# Hexadecimal digits that fit one 64-bit number; two of them order as the hash does, but for one chance in 2^128.
_HALF = 16


def ranked_rows(connection: duckdb.DuckDBPyConnection, config: Mapping[str, Any], keys: Sequence[str]) -> Sql:
    """Rows with their part, in row order, each row a unit."""
    hashed = place(int(config.get("seed", 0)), str(config["name"]), keys)
    inner = query.select({"unit": name("__row"), "stratum": name(str(config["stratify"])), "place": hashed}, "rows")
    halves = query.select(
        {"unit": name("unit"), "row": name("unit"), "stratum": name("stratum"), "size": query.lift(1), **_halves()}, inner
    )
    parts = _cut(connection, config, halves)
    return query.select({"__row": name("unit"), "part": name("part")}, parts).order_by(name("unit"), copy=False)


def ranked_groups(connection: duckdb.DuckDBPyConnection, config: Mapping[str, Any], keys: Sequence[str]) -> Sql:
    """Rows with the part of their group, in row order."""
    seed, purpose, group = int(config.get("seed", 0)), str(config["name"]), str(config["group"])
    parts = _cut(connection, config, _groups(group, str(config["stratify"]), place(seed, purpose, keys)))
    rows = query.select({"__row": name("__row"), "unit": name(group)}, "rows")
    joined = query.select({"__row": name("__row"), "part": name("part")}, query.table(rows, "r"))
    return joined.join(query.table(parts, "p"), using=["unit"], copy=False).order_by(name("__row"), copy=False)


def _groups(group: str, stratum: str, hashed: Sql) -> Any:
    """One row per group; its stratum is the most frequent value of its rows, of equals the lowest."""
    counted = query.select(
        {"unit": name(group), "stratum": name(stratum), "row": call("min", name("__row")), "n": call("count_star")}, "rows"
    ).group_by(name(group), name(stratum), copy=False)  # fmt: skip
    rank = query.window(call("row_number"), by=[name("unit")], order=[query.descending(name("n")), name("stratum")])
    size = query.cast(query.window(call("sum", name("n")), by=[name("unit")]), "BIGINT")
    first = query.window(call("min", name("row")), by=[name("unit")])
    ranked = query.select({"unit": name("unit"), "stratum": name("stratum"), "row": first, "size": size, "rank": rank}, counted)
    found = query.select(
        {"unit": name("unit"), group: name("unit"), "stratum": name("stratum"), "row": name("row"), "size": name("size")},
        ranked, where=query.binary("==", name("rank"), 1),
    )  # fmt: skip
    columns = {key: name(key) for key in ("unit", "stratum", "row", "size")}
    return query.select(columns | _halves(), query.select(columns | {"place": hashed}, found))


def _halves() -> dict[str, Sql]:
    """The hash's first 128 bits as two numbers."""
    parts = {"high": (1, _HALF), "low": (_HALF + 1, _HALF)}
    return {
        key: query.cast(
            call("concat", "0x", call("substr", name("place"), query.cast(start, "INTEGER"), query.cast(length, "INTEGER"))), "UBIGINT"
        )
        for key, (start, length) in parts.items()
    }  # fmt: skip


def _cut(connection: duckdb.DuckDBPyConnection, config: Mapping[str, Any], units: Any) -> Any:
    """`unit` and `part` of every unit. Counts follow from a stratum's rows alone, so strata of one size share their cuts."""
    order = [name("high"), name("low"), name("row")]
    before = query.cast(query.window(call("sum", name("size")), by=[name("stratum")], order=order), "BIGINT")
    total = query.cast(query.window(call("sum", name("size")), by=[name("stratum")]), "BIGINT")
    ranked = query.select(
        {"unit": name("unit"), "middle": query.binary("-", query.binary("*", before, 2), name("size")), "total": total}, units
    )
    connection.execute(f"CREATE TEMP TABLE units AS {query.render(ranked)}")
    _create_cuts(connection, config)
    inside = query.both(
        query.binary("==", name("units", "total"), name("cuts", "total")),
        query.binary(">", name("middle"), name("low")), query.binary("<=", name("middle"), name("high")),
    )  # fmt: skip
    return query.select({"unit": name("unit"), "part": name("part")}, "units").join(query.table("cuts"), on=inside, copy=False)


def _create_cuts(connection: duckdb.DuckDBPyConnection, config: Mapping[str, Any]) -> None:
    """The table of cuts: per size of a stratum and part, twice the rows below it and up to its end."""
    import pyarrow as pa

    shares, found = check_shares(config), []
    for (total,) in connection.execute("SELECT DISTINCT total FROM units ORDER BY total").fetchall():
        low = 0
        for part, count in zip(config["parts"], largest_remainder(int(total), shares), strict=True):
            found.append({"total": int(total), "low": 2 * low, "high": 2 * (low + count), "part": str(part["name"])})
            low += count
    schema = pa.schema([("total", pa.int64()), ("low", pa.int64()), ("high", pa.int64()), ("part", pa.string())])
    connection.register("cuts", pa.Table.from_pylist(found, schema=schema))
