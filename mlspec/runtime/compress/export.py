"""A model as an ONNX graph, whatever library made it; the graph answers as the model does, or the step is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlspec.runtime.compress import graphs
from mlspec.runtime.compress.model import Model, require
from mlspec.runtime.errors import StageError
from mlspec.runtime.transform.columns import Floats

_TOLERANCE = 1e-6
_OWN = 18


def export(model: Model, config: Mapping[str, Any], sample: Floats, where: str) -> Model:
    """The model as ONNX in the operator set that is asked for."""
    require(model, "onnx", where)
    data = _written(model, sample.shape[1], where)
    found = model.changed(engine="onnx", data=_in_set(data, int(config["opset"])))
    expected, given = model.scores(sample), found.scores(sample)
    if expected.shape != given.shape or not np.allclose(expected, given, rtol=_TOLERANCE, atol=_TOLERANCE):
        raise StageError(
            "MLS807", f"the ONNX graph of `{model.estimator['name']}` answers otherwise than the model", where,
            expected=f"scores that differ by at most {_TOLERANCE:g}", found=f"{float(np.max(np.abs(expected - given))):g}",
            help="leave `export` out: the package answers by the library that made it",
        )  # fmt: skip
    return found


def _written(model: Model, width: int, where: str) -> bytes:
    if model.engine == "onnx":
        return model.data
    if model.engine in ("lightgbm", "xgboost"):
        from mlspec.runtime.compress import boosters

        return boosters.to_onnx(model, width, where)
    raise StageError(
        "MLS209", f"`{model.estimator['name']}` has no ONNX graph", where, expected="a model as ONNX, LightGBM or XGBoost",
        found=f"the engine {model.engine}", help="distil it into one that has: `distil = student(sklearn.HistGradientBoostingClassifier)`",
    )  # fmt: skip


def _in_set(data: bytes, opset: int) -> bytes:
    """The graph in another operator set; the operators of our graphs mean the same in all that the language takes."""
    if opset == _OWN:
        return data
    from onnx import version_converter

    return graphs.write(version_converter.convert_version(graphs.read(data), opset))
