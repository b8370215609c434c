"""What a target that runs says when it cannot: errors in the shape that stages give theirs, and the result of a run that never began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlspec.backend.emitted import Finding
from mlspec.backend.running import RunResult


def error(code: str, message: str, where: str = "", *, expected: str = "", found: str = "", help: str = "") -> dict[str, Any]:
    """An error in the JSON form of a stage's: `where` is a place in the spec, or empty."""
    return {
        "code": code,
        "message": message,
        "where": where,
        "expected": expected,
        "found": found,
        "help": help,
        "examples": [],
    }


def error_of(finding: Finding) -> dict[str, Any]:
    """A finding of `emit` as the error of a run, in the words of its code."""
    from mlspec.diagnostics import Diagnostic, code

    worded = Diagnostic(code(finding.code), None, dict(finding.data))
    return error(finding.code, worded.message, finding.where, expected=worded.expected, found=worded.found, help=worded.help)


def not_begun(folder: Path, errors: Sequence[Mapping[str, Any]]) -> RunResult:
    """The result of a run that never began."""
    summary = {"passed": False, "errors": [dict(item) for item in errors]}
    return RunResult(run_id="", folder=folder, passed=False, errors=list(errors), summary=summary)


STATES = {"ran": "ran", "reused": "reused", "failed": "failed", "not-run": "not run"}
"""How a stage can have ended under a scheduler that is not ours, and the word for it."""


def in_state(states: Mapping[str, str], wanted: str) -> list[str]:
    """The ids of the stages that ended in a state, in the order of the graph."""
    return [stage for stage, state in states.items() if state == wanted]


def counted(states: Mapping[str, str]) -> str:
    """`12 ran, 3 reused`: how many stages ended how."""
    return ", ".join(f"{len(in_state(states, state))} {word}" for state, word in STATES.items() if in_state(states, state))
