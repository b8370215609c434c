"""Comparisons as JSON; `mlspec schema --of diff` prints the schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mlspec.diagnostics import Waived
from mlspec.diff.change import EFFECTS, Change
from mlspec.diff.page import FileDiff
from mlspec.policy.rows import EFFECT_LEVELS
from mlspec.source import Span


def render(files: Sequence[FileDiff]) -> str:
    """One JSON document; keys in a fixed order, so that equal comparisons give equal bytes."""
    return json.dumps(document(files), indent=2, ensure_ascii=True) + "\n"


def document(files: Sequence[FileDiff]) -> dict[str, Any]:
    """The document before it is text."""
    changes = [change for file in files for change in file.comparison.changes]
    return {
        "format": 1,
        "effects": {effect: sum(change.effect == effect for change in changes) for effect in EFFECTS},
        "files": [_file(file) for file in files],
    }


def _file(file: FileDiff) -> dict[str, Any]:
    return {
        "path": file.path,
        "status": file.status,
        "comparable_numbers": not any(change.incomparable for change in file.comparison.changes),
        "stages": file.comparison.stages,
        "errors": [
            *(
                {"code": fault.code, "message": fault.message, "place": place_of(fault.span)}
                for fault in file.comparison.errors
            ),
            *({"code": found.code.id, "message": found.message, "place": place_of(found.span)} for found in file.diagnostics),
        ],
        "changes": [_change(change) for change in file.comparison.changes],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "effect": change.effect,
        "rule": change.rule,
        "where": change.where,
        "old": change.old,
        "new": change.new,
        "why": change.why,
        "security": change.security,
        "comparable_numbers": not change.incomparable,
        "code": change.code or None,
        "fingerprint": change.fingerprint,
        "old_place": place_of(change.old_span),
        "new_place": place_of(change.new_span),
        "stages": change.stages,
        "level": change.level or EFFECT_LEVELS[change.effect],
        "waived": None if change.waived is None else _waived(change.waived),
    }


def _waived(waived: Waived) -> dict[str, Any]:
    """Who accepted a change, why, and until which day."""
    return {
        "waiver": waived.name,
        "owner": waived.owner,
        "reason": waived.reason,
        "expires": waived.expires,
        "place": place_of(waived.span),
    }


def place_of(span: Span | None) -> dict[str, Any] | None:
    """The file, line and column of a span."""
    if span is None:
        return None
    line, column = span.position
    return {"file": span.source.name, "line": line, "column": column}
