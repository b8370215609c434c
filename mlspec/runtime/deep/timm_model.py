"""A network of the library `timm`, by its name there, with new layers at both ends: for the channels of the image, and for the label.

Pretrained weights are a file that is held to its digest before anything is parsed; none is ever fetched. What answers is the ONNX
graph that torch exports, in single precision, as the network's own arithmetic is.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mlspec.runtime import files
from mlspec.runtime.deep.exported import exported, quiet
from mlspec.runtime.deep.inputs import IMAGE, Inputs
from mlspec.runtime.errors import StageError
from mlspec.runtime.package.engines.onnx_graph import Graph
from mlspec.runtime.transform.columns import Floats

READS, PRECISION = frozenset({IMAGE}), "single"
_LARGEST = 2_000_000_000
"""The bytes that an ONNX file may have, a limit of its format."""
_ON_HUB = "model.safetensors"

_PLACES: dict[str, str] = {}
"""Where the spec names a network, for what only shows when it is built."""

_VERIFIED: dict[str, bytes] = {}
"""Files of weights that this process has read, by their digest: a network is built more than once."""


def prepare(network: Mapping[str, Any], root: Path, where: str) -> None:
    """See that the library has the network and that its weights are the declared ones; StageError MLS812, MLS209, MLS801 or MLS823."""
    timm, place = _library(where), f"{where}.network"
    name = _name(network)
    _PLACES[name] = place
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), 1)
        raise StageError(
            "MLS209", f"timm {timm.__version__} has no network `{name}`", place, expected="a name of `timm.list_models()`", found=name,
            help=f"did you mean `timm.{near[0]}`?" if near else "see `timm.list_models()`",
        )  # fmt: skip
    digest = str(network.get("digest"))
    if not network["pretrained"] or digest in _VERIFIED:
        return
    path = _of_hub(network, place) if network.get("revision") else root / str(network["weights"])
    if not path.is_file():
        raise StageError("MLS801", f"the weights `{network['weights']}` are not there", place, expected="a file of weights as safetensors", found="no such file",
                         help="put them into the project: `hf download timm/… model.safetensors --local-dir models`")  # fmt: skip
    data = files.read_bytes(path)
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        raise StageError(
            "MLS823", f"the weights `{network['weights']}` are not those that the spec names", place, expected=f"sha256:{digest}", found=f"sha256:{found}",
            help="restore the file, or write the digest of this one into the spec",
        )  # fmt: skip
    _VERIFIED[digest] = data


def _of_hub(network: Mapping[str, Any], place: str) -> Path:
    """Where the hub's client has put the weights of a commit; nothing is fetched."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    name, revision = str(network["weights"]), str(network["revision"])
    try:
        return Path(hf_hub_download(name, _ON_HUB, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError as error:
        raise StageError(
            "MLS801", f"the weights `{name}` are not in this machine's cache of the hub, and a run fetches none", place, expected=f"revision {revision}",
            found="none in the cache", help=f"fetch them once: hf download {name} {_ON_HUB} --revision {revision}",
        ) from error  # fmt: skip


def _library(where: str) -> Any:
    """The library; StageError MLS812 where it is not installed, or cannot be imported beside this torch."""
    try:
        with quiet("timm"):
            import timm
    except Exception as error:  # torchvision of another build than torch raises RuntimeError on import
        raise StageError(
            "MLS812", "the library `timm` cannot be imported", f"{where}.network", expected="timm, and a torchvision that was built for this torch",
            found=str(error).partition("\n")[0][:160], help="install it: pip install 'mlspec-lang[timm]', from the index that torch came from",
        ) from error  # fmt: skip
    return timm


def build(config: Mapping[str, Any], inputs: Inputs, outputs: int) -> Any:
    """The torch module, from lines of pixels."""
    from torch import nn

    channels, height, width = inputs.shape
    model = _model(config, inputs, outputs)
    if config["freeze"]:
        last = {id(weight) for weight in model.get_classifier().parameters()}
        for weight in model.parameters():
            weight.requires_grad_(id(weight) in last)

    class Classifier(nn.Module):
        """The network, given its picture back from a line of numbers."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, rows: Any) -> Any:
            return self.model(rows.reshape(-1, channels, height, width))

    return Classifier()


def _model(config: Mapping[str, Any], inputs: Inputs, outputs: int) -> Any:
    """The library's network, with its weights where it has some; StageError MLS209 for one that does not fit."""
    timm, name = _library("network"), _name(config)
    given: dict[str, Any] = {"in_chans": inputs.shape[0], "num_classes": outputs, "drop_rate": float(config["dropout"])}
    fixed = timm.get_pretrained_cfg(name, allow_unregistered=True)
    if fixed is not None and fixed.fixed_input_size:
        given["img_size"] = inputs.shape[1]
    try:
        if config["pretrained"]:
            from safetensors.torch import load

            given |= {"pretrained": True, "pretrained_cfg_overlay": {"state_dict": load(_VERIFIED[str(config["digest"])])}}
        with quiet("timm"):
            return timm.create_model(name, **given)
    except Exception as error:  # each network and each broken file of weights has an error of its own
        raise StageError(
            "MLS209", f"the network `timm.{name}` does not fit this image", _PLACES.get(name, "network"), expected="a network for an image of this size, and weights that are its own",
            found=str(error).partition("\n")[0][:160], help="resize the image to what the network was made for, or choose another one",
        ) from error  # fmt: skip


def _name(config: Mapping[str, Any]) -> str:
    return str(config["name"]).partition(".")[2]


def write(config: Mapping[str, Any], weights: Mapping[str, Floats], graph: Graph, inputs: Inputs, outputs: int) -> None:
    """The graph that torch exports of the trained network."""
    import torch

    size = 4 * sum(value.size for value in weights.values())
    if size > _LARGEST:
        raise StageError("MLS209", f"`{config['name']}` is too large for one ONNX file", _PLACES.get(_name(config), "network"), expected=f"at most {_LARGEST // 4:,} weights",
                         found=f"{size // 4:,}", help="choose a smaller network")  # fmt: skip
    module = build({**config, "pretrained": False}, inputs, outputs)
    module.load_state_dict({name: torch.from_numpy(value.astype(np.float32)) for name, value in weights.items()}, strict=False)
    graph.embed(exported(module, torch.linspace(-1.0, 1.0, 3 * inputs.width).reshape(3, -1)), single=True)


def bytes_a_row(config: Mapping[str, Any], inputs: Inputs) -> int:
    """About what a row takes while its gradient is computed: the library does not say, and most networks keep some sixty numbers a pixel."""
    return 4 * 60 * inputs.width
