"""Scoring a file: read and typed like a source, scored through the online evaluator, written whole or not at all.

The same function answers requests, so a row has the same score here and there, bit for bit.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlspec.runtime import files, table
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.score.output import open_output
from mlspec.runtime.serve.served import ServedPackage

BATCH = 5_000
EXAMPLES = 5
COLUMNS = ("score", "decision")
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """What was written: rows, how often each decision, and where."""

    rows: int
    decisions: Mapping[str, int]
    path: Path


def score_file(
    package: ServedPackage, config: Mapping[str, Any], project_root: Path, on_progress: OnProgress | None = None
) -> ScoreResult:
    """Score the input of a score config and write its output: key columns, then score and decision.

    The package's columns are verified as in a source: StageError MLS802, 804, 805, 211 or 316 with example rows, and nothing is
    written. An output that is there already is replaced by one rename at the end.
    """
    name = str(config["name"])
    wanted = _wanted(config, name)
    keys = [str(key) for key in config.get("keys") or ()]
    target = project_root / str(config["output"]["path"])
    scratch = files.make_folder(project_root / ".mlspec" / "score")
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=scratch) as work:
        rows = _extract(package, config, keys, project_root, Path(work))
        return _score(package, rows, keys, wanted, target, str(config["output"]["format"]), name, on_progress)


def _wanted(config: Mapping[str, Any], name: str) -> list[str]:
    wanted = [str(column) for column in config.get("columns") or COLUMNS]
    odd = [column for column in wanted if column not in COLUMNS]
    if odd:
        raise StageError(
            "MLS105", f"batch scoring writes no column `{odd[0]}`", f"{name}.columns", expected="score, decision", found=odd[0],
            help="key columns go into `keys`",
        )  # fmt: skip
    return wanted


def _extract(package: ServedPackage, config: Mapping[str, Any], keys: Sequence[str], root: Path, work: Path) -> Path:
    """The input as a verified table; a key that the model does not read is taken as the file has it."""
    from mlspec.runtime.extract import run

    held = {column["name"]: dict(column) for column in package.columns}
    kinds = _file_types(root, config["input"])
    for key in keys:
        held.setdefault(key, {"name": key, "type": kinds.get(key, "string"), "optional": True})
    columns = [{**column, "tags": [tag for tag in column.get("tags", ()) if tag != "key"]} for column in held.values()]
    given = {**config["input"], "source": config["input"].get("source", config["name"]), "columns": columns}
    context = StageContext(
        stage_id=f"{config['name']}-score", kind="extract", block=str(config["name"]), config=given, project_root=root,
        input_folders={}, output_root=work / "out", resume_root=work / "resume",
    )  # fmt: skip
    run(context)
    return table.rows_path(work / "out" / "rows")


def _file_types(root: Path, config: Mapping[str, Any]) -> dict[str, str]:
    """The types that a parquet file itself gives its columns; text formats give none."""
    if config["format"] != "parquet":
        return {}
    import pyarrow.parquet as pq
    import pyarrow.types as kinds

    found = {}
    for path in sorted(root.glob(str(config["paths"][0])))[:1]:
        for field in pq.read_schema(path):
            if kinds.is_integer(field.type):
                found[field.name] = "int"
            elif kinds.is_date(field.type):
                found[field.name] = "date"
            elif kinds.is_timestamp(field.type):
                found[field.name] = "timestamp"
    return found


def _score(
    package: ServedPackage, rows: Path, keys: Sequence[str], wanted: Sequence[str], target: Path, form: str, name: str,
    on_progress: OnProgress | None,
) -> ScoreResult:  # fmt: skip
    import pyarrow as pa
    import pyarrow.parquet as pq

    count = 0
    decisions: dict[str, int] = {}
    with pq.ParquetFile(rows) as file, open_output(target, form, name) as output:
        total = file.metadata.num_rows
        for batch in file.iter_batches(table.rows_at_once(file.metadata, BATCH)):
            records = batch.to_pylist()
            scored = _scored(package, records, count, name)
            columns = {key: batch.column(key) for key in keys} | _columns(package, scored, wanted)
            output.write(pa.table(columns))
            count += len(records)
            if package.task != "regression":
                for decision in scored.decision:
                    decisions[str(decision)] = decisions.get(str(decision), 0) + 1
            if on_progress is not None:
                on_progress(count, total)
        if count == 0:
            raise StageError(
                "MLS816", f"the input of `{name}` has 0 rows", f"{name}.input", expected="at least 1 row", found="0 rows",
                help="check the path of `input`",
            )  # fmt: skip
    return ScoreResult(count, dict(sorted(decisions.items())), target)


def _scored(package: ServedPackage, records: list[dict[str, Any]], start: int, name: str) -> Any:
    """Scores of a batch; a refusal names the rows that cause it."""
    for record in records:
        record.pop(table.ROW, None)
    try:
        return package.score(records)
    except StageError as error:
        bad = list(_refused(package, records, start))
        raise StageError(
            error.code, f"the model refuses {len(bad) or 'some'} of the rows {start} to {start + len(records) - 1}: {error.message}",
            f"{name}.input", expected=error.expected, found=error.found, help=error.help, examples=bad[:EXAMPLES],
        ) from error  # fmt: skip


def _refused(package: ServedPackage, records: list[dict[str, Any]], start: int) -> Iterator[str]:
    """The rows that the package refuses one by one; rows only, no values."""
    for place, record in enumerate(records):
        try:
            package.score([record])
        except StageError as error:
            yield f"row {start + place}: {error.code}"


def _columns(package: ServedPackage, scored: Any, wanted: Sequence[str]) -> dict[str, Any]:
    """The score (one column a class where there are many) and the decision."""
    import numpy as np
    import pyarrow as pa

    score = np.asarray(scored.score, dtype=np.float64)
    found: dict[str, Any] = {}
    for column in wanted:
        if column == "decision":
            found["decision"] = pa.array(list(scored.decision))
        elif score.ndim == 2:
            for place, value in enumerate(package.classes or ()):
                found[f"score.{value}"] = pa.array(score[:, place])
        else:
            found["score"] = pa.array(score)
    return found
