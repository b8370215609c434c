"""Validation: every `gates` block gives `evaluate`, `verdict`, `enforce`, and `measure` where a gate reads a clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlspec.graph import stage_id
from mlspec.graph.expression import walk
from mlspec.lower.development import frame_of, label_column
from mlspec.lower.quantities import Quantities, models_in
from mlspec.lower.sheet import Sheet
from mlspec.lower.values import label_of, resources
from mlspec.spec.judged import JudgedFeatures
from mlspec.spec.model import Block
from mlspec.spec.registered import is_registered
from mlspec.spec.values import Reference


def lower(sheet: Sheet) -> None:
    """Add the stages of every gates block."""
    for block in sheet.spec.of_kind("gates"):
        part, candidate = block.ref("part"), block.ref("candidate")
        if part is not None and candidate is not None:
            _lower_gates(sheet, block, part, candidate)


def _lower_gates(sheet: Sheet, block: Block, part: Reference, candidate: Reference) -> None:
    quantities = Quantities(sheet)
    gates = [
        {"name": gate.name, "expression": quantities.verdict(gate.name, gate.value.form), "doc": gate.doc}
        for gate in block.definitions.values()
    ]
    shared = {"confidence": block.get("confidence"), "min_group": block.get("min_group")}
    evaluate = _evaluate(sheet, block, part, candidate, quantities, shared)
    judged = {"metrics": f"{evaluate}/metrics"}
    if quantities.measured:
        judged["measurements"] = f"{_measure(sheet, block, part, candidate, quantities)}/measurements"
    packages = packages_of(sheet, [candidate.block, *models_in([*quantities.evaluated, *quantities.measured])])
    verdict = sheet.add(block.name, "verdict", {"gates": gates, **shared}, {**judged, **packages})
    sheet.add(block.name, "enforce", {}, {"verdict": f"{verdict}/verdict"})


def _evaluate(
    sheet: Sheet, block: Block, part: Reference, candidate: Reference, quantities: Quantities, shared: dict[str, Any]
) -> str:
    models = list(dict.fromkeys([candidate.block, *models_in(quantities.evaluated)]))
    group = sheet.block(part.block).ref("group")
    label = label_column(sheet, sheet.block(candidate.block))
    config = {
        "part": part.member,
        "candidate": candidate.block,
        "models": models,
        "label": label_of(label),
        **shared,
        "quantities": quantities.evaluated,
        "group": None if group is None else group.member,
        "plots": plots_of(label_of(label)),
        "seed": sheet.spec.seed,
    }
    config |= asked_for(sheet, part, models, quantities.evaluated)
    if block.get("correction") not in (None, "none"):
        config["correction"] = block.get("correction")
    further, values = further_values(sheet, models, block)
    inputs = data_of(sheet, part, models, block) | values | packages_of(sheet, models)
    return sheet.add(block.name, "evaluate", config | further, inputs, after=waits_for(sheet, part), resources=resources(block))


def asked_for(sheet: Sheet, part: Reference, models: list[str], quantities: list[dict[str, Any]]) -> dict[str, Any]:
    """What an evaluation needs only for some models or numbers: of the registry, by periods, on changed rows."""
    found: dict[str, Any] = {}
    if absent := if_absent(sheet, models):
        found["if_absent"] = absent
    if _by_period(quantities):
        found["at"] = _time_column(sheet, part)
    if any(node[0] == "metric" and node[1] == "robustness" for item in quantities for node in walk(item["expression"])):
        found["fitted"] = _fitted_on(sheet, part, models)
    return found


def if_absent(sheet: Sheet, models: list[str]) -> dict[str, str]:
    """What gates do while a model of the registry does not exist, by model; they are scored from the source's rows."""
    made = {name: sheet.block(name).make("value") for name in models}
    return {name: str(value.get("if_absent")) for name, value in made.items() if value is not None and value.name == "registry"}


def _fitted_on(sheet: Sheet, part: Reference, models: list[str]) -> dict[str, str]:
    """The part that each model was fitted on, whose spread noise and shifts are measured in; one of another split has none here."""
    found = {name: sheet.spec.learned(sheet.block(name)).ref("part") for name in models}
    here = {name: str(own.member) for name, own in found.items() if own is not None and own.block == part.block}
    # One of the registry was fitted on rows of its own day: it is changed as the candidate is, so that both face the same rows.
    beside = next(iter(here.values()), None)
    return here if beside is None else here | {name: beside for name in models if is_registered(sheet.block(name))}


def _by_period(quantities: list[dict[str, Any]]) -> bool:
    """Whether a gate looks at days, weeks or months."""
    nodes = (node for item in quantities for node in walk(item["expression"]) if node[0] == "call")
    return any((node[3].get("by") or [None])[0] == "period" for node in nodes)


def _time_column(sheet: Sheet, part: Reference) -> str | None:
    """The column by which rows have a time: what the split goes by, else the event time of its source."""
    on = sheet.block(part.block).ref("on")
    source = sheet.source_of(frame_of(sheet, part))
    times = [name for name, column in source.columns.items() if "event_time" in column.attrs]
    return times[0] if on is None and times else None if on is None else on.member


def _measure(sheet: Sheet, block: Block, part: Reference, candidate: Reference, quantities: Quantities) -> str:
    models = models_in(quantities.measured)
    label = label_column(sheet, sheet.block(candidate.block))
    config = {"part": part.member, "quantities": quantities.measured, "label": label_of(label), "seed": sheet.spec.seed}
    if absent := if_absent(sheet, models):
        config["if_absent"] = absent
    inputs = data_of(sheet, part, [candidate.block, *models], block) | packages_of(sheet, models)
    own = resources(block, exclusive=True)
    return sheet.add(block.name, "measure", config, inputs, after=waits_for(sheet, part), resources=own)


def data_of(sheet: Sheet, part: Reference, models: list[str], judge: Block) -> dict[str, str]:
    """The rows, feature values and parts that models are judged on; no values where all come from the registry and no group is by a feature."""
    features = JudgedFeatures(sheet.spec, judge, models).first
    values = {} if features is None else {"values": sheet.values(features)}
    return {"rows": sheet.rows(frame_of(sheet, part)), **values, "parts": sheet.parts(part)}


def further_values(sheet: Sheet, models: list[str], judge: Block) -> tuple[dict[str, Any], dict[str, str]]:
    """Config and inputs of models and groups whose features are of another block than the first model's; both empty where there are none."""
    found = JudgedFeatures(sheet.spec, judge, models)
    config = {name: value for name, value in (("values_of", found.models), ("groups_of", found.groups)) if value}
    return config, {f"values.{name}": sheet.values(name) for name in found.further}


def waits_for(sheet: Sheet, part: Reference) -> list[str]:
    """The checks that rows of a part wait for."""
    return sheet.checked(frame_of(sheet, part))


def packages_of(sheet: Sheet, models: list[str]) -> dict[str, str]:
    """The packages of these models, as inputs."""
    return {f"package.{name}": sheet.package(name) for name in dict.fromkeys(models)}


def plots_of(label: Mapping[str, Any]) -> list[str]:
    """The plots that the task of a label has."""
    if "query" in label:
        return ["ndcg_by_k", "queries"]
    return {
        "binary": ["roc", "precision_recall", "calibration", "confusion"],
        "multiclass": ["roc", "confusion"],
        "regression": ["residuals"],
    }[label["task"]]


def verdict_of(gates: str) -> str:
    """The verdict artifact of a gates block."""
    return f"{stage_id(gates, 'verdict')}/verdict"
