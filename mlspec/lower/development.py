"""Development: every `model` with an estimator gives a `fit` stage, one of the registry a `fetch` stage."""

from __future__ import annotations

from typing import Any

from mlspec.lower.fitted import model_feature
from mlspec.lower.sheet import Sheet
from mlspec.lower.values import json_value, label_of, resources
from mlspec.spec.model import Block, Column
from mlspec.spec.registered import label_reference
from mlspec.spec.schema import field_names
from mlspec.spec.values import Made, Reference


def lower(sheet: Sheet) -> None:
    """Add the stage of every model that is fitted here."""
    for block in sheet.spec.of_kind("model"):
        if block.get("estimator") is None:
            _add_fetch(sheet, block)
            continue
        config = fit_config(sheet, block) | {"estimator": str(block.get("estimator")), "params": params_of(block)}
        add_learner(sheet, block, "fit", config)


def _add_fetch(sheet: Sheet, block: Block) -> None:
    """Add the stage of a model that the registry of the tracking store keeps."""
    made = block.make("value")
    if made is None or made.name != "registry":
        return
    tracking = sheet.spec.settings.get("tracking")
    uri = tracking.get("uri") if isinstance(tracking, Made) else None
    sheet.add(block.name, "fetch", {"name": made.get("name"), "alias": made.get("alias"), "uri": uri}, {})


def add_learner(sheet: Sheet, block: Block, kind: str, config: dict[str, Any], also: dict[str, str] | None = None) -> str:
    """Add a stage that learns from rows, values and parts, and reads what else it is given."""
    part = part_of(block)
    features = features_block(block)
    inputs = {
        "rows": sheet.rows(frame_of(sheet, part)),
        "values": sheet.values(features),
        "parts": sheet.parts(part),
        **(also or {}),
    }
    own = resources(block, time_limit=kind != "search")
    return sheet.add(block.name, kind, config, inputs, after=sheet.checked(frame_of(sheet, part)), resources=own)


def fit_config(sheet: Sheet, block: Block) -> dict[str, Any]:
    """What `fit` and `search` share."""
    part = part_of(block)
    group = sheet.block(part.block).ref("group")
    return {
        "name": block.own_name,
        "features": [model_feature(sheet, name, feature) for name, feature in inputs_of(sheet, block)],
        "label": label_of(label_column(sheet, block)),
        "part": part.member,
        "group": None if group is None else group.member,
        "seed": sheet.spec.seed,
        "calibrate": _calibration(block.make("calibrate")),
        "threshold": _threshold(block.make("threshold")),
        "unknown": sheet.block(features_block(block)).get("unknown"),
    } | _mitigation(block.make("mitigate"))


def _mitigation(made: Made | None) -> dict[str, Any]:
    """How groups are treated alike; nothing where they are not, so that the key of such a stage is what it was."""
    return {} if made is None else {"mitigate": {"method": made.name, "by": json_value(made.get("by"))}}


def inputs_of(sheet: Sheet, block: Block) -> list[tuple[str, Any]]:
    """(features block, feature) of everything that a model reads, in the order of its signature."""
    item = block.get("features")
    pairs = []
    for reference in _references(item):
        if reference.kind == "features":
            pairs += inputs_of_features(sheet, reference.block)
        else:
            pairs.append((reference.block, sheet.block(reference.block).definitions[str(reference.member)]))
    return pairs


def _references(item: Any) -> list[Reference]:
    """The references of a field that takes one or a list of them."""
    items = item if isinstance(item, tuple | list) else (item,)
    return [found for part in items if isinstance(found := getattr(part, "item", part), Reference)]


def inputs_of_features(sheet: Sheet, name: str) -> list[tuple[str, Any]]:
    """(features block, feature) of every feature of a block that is not for audit only."""
    return [(name, feature) for feature in sheet.block(name).definitions.values() if "audit" not in feature.attrs]


def features_block(block: Block) -> str:
    """The features block that a model reads."""
    return _references(block.get("features"))[0].block


def part_of(block: Block) -> Reference:
    """The part that a model is fitted on."""
    part = block.ref("part")
    if part is None:
        raise TypeError(f"{block.name} has no part")
    return part


def frame_of(sheet: Sheet, part: Reference) -> str:
    """The frame that a part's split divides."""
    frame = sheet.block(part.block).ref("frame")
    if frame is None:
        raise TypeError(f"{part.block} has no frame")
    return frame.block


def label_column(sheet: Sheet, block: Block) -> Column:
    """The column that a model predicts."""
    label = label_reference(sheet.spec, block)
    column = None if label is None else sheet.spec.column(label.block, str(label.member))
    if column is None:
        raise TypeError(f"{block.name} has no label")
    return column


def params_of(block: Block) -> dict[str, Any]:
    """The estimator's parameters that the spec fixes: every field that the schema does not know."""
    known = {*field_names(block.kind)}
    return {name: json_value(value) for name, value in block.fields.items() if name not in known and not _is_space(value.item)}


def space_of(block: Block) -> dict[str, Any]:
    """The parameters that are searched, with their distributions."""
    return {
        name: _space(value.item)
        for name, value in block.fields.items()
        if _is_space(value.item) and value.item.name != "rounds"
    }


def _is_space(item: Any) -> bool:
    return isinstance(item, Made) and item.group == "space"


def _space(made: Made) -> dict[str, Any]:
    found: dict[str, Any] = {"dist": made.name}
    for name in ("low", "high", "mean", "std", "values", "when"):
        if name in made.args and (name != "when" or made.get(name) is not None):
            found[name] = json_value(made.get(name))
    return found


def _calibration(made: Made | None) -> dict[str, Any] | None:
    if made is None:
        return None
    part = made.get("part")
    return {"method": made.name} if part is None else {"method": made.name, "part": part.member}


def _threshold(made: Made | None) -> dict[str, Any]:
    if made is None:
        return {"method": "fixed", "value": 0.5}
    return {"method": made.name, **{name: json_value(value) for name, value in made.args.items() if value.item is not None}}
