"""Findings as SARIF 2.1.0, for code-scanning services: rules, places, edits, and a fingerprint that survives moved lines."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote

from mlspec.diagnostics.diagnostic import Diagnostic, Waived
from mlspec.diagnostics.escape import escape, escape_lines
from mlspec.source import Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(found: list[Diagnostic], files: list[str]) -> str:
    """One SARIF log with one run."""
    return json.dumps(document(found, files), indent=2, ensure_ascii=False) + "\n"


def document(found: list[Diagnostic], files: list[str]) -> dict[str, Any]:
    """The log before it is text; only rules that were met are described."""
    codes = {d.code.id: d.code for d in found}
    rules = [
        {
            "id": id,
            "name": codes[id].slug,
            "shortDescription": {"text": codes[id].slug.replace("-", " ")},
            "help": {"text": f"mlspec explain {id}"},
            "defaultConfiguration": {"level": codes[id].severity},
        }
        for id in sorted(codes)
    ]
    order = {rule["id"]: index for index, rule in enumerate(rules)}
    run = {
        "tool": {"driver": {"name": "mlspec", "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": {"uri": _uri(name)}} for name in files],
        "results": [_result(d, order[d.code.id], seen) for d, seen in counted(found)],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def fingerprint(diagnostic: Diagnostic, repeat: int = 0) -> str:
    """Names a finding by its code, its file and the text it points at, not by its line; `repeat` tells equal ones apart."""
    span = diagnostic.span
    parts = [diagnostic.code.id, span.source.name if span else "", span.text if span else "", diagnostic.message, str(repeat)]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def counted(found: list[Diagnostic]) -> list[tuple[Diagnostic, int]]:
    """Each finding with how many equal ones stand before it."""
    seen: dict[str, int] = {}
    out = []
    for diagnostic in found:
        key = fingerprint(diagnostic)
        out.append((diagnostic, seen.get(key, 0)))
        seen[key] = seen.get(key, 0) + 1
    return out


def _result(diagnostic: Diagnostic, rule: int, repeat: int) -> dict[str, Any]:
    sections = (("expected", diagnostic.expected), ("found", diagnostic.found), ("help", diagnostic.help))
    lines = [escape(diagnostic.message), *(f"{label}: {escape_lines(text)}" for label, text in sections if text)]
    result: dict[str, Any] = {
        "ruleId": diagnostic.code.id,
        "ruleIndex": rule,
        "level": diagnostic.level,
        "message": {"text": "\n".join(lines)},
        "partialFingerprints": {"mlspec/v1": fingerprint(diagnostic, repeat)},
    }
    if diagnostic.span is not None:
        result["locations"] = [{"physicalLocation": _location(diagnostic.span)}]
    related = [
        {"id": index, "message": {"text": escape(note.message)}, "physicalLocation": _location(note.span)}
        for index, note in enumerate(diagnostic.notes, 1)
        if note.span is not None
    ]
    if related:
        result["relatedLocations"] = related
    if diagnostic.waived is not None:
        result["suppressions"] = [_suppression(diagnostic.waived)]
    if diagnostic.edits:
        result["fixes"] = [_fix(diagnostic)]
    return result


def _suppression(waived: Waived) -> dict[str, Any]:
    """Who accepted the finding: it stands in the text, and an approver signed it."""
    text = escape(waived.sentence)
    return {
        "kind": "inSource",
        "status": "accepted",
        "justification": text,
        "location": {"physicalLocation": _location(waived.span)},
    }


def _fix(diagnostic: Diagnostic) -> dict[str, Any]:
    changes: dict[str, list[dict[str, Any]]] = {}
    for edit in diagnostic.edits:
        change = {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
        changes.setdefault(edit.span.source.name, []).append(change)
    return {
        "description": {"text": escape_lines(diagnostic.help) or "apply the edit"},
        "artifactChanges": [{"artifactLocation": {"uri": _uri(name)}, "replacements": rows} for name, rows in changes.items()],
    }


def _location(span: Span) -> dict[str, Any]:
    return {"artifactLocation": {"uri": _uri(span.source.name)}, "region": _region(span)}


def _region(span: Span) -> dict[str, int]:
    line, column = span.position
    end_line, end_column = span.source.position(span.end)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _uri(name: str) -> str:
    return quote(name, safe="/._-~", errors="surrogateescape")  # a name of bytes that are no UTF-8 is these bytes
