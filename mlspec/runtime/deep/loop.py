"""The training loop: batches in an order that seed and epoch alone decide, states saved on the way, the same weights after any stop.

What is drawn is drawn from the seed of its epoch: the order of the rows, and what dropout drops. A state that is saved inside an
epoch also holds torch's generator, so that the rest of the epoch is the one that it would have been.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from mlspec.runtime.deep.checkpoints import Saved
from mlspec.runtime.deep.course import Course
from mlspec.runtime.deep.device import GPU, autocast, scaler_of
from mlspec.runtime.deep.examples import Examples
from mlspec.runtime.deep.losses import Loss
from mlspec.runtime.deep.memory import located
from mlspec.runtime.errors import StageError


@dataclass(kw_only=True)
class Training(Course):
    """One training: the network, its optimiser, what it learns from and how far it is."""

    network: Any
    optimiser: Any
    loss: Loss
    examples: Examples

    def __post_init__(self) -> None:
        import torch

        self.plan(len(self.examples))
        self._require_spread()
        self._scaler = scaler_of(self.rules.precision, self.rules.device)
        self._total = torch.zeros((), dtype=torch.float64, device=self.rules.device)
        self._weights = [weight for weight in self.network.parameters() if weight.requires_grad]
        self._learner = self.team.learner(self.network)

    def _require_spread(self) -> None:
        """StageError MLS816 where a batch norm would be given one row at a time, which has no spread to normalise by."""
        from torch.nn import BatchNorm1d

        fewest = min((end - start) // self.steps_of(end - start) for start, end in self._bounds)
        if fewest < 2 and any(isinstance(layer, BatchNorm1d) for layer in self.network.modules()):
            raise self._one_row()

    def _one_row(self) -> StageError:
        return StageError(
            "MLS816", f"a batch norm of `{self.rules.where}` would learn from one row at a time", f"{self.rules.where}.global_batch",
            expected="two rows or more in each step", found=f"{self.rows} rows, a `global_batch` of {self.rules.batch} in {self.rules.accumulation} steps",
            help="take a larger `global_batch` or fewer steps, give the part more rows, or say `norm: layer` where the network has it",
        )  # fmt: skip

    def run(self) -> None:
        """Train until the last epoch or until nothing is gained; afterwards the network holds the weights that count."""
        self.learn()
        self._take_best()

    def is_learned(self) -> bool:
        """Whether the newest state is that of a whole training; if so, the network holds the weights that count."""
        saved = self.checkpoints.newest(self.rules.epochs)
        if saved is None:
            return False
        self._take(saved)
        self.stopped = self.ends()
        if saved.batch or (self.epoch < self.rules.epochs and not self.stopped):
            return False
        self._take_best()
        return True

    def _located(self) -> AbstractContextManager[None]:
        return located(self.size, self.rules.where)

    def _close(self) -> None:
        self.examples.close()
        super()._close()

    def _take_best(self) -> None:
        if self.watch is not None:
            self.network.load_state_dict(self.best_weights())
        self.network.eval()

    def _epoch(self) -> None:
        import torch

        order = torch.from_numpy(self.order()).to(self.examples.rows_on)
        if self.batch == 0:
            self._total.zero_()
            self.team.begin(lambda purpose: self.rules.seed(purpose, self.epoch + 1))
        self._learner.train()
        self.examples.begin(self.epoch + 1, self._coming(order))
        rates, rate = self.rates(), 0.0
        while self.batch < len(self._bounds):
            start, end = self._bounds[self.batch]
            rate = rates(self.batch)
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            self._step(order[start:end])
            self.batch += 1
            self.look()
        self.finish_epoch(self.team.sum(self._total), rate)

    def _step(self, rows: Any) -> None:
        """One update, from the gradients of its rows, taken in as many steps as the rules say."""
        self.optimiser.zero_grad(set_to_none=True)
        steps = self._steps(rows)
        for place, step in enumerate(steps, start=1):
            part = self.team.share(step)
            self.team.settle(self._learner, place == len(steps), len(step))
            self._gradients(part, len(part) * self.team.size / len(rows))
        if self.rules.clip_norm is not None:
            from torch.nn.utils import clip_grad_norm_

            self._scaler.unscale_(self.optimiser)
            clip_grad_norm_(self._weights, self.rules.clip_norm)
        self._scaler.step(self.optimiser)
        self._scaler.update()
        if self.board.profiles:
            self.board.step()

    def _steps(self, rows: Any) -> Sequence[Any]:
        """The rows of an update, of all processes, as they are worked through."""
        steps = self.steps_of(len(rows))
        return (rows,) if steps == 1 else tuple(rows.tensor_split(steps))

    def _coming(self, order: Any) -> Iterator[Any]:
        """The rows of each step until the epoch's end."""
        for start, end in self._bounds[self.batch :]:
            yield from map(self.team.share, self._steps(order[start:end]))

    def _gradients(self, rows: Any, share: float) -> None:
        inputs, labels = self.examples.take(rows)
        with self.team.drawing(), autocast(self.rules.precision, self.rules.device):
            loss = self.loss(self._forward(inputs), labels)
        self._scaler.scale(loss if share == 1.0 else loss * share).backward()
        self._total.add_(loss.detach(), alpha=len(rows))

    def _forward(self, inputs: Any) -> Any:
        """What the network gives; StageError MLS816 where a batch norm has a single number of a channel, since an image has one pixel there."""
        try:
            return self._learner(inputs)
        except ValueError as error:
            if len(inputs) > 1 or "more than 1 value per channel" not in str(error):
                raise
            raise self._one_row() from error

    @property
    def parameters(self) -> int:
        """How many numbers are learned."""
        return sum(int(weight.numel()) for weight in self.network.parameters())

    def copies(self) -> dict[str, Any]:
        """A copy of the weights as they are now; of several processes the first one keeps it."""
        found = self.team.whole(self.network.state_dict())
        return {} if self.team.rank else {name: value.detach().clone() for name, value in found.items()}

    def watched(self) -> float:
        """The watched metric as the weights are now."""
        evaluate = self.evaluate
        assert evaluate is not None
        return self.team.value(lambda: evaluate(self.network))

    def state(self) -> Saved:
        """Weights, what the optimiser gathered, the generators and the loss of the epoch so far."""
        import torch

        tensors = {f"network/{name}": value for name, value in self.network.state_dict().items()}
        for place, slots in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{place}/{name}": value for name, value in slots.items() if isinstance(value, torch.Tensor)}
        tensors = (
            self.team.whole(tensors) | self.team.each("total", self._total) | self.team.each("random", torch.get_rng_state())
        )
        tensors |= self.team.drawn()
        if self.rules.device == GPU:
            tensors |= self.team.each("random.gpu", torch.cuda.get_rng_state())
        return Saved(self.epoch, self.batch, self.history, self._scaler.state_dict(), tensors, self.best)

    def _take(self, saved: Saved) -> None:
        """How far a state is, and the weights that it has."""
        self.epoch, self.batch, self.best = saved.epoch, saved.batch, list(saved.best)
        self.history = [dict(record) for record in saved.history]
        held = self.network.state_dict()
        weights = _under(saved.tensors, "network/")
        self.network.load_state_dict({name: self.team.placed(value, held[name]) for name, value in weights.items()})

    def _restore(self, saved: Saved) -> None:
        """Go on from a state."""
        import torch

        self._take(saved)
        known = [weight for group in self.optimiser.param_groups for weight in group["params"]]
        slots: dict[int, dict[str, Any]] = {}
        for name, value in _under(saved.tensors, "optimiser/").items():
            place, _, slot = name.partition("/")
            slots.setdefault(int(place), {})[slot] = self.team.placed(value, known[int(place)])
        self.optimiser.load_state_dict({"state": slots, "param_groups": self.optimiser.state_dict()["param_groups"]})
        self._total.copy_(self.team.own("total", saved.tensors))
        if saved.scaler:
            self._scaler.load_state_dict(dict(saved.scaler))
        torch.set_rng_state(self.team.own("random", saved.tensors))
        self.team.draw_on(saved.tensors)
        if self.rules.device == GPU:
            torch.cuda.set_rng_state(self.team.own("random.gpu", saved.tensors))


def _under(tensors: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
