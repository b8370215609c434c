"""What the newest run of a spec was about: its graph, keys, leaf digests and package versions, as its folder keeps them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlspec.graph import Graph, GraphError, read_plan


@dataclass(frozen=True, slots=True)
class LastRun:
    """One earlier run."""

    id: str
    graph: Graph
    env: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    leaves: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


def last_run(state: Path, spec: str, env: str | None) -> LastRun | None:
    """The newest run of `spec` under `.mlspec` at `state`, one under the same env before any other; None when there is none."""
    other = None
    for folder in _folders(state / "runs"):
        found = _read(folder, spec)
        if found is None:
            continue
        if found.env == env:
            return found
        other = other or found
    return other


def _folders(root: Path) -> Iterator[Path]:
    if root.is_dir():
        yield from sorted((path for path in root.iterdir() if path.name.isdigit()), key=lambda path: -int(path.name))


def _read(folder: Path, spec: str) -> LastRun | None:
    """The run in a folder; None for one of another spec, or that was cut off before it said what it was about."""
    try:
        graph = read_plan((folder / "plan.json").read_bytes())
        start = _first_record(folder / "journal.jsonl")
    except (OSError, ValueError, GraphError):
        return None
    if graph.spec != spec or start.get("event") != "run":
        return None
    return LastRun(
        folder.name, graph, start.get("env"), dict(start.get("keys", {})), dict(start.get("leaves", {})),
        dict(start.get("versions", {})),
    )  # fmt: skip


def _first_record(path: Path) -> dict[str, Any]:
    """The first record of a journal: a checksum, a space, JSON."""
    with path.open("rb") as file:
        line = file.readline()
    if not line.endswith(b"\n"):
        raise ValueError("torn")
    value = json.loads(line.partition(b" ")[2])
    if not isinstance(value, dict):
        raise ValueError("no record")
    return value
