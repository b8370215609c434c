"""The end of a run as text: the gates, what to look at, and a line that says it all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_WORDS = {"passed": "passed", "failed": "FAILED", "skipped": "skipped"}
_COUNTED = (("ran", "ran"), ("reused", "unchanged"), ("failed", "failed"), ("not-run", "not run"))


def to_text(spec: str, states: Mapping[str, str], verdicts: Mapping[str, Any], pages: Mapping[str, Path], log: Path) -> str:
    """Everything that is printed when the run is over; errors are printed by the caller, at their lines of the spec."""
    lines: list[str] = []
    for block, verdict in verdicts.items():
        lines += [f"gates of {block}", *_columns([_gate(gate) for gate in verdict["gates"]]), ""]
    if pages:
        lines += ["to look at", *_columns([[name, os.path.relpath(path)] for name, path in pages.items()]), ""]
    counts = ", ".join(f"{count} {word}" for state, word in _COUNTED if (count := list(states.values()).count(state)))
    if "failed" not in states.values() and "not-run" not in states.values():
        lines.append(f"{spec} {'passed' if verdicts else 'complete'} under dvc: {counts}")
    else:
        refused = any(not verdict["passed"] for verdict in verdicts.values())
        lines += [f"{spec} {'gates failed' if refused else 'failed'} under dvc: {counts}", f"log: {os.path.relpath(log)}"]
    return "\n".join(lines) + "\n"


def _gate(gate: Mapping[str, Any]) -> list[str]:
    low, high = gate.get("low"), gate.get("high")
    interval = f"[{low:.4f}, {high:.4f}]" if low is not None and high is not None else ""
    value = "" if gate.get("value") is None else f"{gate['value']:.6g}"
    return [str(gate["name"]), _WORDS.get(str(gate["status"]), str(gate["status"])), value, interval, str(gate["text"])]


def _columns(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))] if rows else []
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
