"""Example queries of the worst rankings: the rows that a model put first, and the relevant ones that it put far down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.evaluate.outcomes import Outcomes
from mlspec.runtime.evaluate.queries import FIRST, ndcg_by_query, ranked
from mlspec.runtime.evaluate.worst_rows import cells_of, masked_names

SHOWN = 3
TOP = 3


def worst_queries(
    rows: Outcomes, numbers: NDArray[np.int64], columns: Sequence[tuple[Mapping[str, Any], Sequence[Any]]], *, min_cell: int
) -> dict[str, Any]:  # fmt: skip
    """The queries of the lowest NDCG among those with a relevant row; none where there are fewer of them than `min_cell`."""
    found, values = ranked(rows), ndcg_by_query(rows, FIRST)
    known = np.flatnonzero(np.isfinite(values))
    shown = [column for column, _ in columns]
    document: dict[str, Any] = {
        "columns": [str(column["name"]) for column in shown], "masked": masked_names(shown), "k": FIRST, "n": len(known),
        "queries": [], "problem": None,
    }  # fmt: skip
    if len(known) < min_cell:
        return document | {"n": None, "problem": f"fewer than {min_cell:,} queries"}
    cells = cells_of(columns, min_cell)
    for query in known[np.argsort(values[known], kind="stable")][:SHOWN].tolist():
        order = found.order[found.query[found.order] == query]
        document["queries"].append({
            "ndcg": float(values[query]), "rows": len(order), "relevant": int(found.found[query]),
            "shown": [
                {"rank": rank + 1, "row": int(numbers[at]), "label": float(rows.y[at]), "score": float(rows.score[at]), "values": cells(at)}
                for rank, at in _told(order.tolist(), rows)
            ],
        })  # fmt: skip
    return document


def _told(order: Sequence[int], rows: Outcomes) -> list[tuple[int, int]]:
    """(place, row) of the first rows and of the most relevant ones."""
    most = sorted(range(len(order)), key=lambda place: (-rows.y[order[place]], place))[:TOP]
    relevant = [place for place in most if rows.y[order[place]] > 0]
    return [(place, order[place]) for place in sorted({*range(min(TOP, len(order))), *relevant})]
