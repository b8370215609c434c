"""From the records of a request to feature values: the online evaluator over all features of a package at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlspec.runtime.errors import StageError
from mlspec.runtime.image.render import column_of_form, is_image, renderer

if TYPE_CHECKING:
    from mlspec.runtime.extern.pool import Externs

RecordFunction = Callable[[Mapping[str, Any]], dict[str, Any]]
RecordsFunction = Callable[[Sequence[Mapping[str, Any]]], list[dict[str, Any]]]


def features_function(
    features: Sequence[Mapping[str, Any]], where: str, externs: Externs | None = None, columns: Sequence[Mapping[str, Any]] = ()
) -> RecordsFunction:
    """A function from records to `{feature: value}` for each; a column that a record lacks is null.

    `columns` describe what records hold: what images among them may be.
    """
    pictures = {str(feature["name"]): feature for feature in features if is_image(feature)}
    plain = _plain_function([feature for feature in features if feature["name"] not in pictures], where, externs)
    if not pictures:
        return plain
    renders = {name: (column_of_form(each["value"]), renderer(each, columns, where)) for name, each in pictures.items()}

    def evaluate(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        rows = plain(records)
        for record, row in zip(records, rows, strict=True):
            row.update({name: render(_given(record, column, where)) for name, (column, render) in renders.items()})
        return rows

    return evaluate


def _given(record: Mapping[str, Any], column: str, where: str) -> bytes:
    """The encoded image of a record; StageError MLS804 where it has none."""
    data = record.get(column)
    if not isinstance(data, bytes | bytearray):
        raise StageError("MLS804", f"a row has no image in `{column}`", where, expected="an encoded image", found="null",
                         help="leave the row out")  # fmt: skip
    return bytes(data)


def _plain_function(features: Sequence[Mapping[str, Any]], where: str, externs: Externs | None) -> RecordsFunction:
    """What is no image."""
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
