"""Training: every `train` block gives a `train` stage."""

from __future__ import annotations

from typing import Any

from mlspec.lower.development import add_learner, features_block, fit_config, inputs_of
from mlspec.lower.externs import declaration
from mlspec.lower.fitted import tags_of
from mlspec.lower.sheet import Sheet
from mlspec.lower.values import json_value, resources
from mlspec.spec.extern_networks import PREFIX, network_of
from mlspec.spec.model import Block
from mlspec.spec.strategies import asked_of

_PLAIN = ("epochs", "global_batch", "gradient_accumulation", "clip_norm", "class_weights", "precision", "resume", "framework")
_CALLS = ("network", "optimiser", "schedule", "strategy", "stop_early", "checkpoint", "tensorboard")


def lower(sheet: Sheet) -> None:
    """Add the stage of every network that is trained."""
    for block in sheet.spec.of_kind("train"):
        add_learner(sheet, block, "train", train_config(sheet, block))


def train_config(sheet: Sheet, block: Block) -> dict[str, Any]:
    """The config of a `train` stage.

    `threads`, those of each process, are here and no matter of the machine: sums depend on how they are divided.
    """
    return {
        **_with_tokenizer(fit_config(sheet, block), block),
        **{name: block.get(name) for name in _PLAIN},
        **{name: json_value(block.make(name)) for name in _CALLS},
        **own_network(sheet, block),
        **_cluster(block),
        **_augment(sheet, block),
        "threads": max(1, resources(block).cpu // asked_of(block).processes),
    }


def own_network(sheet: Sheet, block: Block) -> dict[str, Any]:
    """The network of a block whose code is the project's: its settings, and the code by its digests; nothing for any other."""
    made = network_of(block)
    if made is None:
        return {}
    extern = sheet.block(made.get("").block)
    settings = {name: json_value(value) for name, value in made.args.items() if name}
    private = any("pii" in tag for _, feature in inputs_of(sheet, block) for tag in tags_of(sheet, feature))
    return {
        "network": {"name": f"{PREFIX}.{extern.own_name}", **settings},
        "externs": {extern.name: declaration(sheet, extern, private)},
    }


def _cluster(block: Block) -> dict[str, Any]:
    """Where the workers of a strategy are: it changes nothing of what is learned, and is kept apart from the strategy."""
    made = block.make("strategy")
    if made is None or made.name != "ray":
        return {}
    return {
        "strategy": {name: value for name, value in json_value(made).items() if name != "address"},
        "cluster": {"address": made.get("address")},
    }


def _augment(sheet: Sheet, block: Block) -> dict[str, Any]:
    """The random changes of training rows; nothing where there are none, so that the key of such a stage is what it was."""
    changes = sheet.block(features_block(block)).get("augment") or ()
    return {"augment": [json_value(change) for change in changes]} if changes else {}


def _with_tokenizer(config: dict[str, Any], block: Block) -> dict[str, Any]:
    """The text of a pretrained model is read with the model's own tokenizer: the last step of its feature."""
    network = block.make("network")
    if network is None or not network.name.startswith("transformers."):
        return config
    step = {"op": "tokenizer", "length": network.get("length"), "digest": network.get("digest")}
    return {**config, "features": [{**feature, "fitted": [*feature["fitted"], step]} for feature in config["features"]]}
