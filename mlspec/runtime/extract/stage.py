"""The stage `extract`: the files of a source, typed and verified, as one table in path-then-row order.

One scan writes the rows and marks those that break the declaration; only where there is one, a second counts and finds examples.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.runtime import files, query, table
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import SeveralErrors, StageError
from mlspec.runtime.extract import images, limits, typed, violations
from mlspec.runtime.extract.paths import DataFile, beside, check_unchanged, find_files
from mlspec.runtime.extract.reader import Input, Reader, name_in_data, open_input, unreadable
from mlspec.runtime.extract.sample import write_sample

if TYPE_CHECKING:
    import duckdb

FILE, LINE = "__file", "__line"


@dataclass(frozen=True, slots=True)
class Load:
    """A source being read: its readers in path order, joined into one relation of `value<i>`, `given<i>` and `raw<i>`."""

    source: str
    connection: duckdb.DuckDBPyConnection
    columns: Sequence[Mapping[str, Any]]
    data: Sequence[DataFile]
    readers: Sequence[Reader]

    def relation(self) -> query.Sql:
        """The rows of all files."""
        parts = [_typed_rows(place, self.columns, reader) for place, reader in enumerate(self.readers)]
        return query.union_all(parts)


def run(context: StageContext) -> None:
    """Read, verify, write `rows`, and `sampled` when the config asks for a sample."""
    config = context.config
    source = str(config["source"])
    data = find_files(context.project_root, [str(path) for path in config["paths"]], f"{source}.from")
    logs = beside(context.project_root, data, str(config["format"]), f"{source}.from")
    work = context.resume_dir("extract")
    attach = data[0].path if config["format"] == "duckdb" else None
    session = table.session(
        [file.path for file in data], [work, context.output_root], work, attach=attach, memory=context.memory
    )
    with session as connection, table.watched(connection, context.progress):
        load = open_load(config, connection, data, work)
        folder = context.output("rows")
        target = (work if config["format"] == "images" else folder) / table.ROWS
        rows = _write(load, target)
        check_unchanged([*data, *logs], f"{source}.from")
        _check_keys(load, target)
        read: list[dict[str, Any]] = [file.to_json() for file in [*data, *logs]]
        if config["format"] == "images":
            rows, said = images.write_images(context, config["columns"], target, folder / table.ROWS)
            read.append(said)
        table.finish_table(folder, config["columns"], rows, read)
        context.progress(1, 1, f"{rows:,} rows")
        if config.get("sample") is not None:
            write_sample(context, connection, folder)


def open_load(config: Mapping[str, Any], connection: duckdb.DuckDBPyConnection, data: Sequence[DataFile], work: Path) -> Load:
    """The readers of the files of a source, with the columns that it declares."""
    source, kind, columns = str(config["source"]), str(config["format"]), list(config["columns"])
    if kind == "images":
        kind, columns = images.index_format(data[0].name, f"{source}.from"), images.as_paths(columns)
    readers = []
    for file in data:
        item = Input(
            file, f"{source}.from", config.get("options") or {}, columns, work, config.get("table"), config.get("query")
        )  # fmt: skip
        limits.check_ratio(file, source)
        reader = open_input(connection, kind, item)
        limits.check_columns(len(reader.columns()), file, source)
        _check_columns(source, file, columns, list(reader.columns()))
        readers.append(reader)
    return Load(source, connection, columns, data, readers)


def _check_columns(source: str, file: DataFile, columns: Sequence[Mapping[str, Any]], found: Sequence[str]) -> None:
    missing = [column for column in columns if name_in_data(column) not in found]
    if missing:
        raise SeveralErrors([_missing_column(source, file, column, found) for column in missing])


def _missing_column(source: str, file: DataFile, column: Mapping[str, Any], found: Sequence[str]) -> StageError:
    name = name_in_data(column)
    folded = {item.lower(): item for item in found}
    near = difflib.get_close_matches(name.lower(), list(folded), 1, 0.6)
    columns = f"its columns: {', '.join(found[:12])}" if found else "none of the declared columns"
    hint = f"the nearest column of the file is `{folded[near[0]]}`" if near else columns
    return StageError(
        "MLS316", f"the file `{file.name}` has no column `{name}`", f"{source}.{column['name']}", expected=f"a column named `{name}`",
        found=hint, help="correct the declared name, or say with `@named(\"…\")` what the file calls the column",
    )  # fmt: skip


def _typed_rows(place: int, columns: Sequence[Mapping[str, Any]], reader: Reader) -> Any:
    kinds = reader.columns()
    items: dict[str, Any] = {FILE: place, LINE: query.window(query.call("row_number"))}
    for index, column in enumerate(columns):
        raw, kind = query.name(name_in_data(column)), kinds[name_in_data(column)]
        items[f"value{index}"] = typed.typed(column, raw, kind)
        items[f"given{index}"] = typed.present(raw, kind)
        items[f"raw{index}"] = typed.shown(raw, kind)
    return query.select(items, reader.relation())


def _write(load: Load, target: Path) -> int:
    """Write the rows and return their number; every broken rule, every malformed record and a file that cannot be read is an error.

    A row that breaks a rule is written without its number, so the file's own statistics say whether there is one.
    """
    import duckdb

    try:
        rows = table.write_parquet(load.connection, _numbered(load), target)
        if rows <= limits.MAX_ROWS and not _unnumbered(target) and not malformed(load):
            return rows
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:
        files.remove_tree(target)
        _verify(load)  # tells what is wrong with the input; what remains is no fault of it
        raise
    files.remove_tree(target)
    _verify(load)
    raise AssertionError("a row was marked as broken that breaks no rule")


def _unnumbered(path: Path) -> int:
    """How many rows of a written table have no number, from the statistics in its footer."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        chunks = [file.metadata.row_group(group).column(0) for group in range(file.metadata.num_row_groups)]
    return sum(chunk.statistics.null_count for chunk in chunks)


def _verify(load: Load) -> None:
    """One scan that counts; examples are looked up only for what is broken."""
    import duckdb

    rules = violations.rules(load.columns)
    statement = query.select(violations.counted(rules), query.table(load.relation(), "data"))
    try:
        # All of the result: the engine files the refused records when the scan is finished, not before.
        counts = load.connection.execute(query.render(statement)).fetchall()[0]
    except duckdb.Error as error:
        if isinstance(error, duckdb.OutOfMemoryException):
            raise
        raise unreadable(Input(load.data[0], f"{load.source}.from", {}, (), Path()), error, "well-formed records") from error
    rows = int(counts[0])
    limits.check_rows(rows, load.source)
    errors = [*malformed(load)]
    for rule, count in zip(rules, counts[1:], strict=True):
        if count:
            errors.append(violations.error_of(rule, load.source, int(count), rows, _examples(load, rule)))
    if errors:
        raise errors[0] if len(errors) == 1 else SeveralErrors(errors)


def malformed(load: Load) -> list[StageError]:
    """What the readers refused of the records, as one error; known once all were scanned."""
    problems = [problem for reader in load.readers for problem in reader.problems()]
    if not problems:
        return []
    return [
        StageError(
            "MLS802", f"{_counted(len(problems), 'record')} of `{load.source}` malformed", f"{load.source}.from",
            expected="as many values in each record as the header has names, quotes closed",
            found=problems[0].reason, help="fix these lines, or set the `delimiter` of the source",
            examples=[f"{problem.place}: {problem.reason}" for problem in problems[: violations.EXAMPLES]],
        )
    ]  # fmt: skip


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def _examples(load: Load, rule: violations.Rule) -> list[str]:
    shown = {FILE: query.name(FILE), LINE: query.name(LINE), "raw": query.name(f"raw{rule.place}")}
    statement = query.select(shown, query.table(load.relation(), "data"), where=rule.broken).limit(
        violations.EXAMPLES, copy=False
    )
    masked = violations.is_masked(rule.column)
    found = load.connection.execute(query.render(statement)).fetchall()
    return [f"{load.data[file].name} row {line}: {_show(raw, masked)}" for file, line, raw in found]


def _show(raw: str | None, masked: bool) -> str:
    if raw is None:
        return "null"
    if masked:
        return "(masked)"
    return repr(raw if len(raw) <= 80 else f"{raw[:77]}…")


def _numbered(load: Load) -> Any:
    number = query.binary("-", query.window(query.call("row_number")), 1)
    broken = _any([rule.broken for rule in violations.rules(load.columns)])
    items: dict[str, Any] = {table.ROW: query.case((broken, None), default=number)}
    items.update({str(column["name"]): query.name(f"value{place}") for place, column in enumerate(load.columns)})
    return query.select(items, query.table(load.relation(), "data")).limit(limits.MAX_ROWS + 1, copy=False)


def _any(conditions: Sequence[query.Sql]) -> query.Sql:
    """Whether one of the conditions holds, halved again and again: thousands in a row would be nested too deep."""
    if len(conditions) == 1:
        return conditions[0]
    middle = len(conditions) // 2
    return query.binary("or", _any(conditions[:middle]), _any(conditions[middle:]))


def key_columns(columns: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The columns tagged `@key`; together they name a row."""
    return [column for column in columns if "key" in column.get("tags", ())]


def _check_keys(load: Load, rows: Path) -> None:
    keys = key_columns(load.columns)
    if not keys:
        return
    names = [str(column["name"]) for column in keys]
    values = {name: query.name(name) for name in names}
    groups = query.select({**values, "times": query.call("count_star"), "first": query.call("min", query.name(table.ROW))},
                          query.read_parquet(str(rows)))  # fmt: skip
    groups = groups.group_by(*values.values(), copy=False).having(query.binary(">", query.call("count_star"), 1), copy=False)
    load.connection.execute(f"CREATE TEMP TABLE repeated AS {query.render(groups)}")
    count, extra = load.connection.execute(
        "SELECT count(*), CAST(coalesce(sum(times), 0) AS BIGINT) FROM repeated"
    ).fetchone() or (0, 0)
    if not count:
        return
    found = load.connection.execute("SELECT * FROM repeated ORDER BY first LIMIT 5").fetchall()
    masked = any(violations.is_masked(column) for column in keys)
    examples = [
        f"{'(masked)' if masked else ', '.join(str(item) for item in row[:-2])}: {row[-2]} times, first in row {row[-1]}"
        for row in found
    ]
    raise StageError(
        "MLS806", f"{_counted(count, 'value')} of the key of `{load.source}` repeated, in {extra:,} rows", f"{load.source}.{names[0]}",
        expected="each key once", found=examples[0], help="remove the repeated rows, or tag another column as `@key`", examples=examples,
    )  # fmt: skip
