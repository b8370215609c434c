"""What stages left in folders, for targets that schedule `python -m mlspec.runtime` and read the answer off the disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlspec.graph import Graph

PAGES = {"html": "index.html", "markdown": "index.md"}
"""The file to open of an artifact that is a page, by its type."""


def read_artifacts(graph: Graph, place: Callable[[str, str], Path]) -> dict[str, str]:
    """`{stage-id/output: digest}` of every artifact that is complete; `place` gives the folder of a stage's output."""
    found = {}
    for stage in graph:
        for output in stage.outputs:
            manifest = place(stage.id, output) / "manifest.json"
            if manifest.is_file():
                found[f"{stage.id}/{output}"] = str(json.loads(manifest.read_bytes())["digest"])
    return found


def read_verdicts(graph: Graph, place: Callable[[str, str], Path]) -> dict[str, dict[str, Any]]:
    """`{gates block: verdict}` of every verdict that is there."""
    found = {}
    for stage in graph:
        verdict = place(stage.id, "verdict") / "verdict.json"
        if stage.kind == "verdict" and verdict.is_file():
            found[stage.block] = json.loads(verdict.read_bytes())
    return found


def gates_passed(graph: Graph, place: Callable[[str, str], Path]) -> bool:
    """Whether every verdict of the graph is there and says that its gates passed; a missing one is a failure."""
    verdicts = read_verdicts(graph, place)
    return all(verdicts.get(stage.block, {}).get("passed") is True for stage in graph if stage.kind == "verdict")
