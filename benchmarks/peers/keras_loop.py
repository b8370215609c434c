"""One training with Keras over the census rows: `python -m benchmarks.peers.keras_loop ours|fit DATA FOLDER`. It prints its seconds, and those of its CPU.

`ours` is the loop of a `train` stage with `framework = tensorflow`, with curves for TensorBoard and states to go on from. `fit` is Keras's
own `model.fit` over arrays, which logs and saves nothing. Network, optimiser, rows, batches, threads and kernels are the same, and each
compiles its step while the clock runs. Ours has deterministic operators as well.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.peers.census_rows import rows
from mlspec.runtime.context import derive_seed
from mlspec.runtime.deep_keras import networks
from mlspec.runtime.deep_keras.library import open_keras

EPOCHS, BATCH, RATE = 12, 256, 1e-3
MLP = {"name": "mlp", "hidden": [64, 32], "activation": "relu", "dropout": 0.1, "norm": "none"}


def fit(model: Any, inputs: Any, labels: Any, folder: Path) -> None:
    """Keras's own loop."""
    import keras

    keras.utils.set_random_seed(0)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.AdamW(RATE, weight_decay=0.01), loss=loss)
    model.fit(inputs, labels[:, None], batch_size=BATCH, epochs=EPOCHS, shuffle=True, verbose=0)


def ours(model: Any, inputs: Any, labels: Any, folder: Path) -> None:
    """The loop of a `train` stage."""
    from mlspec.runtime.deep.checkpoints import Checkpoints
    from mlspec.runtime.deep.course import Rules
    from mlspec.runtime.deep_keras.board import Board
    from mlspec.runtime.deep_keras.loop import Training
    from mlspec.runtime.deep_keras.losses import loss_of
    from mlspec.runtime.deep_keras.optimisers import optimiser_of

    adamw = {"name": "adamw", "lr": RATE, "weight_decay": 0.01, "beta1": 0.9, "beta2": 0.999}
    rules = Rules(
        epochs=EPOCHS, batch=BATCH, accumulation=1, clip_norm=None, precision="fp32", rate=RATE, schedule=None, keep_best=1, every=None,
        device="cpu", seed=lambda purpose, epoch: derive_seed(0, "net", purpose, epoch=epoch), where="net",
    )  # fmt: skip
    (folder / "states").mkdir(parents=True)
    Training(
        network=model, optimiser=optimiser_of(adamw, model.trainable_variables), loss=loss_of("binary", None), inputs=inputs, labels=labels, rules=rules,
        checkpoints=Checkpoints(folder / "states", "key", 1, "numpy"), board=Board({"scalars": True, "profile_steps": 0}, folder / "board"),
        watch=None, evaluate=None, progress=lambda done, total, note: None,
    ).run()  # fmt: skip


def main() -> None:
    """Train once in the way that is asked for."""
    how, data, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    inputs, labels = rows(data)
    open_keras(1, "net", fixed=how == "ours")
    model = networks.build(MLP, inputs.shape[1], 1)
    networks.first_weights(model, 0)
    began = time.perf_counter(), time.process_time()
    (ours if how == "ours" else fit)(model, inputs, labels, folder)
    sys.stdout.write(f"{time.perf_counter() - began[0]} {time.process_time() - began[1]}\n")


if __name__ == "__main__":
    main()
