"""Optimisation: every `search` gives one stage."""

from __future__ import annotations

from typing import Any

from mlspec.lower.development import add_learner, fit_config, params_of, part_of, space_of
from mlspec.lower.sheet import Sheet
from mlspec.lower.values import json_value
from mlspec.spec.model import Block
from mlspec.spec.values import Made

_ALGORITHMS = {"hyperopt": "algorithm", "optuna": "sampler"}


def lower(sheet: Sheet) -> None:
    """Add the stage of every search."""
    for block in sheet.spec.of_kind("search"):
        add_learner(sheet, block, "search", search_config(sheet, block))


def search_config(sheet: Sheet, block: Block) -> dict[str, Any]:
    """A study: what is fitted, over which families, ranked by what, for how long."""
    limit = block.get("time_limit")
    return fit_config(sheet, block) | {
        "cv": _cross_validation(sheet, block),
        "engine": _engine(block.make("engine")),
        "objective": _objective(block),
        "trials": block.get("trials"),
        "parallel": block.get("parallel"),
        "time_limit": None if limit is None else float(limit),
        "pruner": _plain(block.make("pruner")),
        "families": [_family(family) for family in block.nested("family")],
    }


def _family(block: Block) -> dict[str, Any]:
    return {
        "name": block.name,
        "estimator": str(block.get("estimator")),
        "params": params_of(block),
        "space": space_of(block),
    }


def _cross_validation(sheet: Sheet, block: Block) -> dict[str, Any]:
    """The folds; groups of the split stay whole in them even where the spec only says `folds`."""
    made = block.make("cv")
    if made is None:
        raise TypeError(f"search {block.name} has no cv")
    split = sheet.block(part_of(block).block)
    method = made.name
    found: dict[str, Any] = {"folds": made.get("count") or made.get("folds")}
    for name in ("stratify", "group", "gap", "on"):
        value = json_value(made.get(name))
        if value is None and name == "group" and (group := split.ref("group")) is not None:
            value = group.member
        if value is None and name == "on" and method == "forward_chain" and (time := split.ref("on")) is not None:
            value = time.member
        if value is not None:
            found[name] = value
    if method == "folds" and "group" in found:
        method = "group_folds"
    return {"method": method, **found}


def _engine(made: Made | None) -> dict[str, Any]:
    if made is None:
        raise TypeError("a search has no engine")
    renamed = {_ALGORITHMS.get(made.name, ""): "algorithm"}
    return {"name": made.name, **{renamed.get(name, name): json_value(value) for name, value in made.args.items()}}


def _objective(block: Block) -> dict[str, Any]:
    made = block.make("objective")
    if made is None:
        raise TypeError(f"search {block.name} has no objective")
    return {"metric": json_value(made.get("metric")), "direction": made.name}


def _plain(made: Made | None) -> dict[str, Any] | None:
    return None if made is None else {"name": made.name, **{name: json_value(value) for name, value in made.args.items()}}
