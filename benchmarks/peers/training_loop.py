"""One training loop over the census rows: `python -m benchmarks.peers.training_loop ours|loader|memory DATA FOLDER`. It prints its seconds, and those of its CPU.

`ours` is the loop of a `train` stage, with curves for TensorBoard and states to go on from. `loader` is a bare loop of torch over a
DataLoader, `memory` one over tensors in memory; both log and save nothing. Network, optimiser, rows, batches and threads are the same.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.peers import census_rows

EPOCHS, BATCH, RATE = 12, 256, 1e-3
Pairs = Callable[[], Iterator[tuple[torch.Tensor, torch.Tensor]]]
Seconds = tuple[float, float]


def clocks() -> Seconds:
    """The time, and the CPU time of this process."""
    return time.perf_counter(), time.process_time()


def since(began: Seconds) -> Seconds:
    """Seconds by both clocks."""
    now = clocks()
    return now[0] - began[0], now[1] - began[1]


def rows(data: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """The census as tensors."""
    inputs, labels = census_rows.rows(data)
    return torch.from_numpy(inputs), torch.from_numpy(labels)


def network(width: int) -> torch.nn.Module:
    """Two hidden layers with dropout."""
    torch.manual_seed(0)
    layers: list[torch.nn.Module] = []
    for size in (64, 32):
        layers += [torch.nn.Linear(width, size), torch.nn.ReLU(), torch.nn.Dropout(0.1)]
        width = size
    return torch.nn.Sequential(*layers, torch.nn.Linear(width, 1))


def bare(model: torch.nn.Module, pairs: Pairs) -> Seconds:
    """The loop of torch's own tutorials, with the fused optimiser that ours has."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, fused=True)
    model.train()
    began = clocks()
    for _ in range(EPOCHS):
        for inputs, labels in pairs():
            optimiser.zero_grad()
            loss: Any = functional.binary_cross_entropy_with_logits(model(inputs)[:, 0], labels)
            loss.backward()
            optimiser.step()
    return since(began)


def in_memory(inputs: torch.Tensor, labels: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The batches of an epoch."""
    order = torch.randperm(len(labels))
    for start in range(0, len(labels), BATCH):
        chosen = order[start : start + BATCH]
        yield inputs.index_select(0, chosen), labels.index_select(0, chosen)


def ours(model: torch.nn.Module, inputs: torch.Tensor, labels: torch.Tensor, folder: Path) -> Seconds:
    """The loop of a `train` stage."""
    from mlspec.runtime.context import derive_seed
    from mlspec.runtime.deep.board import Board
    from mlspec.runtime.deep.checkpoints import Checkpoints
    from mlspec.runtime.deep.course import Rules
    from mlspec.runtime.deep.device import settled
    from mlspec.runtime.deep.examples import InMemory
    from mlspec.runtime.deep.loop import Training
    from mlspec.runtime.deep.losses import loss_of
    from mlspec.runtime.deep.optimisers import optimiser_of

    adamw = {"name": "adamw", "lr": RATE, "weight_decay": 0.01, "beta1": 0.9, "beta2": 0.999}
    rules = Rules(
        epochs=EPOCHS, batch=BATCH, accumulation=1, clip_norm=None, precision="fp32", rate=RATE, schedule=None, keep_best=1, every=None,
        device="cpu", seed=lambda purpose, epoch: derive_seed(0, "net", purpose, epoch=epoch), where="net",
    )  # fmt: skip
    (folder / "states").mkdir(parents=True)
    training = Training(
        network=model, optimiser=optimiser_of(adamw, model.parameters()), loss=loss_of("binary", None, "cpu"), examples=InMemory(inputs, labels),
        rules=rules, checkpoints=Checkpoints(folder / "states", "key", 1), watch=None, evaluate=None, progress=lambda done, total, note: None,
        board=Board({"scalars": True, "images": 0, "profile_steps": 0}, folder / "board", "net"),
    )  # fmt: skip
    with settled(1, "fp32", "cpu"):
        began = clocks()
        training.run()
        return since(began)


def main() -> None:
    """Train once in the way that is asked for."""
    how, data, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    torch.set_num_threads(1)
    inputs, labels = rows(data)
    model = network(inputs.shape[1])
    if how == "ours":
        seconds = ours(model, inputs, labels, folder)
    elif how == "loader":
        held = TensorDataset(inputs, labels)
        seconds = bare(model, lambda: iter(DataLoader(held, batch_size=BATCH, shuffle=True)))
    else:
        seconds = bare(model, lambda: in_memory(inputs, labels))
    sys.stdout.write(f"{seconds[0]} {seconds[1]}\n")


if __name__ == "__main__":
    main()
