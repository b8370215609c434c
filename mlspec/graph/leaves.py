"""Leaves: the content of what a stage reads from outside, by digest. `mlspec plan` and a run must agree on them, so they live here."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlspec.graph.canonical import digest_of
from mlspec.graph.errors import GraphError
from mlspec.graph.kinds import LOOKED_UP
from mlspec.graph.model import Graph, Stage

_CHUNK = 1 << 20
BESIDE: Mapping[str, tuple[str, ...]] = {"duckdb": (".wal",), "sqlite": ("-wal", "-journal")}
"""What a database may keep beside its file, by format: rows that are committed there are rows of the source."""


Lookup = Callable[[Stage], Mapping[str, str]]
"""Asks outside the project's files what a `fetch` stage would read: the leaf of the package behind an alias of a registry."""


def graph_leaves(
    graph: Graph, root: Path, lookup: Lookup | None = None, only: Iterable[str] | None = None
) -> dict[str, dict[str, str]]:
    """The leaf digests of every stage that reads what no stage made, by stage id; `root` is the project root.

    Without `lookup` registries are not asked, and with `only` just for these stages.
    """
    asked = LOOKED_UP if lookup is not None else frozenset()
    wanted = None if only is None else set(only)
    return {
        stage.id: leaves_of(graph, stage, root, lookup)
        for stage in graph
        if stage.kind == "extract" or (stage.kind in asked and (wanted is None or stage.id in wanted))
    }


def leaves_of(graph: Graph, stage: Stage, root: Path, lookup: Lookup | None = None) -> dict[str, str]:
    """The leaf digests of one stage; GraphError MLS823 where the graph pins others."""
    if stage.kind in LOOKED_UP:
        return {} if lookup is None else dict(lookup(stage))
    found, wanted = stage_leaves(stage, root), graph.pins.get(stage.id)
    if wanted is not None and found != wanted:
        raise _not_as_locked(stage.block, found, wanted)
    return found


def _not_as_locked(block: str, found: Mapping[str, str], wanted: Mapping[str, str]) -> GraphError:
    said = [f"`{path}` is not locked" for path in found if path not in wanted]
    said += [f"`{path}` is gone" for path in wanted if path not in found]
    said += [f"`{path}` has other content" for path in found if path in wanted and found[path] != wanted[path]]
    return GraphError(
        f"the data of source `{block}` is not what `mlspec.lock` pins", f"{block}.from", expected="the files that were locked",
        found="; ".join(sorted(said)[:5]), help="`mlspec lock --data` pins what is there now; or put the locked files back",
        code="MLS823",
    )  # fmt: skip


def pinned(graph: Graph, locked: Mapping[str, Mapping[str, str]]) -> Graph:
    """The graph with pins for the stages whose every path or pattern is locked; `locked` holds the files of each, by path."""
    if not locked:
        return graph
    found = {}
    for stage in graph:
        paths = [str(path) for path in stage.config.get("paths", ())] if stage.kind == "extract" else []
        if paths and all(path in locked for path in paths):
            found[stage.id] = {name: digest for path in paths for name, digest in sorted(locked[path].items())}
    return replace(graph, pins=found)


def locked_files(stage: Stage, root: Path) -> dict[str, dict[str, str]]:
    """What a lock holds of an `extract` stage: the files of each of its paths or patterns, with digests."""
    paths = [str(path) for path in stage.config.get("paths", ())] if stage.kind == "extract" else []
    return {path: stage_leaves(replace(stage, config={**stage.config, "paths": [path]}), root) for path in paths}


def stage_leaves(stage: Stage, root: Path) -> dict[str, str]:
    """`{path relative to the root: SHA-256}` of the files that an `extract` stage reads; empty for any other kind."""
    if stage.kind != "extract":
        return {}
    paths = source_files(stage.config, root, stage.block)
    beside = [name for path in paths for name in files_beside(root, path, stage.config.get("format"))]
    found = {path: _digest(root / path, stage.block) for path in [*paths, *beside]}
    images = stage.config.get("images")
    return found | ({f"{images}/": digest_of(folder_files(root, str(images), stage.block))} if images else {})


def folder_files(root: Path, folder: str, block: str = "") -> dict[str, str]:
    """`{path below the folder: SHA-256}` of every file of a folder of images; hidden ones are no part of it, links are refused."""
    base = root / folder
    if not base.is_dir() or base.is_symlink() or not base.resolve().is_relative_to(root.resolve()):
        raise GraphError(f"`{folder}` is no folder of the project", f"{block}.from", expected="a folder inside the project root",
                         found="no such folder", help="put the images there, or correct the path")  # fmt: skip
    found = {}
    for place, folders, names in os.walk(base):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            path = Path(place) / name
            if path.is_symlink() or not path.is_file():
                raise GraphError(f"`{path.relative_to(root)}` is no plain file", f"{block}.from", expected="images as plain files",
                                 found="a link or a device", help="copy the images into the folder")  # fmt: skip
            found[path.relative_to(base).as_posix()] = _digest(path, block)
    return found


def files_beside(root: Path, path: str, kind: str | None) -> list[str]:
    """The files with content that a database of this format keeps beside the file `path`; an empty one says nothing."""
    names = [path + end for end in BESIDE.get(kind or "", ())]
    return [name for name in names if (root / name).is_file() and (root / name).stat().st_size]


def source_files(config: Mapping[str, Any], root: Path, block: str = "") -> list[str]:
    """The files that the patterns of a source match, sorted, relative to the root and inside it.

    GraphError at `<block>.from` when a pattern matches nothing, or when it matches what is outside or no plain file.
    """
    base = os.path.realpath(root)
    found: dict[str, None] = {}
    for pattern in config.get("paths", ()):
        matches = sorted(glob.glob(pattern, root_dir=base, recursive=True)) if glob.has_magic(pattern) else [pattern]  # noqa: PTH207 - Path.glob knows no root_dir
        if not matches:
            raise GraphError(f"no file matches `{pattern}`", f"{block}.from", expected="at least one file", found="none",
                             help="paths are relative to the project root in a plan, to the spec in a spec")  # fmt: skip
        for match in matches:
            _check_file(base, match, block)
            found[os.path.normpath(match)] = None
    return sorted(found)


def _check_file(base: str, path: str, block: str) -> None:
    real = os.path.realpath(os.path.join(base, path))  # noqa: PTH118 - realpath works on text
    if real != base and not real.startswith(base + os.sep):
        raise GraphError(f"`{path}` leaves the project", f"{block}.from", expected="a file inside the project root", found=path,
                         help="move the file into the project")  # fmt: skip
    if not os.path.exists(real):  # noqa: PTH110
        raise GraphError(f"the file `{path}` does not exist", f"{block}.from", expected="a file inside the project root",
                         found="no such file", help="put it there, or correct the path")  # fmt: skip
    if not os.path.isfile(real):  # noqa: PTH113
        raise GraphError(f"`{path}` is no plain file", f"{block}.from", expected="a plain file", found="a folder or a device",
                         help="name the files: patterns with `*` are allowed")  # fmt: skip


def _digest(path: Path, block: str) -> str:
    try:
        with path.open("rb", buffering=0) as file:
            digest = hashlib.sha256()
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
            return digest.hexdigest()
    except OSError as error:
        raise GraphError(f"the file `{path.name}` cannot be read: {error.strerror}", f"{block}.from", expected="a readable file",
                         found=str(error.strerror), help="give this user the right to read it") from error  # fmt: skip
