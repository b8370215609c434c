"""The stage `verify`: every named check of a source, its value against what it demands; MLS803 for each that fails.

A check is a Boolean expression over aggregates of all rows. Aggregates are computed in one scan; what is around them is
evaluated by the same operations as row expressions, on one row that holds the aggregates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.runtime import files, query, table
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import SeveralErrors, StageError
from mlspec.runtime.extern.batch import of_stage, with_results
from mlspec.runtime.extern.declaration import declared
from mlspec.runtime.prepare.online import compile_row
from mlspec.runtime.verify import examples
from mlspec.runtime.verify.aggregates import Aggregates
from mlspec.runtime.verify.partners import open_partner
from mlspec.runtime.verify.wording import show, value_text
from mlspec.runtime.wording import text_of

if TYPE_CHECKING:
    import duckdb


def run(context: StageContext) -> None:
    """Write `checks`, or raise one error that holds every failed check."""
    config = context.config
    rows = table.rows_path(context.input("rows"))
    work = context.resume_dir("verify")
    called = declared(config["checks"])
    others = {name: table.rows_path(folder) for name, folder in _others(context)}
    session = table.session([rows, *others.values()], [work], work, memory=context.memory)
    with session as connection, table.watched(connection, context.progress):
        if called:
            config, rows = _with_externs(context, connection, rows, work)
        connection.execute(f"CREATE TEMP VIEW rows AS {query.render(query.select(None, query.read_parquet(str(rows))))}")
        for name, path in others.items():
            open_partner(connection, name, path)
        found = Aggregates(f"{config['source']}")
        reduced = [(check, found.reduce(check["expression"])) for check in config["checks"]]
        values = found.compute(connection)
        results = [_result(context, check, form, values, found) for check, form in reduced]
        for result, (check, _) in zip(results, reduced, strict=True):
            if not result["passed"]:
                failing = examples.failing_rows(connection, check["expression"], config, f"{config['source']}.{check['name']}")
                result["failed_rows"], result["examples"] = failing
    failed = [result for result in results if not result["passed"]]
    if failed:
        errors = [_error(str(config["source"]), result) for result in failed]
        raise errors[0] if len(errors) == 1 else SeveralErrors(errors)
    read = list(table.head(context.input("rows"))["files"])
    results += [_left_out(file["path"], file["left_out"]) for file in read if "left_out" in file]
    files.write_json(context.output("checks") / "metrics.json", {"checks": results, "files": read})
    context.progress(1, 1, f"{len(results)} checks hold")


def _left_out(folder: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """What a source of images leaves out as it was allowed to, told among its checks: never in silence."""
    return {
        "name": f"images of {folder}", "passed": True, "value": f"{found['rows']:,} of {found['of']:,} rows left out",
        "expected": f"at most {found['allowed']:.2%} with an image that cannot be read", "failed_rows": found["rows"], "examples": found["examples"],
    }  # fmt: skip


def _with_externs(
    context: StageContext, connection: duckdb.DuckDBPyConnection, rows: Path, work: Path
) -> tuple[dict[str, Any], Path]:
    """(the config with columns in place of calls of externs, the rows with what they gave)."""
    config = context.config
    columns = [str(column["name"]) for column in table.head(context.input("rows"))["columns"]]
    forms = {check["name"]: check["expression"] for check in config["checks"]}
    with of_stage(context, declared(config["checks"])) as externs:
        forms, rows = with_results(connection, forms, rows, work, externs, str(config["source"]), keep=columns)
    checks = [{**check, "expression": forms[check["name"]], "text": text_of(check["expression"])} for check in config["checks"]]
    return {**config, "checks": checks}, rows


def _others(context: StageContext) -> Iterator[tuple[str, Path]]:
    """The other sources whose columns the checks look into, with their rows."""
    for name, folder in context.inputs().items():
        kind, _, source = name.partition(".")
        if kind == "references":
            yield source, folder


def _result(
    context: StageContext, check: Mapping[str, Any], form: Any, values: Mapping[str, Any], found: Aggregates
) -> dict[str, Any]:
    where = f"{context.config['source']}.{check['name']}"
    outcome = compile_row(form, where)(values)
    return {
        "name": check["name"], "passed": outcome is True, "value": value_text(form, {**values, **found.shown}, found.labels),
        "expected": check.get("text") or text_of(check["expression"]), "failed_rows": 0, "examples": [],
    }  # fmt: skip


def _error(source: str, result: Mapping[str, Any]) -> StageError:
    return StageError(
        "MLS803", f"the check `{result['name']}` of source `{source}` failed", f"{source}.{result['name']}",
        expected=result["expected"], found=show(result["value"]), help="fix the data, or change the check if it asks too much",
        examples=result["examples"],
    )  # fmt: skip
