"""What answers inside a package: one module an engine, each with `write` and `load`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Protocol

from mlspec.runtime.errors import StageError
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


_EXTRAS = {"onnx": "serve", "skops": "local", "lightgbm": "boost", "xgboost": "boost", "constant": "serve"}


def load_engine(name: str, folder: Path, task: str, classes: int) -> Engine:
    """The engine `name` of a package whose files are verified; MLS812 with the extra that brings its library."""
    try:
        module = import_module(f"mlspec.runtime.package.engines.{name}_engine")
        engine: Engine = module.load((folder / FILES[name]).read_bytes(), task, classes)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("", "mlspec"):
            raise
        raise StageError(
            "MLS812", f"the package was made for the engine `{name}`, which needs `{missing}`, not installed",
            expected=f"the extra `{_EXTRAS[name]}`", found=f"no module `{error.name}`",
            help=f"install it: pip install 'mlspec-lang[{_EXTRAS[name]}]'",
        ) from error  # fmt: skip
    return engine
