"""What a model makes of the texts that it reads, for the report: loss by length, and the words that move its score most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlspec.runtime.report.shown import decimal


def texts_part(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """The entry of one `evaluate` block, None where it did not ask for texts."""
    own = found.get("texts")
    if own is None:
        return None
    share = found["label"]["task"] in ("binary", "multiclass")
    return {"problem": own["problem"], "rows": own["rows"], "features": [_feature(entry, share) for entry in own["features"]]}


def _feature(entry: Mapping[str, Any], share: bool) -> dict[str, Any]:
    return {
        **{key: entry[key] for key in ("feature", "problem", "tried")},
        "lengths": [_length(row) for row in entry["lengths"]],
        "words": [_word(row, share) for row in entry["words"]],
        "classes": any(row["class"] for row in entry["words"]),
        "wrong": any(row["wrong"] is not None for row in entry["lengths"]),
    }


def _length(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "words": row["words"], "n": row["n"], "loss": decimal(row["loss"]), "span": f"{decimal(row['low'])} to {decimal(row['high'])}",
        "wrong": "" if row["wrong"] is None else f"{row['wrong']:.1%}",
    }  # fmt: skip


def _word(row: Mapping[str, Any], share: bool) -> dict[str, Any]:
    shown = _points if share else _signed
    span = "" if row["low"] is None else f"{shown(row['low'])} to {shown(row['high'])}"
    return {"word": row["word"], "n": row["n"], "class": row["class"], "value": shown(row["value"]), "span": span}


def _points(value: float) -> str:
    return f"{value * 100:+.1f}"


def _signed(value: float) -> str:
    return decimal(value) if value < 0 else f"+{decimal(value)}"
