"""The `train` stage: a network trained on a part, as a proven package and the history of its training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mlspec.catalogue.frameworks import DEFAULT
from mlspec.graph.canonical import digest_of
from mlspec.graph.kinds import KINDS, packages_of
from mlspec.graph.versions import installed_versions
from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.deep.board import Board
from mlspec.runtime.deep.checkpoints import Checkpoints, forget_others
from mlspec.runtime.deep.course import Course, Rules, rules_of
from mlspec.runtime.deep.device import CPU, device_of, settled
from mlspec.runtime.deep.examples import class_weights
from mlspec.runtime.deep.loop import Training
from mlspec.runtime.deep.losses import loss_of
from mlspec.runtime.deep.memory import located
from mlspec.runtime.deep.networks import network_of
from mlspec.runtime.deep.optimisers import optimiser_of
from mlspec.runtime.deep.pictures import Pictures
from mlspec.runtime.deep.rows import FittingRows, read_rows
from mlspec.runtime.deep.schedules import needs_all_updates
from mlspec.runtime.deep.spread.alone import Alone
from mlspec.runtime.deep.spread.plan import Spread, spread_of
from mlspec.runtime.deep.spread.start import start
from mlspec.runtime.deep.table import name_of, read_table, texts_told
from mlspec.runtime.deep.trained import TrainedNetwork, outputs_of
from mlspec.runtime.deep.watch import read_watch
from mlspec.runtime.errors import StageError
from mlspec.runtime.folder import content_of
from mlspec.runtime.package.write import Fitted, write_package
from mlspec.runtime.train.model import Predictions, finish

if TYPE_CHECKING:
    from mlspec.runtime.extern.training import Learned

_SAMPLE = 512
_SAMPLE_NUMBERS = 1 << 22
# What the weights of a training do not depend on.
_NOT_IN_KEY = ("checkpoint", "resume", "tensorboard", "calibrate", "threshold", "cluster")


def run(context: StageContext) -> None:
    """Train, calibrate, choose the threshold, package and prove."""
    config = context.config
    rows, training, network = _way_of(config)(context)
    fitted = finish(_fitted(config, network, rows), config, rows.reader, _no_folds, context.block)
    epochs = training.epoch
    context.progress(epochs, epochs, "packaging")
    package = write_package(context.output("package"), fitted, rows.reader.descriptors, rows.reader.proof(config["part"]))
    files.write_json(context.output("history") / "history.json", {**_history(context, training), **texts_told(rows)})
    forget_others(context.resume_dir(training_key(context)))
    context.progress(epochs, epochs, f"packaged as {package.engine}, proven on {package.manifest.proof['rows']:,} rows")


def _way_of(config: Mapping[str, Any]) -> Callable[[StageContext], tuple[FittingRows, Course | Learned, TrainedNetwork]]:
    """How a network is trained: in a process of its own where its code is the project's, else by the library that the spec names."""
    if config.get("externs"):
        return _of_extern
    return _of_keras if config.get("framework") == "tensorflow" else _of_torch


def _of_extern(context: StageContext) -> tuple[FittingRows, Learned, TrainedNetwork]:
    """The same by the process of an extern: no code of the project is imported here."""
    from mlspec.runtime.extern.training import learn

    rows = read_table(context)
    return rows, *learn(context, rows, training_key(context), rows.sample(_sampled(rows)))


def _of_torch(context: StageContext) -> tuple[FittingRows, Course, TrainedNetwork]:
    """What is learned from, the training with PyTorch at its end, and the network that came of it."""
    rows, spread = read_rows(context), spread_of(context.config)
    training = _learned(context, rows) if spread is None else _learned_together(context, rows, spread)
    return rows, training, _trained(context.config, training, rows)


def _of_keras(context: StageContext) -> tuple[FittingRows, Course, TrainedNetwork]:
    """The same with Keras on TensorFlow."""
    from mlspec.runtime.deep_keras.stage import learn, refuse

    refuse(context)
    rows, states = read_table(context), _checkpoints(context, training_key(context), "numpy")
    return rows, *learn(context, rows, lambda row_bytes: _rules(context, CPU, row_bytes), states)


def train(context: StageContext, team: Alone, key: str) -> None:
    """Train as one of several processes; what is learned lies in the states of `key` afterwards."""
    spread, rows = spread_of(context.config), read_rows(context)
    assert spread is not None
    with settled(int(context.config["threads"]), str(context.config["precision"]), spread.device):
        with located(None, context.block):
            training = _training(context, rows, spread.device, _checkpoints(context, key), team)
        training.learn()


def _learned(context: StageContext, rows: FittingRows) -> Training:
    """A training in this process, at its end."""
    config, where = context.config, context.block
    device = device_of(config, where)
    with settled(int(config["threads"]), str(config["precision"]), device):
        with located(None, where):
            training = _training(context, rows, device, _checkpoints(context, training_key(context)))
        training.run()
    return training


def _learned_together(context: StageContext, rows: FittingRows, spread: Spread) -> Training:
    """A training in processes that others start, as its last state has it."""
    config, where, key = context.config, context.block, training_key(context)
    with settled(int(config["threads"]), str(config["precision"]), CPU):
        with located(None, where):
            training = _training(context, rows, CPU, _checkpoints(context, key), shown=False)
        if training.is_learned():
            board = _board(context)
            board.begin(training.history)
            board.close()
            return training
        start(context, spread, key)
        if not training.is_learned():
            raise StageError(
                "MLS808", f"the processes of `{where}` ended without a whole state of their training", f"{where}.strategy", expected="a state of its end",
                found=f"epoch {training.epoch} of {config['epochs']}", help="run again: it goes on from the newest state that is whole",
            )  # fmt: skip
    return training


def training_key(context: StageContext) -> str:
    """The address of the training's states: everything that its weights depend on.

    Where the learning rate does not depend on how many epochs there will be, more epochs go on from where fewer ended.
    """
    left_out = (*_NOT_IN_KEY, *(() if needs_all_updates(context.config.get("schedule")) else ("epochs",)))
    config = {name: value for name, value in context.config.items() if name not in left_out}
    inputs = {name: content_of(folder) for name, folder in sorted(context.inputs().items())}
    versions = installed_versions(packages_of("train", context.config))
    return digest_of(["training", KINDS["train"].version, context.block, config, inputs, versions])


def _training(
    context: StageContext,
    rows: FittingRows,
    device: str,
    checkpoints: Checkpoints,
    team: Alone | None = None,
    shown: bool = True,
) -> Training:
    """The network with its first weights, and all that the loop needs."""
    import torch

    config, where, target = context.config, context.block, rows.learning.target
    torch.manual_seed(context.seed("weights"))
    kind = network_of(config["network"], where)
    team = team or Alone()
    network = team.prepared(kind.build(config["network"], rows.inputs, outputs_of(target.task, target.classes)).to(device))
    watch = read_watch(config.get("stop_early"), rows.reader.label, where)
    return Training(
        network=network, optimiser=optimiser_of(config["optimiser"], network.parameters()),
        loss=loss_of(target.task, class_weights(config, target), device), examples=rows.examples(device),
        rules=_rules(context, device, kind.bytes_a_row(config["network"], rows.inputs)), checkpoints=checkpoints,
        board=_shown(_board(context), rows) if shown and team.rank == 0 else Board(None, None, where), team=team,
        watch=watch, evaluate=None if watch is None else rows.evaluation(watch, device), progress=context.progress,
    )  # fmt: skip


def _shown(board: Board, rows: FittingRows) -> Board:
    """The board, with the first images that it asks for."""
    if board.pictures and isinstance(rows, Pictures):
        board.show(rows.shown(board.pictures))
    return board


def _board(context: StageContext) -> Board:
    config = context.config.get("tensorboard")
    return Board(config, context.board_dir() if config else None, context.block)


def _checkpoints(context: StageContext, key: str, tensors: str = "torch") -> Checkpoints:
    """The states of this training, of an earlier attempt too unless the spec begins anew."""
    found = Checkpoints(context.resume_dir(key), key, int(context.config["checkpoint"]["last"]), tensors)
    if context.config["resume"] == "never":
        found.clear()
    return found


def _rules(context: StageContext, device: str, row_bytes: int) -> Rules:
    return rules_of(context.config, device, lambda purpose, epoch: context.seed(purpose, epoch=epoch), context.block, row_bytes)


def _trained(config: Mapping[str, Any], training: Training, rows: FittingRows) -> TrainedNetwork:
    weights = {
        name: value.detach().cpu().double().numpy()
        for name, value in training.network.state_dict().items()
        if value.is_floating_point()
    }
    target = rows.learning.target
    return TrainedNetwork(config["network"], weights, rows.inputs, target.task, target.classes, rows.scale)


def _fitted(config: Mapping[str, Any], network: TrainedNetwork, rows: FittingRows) -> Fitted:
    params = {key: value for key, value in config["network"].items() if key != "name"}
    return Fitted(
        name=str(config["name"]), estimator_name=name_of(config), params=params, estimator=network, transform=rows.transform,
        target=rows.learning.target, sample=rows.sample(_sampled(rows)), label=rows.reader.label,
    )  # fmt: skip


def _sampled(rows: FittingRows) -> Any:
    """The places of rows that the package is compared with the network on."""
    count = len(rows.learning)
    wanted = min(_SAMPLE, max(16, _SAMPLE_NUMBERS // rows.inputs.width), count)
    return np.unique(np.linspace(0, count - 1, wanted).astype(np.int64))


def _no_folds() -> Predictions:
    raise AssertionError("a network has no out-of-fold predictions: the compiler asks for a part")


def _history(context: StageContext, training: Course | Learned) -> dict[str, Any]:
    """What `history.json` holds; no clock reading, so that it is as reproducible as the weights."""
    config, watch = context.config, training.watch
    values = [] if watch is None else [float(record[watch.metric]) for record in training.history]
    other = {} if config.get("framework") in (None, DEFAULT) else {"framework": config["framework"]}
    return {
        **other, "format": 1, "name": config["name"], "network": dict(config["network"]), "optimiser": dict(config["optimiser"]),
        "parameters": training.parameters, "rows": training.rows,
        "metric": None if watch is None else {"name": watch.metric, "part": watch.part, "direction": watch.direction},
        "requested": int(config["epochs"]), "epochs": training.history, "best": None if watch is None else watch.best(values) + 1,
        "stopped": "stop_early" if training.stopped and training.epoch < int(config["epochs"]) else None,
    }  # fmt: skip
