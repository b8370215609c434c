"""Metrics of the project's own: externs, asked for all rows and for every draw through one process each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from mlspec.runtime.errors import StageError
from mlspec.runtime.evaluate.outcomes import Floats, Outcomes, UndefinedMetric
from mlspec.runtime.extern.declaration import Declaration, declared, from_project
from mlspec.runtime.extern.pool import Externs, Measure

if TYPE_CHECKING:
    from mlspec.runtime.context import StageContext

NUMBERS = ("regression", "ranking")
_ITEMS = {"list(float)": "float", "list(int)": "int", "list(bool)": "bool", "list(string)": "string"}


@contextmanager
def own_metrics(context: StageContext) -> Iterator[dict[str, OwnMetric]]:
    """The extern metrics that the quantities of a stage ask for, by name."""
    called = declared(context.config.get("quantities") or ())
    with Externs(called, from_project(context.project_root)) as externs:
        yield {name: OwnMetric(declaration, externs) for name, declaration in called.items()}


class OwnMetric:
    """An extern metric, as the evaluator asks a metric of the table."""

    terms = None
    proportion = rate = False

    def __init__(self, declaration: Declaration, externs: Externs) -> None:
        self.name = declaration.name
        self.direction = "minimize" if declaration.better == "lower" else "maximize"
        self.declaration = declaration
        self._externs = externs
        self._measures: dict[int, tuple[Outcomes, Measure]] = {}

    def view(self, rows: Outcomes, args: Mapping[str, Any]) -> Outcomes:
        """The rows as they are."""
        return rows

    def value(self, rows: Outcomes, args: Mapping[str, Any] | None = None) -> float:
        """The metric on these rows."""
        if not len(rows):
            raise UndefinedMetric(f"`{self.name}`: there are no rows")
        return self._measure(rows).whole()

    def resampled(self, rows: Outcomes, weights: Floats, args: Mapping[str, Any] | None = None) -> Floats:
        """One value per line of `weights`, which say how often each row was drawn; NaN for a draw without rows."""
        measure = self._measure(rows)
        counts = np.ascontiguousarray(weights, dtype="<i4")
        return np.array([measure.drawn(line.tobytes()) if line.any() else np.nan for line in counts])

    def _measure(self, rows: Outcomes) -> Measure:
        """The rows in the process; they are kept there, since every block of draws asks for the same."""
        known = self._measures.get(id(rows))
        if known is None:
            columns = [self._column(name, kind, rows) for name, kind in self.declaration.parameters]
            known = self._measures[id(rows)] = (rows, self._externs.measure(self.name, columns))
        return known[1]

    def _column(self, name: str, kind: str, rows: Outcomes) -> Any:
        import pyarrow as pa

        values = {"score": rows.score, "label": rows.y, "decision": rows.decision}[name]
        item = _ITEMS[kind]
        if values.ndim != 1:
            raise self._unfit(name, kind, "a score for each of many classes")
        if item == "string" and rows.task not in NUMBERS:
            return pa.array([str(rows.classes[int(place)]) for place in values], type=pa.string())
        if item == "bool" and rows.task == "binary" and name != "score":
            return pa.array(values.astype(bool))
        if item == "float" and (rows.task in NUMBERS or name == "score"):
            return pa.array(np.asarray(values, dtype=np.float64))
        if item == "int" and rows.task not in NUMBERS and name != "score":
            return pa.array(np.asarray(values, dtype=np.int64))
        raise self._unfit(name, kind, f"that of a {rows.task} task")

    def _unfit(self, name: str, kind: str, found: str) -> StageError:
        return StageError("MLS201", f"the extern metric `{self.name}` takes `{name}` as `{kind}`", self.name, expected=kind, found=found,
                          help="declare the parameter as the label is: `list(bool)` of two classes, `list(string)` of more, `list(float)` of a number")  # fmt: skip
