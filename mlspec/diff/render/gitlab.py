"""Changes as a Code Quality report of GitLab, which the merge request shows at their lines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlspec.diff.change import Change
from mlspec.diff.page import FileDiff
from mlspec.diff.render.github import message_of

if TYPE_CHECKING:
    from mlspec.source import Span

_SEVERITIES = {
    "breaking": "blocker", "loosening": "critical", "behaviour": "major", "tightening": "minor", "additive": "info",
    "operational": "info",
}  # fmt: skip


def render(files: Sequence[FileDiff]) -> str:
    """A list of issues, one a change; cosmetic ones are left out."""
    from mlspec.diagnostics.render import gitlab

    issues = [_issue(file, change) for file in files for change in file.comparison.changes if change.effect != "cosmetic"]
    failed = [found for file in files for found in file.diagnostics]
    return json.dumps([*json.loads(gitlab.render(failed, [])), *issues], indent=2) + "\n"


def _issue(file: FileDiff, change: Change) -> dict[str, Any]:
    span = change.new_span or change.old_span
    # The same change of two specs is two issues: GitLab shows one of each fingerprint.
    name = hashlib.sha256(f"{file.path}\0{change.fingerprint}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return {
        "check_name": f"diff/{change.rule}",
        "description": f"{change.effect}: {change.where}\n{message_of(change)}",
        "severity": "info" if change.waived is not None else _SEVERITIES[change.effect],
        "fingerprint": name,
        "location": _location(file, span),
    }


def _location(file: FileDiff, span: Span | None) -> dict[str, Any]:
    path, line = (file.path, 1) if span is None else (span.source.path, span.position[0])
    return {"path": path, "lines": {"begin": line}}
