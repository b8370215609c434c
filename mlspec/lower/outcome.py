"""The run as a whole: `report` and `card` whether gates pass or not, `track`, and `register` after every gate has passed."""

from __future__ import annotations

from typing import Any

from mlspec.graph import stage_id
from mlspec.lower.sheet import Sheet
from mlspec.lower.validation import verdict_of
from mlspec.lower.values import descriptors, json_value
from mlspec.spec.model import Block, Spec
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
            "source",
            "split",
            "features",
            "explore",
            "model",
            "search",
            "train",
            "compress",
            "gates",
            "evaluate",
            "serve",
            "monitor",
        )
    ]
    return {"spec": sheet.spec.name, "owner": settings.get("owner"), "doc": settings.doc, "blocks": blocks}


def _card_config(sheet: Sheet, settings: Block) -> dict[str, Any]:
    block = next(sheet.spec.of_kind("card"), None)
    config: dict[str, Any] = _report_config(sheet, settings)
    config["sources"] = [
        {"name": source.name, "doc": source.doc, "columns": descriptors(source)} for source in sheet.spec.of_kind("source")
    ]
    config["card"] = None if block is None else {name: json_value(value) for name, value in block.fields.items()}
    return config


def _register(sheet: Sheet, settings: Block) -> None:
    """Register the candidate of each gates block; an env that cannot release registers nothing."""
    if not sheet.spec.releasable or settings.get("registry") == "none":
        return
    tracked = isinstance(settings.get("tracking"), Made)
    for block in sheet.spec.of_kind("gates"):
        config = registration_of(sheet.spec, block)
        if config is not None:
            inputs = {"package": sheet.package(config["model"]), "verdict": verdict_of(block.name)}
            after = [stage_id(block.name, "enforce"), *([stage_id(RUN, "track")] if tracked else [])]
            alone = len(judged_blocks(sheet.spec)) == 1
            sheet.add(RUN if alone else block.name, "register", config, inputs, after=after)


def judged_blocks(spec: Spec) -> list[Block]:
    """The gates blocks that have a candidate."""
    return [block for block in spec.of_kind("gates") if block.ref("candidate") is not None]


def registration_of(spec: Spec, gates: Block) -> dict[str, Any] | None:
    """How the candidate of a gates block is registered: what a `register` stage and `mlspec promote` go by. None without a registry."""
    settings = spec.settings
    registry, tracking, candidate = settings.get("registry"), settings.get("tracking"), gates.ref("candidate")
    if registry == "none" or candidate is None:
        return None
    given = registry.get("name") if isinstance(registry, Made) else None
    name = spec.name if len(judged_blocks(spec)) == 1 else f"{spec.name}.{gates.name}"
    made = tracking if isinstance(tracking, Made) else None
    return {
        "name": given or name, "aliases": json_value(registry.get("aliases")) if isinstance(registry, Made) else ["candidate"],
        "uri": None if made is None else made.get("uri"), "experiment": (None if made is None else made.get("experiment")) or spec.name,
        "model": candidate.block, "judged_by": gates.name, "spec": spec.name,
    }  # fmt: skip
