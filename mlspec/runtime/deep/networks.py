"""The networks that a `train` block may name, each a module of the shape of `Network`.

A new network is a module and a row here: `READS` says what a row may be to it, `build` gives a torch module from rows (a line of
numbers each, whatever they mean) to `outputs` numbers, and `write` adds what it computes, without its training-only parts, to an ONNX
graph. A network that is known to torch alone exports itself and lets `graph.embed` take it in.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol

from mlspec.runtime.deep.inputs import Inputs
from mlspec.runtime.errors import StageError
from mlspec.runtime.package.engines.onnx_graph import Graph
from mlspec.runtime.transform.columns import Floats

NETWORKS = {
    "mlp": "mlspec.runtime.deep.mlp",
    "resnet": "mlspec.runtime.deep.resnet",
    "cnn": "mlspec.runtime.deep.cnn",
    "timm": "mlspec.runtime.deep.timm_model",
    "bag": "mlspec.runtime.deep.bag",
    "text_cnn": "mlspec.runtime.deep.text_cnn",
    "text_transformer": "mlspec.runtime.deep.text_transformer",
    "transformers": "mlspec.runtime.deep.transformers_model",
    "extern": "mlspec.runtime.extern.own_network",
}

Weights = Mapping[str, Floats]


class Network(Protocol):
    """What the module of a network offers; torch is imported by its functions alone.

    PRECISION is that of what answers: `double`, or `single` where onnxruntime has its operators in no other. A network of a
    library has a name with a dot, `timm.convnext_tiny`, and the module of what stands before it.
    """

    READS: frozenset[str]
    PRECISION: str

    def build(self, config: Mapping[str, Any], inputs: Inputs, outputs: int) -> Any: ...

    def write(self, config: Mapping[str, Any], weights: Weights, graph: Graph, inputs: Inputs, outputs: int) -> None: ...

    def bytes_a_row(self, config: Mapping[str, Any], inputs: Inputs) -> int: ...


def network_of(config: Mapping[str, Any], where: str) -> Any:
    """The module of the network that a config names; StageError MLS901 for one that is not built."""
    name = str(config["name"])
    module = NETWORKS.get(name) or NETWORKS.get(name.partition(".")[0])
    if module is None:
        raise StageError(
            "MLS901", f"the network `{name}` is not built yet", f"{where}.network", expected=", ".join(f"{known}(…)" for known in NETWORKS),
            found=f"{name}(…)", help="choose one that is",
        )  # fmt: skip
    return import_module(module)


def refuse_other_inputs(config: Mapping[str, Any], inputs: Inputs, where: str) -> None:
    """StageError MLS201 where the features of a network are something else than it reads."""
    reads = network_of(config, where).READS
    if inputs.kind not in reads:
        wanted = " or ".join(_WORDS[kind] for kind in sorted(reads))
        raise StageError(
            "MLS201", f"the network `{config['name']}` reads {wanted}, and its features are {_WORDS[inputs.kind]}", f"{where}.network",
            expected=wanted, found=_WORDS[inputs.kind], help="choose a network for what the features are",
        )  # fmt: skip


_WORDS = {"numbers": "numbers", "image": "one image", "tokens": "the tokens of a text"}
