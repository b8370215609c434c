"""The training loop on TensorFlow: the same course as PyTorch's, with updates that are one compiled graph.

A call of that graph goes through as many batches as take less time than passes until somebody looks: crossing from Python costs more
than a small network's update. The graph is the same for one batch and for many, so where a call ends changes no bit.

What is drawn is drawn from the seed of its epoch: the order of the rows, and what dropout drops. A state that is saved inside an
epoch also holds the counters of the dropout layers, so that the rest of the epoch is the one that it would have been.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlspec.runtime.deep.checkpoints import Saved
from mlspec.runtime.deep.course import Course
from mlspec.runtime.deep_keras import networks
from mlspec.runtime.deep_keras.losses import Loss
from mlspec.runtime.deep_keras.memory import located

_TOGETHER = 0.25  # seconds that batches take which are learned in one call


@dataclass(kw_only=True)
class Training(Course):
    """One training: the Keras model, its optimiser, the rows as arrays, and how far it is."""

    network: Any
    optimiser: Any
    loss: Loss
    inputs: Any
    labels: Any

    def __post_init__(self) -> None:
        import tensorflow as tf

        self.plan(len(self.labels))
        self._total = tf.Variable(tf.constant(0.0, dtype=tf.float64))
        self._drawn = [layer.seed_generator.state for layer in self.network.layers if hasattr(layer, "seed_generator")]
        self._gathered: list[Any] = []
        self._pace = 0.0
        self._steps, self._gather, self._apply = self._functions()

    def run(self) -> None:
        """Train until the last epoch or until nothing is gained; afterwards the network holds the weights that count."""
        self.learn()
        if self.watch is not None:
            networks.set_weights(self.network, self.best_weights())

    def _located(self) -> AbstractContextManager[None]:
        return located(self.size, self.rules.where)

    def _epoch(self) -> None:
        import tensorflow as tf

        order = tf.constant(self.order())
        if self.batch == 0:
            self._total.assign(0.0)
            for place, state in enumerate(self._drawn):
                state.assign([self.rules.seed("dropout", self.epoch + 1) % 2**32, place])
        rates, rate = self.rates(), 0.0
        while self.batch < len(self._bounds):
            wanted = [rates(place) for place in range(self.batch, self.batch + self._at_once())]
            began, rate = time.monotonic(), wanted[-1]
            self.update(order, wanted)
            self.batch += len(wanted)
            self._pace = (time.monotonic() - began) / len(wanted)
            self.board.step()
            self.look()
        self.finish_epoch(float(self._total.numpy()), rate)

    def _at_once(self) -> int:
        """How many batches are learned before somebody looks."""
        if self.rules.accumulation > 1 or self.board.profiles or not self._pace:
            return 1
        seconds = _TOGETHER if self.rules.every is None else min(_TOGETHER, self.rules.every)
        return max(1, min(len(self._bounds) - self.batch, int(seconds / self._pace)))

    def update(self, order: Any, rates: Sequence[float]) -> None:
        """The next updates, one for each rate, from the gradients of their rows, taken in as many steps as the rules say."""
        import tensorflow as tf

        bounds = self._bounds[self.batch : self.batch + len(rates)]
        if self.rules.accumulation == 1:
            self._steps(order, tf.constant(bounds, dtype=tf.int64), tf.constant(rates, dtype=tf.float32))
            return
        ((start, end),) = bounds
        for part in np.array_split(order.numpy()[start:end], self.steps_of(end - start)):
            self._gather(tf.constant(part), tf.constant(len(part) / (end - start), dtype=tf.float32))
        self._apply(tf.constant(rates[0], dtype=tf.float32))

    def _functions(self) -> tuple[Callable[..., None], Callable[..., None], Callable[..., None]]:
        """Whole updates, one for each batch; the gradients of a share of its rows, added to those before; and the update that they make."""
        import tensorflow as tf

        inputs, labels = tf.constant(self.inputs), tf.constant(self.labels)
        rows, number = tf.TensorSpec([None], tf.int64), tf.TensorSpec([], tf.float32)
        if self.rules.accumulation > 1:
            self._gathered = [tf.Variable(tf.zeros(weight.shape)) for weight in self.network.trainable_variables]

        def gradients(chosen: Any) -> Any:
            with tf.GradientTape() as tape:
                outputs = tf.cast(self.network(tf.gather(inputs, chosen), training=True), tf.float32)
                loss = self.loss(outputs, tf.gather(labels, chosen))
            self._total.assign_add(tf.cast(loss, tf.float64) * tf.cast(tf.size(chosen), tf.float64))
            return tape.gradient(loss, [weight.value for weight in self.network.trainable_variables])

        def update(place: Any, order: Any, bounds: Any, rates: Any) -> Any:
            self._descend(gradients(order[bounds[place, 0] : bounds[place, 1]]), rates[place])
            return place + 1, order, bounds, rates

        @tf.function(
            autograph=False, input_signature=[rows, tf.TensorSpec([None, 2], tf.int64), tf.TensorSpec([None], tf.float32)]
        )  # type: ignore[untyped-decorator]
        def steps(order: Any, bounds: Any, rates: Any) -> None:
            held = (tf.constant(0), order, bounds, rates)
            tf.while_loop(lambda place, *_: place < tf.size(rates), update, held, parallel_iterations=1)

        @tf.function(input_signature=[rows, number])  # type: ignore[untyped-decorator]
        def gather(chosen: Any, share: Any) -> None:
            for held, gradient in zip(self._gathered, gradients(chosen), strict=True):
                held.assign_add(gradient * share)

        @tf.function(input_signature=[number])  # type: ignore[untyped-decorator]
        def apply(rate: Any) -> None:
            self._descend([held.value() for held in self._gathered], rate)
            for held in self._gathered:
                held.assign(tf.zeros_like(held))

        return steps, gather, apply

    def _descend(self, gradients: Any, rate: Any) -> None:
        """One update of the weights, with gradients of a norm that the rules allow."""
        import tensorflow as tf

        if self.rules.clip_norm is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, self.rules.clip_norm)
        self.optimiser.learning_rate.assign(rate)
        self.optimiser.apply(gradients)

    @property
    def parameters(self) -> int:
        """How many numbers are learned."""
        return sum(int(np.prod(weight.shape)) for weight in self.network.trainable_variables)

    def copies(self) -> dict[str, Any]:
        """A copy of the weights as they are now."""
        return networks.weights(self.network)

    def watched(self) -> float:
        """The watched metric as the weights are now."""
        assert self.evaluate is not None
        return self.evaluate(self.network)

    def state(self) -> Saved:
        """Weights, what the optimiser gathered, what dropout draws next and the loss of the epoch so far."""
        return Saved(self.epoch, self.batch, self.history, {}, dict(self._tensors()), self.best)

    def _tensors(self) -> Iterator[tuple[str, Any]]:
        yield from ((f"network/{name}", value) for name, value in self.copies().items())
        yield from ((f"optimiser/{place}", np.array(each.numpy())) for place, each in enumerate(self.optimiser.variables))
        yield from ((f"random/{place}", np.array(state.numpy())) for place, state in enumerate(self._drawn))
        yield "total", np.array(self._total.numpy())

    def _restore(self, saved: Saved) -> None:
        self.epoch, self.batch, self.best = saved.epoch, saved.batch, list(saved.best)
        self.history = [dict(record) for record in saved.history]
        networks.set_weights(self.network, {name.removeprefix("network/"): value for name, value in saved.tensors.items()})
        for place, each in enumerate(self.optimiser.variables):
            each.assign(saved.tensors[f"optimiser/{place}"])
        for place, state in enumerate(self._drawn):
            state.assign(saved.tensors[f"random/{place}"])
        self._total.assign(saved.tensors["total"])
