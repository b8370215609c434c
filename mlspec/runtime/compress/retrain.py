"""Training that goes on after weights are pruned: the graph of the package as a torch function, in which what is gone stays gone.

It works on the graph and not on the module that was trained: a batch norm is part of the matrices' neighbours there, and units that
went are no longer in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    graph = graphs.read(model.data)
    found = trainable(graph, settings.where)
    learn(
        found.forward, [found.constants[name] for name in found.trained], examples, loss_of(task, class_weights, CPU), settings
    )
    for name in found.trained:
        value = found.constants[name] * found.masks[name] if name in found.masks else found.constants[name]
        known = graphs.constant(graph, name)
        graphs.put(graph, name, value.detach().numpy().astype(known.dtype).reshape(known.shape))
    return model.changed(data=graphs.write(graph))


@dataclass(frozen=True)
class Trainable:
    """A graph as a torch function up to `end`, what its network says before its last function: `constants` by name, those of them
    that are `trained`, and for weights `masks`, which are 0 where something is gone."""

    nodes: Sequence[Any]
    end: str
    constants: Mapping[str, Any]
    trained: Sequence[str]
    masks: Mapping[str, Any]

    def forward(self, rows: Any) -> Any:
        """What the network says of rows."""
        known = operators()
        values = {"": None, **self.constants, "X": rows}
        values |= {name: self.constants[name] * mask for name, mask in self.masks.items()}
        for node in self.nodes:
            values[node.output[0]] = known[node.op_type](node, *(values[name] for name in node.input))
        return values[self.end]


def trainable(graph: Any, where: str) -> Trainable:
    """A graph as a torch function; StageError MLS901 for operators that have none."""
    import torch

    layers = layers_of(graph)
    end = _end(graph, layers[-1])
    place = next(at for at, node in enumerate(graph.graph.node) if end in node.output)
    nodes = list(graph.graph.node)[: place + 1]
    _refuse_unknown(nodes, where)
    constants = {each.name: torch.from_numpy(graphs.constant(graph, each.name)) for each in graph.graph.initializer}
    constants = {name: value.float() if value.is_floating_point() else value for name, value in constants.items()}
    pairs = [(str(node_of(graph, each).input[1]), bias_of(graph, each)) for each in layers]
    trained = [name for pair in pairs for name in pair if name is not None]
    for name in trained:
        constants[name].requires_grad_()
    return Trainable(nodes, end, constants, trained, {name: (constants[name] != 0).float() for name, _ in pairs})


def _end(graph: Any, last: Layer) -> str:
    """What the last layer gives, with its summand."""
    place = place_of(graph, last)
    summed = last.operator == "MatMul" and bias_of(graph, last) is not None
    return str(graph.graph.node[place + summed].output[0])


def _refuse_unknown(nodes: Sequence[Any], where: str) -> None:
    known = operators()
    unknown = sorted({str(node.op_type) for node in nodes if not is_known(node, known)})
    if unknown:
        raise StageError(
            "MLS901", f"training that goes on through `{unknown[0]}` is not built yet", where, expected=", ".join(sorted(known)),
            found=", ".join(unknown), help="leave `retrain_epochs` out",
        )  # fmt: skip
