"""Findings as a Code Quality report of GitLab, which the merge request shows at their lines."""

from __future__ import annotations

import json
from typing import Any

from mlspec.diagnostics.diagnostic import Diagnostic
from mlspec.diagnostics.escape import escape, escape_lines
from mlspec.diagnostics.render.sarif import counted, fingerprint

_SEVERITIES = {"error": "critical", "warning": "minor", "waived": "info"}


def render(found: list[Diagnostic], files: list[str]) -> str:
    """A list of issues, all of them: GitLab tells new ones from old ones by their fingerprints."""
    return json.dumps([_issue(diagnostic, repeat) for diagnostic, repeat in counted(found)], indent=2) + "\n"


def _issue(diagnostic: Diagnostic, repeat: int) -> dict[str, Any]:
    span = diagnostic.span
    sections = (("expected", diagnostic.expected), ("found", diagnostic.found), ("help", diagnostic.help))
    lines = [escape(diagnostic.message), *(f"{label}: {escape_lines(text)}" for label, text in sections if text)]
    if diagnostic.waived is not None:
        lines.append(escape(diagnostic.waived.sentence))
    return {
        "check_name": diagnostic.code.id,
        "description": "\n".join(lines),
        "severity": _SEVERITIES[diagnostic.severity],
        "fingerprint": fingerprint(diagnostic, repeat),
        "location": {
            "path": diagnostic.data.get("name", "") if span is None else span.source.path,
            "lines": {"begin": 1 if span is None else span.position[0]},
        },
    }
