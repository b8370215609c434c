"""Feature values of literal rows by both evaluators of a run, which must agree, and then through the fitted steps of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlspec.runtime import query
from mlspec.runtime.errors import StageError
from mlspec.runtime.prepare import sql
from mlspec.runtime.prepare.online import compile_row, compile_rows, out_of_range
from mlspec.runtime.rehearse import called
from mlspec.runtime.rehearse.given import Disagreement, Faulty, Given
from mlspec.runtime.rehearse.rows import Tables
from mlspec.runtime.table import ROW

if TYPE_CHECKING:
    import duckdb

    from mlspec.runtime.extern.pool import Externs
    from mlspec.runtime.transform.columns import Column
    from mlspec.runtime.transform.target import Target

Feature = Mapping[str, Any]
Values = list[Any]


def secret(name: str) -> str:
    """In a test a secret's value is its name: a test needs no vault, and gives the same digest everywhere."""
    return name


def row_values(
    tables: Tables, forms: Mapping[str, Any], given: Given, learned: bool, externs: Externs | None = None
) -> dict[str, Values]:
    """The values of row expressions for each literal row, as far as the first fitted step; `Faulty` where one leaves its range."""
    rows = given.rows(learned)
    if not rows:
        return {path: [] for path in forms}
    records = [given.record(row) for row in rows]
    if externs is None:
        online = _online(forms, records)
        batch = _batch(tables, forms, given.each(learned), len(rows))
    else:
        online = called.online(forms, records, externs, secret)
        batch = called.batch(tables.connection, forms, given.each(learned), len(rows), externs, secret)
    for path in forms:
        for row, (one, other) in enumerate(zip(batch[path], online[path], strict=True)):
            if not _same(one, other):
                raise Disagreement(path, row, _plain(one), _plain(other))
    return online


def _online(forms: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> dict[str, Values]:
    together = compile_rows(forms, "", secret)
    try:
        lines = [together(record) for record in records]
        return {path: [line[path] for line in lines] for path in forms}
    except StageError:
        return {path: [_online_of_one(path, form, record) for record in records] for path, form in forms.items()}


def _online_of_one(path: str, form: Any, record: Mapping[str, Any]) -> Any:
    try:
        return compile_row(form, path, secret)(record)
    except StageError as error:
        return Faulty(error)


def _batch(tables: Tables, forms: Mapping[str, Any], view: str, rows: int) -> dict[str, Values]:
    import duckdb

    connection = tables.connection
    text = tables.text(f"values {view} {forms!r}", lambda: sql.compile_query(forms, view, "", secret))
    try:
        found = connection.execute(text).fetchall()
        found.sort(key=lambda line: int(line[0]))
        return {path: [line[place] for line in found] for place, path in enumerate(forms, 1)}
    except (duckdb.OutOfRangeException, duckdb.InvalidInputException, duckdb.ConversionException):
        return {path: [_batch_of_one(connection, path, form, view, row) for row in range(rows)] for path, form in forms.items()}


def _batch_of_one(connection: duckdb.DuckDBPyConnection, path: str, form: Any, view: str, row: int) -> Any:
    """The value of one row alone, where some row of them all has none."""
    import duckdb

    one = query.select(None, view, where=query.binary("==", query.name(ROW), row))
    try:
        found = connection.execute(query.render(sql.compile_query({"value": form}, one, path, secret))).fetchone()
        return None if found is None else found[1]
    except (duckdb.OutOfRangeException, duckdb.InvalidInputException, duckdb.ConversionException):
        error = out_of_range("number")
        return Faulty(StageError("MLS805", f"`{path}` leaves the range of its type", path, expected=error.expected,
                                 found=f"row {row + 1}", help=error.help))  # fmt: skip


def _same(batch: Any, online: Any) -> bool:
    if isinstance(batch, Faulty) or isinstance(online, Faulty):
        return isinstance(batch, Faulty) and isinstance(online, Faulty)
    if isinstance(batch, datetime) and batch.tzinfo is None:
        batch = batch.replace(tzinfo=UTC)
    return bool(batch == online and type(batch) is type(online))


def _plain(value: Any) -> Any:
    return value.error.code if isinstance(value, Faulty) else value


def fitted_values(
    path: str, feature: Feature, tested: Values, learned: Values, target: Target | None, unknown: str
) -> list[Any]:
    """The tested values as a model sees them, the steps fitted on the learned ones: a number, or a list where a feature spreads out."""
    import numpy as np

    from mlspec.runtime.transform.chain import fit_transform
    from mlspec.runtime.transform.target import Target

    name = str(feature["name"])
    if target is None and any(step["op"] == "target_rate" for step in feature["fitted"]):
        raise StageError("MLS214", f"`{path}` learns from the label, and a row of `fit` lacks it", path, expected="the label in every row of `fit`",
                         found="none", help="give the label's column in each `row(…)` of `fit`")  # fmt: skip
    learnable = target if target is not None else Target("regression", np.zeros(len(learned)))
    transform, _ = fit_transform([feature], {name: _column(feature, learned)}, learnable, unknown)
    matrix = transform.apply({name: _column(feature, tested)})
    own = [place for place, title in enumerate(matrix.names) if title != f"{name}.missing"]
    lines = [[_number(line[place]) for place in own] for line in matrix.numbers.tolist()]
    return lines if feature.get("vector") else [line[0] for line in lines]


def as_often(values: Sequence[Any], rows: Sequence[Mapping[str, Any]]) -> Values:
    """The value of each literal row as often as the test says, as a fitted step counts them; the checker allows a million rows."""
    return [value for value, row in zip(values, rows, strict=True) for _ in range(int(row["times"]))]


def _column(feature: Feature, values: Values) -> Column:
    from mlspec.runtime.transform.columns import column_of

    return column_of(feature, values)


def _number(value: float) -> float | None:
    return None if value != value else value


def target_of(label: Mapping[str, Any] | None, rows: Sequence[Mapping[str, Any]], where: str) -> Target | None:
    """The label of the learned rows, each as often as the test says; None where there is none, or a row lacks it."""
    if label is None or not rows:
        return None
    found = [row["values"].get(label["column"]) for row in rows]
    if any(value is None for value in found):
        return None
    import numpy as np

    from mlspec.runtime.train.labels import encode_labels
    from mlspec.runtime.transform.target import Target

    known = {**label, "classes": list(label.get("classes") or sorted(set(found)))} if label["task"] != "regression" else label
    y = np.asarray(encode_labels(found, known, where), dtype=np.float64).repeat([int(row["times"]) for row in rows])
    return Target(str(label["task"]), y, max(len(known.get("classes") or ()), 2))
