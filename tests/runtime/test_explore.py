"""The data report: numbers against numpy, small cells withheld, personal values hidden, a page that fetches and runs nothing."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
import pytest

from mlspec.runtime.errors import StageError
from mlspec.runtime.profile import run
from mlspec.runtime.profile.sheet import Sheet
from tests.support.stages import run_stage_function

ROWS = 400
COLUMNS = [
    {"name": "key", "type": "string", "tags": ["key"]}, {"name": "mail", "type": "string", "tags": ["pii.direct"]},
    {"name": "age", "type": "int", "range": [0, 120], "tags": ["pii.quasi"]}, {"name": "x", "type": "float", "optional": True},
    {"name": "kind", "type": "category"}, {"name": "day", "type": "date"}, {"name": "flat", "type": "float"},
    {"name": "label", "type": "category", "values": ["no", "yes"], "tags": ["outcome"]},
]  # fmt: skip
LABEL = {"column": "label", "task": "binary", "classes": ["no", "yes"], "positive": "yes"}
SECTIONS = ["distribution", "missing", "target_rate", "correlation", "drift"]


def data() -> dict[str, Any]:
    random = np.random.default_rng(5)
    x = random.normal(size=ROWS)
    kinds = np.where(np.arange(ROWS) % 100 == 0, "<rare & odd>", np.where(x > 0, "high", "low"))
    return {
        "key": [f"k{row}" for row in range(ROWS)], "mail": [f"person{row}@mail.example" for row in range(ROWS)],
        "age": [*random.integers(20, 70, ROWS).tolist()[:-1], 113], "x": [None if row % 10 == 3 else float(value) for row, value in enumerate(x)],
        "kind": kinds.tolist(), "day": [date(2024, 1, 1) + timedelta(days=row // 4) for row in range(ROWS)], "flat": [1.0] * ROWS,
        "label": np.where(x + random.normal(size=ROWS) > 0, "yes", "no").tolist(),
    }  # fmt: skip


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("explore")
    (folder / "rows").mkdir()
    (folder / "parts").mkdir()
    number = pa.array(range(ROWS), pa.int64())
    pq.write_table(pa.table({"__row": number, **data()}), folder / "rows" / "rows.parquet")
    parts = ["train" if row < 300 else "holdout" for row in range(ROWS)]
    pq.write_table(pa.table({"__row": number, "part": parts}), folder / "parts" / "rows.parquet")
    return {"rows": folder / "rows", "parts": folder / "parts"}


def explore(tmp_path: Path, artifacts: dict[str, Path], **config: Any) -> tuple[dict[str, Any], str]:
    config = {"part": "train", "sections": SECTIONS, "min_cell": 10, "columns": COLUMNS, "label": LABEL, **config}
    out = run_stage_function(run, tmp_path, "explore", config, artifacts, block="eda")
    statistics = json.loads((out / "statistics" / "statistics.json").read_text(encoding="utf-8"))
    return statistics, (out / "report" / "index.html").read_text(encoding="utf-8")


def test_numbers_are_those_of_numpy(tmp_path: Path, artifacts: dict[str, Path]) -> None:
    statistics, _ = explore(tmp_path, artifacts)
    x = np.array([value for value in data()["x"][:300] if value is not None])
    found = statistics["columns"]["x"]
    assert (found["rows"], found["nulls"]) == (300, 30)
    assert found["mean"] == pytest.approx(x.mean(), rel=1e-12)
    assert found["std"] == pytest.approx(x.std(ddof=1), rel=1e-12)
    assert found["quantiles"]["0.25"] == pytest.approx(np.quantile(x, 0.25), rel=1e-12)
    counts, _ = np.histogram(x, found["histogram"]["edges"])
    assert [count for count in found["histogram"]["counts"] if count is not None] == [
        count for count in counts if not 0 < count < 10
    ]
    yes = [label == "yes" for label in data()["label"][:300]]
    assert statistics["target"]["overall"]["rate of yes"] == pytest.approx(np.mean(yes))
    places = {name: place for place, name in enumerate(statistics["correlation"]["columns"])}
    known = [row for row in range(300) if data()["x"][row] is not None]
    expected = np.corrcoef([data()["x"][row] for row in known], [yes[row] for row in known])[0, 1]
    assert statistics["correlation"]["values"][places["x"]][places["label"]] == pytest.approx(expected, rel=1e-9)
    assert statistics["correlation"]["values"][places["x"]][places["flat"]] is None


def test_ks_is_the_greatest_distance_of_the_distribution_functions(tmp_path: Path, artifacts: dict[str, Path]) -> None:
    from scipy.stats import ks_2samp

    statistics, _ = explore(tmp_path, artifacts)
    ages = data()["age"]
    assert statistics["drift"]["holdout"]["age"]["ks"] == pytest.approx(ks_2samp(ages[:300], ages[300:]).statistic)
    assert statistics["drift"]["holdout"]["flat"]["psi"] == 0.0


def test_cells_below_min_cell_are_withheld(tmp_path: Path, artifacts: dict[str, Path]) -> None:
    statistics, page = explore(tmp_path, artifacts)
    assert "rare" not in json.dumps(statistics["columns"]["kind"])
    assert statistics["columns"]["kind"]["withheld"] == {"values": 2, "count": 142}, "one alone is the total less the others"
    assert "rare" not in page
    for column in statistics["columns"].values():
        assert all(count is None or count == 0 or count >= 10 for count in column.get("histogram", {}).get("counts", []))
    shown, loose = explore(tmp_path, artifacts, min_cell=1)
    assert "<rare & odd>" in json.dumps(shown)
    assert "&lt;rare &amp; odd&gt;" in loose
    assert "<rare" not in loose


def test_personal_values_do_not_show(tmp_path: Path, artifacts: dict[str, Path]) -> None:
    statistics, page = explore(tmp_path, artifacts)
    text = json.dumps(statistics)
    assert "@mail.example" not in text + page
    assert '"k17"' not in text
    assert statistics["columns"]["mail"]["distinct"] == 300
    age = statistics["columns"]["age"]
    assert (age["min"], age["max"], age["quantiles"]["0.99"]) == (None, None, None)
    assert (age["histogram"]["edges"][0], age["histogram"]["edges"][-1] > 120) == (-0.5, True)
    assert "113" not in re.sub(r"\d+\.\d+", "", json.dumps(age))


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.named: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)
        for name, value in attrs:
            self.named.append((name, value or ""))
            if name == "id":
                self.ids.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_fetches_and_runs_nothing(tmp_path: Path, artifacts: dict[str, Path]) -> None:
    _, text = explore(tmp_path, artifacts)
    page = Page(text)
    assert page.open == []
    assert not {"script", "link", "iframe", "img", "object"} & set(page.tags)
    assert not [name for name, _ in page.named if name.startswith("on") or name == "src"]
    assert all(value.startswith("#") for name, value in page.named if name == "href")
    assert len(page.ids) == len(set(page.ids))
    labelled = [value for name, value in page.named if name == "aria-labelledby"]
    assert labelled
    assert all(item in page.ids for value in labelled for item in value.split())
    assert page.tags.count("svg") >= 10


def test_the_same_data_gives_the_same_page(tmp_path: Path, artifacts: dict[str, Path]) -> None:
    assert explore(tmp_path / "1", artifacts) == explore(tmp_path / "2", artifacts)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_tasks(tmp_path: Path, artifacts: dict[str, Path], task: str) -> None:
    label = {"column": "kind", "task": task, "classes": []} if task == "multiclass" else {"column": "x", "task": task}
    statistics, page = explore(tmp_path, artifacts, label=label)
    assert statistics["target"]["task"] == task
    assert statistics["target"]["by"]["age"]
    assert "<svg" in page


def test_a_part_with_too_few_rows_is_refused(tmp_path: Path, artifacts: dict[str, Path]) -> None:
    with pytest.raises(StageError) as caught:
        explore(tmp_path, artifacts, min_cell=1000)
    assert (caught.value.code, caught.value.where) == ("MLS816", "eda.part")


def test_of_hundreds_of_columns_those_that_go_with_the_target_are_drawn(tmp_path: Path) -> None:
    random, names = np.random.default_rng(1), [f"c{place}" for place in range(300)]
    values = random.normal(size=(ROWS, 300))
    label = np.where(values[:, 7] - values[:, 250] + 0.2 * random.normal(size=ROWS) > 0, "yes", "no")
    for part in ("rows", "parts"):
        (tmp_path / part).mkdir()
    number = pa.array(range(ROWS), pa.int64())
    table = pa.table({"__row": number, **dict(zip(names, values.T, strict=True)), "label": label})
    pq.write_table(table, tmp_path / "rows" / "rows.parquet")
    pq.write_table(pa.table({"__row": number, "part": ["train"] * ROWS}), tmp_path / "parts" / "rows.parquet")
    columns = [*({"name": name, "type": "float"} for name in names), COLUMNS[-1]]
    inputs = {"rows": tmp_path / "rows", "parts": tmp_path / "parts"}
    statistics, page = explore(tmp_path / "out", inputs, columns=columns, sections=["correlation"])
    found = statistics["correlation"]
    assert len(found["columns"]) == len(found["values"]) == 40 and found["left_out"] == 261
    assert {"c7", "c250", "label"} <= set(found["columns"])
    matrix = np.corrcoef(np.column_stack([values, label == "yes"]).T)
    places = [300 if name == "label" else int(name[1:]) for name in found["columns"]]
    assert np.array(found["values"]) == pytest.approx(matrix[np.ix_(places, places)], abs=1e-9)
    assert np.abs(matrix[300, places]).min() >= np.sort(np.abs(matrix[300]))[-40] - 1e-12
    assert "Of 301 numeric columns the 40 that go with the target most." in page


def test_parts_are_found_for_rows_in_any_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlspec.runtime.profile import parts

    monkeypatch.setattr(parts, "_BATCH", 7)
    numbers = [number for number in range(100) if number % 3]  # a sample: row numbers with gaps
    named = {number: "train" if number % 2 else "holdout" for number in numbers if number % 10}
    pq.write_table(pa.table({"__row": numbers}), tmp_path / "rows.parquet", row_group_size=11)
    pq.write_table(pa.table({"__row": list(named), "part": list(named.values())}), tmp_path / "parts.parquet", row_group_size=5)
    parts.write_parts_beside(tmp_path / "rows.parquet", tmp_path / "parts.parquet", tmp_path / "beside.parquet")
    found = pq.read_table(tmp_path / "beside.parquet")["part"].to_pylist()
    assert found == [named.get(number) for number in numbers]
    assert None in found
    pq.write_table(pa.table({"__row": numbers[::-1]}), tmp_path / "backwards.parquet")
    with pytest.raises(StageError) as caught:
        parts.write_parts_beside(tmp_path / "backwards.parquet", tmp_path / "parts.parquet", tmp_path / "beside.parquet")
    assert caught.value.code == "MLS808"


def test_rows_in_no_part_are_compared_with_nothing(tmp_path: Path, artifacts: dict[str, Path]) -> None:
    """A split by time with a gap leaves some out."""
    (tmp_path / "parts").mkdir()
    table = pq.read_table(artifacts["parts"] / "rows.parquet")
    pq.write_table(table.filter(pa.compute.greater_equal(table["__row"], 40)), tmp_path / "parts" / "rows.parquet")
    statistics, _ = explore(tmp_path, {**artifacts, "parts": tmp_path / "parts"})
    assert statistics["rows"] == 260
    assert list(statistics["drift"]) == ["holdout"]


def test_whole_numbers_beyond_those_of_doubles_are_counted_as_they_are(tmp_path: Path, artifacts: dict[str, Path]) -> None:
    (tmp_path / "rows").mkdir()
    great = [2**60 + row % 5 for row in range(ROWS)]
    pq.write_table(pa.table({"__row": range(ROWS), "n": great}), tmp_path / "rows" / "rows.parquet")
    inputs = {"rows": tmp_path / "rows", "parts": artifacts["parts"]}
    statistics, _ = explore(tmp_path / "out", inputs, columns=[{"name": "n", "type": "int"}], label=None)
    assert statistics["columns"]["n"]["distinct"] == 5


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ([1051, 1046, 3], [1051, None, None]),
        ([50, 4, 40, 9], [50, None, None, None]),
        ([50, 8, 7, 0], [50, None, None, 0]),
        ([50, 60, 0], [50, 60, 0]),
        ([30, 9], [None, None]),
        ([9], [None]),
    ],
)
def test_what_is_withheld_cannot_be_had_from_the_total(counts: list[int], told: list[int | None]) -> None:
    """One small cell is the total less the others: another one goes with it."""
    hidden = Sheet(None, (), "train", 15).withheld(counts)  # type: ignore[arg-type] - no query is asked
    assert [None if hides else count for count, hides in zip(counts, hidden, strict=True)] == told


def test_a_small_group_is_in_no_part_of_the_report(tmp_path: Path) -> None:
    for part in ("rows", "parts"):
        (tmp_path / part).mkdir()
    number, kind = pa.array(range(ROWS), pa.int64()), ["x"] * 3 + ["f"] * 200 + ["m"] * 197
    label = ["yes"] * 3 + ["no", "yes"] * 198 + ["no"]
    pq.write_table(pa.table({"__row": number, "kind": kind, "label": label}), tmp_path / "rows" / "rows.parquet")
    pq.write_table(pa.table({"__row": number, "part": ["train"] * ROWS}), tmp_path / "parts" / "rows.parquet")
    columns = [column for column in COLUMNS if column["name"] in ("kind", "label")]
    statistics, _ = explore(tmp_path / "out", {"rows": tmp_path / "rows", "parts": tmp_path / "parts"}, columns=columns)
    found = statistics["columns"]["kind"]
    assert found["top"] == [{"value": "f", "count": 200}] and found["withheld"] == {"values": 2, "count": 200}
    assert "kind" not in statistics["target"]["by"], "one cell is no comparison"
