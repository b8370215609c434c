"""The process of a network of the project's own: it builds the module, trains it by the loop of every network, and gives its ONNX graph.

It is the only process that ever imports the module's code. What comes out of it is data: a graph, the history, and what torch
answered for some rows, so that the graph can be held to it.
"""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mlspec.runtime.errors import StageError
from mlspec.runtime.extern.types import Unfit
from mlspec.runtime.transform.columns import Floats

_SIZE = struct.Struct("<Q")
_TRIED = 2  # rows that the module is tried on before it is trained
Tell = Callable[[float, float, str], None]


def pack(head: Mapping[str, Any], arrays: Mapping[str, Any], graph: bytes = b"") -> bytes:
    """What goes in, and what comes out: JSON, arrays and a graph."""
    from safetensors.numpy import save

    words = json.dumps(head).encode()
    tensors = save({name: np.ascontiguousarray(value) for name, value in arrays.items()})
    return b"".join((_SIZE.pack(len(words)), words, _SIZE.pack(len(tensors)), tensors, graph))


def unpack(content: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """The parts of what was packed; ValueError where they are none."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        first = _SIZE.unpack_from(content)[0]
        second = _SIZE.unpack_from(content, _SIZE.size + first)[0]
        at = 2 * _SIZE.size + first
        head = json.loads(content[_SIZE.size : _SIZE.size + first])
        arrays = load(content[at : at + second])
    except (struct.error, SafetensorError, ValueError, OverflowError) as error:
        raise ValueError("parts that do not fit together") from error
    if not isinstance(head, dict):
        raise ValueError("parts that do not fit together")
    return head, arrays, content[at + second :]


class Learner:
    """Answers `N`, a training, and `B`, what the module says of rows before it has learned anything."""

    def __init__(self, function: Callable[..., Any], tell: Tell) -> None:
        self.function = function
        self.tell = tell
        self.row: int | None = None

    def answer(self, letter: bytes, content: bytes) -> tuple[bytes, bytes]:
        """The answer to one question."""
        head, arrays, _ = unpack(content)
        with _settled(head):
            return letter, self._learned(head, arrays) if letter == b"N" else self._built(head, arrays["rows"])

    def _module(self, head: Mapping[str, Any], width: int) -> Any:
        """The module with its first weights, tried on rows; `Unfit` where it is not what an extern network is."""
        import torch

        module = self._made(head, width)
        if head["deterministic"] and not _same(module, self._made(head, width)):
            raise StageError(
                "MLS828", "the network gives the same input two results", f"{head['where']}.network", expected="the same first weights for one seed",
                found="two modules that differ", help="draw from torch's generator alone; or say `deterministic = false`",
            )  # fmt: skip
        with torch.no_grad():
            found = module(torch.zeros(_TRIED, width))
        if (
            not isinstance(found, torch.Tensor)
            or tuple(found.shape) != (_TRIED, int(head["outputs"]))
            or not found.is_floating_point()
        ):
            shape = (
                f"a tensor {tuple(found.shape)} of {found.dtype}" if isinstance(found, torch.Tensor) else type(found).__name__
            )
            raise Unfit(f"{shape} for {_TRIED} rows, where ({_TRIED}, {head['outputs']}) of floats is declared")
        if not any(weight.requires_grad for weight in module.parameters()):
            raise Unfit("a module that has nothing to learn")
        return module

    def _made(self, head: Mapping[str, Any], width: int) -> Any:
        import torch

        torch.manual_seed(int(head["weights"]))
        module = self.function(width, int(head["outputs"]), **head["settings"])
        if not isinstance(module, torch.nn.Module):
            raise Unfit(f"{type(module).__name__}, where a torch.nn.Module is declared")
        return module.eval()

    def _built(self, head: Mapping[str, Any], rows: Any) -> bytes:
        import torch

        module = self._module(head, rows.shape[1])
        with torch.no_grad():
            found = module(torch.from_numpy(rows.astype(np.float32)))
        return pack({"dtype": str(found.dtype).removeprefix("torch.")}, {"outputs": found.double().numpy()})

    def _learned(self, head: Mapping[str, Any], arrays: Mapping[str, Any]) -> bytes:
        training, where = self._training(head, arrays), f"{head['where']}.network"
        _graph(copy.deepcopy(training.network).cpu(), arrays["sample"][:_TRIED], where)  # better said before than after an hour
        training.run()
        graph, single, answers = _graph(training.network.cpu(), arrays["sample"], where)
        learned = {
            "history": training.history, "epoch": training.epoch, "stopped": training.stopped, "rows": training.rows,
            "parameters": training.parameters, "single": single,
        }  # fmt: skip
        return pack(learned, {"answers": answers}, graph)

    def _training(self, head: Mapping[str, Any], arrays: Mapping[str, Any]) -> Any:
        from mlspec.runtime.deep.board import Board
        from mlspec.runtime.deep.checkpoints import Checkpoints
        from mlspec.runtime.deep.examples import InMemory
        from mlspec.runtime.deep.loop import Training
        from mlspec.runtime.deep.losses import loss_of
        from mlspec.runtime.deep.optimisers import optimiser_of
        from mlspec.runtime.deep.watch import read_watch

        config, device, where = head["config"], str(head["device"]), str(head["where"])
        network = self._module(head, arrays["inputs"].shape[1]).to(device)
        inputs, labels = _tensor(arrays["inputs"], device), _tensor(arrays["labels"], device)
        watch = read_watch(config.get("stop_early"), head["label"], where)
        states = Checkpoints(Path(head["states"]), str(head["key"]), int(config["checkpoint"]["last"]))
        if config["resume"] == "never":
            states.clear()
        return Training(
            network=network, optimiser=optimiser_of(config["optimiser"], network.parameters()), loss=loss_of(head["task"], head["class_weights"], device),
            examples=InMemory(inputs, labels), rules=_rules(head, device), checkpoints=states,
            board=Board(config.get("tensorboard"), Path(head["board"]) if head["board"] else None, where),
            watch=watch, evaluate=None if watch is None else _evaluation(head, arrays, watch, device), progress=self.tell,
        )  # fmt: skip


def _same(one: Any, other: Any) -> bool:
    """Whether two modules have the same weights."""
    import torch

    first, second = one.state_dict(), other.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def _settled(head: Mapping[str, Any]) -> Any:
    from mlspec.runtime.deep.device import settled

    return settled(int(head["config"]["threads"]), str(head["config"]["precision"]), str(head["device"]))


def _tensor(array: Any, device: str) -> Any:
    import torch

    return torch.from_numpy(array).to(device)


def _rules(head: Mapping[str, Any], device: str) -> Any:
    """How it is trained; the seeds are those that any network of this block has."""
    from mlspec.runtime.context import derive_seed
    from mlspec.runtime.deep.course import rules_of

    seed, block = int(head["config"].get("seed", 0)), str(head["block"])
    return rules_of(
        head["config"],
        device,
        lambda purpose, epoch: derive_seed(seed, block, purpose, epoch=epoch),
        str(head["where"]),
        int(head["row_bytes"]),
    )


def _evaluation(head: Mapping[str, Any], arrays: Mapping[str, Any], watch: Any, device: str) -> Callable[[Any], float]:
    from mlspec.runtime.deep.examples import InMemory
    from mlspec.runtime.deep.table import scores_of
    from mlspec.runtime.deep.trained import LabelScale
    from mlspec.runtime.transform.target import Target

    rows = InMemory(_tensor(arrays["judged"], device), _tensor(arrays["judged_labels"], device))
    target = Target(str(head["task"]), arrays["judged_y"], int(head["classes"]))
    scale = LabelScale(*head["scale"])
    return lambda network: watch.value(target, scores_of(network, rows, target, scale))


def _graph(network: Any, sample: Floats, where: str) -> tuple[bytes, bool, Floats]:
    """(the exported graph, whether it computes in single precision, what torch answers for the sample in that).

    In doubles, unless onnxruntime lacks one of its operators for them.
    """
    import torch

    why = ""
    for single in (False, True):
        network = (network.float() if single else network.double()).eval()
        rows = torch.from_numpy(sample.astype(np.float32 if single else np.float64))
        with torch.no_grad():
            answers: Floats = network(rows).double().numpy()
        try:
            graph = _exported(network, rows)
            _answered(graph, rows.numpy())
        except Exception as error:  # torch.onnx and onnxruntime have dozens of error classes of their own
            why = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            continue
        return graph, single, answers
    raise StageError(
        "MLS807", "the network has no ONNX graph, and no server runs its code", where, expected="a module that torch.onnx exports", found=why,
        help="keep to tensors in `forward`: no branch on values, no loop over rows, operators that ONNX has",
    )  # fmt: skip


def _exported(network: Any, rows: Any) -> bytes:
    from mlspec.runtime.deep.exported import exported

    data: bytes = exported(network, rows[: max(_TRIED, min(len(rows), 3))]).SerializeToString(deterministic=True)
    return data


def _answered(graph: bytes, rows: Any) -> None:
    """Whether onnxruntime takes the graph, for one row and for many."""
    import onnxruntime

    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    for some in (rows, rows[:1]):
        session.run(None, {name: some})
