"""Fits that grow by rounds and stand still in between: judged after so many rounds, the same fit goes on.

LightGBM and XGBoost call back after each round; such a fit runs in a thread of its own, and only while it is waited for. What it
predicts for the judging rows they keep themselves, tree by tree. Estimators of scikit-learn go on by `warm_start`. A fit that
stood still has the trees of one that did not. Whoever opens one has limited the threads and holds the warnings.
"""

from __future__ import annotations

import inspect
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from mlspec.catalogue.rounds import fixed_rounds
from mlspec.runtime.estimators.build import build_estimator, catalogue_row
from mlspec.runtime.estimators.fit import class_scores, fit_held, predicted
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target


class RoundsFit(Protocol):
    """A fit that goes on."""

    @property
    def fitted(self) -> Any:
        """What has been fitted so far: the estimator, or the booster inside it."""

    def advance(self, rounds: int) -> None:
        """Go on until so many rounds are fitted."""

    def scores(self) -> Floats:
        """The scores of the judging rows after these rounds."""
        ...

    def close(self) -> None:
        """Leave the fit as it is."""


def open_rounds_fit(
    name: str, params: Mapping[str, Any], most: int, seed: int, rows: tuple[Floats, Target], judging: tuple[Floats, Target],
    where: str, weights: Floats | None = None,
) -> RoundsFit:  # fmt: skip
    """A fit of at most so many rounds on rows, judged on others."""
    estimator = build_estimator(name, {**params, **fixed_rounds(name, most)}, seed, where)
    match catalogue_row(name, where).library:
        case "lightgbm":
            return _Lightgbm(estimator, rows, judging, where, weights)
        case "xgboost":
            return _Xgboost(estimator, rows, judging, where, weights)
    return _Warm(estimator, name, rows, judging, where, weights)


class _Warm:
    """An estimator of scikit-learn: each leg adds to the trees that are there."""

    def __init__(
        self, estimator: Any, name: str, rows: tuple[Floats, Target], judging: tuple[Floats, Target], where: str, weights: Any
    ) -> None:
        self.fitted = estimator.set_params(warm_start=True)
        self._name, self._rows, self._judging, self._where, self._weights = name, rows, judging, where, weights

    def advance(self, rounds: int) -> None:
        self.fitted.set_params(**fixed_rounds(self._name, rounds))
        fit_held(self.fitted, *self._rows, self._where, self._weights)

    def scores(self) -> Floats:
        return predicted(self.fitted, *self._judging)

    def close(self) -> None:
        pass


class _CalledBack(ABC):
    """A fit in a thread that waits after the round that it was to reach. Either it runs or who advances it, never both."""

    def __init__(
        self, estimator: Any, rows: tuple[Floats, Target], judging: tuple[Floats, Target], where: str, weights: Any
    ) -> None:
        self.fitted: Any = None
        self._estimator, self._rows, self._judging, self._where, self._weights = estimator, rows, judging, where, weights
        self._go, self._still = threading.Semaphore(0), threading.Semaphore(0)
        self._reached = self._wanted = 0
        self._closed = self._ended = False
        self._error: Exception | None = None
        self._seen: Any = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def advance(self, rounds: int) -> None:
        if rounds <= self._reached or self._ended:  # a library may see nothing more to learn
            return
        self._wanted = rounds
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._go.release()
        self._still.acquire()
        if self._error is not None:
            raise self._error

    def scores(self) -> Floats:
        target, found = self._judging[1], np.asarray(self._seen, dtype=np.float64)
        if target.task == "regression":
            return found.reshape(-1)
        by_class = np.stack([1.0 - found, found], axis=1) if found.ndim == 1 else found
        return class_scores(by_class, np.unique(self._rows[1].y.astype(np.int64)), target.task, target.classes)

    def close(self) -> None:
        self._closed = True
        if self._thread.is_alive():
            self._go.release()
            self._thread.join()

    def _run(self) -> None:
        try:
            fit_held(_with(self._estimator, self._arguments()), *self._rows, self._where, self._weights)
        except Exception as error:  # it belongs to whoever waits for the rounds
            self._error = error
        self._ended = True
        self._still.release()

    @abstractmethod
    def _arguments(self) -> dict[str, Any]:
        """What `fit` is called with beside the rows."""

    def _judged(self) -> list[tuple[Floats, Any]]:
        """The judging rows, with labels that nothing reads: every library can code the first of those that it was given."""
        rows, labels = self._judging[0], self._rows[1].y
        first = labels[0] if self._rows[1].task == "regression" else int(labels[0])
        return [(rows, np.full(len(rows), first))]

    def _after(self, rounds: int, fitted: Any) -> bool:
        """In the fit's thread, after a round: whether the fit is to end."""
        self.fitted, self._reached = fitted, rounds
        if rounds >= self._wanted and not self._closed:
            self._still.release()
            self._go.acquire()
        return self._closed


class _Lightgbm(_CalledBack):
    def _arguments(self) -> dict[str, Any]:
        from lightgbm.callback import EarlyStopException

        def after(state: Any) -> None:
            if self._after(state.iteration + 1, state.model):
                raise EarlyStopException(state.iteration, [])

        def seen(labels: Floats, scores: Floats) -> tuple[str, float, bool]:
            self._seen = scores
            return "seen", 0.0, True

        self._estimator.set_params(metric="None")
        ((rows, labels),) = self._judged()
        apart = "eval_X" in inspect.signature(self._estimator.fit).parameters  # from 4.7 on, which calls `eval_set` deprecated
        judged = {"eval_X": rows, "eval_y": labels} if apart else {"eval_set": [(rows, labels)]}
        return {**judged, "eval_metric": seen, "callbacks": [after]}


class _Xgboost(_CalledBack):
    def _arguments(self) -> dict[str, Any]:
        from xgboost.callback import TrainingCallback

        found = self

        class After(TrainingCallback):
            def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
                return found._after(epoch + 1, model)

        def seen(labels: Floats, scores: Floats) -> float:
            self._seen = scores
            return 0.0

        self._estimator.set_params(callbacks=[After()], eval_metric=seen, disable_default_eval_metric=True)
        return {"eval_set": self._judged(), "verbose": False}


def _with(estimator: Any, arguments: dict[str, Any]) -> Any:
    """An estimator whose `fit` takes further arguments that are always the same; by its own name in messages."""

    def fit(self: Any, matrix: Floats, labels: Any, **weights: Any) -> None:
        estimator.fit(matrix, labels, **arguments, **weights)

    return type(type(estimator).__name__, (), {"fit": fit})()
