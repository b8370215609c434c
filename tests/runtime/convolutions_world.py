"""Networks with convolutions for tests of what makes them smaller: small graphs with weights by chance, which need no torch."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlspec.runtime.compress.model import Model
from mlspec.runtime.deep.inputs import image
from mlspec.runtime.deep.trained import TrainedNetwork
from mlspec.runtime.package.engines.onnx_graph import Graph
from mlspec.runtime.transform.columns import Floats

SIDE, CLASSES = 8, 3
HALF = {"name": "magnitude", "sparsity": 0.5, "structured": True, "retrain_epochs": 0}
DEAD = 2  # every so-manieth channel answers nothing


class Shape:
    """What a step reads of the package that it starts from."""

    task, classes = "multiclass", ("a", "b", "c")


def model_of(data: bytes) -> Model:
    package: Any = Shape()
    return Model(package, "onnx", data, {"name": "torch.cnn", "params": {}}, None)


def rows(count: int = 150) -> Floats:
    """Pictures of soft blots."""
    random = np.random.default_rng(4)
    blots = random.normal(size=(count, 4, 4))
    return np.kron(blots, np.ones((2, 2))).reshape(count, -1) + random.normal(size=(count, SIDE * SIDE)) * 0.2


def weights_of(channels: list[int], pool: str, dead: bool) -> dict[str, Floats]:
    """Those of a `cnn` that was trained on nothing; every second channel answers nothing where it is asked for."""
    random, before, found = np.random.default_rng(1), 1, dict[str, Floats]()
    for stage, size in enumerate(channels):
        alive = np.arange(size) % DEAD != 0 if dead else np.ones(size, dtype=bool)
        found[f"conv{stage}_0.weight"] = random.normal(size=(size, before, 3, 3)) / np.sqrt(9 * before)
        norm = {"weight": random.uniform(0.5, 1.5, size) * alive, "bias": random.normal(size=size) * 0.3 * alive}
        norm |= {"running_mean": random.normal(size=size) * 0.1, "running_var": random.uniform(0.5, 2.0, size)}
        found |= {f"norm{stage}_0.{name}": value for name, value in norm.items()}
        before = size
    width = before if pool == "average" else before * (SIDE >> len(channels) - 1) ** 2
    return found | {
        "output.weight": random.normal(size=(CLASSES, width)) / np.sqrt(width),
        "output.bias": random.normal(size=CLASSES),
    }


def network(pool: str = "flatten", dead: bool = False) -> Model:
    channels = [8, 12]
    config = {"name": "cnn", "channels": channels, "kernel": 3, "layers": 1, "pool": pool, "dropout": 0.0}
    return model_of(
        TrainedNetwork(config, weights_of(channels, pool, dead), image(1, SIDE, SIDE), "multiclass", CLASSES).to_onnx()
    )


def residual(mixed: bool = False) -> Model:
    """A residual sum, a depthwise convolution and a gate for each channel, as networks of timm have them; every second channel answers nothing."""
    random, size, single = np.random.default_rng(2), 8, np.float32
    graph = Graph(SIDE * SIDE)

    def constant(*shape: int, scale: float = 0.4) -> str:
        return graph.constant((random.normal(size=shape) * scale).astype(single))

    def norm() -> None:
        alive = (np.arange(size) % DEAD != 0).astype(single)
        moments = (
            random.uniform(0.5, 1.5, size) * alive,
            random.normal(size=size) * 0.3 * alive,
            np.zeros(size),
            np.ones(size),
        )
        graph.then("BatchNormalization", *(graph.constant(each.astype(single)) for each in moments))

    graph.then("Cast", to=1)
    graph.then("Reshape", graph.constant(np.array([-1, 1, SIDE, SIDE], dtype=np.int64)))
    graph.then("Conv", constant(size, 1, 3, 3), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    norm()
    first = graph.then("Relu")[0]
    graph.then("Conv", constant(size, size, 3, 3), constant(size), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    norm()
    graph.then("Add" if not mixed else "Concat", first, **({"axis": 1} if mixed else {}))
    size *= 1 + mixed
    summed = graph.then("Relu")[0]
    graph.then("Conv", constant(size, 1, 3, 3), kernel_shape=[3, 3], strides=[2, 2], group=size)
    norm()
    deep = graph.then("HardSwish")[0]
    graph.at(summed).then("GlobalAveragePool")
    squeezed = random.normal(size=(4, size, 1, 1)) * np.array([0, 1, 0, 1])[:, None, None, None]
    graph.then("Conv", graph.constant(squeezed.astype(single)), kernel_shape=[1, 1])
    graph.then("Relu")
    graph.then("Conv", constant(size, 4, 1, 1), constant(size), kernel_shape=[1, 1])
    graph.then("Sigmoid")
    graph.then("Mul", deep)
    graph.then("GlobalAveragePool")
    graph.then("Flatten")
    graph.then("Gemm", constant(CLASSES, size), constant(CLASSES), transB=1)
    graph.then("Cast", to=11)
    return model_of(graph.ending("Softmax", CLASSES).finish(CLASSES))


def operators() -> Model:
    """One layer of most operators that networks of timm have."""
    random, single = np.random.default_rng(3), np.float32
    graph = Graph(SIDE * SIDE)

    def constant(*shape: int) -> str:
        return graph.constant(random.uniform(0.1, 0.5, shape).astype(single))

    graph.then("Cast", to=1)
    graph.then("Reshape", graph.constant(np.array([0, 1, SIDE, -1], dtype=np.int64)))
    graph.then("Conv", constant(4, 1, 3, 3), kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")
    graph.then("LeakyRelu", alpha=0.2)
    graph.then("Conv", constant(6, 2, 2, 3), constant(6), kernel_shape=[2, 3], dilations=[2, 1], pads=[1, 1, 1, 1], group=2)
    graph.then("Clip", graph.constant(single(-1.0)), graph.constant(single(6.0)))
    graph.then("AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1)
    graph.then("MaxPool", kernel_shape=[2, 2], pads=[0, 0, 1, 1])
    graph.then("HardSigmoid", alpha=0.1, beta=0.4)
    graph.then("Transpose", perm=[0, 2, 3, 1])
    graph.then("LayerNormalization", constant(6), constant(6), axis=-1)
    graph.then("MatMul", constant(6, 5))
    graph.then("Softmax", axis=-1)
    graph.then("Erf")
    graph.then("Pow", graph.constant(single(1.5)))
    graph.then("ReduceMean", graph.constant(np.array([1, -2], dtype=np.int64)), keepdims=0)
    graph.then("Gemm", constant(CLASSES, 5), transB=1)
    graph.then("Cast", to=11)
    return model_of(graph.ending("Softmax", CLASSES).finish(CLASSES))
