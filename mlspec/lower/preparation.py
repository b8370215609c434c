"""Preparation: every `split` and every `features` block gives one stage."""

from __future__ import annotations

from typing import Any

from mlspec.lower.externs import externs_of
from mlspec.lower.fitted import pixels_of, split_feature, tags_of
from mlspec.lower.serving import secrets_of
from mlspec.lower.sheet import Sheet
from mlspec.lower.values import json_value, resources
from mlspec.spec.model import Block, Definition, Part


def lower_splits(sheet: Sheet) -> None:
    """Add the stage of every split."""
    for block in sheet.spec.of_kind("split"):
        frame = block.ref("frame")
        if frame is None:
            continue
        config = split_config(sheet, block)
        inputs = {"rows": sheet.rows(frame.block)}
        sheet.add(block.name, "split", config, inputs, after=sheet.checked(frame.block), resources=resources(block))


def split_config(sheet: Sheet, block: Block) -> dict[str, Any]:
    """Parts, and by what rows fall into them; the seed only where chance decides."""
    config: dict[str, Any] = {"name": block.own_name, "parts": [_part(part) for part in block.parts.values()]}
    for name in ("on", "group", "stratify"):
        column = block.ref(name)
        config[name] = None if column is None else column.member
    config["gap"] = block.get("gap")
    if any(part.share is not None for part in block.parts.values()):
        config["seed"] = sheet.spec.seed
    return config


def _part(part: Part) -> dict[str, Any]:
    if part.interval is None:
        return {"name": part.name, "share": part.share}
    low, high = json_value(part.interval)
    return {"name": part.name, "from": low, "to": high}


def lower_features(sheet: Sheet) -> None:
    """Add the stage of every features block: what can be computed row by row, nothing that is learned."""
    for block in sheet.spec.of_kind("features"):
        frame = block.ref("frame")
        if frame is None:
            continue
        features = [value_of(sheet, feature) for feature in block.definitions.values()]
        config = {"features": features, "unknown": block.get("unknown")}
        if secrets := secrets_of(sheet.spec, [block]):
            config["secrets"] = secrets
        inputs = {"rows": sheet.rows(frame.block)}
        sheet.add(block.name, "features", config, inputs, after=sheet.checked(frame.block), resources=resources(block))


def value_of(sheet: Sheet, feature: Definition) -> dict[str, Any]:
    """A feature up to its first fitted step, as the `features` stage computes it."""
    value, kind, _ = split_feature(feature)
    found = {"name": feature.name, "value": value, "type": kind, "audit": "audit" in feature.attrs} | pixels_of(feature)
    return found | {"tags": tags_of(sheet, feature), **externs_of(sheet, feature.value)}
