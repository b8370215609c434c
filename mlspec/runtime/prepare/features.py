"""The stage `features`: the row expressions of a features block, for all rows, up to and without their fitted steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlspec.runtime import query, table
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.extern.batch import of_stage, with_results
from mlspec.runtime.extern.declaration import declared
from mlspec.runtime.image.render import is_image
from mlspec.runtime.prepare import sql
from mlspec.runtime.prepare.online import out_of_range
from mlspec.runtime.prepare.pictures import write_pixels

if TYPE_CHECKING:
    import duckdb

PREFIX = "f."


def run(context: StageContext) -> None:
    """Write `values`: `__row`, then one column `f.<feature>` per feature, in feature order and row order."""
    features = context.config["features"]
    rows = table.rows_path(context.input("rows"))
    work = context.resume_dir("features")
    pictures = [feature for feature in features if is_image(feature)]
    forms = {f"{PREFIX}{feature['name']}": feature["value"] for feature in features if feature not in pictures}
    where = context.block
    called = declared(features)
    session = table.session([rows], [work, context.output_root], work, memory=context.memory)
    with session as connection, table.watched(connection, context.progress):
        folder = context.output("values")
        if called:
            with of_stage(context, called) as externs:
                forms, rows = with_results(connection, forms, rows, work, externs, where, secret=context.secret)
        statement = sql.compile_query(forms, query.read_parquet(str(rows)), where, context.secret)
        try:
            count = table.write_parquet(connection, statement, (work if pictures else folder) / table.ROWS)
        except Exception as error:
            raise _located(connection, forms, rows, where, error, context.secret) from error
    known = {column["name"]: column for column in table.head(context.input("rows"))["columns"]}
    if pictures:
        write_pixels(context, pictures, list(known.values()), work / table.ROWS, folder / table.ROWS)
    table.finish_table(folder, [_descriptor(feature, known) for feature in features], count)
    context.progress(1, 1, f"{len(features)} features of {count:,} rows")


def _descriptor(feature: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A feature that is a column as it stands keeps the declared values of a closed category: a slice may be one without rows."""
    form = feature["value"]
    values = known.get(str(form[1]), {}).get("values") if form[0] == "col" else None
    described = {
        "name": f"{PREFIX}{feature['name']}", "type": str(feature.get("type", "float")).removesuffix("?"),
        "optional": str(feature.get("type", "")).endswith("?"), "tags": list(feature.get("tags", ())),
        "audit": bool(feature.get("audit")),
    }  # fmt: skip
    return described | ({"values": list(values)} if values else {})


def _located(
    connection: duckdb.DuckDBPyConnection, forms: Mapping[str, Any], rows: Any, where: str, error: Exception, secret: Any
) -> Exception:
    """The error with the feature and the first row that raise it; any other error as it was."""
    import duckdb

    if not isinstance(error, duckdb.OutOfRangeException | duckdb.InvalidInputException | duckdb.ConversionException):
        return error
    for key, form in forms.items():
        place = f"{where}.{key.removeprefix(PREFIX)}"
        found = _first_failing(connection, form, rows, place, secret)
        if found is not None:
            problem = out_of_range("number")
            return StageError(
                "MLS805", f"the feature `{key.removeprefix(PREFIX)}` leaves the range of its type", place, expected=problem.expected,
                found=f"row {found}", help=problem.help, examples=[f"row {found}"],
            )  # fmt: skip
    return error


def _first_failing(connection: duckdb.DuckDBPyConnection, form: Any, rows: Any, where: str, secret: Any) -> int | None:
    """The number of the first row for which the expression fails, found by halving."""
    total = connection.execute(
        query.render(query.select({"n": query.call("count_star")}, query.read_parquet(str(rows))))
    ).fetchone()
    low, high = 0, int(total[0]) if total else 0
    if not _fails(connection, form, rows, where, secret, low, high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _fails(connection, form, rows, where, secret, low, middle) else (middle, high)
    found = connection.execute(
        query.render(
            query.select({"n": query.name(table.ROW)}, query.read_parquet(str(rows)))
            .limit(1, copy=False)
            .offset(low, copy=False)
        )
    ).fetchone()
    return int(found[0]) if found else None


def _fails(connection: duckdb.DuckDBPyConnection, form: Any, rows: Any, where: str, secret: Any, low: int, high: int) -> bool:
    import duckdb

    some = query.select(None, query.read_parquet(str(rows))).limit(high - low, copy=False).offset(low, copy=False)
    statement = sql.compile_query({"value": form}, some, where, secret)
    text = query.render(query.select({"n": query.call("count", query.name("value"))}, statement))
    try:
        connection.execute(text).fetchall()
    except duckdb.Error:
        return True
    return False


def feature_columns(names: Sequence[str]) -> list[str]:
    """The columns of `values` for features by name."""
    return [f"{PREFIX}{name}" for name in names]
