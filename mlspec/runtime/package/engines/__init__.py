"""What answers inside a package: one module an engine, each with `write` and `load`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Protocol

from mlspec.runtime.transform.columns import Floats

FILES = {
    "onnx": "model.onnx",
    "skops": "model.skops",
    "lightgbm": "model.txt",
    "xgboost": "model.json",
    "constant": "constant.json",
}


class Engine(Protocol):
    """A loaded model: a matrix (n, columns) in, scores (n,) or (n, classes) out, float64."""

    def scores(self, matrix: Floats) -> Floats: ...


def load_engine(name: str, folder: Path, task: str, classes: int) -> Engine:
    """The engine `name` of a package whose files are verified."""
    module = import_module(f"mlspec.runtime.package.engines.{name}_engine")
    engine: Engine = module.load((folder / FILES[name]).read_bytes(), task, classes)
    return engine
