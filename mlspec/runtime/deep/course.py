"""How far a training is, whatever library computes it: epochs, history, the best weights, and when a state is due."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlspec.runtime.deep.checkpoints import Best, Checkpoints, Saved
from mlspec.runtime.deep.memory import BatchSize
from mlspec.runtime.deep.schedules import factor_of, plateau_factor
from mlspec.runtime.deep.spread.alone import Alone
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


def rules_of(config: Mapping[str, Any], device: str, seed: Callable[[str, int], int], where: str, row_bytes: int) -> Rules:
    """The rules of a train config."""
    every, clip = config["checkpoint"].get("every"), config.get("clip_norm")
    return Rules(
        epochs=int(config["epochs"]), batch=int(config["global_batch"]), accumulation=int(config["gradient_accumulation"]),
        clip_norm=None if clip is None else float(clip), precision=str(config["precision"]), rate=float(config["optimiser"]["lr"]),
        schedule=config.get("schedule"), keep_best=int(config["checkpoint"]["best"]), every=None if every is None else float(every),
        device=device, seed=seed, where=where, row_bytes=row_bytes,
    )  # fmt: skip


@dataclass(kw_only=True)
class Course(ABC):
    """The part of a training that needs no tensors; who has them says how a batch is learned and how a state is made."""

    rules: Rules
    checkpoints: Checkpoints
    board: Any
    watch: Watch | None
    evaluate: Evaluate | None
    progress: Callable[[float, float, str], None]
    team: Alone = field(default_factory=Alone)
    history: list[dict[str, Any]] = field(default_factory=list)
    best: list[Best] = field(default_factory=list)
    epoch: int = 0
    batch: int = 0
    stopped: bool = False
    rows: int = 0
    _saved_at: float = 0.0
    _looked_at: float = 0.0

    def plan(self, rows: int) -> None:
        """Where batches of so many rows begin and end, and how the rate changes over them; StageError MLS816 for too few rows."""
        if rows < self.team.size:
            raise StageError(
                "MLS816", f"the part of `{self.rules.where}` has {rows} rows", f"{self.rules.where}.part", expected=f"a row for each of {self.team.size} processes",
                found=str(rows), help="give the part a larger share in its split, run without `sample`, or train in fewer processes",
            )  # fmt: skip
        self.rows = rows
        self._bounds = batches(rows, self.rules.batch, self.team.size)
        self._factor = factor_of(self.rules.schedule, self.rules.epochs * len(self._bounds), len(self._bounds))

    @property
    @abstractmethod
    def parameters(self) -> int:
        """How many numbers are learned."""

    @abstractmethod
    def copies(self) -> dict[str, Any]:
        """A copy of the weights as they are now."""

    @abstractmethod
    def state(self) -> Saved:
        """Everything that the rest of the training depends on."""

    @abstractmethod
    def watched(self) -> float:
        """The watched metric as the weights are now."""

    @abstractmethod
    def _restore(self, saved: Saved) -> None:
        """Go on from a state."""

    @abstractmethod
    def _epoch(self) -> None:
        """The batches of an epoch that are left."""

    @abstractmethod
    def _located(self) -> AbstractContextManager[None]:
        """What tells a lack of memory by its place."""

    def _close(self) -> None:
        """End what ran beside the training."""
        self.board.close()

    def learn(self) -> None:
        """Train until the last epoch or until nothing is gained, and save the state of the end."""
        saved = self.team.newest(self.checkpoints, self.rules.epochs)
        if saved is not None:
            self._restore(saved)
        self.begin_clock()
        self.board.begin(self.history)
        self.stopped = self.ends()
        try:
            with self._located():
                while self.epoch < self.rules.epochs and not self.stopped:
                    self._epoch()
        finally:
            self._close()
        if saved is None or (saved.epoch, saved.batch) != (self.epoch, self.batch):
            self.save()

    def best_weights(self) -> dict[str, Any]:
        """The weights of the epoch with the smallest loss on the watched part."""
        return dict(min(self.best, key=lambda item: (item.loss, item.epoch)).weights)

    @property
    def size(self) -> BatchSize:
        """How many rows are in memory at once."""
        return BatchSize(min(self.rules.batch, self.rows), self.rules.accumulation, self.rules.row_bytes, self.team.size)

    def steps_of(self, rows: int) -> int:
        """In how many steps an update of so many rows is taken.

        Each process has a row in each step, and all together have two, which have a spread to normalise by, wherever whole batches give them two.
        """
        least = max(self.team.size, min(2, self.rules.batch // self.rules.accumulation))
        return max(1, min(self.rules.accumulation, rows // least))

    def order(self) -> Any:
        """The rows of this epoch, in an order that the seed and its number decide."""
        random = np.random.Generator(np.random.PCG64(self.rules.seed("order", self.epoch + 1)))
        return random.permutation(self.rows)

    def rates(self) -> Callable[[int], float]:
        """The learning rate of each batch of this epoch."""
        plateau, first = plateau_factor(self.rules.schedule, self.losses()), self.epoch * len(self._bounds)
        return lambda batch: self.rules.rate * plateau * self._factor(first + batch)

    def finish_epoch(self, total: float, rate: float) -> None:
        """Record an epoch whose rows lost `total` together; StageError MLS814 where that is no number."""
        loss = total / self.rows
        if not math.isfinite(loss):
            raise StageError(
                "MLS814", f"the loss of `{self.rules.where}` is no finite number in epoch {self.epoch + 1}", f"{self.rules.where}.optimiser",
                expected="a finite loss", found=str(loss),
                help="lower the learning rate, set `clip_norm = 1.0`, or scale the features: `scale(…)`",
            )  # fmt: skip
        record: dict[str, Any] = {"epoch": self.epoch + 1, "loss": loss, "lr": rate}
        if self.watch is not None:
            record[self.watch.metric] = self.watched()
        self.history.append(record)
        self.epoch, self.batch = self.epoch + 1, 0
        self._remember()
        self.stopped = self.ends()
        self.board.epoch(record)
        self._tell()
        if self.team.decide(time.monotonic() - self._saved_at >= (_EVERY if self.rules.every is None else self.rules.every)):
            self.save()

    def ends(self) -> bool:
        """Whether nothing was gained for long enough."""
        return self.watch is not None and self.watch.ends(self._values())

    def losses(self) -> list[float]:
        """The watched metric by epoch, as something of which less is better."""
        return [] if self.watch is None else [self.watch.loss(value) for value in self._values()]

    def _values(self) -> list[float]:
        return [] if self.watch is None else [float(record[self.watch.metric]) for record in self.history]

    def _remember(self) -> None:
        """Keep a copy of the weights of an epoch that is among the best."""
        if self.watch is None:
            return
        loss, kept = self.losses()[-1], max(1, self.rules.keep_best)
        if len(self.best) < kept or loss < max(item.loss for item in self.best):
            self.best.append(Best(self.epoch, loss, self.copies()))
            self.best = sorted(self.best, key=lambda item: (item.loss, item.epoch))[:kept]

    def begin_clock(self) -> None:
        """Nothing is due yet."""
        self._saved_at = self._looked_at = time.monotonic()

    def look(self) -> None:
        """Tell how far it is, and save a state, where the time has come for it."""
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_EVERY:
            self._looked_at = now
            done = self.epoch + self.batch / len(self._bounds)
            self.progress(done, self.rules.epochs, f"epoch {self.epoch + 1} of {self.rules.epochs}")
        every = self.rules.every
        if every is not None and self.batch < len(self._bounds) and self.team.decide(now - self._saved_at >= every):
            self.save()

    def _tell(self) -> None:
        record = self.history[-1]
        note = f"epoch {self.epoch} of {self.rules.epochs}: loss {record['loss']:.4f}"
        if self.watch is not None:
            values = self._values()
            at = self.watch.best(values)
            note += f", {self.watch.metric} {values[-1]:.4f} (best {values[at]:.4f} in epoch {at + 1})"
        self.progress(self.epoch, self.rules.epochs, note)

    def save(self) -> None:
        """Write the state; of several processes, which all have a part in it, the first one does."""
        state = self.state()
        if self.team.rank == 0:
            self.checkpoints.save(state)
        self._saved_at = time.monotonic()


def batches(rows: int, size: int, processes: int = 1) -> list[tuple[int, int]]:
    """Where each batch begins and ends.

    A rest that leaves a process without rows, or that is one row, which has no spread to normalise by, joins the batch before it.
    """
    bounds = [(start, min(start + size, rows)) for start in range(0, rows, size)]
    least = max(processes, min(2, size))
    if len(bounds) > 1 and bounds[-1][1] - bounds[-1][0] < least:
        bounds[-2:] = [(bounds[-2][0], rows)]
    return bounds
