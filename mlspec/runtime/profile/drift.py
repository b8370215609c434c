"""How far each column's distribution in another part lies from the reported part: PSI for all, KS for numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from mlspec.runtime import query
from mlspec.runtime.profile.columns import TOP
from mlspec.runtime.profile.sheet import Sheet, kind_of, number, text
from mlspec.runtime.query import call

BINS = 10
OTHER = "other"
_PIECE = 1 << 20


def drift(sheet: Sheet, described: Mapping[str, Any]) -> dict[str, Any]:
    """Per other part: rows, and per column the distances and the shares per cell that show them."""
    parts = sheet.rows_of_parts()
    others = [part for part, rows in parts.items() if part != sheet.part and rows >= sheet.min_cell]
    columns = [column for column in sheet.columns if kind_of(column) in ("number", "category")]
    return {part: {str(column["name"]): _column(sheet, column, part, described) for column in columns} for part in others}


def _column(sheet: Sheet, column: Mapping[str, Any], part: str, described: Mapping[str, Any]) -> dict[str, Any]:
    if kind_of(column) == "number" and "histogram" in described[column["name"]]:
        cells, own, other = _number_cells(sheet, column, part)
        greatest = _ks(sheet, column, part)
    else:
        cells, own, other = _category_cells(sheet, column, part)
        greatest = None
    return {
        "psi": _psi(own, other),
        "ks": greatest,
        "cells": cells,
        "shares": {sheet.part: _shares(sheet, own), part: _shares(sheet, other)},
    }


def _psi(own: Sequence[int], other: Sequence[int]) -> float | None:
    import numpy as np

    from mlspec.runtime.monitor.statistics import psi

    return psi(np.array(own, dtype=float), np.array(other, dtype=float)).value if len(own) > 1 else 0.0


def _shares(sheet: Sheet, counts: Sequence[int]) -> list[float | None]:
    total = sum(counts) or 1
    return [None if sheet.withheld(count) else count / total for count in counts]


def _number_cells(sheet: Sheet, column: Mapping[str, Any], part: str) -> tuple[list[str], list[int], list[int]]:
    """Cells of about equal rows of the reported part, and one of nulls."""
    from mlspec.runtime.profile.target import _span

    value = number(column)
    levels = query.array(place / BINS for place in range(1, BINS))
    (cuts,) = sheet.all({"q": call("quantile_disc", value, levels)})[0]
    inner = sorted({float(cut) for cut in cuts})
    counts = []
    for of in (sheet.part, part):
        below = sheet.one({f"c{place}": call("count_if", query.binary("<=", value, cut)) for place, cut in enumerate(inner)}
                          | {"all": call("count", value), "nulls": call("count_if", query.is_null(value))}, part=of)  # fmt: skip
        nulls = int(below.pop("nulls"))
        up_to = [0, *(int(item) for item in below.values())]
        counts.append([high - low for low, high in pairwise(up_to)] + [nulls])
    names = [_span(low, high) for low, high in zip([None, *inner], [*inner, None], strict=True)] + ["null"]
    held = [place for place in range(len(names)) if counts[0][place] or counts[1][place]]
    return [names[place] for place in held], [counts[0][place] for place in held], [counts[1][place] for place in held]


def _category_cells(sheet: Sheet, column: Mapping[str, Any], part: str) -> tuple[list[str], list[int], list[int]]:
    """The most frequent values of the reported part, all others as one cell."""
    value = call("coalesce", text(column), "null")
    counted = [
        dict(sheet.all({"value": value, "n": call("count_star")}, part=of, tail="GROUP BY 1")) for of in (sheet.part, part)
    ]
    ranked = sorted(counted[0], key=lambda item: (-counted[0][item], item))
    names = [item for item in ranked if not sheet.withheld(counted[0][item])][:TOP]
    cells = [
        [int(counts.get(item, 0)) for item in names] + [sum(counts.values()) - sum(counts.get(item, 0) for item in names)]
        for counts in counted
    ]
    if not cells[0][-1] and not cells[1][-1]:
        return names, cells[0][:-1], cells[1][:-1]
    return [*names, OTHER], cells[0], cells[1]


def _ks(sheet: Sheet, column: Mapping[str, Any], part: str) -> float | None:
    """The greatest difference of the two distribution functions, at every value: two sorted columns of doubles, compared piece by piece."""
    import numpy as np

    own, other = (np.sort(sheet.numbers(column, of)) for of in (sheet.part, part))
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
