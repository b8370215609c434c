"""How far each column's distribution in another part lies from the reported part: PSI for all, KS for numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mlspec.runtime.profile.columns import TOP, cuts
from mlspec.runtime.profile.sheet import Sheet, kind_of, text
from mlspec.runtime.profile.target import span
from mlspec.runtime.query import call

if TYPE_CHECKING:
    from mlspec.runtime.profile.columns import Floats

BINS = 10
OTHER = "other"
_PIECE = 1 << 20


@dataclass(frozen=True)
class Shift:
    """One column in two parts: names of cells, the rows of both parts in them, and KS of a numeric column."""

    cells: list[str]
    own: list[int]
    other: list[int]
    ks: float | None = None


def other_parts(sheet: Sheet) -> dict[str, dict[str, int]]:
    """The parts to compare with, those with enough rows, and the nulls of each column in them."""
    parts = sheet.rows_of_parts()
    return {part: sheet.nulls(part) for part, rows in parts.items() if part != sheet.part and rows >= sheet.min_cell}


def drift(sheet: Sheet, others: Sequence[str], numbers: Mapping[tuple[str, str], Shift]) -> dict[str, Any]:
    """Per other part and column the distances and the shares per cell that show them; `numbers` holds the numeric columns."""
    columns = [column for column in sheet.columns if kind_of(column) in ("number", "category")]
    return {
        part: {str(column["name"]): _told(sheet, part, _shift(sheet, column, part, numbers)) for column in columns}
        for part in others
    }


def _shift(sheet: Sheet, column: Mapping[str, Any], part: str, numbers: Mapping[tuple[str, str], Shift]) -> Shift:
    return numbers.get((part, str(column["name"]))) or Shift(*_category_cells(sheet, column, part))


def _told(sheet: Sheet, part: str, shift: Shift) -> dict[str, Any]:
    shares = {sheet.part: _shares(sheet, shift.own), part: _shares(sheet, shift.other)}
    return {"psi": _psi(shift.own, shift.other), "ks": shift.ks, "cells": shift.cells, "shares": shares}


def _psi(own: Sequence[int], other: Sequence[int]) -> float | None:
    import numpy as np

    from mlspec.runtime.monitor.statistics import psi

    return psi(np.array(own, dtype=float), np.array(other, dtype=float)).value if len(own) > 1 else 0.0


def _shares(sheet: Sheet, counts: Sequence[int]) -> list[float | None]:
    total = sum(counts) or 1
    return [None if hides else count / total for count, hides in zip(counts, sheet.withheld(counts), strict=True)]


def number_shift(own: Floats, other: Floats, own_nulls: int, other_nulls: int) -> Shift:
    """Cells of about equal rows of the reported part, and one of nulls; both columns are sorted."""
    import numpy as np

    inner = cuts(own, BINS)
    counts = []
    for values, nulls in ((own, own_nulls), (other, other_nulls)):
        up_to = [0, *np.searchsorted(values, inner, side="right").tolist(), len(values)]
        counts.append([high - low for low, high in pairwise(up_to)] + [nulls])
    names = [span(low, high) for low, high in zip([None, *inner], [*inner, None], strict=True)] + ["null"]
    held = [place for place in range(len(names)) if counts[0][place] or counts[1][place]]
    first, second = ([line[place] for place in held] for line in counts)
    return Shift([names[place] for place in held], first, second, _ks(own, other))


def _category_cells(sheet: Sheet, column: Mapping[str, Any], part: str) -> tuple[list[str], list[int], list[int]]:
    """The most frequent values of the reported part, all others as one cell."""
    value = call("coalesce", text(column), "null")
    counted = [
        dict(sheet.all({"value": value, "n": call("count_star")}, part=of, tail="GROUP BY 1")) for of in (sheet.part, part)
    ]
    ranked = sorted(counted[0], key=lambda item: (-counted[0][item], item))
    hidden = dict(zip(ranked, sheet.withheld([int(counted[0][item]) for item in ranked]), strict=True))
    names = [item for item in ranked if not hidden[item]][:TOP]
    cells = [
        [int(counts.get(item, 0)) for item in names] + [sum(counts.values()) - sum(counts.get(item, 0) for item in names)]
        for counts in counted
    ]
    if not cells[0][-1] and not cells[1][-1]:
        return names, cells[0][:-1], cells[1][:-1]
    return [*names, OTHER], cells[0], cells[1]


def _ks(own: Floats, other: Floats) -> float | None:
    """The greatest difference of the two distribution functions, at every value: two sorted columns, compared piece by piece."""
    import numpy as np

    if not len(own) or not len(other):
        return None
    greatest = 0.0
    for points in (own, other):
        for start in range(0, len(points), _PIECE):
            piece = points[start : start + _PIECE]
            first = np.searchsorted(own, piece, side="right") / len(own)
            second = np.searchsorted(other, piece, side="right") / len(other)
            greatest = max(greatest, float(np.abs(first - second).max()))
    return greatest
