"""The history of a training as numbers and curves for other pages."""

from __future__ import annotations

from pathlib import Path

from mlspec.runtime import files
from mlspec.runtime.figures import curves, scalars
from mlspec.runtime.report.evidence import Evidence
from mlspec.runtime.report.training_part import training_part
from mlspec.runtime.track.findings import epochs_of

HISTORY = {
    "format": 1, "name": "net", "network": {"name": "mlp", "hidden": [8]}, "optimiser": {"name": "sgd", "lr": 0.1}, "parameters": 49, "rows": 300,
    "metric": {"name": "auc", "part": "tune", "direction": "maximize"}, "requested": 9, "best": 2, "stopped": "stop_early",
    "epochs": [{"epoch": 1, "loss": 0.7, "lr": 0.1, "auc": 0.6}, {"epoch": 2, "loss": 0.6, "lr": 0.05, "auc": 0.8}, {"epoch": 3, "loss": 0.5, "lr": 0.01, "auc": 0.7}],
}  # fmt: skip


def stored(folder: Path) -> Path:
    files.write_json(folder / "history.json", HISTORY)
    return folder


def test_numbers_and_curves_of_a_training(tmp_path: Path) -> None:
    folder = stored(tmp_path)
    assert scalars(folder) == {"loss": 0.5, "epochs": 3.0, "parameters": 49.0, "best.auc": 0.8, "best.epoch": 2.0}
    assert curves(folder) == {"training": HISTORY["epochs"]}
    told = sorted(epochs_of({"history.net": folder, "metrics.release": folder}))
    assert told[:3] == [("net.auc", 1, 0.6), ("net.auc", 2, 0.8), ("net.auc", 3, 0.7)]
    assert {name for name, _, _ in told} == {"net.auc", "net.loss", "net.lr"}


def test_the_report_says_how_a_training_ended() -> None:
    (told,) = training_part(Evidence(history={"net": HISTORY}))
    assert told["ended"] == "3 of 9 epochs, then nothing was gained; the weights are those of epoch 2, AUC 0.8"
    assert (told["network"], told["framework"]) == ("mlp(hidden: [8])", "PyTorch")
    assert [chart["title"] for chart in told["charts"]] == ["Loss", "AUC", "Learning rate"]
    last = {**HISTORY, "framework": "tensorflow", "metric": None, "best": None, "stopped": None, "requested": 3}
    (told,) = training_part(Evidence(history={"net": last}))
    assert (told["ended"], told["framework"]) == ("3 of 3 epochs; the weights are those of the last", "TensorFlow")
