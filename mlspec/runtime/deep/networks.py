"""The networks that a `train` block may name, each a module with `build` and `write`.

A new network is a module and a row here. `build(config, width, outputs)` gives a torch module from rows of `width` numbers to
`outputs` numbers; `write(config, weights, graph)` adds what it computes without its training-only parts to an ONNX graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol

from mlspec.runtime.errors import StageError
from mlspec.runtime.package.engines.onnx_graph import Graph
from mlspec.runtime.transform.columns import Floats

NETWORKS = {"mlp": "mlspec.runtime.deep.mlp", "resnet": "mlspec.runtime.deep.resnet"}

Weights = Mapping[str, Floats]


class Network(Protocol):
    """What the module of a network offers; torch is imported by `build` alone."""

    def build(self, config: Mapping[str, Any], width: int, outputs: int) -> Any: ...

    def write(self, config: Mapping[str, Any], weights: Weights, graph: Graph) -> None: ...

    def bytes_a_row(self, config: Mapping[str, Any], width: int) -> int: ...


def network_of(config: Mapping[str, Any], where: str) -> Any:
    """The module of the network that a config names; StageError MLS901 for one that is not built."""
    name = str(config["name"])
    if name not in NETWORKS:
        raise StageError(
            "MLS901", f"the network `{name}` is not built yet", f"{where}.network", expected=", ".join(f"{known}(…)" for known in NETWORKS),
            found=f"{name}(…)", help="choose one that is",
        )  # fmt: skip
    return import_module(NETWORKS[name])
