"""The training loop: batches in an order that seed and epoch alone decide, states saved on the way, the same weights after any stop.

What is drawn is drawn from the seed of its epoch: the order of the rows, and what dropout drops. A state that is saved inside an
epoch also holds torch's generator, so that the rest of the epoch is the one that it would have been.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlspec.runtime.deep.board import Board
from mlspec.runtime.deep.checkpoints import Best, Checkpoints, Saved
from mlspec.runtime.deep.device import GPU, autocast, scaler_of
from mlspec.runtime.deep.examples import Examples
from mlspec.runtime.deep.losses import Loss
from mlspec.runtime.deep.memory import BatchSize, located
from mlspec.runtime.deep.schedules import factor_of, plateau_factor
from mlspec.runtime.deep.watch import Watch
from mlspec.runtime.errors import StageError

Evaluate = Callable[[Any], float]
"""The watched metric of a network."""

_LOOK_EVERY = 0.5  # seconds between two looks at what is due: progress, a checkpoint
_EVERY = 5.0  # seconds between two checkpoints at ends of epochs, unless the spec says something else


@dataclass(frozen=True)
class Rules:
    """How a network is trained, as the config says it."""

    epochs: int
    batch: int
    accumulation: int
    clip_norm: float | None
    precision: str
    rate: float
    schedule: Mapping[str, Any] | None
    keep_best: int
    every: float | None
    device: str
    seed: Callable[[str, int], int]
    where: str
    row_bytes: int = 0


@dataclass
class Training:
    """One training: the network, its optimiser, what it learns from and how far it is."""

    network: Any
    optimiser: Any
    loss: Loss
    examples: Examples
    rules: Rules
    checkpoints: Checkpoints
    board: Board
    watch: Watch | None
    evaluate: Evaluate | None
    progress: Callable[[float, float, str], None]
    history: list[dict[str, Any]] = field(default_factory=list)
    best: list[Best] = field(default_factory=list)
    epoch: int = 0
    batch: int = 0
    stopped: bool = False
    _saved_at: float = 0.0
    _looked_at: float = 0.0

    def __post_init__(self) -> None:
        import torch

        self._bounds = batches(len(self.examples), self.rules.batch)
        self._factor = factor_of(self.rules.schedule, self.rules.epochs * len(self._bounds), len(self._bounds))
        self._scaler = scaler_of(self.rules.precision, self.rules.device)
        self._total = torch.zeros((), dtype=torch.float64, device=self.rules.device)
        self._weights = [weight for weight in self.network.parameters() if weight.requires_grad]

    def run(self) -> None:
        """Train until the last epoch or until nothing is gained; afterwards the network holds the weights that count."""
        saved = self.checkpoints.newest(self.rules.epochs)
        if saved is not None:
            self._restore(saved)
        self._saved_at = self._looked_at = time.monotonic()
        self.board.begin(self.history)
        self.stopped = self._ends()
        try:
            with located(self._size(), self.rules.where):
                while self.epoch < self.rules.epochs and not self.stopped:
                    self._epoch()
        finally:
            self.examples.close()
            self.board.close()
        if saved is None or (saved.epoch, saved.batch) != (self.epoch, self.batch):
            self._save()
        if self.watch is not None:
            self.network.load_state_dict(min(self.best, key=lambda item: (item.loss, item.epoch)).weights)
        self.network.eval()

    def _size(self) -> BatchSize:
        """How many rows are in memory at once."""
        return BatchSize(min(self.rules.batch, len(self.examples)), self.rules.accumulation, self.rules.row_bytes)

    def _epoch(self) -> None:
        import torch

        order = self._order()
        if self.batch == 0:
            self._total.zero_()
            torch.manual_seed(self.rules.seed("dropout", self.epoch + 1))
        self.network.train()
        self.examples.begin(self.epoch + 1, self._coming(order))
        plateau = plateau_factor(self.rules.schedule, self._losses())
        first, count = self.epoch * len(self._bounds), len(self._bounds)
        rate = 0.0
        while self.batch < count:
            start, end = self._bounds[self.batch]
            rate = self.rules.rate * plateau * self._factor(first + self.batch)
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            self._step(order[start:end])
            self.batch += 1
            if time.monotonic() - self._looked_at >= _LOOK_EVERY or self.rules.every is not None:
                self._look()
        self._finish_epoch(rate)

    def _step(self, rows: Any) -> None:
        """One update, from the gradients of its rows, taken in as many steps as the rules say."""
        self.optimiser.zero_grad(set_to_none=True)
        for part in self._parts(rows):
            self._gradients(part, len(part) / len(rows))
        if self.rules.clip_norm is not None:
            from torch.nn.utils import clip_grad_norm_

            self._scaler.unscale_(self.optimiser)
            clip_grad_norm_(self._weights, self.rules.clip_norm)
        self._scaler.step(self.optimiser)
        self._scaler.update()
        if self.board.profiles:
            self.board.step()

    def _parts(self, rows: Any) -> Sequence[Any]:
        """The rows of an update, as they are worked through."""
        return (rows,) if self.rules.accumulation == 1 else rows.tensor_split(min(self.rules.accumulation, len(rows)))

    def _coming(self, order: Any) -> Iterator[Any]:
        """The rows of each step until the epoch's end."""
        for start, end in self._bounds[self.batch :]:
            yield from self._parts(order[start:end])

    def _gradients(self, rows: Any, share: float) -> None:
        inputs, labels = self.examples.take(rows)
        with autocast(self.rules.precision, self.rules.device):
            loss = self.loss(self.network(inputs), labels)
        self._scaler.scale(loss if share == 1.0 else loss * share).backward()
        self._total.add_(loss.detach(), alpha=len(rows))

    def _order(self) -> Any:
        """The rows of this epoch, in an order that the seed and its number decide."""
        import torch

        random = np.random.Generator(np.random.PCG64(self.rules.seed("order", self.epoch + 1)))
        return torch.from_numpy(random.permutation(len(self.examples))).to(self.examples.rows_on)

    def _finish_epoch(self, rate: float) -> None:
        loss = float(self._total) / len(self.examples)
        if not math.isfinite(loss):
            raise StageError(
                "MLS814", f"the loss of `{self.rules.where}` is no finite number in epoch {self.epoch + 1}", f"{self.rules.where}.optimiser",
                expected="a finite loss", found=str(loss),
                help="lower the learning rate, set `clip_norm = 1.0`, or scale the features: `scale(…)`",
            )  # fmt: skip
        record: dict[str, Any] = {"epoch": self.epoch + 1, "loss": loss, "lr": rate}
        if self.watch is not None and self.evaluate is not None:
            record[self.watch.metric] = self.evaluate(self.network)
        self.history.append(record)
        self.epoch, self.batch = self.epoch + 1, 0
        self._remember()
        self.stopped = self._ends()
        self.board.epoch(record)
        self._tell()
        if time.monotonic() - self._saved_at >= (_EVERY if self.rules.every is None else self.rules.every):
            self._save()

    def _values(self) -> list[float]:
        return [] if self.watch is None else [float(record[self.watch.metric]) for record in self.history]

    def _losses(self) -> list[float]:
        return [] if self.watch is None else [self.watch.loss(value) for value in self._values()]

    def _ends(self) -> bool:
        return self.watch is not None and self.watch.ends(self._values())

    def _remember(self) -> None:
        """Keep a copy of the weights of an epoch that is among the best."""
        if self.watch is None:
            return
        loss, kept = self._losses()[-1], max(1, self.rules.keep_best)
        if len(self.best) < kept or loss < max(item.loss for item in self.best):
            weights = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
            self.best.append(Best(self.epoch, loss, weights))
            self.best = sorted(self.best, key=lambda item: (item.loss, item.epoch))[:kept]

    def _look(self) -> None:
        """Tell how far it is, and save a state where the time for one has come."""
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_EVERY:
            self._looked_at = now
            self.progress(
                self.epoch + self.batch / len(self._bounds), self.rules.epochs, f"epoch {self.epoch + 1} of {self.rules.epochs}"
            )
        if self.rules.every is not None and now - self._saved_at >= self.rules.every and self.batch < len(self._bounds):
            self._save()

    def _tell(self) -> None:
        record = self.history[-1]
        note = f"epoch {self.epoch} of {self.rules.epochs}: loss {record['loss']:.4f}"
        if self.watch is not None:
            values = self._values()
            at = self.watch.best(values)
            note += f", {self.watch.metric} {values[-1]:.4f} (best {values[at]:.4f} in epoch {at + 1})"
        self.progress(self.epoch, self.rules.epochs, note)

    def _save(self) -> None:
        import torch

        tensors = {f"network/{name}": value for name, value in self.network.state_dict().items()}
        for place, slots in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{place}/{name}": value for name, value in slots.items() if isinstance(value, torch.Tensor)}
        tensors |= {"total": self._total, "random": torch.get_rng_state()}
        if self.rules.device == GPU:
            tensors["random.gpu"] = torch.cuda.get_rng_state()
        self.checkpoints.save(Saved(self.epoch, self.batch, self.history, self._scaler.state_dict(), tensors, self.best))
        self._saved_at = time.monotonic()

    def _restore(self, saved: Saved) -> None:
        import torch

        self.epoch, self.batch, self.best = saved.epoch, saved.batch, list(saved.best)
        self.history = [dict(record) for record in saved.history]
        self.network.load_state_dict(_under(saved.tensors, "network/"))
        slots: dict[int, dict[str, Any]] = {}
        for name, value in _under(saved.tensors, "optimiser/").items():
            place, _, slot = name.partition("/")
            slots.setdefault(int(place), {})[slot] = value
        self.optimiser.load_state_dict({"state": slots, "param_groups": self.optimiser.state_dict()["param_groups"]})
        self._total.copy_(saved.tensors["total"])
        if saved.scaler:
            self._scaler.load_state_dict(dict(saved.scaler))
        torch.set_rng_state(saved.tensors["random"])
        if self.rules.device == GPU:
            torch.cuda.set_rng_state(saved.tensors["random.gpu"])


def _under(tensors: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def batches(rows: int, size: int) -> list[tuple[int, int]]:
    """Where each batch begins and ends; a rest of one row, which has no spread to normalise by, joins the batch before it."""
    bounds = [(start, min(start + size, rows)) for start in range(0, rows, size)]
    if len(bounds) > 1 and size > 1 and bounds[-1][1] - bounds[-1][0] == 1:
        bounds[-2:] = [(bounds[-2][0], rows)]
    return bounds
