"""8-bit integers instead of floats, by onnxruntime's quantisation: weights for good, activations by ranges measured once or by request.

The products of a graph are put into single precision first, which is what the quantiser knows; everything between them stays in
double precision, and the outputs of products are not quantised. In a graph with convolutions what flows from one to the next stays in
8 bits too, which is the form that onnxruntime has fast kernels for. Ranges of convolutions by request are refused: their kernel is
slower than that of floats.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mlspec.runtime import files
from mlspec.runtime.compress import graphs
from mlspec.runtime.compress.layers import has_convolutions, layers_of
from mlspec.runtime.compress.model import Model, require
from mlspec.runtime.errors import StageError
from mlspec.runtime.estimators.fit import one_thread, quiet
from mlspec.runtime.transform.columns import Floats

_MANY = 2  # products behind convolutions: one of them is the last layer alone
_PRODUCTS = ("MatMul", "Gemm")
_OF_FILTERS = (
    *_PRODUCTS, "Add", "AveragePool", "Clip", "Conv", "Flatten", "GlobalAveragePool", "MaxPool", "Relu", "Reshape",
)  # fmt: skip


def quantise(model: Model, config: Mapping[str, Any], rows: Iterable[Floats] | None, folder: Path, where: str) -> Model:
    """The model in 8-bit integers; `rows` are those that ranges are measured on, in a static quantisation."""
    require(model, str(config["name"]), where)
    graph = graphs.read(model.data) if model.engine == "onnx" else None
    if graph is None or not layers_of(graph):
        raise StageError(
            "MLS209", "the model has no products to quantise", where, expected="a linear model or a network as ONNX",
            found=f"the engine {model.engine}", help="leave `quantise` out",
        )  # fmt: skip
    filters = has_convolutions(graph)
    if filters and rows is None and len(graphs.products(graph)) < _MANY:
        raise StageError(
            "MLS209", "the ranges of convolutions are not measured for each request", where, expected="a network of matrices, `mlp(…)` or a transformer",
            found="a network of convolutions", help="measure them once: `quantise = static_int8(part: …)`",
        )  # fmt: skip
    single_products(graph)
    source, target = folder / "single.onnx", folder / "quantised.onnx"
    files.write_bytes(source, graphs.write(graph))
    with one_thread(), quiet(), _silent():
        if rows is None:
            _dynamic(source, target)
        else:
            _static(source, target, rows, _OF_FILTERS if filters else ("MatMul",))
    return model.changed(data=graphs.write(graphs.read(files.read_bytes(target))))


def single_products(graph: Any) -> None:
    """Put every product of a graph into single precision, and what it gives back into what it was."""
    from onnx import TensorProto, helper

    for product in reversed(graphs.products(graph)):
        weight = graphs.constant(graph, product.weight)
        if weight.dtype != np.float64:
            continue
        node = graph.graph.node[product.place]
        entry, end, output = f"{product.weight}.in", f"{product.weight}.out", node.output[0]
        narrow = helper.make_node("Cast", [node.input[0]], [entry], to=TensorProto.FLOAT)
        wide = helper.make_node("Cast", [end], [output], to=TensorProto.DOUBLE)
        graphs.put(graph, product.weight, weight.astype(np.float32))
        node.input[0], node.output[0] = entry, end
        graph.graph.node.insert(product.place + 1, wide)
        graph.graph.node.insert(product.place, narrow)


def _dynamic(source: Path, target: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(source, target, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QInt8)


def _static(source: Path, target: Path, rows: Iterable[Floats], operators: Sequence[str]) -> None:
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    quantize_static(
        source, target, _reader(rows), quant_format=QuantFormat.QDQ, op_types_to_quantize=[*operators], per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, calibrate_method=CalibrationMethod.MinMax,
        extra_options={"OpTypesToExcludeOutputQuantization": [*_PRODUCTS]},
    )  # fmt: skip


def _reader(rows: Iterable[Floats]) -> Any:
    """The rows as the quantiser asks for them, batch by batch."""
    from onnxruntime.quantization import CalibrationDataReader

    class Rows(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left = iter(rows)

        def get_next(self) -> Any:
            some = next(self._left, None)
            return None if some is None else {"X": np.ascontiguousarray(some)}

    return Rows()


@contextmanager
def _silent() -> Iterator[None]:
    """The quantiser advises on the root logger, which of a graph like these is of no use."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(before)
