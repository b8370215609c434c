"""Batch scoring: the same scores as the API, streamed, whole or not at all, errors with rows."""

from __future__ import annotations

import csv

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.score import score_file
from tests.runtime.fake_package import FakePackage


def rows(count):
    return [
        {
            "id": 1_000 + number, "age": 17 + number % 70, "workclass": None if number % 7 == 0 else "Private", "sex": ("Female", "Male")[number % 2],
            "hours": float(number % 80), "wage": None, "member": number % 3 == 0, "born": None, "seen": None,
        }
        for number in range(count)
    ]  # fmt: skip


def write_csv(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(data[0]))
        writer.writeheader()
        writer.writerows(
            {
                name: "" if value is None else str(value).lower() if isinstance(value, bool) else value
                for name, value in row.items()
            }
            for row in data
        )


def config(form="csv", out="parquet", **more):
    return {
        "name": "nightly", "input": {"source": "nightly", "format": form, "paths": [f"data/people.{form}"], "options": {}},
        "output": {"path": f"out/scores.{out}", "format": out}, "keys": ["id"], "columns": ["score", "decision"], **more,
    }  # fmt: skip


@pytest.fixture
def package(tmp_path):
    return FakePackage(tmp_path / "package")


@pytest.mark.parametrize("out", ["parquet", "csv"])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_scores_are_those_of_the_package_in_order_with_the_keys(tmp_path, package, form, out):
    data = rows(12_000)
    write_csv(tmp_path / "data" / "people.csv", data)
    if form == "parquet":
        table = pa.Table.from_pylist(data, schema=pa.schema([
            ("id", pa.int64()), ("age", pa.int64()), ("workclass", pa.string()), ("sex", pa.string()), ("hours", pa.float64()),
            ("wage", pa.decimal128(10, 2)), ("member", pa.bool_()), ("born", pa.date32()), ("seen", pa.timestamp("us", "UTC")),
        ]))  # fmt: skip
        pq.write_table(table, tmp_path / "data" / "people.parquet")
    seen = []
    result = score_file(package, config(form, out), tmp_path, lambda done, total: seen.append((done, total)))
    expected = package.score(data)
    if out == "parquet":
        found = pq.read_table(result.path)
        keys, scores, decisions = (found.column(name).to_pylist() for name in ("id", "score", "decision"))
        assert found.column_names == ["id", "score", "decision"]
    else:
        with result.path.open(newline="") as file:
            lines = list(csv.DictReader(file))
        keys, scores, decisions = (
            [line["id"] for line in lines],
            [float(line["score"]) for line in lines],
            [line["decision"] for line in lines],
        )
    assert [int(key) for key in keys] == [row["id"] for row in data]
    assert scores == expected.score.tolist()
    assert decisions == expected.decision
    assert result.rows == 12_000 and sum(result.decisions.values()) == 12_000
    assert seen[-1] == (12_000, 12_000) and len(seen) == 3
    assert list((tmp_path / ".mlspec" / "score").iterdir()) == []


def test_a_bad_row_is_named_and_nothing_is_written(tmp_path, package):
    data = rows(50)
    data[31]["age"] = 400
    write_csv(tmp_path / "data" / "people.csv", data)
    with pytest.raises(StageError) as error:
        score_file(package, config(), tmp_path)
    assert error.value.code == "MLS805"
    assert "age" in error.value.where
    assert error.value.examples
    assert not (tmp_path / "out").exists()


def test_rows_that_the_model_refuses_are_named_and_the_old_output_stays(tmp_path, package):
    class Refusing(FakePackage):
        def score(self, records):
            if any(record["age"] == 50 for record in records):
                raise StageError("MLS211", "an unknown value", "inputs.work", expected="a known value", found="another")
            return super().score(records)

    data = rows(50)
    write_csv(tmp_path / "data" / "people.csv", data)
    score_file(package, config(), tmp_path)
    before = (tmp_path / "out" / "scores.parquet").read_bytes()
    with pytest.raises(StageError) as error:
        score_file(Refusing(tmp_path / "package"), config(), tmp_path)
    assert (error.value.code, error.value.examples) == ("MLS211", ("row 33: MLS211",))
    assert (tmp_path / "out" / "scores.parquet").read_bytes() == before
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["scores.parquet"]


def test_a_full_disk_leaves_the_old_output_and_no_trace(tmp_path, package, monkeypatch):
    write_csv(tmp_path / "data" / "people.csv", rows(50))
    score_file(package, config(), tmp_path)
    before = (tmp_path / "out" / "scores.parquet").read_bytes()

    def full(name, path, action):
        if name == "write" and "scores.parquet" in path:
            raise OSError(28, "No space left on device")
        return action()

    monkeypatch.setattr(files, "operations", full)
    with pytest.raises(StageError) as error:
        score_file(package, config(), tmp_path)
    assert error.value.code == "MLS809"
    assert (tmp_path / "out" / "scores.parquet").read_bytes() == before
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["scores.parquet"]


def test_a_missing_column_and_a_missing_file_are_located(tmp_path, package):
    write_csv(tmp_path / "data" / "people.csv", [{"id": 1, "age": 20}])
    with pytest.raises(StageError) as error:
        score_file(package, config(), tmp_path)
    assert error.value.code == "MLS316"
    with pytest.raises(StageError) as error:
        score_file(package, config("parquet"), tmp_path)
    assert error.value.code == "MLS801"


def test_what_is_not_built_says_so(tmp_path, package):
    write_csv(tmp_path / "data" / "people.csv", rows(5))
    with pytest.raises(StageError) as error:
        score_file(package, config(output={"path": "out/x.xlsx", "format": "xlsx"}), tmp_path)
    assert error.value.code == "MLS901"
    with pytest.raises(StageError) as error:
        score_file(package, config(columns=["score", "shap"]), tmp_path)
    assert error.value.code == "MLS105"
