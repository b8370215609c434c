"""From the records of a request to feature values: the online evaluator over all features of a package at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

RecordFunction = Callable[[Mapping[str, Any]], dict[str, Any]]


def features_function(features: Sequence[Mapping[str, Any]], where: str) -> RecordFunction:
    """A function from a record to `{feature: value}`; a column that the record lacks is null."""
    from mlspec.runtime.prepare.online import compile_rows

    return compile_rows({str(feature["name"]): feature["value"] for feature in features}, where)
