"""Keys: what a stage's result depends on, as one SHA-256. Computed here and nowhere else.

A key covers the kind and its version, the config, the keys of the inputs, the content digests of the leaves (files, query
results) and the versions of the packages that do the work. Machine, clock, path, threads, `after` and `resources` are no part.
The block's name is part only where the stage draws numbers, because seeds derive from it.
"""

from __future__ import annotations

from collections.abc import Mapping

from mlspec.graph.canonical import digest_of
from mlspec.graph.kinds import KINDS, packages_of
from mlspec.graph.model import Graph, Stage

Leaves = Mapping[str, Mapping[str, str]]
"""For a stage id, the digests of what it reads from outside: `{"census-extract": {"data/census.parquet": "<sha256>"}}`."""


def stage_key(
    stage: Stage,
    kind_version: int,
    upstream: Mapping[str, tuple[str, str]],
    leaf_digests: Mapping[str, str],
    versions: Mapping[str, str],
) -> str:
    """The key of one stage; `upstream` maps an input's name to (key of the stage that writes it, output name)."""
    inputs = {name: list(upstream[name]) for name in stage.inputs}
    drawn_for = [stage.block] if "seed" in stage.config else []
    return digest_of([stage.kind, kind_version, dict(stage.config), inputs, dict(leaf_digests), dict(versions), *drawn_for])


def graph_keys(graph: Graph, leaves: Leaves, versions: Mapping[str, str]) -> dict[str, str]:
    """The key of every stage; `versions` holds at least the installed ones of `packages_needed(graph)`."""
    keys: dict[str, str] = {}
    for stage in graph:
        upstream = {name: (keys[source], output) for name, source, output in stage.upstream()}
        own = {name: versions[name] for name in packages_of(stage.kind, stage.config) if name in versions}
        keys[stage.id] = stage_key(stage, KINDS[stage.kind].version, upstream, leaves.get(stage.id, {}), own)
    return keys


def packages_needed(graph: Graph) -> list[str]:
    """The packages that some stage's key names."""
    return sorted({name for stage in graph for name in packages_of(stage.kind, stage.config)})
