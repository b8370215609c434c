"""A `train` stage with a network of the project's own: rows go to its process, and a graph with its history comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlspec.graph.model import own_name
from mlspec.runtime.context import StageContext
from mlspec.runtime.deep.device import device_of
from mlspec.runtime.deep.examples import class_weights, label_array
from mlspec.runtime.deep.table import Table, name_of
from mlspec.runtime.deep.trained import outputs_of
from mlspec.runtime.deep.watch import Watch, read_watch
from mlspec.runtime.errors import StageError
from mlspec.runtime.estimators.build import refuse_nulls
from mlspec.runtime.extern.declaration import Declaration, declared, from_project
from mlspec.runtime.extern.learner import pack, unpack
from mlspec.runtime.extern.own_network import OwnNetwork, bytes_a_row
from mlspec.runtime.extern.process import Process
from mlspec.runtime.transform.columns import Floats

_NEAR = {False: 1e-9, True: 1e-4}
"""How near the graph's answers are to torch's, in doubles and in single precision."""


@dataclass(frozen=True)
class Learned:
    """What a training outside of this process was."""

    history: list[dict[str, Any]]
    epoch: int
    stopped: bool
    rows: int
    parameters: int
    watch: Watch | None


def learn(context: StageContext, rows: Table, key: str, sample: Floats) -> tuple[Learned, OwnNetwork]:
    """The training, done by the process of the network, and the network that came of it."""
    config, where, target = context.config, context.block, rows.learning.target
    (extern,) = declared([config]).values()
    watch = read_watch(config.get("stop_early"), rows.reader.label, where)
    states, board = context.resume_dir(key), context.board_dir() if config.get("tensorboard") else None
    head = {
        **question(config, extern, outputs_of(target.task, target.classes), context.seed("weights"), device_of(config, where)),
        "where": where, "block": own_name(where), "key": key, "states": str(states), "board": None if board is None else str(board),
        "task": target.task, "classes": target.classes, "label": rows.reader.label, "scale": [rows.scale.centre, rows.scale.spread],
        "class_weights": class_weights(config, target), "row_bytes": bytes_a_row(config["network"], rows.inputs),
    }  # fmt: skip
    process = Process(
        extern, from_project(context.project_root)(extern), write=[str(path) for path in (states, board) if path is not None]
    )
    try:
        answer = process.ask(b"N", pack(head, {**_arrays(rows, watch), "sample": sample}), told=context.progress)
    finally:
        process.close()
    return _taken(extern, answer, rows, watch, config["network"], sample)


def question(config: Mapping[str, Any], extern: Declaration, outputs: int, weights: int, device: str) -> dict[str, Any]:
    """What any question to the process of a network says."""
    settings = {name: value for name, value in config["network"].items() if name != "name"}
    asked = {name: value for name, value in config.items() if name not in ("externs", "features", "label")}
    return {
        "config": asked, "settings": settings, "outputs": outputs, "weights": weights, "device": device, "deterministic": extern.deterministic,
    }  # fmt: skip


def _arrays(rows: Table, watch: Watch | None) -> dict[str, Any]:
    """The rows that are learned from, and those that decide when it ends."""
    target, scale = rows.learning.target, rows.scale
    found = {"inputs": rows.matrix.numbers.astype(np.float32), "labels": label_array(target, scale)}
    if watch is None:
        return found
    judged = rows.reader.learning(watch.part)
    held = rows.transform.apply(judged.columns)
    refuse_nulls(name_of(rows.reader.config), held, watch.where)
    more = {
        "judged": held.numbers.astype(np.float32),
        "judged_labels": label_array(judged.target, scale),
        "judged_y": judged.target.y,
    }
    return found | more


def _taken(
    extern: Declaration, answer: bytes, rows: Table, watch: Watch | None, network: Mapping[str, Any], sample: Floats
) -> tuple[Learned, OwnNetwork]:
    """What the process gave, looked at: it ran the code."""
    try:
        head, arrays, graph = unpack(answer)
        history = [
            {str(name): float(value) if name != "epoch" else int(value) for name, value in each.items()}
            for each in head["history"]
        ]
        learned = Learned(history, int(head["epoch"]), bool(head["stopped"]), int(head["rows"]), int(head["parameters"]), watch)
        single, answers = bool(head["single"]), arrays["answers"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _wrong(extern, "an answer without its parts") from error
    target = rows.learning.target
    made = OwnNetwork(dict(network), {}, rows.inputs, target.task, target.classes, rows.scale, model=graph, in_single=single)
    _held_to(extern, made, sample, answers)
    return learned, made


def _held_to(extern: Declaration, made: OwnNetwork, sample: Floats, answers: Any) -> None:
    """The graph answers as torch did, for every row of the sample."""
    try:
        found = made.raw(sample)
    except Exception as error:  # onnx, protobuf and onnxruntime have no error class in common
        raise _not_exported(extern, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error
    near = _NEAR[made.in_single]
    if found.shape != answers.shape or not np.allclose(found, answers, rtol=near, atol=near):
        raise _not_exported(extern, "a graph that answers other than the module does")


def _wrong(extern: Declaration, found: str) -> StageError:
    return StageError("MLS826", f"extern `{extern.name}` gave what it does not declare", extern.where, expected="a network that was trained",
                      found=found, help=f"mend `{extern.code}`")  # fmt: skip


def _not_exported(extern: Declaration, found: str) -> StageError:
    return StageError(
        "MLS807", f"the network `{extern.name}` has no ONNX graph, and no server runs its code", extern.where, expected="a module that torch.onnx exports",
        found=found, help="keep to tensors in `forward`: no branch on values, no loop over rows, operators that ONNX has",
    )  # fmt: skip
