"""A network of a `train` stage, trained with Keras on TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mlspec.runtime.context import StageContext
from mlspec.runtime.deep.checkpoints import Checkpoints
from mlspec.runtime.deep.course import Rules
from mlspec.runtime.deep.examples import class_weights
from mlspec.runtime.deep.networks import network_of
from mlspec.runtime.deep.table import Table, name_of
from mlspec.runtime.deep.trained import LabelScale, outputs_of
from mlspec.runtime.deep.watch import Watch, read_watch
from mlspec.runtime.deep_keras import networks
from mlspec.runtime.deep_keras.board import Board
from mlspec.runtime.deep_keras.library import open_keras, refuse_what_is_not_built
from mlspec.runtime.deep_keras.loop import Training
from mlspec.runtime.deep_keras.losses import loss_of
from mlspec.runtime.deep_keras.memory import located
from mlspec.runtime.deep_keras.optimisers import optimiser_of
from mlspec.runtime.deep_keras.trained import BLOCK, KerasNetwork, starts
from mlspec.runtime.estimators.build import refuse_nulls
from mlspec.runtime.transform.columns import Floats

POLICIES = {"fp32": "float32", "bf16": "mixed_bfloat16"}


def refuse(context: StageContext) -> None:
    """StageError for what TensorFlow does not train, before a row is read."""
    refuse_what_is_not_built(context.config, context.block)
    networks.refuse_other_networks(context.config["network"], context.block)


def learn(
    context: StageContext, rows: Table, rules: Callable[[int], Rules], states: Checkpoints
) -> tuple[Training, KerasNetwork]:
    """The training, done, and the network that came of it. `rules` are those for so many bytes a row."""
    config, where, target = context.config, context.block, rows.learning.target
    open_keras(int(config["threads"]), where)
    with located(None, where):
        training = _training(context, rows, rules, states)
    training.run()
    weights = {name: value.astype(np.float64) for name, value in networks.weights(training.network).items()}
    return training, KerasNetwork(config["network"], weights, rows.inputs, target.task, target.classes, rows.scale)


def _training(context: StageContext, rows: Table, rules: Callable[[int], Rules], states: Checkpoints) -> Training:
    """The network with its first weights, and all that the loop needs."""
    config, where, target = context.config, context.block, rows.learning.target
    outputs = outputs_of(target.task, target.classes)
    network = networks.build(config["network"], rows.inputs.width, outputs, POLICIES[str(config["precision"])])
    networks.first_weights(network, context.seed("weights"))
    watch = read_watch(config.get("stop_early"), rows.reader.label, where)
    board = config.get("tensorboard")
    return Training(
        network=network, optimiser=optimiser_of(config["optimiser"], network.trainable_variables),
        loss=loss_of(target.task, class_weights(config, target)), inputs=rows.matrix.numbers.astype(np.float32), labels=_labels(rows),
        rules=rules(network_of(config["network"], where).bytes_a_row(config["network"], rows.inputs)), checkpoints=states,
        board=Board(board, context.board_dir() if board else None), watch=watch,
        evaluate=None if watch is None else _evaluation(rows, watch, network), progress=context.progress,
    )  # fmt: skip


def _labels(rows: Table) -> Any:
    """Labels as the loss of the task takes them."""
    target, scale = rows.learning.target, rows.scale
    if target.task == "multiclass":
        return target.y.astype(np.int64)
    return ((target.y - scale.centre) / scale.spread).astype(np.float32)


def _evaluation(rows: Table, watch: Watch, network: Any) -> Callable[[Any], float]:
    """A function that gives the watched metric of a network on its part."""
    judged = rows.reader.learning(watch.part)
    held = rows.transform.apply(judged.columns)
    refuse_nulls(name_of(rows.reader.config), held, watch.where)
    numbers = held.numbers.astype(np.float32)
    answer = _answers(network, numbers.shape[1], judged.target.task)
    return lambda _: watch.value(judged.target, _scores(answer, numbers, rows.scale))


def _answers(network: Any, width: int, task: str) -> Callable[[Any], Any]:
    """A compiled function from rows to scores in single precision, in the unit that the network has learned."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([None, width], tf.float32)])  # type: ignore[untyped-decorator]
    def answer(block: Any) -> Any:
        raw = tf.cast(network(block, training=False), tf.float32)
        if task == "multiclass":
            return tf.nn.softmax(raw, axis=1)
        return tf.sigmoid(raw[:, 0]) if task == "binary" else raw[:, 0]

    found: Callable[[Any], Any] = answer
    return found


def _scores(answer: Callable[[Any], Any], numbers: Any, scale: LabelScale) -> Floats:
    """The scores of rows, block by block, in the unit of the label."""
    import tensorflow as tf

    blocks = [answer(tf.constant(numbers[start : start + BLOCK])).numpy() for start in starts(len(numbers))]
    scores: Floats = np.concatenate(blocks).astype(np.float64)
    return scores * scale.spread + scale.centre
