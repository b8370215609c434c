"""The loss of each task: cross entropy of classes, squared error of numbers, averaged over the rows of a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Loss = Callable[[Any, Any], Any]


def loss_of(task: str, weights: Sequence[float] | None) -> Loss:
    """A function of (outputs, labels); with class weights each row counts as much as its class does."""
    import tensorflow as tf

    each = _of_each(task)
    if weights is None or task == "regression":
        return lambda outputs, labels: tf.reduce_mean(each(outputs, labels))
    known = tf.constant(weights, dtype=tf.float32)
    return lambda outputs, labels: tf.reduce_mean(each(outputs, labels) * tf.gather(known, tf.cast(labels, tf.int32)))


def _of_each(task: str) -> Loss:
    """The loss of each row."""
    import tensorflow as tf

    if task == "regression":
        return lambda outputs, labels: tf.square(outputs[:, 0] - labels)
    if task == "binary":
        return lambda outputs, labels: tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=outputs[:, 0])
    return lambda outputs, labels: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=outputs)
