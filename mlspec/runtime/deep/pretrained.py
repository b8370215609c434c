"""A pretrained model of the library `transformers`: found where the spec says, held to its digest before anything is parsed, never fetched.

Read are its config, its tokenizer and its weights as safetensors, nothing else: no code of the model's, no pickle.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlspec.graph.canonical import digest_of
from mlspec.runtime import files
from mlspec.runtime.errors import StageError

CONFIG, TOKENIZER, WEIGHTS = "config.json", "tokenizer.json", ".safetensors"


@dataclass(frozen=True)
class Pretrained:
    """What a folder of a model holds."""

    settings: Mapping[str, Any]
    tokenizer: str
    weights: tuple[bytes, ...]
    where: str


_VERIFIED: dict[str, Pretrained] = {}
"""Models that this process has read, by their digest: a network is built more than once."""


def read_pretrained(network: Mapping[str, Any], root: Path, where: str) -> Pretrained:
    """The model that a network names; StageError MLS801 where it is not there, MLS823 where it is another."""
    digest = str(network["digest"])
    if digest not in _VERIFIED:
        folder = _hub_folder(network, where) if network.get("revision") else root / str(network["model"])
        _VERIFIED[digest] = _read(folder, network, where)
    return _VERIFIED[digest]


def verified(network: Mapping[str, Any]) -> Pretrained:
    """The model of a network that has been read."""
    return _VERIFIED[str(network["digest"])]


def digest_of_folder(folder: Path) -> str:
    """The digest that a spec names: of the digests of all that is read of a model's folder, by name."""
    return digest_of({path.name: files.sha256_file(path) for path in _parts(folder)})


def _parts(folder: Path) -> list[Path]:
    """Config, tokenizer and weights, sorted by name."""
    weights = sorted(folder.glob(f"*{WEIGHTS}"))
    return [folder / CONFIG, folder / TOKENIZER, *weights]


def _read(folder: Path, network: Mapping[str, Any], where: str) -> Pretrained:
    parts = _parts(folder)
    missing = [path.name for path in parts if not path.is_file()] or ([f"*{WEIGHTS}"] if len(parts) < 3 else [])
    if missing:
        raise StageError(
            "MLS801", f"the model `{network['model']}` has no {missing[0]}", f"{where}.network", expected=f"{CONFIG}, {TOKENIZER} and *{WEIGHTS}",
            found=", ".join(sorted(path.name for path in folder.iterdir())[:8]) if folder.is_dir() else "no such folder",
            help="save model and tokenizer there with `save_pretrained(…)`; weights as a pickle are never read",
        )  # fmt: skip
    found = {path.name: files.read_bytes(path) for path in parts}
    digest = digest_of({name: hashlib.sha256(data).hexdigest() for name, data in found.items()})
    if digest != network["digest"]:
        raise StageError(
            "MLS823", f"the model `{network['model']}` is not the one that the spec names", f"{where}.network",
            expected=f"sha256:{network['digest']}", found=f"sha256:{digest}",
            help="restore the model, or write the digest of this one into the spec",
        )  # fmt: skip
    settings = _settings(found[CONFIG], network, where)
    try:
        tokenizer = found[TOKENIZER].decode("utf-8")
    except UnicodeDecodeError as error:
        raise _unreadable(TOKENIZER, "text in UTF-8", network, where) from error
    return Pretrained(
        settings, tokenizer, tuple(data for name, data in found.items() if name.endswith(WEIGHTS)), f"{where}.network"
    )


def _settings(data: bytes, network: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """A config as it is parsed, without what would have code found for it; StageError MLS209 for one that cannot do without."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _unreadable(CONFIG, "JSON", network, where) from error
    if not isinstance(found, dict):
        raise _unreadable(CONFIG, "an object of JSON", network, where)
    for name, what in _REFUSED.items():
        if _names(found, name):
            raise StageError(
                "MLS209", f"the model `{network['model']}` {what}", f"{where}.network", expected="a model whose code is that of `transformers`",
                found=f"`{name}` in {CONFIG}", help="choose a model without it",
            )  # fmt: skip
    settings = _without_kernels(found)
    assert isinstance(settings, dict)
    return settings


_REFUSED = {
    "auto_map": "brings code of its own, which is never run",
    "quantization_config": "has quantised weights, which are not trained on",
}


def _names(value: Any, name: str) -> bool:
    """Whether a document has a field of this name, in itself or further in."""
    if isinstance(value, dict):
        return name in value or any(_names(item, name) for item in value.values())
    return isinstance(value, list) and any(_names(item, name) for item in value)


def _without_kernels(value: Any) -> Any:
    """A config without the fields that say by which code it is computed: the library takes a name there for one to fetch from the hub."""
    if isinstance(value, dict):
        return {name: _without_kernels(item) for name, item in value.items() if "_implementation" not in name}
    return [_without_kernels(item) for item in value] if isinstance(value, list) else value


def _unreadable(name: str, wanted: str, network: Mapping[str, Any], where: str) -> StageError:
    return StageError(
        "MLS209", f"{name} of the model `{network['model']}` cannot be read", f"{where}.network", expected=wanted, found="something else",
        help="save the model again with `save_pretrained(…)`",
    )  # fmt: skip


def _hub_folder(network: Mapping[str, Any], where: str) -> Path:
    """Where the hub's client has put a commit of a model; nothing is fetched."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    name, revision = str(network["model"]), str(network["revision"])
    try:
        return Path(snapshot_download(name, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError as error:
        raise StageError(
            "MLS801", f"the model `{name}` is not in this machine's cache of the hub, and a run fetches none", f"{where}.network",
            expected=f"revision {revision}", found="none in the cache", help=f"fetch it once: hf download {name} --revision {revision}",
        ) from error  # fmt: skip
