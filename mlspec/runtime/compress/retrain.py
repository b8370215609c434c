"""Training that goes on after weights are pruned: the graph of the package as a torch function, in which what is gone stays gone.

It works on the graph and not on the module that was trained: a batch norm is part of the matrices' neighbours there, and units that
went are no longer in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlspec.runtime.compress import graphs
from mlspec.runtime.compress.layers import Layer, bias_of, layers_of, node_of, place_of
from mlspec.runtime.compress.learning import Settings, learn
from mlspec.runtime.compress.model import Model
from mlspec.runtime.compress.operators import is_known, operators
from mlspec.runtime.deep.device import CPU
from mlspec.runtime.deep.examples import Examples
from mlspec.runtime.deep.losses import loss_of
from mlspec.runtime.errors import StageError


def retrain(model: Model, examples: Examples, task: str, class_weights: list[float] | None, settings: Settings) -> Model:
    """The pruned model after more epochs on its fitting rows."""
    import torch

    graph = graphs.read(model.data)
    layers = layers_of(graph)
    constants = {each.name: torch.from_numpy(graphs.constant(graph, each.name)) for each in graph.graph.initializer}
    constants = {name: value.float() if value.is_floating_point() else value for name, value in constants.items()}
    trained = _trained(graph, layers, constants)
    masks = {name: (constants[name] != 0).float() for name in (str(node_of(graph, each).input[1]) for each in layers)}
    forward = _function(graph, _end(graph, layers[-1]), constants, masks, settings.where)
    learn(forward, [constants[name] for name in trained], examples, loss_of(task, class_weights, CPU), settings)
    for name in trained:
        value = constants[name] * masks[name] if name in masks else constants[name]
        known = graphs.constant(graph, name)
        graphs.put(graph, name, value.detach().numpy().astype(known.dtype).reshape(known.shape))
    return model.changed(data=graphs.write(graph))


def _end(graph: Any, last: Layer) -> str:
    """What the network says before its last function: what the last layer gives, with its summand."""
    place = place_of(graph, last)
    summed = last.operator == "MatMul" and bias_of(graph, last) is not None
    return str(graph.graph.node[place + summed].output[0])


def _trained(graph: Any, layers: Sequence[Layer], constants: Mapping[str, Any]) -> list[str]:
    """The weights of layers, and what is added to their outputs, with gradients."""
    names = [name for each in layers for name in (str(node_of(graph, each).input[1]), bias_of(graph, each)) if name is not None]
    for name in names:
        constants[name].requires_grad_()
    return names


def _function(graph: Any, end: str, constants: Mapping[str, Any], masks: Mapping[str, Any], where: str) -> Callable[[Any], Any]:
    """Rows to what the network says before its last function."""
    known = operators()
    place = next(at for at, node in enumerate(graph.graph.node) if end in node.output)
    nodes = list(graph.graph.node)[: place + 1]
    unknown = sorted({str(node.op_type) for node in nodes if not is_known(node, known)})
    if unknown:
        raise StageError(
            "MLS901", f"training that goes on through `{unknown[0]}` is not built yet", where, expected=", ".join(sorted(known)),
            found=", ".join(unknown), help="leave `retrain_epochs` out",
        )  # fmt: skip

    def forward(rows: Any) -> Any:
        values = {"": None, **constants, "X": rows}
        values |= {name: constants[name] * mask for name, mask in masks.items()}
        for node in nodes:
            values[node.output[0]] = known[node.op_type](node, *(values[name] for name in node.input))
        return values[end]

    return forward
