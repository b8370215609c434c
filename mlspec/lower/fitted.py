"""A feature in two halves: the value that each row has by itself, and the chain of steps that are learned with the model."""

from __future__ import annotations

from typing import Any

from mlspec.catalogue import functions
from mlspec.lower.externs import externs_of
from mlspec.lower.inference import form_type
from mlspec.lower.sheet import Sheet
from mlspec.lower.values import constant, json_form
from mlspec.spec.images import shape_of
from mlspec.spec.model import Definition
from mlspec.spec.values import Made

_TEXTUAL = frozenset(("string", "text", "category", "id"))


def is_fitted(name: str) -> bool:
    """Whether a function of this name is learned on a part."""
    return any(row.level == "fitted" for row in functions(name))


def split_feature(feature: Definition) -> tuple[Any, str, list[dict[str, Any]]]:
    """(value expression, its type, fitted steps in the order in which they are applied)."""
    form = feature.value.form
    steps: list[dict[str, Any]] = []
    while form[0] == "call" and is_fitted(form[1]):
        steps.append(_step(form))
        form = form[2][0]
    kind = feature.value.type.code if not steps else form_type(form)
    return json_form(form), kind, steps[::-1]


def _step(form: list[Any]) -> dict[str, Any]:
    """One fitted step with every parameter, defaults filled in from the catalogue."""
    name = form[1]
    row = next(row for row in functions(name) if row.level == "fitted")
    given = dict(zip((parameter[0].lstrip("*") for parameter in row.parameters[1:]), form[2][1:], strict=False)) | form[3]
    step: dict[str, Any] = {"op": name}
    for parameter, _, default in row.parameters[1:]:
        step[parameter] = constant(given[parameter]) if parameter in given else default
    if name == "fill":
        step["with"] = filler(step["with"])
    if name == "target_rate":
        step["folds"] = 5
    return step


def filler(item: Any) -> Any:
    """`median` and `mean` as they are, a constant as `{"value": …}`."""
    return item if item in ("median", "mean") else {"value": item}


def model_feature(sheet: Sheet, block: str, feature: Definition) -> dict[str, Any]:
    """A feature as `fit` and `search` learn on it: what `missing` of its block asks is done first."""
    value, kind, steps = split_feature(feature)
    missing = sheet.block(block).make("missing")
    if missing is not None and kind.endswith("?") and not (steps and steps[0]["op"] == "fill"):
        steps = [_missing(missing, kind), *steps]
    found = {"name": feature.name, "value": value, "type": kind, "fitted": steps, "audit": False} | pixels_of(feature)
    return found | externs_of(sheet, feature.value)


def pixels_of(feature: Definition) -> dict[str, Any]:
    """The `shape` of a feature that is an image: channels, height, width."""
    shape = shape_of(feature.value.type) if feature.value.type.name == "image" else None
    return {} if shape is None else {"shape": list(shape)}


def _missing(made: Made, kind: str) -> dict[str, Any]:
    textual = kind.removesuffix("?") in _TEXTUAL
    item = {"value": made.get("category")} if textual else filler(made.get("number"))
    return {"op": "fill", "with": item, "flag": bool(made.get("flag"))}


def tags_of(sheet: Sheet, feature: Definition) -> list[str]:
    """What a report must know of a feature: protected and personal columns that it reads."""
    tags: dict[str, None] = {}
    for source, name in sorted(feature.value.columns):
        column = sheet.spec.column(source, name)
        if column is not None:
            tags.update(dict.fromkeys(tag for tag in column.tags if tag == "protected" or tag.startswith("pii.")))
    return list(tags)
