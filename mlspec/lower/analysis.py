"""Analysis: every `explore` gives one stage."""

from __future__ import annotations

from mlspec.lower.sheet import Sheet
from mlspec.lower.values import descriptors, json_value, label_of, resources


def lower(sheet: Sheet) -> None:
    """Add the stage of every report."""
    for block in sheet.spec.of_kind("explore"):
        made = block.make("value")
        if made is None:
            continue
        part = made.get("part")
        frame = sheet.block(part.block).ref("frame")
        if frame is None:
            continue
        source = sheet.source_of(frame.block)
        outcome = next((column for column in source.columns.values() if "outcome" in column.attrs), None)
        config = {
            "part": part.member,
            "sections": json_value(made.get("sections")),
            "min_cell": made.get("min_cell"),
            "columns": descriptors(source),
            "label": None if outcome is None else label_of(outcome),
        }
        inputs = {"rows": sheet.rows(source.name), "parts": sheet.parts(part)}
        sheet.add(block.name, "explore", config, inputs, after=sheet.checked(source.name), resources=resources(block))
