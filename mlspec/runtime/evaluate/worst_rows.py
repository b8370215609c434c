"""Example rows of the worst errors, of each kind of error a few; what is tagged as personal is masked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.evaluate.held_out import value_name
from mlspec.runtime.evaluate.outcomes import Floats, Outcomes
from mlspec.runtime.evaluate.pictures import confused, is_image_column, may_be_seen
from mlspec.runtime.extract.violations import is_masked
from mlspec.runtime.image.text import thumbnail
from mlspec.runtime.profile.sheet import NUMERIC, kind_of

SHOWN = 5
EXCERPT = 240
MASKED = "(masked)"
RARE = "(rare)"


def kinds_of_error(rows: Outcomes) -> dict[str, NDArray[np.bool_]]:
    """The rows of each kind of error."""
    if rows.task == "binary":
        return {"false alarms": (rows.y == 0) & (rows.decision == 1), "misses": (rows.y == 1) & (rows.decision == 0)}
    if rows.task == "multiclass":
        return {"wrong decisions": rows.y != rows.decision}
    return {"too high": rows.score > rows.y, "too low": rows.score < rows.y}


def worst_rows(
    rows: Outcomes, losses: Floats, numbers: NDArray[np.int64], columns: Sequence[tuple[Mapping[str, Any], Sequence[Any]]], *,
    min_cell: int, names: Mapping[int, Any],
) -> dict[str, Any]:  # fmt: skip
    """The rows of the highest loss by kind of error, with their values; a kind of fewer rows than `min_cell` shows none."""
    shown = [column for column, _ in columns]
    cells = cells_of(columns, min_cell)
    kinds = []
    for kind, mask in kinds_of_error(rows).items():
        places = np.flatnonzero(mask)
        entry: dict[str, Any] = {"kind": kind, "n": len(places), "rows": [], "problem": None}
        if len(places) < min_cell:
            entry |= {"n": None, "problem": f"fewer than {min_cell:,} rows"}
        else:
            worst = places[np.argsort(-losses[places], kind="stable")][:SHOWN]
            entry["rows"] = [
                {"row": int(numbers[at]), "loss": float(losses[at]), **_answer(rows, at, names),
                 "values": cells(at)}
                for at in worst.tolist()
            ]  # fmt: skip
        kinds.append(entry)
    found = {"columns": [str(column["name"]) for column in shown], "kinds": kinds,
             "masked": masked_names(shown)}  # fmt: skip
    pairs = confused(rows, losses, columns, min_cell=min_cell, names=names) if rows.task != "regression" else []
    return found | ({"confused": pairs} if pairs else {})


def cells_of(columns: Sequence[tuple[Mapping[str, Any], Sequence[Any]]], min_cell: int) -> Callable[[int], list[Any]]:
    """What the page shows of a row in every column."""
    counted = [(column, values, _shares(column, values)) for column, values in columns]
    return lambda at: [_cell(column, values[at], counts, min_cell) for column, values, counts in counted]


def masked_names(columns: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns whose values are shown nowhere."""
    return [str(column["name"]) for column in columns if _hides(column)]


def _hides(column: Mapping[str, Any]) -> bool:
    if is_image_column(column):
        return not may_be_seen(column)
    if column.get("read_as_text"):  # of a model of texts the text is what there is to see; tags still hide it
        return is_masked(column) or "key" in column.get("tags", ())
    return is_masked(column) or kind_of(column) == "hidden"


def _shares(column: Mapping[str, Any], values: Sequence[Any]) -> Counter[Any]:
    """How many rows have each value of a category."""
    return (
        Counter()
        if _hides(column) or is_image_column(column) or str(column["type"]).removesuffix("?") in NUMERIC
        else Counter(values)
    )


def _cell(column: Mapping[str, Any], value: Any, counts: Counter[Any], min_cell: int) -> Any:
    """A value as the page shows it: none of what is tagged, no category that few rows have, numbers to three digits, small pictures."""
    if _hides(column):
        return MASKED
    if is_image_column(column):
        return {"picture": thumbnail(value, column)}
    if value is None:
        return value_name(None)
    if str(column["type"]).removesuffix("?") in NUMERIC:
        return float(f"{float(value):.3g}")
    if column.get("read_as_text"):
        return _excerpt(str(value))
    return RARE if counts[value] < min_cell else value_name(value)


def _excerpt(text: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else f"{line[:EXCERPT].rstrip()} …"


def _answer(rows: Outcomes, at: int, names: Mapping[int, Any]) -> dict[str, Any]:
    """Label, decision and the score that the model gave: of the positive class, of the class decided for, or the prediction."""
    if rows.task == "regression":
        return {"label": float(rows.y[at]), "decision": None, "score": float(rows.score[at])}
    decision = int(rows.decision[at])
    score = float(rows.score[at] if rows.score.ndim == 1 else rows.score[at, decision])
    return {"label": value_name(names[int(rows.y[at])]), "decision": value_name(names[decision]), "score": score}
