"""What a stage asks of this host's hardware, looked for before it begins: GPUs by kind and number, and memory that processes share."""

from __future__ import annotations

import os
import re
import subprocess

from mlspec.graph.model import Stage
from mlspec.runtime.errors import StageError

SHARED = "/dev/shm"  # noqa: S108 - where Linux has it; nothing of ours is written there
_MAKERS = frozenset(("nvidia", "tesla"))
"""Words that some names of a kind have and others lack."""


def require_devices(stage: Stage) -> None:
    """StageError MLS704 unless this machine has the GPUs and the shared memory that the stage asks for."""
    asked = stage.resources
    if asked.gpus_a_node:
        _require_gpus(stage.block, asked.gpu, asked.gpus_a_node)
    if asked.shared_memory is not None:
        _require_shared(stage.block, asked.shared_memory)


def _require_gpus(block: str, kind: str | None, count: int) -> None:
    found = gpus()
    fitting = [name for name in found if kind is None or is_of_kind(name, kind)]
    if len(fitting) >= count:
        return
    wanted = f"{'a GPU' if count == 1 else f'{count} GPUs'}{'' if kind is None else f' of the kind `{kind}`'}"
    raise StageError(
        "MLS704", f"`{block}` asks for {wanted}, and this host has {', '.join(found) or 'none'}", f"{block}.{'strategy' if kind is None else 'gpu'}",
        expected=wanted, found=", ".join(found) or "no GPU", help="lower it in an `env`, or run where it exists",
    )  # fmt: skip


def is_of_kind(name: str, kind: str) -> bool:
    """Whether the driver's name of a GPU is of a kind: it has all words of it, but for the maker's and sizes that the name leaves out."""
    words = _words(name)
    sized = any(_is_size(word) for word in words)
    return all(word in words for word in _words(kind) - _MAKERS if sized or not _is_size(word))


def _words(name: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", name.lower()))


def _is_size(word: str) -> bool:
    return re.fullmatch(r"[0-9]+gb", word) is not None


def gpus() -> list[str]:
    """The names of this machine's GPUs, as their driver says them; none without a driver."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []  # no driver, or one that does not answer: there is no GPU to work on
    return [line.strip() for line in said.stdout.splitlines() if line.strip()] if said.returncode == 0 else []


def _require_shared(block: str, wanted: int) -> None:
    try:
        system = os.statvfs(SHARED)
    except OSError:
        found = 0
    else:
        found = system.f_blocks * system.f_frsize
    if found < wanted:
        raise StageError(
            "MLS704", f"`{block}` asks for {wanted / 2**20:,.0f} MiB of shared memory, and this host has {found / 2**20:,.0f} MiB",
            f"{block}.shared_memory", expected=f"{SHARED} of at least {wanted:,} bytes", found=f"{found:,} bytes",
            help=f"lower it in an `env`, or make it larger: mount -o remount,size={wanted} {SHARED} (in a container: --shm-size)",
        )  # fmt: skip
