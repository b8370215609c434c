"""The ONNX engine: a graph in double precision, run by onnxruntime with one thread."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlspec.runtime.estimators.fit import quiet
from mlspec.runtime.package.manifest import refused
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target

_OPSET = {"": 18, "ai.onnx.ml": 3}
INPUT = "X"

# What skl2onnx converts in double precision, for each the outputs that it knows; it knows no exponential one (`loss="poisson"`).
# It converts more, some of it wrongly and some of it without an end.
_CONVERTED: dict[str, frozenset[str] | None] = {
    "GaussianNB": None,
    "BernoulliNB": None,
    "MLPClassifier": frozenset({"logistic", "softmax"}),
    "MLPRegressor": frozenset({"identity"}),
}


class OnnxEngine:
    """A session over one graph."""

    def __init__(self, session: Any, task: str) -> None:
        self._session = session
        self._task = task
        wanted = session.get_inputs()[0]
        self._input = wanted.name
        self._type = np.float64 if wanted.type == "tensor(double)" else np.float32
        self._output = session.get_outputs()[-1].name

    def scores(self, matrix: Floats) -> Floats:
        """P(positive), P(class) or the prediction of each row."""
        rows = np.ascontiguousarray(matrix, dtype=self._type)
        (found,) = self._session.run([self._output], {self._input: rows})
        scores = np.asarray(found, dtype=np.float64)
        if self._task == "multiclass":
            return scores
        return np.ascontiguousarray(scores.reshape(len(matrix), -1)[:, -1])


def write(estimator: Any, width: int, target: Target) -> bytes | None:
    """The graph of a fitted scikit-learn estimator, or None where there is no converter for it."""
    from mlspec.runtime.deep import trained
    from mlspec.runtime.package.engines import onnx_linear, onnx_trees

    if trained.handles(estimator):
        return trained.write(estimator, width, target)
    if onnx_linear.handles(estimator):
        return onnx_linear.write(estimator, width, target)
    if onnx_trees.handles(estimator):
        return onnx_trees.write(estimator, width, target)
    return _converted(estimator, width, target) if _has_converter(estimator) else None


def _has_converter(estimator: Any) -> bool:
    """Whether skl2onnx takes this fitted estimator, asked before it is called: what it raises then is a fault, and surfaces."""
    name = type(estimator).__name__
    if name not in _CONVERTED or not type(estimator).__module__.startswith("sklearn."):
        return False
    outputs = _CONVERTED[name]
    return outputs is None or estimator.out_activation_ in outputs


def _converted(estimator: Any, width: int, target: Target) -> bytes:
    from onnx import ModelProto
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType

    options: Any = None if target.task == "regression" else {id(estimator): {"zipmap": False}}
    inputs: dict[str, Any] = {"initial_types": [(INPUT, DoubleTensorType([None, width]))]}
    with quiet():
        model = to_onnx(estimator, options=options, target_opset=_OPSET, name="model", **inputs)
    assert isinstance(model, ModelProto), type(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def load(data: bytes, task: str, classes: int) -> OnnxEngine:
    """A single-threaded session on the bytes of `model.onnx`; a graph that refers to other files is refused."""
    return OnnxEngine(session_of(data), task)


def session_of(data: bytes) -> Any:
    """A session that computes in one thread; StageError for bytes that onnxruntime does not load."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a dozen error classes with no base of their own
        raise refused(f"onnxruntime does not load its model: {str(error)[:160]}") from error
