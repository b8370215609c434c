"""Monitoring: a `monitor` that compares with a part gives a `reference` stage; its checks run beside the server, in no stage."""

from __future__ import annotations

from typing import Any

from mlspec.graph import stage_id
from mlspec.lower.development import features_block, fit_config, frame_of, label_column
from mlspec.lower.extraction import extract_config
from mlspec.lower.live import live_form
from mlspec.lower.serving import channel_config, handle, key_in_log
from mlspec.lower.sheet import Sheet
from mlspec.lower.values import label_of, resources
from mlspec.spec.model import Block, Definition, Spec
from mlspec.spec.registered import is_registered

_MIN_CELL = 10


def lower(sheet: Sheet) -> None:
    """Add the stage that keeps the reference statistics of every monitor."""
    for block in sheet.spec.of_kind("monitor"):
        part, model = block.ref("reference"), model_of(sheet.spec, block)
        if part is None or model is None:
            continue
        frame = frame_of(sheet, part)
        registered = is_registered(model)  # its features are those that its package brings
        learner = sheet.spec.learned(model)
        config = {
            "part": part.member,
            "features": None if registered else fit_config(sheet, learner)["features"],
            "label": label_of(label_column(sheet, model)),
            "min_cell": _MIN_CELL,
        }
        inputs = {
            "rows": sheet.rows(frame),
            **({} if registered else {"values": sheet.values(features_block(learner))}),
            "parts": sheet.parts(part),
            "package": sheet.package(model.name),
        }
        sheet.add(block.name, "reference", config, inputs, after=sheet.checked(frame), resources=resources(block))


def model_of(spec: Spec, monitor: Block) -> Block | None:
    """The model block whose server or batch score a monitor watches."""
    watched = monitor.ref("of")
    model = None if watched is None else spec.blocks[watched.block].ref("model")
    return None if model is None else spec.blocks[model.block]


def monitor_config(spec: Spec, monitor: Block, prefix: str = "") -> dict[str, Any]:
    """What `mlspec monitor` needs of the spec, as JSON."""
    sheet = Sheet(spec, prefix)
    model, watched = model_of(spec, monitor), monitor.ref("of")
    if model is None or watched is None:
        raise TypeError(f"monitor {monitor.name} watches nothing")
    label = label_of(label_column(sheet, model))
    label_source = _delayed_label(sheet, monitor, model)
    channels = {name for check in monitor.definitions.values() for name in _notified(check)}
    return {
        "name": monitor.name,
        "of": watched.block,
        "reference": {"run": None, "stage": stage_id(monitor.name, "reference")},
        "every": monitor.get("every"),
        "window": monitor.get("window"),
        "min_cell": _MIN_CELL,
        "checks": [_check(spec, check) for check in monitor.definitions.values()],
        "channels": {name: channel_config(spec, spec.blocks[name]) for name in sorted(channels)},
        "task": label["task"],
        "positive": label["positive"],
        "favourable": label["favourable"],
        "label": label_source,
        "secrets": _secrets(spec, label_source),
    }


def _secrets(spec: Spec, label: dict[str, Any] | None) -> dict[str, Any]:
    """The handle of the secret that the logged key is hashed with."""
    name = None if label is None else label["secret"]
    return {} if name is None else {name: handle(spec.blocks[name].make("value"))}


def _check(spec: Spec, check: Definition) -> dict[str, Any]:
    return {
        "name": check.name,
        "expression": live_form(spec, check.value.form),
        "for": check.attr("for", "length") or 0.0,
        "delay": check.attr("delay", "length") or 0.0,
        "notify": _notified(check),
        "doc": check.doc,
    }


def _notified(check: Definition) -> list[str]:
    return [getattr(item, "item", item).block for item in check.attr("notify", "channels") or ()]


def _delayed_label(sheet: Sheet, monitor: Block, model: Block) -> dict[str, Any] | None:
    """Where labels that arrive later are read, and how their rows are found in the log; None where nothing needs them."""
    if not any("delay" in check.attrs for check in monitor.definitions.values()):
        return None
    column = label_column(sheet, model)
    source = sheet.block(column.source)
    watched = monitor.ref("of")
    key = next((found for found in source.columns.values() if "key" in found.attrs), None)
    logged = None if key is None or watched is None else key_in_log(sheet.block(watched.block), source.name, key.name)
    if key is None or logged is None:
        return None
    config = {name: value for name, value in extract_config(sheet, source).items() if name not in ("sample", "seed", "group")}
    return {"input": config, "column": column.name, "key": key.name, "field": logged[0], "secret": logged[1]}
