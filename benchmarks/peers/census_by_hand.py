"""The peer of `mlspec run` on the census: the same work as one plain script: `python -m benchmarks.peers.census_by_hand DATA STUDY OUT`.

It reads and checks the rows, describes the train part, splits, searches, refits, exports to ONNX, scores the holdout through
onnxruntime, judges the gates, measures the latency of its own served endpoint, writes a report and logs to MLflow. The trials
are those of STUDY, so that both sides fit the same models.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
from sklearn.dummy import DummyClassifier

from benchmarks.peers.census_fits import Folds, Transform, by_label, model_of, trials_of, two_parts
from benchmarks.peers.census_latency import latency_windows
from benchmarks.peers.census_metrics import accuracies, calibration_error, delong, draws, gap, newcombe
from benchmarks.peers.census_pages import report_page, statistics_page
from benchmarks.peers.census_tracking import register, track

SEED = 7
RANGES = {
    "age": (17, 90), "education_num": (1, 16), "capital_gain": (0, 99_999), "capital_loss": (0, 4_356), "hours_per_week": (1, 99),
}  # fmt: skip
REQUIRED = ["relationship", "sex", "income", *RANGES]
VALUES = {"sex": {"Female", "Male"}, "income": {"<=50K", ">50K"}}
FOLDS: list[Folds] = []


def read(data: Path) -> pd.DataFrame:
    """The rows, refused when they are not what the script was written for."""
    rows = pd.read_parquet(data)
    problems = [f"{name} has missing values" for name in REQUIRED if rows[name].isna().any()]
    problems += [f"{name} is out of range" for name, (low, high) in RANGES.items() if not rows[name].between(low, high).all()]
    problems += [f"{name} has other values" for name, known in VALUES.items() if not set(rows[name].unique()) <= known]
    if len(rows) < 30_000:
        problems.append("too few rows")
    if rows["workclass"].isna().mean() > 0.08:
        problems.append("too many rows without a workclass")
    if problems:
        raise SystemExit("; ".join(problems))
    return rows


def statistics(rows: pd.DataFrame) -> dict[str, Any]:
    """What the train part looks like: missing values, the label by value of each column, correlations."""
    rich = rows["income"] == ">50K"
    numbers = rows.select_dtypes("number")
    rates = {}
    for name in rows.columns.drop("income"):
        groups = pd.qcut(rows[name], 10, duplicates="drop") if name in numbers else rows[name].fillna("missing")
        table = rich.groupby(groups, observed=True).agg(["size", "mean"])
        rates[name] = [
            (str(value), int(row["size"]), float(row["mean"])) for value, row in table.iterrows() if row["size"] >= 20
        ]
    return {
        "rows": len(rows), "missing": rows.isna().mean().to_dict(), "columns": numbers.describe().to_dict(), "rates": rates,
        "correlation": numbers.corr().to_dict(),
    }  # fmt: skip


def score_trial(trial: dict[str, Any]) -> float:
    """One trial, in a forked worker that shares the folds."""
    return FOLDS[0].score(trial, range(len(FOLDS[0].made)))


def search(train: pd.DataFrame, trials: list[dict[str, Any]]) -> tuple[dict[str, Any], list[float]]:
    """The best trial and every trial's mean AUC over the folds, in two processes."""
    FOLDS.append(Folds(train, by_label(train, SEED)))
    with multiprocessing.get_context("fork").Pool(2) as pool:
        scores = pool.map(score_trial, trials, chunksize=1)
    return trials[int(np.argmax(scores))], scores


def export(model: Any, width: int, out: Path) -> Path:
    """The fitted model as an ONNX file."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    path = out / "model.onnx"
    options = {id(model): {"zipmap": False}}
    found: Any = convert_sklearn(model, initial_types=[("X", FloatTensorType([None, width]))], options=options)
    path.write_bytes(found.SerializeToString())
    return path


def predict(path: Path, matrix: np.ndarray) -> np.ndarray:
    """P(income above 50K) of each row, by the exported model."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"X": matrix.astype(np.float32)})[1])[:, 1].astype(float)


def evaluate(holdout: pd.DataFrame, score: np.ndarray, majority: np.ndarray) -> dict[str, dict[str, Any]]:
    """Each gate with its value, interval and verdict; the latency comes later."""
    label = (holdout["income"] == ">50K").to_numpy()
    sex = holdout["sex"].to_numpy()
    auc, auc_low, auc_high = delong(label, score)
    ours, base = accuracies(label, score), majority == label
    margin, margin_low, margin_high = newcombe(ours, base)
    error, unfair = calibration_error(label, score), gap(label, score, sex)
    error_low, error_high = draws(lambda at: calibration_error(label[at], score[at]), len(label))
    unfair_low, unfair_high = draws(lambda at: gap(label[at], score[at], sex[at]), len(label))
    return {
        "useful": {"value": auc, "low": auc_low, "high": auc_high, "passed": auc_low >= 0.88},
        "beats_majority": {"value": margin, "low": margin_low, "high": margin_high, "passed": margin_low >= 0.05},
        "calibrated": {"value": error, "low": error_low, "high": error_high, "passed": error <= 0.03},
        "fair_errors": {"value": unfair, "low": unfair_low, "high": unfair_high, "passed": unfair <= 0.12},
    }


def main() -> None:
    """Everything, from the rows to a registered model."""
    warnings.simplefilter("ignore")
    data, study, out = (Path(argument) for argument in sys.argv[1:])
    rows = read(data)
    train, holdout = two_parts(rows, SEED)
    found = statistics(train)
    (out / "statistics.json").write_text(json.dumps(found))
    (out / "statistics.html").write_text(statistics_page(found))
    trials = trials_of(study)
    best, scores = search(train, trials)
    transform, label = Transform(train), train["income"] == ">50K"
    matrix = transform.apply(train)
    model = model_of(best, SEED).fit(matrix, label)
    baseline = DummyClassifier().fit(matrix, label)
    path = export(model, matrix.shape[1], out)
    transform.save(out / "transform.json")
    inputs = transform.apply(holdout)
    score = predict(path, inputs)
    if not np.allclose(score, model.predict_proba(inputs)[:, 1], atol=1e-3):
        raise SystemExit("the exported model answers otherwise than the fitted one")
    pd.DataFrame({"score": score}).to_parquet(out / "scores.parquet")
    gates = evaluate(holdout, score, np.asarray(baseline.predict(inputs)))
    windows = latency_windows(out, holdout)
    gates["fast"] = {"value": min(windows), "low": None, "high": None, "passed": min(windows) <= 0.020}
    (out / "metrics.json").write_text(json.dumps(gates, default=float))
    label_held = (holdout["income"] == ">50K").to_numpy()
    (out / "report.html").write_text(report_page(best, scores, gates, label_held, score))
    run = track(out, best, scores, gates)
    if all(gate["passed"] for gate in gates.values()):
        register(out, run, transform)


if __name__ == "__main__":
    main()
