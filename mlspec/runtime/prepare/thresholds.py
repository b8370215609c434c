"""Exact cuts without a sort of all rows: the last hash of each part, found by counting.

One pass counts the rows of each stratum by the first digits of their hashes; a cut then lies among the few rows that share its
digits, and only those are looked at. What a part holds follows from each row's own hash, so rows are written as they are read.
Rows of one hash are one group, which goes where its middle row falls.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from mlspec.runtime import query
from mlspec.runtime.prepare.places import check_shares, largest_remainder, place
from mlspec.runtime.query import Sql, call, name

if TYPE_CHECKING:
    import duckdb

MOST_CUTS = 400
# Counters of one pass, over all strata: they are fetched, and must fit the memory beside the engine's own.
COUNTERS = 1 << 18

Buckets = Mapping[Any, Sequence[tuple[str, int]]]


def assigned_by_thresholds(connection: duckdb.DuckDBPyConnection, config: Mapping[str, Any], keys: Sequence[str]) -> Sql | None:
    """Rows with their part, in row order; None when there are too many strata for it."""
    column = config.get("stratify")
    stratum = query.cast(name(str(column)) if column else "", "VARCHAR")
    hashed = place(int(config.get("seed", 0)), str(config["name"]), keys)
    placed = query.select({"__row": name("__row"), "stratum": stratum, "place": hashed}, "rows")
    most = MOST_CUTS // len(config["parts"])
    found = _strata(connection, query.select({"stratum": stratum}, "rows"), most) if column else [""]
    if found is None:
        return None
    cuts = find_cuts(connection, placed, found, check_shares(config))
    names = [str(part["name"]) for part in config["parts"]]
    branches = [
        (query.both(_in_stratum(bool(column), cut.stratum), query.binary("<=", name("place"), cut.last)), names[cut.part])
        for cut in cuts
    ]
    part = query.case(*branches) if branches else query.cast(None, "VARCHAR")
    return query.select({"__row": name("__row"), "part": part}, placed)


@dataclass(frozen=True, slots=True)
class Cut:
    """The end of one part in one stratum: no row of it has a hash above `last`, which may be the beginning of one."""

    stratum: Any
    part: int
    last: str


def find_cuts(
    connection: duckdb.DuckDBPyConnection, placed: Any, strata: Sequence[Any], shares: Sequence[Fraction]
) -> list[Cut]:
    """The cuts of `placed`, rows of `stratum` and `place`: by stratum, in the order of the parts, which a row takes the first of."""
    digits = _digits(len(strata))
    buckets = _counted(connection, placed, digits)
    ends = [end for stratum in strata for end in _ends(stratum, buckets.get(stratum, ()), shares)]
    sizes = _sizes_at(connection, placed, digits, sorted({end.digits for end in ends}))
    return [Cut(end.stratum, end.part, _last(sizes.get((end.stratum, end.digits), ()), end)) for end in ends]


@dataclass(frozen=True, slots=True)
class End:
    """Where a part ends: after `inside` rows of those whose hashes begin with `digits`."""

    stratum: Any
    part: int
    digits: str
    inside: int


def _strata(connection: duckdb.DuckDBPyConnection, rows: Any, most: int) -> list[Any] | None:
    distinct = rows.distinct(copy=False).limit(most + 1, copy=False)
    found = connection.execute(query.render(distinct)).fetchall()
    strata = sorted((value for (value,) in found), key=lambda value: (value is None, value or ""))
    return strata if len(strata) <= most else None


def _digits(strata: int) -> int:
    """As many hexadecimal digits as the counters allow: the more, the fewer rows lie around a cut."""
    return next(digits for digits in (4, 3, 2, 1) if digits == 1 or 16**digits * strata <= COUNTERS)


def _counted(connection: duckdb.DuckDBPyConnection, placed: Any, digits: int) -> Buckets:
    values = {"stratum": name("stratum"), "digits": _left(digits), "n": call("count_star")}
    text = f"{query.render(query.select(values, placed))} GROUP BY 1, 2 ORDER BY 1, 2"
    found: dict[Any, list[tuple[str, int]]] = {}
    for stratum, start, rows in connection.execute(text).fetchall():
        found.setdefault(stratum, []).append((start, int(rows)))
    return found


def _ends(stratum: Any, buckets: Sequence[tuple[str, int]], shares: Sequence[Fraction]) -> list[End]:
    counts = largest_remainder(sum(rows for _, rows in buckets), shares)
    below = list(accumulate((rows for _, rows in buckets), initial=0))
    found = []
    for part, (count, end) in enumerate(zip(counts, accumulate(counts), strict=True)):
        if count:
            bucket = bisect_left(below, end) - 1
            found.append(End(stratum, part, buckets[bucket][0], end - below[bucket]))
    return found


def _sizes_at(
    connection: duckdb.DuckDBPyConnection, placed: Any, digits: int, starts: Sequence[str]
) -> Mapping[tuple[Any, str], Sequence[tuple[str, int]]]:
    """The rows of each hash around the cuts, from one pass."""
    near = query.one_of(_left(digits), starts or [""])
    values = {"stratum": name("stratum"), "place": name("place"), "n": call("count_star")}
    text = f"{query.render(query.select(values, placed, where=near))} GROUP BY 1, 2 ORDER BY 1, 2"
    found: dict[tuple[Any, str], list[tuple[str, int]]] = {}
    for stratum, hashed, rows in connection.execute(text).fetchall():
        found.setdefault((stratum, hashed[:digits]), []).append((hashed, int(rows)))
    return found


def _last(sizes: Sequence[tuple[str, int]], end: End) -> str:
    """The last hash whose middle row is not behind the end; without one the digits alone, which only hashes before them are below."""
    last, before = end.digits, 0
    for hashed, size in sizes:
        before += size
        if 2 * before - size > 2 * end.inside:
            break
        last = hashed
    return last


def _left(digits: int) -> Sql:
    return call("left", name("place"), query.cast(digits, "INTEGER"))


def _in_stratum(stratified: bool, stratum: Any) -> Sql:
    if not stratified:
        return query.lift(True)
    return query.is_null(name("stratum")) if stratum is None else query.binary("==", name("stratum"), str(stratum))
