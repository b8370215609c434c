"""Changes as GitHub workflow commands, which the pull request shows at their lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlspec.diagnostics.escape import escape
from mlspec.diff.change import Change
from mlspec.diff.page import FileDiff, again
from mlspec.diff.render.sarif import level_of, path_of

if TYPE_CHECKING:
    from mlspec.diagnostics import Diagnostic

_WORDS = {"error": "error", "warning": "warning", "note": "notice"}


def render(files: Sequence[FileDiff]) -> str:
    """One command a change; cosmetic ones are left out."""
    lines = [_command(change) for file in files for change in file.comparison.changes if change.effect != "cosmetic"]
    for file in files:
        if file.status == "failed":
            lines += [_failure(file, found) for found in file.diagnostics]
    return "".join(line + "\n" for line in lines)


def _failure(file: FileDiff, found: Diagnostic) -> str:
    """Why a file could not be compared, at its line where it has one."""
    title = f"title={_property('mlspec diff')}"
    if found.span is None:
        return f"::error {title}::{_data(escape(f'{file.path}: {found.code.id} {found.message}'))}"
    place = f"file={_property(escape(path_of(found.span)))},line={found.span.position[0]}"
    return f"::error {place},{title}::{_data(escape(f'cannot be compared: {found.code.id} {found.message}'))}"


def _command(change: Change) -> str:
    properties = [f"title={_property(escape(f'{change.effect}: {change.where}'))}"]
    span = change.new_span
    if span is not None:
        properties = [f"file={_property(escape(path_of(span)))}", f"line={span.position[0]}", *properties]
    command = "notice" if change.waived is not None else _WORDS[level_of(change)]
    return f"::{command} {','.join(properties)}::{_data(message_of(change))}"


def message_of(change: Change) -> str:
    """What changed, why it matters and what runs again, in lines that nothing of the spec can break."""
    values = (
        f"{change.old} → {change.new}"
        if change.old and change.new
        else f"gone: {change.old}"
        if change.old
        else f"new: {change.new}"
    )
    said = [values, change.reasons, f"the new spec has {change.code} here" if change.code else "", again(change.stages)]
    return "\n".join(escape(text) for text in said if text)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
