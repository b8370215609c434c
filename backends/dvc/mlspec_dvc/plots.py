"""The curves that `dvc plots` draws and the packages that DVC's registry lists, by ids of the plan."""

from __future__ import annotations

import re
from typing import Any

from mlspec.backend import At
from mlspec.graph import Graph, Stage
from mlspec.graph.kinds import LOOKED_UP
from mlspec_dvc import layout

_LINES = {
    "roc": ("ROC", "false_positive_rate", "recall", "false-positive rate", "recall"),
    "precision_recall": ("precision and recall", "recall", "precision", "recall", "precision"),
    "calibration": ("calibration", "score", "observed", "mean score", "share of positives"),
}
"""Per curve: title, the fields of x and y, their labels."""


def plots_of(graph: Graph) -> list[dict[str, Any]]:
    """The top-level plots, in the order of the stages."""
    found: list[dict[str, Any]] = []
    for stage in graph:
        draw = _OF_KIND.get(stage.kind)
        found += [{name: At(plot, stage.block)} for name, plot in (draw(stage) if draw is not None else ())]
    return found


def _makers(stage: Stage) -> list[str]:
    """The ids of the stages whose packages are scored, the candidate's first."""
    candidate = f"package.{stage.config.get('candidate')}"
    named = sorted((name != candidate, name, source) for name, source, _ in stage.upstream() if name.startswith("package."))
    return list(dict.fromkeys(source for _, _, source in named))


def _evaluation(stage: Stage) -> list[tuple[str, dict[str, Any]]]:
    folder, makers = layout.curves(stage.id), _makers(stage)
    wanted = stage.config.get("plots") or ()
    found = []
    for curve, (title, x, y, x_label, y_label) in _LINES.items():
        paths = [f"{folder}/{curve}/{maker}.json" for maker in (makers[:1] if curve == "calibration" else makers)]
        if curve in wanted and paths:
            found.append((f"{stage.id}: {title}", {
                "x": dict.fromkeys(paths, x), "y": dict.fromkeys(paths, y), "x_label": x_label, "y_label": y_label,
                "title": f"{stage.id}: {title}", "template": "simple"}))  # fmt: skip
    if "confusion" in wanted:
        found += [(f"{folder}/confusion/{maker}.csv", {
            "x": "decision", "y": "actual", "x_label": "decision", "y_label": "true class",
            "title": f"{stage.id}: decisions of {maker}", "template": "confusion_normalized"}) for maker in makers]  # fmt: skip
    if "residuals" in wanted and makers:
        path = f"{folder}/residuals/{makers[0]}.json"
        found.append((f"{stage.id}: errors", {
            "x": {path: "prediction"}, "y": {path: ["error_5", "error_50", "error_95"]}, "x_label": "prediction",
            "y_label": "prediction minus label", "title": f"{stage.id}: errors of {makers[0]}", "template": "simple"}))  # fmt: skip
    return found


def _study(stage: Stage) -> list[tuple[str, dict[str, Any]]]:
    history, importance = (f"{layout.curves(stage.id)}/{name}.json" for name in ("history", "importance"))
    return [
        (f"{stage.id}: history", {
            "x": {history: "trial"}, "y": {history: ["value", "best"]}, "x_label": "trial", "y_label": "objective",
            "title": f"{stage.id}: objective by trial", "template": "simple"}),
        (importance, {
            "x": "importance", "y": "parameter", "x_label": "share of the objective's spread", "y_label": "parameter",
            "title": f"{stage.id}: what mattered", "template": "bar_horizontal_sorted"}),
    ]  # fmt: skip


def _training(stage: Stage) -> list[tuple[str, dict[str, Any]]]:
    path = f"{layout.curves(stage.id)}/training.json"
    watched = (stage.config.get("stop_early") or {}).get("on")
    return [
        (f"{stage.id}: {name}", {
            "x": {path: "epoch"}, "y": {path: name}, "x_label": "epoch", "y_label": name, "title": f"{stage.id}: {name} by epoch", "template": "simple"})
        for name in ("loss", watched)
        if name
    ]  # fmt: skip


_OF_KIND = {"evaluate": _evaluation, "search": _study, "train": _training}


def artifacts_of(graph: Graph) -> dict[str, Any]:
    """Every package as a model of DVC's registry, under its stage's id without the step where that is one package's name."""
    makers = [stage for stage in graph if "package" in stage.outputs and stage.kind not in LOOKED_UP]
    short = [re.sub(r"-(?:fit|search|train)\Z", "", stage.id) for stage in makers]
    names = [name if short.count(name) == 1 else stage.id for name, stage in zip(short, makers, strict=True)]
    return {
        name: At({"path": layout.artifact(stage.id, "package"), "type": "model", "desc": f"what {stage.id} packaged"}, stage.block)
        for name, stage in zip(names, makers, strict=True)
    }  # fmt: skip
