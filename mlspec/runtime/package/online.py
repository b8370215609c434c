"""From the records of a request to feature values: the online evaluator over all features of a package at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlspec.runtime.errors import StageError

RecordFunction = Callable[[Mapping[str, Any]], dict[str, Any]]


def features_function(features: Sequence[Mapping[str, Any]], where: str) -> RecordFunction:
    """A function from a record to `{feature: value}`; a column that the record lacks is null."""
    from mlspec.runtime.prepare.online import compile_rows

    def no_secret(name: str) -> str:
        raise StageError(
            "MLS901", f"a model that reads a feature keyed with the secret `{name}` is not built yet", where,
            expected="features that need no secret where the model is served", found=f"`hmac` with `{name}`",
            help="tag the feature `@audit`, or leave it out of the model's features",
        )  # fmt: skip

    return compile_rows({str(feature["name"]): feature["value"] for feature in features}, where, no_secret)
