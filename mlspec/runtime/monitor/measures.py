"""The Live measures of a window, computed when a check asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mlspec.runtime.errors import StageError
from mlspec.runtime.monitor import statistics
from mlspec.runtime.monitor.logs import LogView
from mlspec.runtime.monitor.profile import Profile
from mlspec.runtime.monitor.statistics import ALPHA, MIN_RECORDS, Estimate, insufficient
from mlspec.runtime.monitor.window import Reference, Window

# Metrics of the decision alone: no label has to arrive first.
UNLABELLED = frozenset({"selection_rate"})


class WindowMeasures:
    """Measures of one window against one reference. `labelled` gives the rows whose labels have arrived, when asked."""

    def __init__(
        self, reference: Reference, window: Window, view: LogView, where: str,
        labelled: Callable[[], list[dict[str, Any]]] | None = None, delayed: bool = False,
    ) -> None:  # fmt: skip
        self.reference = reference
        self.window = window
        self.view = view
        self.where = where
        self._labelled = labelled
        self.delayed = delayed

    def each(self, name: str, of: Any, tests: int) -> dict[str, Estimate]:
        """A distance or the null rate for each thing watched."""
        alpha = ALPHA / max(1, tests)
        return {label: self._distance(name, *pair, alpha) for label, pair in self._watched(of).items()}

    def _watched(self, of: Any) -> dict[str, tuple[Profile, Profile]]:
        if of[0] == "ambient" and of[1] in ("score", "probability"):
            if not self.window.score:
                raise _lacks(str(of[1]), self.where)
            return {name: (self.reference.score[name], live) for name, live in self.window.score.items()}
        names = of[1] if of[0] == "features" else [of[1]]
        missing = [name for name in names if name not in self.window.features]
        if missing or of[0] not in ("features", "feature"):
            raise _lacks(str(missing[0] if missing else of[1]), self.where)
        return {str(name): (self.reference.features[name], self.window.features[name]) for name in names}

    def _distance(self, name: str, reference: Profile, live: Profile, alpha: float) -> Estimate:
        if name == "null_rate":
            return statistics.share(live.nulls, live.n)
        if name == "ks":
            if reference.fine_counts is None or live.fine_counts is None:
                return Estimate(0.0, 0.0, live.n, "a category has no distribution function")
            return statistics.ks(reference.fine_counts, live.fine_counts, alpha)
        distance = statistics.psi if name == "psi" else statistics.js
        return distance(reference.with_nulls(), live.with_nulls(), alpha)

    def rate(self, condition: Any) -> Estimate:
        """The share of records for which a condition on the logged values is true."""
        from mlspec.runtime.prepare.online import compile_row

        function = compile_row(condition, self.where)
        rows = self.window.rows
        return statistics.share(sum(function(row) is True for row in rows), len(rows))

    def metric(self, name: str, args: Mapping[str, Any]) -> Estimate:
        """A metric on all records of the window."""
        return self._metric(name, args, self._rows(name))

    def metric_by(self, name: str, args: Mapping[str, Any], by: Any) -> dict[str, Estimate]:
        """A metric per value of a logged feature."""
        if by[0] != "feature" or not self.view.has_feature(by[1]):
            raise _lacks(str(by[1]), self.where)
        groups: dict[str, list[dict[str, Any]]] = {}
        for row in self._rows(name):
            groups.setdefault(str(row["features"].get(by[1])), []).append(row)
        return {value: self._metric(name, args, rows) for value, rows in sorted(groups.items())}

    def _rows(self, name: str) -> list[dict[str, Any]]:
        if name in UNLABELLED:
            return [row for row in self.window.rows if row["decision"] is not None]
        if self._labelled is None:
            raise StageError(
                "MLS609", f"`{name}` needs labels that arrive later", self.where, expected="@delay(…) and the source's key in the log",
                found="no label to join", help="add `@delay(…)` to the definition and log the `@key` of the label's source",
            )  # fmt: skip
        return self._labelled()

    def _metric(self, name: str, args: Mapping[str, Any], rows: list[dict[str, Any]]) -> Estimate:
        from mlspec.runtime.evaluate.metrics import metric_of
        from mlspec.runtime.evaluate.outcomes import UndefinedMetric

        if len(rows) < MIN_RECORDS:
            return insufficient(len(rows))
        try:
            outcomes = self._outcomes(rows, labelled=name not in UNLABELLED)
            return Estimate(metric_of(name, self.reference.label["task"]).value(outcomes, args), 0.0, len(rows))
        except UndefinedMetric as error:
            return insufficient(len(rows), str(error))

    def _outcomes(self, rows: list[dict[str, Any]], labelled: bool) -> Any:
        from mlspec.runtime.evaluate.held_out import class_places
        from mlspec.runtime.evaluate.outcomes import outcomes_of
        from mlspec.runtime.evaluate.scoring import favourable_code

        label = self.reference.label
        key = "label" if labelled else "decision"
        if label["task"] == "regression":
            return outcomes_of([float(row[key]) for row in rows], [row["score"] for row in rows], task="regression")
        places = class_places(label)
        decisions = [places[row["decision"]] for row in rows]
        scores = [_as_vector(row["score"], label) for row in rows]
        return outcomes_of(
            [places[row[key]] for row in rows], np.array(scores, dtype=np.float64), decisions, task=label["task"],
            classes=label["classes"], favourable=favourable_code(label),
        )  # fmt: skip


def _as_vector(score: Any, label: Mapping[str, Any]) -> Any:
    if isinstance(score, Mapping):
        return [score[str(value)] for value in label["classes"]]
    return float("nan") if score is None else score


def _lacks(name: str, where: str) -> StageError:
    return StageError(
        "MLS613", f"the log does not hold `{name}`", where, expected=f"`{name}` in the log of the server",
        found="other fields", help=f"log it: `{name} := {name}`",
    )  # fmt: skip
