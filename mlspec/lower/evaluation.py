"""Evaluation beyond the gates: every `evaluate` gives an `evaluate` stage without gates behind it, and `analyse` where it asks for analyses."""

from __future__ import annotations

from typing import Any

from mlspec.lower.development import label_column
from mlspec.lower.quantities import measured_by, models_in
from mlspec.lower.sheet import Sheet
from mlspec.lower.validation import asked_for, data_of, further_values, if_absent, packages_of, plots_of, waits_for
from mlspec.lower.values import descriptors, json_form, json_value, label_of, resources
from mlspec.spec.model import Block
from mlspec.spec.values import Reference


def lower(sheet: Sheet) -> None:
    """Add the stages of every evaluate block."""
    for block in sheet.spec.of_kind("evaluate"):
        part = block.ref("part")
        models = _references(block.get("models"))
        if part is not None and models:
            _lower_block(sheet, block, part, models)


def _lower_block(sheet: Sheet, block: Block, part: Reference, models: list[Reference]) -> None:
    candidate = models[0]
    shared = _shared(sheet, block, part, candidate)
    evaluate = _evaluate(sheet, block, part, models, shared)
    if not block.get("analyses"):
        return
    config = {
        **shared,
        **({"if_absent": absent} if (absent := if_absent(sheet, [candidate.block])) else {}),
        "analyses": json_value(block.get("analyses")),
        "metric": next(iter(json_value(block.get("metrics"))), None),
        "repeats": block.get("repeats"),
        "rows": block.get("rows"),
        "columns": descriptors(sheet.source_of(_frame(sheet, part))),
    }
    inputs = (
        data_of(sheet, part, [candidate.block], block)
        | {"predictions": f"{evaluate}/predictions"}
        | packages_of(sheet, [candidate.block])
    )
    sheet.add(block.name, "analyse", config, inputs, resources=resources(block))


def _evaluate(sheet: Sheet, block: Block, part: Reference, models: list[Reference], shared: dict[str, Any]) -> str:
    quantities: list[dict[str, Any]] = [
        {"id": name, "expression": json_form(item.value.form), **measured_by(sheet, item.value.form)}
        for name, item in block.definitions.items()
    ]
    baseline = block.ref("baseline")
    compared = [*models, *([] if baseline is None else [baseline])]
    names = list(dict.fromkeys([*(item.block for item in compared), *models_in(quantities)]))
    label = shared["label"]
    config = {
        **shared,
        "models": names,
        "quantities": quantities,
        "plots": json_value(block.get("plots")) or plots_of(label),
        "baseline": None if baseline is None else baseline.block,
        "metrics": json_value(block.get("metrics")),
        "by": [["column", name] for name in json_value(block.get("slices"))],
        **asked_for(sheet, part, names, quantities),
    }
    further, values = further_values(sheet, names, block)
    inputs = data_of(sheet, part, names, block) | values | packages_of(sheet, names)
    return sheet.add(block.name, "evaluate", config | further, inputs, after=waits_for(sheet, part), resources=resources(block))


def _shared(sheet: Sheet, block: Block, part: Reference, candidate: Reference) -> dict[str, Any]:
    group = sheet.block(part.block).ref("group")
    return {
        "part": part.member,
        "candidate": candidate.block,
        "label": label_of(label_column(sheet, sheet.block(candidate.block))),
        "group": None if group is None else group.member,
        "confidence": block.get("confidence"),
        "min_group": block.get("min_group"),
        "min_cell": block.get("min_cell"),
        "seed": sheet.spec.seed,
    }


def _frame(sheet: Sheet, part: Reference) -> str:
    frame = sheet.block(part.block).ref("frame")
    if frame is None:
        raise TypeError(f"{part.block} has no frame")
    return frame.block


def _references(item: Any) -> list[Reference]:
    found = (getattr(part, "item", part) for part in item or ())
    return [part for part in found if isinstance(part, Reference)]
