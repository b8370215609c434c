"""Compression: every `compress` block gives one stage, whose package is made of another model's."""

from __future__ import annotations

from typing import Any

from mlspec.lower.development import features_block, fit_config, frame_of, part_of
from mlspec.lower.sheet import Sheet
from mlspec.lower.training import train_config
from mlspec.lower.values import json_value, resources
from mlspec.spec.model import Block
from mlspec.spec.schema import constructor
from mlspec.spec.values import Made

_TRAINING = ("optimiser", "global_batch", "class_weights", "epochs", "threads")
STEPS = ("distil", "prune", "quantise", "export")


def lower(sheet: Sheet) -> None:
    """Add the stage of every model that is made smaller."""
    for block in sheet.spec.of_kind("compress"):
        teacher = block.ref("model")
        learner = sheet.spec.learned(block)
        if teacher is None:
            continue
        part = part_of(learner)
        inputs = {
            "rows": sheet.rows(frame_of(sheet, part)),
            "values": sheet.values(features_block(learner)),
            "parts": sheet.parts(part),
            "package": sheet.package(teacher.block),
        }
        after = sheet.checked(frame_of(sheet, part))
        sheet.add(block.name, "compress", compress_config(sheet, block), inputs, after=after, resources=resources(block))


def compress_config(sheet: Sheet, block: Block) -> dict[str, Any]:
    """What a `compress` stage reads: the learner's features, label and part, the judged part, and the steps that are asked for."""
    learned = fit_config(sheet, sheet.spec.learned(block))
    judged, teacher = block.ref("part"), block.ref("model")
    learner = sheet.spec.learned(block)
    training = train_config(sheet, learner) if learner.kind == "train" else None
    return {
        **{name: learned[name] for name in ("features", "label", "part", "group", "seed", "unknown")},
        "name": block.name.rpartition(".")[2],
        "model": None if teacher is None else teacher.block,
        "judged": learned["part"] if judged is None else judged.member,
        **{name: _step(block.make(name)) for name in STEPS},
        **({} if training is None else {"training": {name: training[name] for name in _TRAINING}}),
        **({} if training is None or "augment" not in training else {"augment": training["augment"]}),
    }


def _step(made: Made | None) -> dict[str, Any] | None:
    """A call as `{"name", …}`; the parameters of an estimator stand apart, as those of a model do."""
    row = None if made is None else constructor(made.group, made.name)
    if made is None or row is None:
        return None
    own = [parameter.name for parameter in row.parameters]
    found = {"name": made.name, **{name: json_value(made.args[name]) for name in own if name in made.args}}
    further = {name: json_value(value) for name, value in made.args.items() if name not in own}
    return found | ({"params": further} if "estimator" in own else {})
