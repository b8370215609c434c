"""Exact cuts without a sort of all rows: the hash at each cut, found by counting.

One pass counts the rows of each stratum by the first four digits of their hashes; a cut then lies among the few rows that share
its digits, and only those are sorted. A row's part follows from its own hash, so the rows are written as they are read.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
            "digits": _digits(),
            "n": call("count_star"),
        },
        placed,
    )
    counts: dict[Any, list[tuple[str, int]]] = {}
    for stratum, digits, rows in connection.execute(f"{query.render(counted)} GROUP BY 1, 2 ORDER BY 1, 2").fetchall():
        counts.setdefault(stratum, []).append((digits, int(rows)))
    if len(counts) * len(config["parts"]) > MOST_CUTS:
        return None
    cuts = [cut for stratum, buckets in counts.items() for cut in _cuts(config, stratum, buckets)]
    branches = [
        (query.both(_in_stratum(config, cut.stratum), query.binary("<=", name("place"), last)), cut.part)
        for cut, last in zip(cuts, _hashes_at(connection, placed, cuts), strict=True)
    ]
    part = query.case(*branches) if branches else query.cast(None, "VARCHAR")
    return query.select({"__row": name("__row"), "part": part, "group": query.cast(None, "VARCHAR")}, placed)


@dataclass(frozen=True, slots=True)
class Cut:
    """The end of one part in one stratum: its last row is the `rank`-th, from 0, of those whose hashes begin with `digits`."""

    stratum: Any
    part: str
    digits: str
    rank: int


def _placed(config: Mapping[str, Any], keys: Sequence[str]) -> Any:
    stratum = query.cast(name(str(config["stratify"])) if config.get("stratify") else 0, "VARCHAR")
    hashed = place(int(config.get("seed", 0)), str(config["name"]), keys)
    return query.select({"__row": name("__row"), "stratum": stratum, "place": hashed}, "rows")


def _cuts(config: Mapping[str, Any], stratum: Any, buckets: Sequence[tuple[str, int]]) -> list[Cut]:
    """The parts of one stratum in order; each takes what the ones before it have left up to its last hash."""
    counts = largest_remainder(sum(rows for _, rows in buckets), check_shares(config))
    ends = list(accumulate(rows for _, rows in buckets))
    found = []
    for part, count, end in zip(config["parts"], counts, accumulate(counts), strict=True):
        if count:
            bucket = bisect_left(ends, end)
            found.append(Cut(stratum, str(part["name"]), buckets[bucket][0], end - 1 - (ends[bucket - 1] if bucket else 0)))
    return found


def _hashes_at(connection: duckdb.DuckDBPyConnection, placed: Any, cuts: Sequence[Cut]) -> list[str]:
    """The hash at each cut, from one scan for the few rows around all of them."""
    near = query.one_of(_digits(), sorted({cut.digits for cut in cuts}) or [""])
    found = query.select({"stratum": name("stratum"), "place": name("place")}, placed, where=near)
    around: dict[tuple[Any, str], list[str]] = {}
    for stratum, hashed in connection.execute(f"{query.render(found)} ORDER BY 1, 2").fetchall():
        around.setdefault((stratum, hashed[:DIGITS]), []).append(hashed)
    return [around[cut.stratum, cut.digits][cut.rank] for cut in cuts]


def _digits() -> Sql:
    return call("left", name("place"), query.cast(DIGITS, "INTEGER"))


def _in_stratum(config: Mapping[str, Any], stratum: Any) -> Sql:
    if not config.get("stratify"):
        return query.lift(True)
    return query.is_null(name("stratum")) if stratum is None else query.binary("==", name("stratum"), str(stratum))
