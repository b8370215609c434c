"""Renders findings: text for people; JSON, SARIF, GitHub annotations, GitLab Code Quality and JUnit for programs. One module each, loaded when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from mlspec.diagnostics.collector import LIMIT, capped
from mlspec.diagnostics.diagnostic import Diagnostic

FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit")


def render(
    found: Sequence[Diagnostic], format: str = "text", *, color: bool = False, limit: int = LIMIT, files: Sequence[str] = ()
) -> str:
    """`found` (sorted, as `Collector.sorted` gives it) in one of FORMATS, ending in a newline if there is anything to say.

    Text and GitHub annotations show `limit` findings and count the rest; the formats for programs hold all of them. `files` names the
    files that were checked, for reports that also list what is clean.
    """
    if format not in FORMATS:
        raise ValueError(f"unknown format {format!r}: one of {', '.join(FORMATS)}")
    module = import_module(f"mlspec.diagnostics.render.{format}")
    if format in {"text", "github"}:
        more = max(0, len(found) - limit)
        text: str = (
            module.render(capped(found, limit), more, color) if format == "text" else module.render(capped(found, limit), more)
        )
        return text
    machine: str = module.render(list(found), list(files))
    return machine


def summary(found: Sequence[Diagnostic]) -> str:
    """`2 errors, 1 warning`, or "" where nothing was found."""
    parts = []
    for severity in ("error", "warning"):
        count = sum(d.severity == severity for d in found)
        if count:
            parts.append(f"{count} {severity}{'' if count == 1 else 's'}")
    waived = sum(d.severity == "waived" for d in found)
    if waived:
        parts.append(f"{waived} waived")
    return ", ".join(parts)
