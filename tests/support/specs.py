"""Parses and checks spec files for tests, and writes findings as plain lines that a golden file holds."""

from __future__ import annotations

from pathlib import Path

from mlspec.diagnostics import Diagnostic
from mlspec.source import SourceFile
from mlspec.spec import Spec, check_spec
from mlspec.syntax import parse
from mlspec.syntax.nodes import File


def parse_path(path: Path, name: str | None = None) -> tuple[File | None, list[Diagnostic]]:
    """The tree of a file, under the name that diagnostics print."""
    return parse(SourceFile(name or path.name, path.read_text(encoding="utf-8")))


def check_path(
    path: Path, env: str | None = None, params: dict[str, str] | None = None
) -> tuple[Spec | None, list[Diagnostic]]:
    """Parses and checks a file with its imports."""

    def load(name: str) -> File | None:
        other = path.parent / name
        return parse_path(other, name)[0] if other.is_file() else None

    file, found = parse_path(path)
    if file is None or any(finding.severity == "error" for finding in found):
        return None, found
    spec, more = check_spec(file, load=load, env=env, params=params or {})
    return spec, [*found, *more]


def check_text(text: str, env: str | None = None, params: dict[str, str] | None = None) -> tuple[Spec | None, list[Diagnostic]]:
    """Parses and checks a text that imports nothing."""
    file, found = parse(SourceFile("spec.mlspec", text))
    if file is None or found:
        return None, found
    spec, more = check_spec(file, load=lambda name: None, env=env, params=params or {})
    return spec, [*found, *more]


def render(found: list[Diagnostic]) -> str:
    """Findings as lines: place, code and message, then what stands below it."""
    lines: list[str] = []
    for finding in found:
        place = "-" if finding.span is None else "{}:{}".format(*finding.span.position)
        text = "" if finding.span is None else " ".join(finding.span.text.split())[:60]
        lines.append(f"{place} {finding.code.id} {finding.severity}: {finding.message}  [{text}]")
        for label in ("expected", "found", "help"):
            lines += [f"    {label}: {line}" for line in getattr(finding, label).split("\n") if line]
        lines += [f"    note: {note.message} [{note.span!r}]" for note in finding.notes]
        lines += [f"    edit: {edit.span.text!r} -> {edit.text!r}" for edit in finding.edits]
    return "\n".join(lines) + "\n" if lines else ""
