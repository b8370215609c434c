"""Changes as SARIF 2.1.0, for code-scanning services: a rule for each way to change, a fingerprint that survives moved lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mlspec.diagnostics.escape import escape
from mlspec.diff.change import Change
from mlspec.diff.page import FileDiff, again
from mlspec.diff.table import RULES
from mlspec.source import Span

if TYPE_CHECKING:
    from mlspec.diagnostics import Diagnostic

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {
    "breaking": "error", "loosening": "error", "behaviour": "warning", "tightening": "note", "additive": "note",
    "operational": "note", "cosmetic": "note",
}  # fmt: skip


def render(files: Sequence[FileDiff]) -> str:
    """One SARIF log with one run; cosmetic changes are left out."""
    return json.dumps(document(files), indent=2, ensure_ascii=False) + "\n"


def document(files: Sequence[FileDiff]) -> dict[str, Any]:
    """The log before it is text; only rules that were met are described."""
    changes = [change for file in files for change in file.comparison.changes if change.effect != "cosmetic"]
    names = sorted({change.rule for change in changes})
    rules = [
        {"id": f"diff/{name}", "name": name, "shortDescription": {"text": RULES[name]}, "help": {"text": "docs/diff.md"}}
        for name in names
    ]
    failed = [found for file in files for found in file.diagnostics]
    run = {
        "tool": {"driver": {"name": "mlspec diff", "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not failed,
                "toolExecutionNotifications": [_notification(found) for found in failed],
            }
        ],
        "results": [_result(change, names.index(change.rule)) for change in changes],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(change: Change, rule: int) -> dict[str, Any]:
    values = (
        f"{change.old} → {change.new}"
        if change.old and change.new
        else f"gone: {change.old}"
        if change.old
        else f"new: {change.new}"
    )
    said = [f"{change.effect}: {change.where} {values}", change.reasons, f"the new spec has {change.code} here" if change.code else "",
            again(change.stages)]  # fmt: skip
    span = change.new_span or change.old_span
    result: dict[str, Any] = {
        "ruleId": f"diff/{change.rule}",
        "ruleIndex": rule,
        "level": level_of(change),
        "message": {"text": "\n".join(escape(text) for text in said if text)},
        "partialFingerprints": {"mlspec-diff/v1": change.fingerprint},
        "properties": {"effect": change.effect, "where": change.where, "security": change.security, "stages": change.stages},
    }
    if span is not None:
        result["locations"] = [{"physicalLocation": _location(span)}]
    if change.new_span is not None and change.old_span is not None:
        result["relatedLocations"] = [{"id": 1, "message": {"text": "before"}, "physicalLocation": _location(change.old_span)}]
    if change.waived is not None:
        result["suppressions"] = [
            {"kind": "inSource", "status": "accepted", "justification": escape(change.waived.sentence),
             "location": {"physicalLocation": _location(change.waived.span)}}
        ]  # fmt: skip
    return result


def level_of(change: Change) -> str:
    """How grave the policy takes a change to be, in SARIF's words."""
    return {"off": "note", "": LEVELS[change.effect]}.get(change.level, change.level)


def _notification(found: Diagnostic) -> dict[str, Any]:
    """Why a file could not be compared, at its line."""
    said: dict[str, Any] = {"level": "error", "message": {"text": f"{found.code.id} {escape(found.message)}"}}
    if found.span is not None:
        said["locations"] = [{"physicalLocation": _location(found.span)}]
    return said


def path_of(span: Span) -> str:
    """The path of a place: of a revision's file, without the revision."""
    return span.source.path


def _location(span: Span) -> dict[str, Any]:
    line, column = span.position
    end_line, end_column = span.source.position(span.end)
    return {
        "artifactLocation": {"uri": quote(path_of(span), safe="/._-~", errors="surrogateescape")},
        "region": {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column},
    }
