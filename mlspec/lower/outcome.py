"""The run as a whole: `report` and `card` whether gates pass or not, `track`, and `register` after every gate has passed."""

from __future__ import annotations

from typing import Any

from mlspec.graph import stage_id
from mlspec.lower.sheet import Sheet
from mlspec.lower.validation import verdict_of
from mlspec.lower.values import json_value
from mlspec.spec.model import Block
from mlspec.spec.values import Made

RUN = "run"
_FOUND = (("metrics", "metrics"), ("analysis", "analysis"), ("verdict", "verdict"), ("study", "study"), ("history", "history"), ("steps", "steps"), ("predictions", "predictions"),
          ("statistics", "statistics"), ("checks", "checks"), ("package", "package"))  # fmt: skip


def lower(sheet: Sheet) -> None:
    """Add the stages of the run as a whole."""
    findings = _findings(sheet)
    settings = sheet.spec.settings
    sheet.add(RUN, "report", _report_config(sheet, settings), findings)
    sheet.add(RUN, "card", _card_config(sheet, settings), findings)
    tracking = settings.get("tracking")
    if isinstance(tracking, Made):
        config = {
            "spec": sheet.spec.name,
            "experiment": tracking.get("experiment") or sheet.spec.name,
            "uri": tracking.get("uri"),
        }
        sheet.add(RUN, "track", config, findings)
    _register(sheet, settings)


def _findings(sheet: Sheet) -> dict[str, str]:
    """Every finding of the run, as the input `<output>.<block>`."""
    found = {}
    for stage in sheet.stages.values():
        if stage.kind == "fetch":
            continue  # what was compared with is no finding of this run; verdicts name its digest
        for output, prefix in _FOUND:
            if output in stage.outputs:
                found[f"{prefix}.{stage.block}"] = f"{stage.id}/{output}"
    return found


def _report_config(sheet: Sheet, settings: Block) -> dict[str, Any]:
    blocks = [
        {"name": block.name, "kind": block.kind, "doc": block.doc}
        for block in sheet.spec.of_kind(
            "source", "split", "features", "explore", "model", "search", "train", "compress", "gates", "evaluate", "serve", "monitor"
        )
    ]
    return {"spec": sheet.spec.name, "owner": settings.get("owner"), "doc": settings.doc, "blocks": blocks}


def _card_config(sheet: Sheet, settings: Block) -> dict[str, Any]:
    block = next(sheet.spec.of_kind("card"), None)
    config: dict[str, Any] = _report_config(sheet, settings)
    config["card"] = None if block is None else {name: json_value(value) for name, value in block.fields.items()}
    return config


def _register(sheet: Sheet, settings: Block) -> None:
    """Register the candidate of each gates block; an env that cannot release registers nothing."""
    registry = settings.get("registry")
    if not sheet.spec.releasable or registry == "none":
        return
    blocks = [block for block in sheet.spec.of_kind("gates") if block.ref("candidate") is not None]
    for block in blocks:
        candidate = block.ref("candidate")
        if candidate is None:
            continue
        alone = len(blocks) == 1
        name = sheet.spec.name if alone else f"{sheet.spec.name}.{block.name}"
        aliases = json_value(registry.get("aliases")) if isinstance(registry, Made) else ["candidate"]
        tracking = settings.get("tracking")
        uri = tracking.get("uri") if isinstance(tracking, Made) else None
        given = registry.get("name") if isinstance(registry, Made) else None
        inputs = {"package": sheet.package(candidate.block), "verdict": verdict_of(block.name)}
        config = {"name": given or name, "aliases": aliases, "uri": uri}
        after = [stage_id(block.name, "enforce"), *([stage_id(RUN, "track")] if isinstance(tracking, Made) else [])]
        sheet.add(RUN if alone else block.name, "register", config, inputs, after=after)
