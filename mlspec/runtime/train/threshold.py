"""The score from which on a decision is positive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlspec.runtime.errors import StageError
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target

METRICS = ("accuracy", "balanced_accuracy", "f1", "precision", "recall")


def needs_scores(config: Mapping[str, Any] | None, calibrated: bool) -> bool:
    """Whether the threshold is chosen by looking at predictions."""
    if config is None or config["method"] == "fixed":
        return False
    return config["method"] == "maximize" or not calibrated


def choose_threshold(
    config: Mapping[str, Any] | None, calibrated: bool, scores: Floats | None, target: Target, where: str = ""
) -> float | None:
    """The threshold of a two-class model, None for any other.

    `cost_ratio` with calibrated scores is the closed form c_fp / (c_fp + c_fn); without, the score with the least cost on the
    given predictions. Of equally good scores the highest is taken.
    """
    if target.task != "binary":
        if config is not None and config["method"] != "fixed":
            raise StageError("MLS212", "a threshold needs a label of two classes", where, expected="two classes",
                             found=target.task, help="leave `threshold` out")  # fmt: skip
        return None
    if config is None:
        return 0.5
    if config["method"] == "fixed":
        return float(config["value"])
    if config["method"] == "cost_ratio" and calibrated:
        wrong_alarm, wrong_pass = float(config["false_pos"]), float(config["false_neg"])
        return wrong_alarm / (wrong_alarm + wrong_pass)
    assert scores is not None
    known, gains = _gains(config, scores, target.y, where)
    return float(known[int(np.argmax(gains))])


def _gains(config: Mapping[str, Any], scores: Floats, y: Floats, where: str) -> tuple[Floats, Floats]:
    """Every score, highest first, and how good a threshold it makes; before them one above all, at which no row is positive."""
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], np.cumsum(y[order])
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))  # equal scores are decided alike
    none = np.zeros(1)
    found, alarms = np.append(none, hits[last]), np.append(none, (last + 1.0) - hits[last])
    known = np.append(np.nextafter(ordered[0], np.inf), ordered[last])
    positives, negatives = float(y.sum()), float(len(y) - y.sum())
    if config["method"] == "cost_ratio":
        return known, -(config["false_pos"] * alarms + config["false_neg"] * (positives - found))
    return known, _metric(str(config["metric"]), found, alarms, positives, negatives, where)


def _metric(name: str, found: Floats, alarms: Floats, positives: float, negatives: float, where: str) -> Floats:
    match name:
        case "accuracy":
            return (found + negatives - alarms) / (positives + negatives)
        case "balanced_accuracy":
            return (found / positives + (negatives - alarms) / negatives) / 2
        case "f1":
            return 2 * found / (found + alarms + positives)
        case "precision":
            return found / np.maximum(found + alarms, 1.0)
        case "recall":
            return found / positives
    raise StageError(
        "MLS209", f"`{name}` does not choose a threshold", f"{where}.threshold", expected=", ".join(METRICS), found=name,
        help="choose a metric of decisions, or `cost_ratio`",
    )  # fmt: skip
