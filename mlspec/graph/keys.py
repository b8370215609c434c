"""Keys: what a stage's result depends on, as one SHA-256. Computed here and nowhere else.

A key covers the kind and its version, the config, the keys of the inputs, the content digests of the leaves (files, query
results) and the versions of the packages that do the work. Machine, clock, path, threads, `after` and `resources` are no part.
The block's name is part only where the stage draws numbers, because seeds derive from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mlspec.graph.canonical import digest_of
from mlspec.graph.code import CALLERS
from mlspec.graph.kinds import KINDS, READS_OUTSIDE, packages_of
from mlspec.graph.model import Graph, Stage, own_name

LEARNS = frozenset(("fit", "search", "compress", "train"))

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
    aside = KINDS[stage.kind].aside
    stage = replace(stage, config={name: value for name, value in stage.config.items() if name not in aside})
    inputs = {name: list(upstream[name]) for name in stage.inputs}
    drawn_for = [own_name(stage.block)] if "seed" in stage.config else []
    return digest_of([stage.kind, kind_version, _read(stage.config), inputs, dict(leaf_digests), dict(versions), *drawn_for])


def _read(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config without the limits that the processes of externs are held to: they decide whether there is a result, never which."""
    found = dict(config)
    for name in CALLERS:
        items = found.get(name)
        if isinstance(items, list) and any("externs" in item for item in items):
            found[name] = [_without_limits(item) for item in items]
    return _without_limits(found) if "externs" in found else found


def _without_limits(item: Mapping[str, Any]) -> dict[str, Any]:
    externs = {
        name: {key: part for key, part in one.items() if key != "limits"} for name, one in item.get("externs", {}).items()
    }
    return {**item, **({"externs": externs} if externs else {})}


def graph_keys(graph: Graph, leaves: Leaves, versions: Mapping[str, str]) -> dict[str, str]:
    """The key of every stage; `versions` holds at least the installed ones of `packages_needed(graph)`."""
    keys: dict[str, str] = {}
    for stage in graph:
        upstream = {name: (keys[source], output) for name, source, output in stage.upstream()}
        upstream = as_read(graph, stage, upstream, versions)
        own = {name: versions[name] for name in packages_of(stage.kind, stage.config) if name in versions}
        keys[stage.id] = stage_key(stage, KINDS[stage.kind].version, upstream, leaves.get(stage.id, {}), own)
    return keys


def graph_recipes(graph: Graph) -> dict[str, str]:
    """The recipe of every stage: its key as far as a plan alone says it, without leaves and versions.

    Two results of one recipe were made by the same work from data of whatever content: what a release is recognised by.
    """
    return graph_keys(graph, {}, {})


_ACTS = frozenset(("measure", "track", "register"))
"""Kinds whose result no digest covers, or that do something elsewhere: their results are not to be had from somebody's cache."""


def cacheable(graph: Graph, versions: Mapping[str, str]) -> dict[str, str]:
    """The keys that are known before anything ran: of stages behind whose leaves the graph has pins, and libraries with versions.

    A scheduler's own cache may be asked by them. What reads a stage that must not come out of a cache is not among them either.
    """
    keys = graph_keys(graph, graph.pins, versions)
    found: dict[str, str] = {}
    for stage in graph:
        known = stage.kind not in _ACTS and all(source in found for _, source, _ in stage.upstream())
        leaves = stage.kind not in READS_OUTSIDE or stage.id in graph.pins
        if known and leaves and all(name in versions for name in packages_of(stage.kind, stage.config)):
            found[stage.id] = keys[stage.id]
    return found


def as_read(
    graph: Graph, stage: Stage, upstream: Mapping[str, tuple[str, str]], versions: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """The inputs as a stage's key names them: what learns from some features of a block depends on those and no others.

    Each column of the values is a function of the rows and its own expression; so the key that the features stage would have
    with only these features stands for the columns that are read.
    """
    found = dict(upstream)
    source = graph.stages.get(stage.inputs.get("values", "").rpartition("/")[0])
    if stage.kind not in LEARNS or source is None or source.kind != "features" or "features" not in stage.config:
        return found
    read = {feature["name"] for feature in stage.config["features"]}
    kept = [feature for feature in source.config["features"] if feature["name"] in read]
    same = {reference: found[name] for name, reference in stage.inputs.items()}
    if len(kept) < len(source.config["features"]) and set(source.inputs.values()) <= set(same):
        narrow = replace(source, config={**source.config, "features": kept})
        own = {name: versions[name] for name in packages_of(source.kind, source.config) if name in versions}
        inputs = {name: same[reference] for name, reference in source.inputs.items()}
        found["values"] = (stage_key(narrow, KINDS[source.kind].version, inputs, {}, own), upstream["values"][1])
    return found


def packages_needed(graph: Graph) -> list[str]:
    """The packages that some stage's key names."""
    return sorted({name for stage in graph for name in packages_of(stage.kind, stage.config)})
