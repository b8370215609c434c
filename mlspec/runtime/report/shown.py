"""Numbers as the report writes them, in the unit that their gate or metric has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlspec.runtime.report.charts.scale import label
from mlspec.runtime.wording import literal, number

SHARES = frozenset(
    [
        "accuracy",
        "balanced_accuracy",
        "precision",
        "recall",
        "selection_rate",
        "false_pos_rate",
        "false_neg_rate",
        "calibration_error",
        "top_k",
        "mape",
        "precision_at",
        "recall_at",
    ]
)
NAMES = {
    "auc": "AUC", "average_precision": "average precision", "balanced_accuracy": "balanced accuracy", "f1": "F1",
    "log_loss": "log loss", "brier": "Brier score", "calibration_error": "calibration error", "selection_rate": "selection rate",
    "false_pos_rate": "false-positive rate", "false_neg_rate": "false-negative rate", "macro_f1": "macro F1",
    "weighted_f1": "weighted F1", "rmse": "RMSE", "mae": "MAE", "mape": "MAPE", "r2": "R²",
    "ndcg": "NDCG at 10", "map": "mean average precision", "mrr": "mean reciprocal rank", "precision_at": "precision at 10", "recall_at": "recall at 10",
}  # fmt: skip


def metric_name(name: str) -> str:
    """A metric as people call it."""
    return NAMES.get(name, name)


def in_unit(unit: str | None) -> Callable[[float], str]:
    """How numbers of a gate are written: percent, points, milliseconds, bytes or plain."""
    if unit in ("ratio", "points"):
        return lambda value: f"{number(round(value * 100, 2))}{'%' if unit == 'ratio' else 'pp'}"
    if unit in ("duration", "bytes", "rate"):
        return lambda value: literal(value, unit)
    return decimal


def decimal(value: float) -> str:
    """Four digits behind the point for small numbers, four in all for larger, the page's labels for large ones."""
    if abs(value) < 10:
        return f"{value:.4f}".rstrip("0").rstrip(".")
    return f"{value:.4g}" if abs(value) < 1000 else label(value)


def of_metric(name: str, value: float | None) -> str:
    """A metric's value: shares as percent."""
    if value is None:
        return "–"
    return f"{value:.1%}" if name in SHARES else decimal(value)


def plain(value: Any) -> str:
    """A parameter or fact."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.5g}"
    return str(value)
