"""MLflow by hand: params, metrics, files and the registered model, in a SQLite store beside the results."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")

from benchmarks.peers.census_fits import Transform

FILES = ("metrics.json", "statistics.json", "statistics.html", "report.html")


def track(out: Path, best: dict[str, Any], scores: list[float], gates: dict[str, dict[str, Any]]) -> str:
    """One run with everything in it; its id."""
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{out / 'mlflow.db'}")
    experiment = mlflow.create_experiment("census_income", (out / "artifacts").as_uri())
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_params({"family": best["family"], **best["params"]})
        numbers = {f"{name}.{key}": gate[key] for name, gate in gates.items() for key in ("value", "low", "high")}
        mlflow.log_metrics({name: float(value) for name, value in numbers.items() if value is not None})
        for number, score in enumerate(scores):
            mlflow.log_metric("trial", score, step=number)
        for name in FILES:
            mlflow.log_artifact(str(out / name))
        return str(run.info.run_id)


def register(out: Path, run: str, transform: Transform) -> None:
    """The exported model as a version of a registered model."""
    import mlflow
    import numpy as np
    import onnx
    from mlflow import onnx as flavor
    from mlflow.models import ModelSignature
    from mlflow.types.schema import Schema, TensorSpec

    shape = (-1, transform.columns)
    signature = ModelSignature(Schema([TensorSpec(np.dtype("float32"), shape)]))
    with mlflow.start_run(run_id=run):
        flavor.log_model(
            onnx.load(out / "model.onnx"), name="model", signature=signature, registered_model_name="census_income",
            pip_requirements=["onnxruntime", "numpy"],
        )  # fmt: skip
