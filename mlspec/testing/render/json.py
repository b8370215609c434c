"""Tests as JSON, described by the schema that `mlspec schema --of test` prints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mlspec.diagnostics.escape import escape
from mlspec.source import Span
from mlspec.testing.coverage import share
from mlspec.testing.suite import FileTests
from mlspec.testing.survey import Fate


def render(files: Sequence[FileTests], *, color: bool, coverage: bool, quiet: bool) -> str:
    """One JSON document; all but the seconds is the same for the same specs."""
    return json.dumps(document(files), indent=2, ensure_ascii=False) + "\n"


def document(files: Sequence[FileTests]) -> dict[str, Any]:
    """The document before it is text."""
    return {
        "format": 1,
        "tests": sum(len(file.outcomes) for file in files),
        "failed": sum(file.failed for file in files),
        "coverage": round(share(file.coverage for file in files), 2),
        "specs": [_file(file) for file in files],
    }


def _file(file: FileTests) -> dict[str, Any]:
    from mlspec.diagnostics.render.json import document as findings

    errors = [item for item in file.diagnostics if item.severity == "error"]
    return {
        "path": escape(file.path),
        "diagnostics": findings(errors, [file.path])["diagnostics"],
        "tests": [_test(file, place) for place in range(len(file.outcomes))],
        "coverage": [
            {"kind": item.noun, "path": item.path, "line": item.span.position[0], "tests": list(item.tests)}
            for item in file.coverage.items
        ],
        "mutants": None if file.fates is None else [_mutant(fate) for fate in file.fates],
    }


def _test(file: FileTests, place: int) -> dict[str, Any]:
    outcome = file.outcomes[place]
    return {
        "name": outcome["name"],
        "line": outcome["line"],
        "passed": outcome["passed"],
        "seconds": round(file.seconds[place], 6),
        "codes": list(outcome["codes"]),
        "failures": [_failure(file, outcome, failure) for failure in outcome["failures"]],
        "touched": list(outcome["touched"]),
    }


def _failure(file: FileTests, outcome: Any, failure: Any) -> dict[str, Any]:
    spec = file.compilation.spec
    lines = {
        path: None if spec is None or "." not in path else _line(spec.spans.get(path)) for path in failure.get("values", {})
    }
    return {
        "kind": failure["kind"],
        "name": failure["name"],
        "line": failure.get("line", outcome["line"]),
        "row": failure.get("row"),
        "expected": escape(str(failure["expected"])),
        "found": escape(str(failure["found"])),
        "values": [{"path": path, "value": value, "line": lines[path]} for path, value in failure.get("values", {}).items()],
        "help": escape(str(failure.get("help") or "")) or None,
    }


def _line(span: Span | None) -> int | None:
    return None if span is None else span.position[0]


def _mutant(fate: Fate) -> dict[str, Any]:
    change = fate.change
    return {
        "kind": fate.mutant.kind,
        "path": fate.mutant.path,
        "line": fate.mutant.span.position[0],
        "what": escape(fate.mutant.what),
        "noticed": fate.by or None,
        "by": list(fate.names),
        "warnings": list(fate.warnings),
        "change": None
        if change is None
        else {"effect": change.effect, "where": change.where, "old": change.old, "new": change.new, "why": change.why},
        "stages": {action: list(names) for action, names in fate.stages.items()},
    }
