"""The ROC curve and the confusion matrix of one model, in the shape of KFP's `system.ClassificationMetrics`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.runtime import files
from mlspec.runtime.figures import class_names

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

POINTS = 100


def classification(metrics: Path, predictions: Path, model: str) -> dict[str, Any]:
    """`confusionMatrix`, and `confidenceMetrics` of a binary label, as the SDK's own artifact class would hold them."""
    found = files.read_json(metrics / "metrics.json")
    label, curves = found["label"], found["curves"][model]
    shown: dict[str, Any] = {}
    if "confusion" in curves:
        shown["confusionMatrix"] = _matrix(class_names(label), curves["confusion"]["counts"])
    if "roc" in curves:
        shown["confidenceMetrics"] = _roc(predictions, model, label)
    return shown


def _matrix(names: list[str], counts: list[list[int]]) -> dict[str, Any]:
    return {"annotationSpecs": [{"displayName": name} for name in names], "rows": [{"row": row} for row in counts]}


def _roc(predictions: Path, model: str, label: dict[str, Any]) -> list[dict[str, float]]:
    """Points of the curve with their thresholds: a row is called positive when its score is at least that."""
    import numpy as np
    import pyarrow.parquet as pq

    table = pq.read_table(predictions / "rows.parquet", columns=["label", f"{model}.score"])
    score = table[f"{model}.score"].to_numpy()
    positive = np.array([value == label["positive"] for value in table["label"].to_pylist()])
    order = np.argsort(-score, kind="stable")
    last_of_score = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    hits = np.cumsum(positive[order])[last_of_score]
    alarms = last_of_score + 1 - hits
    kept = _thin(len(last_of_score))
    start = {"confidenceThreshold": math.nextafter(float(score.max()), math.inf), "recall": 0.0, "falsePositiveRate": 0.0}
    thresholds = score[order][last_of_score]
    return [start, *(_point(thresholds, hits / hits[-1], alarms / alarms[-1], at) for at in kept)]


def _point(
    thresholds: npt.NDArray[np.float64], recall: npt.NDArray[np.float64], alarms: npt.NDArray[np.float64], at: int
) -> dict[str, float]:
    return {"confidenceThreshold": float(thresholds[at]), "recall": float(recall[at]), "falsePositiveRate": float(alarms[at])}


def _thin(count: int) -> list[int]:
    """At most `POINTS` places from 0 to `count` - 1, evenly, both ends among them."""
    if count <= POINTS:
        return list(range(count))
    return sorted({round(step * (count - 1) / (POINTS - 1)) for step in range(POINTS)})
