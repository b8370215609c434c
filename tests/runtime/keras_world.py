"""A training with Keras small enough for tests; as a command, one that kills itself: `python -m tests.runtime.keras_world FOLDER BATCH`."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlspec.graph.canonical import canonical_bytes
from mlspec.runtime.context import derive_seed
from mlspec.runtime.deep.checkpoints import Checkpoints
from mlspec.runtime.deep.course import Rules
from mlspec.runtime.deep.watch import Watch
from mlspec.runtime.transform.target import Target

MLP = {"name": "mlp", "hidden": [8, 4], "activation": "relu", "dropout": 0.3, "norm": "batch"}
RESNET = {"name": "resnet", "blocks": 2, "width": 8, "widening": 2.0, "dropout": 0.2}
ADAMW = {"name": "adamw", "lr": 0.01, "weight_decay": 0.01, "beta1": 0.9, "beta2": 0.999}
ADAM = {**ADAMW, "name": "adam"}
SGD = {"name": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.001}
ONE_CYCLE = {"name": "one_cycle", "warmup": 0.3, "start": 0.04, "final": 4e-6}
LABEL = {"task": "binary", "classes": ["no", "yes"], "positive": "yes", "favourable": "yes", "column": "y"}
INSTALL = "TensorFlow is not installed here: make an environment of its own, pip install -c constraints.txt -e '.[local,tensorflow]' pytest hypothesis"


def need_tensorflow() -> None:
    """Skip where there is no TensorFlow, and say what to install; else begin it as a stage does."""
    if find_spec("keras") is None or find_spec("tensorflow") is None:
        pytest.skip(INSTALL, allow_module_level=True)
    from mlspec.runtime.deep_keras.library import open_keras

    open_keras(1, "net")


def rows(count: int = 103, seed: int = 1) -> tuple[Any, Any]:
    """Inputs and labels of two classes."""
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(count, 5))
    labels = inputs[:, 0] + inputs[:, 1] * inputs[:, 2] + random.normal(size=count) * 0.3 > 0
    return inputs.astype(np.float32), labels.astype(np.float32)


def training(folder: Path, *, optimiser: Any = ADAMW, network: Any = MLP, watched: bool = True, **rules: Any) -> Any:
    """A training whose states lie in `folder`."""
    from mlspec.runtime.deep_keras import networks
    from mlspec.runtime.deep_keras.board import Board
    from mlspec.runtime.deep_keras.loop import Training
    from mlspec.runtime.deep_keras.losses import loss_of
    from mlspec.runtime.deep_keras.optimisers import optimiser_of
    from mlspec.runtime.deep_keras.stage import POLICIES

    given = {"epochs": 4, "batch": 16, "accumulation": 1, "clip_norm": 1.0, "precision": "fp32", "rate": optimiser["lr"], "schedule": ONE_CYCLE,
             "keep_best": 2, "every": 0.0, "device": "cpu", "where": "net"} | rules  # fmt: skip
    model = networks.build(network, 5, 1, POLICIES[given["precision"]])
    networks.first_weights(model, derive_seed(0, "net", "weights"))
    watch, (held, held_labels) = Watch("auc", "tune", 50, 0.0, LABEL, "net"), rows(61, 2)
    inputs, labels = rows()
    folder.mkdir(parents=True, exist_ok=True)
    return Training(
        network=model, optimiser=optimiser_of(optimiser, model.trainable_variables), loss=loss_of("binary", None), inputs=inputs, labels=labels,
        rules=Rules(seed=lambda purpose, epoch: derive_seed(0, "net", purpose, epoch=epoch), **given),
        checkpoints=Checkpoints(folder, "key", 2, "numpy"), board=Board(None, None), watch=watch if watched else None,
        evaluate=lambda net: watch.value(Target("binary", held_labels.astype(np.float64)), scores(net, held)),
        progress=lambda done, total, note: None,
    )  # fmt: skip


def scores(model: Any, inputs: Any) -> Any:
    """What a model says of rows."""
    return 1.0 / (1.0 + np.exp(-np.asarray(model(inputs, training=False), dtype=np.float64)[:, 0]))


def trained(folder: Path, **how: Any) -> Any:
    """The training, run to its end."""
    found = training(folder, **how)
    found.run()
    return found


def digest(found: Any) -> str:
    """What the weights and the history are."""
    from mlspec.runtime.deep_keras import networks

    told = hashlib.sha256(canonical_bytes(found.history))
    for name, value in sorted(networks.weights(found.network).items()):
        told.update(name.encode() + value.tobytes())
    return told.hexdigest()


def main() -> None:
    """Train, and be killed in the middle of a batch; or be done, and print the digest."""
    from mlspec.runtime.deep_keras.library import open_keras

    open_keras(1, "net")
    found, at = training(Path(sys.argv[1])), int(sys.argv[2])
    update, seen = found.update, []

    def updating(order: Any, rates: Any) -> None:
        seen.append(1)
        update(order, rates)
        if len(seen) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    found.update = updating
    found.run()
    sys.stdout.write(digest(found))


if __name__ == "__main__":
    main()
