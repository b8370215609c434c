"""A training small enough for tests: a hundred rows, and a network that drops, normalises and is watched."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from mlspec.graph.canonical import canonical_bytes
from mlspec.runtime.context import derive_seed
from mlspec.runtime.deep.board import Board
from mlspec.runtime.deep.checkpoints import Checkpoints
from mlspec.runtime.deep.course import Rules
from mlspec.runtime.deep.device import settled
from mlspec.runtime.deep.examples import InMemory
from mlspec.runtime.deep.inputs import numbers
from mlspec.runtime.deep.loop import Training
from mlspec.runtime.deep.losses import loss_of
from mlspec.runtime.deep.networks import network_of
from mlspec.runtime.deep.optimisers import optimiser_of
from mlspec.runtime.deep.watch import Watch
from mlspec.runtime.transform.target import Target

MLP = {"name": "mlp", "hidden": [8, 4], "activation": "relu", "dropout": 0.3, "norm": "batch"}
ADAMW = {"name": "adamw", "lr": 0.01, "weight_decay": 0.01, "beta1": 0.9, "beta2": 0.999}
ONE_CYCLE = {"name": "one_cycle", "warmup": 0.3, "start": 0.04, "final": 4e-6}
LABEL = {"task": "binary", "classes": ["no", "yes"], "positive": "yes", "favourable": "yes", "column": "y"}


def rows(count: int = 103, seed: int = 1) -> tuple[Any, Any]:
    """Inputs and labels of two classes, as arrays."""
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(count, 5))
    return inputs, (inputs[:, 0] + inputs[:, 1] * inputs[:, 2] + random.normal(size=count) * 0.3 > 0).astype(np.float64)


def training(
    folder: Path, *, epochs: int = 4, watched: bool = True, optimiser: Any = ADAMW, network: Any = MLP, **rules: Any
) -> Training:
    """A training whose states lie in `folder`."""
    import torch

    inputs, labels = rows()
    held, held_labels = rows(61, 2)
    torch.manual_seed(derive_seed(0, "net", "weights"))
    module = network_of(network, "net").build(network, numbers(5), 1)
    watch = Watch("auc", "tune", 50, 0.0, LABEL, "net") if watched else None
    target = Target("binary", held_labels)

    def evaluate(given: Any) -> float:
        assert watch is not None
        given.eval()
        with torch.no_grad():
            scores = torch.sigmoid(given(torch.from_numpy(held.astype(np.float32)))[:, 0]).double().numpy()
        return watch.value(target, scores)

    given = {"batch": 16, "accumulation": 1, "clip_norm": 1.0, "precision": "fp32", "rate": optimiser["lr"], "schedule": ONE_CYCLE, "keep_best": 2,
             "every": 0.0, "device": "cpu", "where": "net"} | rules  # fmt: skip
    return Training(
        network=module, optimiser=optimiser_of(optimiser, module.parameters()), loss=loss_of("binary", None, "cpu"),
        examples=InMemory(torch.from_numpy(inputs.astype(np.float32)), torch.from_numpy(labels.astype(np.float32))),
        rules=Rules(epochs=epochs, seed=lambda purpose, epoch: derive_seed(0, "net", purpose, epoch=epoch), **given),
        checkpoints=Checkpoints(folder, "key", 2), board=Board(None, None, "net"), watch=watch, evaluate=evaluate if watched else None,
        progress=lambda done, total, note: None,
    )  # fmt: skip


def trained(folder: Path, **how: Any) -> Training:
    """The training, run to its end."""
    folder.mkdir(parents=True, exist_ok=True)
    with settled(1, "fp32", "cpu"):
        found = training(folder, **how)
        found.run()
    return found


def digest(found: Training) -> str:
    """What the weights and the history are."""
    told = hashlib.sha256(canonical_bytes(found.history))
    for name, value in sorted(found.network.state_dict().items()):
        told.update(name.encode() + value.numpy().tobytes())
    return told.hexdigest()
