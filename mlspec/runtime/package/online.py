"""From the records of a request to feature values: the online evaluator over all features of a package at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlspec.runtime.errors import StageError

if TYPE_CHECKING:
    from mlspec.runtime.extern.pool import Externs

RecordFunction = Callable[[Mapping[str, Any]], dict[str, Any]]
RecordsFunction = Callable[[Sequence[Mapping[str, Any]]], list[dict[str, Any]]]


def features_function(features: Sequence[Mapping[str, Any]], where: str, externs: Externs | None = None) -> RecordsFunction:
    """A function from records to `{feature: value}` for each; a column that a record lacks is null."""
    from mlspec.runtime.prepare.online import compile_rows

    def no_secret(name: str) -> str:
        raise StageError(
            "MLS901", f"a model that reads a feature keyed with the secret `{name}` is not built yet", where,
            expected="features that need no secret where the model is served", found=f"`hmac` with `{name}`",
            help="tag the feature `@audit`, or leave it out of the model's features",
        )  # fmt: skip

    forms = {str(feature["name"]): feature["value"] for feature in features}
    if externs is not None:
        from mlspec.runtime.extern.online import compile_many

        return compile_many(forms, externs, where, no_secret)
    one = compile_rows(forms, where, no_secret)
    return lambda records: [one(record) for record in records]
