"""The leaves of a plan: the content digests of the files that its sources read, found now, never from a file's time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlspec.graph.model import Graph
from mlspec.runtime import files
from mlspec.runtime.errors import StageError

_LOGS = {"sqlite": ("-wal",), "duckdb": (".wal",)}
"""Files beside a database that hold rows not yet moved into it."""


def leaf_digests(graph: Graph, project_root: Path) -> dict[str, dict[str, str]]:
    """{stage id: {path relative to the root: SHA-256}} of every `extract` stage; MLS801 when a file is missing."""
    known: dict[Path, str] = {}
    leaves: dict[str, dict[str, str]] = {}
    for stage in graph:
        if stage.kind == "extract":
            leaves[stage.id] = {}
            for path in source_files(stage.config, project_root):
                if path not in known:
                    known[path] = files.sha256_file(path)
                leaves[stage.id][path.relative_to(project_root).as_posix()] = known[path]
    return leaves


def source_files(config: Mapping[str, Any], project_root: Path) -> list[Path]:
    """The files of a source: each entry of `paths` is a path or a pattern below the root; sorted, each once."""
    found: dict[Path, None] = {}
    for pattern in config.get("paths", ()):
        matches = list(_matches(project_root, pattern))
        if not matches:
            raise StageError(
                "MLS801", f"source `{config.get('source', '')}` has no file `{pattern}`", str(config.get("source", "")),
                expected=f"a file at `{pattern}`, from the project root", found="no such file",
                help="put the file there, or correct the path in the source",
            )  # fmt: skip
        for path in matches:
            found.update(dict.fromkeys([path, *_logs(path, str(config.get("format", "")))]))
    return list(found)


def _matches(project_root: Path, pattern: str) -> Iterator[Path]:
    if any(mark in pattern for mark in "*?["):
        yield from sorted(path for path in project_root.glob(pattern) if path.is_file())
    elif (project_root / pattern).is_file():
        yield project_root / pattern


def _logs(path: Path, source_format: str) -> Iterator[Path]:
    for ending in _LOGS.get(source_format, ()):
        log = path.with_name(path.name + ending)
        if log.is_file() and log.stat().st_size:
            yield log
