"""Exact cuts without a sort of all rows: the hash at each cut, found by counting.

One pass counts the rows of each stratum by the first four digits of their hashes; a cut then lies among the few rows that share
its digits, and only those are sorted. A row's part follows from its own hash, so the rows are written as they are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from mlspec.runtime import query
from mlspec.runtime.prepare.places import check_shares, largest_remainder, place
from mlspec.runtime.query import Sql, call, name

if TYPE_CHECKING:
    import duckdb

DIGITS = 4
MOST_CUTS = 400


def assigned_by_thresholds(connection: duckdb.DuckDBPyConnection, config: Mapping[str, Any], keys: Sequence[str]) -> Sql | None:
    """Rows with their part, in row order; None when there are too many strata for it."""
    placed = _placed(config, keys)
    counted = query.select(
        {
            "stratum": name("stratum"),
            "digits": call("left", name("place"), query.cast(DIGITS, "INTEGER")),
            "n": call("count_star"),
        },
        placed,
    )
    counts: dict[Any, list[tuple[str, int]]] = {}
    for stratum, digits, rows in connection.execute(f"{query.render(counted)} GROUP BY 1, 2 ORDER BY 1, 2").fetchall():
        counts.setdefault(stratum, []).append((digits, int(rows)))
    if len(counts) * len(config["parts"]) > MOST_CUTS:
        return None
    branches = [
        branch for stratum, buckets in counts.items() for branch in _branches(connection, config, placed, stratum, buckets)
    ]
    part = query.case(*branches) if branches else query.cast(None, "VARCHAR")
    return query.select({"__row": name("__row"), "part": part, "group": query.cast(None, "VARCHAR")}, placed)


def _placed(config: Mapping[str, Any], keys: Sequence[str]) -> Any:
    stratum = query.cast(name(str(config["stratify"])) if config.get("stratify") else 0, "VARCHAR")
    hashed = place(int(config.get("seed", 0)), str(config["name"]), keys)
    return query.select({"__row": name("__row"), "stratum": stratum, "place": hashed}, "rows")


def _branches(
    connection: duckdb.DuckDBPyConnection,
    config: Mapping[str, Any],
    placed: Any,
    stratum: Any,
    buckets: Sequence[tuple[str, int]],
) -> list[tuple[Sql, str]]:
    """Per part of one stratum: up to which hash its rows go. Parts before it have taken the lower ones."""
    inside = _in_stratum(config, stratum)
    shares = check_shares(config)
    counts = largest_remainder(sum(rows for _, rows in buckets), shares)
    found: list[tuple[Sql, str]] = []
    for part, count, end in zip(config["parts"], counts, accumulate(counts), strict=True):
        if count:
            last = _hash_at(connection, placed, inside, buckets, end)
            found.append((query.both(inside, query.binary("<=", name("place"), last)), str(part["name"])))
    return found


def _in_stratum(config: Mapping[str, Any], stratum: Any) -> Sql:
    if not config.get("stratify"):
        return query.lift(True)
    return query.is_null(name("stratum")) if stratum is None else query.binary("==", name("stratum"), str(stratum))


def _hash_at(
    connection: duckdb.DuckDBPyConnection, placed: Any, inside: Sql, buckets: Sequence[tuple[str, int]], rank: int
) -> str:
    """The hash with `rank` rows up to and with it."""
    before = 0
    for digits, rows in buckets:
        if before + rows >= rank:
            near = query.select(
                {"place": name("place")}, placed, where=query.both(inside, call("starts_with", name("place"), digits))
            )
            found = connection.execute(f"{query.render(near)} ORDER BY 1 LIMIT 1 OFFSET {rank - before - 1}").fetchall()
            return str(found[0][0])
        before += rows
    raise AssertionError("a cut lies inside the rows that were counted")
