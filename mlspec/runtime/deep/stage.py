"""The `train` stage: a network trained on a part, as a proven package and the history of its training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlspec.graph.canonical import digest_of
from mlspec.graph.kinds import KINDS, packages_of
from mlspec.graph.versions import installed_versions
from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.deep.board import Board
from mlspec.runtime.deep.checkpoints import Checkpoints
from mlspec.runtime.deep.device import device_of, settled
from mlspec.runtime.deep.examples import Examples, class_weights, label_scale, table_examples
from mlspec.runtime.deep.loop import Rules, Training
from mlspec.runtime.deep.losses import loss_of
from mlspec.runtime.deep.networks import network_of
from mlspec.runtime.deep.optimisers import optimiser_of
from mlspec.runtime.deep.schedules import needs_all_updates
from mlspec.runtime.deep.trained import LabelScale, TrainedNetwork, outputs_of
from mlspec.runtime.deep.watch import Watch, read_watch
from mlspec.runtime.estimators.build import refuse_nulls
from mlspec.runtime.folder import content_of
from mlspec.runtime.package.write import Fitted, write_package
from mlspec.runtime.train.data import Learning, PartReader
from mlspec.runtime.train.model import Predictions, finish
from mlspec.runtime.transform import fit_transform
from mlspec.runtime.transform.chain import FittedTransform, Matrix
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target

_SAMPLE = 512
_BLOCK = 8192
# What the weights of a training do not depend on.
_NOT_IN_KEY = ("checkpoint", "resume", "tensorboard", "calibrate", "threshold")


def run(context: StageContext) -> None:
    """Train, calibrate, choose the threshold, package and prove."""
    config, where = context.config, context.block
    reader = PartReader(context)
    learning = reader.learning(config["part"])
    transform, matrix = fit_transform(reader.features, learning.columns, learning.target, config.get("unknown") or "encode")
    name = f"torch.{config['network']['name']}"
    refuse_nulls(name, matrix, where)
    device = device_of(config, where)
    with settled(int(config["threads"]), str(config["precision"]), device):
        watch = read_watch(config.get("stop_early"), reader.label, where)
        training = _training(context, reader, learning, transform, matrix, watch, device)
        training.run()
    network = _trained(config, training, matrix, learning.target)
    fitted = _fitted(name, config, network, transform, matrix, learning, reader)
    fitted = finish(fitted, config, reader, _no_folds, where)
    epochs = training.epoch
    context.progress(epochs, epochs, "packaging")
    package = write_package(
        context.output("package"), fitted, reader.descriptors, reader.proof(config["part"]), context.project_root
    )
    files.write_json(context.output("history") / "history.json", _history(context, training))
    context.progress(epochs, epochs, f"packaged as {package.engine}, proven on {package.manifest.proof['rows']:,} rows")


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
    reader: PartReader,
    learning: Learning,
    transform: FittedTransform,
    matrix: Matrix,
    watch: Watch | None,
    device: str,
) -> Training:
    """The network with its first weights, and all that the loop needs."""
    import torch

    config, where, target = context.config, context.block, learning.target
    torch.manual_seed(context.seed("weights"))
    outputs = outputs_of(target.task, target.classes)
    network = network_of(config["network"], where).build(config["network"], matrix.numbers.shape[1], outputs).to(device)
    scale = label_scale(target)
    key = training_key(context)
    folder = context.resume_dir(key)
    checkpoints = Checkpoints(folder, key, int(config["checkpoint"]["last"]))
    if config["resume"] == "never":
        checkpoints.clear()
    evaluate = None
    if watch is not None:
        judged = reader.learning(watch.part)
        held = transform.apply(judged.columns)
        refuse_nulls(f"torch.{config['network']['name']}", held, where)
        rows = table_examples(held.numbers, judged.target, scale, device)
        evaluate = lambda network: watch.value(judged.target, scores_of(network, rows, judged.target, scale))  # noqa: E731
    return Training(
        network=network, optimiser=optimiser_of(config["optimiser"], network.parameters()),
        loss=loss_of(target.task, class_weights(config, target), device),
        examples=table_examples(matrix.numbers, target, scale, device), rules=_rules(context, device), checkpoints=checkpoints,
        board=Board(config.get("tensorboard"), context.resume_dir("tensorboard") if config.get("tensorboard") else None, where),
        watch=watch, evaluate=evaluate, progress=context.progress,
    )  # fmt: skip


def _rules(context: StageContext, device: str) -> Rules:
    config = context.config
    every, clip = config["checkpoint"].get("every"), config.get("clip_norm")
    return Rules(
        epochs=int(config["epochs"]), batch=int(config["global_batch"]), accumulation=int(config["gradient_accumulation"]),
        clip_norm=None if clip is None else float(clip), precision=str(config["precision"]), rate=float(config["optimiser"]["lr"]),
        schedule=config.get("schedule"), keep_best=int(config["checkpoint"]["best"]), every=None if every is None else float(every),
        device=device, seed=lambda purpose, epoch: context.seed(purpose, epoch=epoch), where=context.block,
    )  # fmt: skip


def scores_of(network: Any, rows: Examples, target: Target, scale: LabelScale) -> Floats:
    """What the network says of rows while it is trained, in single precision."""
    import torch

    network.eval()
    with torch.no_grad():
        parts = [network(rows.inputs[start : start + _BLOCK]).float() for start in range(0, len(rows), _BLOCK)]
        raw = torch.cat(parts)
        found = raw[:, 0] if target.task != "multiclass" else torch.softmax(raw, dim=1)
        if target.task == "binary":
            found = torch.sigmoid(found)
    scores: Floats = found.cpu().numpy().astype(np.float64)
    return scores * scale.spread + scale.centre if target.task == "regression" else scores


def _trained(config: Mapping[str, Any], training: Training, matrix: Matrix, target: Target) -> TrainedNetwork:
    weights = {
        name: value.detach().cpu().double().numpy()
        for name, value in training.network.state_dict().items()
        if value.is_floating_point()
    }
    return TrainedNetwork(config["network"], weights, matrix.numbers.shape[1], target.task, target.classes, label_scale(target))


def _fitted(
    name: str,
    config: Mapping[str, Any],
    network: TrainedNetwork,
    transform: FittedTransform,
    matrix: Matrix,
    learning: Learning,
    reader: PartReader,
) -> Fitted:
    spread = np.unique(np.linspace(0, len(learning) - 1, min(_SAMPLE, len(learning))).astype(np.int64))
    params = {key: value for key, value in config["network"].items() if key != "name"}
    return Fitted(
        name=str(config["name"]), estimator_name=name, params=params, estimator=network, transform=transform, target=learning.target,
        sample=np.ascontiguousarray(matrix.numbers[spread]), label=reader.label,
    )  # fmt: skip


def _no_folds() -> Predictions:
    raise AssertionError("a network has no out-of-fold predictions: the compiler asks for a part")


def _history(context: StageContext, training: Training) -> dict[str, Any]:
    """What `history.json` holds; no clock reading, so that it is as reproducible as the weights."""
    config, watch = context.config, training.watch
    values = [] if watch is None else [float(record[watch.metric]) for record in training.history]
    return {
        "format": 1, "name": config["name"], "network": dict(config["network"]), "optimiser": dict(config["optimiser"]),
        "parameters": sum(int(weight.numel()) for weight in training.network.parameters()), "rows": len(training.examples),
        "metric": None if watch is None else {"name": watch.metric, "part": watch.part, "direction": watch.direction},
        "requested": int(config["epochs"]), "epochs": training.history, "best": None if watch is None else watch.best(values) + 1,
        "stopped": "stop_early" if training.stopped and training.epoch < int(config["epochs"]) else None,
    }  # fmt: skip
