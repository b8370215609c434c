"""A row's place: the hash that decides its part of a split and whether a sample keeps it.

SHA-256 over the spec's seed, what the hash is for, and what names the row: its group, else its `@key`, else its number.
The text hashed is the same on every machine, so the place is too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from mlspec.runtime import query
from mlspec.runtime.errors import StageError
from mlspec.runtime.query import Sql
from mlspec.runtime.table import ROW

SEPARATOR = "\x1f"


def place(seed: int, purpose: str, names: Sequence[str]) -> Sql:
    """The hash, in hexadecimal, of what `names` hold; of the row number when there are none."""
    values = [query.cast(query.name(name), "VARCHAR") for name in (names or [ROW])]
    text: list[Sql] = [query.lift(f"{seed}{SEPARATOR}{purpose}")]
    for value in values:
        text += [query.lift(SEPARATOR), value]
    return query.call("sha256", query.call("concat", *text))


def largest_remainder(rows: int, shares: Sequence[Fraction]) -> list[int]:
    """Whole numbers that sum to `rows` and follow the shares: floors first, what is left to the largest remainders.

    Equal remainders go to the earlier share. (Hamilton's method.)
    """
    exact = [rows * share for share in shares]
    counts = [int(item) for item in exact]
    order = sorted(range(len(shares)), key=lambda item: (counts[item] - exact[item], item))
    for item in order[: rows - sum(counts)]:
        counts[item] += 1
    return counts


def share_of(value: float | int | str) -> Fraction:
    """A share as written: 0.7 is seven tenths, not the binary number nearest to it."""
    return Fraction(str(value))


def check_shares(config: Mapping[str, Any]) -> list[Fraction]:
    """The shares of the parts, which must sum to 100 %."""
    shares = [share_of(part["share"]) for part in config["parts"]]
    if sum(shares) != 1:
        raise StageError(
            "MLS209", f"the shares of `{config['name']}` do not sum to 100 %", str(config["name"]), expected="100 %",
            found=f"{float(sum(shares, Fraction(0))):.4%}", help="change the shares so that they sum to 100 %",
        )  # fmt: skip
    return shares
