"""Findings as JSON: stable, described by `schema.json` beside this module, read by editors and CI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlspec.diagnostics.diagnostic import Diagnostic, Waived
from mlspec.diagnostics.escape import escape, escape_lines
from mlspec.source import Span


def render(found: list[Diagnostic], files: list[str]) -> str:
    """One JSON document; keys in a fixed order, so that equal findings give equal bytes."""
    return json.dumps(document(found, files), indent=2, ensure_ascii=False) + "\n"


def document(found: list[Diagnostic], files: list[str]) -> dict[str, Any]:
    """The document before it is text."""
    return {
        "format": 1,
        "files": [escape(name) for name in files],
        "errors": sum(d.severity == "error" for d in found),
        "warnings": sum(d.severity == "warning" for d in found),
        **({"waived": waived} if (waived := sum(d.waived is not None for d in found)) else {}),
        "diagnostics": [_diagnostic(d) for d in found],
    }


def schema() -> dict[str, Any]:
    """The published JSON Schema of the document."""
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name("schema.json").read_bytes())
    return loaded


def _diagnostic(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "code": diagnostic.code.id,
        "name": diagnostic.code.slug,
        "severity": diagnostic.severity,
        "message": escape(diagnostic.message),
        "expected": escape_lines(diagnostic.expected) or None,
        "found": escape_lines(diagnostic.found) or None,
        "help": escape_lines(diagnostic.help) or None,
        "place": place(diagnostic.span),
        "notes": [{"message": escape(note.message), "place": place(note.span)} for note in diagnostic.notes],
        "edits": [{"place": place(edit.span), "text": edit.text, "guess": edit.guess} for edit in diagnostic.edits],
        **({} if diagnostic.waived is None else {"waived": _waived(diagnostic.waived)}),
    }


def _waived(waived: Waived) -> dict[str, Any]:
    """Who accepted a finding, and the level that it has for everybody else."""
    told = {
        "waiver": waived.name,
        "owner": waived.owner,
        "reason": waived.reason,
        "expires": waived.expires,
        "level": waived.level,
    }
    return {**{name: escape(text) for name, text in told.items()}, "place": place(waived.span)}


def place(span: Span | None) -> dict[str, Any] | None:
    """File, character offsets, and line and column from 1 of both ends."""
    if span is None:
        return None
    line, column = span.position
    end_line, end_column = span.source.position(span.end)
    return {
        "file": escape(span.source.name),
        "start": {"offset": span.start, "line": line, "column": column},
        "end": {"offset": span.end, "line": end_line, "column": end_column},
    }
