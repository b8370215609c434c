"""Pictures in an evaluation: which may be seen, and what the confused classes look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.evaluate.held_out import value_name
from mlspec.runtime.evaluate.outcomes import Floats, Outcomes
from mlspec.runtime.image.text import thumbnail

PAIRS = 8
A_PAIR = 4


def is_image_column(column: Mapping[str, Any]) -> bool:
    """Whether a column holds images."""
    return str(column["type"]).removesuffix("?") == "image"


def may_be_seen(column: Mapping[str, Any]) -> bool:
    """Whether a report shows the images of a column: those of nobody, as far as its tags say."""
    return not any(str(tag).startswith("pii") or tag == "protected" for tag in column.get("tags", ()))


def confused(
    rows: Outcomes, losses: Floats, columns: Sequence[tuple[Mapping[str, Any], Sequence[Any]]], *, min_cell: int, names: Mapping[int, Any]
) -> list[dict[str, Any]]:  # fmt: skip
    """The most frequent confusions of two classes, each with the pictures of its worst rows; those of fewer rows than `min_cell` are not told."""
    column, values = next(((column, values) for column, values in columns if is_image_column(column)), (None, ()))
    if column is None or not may_be_seen(column):
        return []
    wrong = np.flatnonzero(rows.y != rows.decision)
    pairs: dict[tuple[int, int], list[int]] = {}
    for at in wrong.tolist():
        pairs.setdefault((int(rows.y[at]), int(rows.decision[at])), []).append(at)
    most = sorted((pair for pair in pairs if len(pairs[pair]) >= min_cell), key=lambda pair: (-len(pairs[pair]), pair))[:PAIRS]
    return [_pair(pair, np.array(pairs[pair]), rows, losses, column, values, names) for pair in most]


def _pair(
    pair: tuple[int, int], places: NDArray[np.int64], rows: Outcomes, losses: Floats, column: Mapping[str, Any], values: Sequence[Any],
    names: Mapping[int, Any],
) -> dict[str, Any]:  # fmt: skip
    worst = places[np.argsort(-losses[places], kind="stable")][:A_PAIR]
    return {
        "label": value_name(names[pair[0]]), "decision": value_name(names[pair[1]]), "n": len(places),
        "share": len(places) / int((rows.y == pair[0]).sum()), "pictures": [thumbnail(values[at], column) for at in worst.tolist()],
    }  # fmt: skip
