"""Extraction: other formats, what is refused, masking, samples, equal bytes from equal data."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlspec.cli.inference.profile import profile_file
from mlspec.runtime import table
from mlspec.runtime.errors import StageError
from mlspec.runtime.extract import run
from mlspec.runtime.extract.database import select_only
from tests.support.stages import run_stage_function

REPOSITORY = Path(__file__).parents[2]
COLUMNS = [
    {"name": "id", "type": "int", "tags": ["key"]},
    {"name": "x", "type": "float", "optional": True},
    {"name": "s", "type": "string"},
]
ROWS = [(1, 0.5, "a"), (2, None, "ü"), (3, 1e300, "")]


def extract(tmp_path: Path, **config: Any) -> Path:
    defaults = {"source": "s", "format": "parquet", "paths": ["a.parquet"], "options": {}, "columns": COLUMNS}
    return run_stage_function(run, tmp_path, "extract", {**defaults, **config}, block="s")


def rows_of(out: Path, name: str = "rows") -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in pq.read_table(out / name / "rows.parquet").to_pylist()]


def failure(tmp_path: Path, **config: Any) -> StageError:
    with pytest.raises(StageError) as caught:
        extract(tmp_path, **config)
    return caught.value


def test_sqlite_by_table_and_by_query(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "a.db")
    database.execute('CREATE TABLE "the rows" (id INTEGER PRIMARY KEY, x REAL, s TEXT)')
    database.executemany('INSERT INTO "the rows" VALUES (?, ?, ?)', ROWS)
    database.commit()
    database.close()
    expected = [(place, *row) for place, row in enumerate(ROWS)]
    assert rows_of(extract(tmp_path, format="sqlite", paths=["a.db"], table="the rows")) == expected
    query = 'SELECT id, x, s FROM "the rows" WHERE id > 1 ORDER BY id DESC'
    assert rows_of(extract(tmp_path, format="sqlite", paths=["a.db"], query=query)) == [(0, *ROWS[2]), (1, *ROWS[1])]
    assert failure(tmp_path, format="sqlite", paths=["a.db"], table="none").code == "MLS801"


def test_sqlite_values_that_do_not_fit_their_declared_type(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "a.db")
    database.execute("CREATE TABLE t (id, x, s)")
    database.executemany("INSERT INTO t VALUES (?, ?, ?)", [(1.0, 1, "a"), ("two", 0.1, b"bytes")])
    database.commit()
    database.close()
    error = failure(tmp_path, format="sqlite", paths=["a.db"], table="t")
    assert (error.code, error.where) == ("MLS802", "s.id")
    assert "a.db row 2: 'two'" in error.examples
    assert any(line.startswith("also MLS802 s.s") for line in error.examples)


@pytest.mark.parametrize(
    "text", ["DELETE FROM t", "SELECT 1; SELECT 2", "ATTACH 'x' AS y", "PRAGMA writable_schema = 1", "(" * 600]
)
def test_only_one_select_is_a_query(text: str) -> None:
    with pytest.raises(StageError) as caught:
        select_only(text, "s.from")
    assert caught.value.code == "MLS316"


def test_duckdb_file(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "a.duckdb")) as database:
        database.execute("CREATE TABLE t (id INTEGER, x DOUBLE, s VARCHAR)")
        database.executemany("INSERT INTO t VALUES (?, ?, ?)", ROWS)
    assert rows_of(extract(tmp_path, format="duckdb", paths=["a.duckdb"], table="t")) == [
        (place, *row) for place, row in enumerate(ROWS)
    ]
    assert len(rows_of(extract(tmp_path, format="duckdb", paths=["a.duckdb"], query="SELECT * FROM t WHERE id < 3"))) == 2


def test_rows_that_are_still_in_the_log_of_a_sqlite_file_are_read(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "a.db")
    assert database.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",)
    database.execute("CREATE TABLE t (id INTEGER, x REAL, s TEXT)")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.executemany("INSERT INTO t VALUES (?, ?, ?)", ROWS)
    database.commit()
    before = {path.name: path.read_bytes() for path in tmp_path.glob("a.db*")}
    assert before["a.db-wal"]
    out = extract(tmp_path, format="sqlite", paths=["a.db"], table="t")
    assert rows_of(out) == [(place, *row) for place, row in enumerate(ROWS)]
    assert [file["path"] for file in table.head(out / "rows")["files"]] == ["a.db", "a.db-wal"]
    assert {path.name: path.read_bytes() for path in tmp_path.glob("a.db*")} == before, "the source is left as it is"
    database.close()


def test_rows_that_are_still_in_the_log_of_a_duckdb_file_are_read(tmp_path: Path) -> None:
    live = tmp_path / "live.duckdb"
    with duckdb.connect(str(live)) as database:
        database.execute("CREATE TABLE t (id INTEGER, x DOUBLE, s VARCHAR)")
        database.execute("CHECKPOINT")
        database.executemany("INSERT INTO t VALUES (?, ?, ?)", ROWS)
        for path in (live, live.with_name("live.duckdb.wal")):
            (tmp_path / path.name.replace("live", "a")).write_bytes(path.read_bytes())
    assert (tmp_path / "a.duckdb.wal").stat().st_size
    out = extract(tmp_path, format="duckdb", paths=["a.duckdb"], table="t")
    assert rows_of(out) == [(place, *row) for place, row in enumerate(ROWS)]
    assert [file["path"] for file in table.head(out / "rows")["files"]] == ["a.duckdb", "a.duckdb.wal"]


def test_a_query_reads_no_other_file(tmp_path: Path) -> None:
    """What the session may read is the declared file alone, whatever a query or a view of the file says."""
    (tmp_path / "other.csv").write_text("id,x,s\n9,9,secret\n", encoding="utf-8")
    with duckdb.connect(str(tmp_path / "a.duckdb")) as database:
        database.execute(f"CREATE VIEW v AS SELECT * FROM read_csv('{tmp_path}/other.csv')")
    for config in ({"table": "v"}, {"query": f"SELECT * FROM read_csv('{tmp_path}/other.csv')"}):
        error = failure(tmp_path, format="duckdb", paths=["a.duckdb"], **config)
        assert error.code == "MLS801"
        assert "secret" not in str(error.to_json())


def test_a_session_is_locked(tmp_path: Path) -> None:
    with table.session([], [tmp_path], tmp_path) as connection:
        for statement in (
            "SELECT * FROM read_text('/etc/hostname')",
            "SET threads = 4",
            "INSTALL httpfs",
            "ATTACH '/etc/x.db'",
            "COPY (SELECT 1) TO '/etc/x'",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(statement)


def test_parquet_types_are_checked_and_never_rounded(tmp_path: Path) -> None:
    data = {
        "id": pa.array([1.0, 2.5, float("nan")]), "x": pa.array([2**53 + 1, 1, 2], pa.int64()), "s": pa.array([1, 2, 3]),
        "t": pa.array([1_000_000_001, 0, 1000], pa.timestamp("ns")),
    }  # fmt: skip
    pq.write_table(pa.table(data), tmp_path / "a.parquet")
    columns = [
        {"name": "id", "type": "int"},
        {"name": "x", "type": "float"},
        {"name": "s", "type": "category"},
        {"name": "t", "type": "timestamp"},
    ]
    error = failure(tmp_path, columns=columns)
    assert error.examples[:2] == ("a.parquet row 2: '2.5'", "a.parquet row 3: 'nan'")
    assert [line.split(":")[0] for line in error.examples[2:]] == ["also MLS802 s.x", "also MLS802 s.t"]


def test_masked_columns_show_rows_and_no_values(tmp_path: Path) -> None:
    pq.write_table(pa.table({"name": ["Anna Muster", None], "sex": ["x", "Female"]}), tmp_path / "a.parquet")
    columns = [
        {"name": "name", "type": "string", "tags": ["pii.direct", "key"]}, {"name": "sex", "type": "category", "values": ["Female", "Male"], "tags": ["protected"]},
    ]  # fmt: skip
    error = failure(tmp_path, columns=columns)
    assert error.code == "MLS804"
    assert "a.parquet row 1: (masked)" in json.dumps(error.to_json())
    assert "'x'" not in json.dumps(error.to_json())
    pq.write_table(pa.table({"name": ["Anna Muster", "Anna Muster"], "sex": ["Male", "Female"]}), tmp_path / "a.parquet")
    error = failure(tmp_path, columns=columns)
    assert error.code == "MLS806"
    assert "Anna" not in json.dumps(error.to_json())


def test_links_and_pipes_are_no_data(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    pq.write_table(pa.table({"id": [1]}), outside / "a.parquet")
    project = tmp_path / "project"
    project.mkdir()
    (project / "link.parquet").symlink_to(outside / "a.parquet")
    (project / "folder").symlink_to(outside)
    os.mkfifo(project / "pipe.parquet")
    for path in ("link.parquet", "folder/a.parquet", "pipe.parquet", "."):
        config = {"source": "s", "format": "parquet", "paths": [path], "options": {}, "columns": COLUMNS[:1]}
        with pytest.raises(StageError) as caught:
            run_stage_function(run, tmp_path, "extract", config, project_root=project)
        assert caught.value.code == "MLS114", path


def test_a_file_that_is_no_parquet(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 but not really PAR1")
    error = failure(tmp_path)
    assert error.code == "MLS801"
    assert str(tmp_path) not in str(error.to_json())


def test_equal_data_gives_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = set()
    for place, zone in enumerate(("UTC", "Asia/Tokyo")):
        monkeypatch.setenv("TZ", zone)
        config = {
            "source": "penguins",
            "format": "csv",
            "paths": ["specs/data/penguins.csv"],
            "options": {},
            "columns": PENGUINS,
            "sample": 0.5,
            "seed": 7,
        }
        out = run_stage_function(run, tmp_path / str(place), "extract", config, project_root=REPOSITORY, block="penguins")
        digests.add(
            tuple(hashlib.sha256((out / name / "rows.parquet").read_bytes()).hexdigest() for name in ("rows", "sampled"))
        )
    assert len(digests) == 1


PENGUINS = [
    {"name": "penguin", "type": "int", "tags": ["key"]}, {"name": "species", "type": "category", "values": ["Adelie", "Chinstrap", "Gentoo"]},
    {"name": "body_mass_g", "type": "int", "optional": True, "range": [2000, 7000]}, {"name": "sex", "type": "category", "optional": True},
]  # fmt: skip


def test_a_sample_is_the_lowest_hashes_and_a_smaller_one_lies_inside(tmp_path: Path) -> None:
    kept = []
    for share in (0.1, 0.5):
        config = {
            "source": "p",
            "format": "csv",
            "paths": ["specs/data/penguins.csv"],
            "options": {},
            "columns": PENGUINS,
            "sample": share,
            "seed": 7,
        }
        out = run_stage_function(run, tmp_path / str(share), "extract", config, project_root=REPOSITORY, block="p")
        kept.append([row[0] for row in rows_of(out, "sampled")])
    ranked = sorted(range(344), key=lambda row: hashlib.sha256(f"7\x1fsample\x1f{row + 1}".encode()).digest())
    assert kept[0] == sorted(ranked[:34])
    assert kept[1] == sorted(ranked[:172])


def test_a_sample_takes_groups_whole(tmp_path: Path) -> None:
    config = {
        "source": "p",
        "format": "csv",
        "paths": ["specs/data/penguins.csv"],
        "options": {},
        "columns": PENGUINS,
        "sample": 0.5,
        "seed": 3,
        "group": "body_mass_g",
    }
    out = run_stage_function(run, tmp_path, "extract", config, project_root=REPOSITORY, block="p")
    inside, every = {}, {}
    for name, counts in (("sampled", inside), ("rows", every)):
        for row in rows_of(out, name):
            counts[row[3]] = counts.get(row[3], 0) + 1
    assert all(every[mass] == count for mass, count in inside.items())
    assert abs(sum(inside.values()) - 172) < 15


def test_census_loads_whole(tmp_path: Path) -> None:
    found = profile_file(REPOSITORY / "specs" / "data", "census_income.parquet")
    columns = [{"name": item.name, "type": item.type, "optional": item.nulls > 0} for item in found.columns]
    config = {
        "source": "c",
        "format": "parquet",
        "paths": ["specs/data/census_income.parquet"],
        "options": {},
        "columns": columns,
    }
    out = run_stage_function(run, tmp_path, "extract", config, project_root=REPOSITORY, block="c")
    assert table.head(out / "rows")["rows"] == 48_842


def test_a_column_is_read_by_the_name_that_the_data_gives_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("mean radius,b\n1.5,2\n2.5,3\n")
    (tmp_path / "b.jsonl").write_text('{"mean radius": 1.5, "b": 2}\n{"mean radius": 2.5, "b": 3}\n')
    columns = [
        {"name": "b", "type": "int", "optional": False},
        {"name": "radius", "named": "mean radius", "type": "float", "optional": False},
    ]
    for kind, path in (("csv", "a.csv"), ("jsonl", "b.jsonl")):
        config = {"source": "s", "format": kind, "paths": [path], "options": {}, "columns": columns}
        out = run_stage_function(run, tmp_path / kind, "extract", config, project_root=tmp_path, block="s")
        assert rows_of(out, "rows") == [(0, 2, 1.5), (1, 3, 2.5)]
        wrong = [{**columns[1], "named": "mean radios"}]
        with pytest.raises(StageError) as error:
            run_stage_function(
                run, tmp_path / f"{kind}2", "extract", {**config, "columns": wrong}, project_root=tmp_path, block="s"
            )
        assert error.value.code == "MLS316" and error.value.where == "s.radius"
        assert ("mean radius" if kind == "csv" else "none of the declared columns") in str(error.value.found)


ODD = ["12", "+12", "-0", "007", " 12", "1_0", "12.0", "1e3", "1e+20", "-0.0", ".5", "5.", "nan", "inf", "0x10", "9223372036854775808", "true", "TRUE",
       "null", "", "2020-01-31", "2020-1-31", "2020-02-30", "0044-03-15 (BC)", "infinity", "epoch", "10000-01-01", "2020-01-31T10:00:00",
       "2020-01-31 10:00:00", "2020-01-31T10:00:00.5", "2020-01-31 10:00:00.000000", "2020-01-31T10:00:00+02:00", "2020-01-31T10:00",
       "T2020-01-31", "2020-01-31 24:00:00", "0.1", "100000000000000000000", "1.50", "1.555"]  # fmt: skip


@pytest.mark.parametrize("kind", ["int", "float", "decimal", "bool", "date", "timestamp", "string"])
def test_a_text_means_what_its_pattern_says_however_it_is_spelled(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlspec.runtime.extract import typed
    from mlspec.runtime.query import name, render

    column = {"type": kind, "precision": 6, "scale": 2}
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")

    def read(values: list[str | None], found: str, cast: str) -> list[object]:
        rows = ", ".join("(CAST(NULL AS VARCHAR))" if value is None else f"('{value}')" for value in values)
        expression = render(typed.typed(column, name("v"), found))
        return connection.execute(f"SELECT {expression} FROM (SELECT {cast} AS v FROM (VALUES {rows}) AS t(v))").fetchall()

    short = read([*ODD, None], "VARCHAR", "v")
    written = [value for value in ODD if _is_json(value)] + [json.dumps(value) for value in ODD]
    written += ['"a\\nb"', '"\\u0031"', '"\\"q\\""', '{"x":1}', '"{}"', "[1]", "18446744073709551615"]
    written_out = "json_extract(CAST(v AS JSON), '$')"  # as the reader does
    field = read(written, typed.JSON_FIELD, written_out)
    monkeypatch.setattr(typed, "_plainly", lambda raw, kind, otherwise: otherwise)
    assert short == read([*ODD, None], "VARCHAR", "v")
    assert field == read(written, "JSON", written_out)
    assert any(value is not None for (value,) in short)


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=lambda name: 1 / 0)
    except (ValueError, ZeroDivisionError):
        return False
    return True
