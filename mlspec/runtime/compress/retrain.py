"""Training that goes on after weights are pruned: the graph of the package as a torch function, in which what is gone stays gone.

It works on the graph and not on the module that was trained: a batch norm is part of the matrices' neighbours there, and units that
went are no longer in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mlspec.runtime.compress import graphs
from mlspec.runtime.compress.learning import Settings, learn
from mlspec.runtime.compress.model import Model
from mlspec.runtime.deep.examples import label_scale, table_examples
from mlspec.runtime.deep.losses import loss_of
from mlspec.runtime.errors import StageError
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target


def retrain(model: Model, matrix: Floats, target: Target, class_weights: list[float] | None, settings: Settings) -> Model:
    """The pruned model after more epochs on its fitting rows."""
    import torch

    graph = graphs.read(model.data)
    found = graphs.products(graph)
    last = graph.graph.node[found[-1].place + (graphs.summand_after(graph, found[-1]) is not None)]
    constants = {each.name: torch.from_numpy(graphs.constant(graph, each.name)) for each in graph.graph.initializer}
    constants = {name: value.float() if value.is_floating_point() else value for name, value in constants.items()}
    trained = _trained(graph, found, constants)
    masks = {each.weight: (constants[each.weight] != 0).float() for each in found}
    forward = _function(graph, str(last.output[0]), constants, masks, settings.where)
    examples = table_examples(matrix, target, label_scale(target), "cpu")
    loss = loss_of(target.task, class_weights, "cpu")
    learn(forward, [constants[name] for name in trained], examples.inputs, examples.labels, loss, settings)
    for name in trained:
        value = constants[name] * masks[name] if name in masks else constants[name]
        known = graphs.constant(graph, name)
        graphs.put(graph, name, value.detach().numpy().astype(known.dtype).reshape(known.shape))
    return model.changed(data=graphs.write(graph))


def _trained(graph: Any, found: list[graphs.Product], constants: dict[str, Any]) -> list[str]:
    """The matrices, and what is added to their outputs, as weights with gradients."""
    names = [name for each in found for name in (each.weight, graphs.summand_after(graph, each)) if name is not None]
    for name in names:
        constants[name].requires_grad_()
    return names


def _function(graph: Any, end: str, constants: dict[str, Any], masks: dict[str, Any], where: str) -> Callable[[Any], Any]:
    """Rows to what the network says before its last function."""
    operators = _operators()
    nodes = list(graph.graph.node)
    place = next(at for at, node in enumerate(nodes) if end in node.output)
    unknown = sorted({node.op_type for node in nodes[: place + 1]} - set(operators))
    if unknown:
        raise StageError(
            "MLS901", f"training that goes on through `{unknown[0]}` is not built yet", where, expected=", ".join(sorted(operators)),
            found=", ".join(unknown), help="leave `retrain_epochs` out",
        )  # fmt: skip

    def forward(rows: Any) -> Any:
        values = {**constants, "X": rows}
        values |= {name: constants[name] * mask for name, mask in masks.items()}
        for node in nodes[: place + 1]:
            values[node.output[0]] = operators[node.op_type](node, *(values[name] for name in node.input))
        return values[end]

    return forward


def _operators() -> dict[str, Callable[..., Any]]:
    """The operators between rows and the last product, as torch has them; casts are to the precision of training, which has one."""
    import torch

    return {
        "MatMul": lambda node, a, b: a @ b,
        "Add": lambda node, a, b: a + b,
        "Sub": lambda node, a, b: a - b,
        "Mul": lambda node, a, b: a * b,
        "Div": lambda node, a, b: a / b,
        "Sqrt": lambda node, a: torch.sqrt(a),
        "Relu": lambda node, a: torch.relu(a),
        "Tanh": lambda node, a: torch.tanh(a),
        "Sigmoid": lambda node, a: torch.sigmoid(a),
        "Identity": lambda node, a: a,
        "Cast": lambda node, a: a,
        "Gather": lambda node, a, places: a.index_select(1, places),
        "ReduceMean": lambda node, a, axes: a.mean(dim=[int(axis) for axis in np.asarray(axes)], keepdim=True),
    }
