"""Optimisation: every `search` gives one stage."""

from __future__ import annotations

from typing import Any

from mlspec.graph import stage_id
from mlspec.lower.development import add_learner, fit_config, params_of, part_of, space_of
from mlspec.lower.sheet import Sheet
from mlspec.lower.values import json_form, json_value
from mlspec.spec.model import Block
from mlspec.spec.searching import ENDS, LEARNED, measured_name, objectives_of
from mlspec.spec.values import Made

_ALGORITHMS = {"hyperopt": "algorithm", "optuna": "sampler"}


def lower(sheet: Sheet) -> None:
    """Add the stage of every search."""
    for block in sheet.spec.of_kind("search"):
        warm = block.ref("warm_start")
        inputs = {} if warm is None else {"warm": f"{stage_id(warm.block, 'search')}/study"}
        add_learner(sheet, block, "search", search_config(sheet, block), inputs)


def search_config(sheet: Sheet, block: Block) -> dict[str, Any]:
    """A study: what is fitted, over which families, ranked by what, for how long."""
    limit = block.get("time_limit")
    return fit_config(sheet, block) | {
        "cv": _cross_validation(sheet, block),
        "engine": _engine(block.make("engine")),
        **_goal(block),
        "trials": block.get("trials"),
        "parallel": block.get("parallel"),
        "time_limit": None if limit is None else float(limit),
        "pruner": _plain(block.make("pruner")),
        "families": [_family(family) for family in block.nested("family")],
        **_beginning(block),
    }


def _family(block: Block) -> dict[str, Any]:
    return {
        "name": block.name,
        "estimator": str(block.get("estimator")),
        "params": params_of(block),
        "space": space_of(block),
        **_rounds(block),
        **({"limits": _conditions(block)} if block.definitions else {}),
    }


def _rounds(family: Block) -> dict[str, Any]:
    """The parameter whose value every trial of a family finds, where there is one."""
    for name, value in family.fields.items():
        made = value.item
        if isinstance(made, Made) and made.group == "space" and made.name == "rounds":
            return {
                "rounds": {
                    "parameter": name,
                    "most": made.get("to"),
                    "first": made.get("first"),
                    "patience": made.get("patience"),
                }
            }
    return {}


def _conditions(block: Block) -> list[dict[str, Any]]:
    return [{"name": each.name, "expression": json_form(each.value.form)} for each in block.definitions.values()]


def _beginning(block: Block) -> dict[str, Any]:
    """What is there only where the spec says so: a budget, the trials that the study starts with, and who fits."""
    budget, workers = _plain(block.make("budget")), _plain(block.make("workers"))
    starts = [start for family in block.nested("family") for start in _starts(family)]
    return {
        **({} if budget is None else {"budget": budget}),
        **({"starts": starts} if starts else {}),
        **({"workers": workers} if workers else {}),
    }


def _starts(family: Block) -> list[dict[str, Any]]:
    """The trials that a family starts with: as many as its longest list of starts, shorter ones in turn."""
    given: dict[str, list[Any]] = {}
    for name, value in family.fields.items():
        made = value.item
        if (
            isinstance(made, Made)
            and made.group == "space"
            and made.name != "rounds"
            and made.args["start"].origin != "default"
        ):
            start = json_value(made.get("start"))
            given[name] = start if isinstance(start, list) else [start]
    count = max((len(values) for values in given.values()), default=0)
    return [
        {"family": family.name, "params": {name: values[turn % len(values)] for name, values in given.items()}}
        for turn in range(count)
    ]


def _cross_validation(sheet: Sheet, block: Block) -> dict[str, Any]:
    """The folds; groups of the split stay whole in them even where the spec only says `folds`."""
    made = block.make("cv")
    if made is None:
        raise TypeError(f"search {block.name} has no cv")
    split = sheet.block(part_of(block).block)
    method = made.name
    found: dict[str, Any] = {"folds": made.get("count") or made.get("folds")}
    if made.get("use") is not None:
        found["use"] = made.get("use")
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
    found = {"name": made.name, **{renamed.get(name, name): json_value(value) for name, value in made.args.items()}}
    if made.get("sampler") != "nsga2":
        found.pop("population", None)
    return found


def _goal(block: Block) -> dict[str, Any]:
    """What trials are ranked by; further objectives, the preference and constraints only where there are some."""
    objectives = [
        {"metric": measured_name(made), "direction": "minimize" if made.name == "simplest" else made.name}
        for made in objectives_of(block)
    ]
    if not objectives:
        raise TypeError(f"search {block.name} has no objective")
    found: dict[str, Any] = {"objective": objectives[0]}
    if len(objectives) > 1:
        found |= {"further": objectives[1:], "prefer": _preference(block.make("prefer"))}
    return found | ({"constraints": _conditions(block)} if block.definitions else {}) | _level(block)


def _level(block: Block) -> dict[str, Any]:
    """The confidence of intervals, where a constraint reads one."""
    forms = [each.value.form for each in block.definitions.values()]
    while forms:
        form = forms.pop()
        if form[0] == "call":
            if form[1] in ENDS:
                return {"confidence": block.get("confidence")}
            forms.extend(form[2])
    return {}


def _preference(made: Made | None) -> dict[str, Any] | None:
    if made is None or made.name != "within":
        return _plain(made)
    unit, amount = made.get("tolerance")
    named = {name: LEARNED if made.get(name) == "simplest" else made.get(name) for name in ("of", "next")}
    return {"name": "within", "tolerance": amount, "relative": unit == "share", **named}


def _plain(made: Made | None) -> dict[str, Any] | None:
    return None if made is None else {"name": made.name, **{name: json_value(value) for name, value in made.args.items()}}
