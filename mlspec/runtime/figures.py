"""The numbers and curves of a finding, flat, for pages that are not ours: DVC's, KFP's, MLflow's.

A finding is an artifact folder with metrics, a verdict or a study. Names are made of words of the spec, so they are data: whoever
makes a file or a command of one uses an id of the plan in its place.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlspec.graph.model import Stage
from mlspec.runtime import files

Point = dict[str, "float | str"]

ENDS = (("value", ""), ("low", ".low"), ("high", ".high"))
SHARES_OF = 10_000
"""Rows in a file of decisions at most: a page that counts rows needs one a decision, and shares stay right to 0.01 %."""


def scalars(folder: Path) -> dict[str, float]:
    """Every number of a finding that has a value: metrics by `model.metric`, gates by `gate.quantity`, checks, the best trial."""
    found: dict[str, Any] = {}
    for read, document in (
        (_of_metrics, "metrics.json"),
        (_of_verdict, "verdict.json"),
        (_of_study, "study.json"),
        (_of_history, "history.json"),
    ):
        if (folder / document).is_file():
            found |= read(files.read_json(folder / document))
    return {name: float(value) for name, value in found.items() if is_number(value)}


def is_number(value: Any) -> bool:
    """Whether a page can draw it: an int, a bool or a finite float."""
    return isinstance(value, int | float) and math.isfinite(value)


def _of_metrics(metrics: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for model, values in metrics.get("models", {}).items():
        for metric, entry in values.items():
            found |= {f"{model}.{metric}{end}": entry[key] for key, end in ENDS}
    found |= {f"gate.{name}": entry.get("value") for name, entry in metrics.get("quantities", {}).items()}
    for check in metrics.get("checks", ()):
        found |= {f"{check['name']}.passed": check["passed"], f"{check['name']}.value": check.get("value")}
    return found


def _of_verdict(verdict: Mapping[str, Any]) -> dict[str, Any]:
    return {"passed": verdict["passed"]}


def _of_study(study: Mapping[str, Any]) -> dict[str, Any]:
    return {"best": study["best"]["value"], "best.trial": study["best"]["number"], "trials": len(study["trials"]),
            "failed": study["failed"]}  # fmt: skip


def _of_history(history: Mapping[str, Any]) -> dict[str, Any]:
    last, metric = history["epochs"][-1], (history.get("metric") or {}).get("name")
    best = {f"best.{metric}": history["epochs"][history["best"] - 1][metric], "best.epoch": history["best"]} if metric else {}
    return {"loss": last["loss"], "epochs": last["epoch"], "parameters": history["parameters"], **best}


def curves(folder: Path) -> dict[str, list[Point]]:
    """Every curve of a finding as rows: `roc precision_recall calibration confusion residuals` with `.model`, `history importance`."""
    found: dict[str, list[Point]] = {}
    if (folder / "metrics.json").is_file():
        metrics = files.read_json(folder / "metrics.json")
        for model, drawn in metrics.get("curves", {}).items():
            found |= {f"{name}.{model}": rows for name, rows in _of_model(drawn, metrics["label"])}
    if (folder / "study.json").is_file():
        study = files.read_json(folder / "study.json")
        found |= {"history": _history(study), "importance": _importance(study)}
    if (folder / "history.json").is_file():
        found |= {"training": [dict(record) for record in files.read_json(folder / "history.json")["epochs"]]}
    return {name: rows for name, rows in found.items() if rows}


def _of_model(drawn: Mapping[str, Any], label: Mapping[str, Any]) -> Iterable[tuple[str, list[Point]]]:
    yield "roc", [{"false_positive_rate": x, "recall": y} for x, y in drawn.get("roc", ())]
    yield "precision_recall", [{"recall": x, "precision": y} for x, y in drawn.get("precision_recall", ())]
    yield "calibration", [{"score": part["score"], "observed": part["observed"], "rows": part["n"]}
                          for part in drawn.get("calibration", ())]  # fmt: skip
    yield "confusion", _confusion(drawn.get("confusion"), label)
    yield "residuals", _residuals(drawn.get("residuals"))


def _confusion(counted: Mapping[str, Any] | None, label: Mapping[str, Any]) -> list[Point]:
    """A row for each pair of true class and decision, with how many rows of the part it holds."""
    if not counted:
        return []
    names = class_names(label)
    return [
        {"actual": actual, "decision": decision, "rows": count}
        for actual, row in zip(names, counted["counts"], strict=True)
        for decision, count in zip(names, row, strict=True)
    ]


def class_names(label: Mapping[str, Any]) -> list[str]:
    """The classes in the order of their codes: of a binary label what is not positive, then the positive one."""
    if label["task"] != "binary":
        return [class_name(value) for value in label["classes"]]
    positive = class_name(label["positive"])
    rest = [class_name(value) for value in label["classes"] if value != label["positive"]]
    return [rest[0] if len(rest) == 1 else f"not {positive}", positive]


def class_name(value: Any) -> str:
    """A class as the spec writes it: `true`, not Python's name for it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _residuals(drawn: Mapping[str, Any] | None) -> list[Point]:
    """Three rows for each bin of predictions: the median of its errors and the ends of nine in ten."""
    if not drawn:
        return []
    wanted = [(place, quantile) for place, quantile in enumerate(drawn["quantiles"]) if quantile in (5, 50, 95)]
    return [
        {"prediction": part["prediction"], **{f"error_{quantile}": part["error"][place] for place, quantile in wanted}}
        for part in drawn["bins"]
    ]


def _history(study: Mapping[str, Any]) -> list[Point]:
    """The finished trials in order, with the best value so far."""
    upward = (study.get("objective") or {}).get("direction", "maximize") == "maximize"
    finished = [(int(trial["number"]), str(trial["family"]), float(trial["value"])) for trial in finished_trials(study)]
    broken = {
        int(trial["number"])
        for trial in finished_trials(study)
        if any(by > 0 for by in (trial.get("violations") or {}).values())
    }
    best = dict(best_so_far([(number, value) for number, _, value in finished if number not in broken], upward=upward))
    rows: list[Point] = []
    so_far = math.nan
    for number, family, value in sorted(finished):
        so_far = best.get(number, so_far)
        rows.append({"trial": number, "family": family, "value": value, "best": so_far})
    return rows


def finished_trials(study: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The trials with a value, in order."""
    return [trial for trial in study.get("trials", ()) if is_number(trial.get("value"))]


def best_so_far(points: Sequence[tuple[int, float]], *, upward: bool) -> list[tuple[int, float]]:
    """The (number, value) of each trial that was better than all before it."""
    found: list[tuple[int, float]] = []
    for number, value in sorted(points):
        if not found or (value > found[-1][1] if upward else value < found[-1][1]):
            found.append((number, value))
    return found


def _importance(study: Mapping[str, Any]) -> list[Point]:
    rows = study.get("importance") or ()
    return [{"parameter": f"{row['family']}.{row['parameter']}" if row.get("family") else str(row["parameter"]),
             "importance": float(row["importance"])} for row in rows]  # fmt: skip


def write_figures(stage: Stage, made: Mapping[str, Path], target: Path) -> None:
    """Replace `metrics.json` in the folder `target` by the numbers of what a stage made, and `curves/` by its curves.

    A model's curve goes by the id of the stage that made it: `curves/roc/tune-search.json`, `curves/confusion/tune-search.csv`.
    """
    makers = {name.removeprefix("package."): source for name, source, _ in stage.upstream() if name.startswith("package.")}
    numbers: dict[str, float] = {}
    rows: dict[str, list[Point]] = {}
    for folder in made.values():
        numbers |= scalars(folder)
        rows |= curves(folder)
    files.remove_tree(target / "curves")
    files.make_folder(target / "curves")
    for name, points in rows.items():
        curve, _, model = name.partition(".")
        path = target / "curves" / (f"{curve}/{makers[model]}" if model else curve)
        files.make_folder(path.parent)
        if curve == "confusion":
            files.write_text(path.with_suffix(".csv"), decisions(points))
        else:
            files.write_json(path.with_suffix(".json"), points)
    files.write_json(target / "metrics.json", numbers)


def decisions(points: Sequence[Point]) -> str:
    """A confusion as CSV with one line a row, for pages that count lines themselves; of many rows, a part with the same shares."""
    counts = [int(point["rows"]) for point in points]
    total = sum(counts)
    if total > SHARES_OF:
        counts = [math.ceil(count * SHARES_OF / total) if count else 0 for count in counts]
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["actual", "decision"])
    for point, count in zip(points, counts, strict=True):
        lines.writerows([[point["actual"], point["decision"]]] * count)
    return text.getvalue()
