"""States of a training on the disk: tensors as safetensors, everything else as JSON that names their digest and is written last.

A state is whole or not there. One that is damaged is passed over for the one before it, and without any training begins anew: it
gives the same weights.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from mlspec.graph.canonical import digest_of
from mlspec.runtime import files
from mlspec.runtime.errors import StageError

FORMAT = 1
TRAININGS = 3
"""Of how many trainings of a block the states are kept: of this one and of those before it."""
Tensors = Mapping[str, Any]


@dataclass(frozen=True)
class Best:
    """The weights of one of the best epochs, with the loss (less is better) that they are ranked by."""

    epoch: int
    loss: float
    weights: Tensors


@dataclass(frozen=True)
class Saved:
    """A state as it was saved: how far training was (`epoch` whole ones and `batch` batches), its tensors and the best epochs."""

    epoch: int
    batch: int
    history: Sequence[Mapping[str, Any]]
    scaler: Mapping[str, Any]
    tensors: Tensors
    best: Sequence[Best]


class Checkpoints:
    """The states of one training in `folder`; `key` is everything that its weights depend on, `tensors` the library that has them."""

    def __init__(self, folder: Path, key: str, last: int, tensors: str = "torch") -> None:
        # Imported before the loop: the first state should cost no more than the next one.
        self._format: Any = import_module(f"safetensors.{tensors}")
        self._folder, self._key, self._last = folder, key, last
        self._written: dict[str, str] = {}

    def newest(self, epochs: int) -> Saved | None:
        """The newest whole state that a training of so many epochs comes through."""
        for path in sorted(self._folder.glob("state-*.json"), reverse=True):
            saved = self._read(path)
            if saved is not None and (saved.epoch < epochs or (saved.epoch == epochs and not saved.batch)):
                return saved
        return None

    def clear(self) -> None:
        """Remove every state."""
        for path in sorted(self._folder.glob("*")):
            files.remove_tree(path)

    def save(self, saved: Saved) -> None:
        """Write a state, then remove those that it makes superfluous."""
        best = [{"epoch": item.epoch, "loss": item.loss, "file": self._write_best(item)} for item in saved.best]
        name = f"state-{saved.epoch:08d}-{saved.batch:08d}"
        document = {
            "format": FORMAT, "key": self._key, "epoch": saved.epoch, "batch": saved.batch, "history": list(saved.history),
            "scaler": dict(saved.scaler), "tensors": self._write(f"{name}.safetensors", saved.tensors), "best": best,
        }  # fmt: skip
        files.write_json(self._folder / f"{name}.json", {**document, "digest": digest_of(document)})
        self._sweep(f"{name}.json")

    def _write_best(self, item: Best) -> dict[str, str]:
        name = f"best-{item.epoch:08d}.safetensors"
        if name not in self._written or not (self._folder / name).is_file():  # a task with `resume = never` may have cleared it
            self._written[name] = self._write(name, item.weights)["sha256"]
        return {"name": name, "sha256": self._written[name]}

    def _write(self, name: str, tensors: Tensors) -> dict[str, str]:
        data = self._format.save({key: _held(value) for key, value in tensors.items()})
        files.write_bytes(self._folder / name, data)
        return {"name": name, "sha256": hashlib.sha256(data).hexdigest()}

    def _sweep(self, newest: str) -> None:
        """Keep the last states up to the one just saved, and the files that they name.

        One that lies ahead is of more epochs, or damaged: it stays until this training has come there, and takes no other one's place.
        """
        paths = sorted(self._folder.glob("state-*.json"), reverse=True)
        ahead, behind = [path for path in paths if path.name > newest], [path for path in paths if path.name <= newest]
        for path in behind[self._last :]:
            files.remove_tree(path)
        kept = [*ahead, *behind[: self._last]]
        needed = {path.name for path in kept}
        for path in kept:
            document = self._document(path)
            if document is not None:
                needed |= {document["tensors"]["name"], *(item["file"]["name"] for item in document["best"])}
        for path in sorted(self._folder.glob("*.safetensors")):
            if path.name not in needed:
                files.remove_tree(path)
                self._written.pop(path.name, None)

    def _document(self, path: Path) -> dict[str, Any] | None:
        """What a state's JSON says; None where it is damaged or of another training."""
        try:
            document = json.loads(files.read_bytes(path))
            digest = document.pop("digest")
            sound = digest == digest_of(document) and document["format"] == FORMAT and document["key"] == self._key
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        return document if sound else None

    def _read(self, path: Path) -> Saved | None:
        document = self._document(path)
        if document is None:
            return None
        tensors = self._tensors(document["tensors"])
        best = [(item, self._tensors(item["file"])) for item in document["best"]]
        if tensors is None:
            return None
        whole = [Best(item["epoch"], item["loss"], weights) for item, weights in best if weights is not None]
        if len(whole) < len(best):
            return None
        self._written.update({item["file"]["name"]: item["file"]["sha256"] for item, _ in best})
        return Saved(document["epoch"], document["batch"], document["history"], document["scaler"], tensors, whole)

    def _tensors(self, named: Mapping[str, str]) -> Tensors | None:
        """The tensors of a file; None where it is not what its state says."""
        try:
            data = files.read_bytes(self._folder / Path(named["name"]).name)
        except StageError:
            return None
        if hashlib.sha256(data).hexdigest() != named["sha256"]:
            return None
        found: Tensors = self._format.load(data)
        return found


def _held(value: Any) -> Any:
    """A tensor in the memory of the CPU; an array is there."""
    return value.detach().cpu().contiguous() if hasattr(value, "detach") else value


def forget_others(folder: Path) -> None:
    """Remove the states of trainings of the same block that are older than the last ones; `folder` is that of the newest."""
    others = [
        path for path in folder.parent.iterdir() if path != folder and len(path.name) == len(folder.name) and path.is_dir()
    ]
    for path in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)[TRAININGS - 1 :]:
        files.remove_tree(path)
