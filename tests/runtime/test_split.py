"""Splits: places as defined, exact counts, whole groups, ranges of time, and what is refused."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlspec.runtime.errors import StageError
from mlspec.runtime.prepare.places import largest_remainder, share_of
from mlspec.runtime.prepare.split import run
from tests.support.stages import run_stage_function

SHARES = [{"name": "train", "share": 0.7}, {"name": "holdout", "share": 0.3}]


def rows_folder(tmp_path: Path, columns: dict[str, Any], tags: dict[str, list[str]] | None = None) -> Path:
    folder = tmp_path / "rows"
    folder.mkdir(parents=True, exist_ok=True)
    size = len(next(iter(columns.values())))
    pq.write_table(pa.table({"__row": pa.array(range(size), pa.int64()), **columns}), folder / "rows.parquet")
    head = {
        "columns": [{"name": name, "type": "string", "tags": (tags or {}).get(name, [])} for name in columns],
        "rows": size,
        "files": [],
    }
    (folder / "table.json").write_text(json.dumps(head), encoding="utf-8")
    return folder


def split(tmp_path: Path, rows: Path, **config: Any) -> dict[int, str]:
    config = {"name": "cut", "parts": SHARES, "seed": 7, **config}
    out = run_stage_function(run, tmp_path, "split", config, {"rows": rows}, block="cut")
    table = pq.read_table(out / "parts" / "rows.parquet")
    assert table.column_names == ["__row", "part"]
    assert table["__row"].to_pylist() == sorted(table["__row"].to_pylist())
    return dict(zip(table["__row"].to_pylist(), table["part"].to_pylist(), strict=True))


def failure(tmp_path: Path, rows: Path, **config: Any) -> StageError:
    with pytest.raises(StageError) as caught:
        split(tmp_path, rows, **config)
    return caught.value


def place(*names: object) -> bytes:
    return hashlib.sha256("\x1f".join(str(name) for name in (7, "cut", *names)).encode()).digest()


def test_rows_without_a_key_go_by_their_numbers(tmp_path: Path) -> None:
    parts = split(tmp_path, rows_folder(tmp_path, {"a": list(range(101))}))
    ranked = sorted(range(101), key=place)
    # 70.7 and 30.3: the remainder .7 is the larger one.
    assert {row for row, part in parts.items() if part == "train"} == set(ranked[:71])
    assert len(parts) == 101


def test_a_key_decides_and_not_the_order_of_rows(tmp_path: Path) -> None:
    keys = [f"k{number}" for number in range(50)]
    there = split(tmp_path / "1", rows_folder(tmp_path / "1", {"k": keys}, {"k": ["key"]}))
    back = split(tmp_path / "2", rows_folder(tmp_path / "2", {"k": keys[::-1]}, {"k": ["key"]}))
    assert [there[row] for row in range(50)] == [back[49 - row] for row in range(50)]
    assert {keys[row] for row, part in there.items() if part == "train"} == set(sorted(keys, key=place)[:35])


@pytest.mark.parametrize("most", [400, 0])
def test_many_strata_are_cut_as_few_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Above a number of cuts the rows are sorted instead of counted: the parts are the same."""
    monkeypatch.setattr("mlspec.runtime.prepare.thresholds.MOST_CUTS", most)
    strata = [number % 7 or None for number in range(500)]
    parts = split(
        tmp_path,
        rows_folder(tmp_path, {"s": strata}),
        stratify="s",
        parts=[*SHARES[:1], {"name": "v", "share": 0.1}, {"name": "h", "share": 0.2}],
    )
    for stratum in set(strata):
        ranked = sorted((row for row in range(500) if strata[row] == stratum), key=place)
        cuts = largest_remainder(len(ranked), [Fraction(7, 10), Fraction(1, 10), Fraction(2, 10)])
        expected = ["train"] * cuts[0] + ["v"] * cuts[1] + ["h"] * cuts[2]
        assert [parts[row] for row in ranked] == expected


def test_each_stratum_is_cut_exactly_nulls_too(tmp_path: Path) -> None:
    strata = ["a"] * 33 + ["b"] * 7 + [None] * 10
    parts = split(tmp_path, rows_folder(tmp_path, {"s": strata}), stratify="s")
    counts = Counter((strata[row], part) for row, part in parts.items())
    assert counts == {
        ("a", "train"): 23,
        ("a", "holdout"): 10,
        ("b", "train"): 5,
        ("b", "holdout"): 2,
        (None, "train"): 7,
        (None, "holdout"): 3,
    }


def test_groups_go_whole_and_shares_hold_by_rows(tmp_path: Path) -> None:
    groups = [f"g{number % 40}" for number in range(1000)]
    parts = split(tmp_path, rows_folder(tmp_path, {"g": groups}), group="g")
    of_group = {group: {parts[row] for row in range(1000) if groups[row] == group} for group in set(groups)}
    assert all(len(found) == 1 for found in of_group.values())
    assert Counter(parts.values())["train"] == 700
    ranked = sorted(set(groups), key=place)
    assert {group for group, found in of_group.items() if found == {"train"}} == set(ranked[:28])


def test_a_group_in_several_strata_counts_for_its_most_frequent(tmp_path: Path) -> None:
    groups = [f"g{number // 3}" for number in range(90)]
    strata = ["b" if number % 3 == 0 else "a" for number in range(90)]
    parts = split(tmp_path, rows_folder(tmp_path, {"g": groups, "s": strata}), group="g", stratify="s")
    assert all(len({parts[row] for row in range(90) if groups[row] == group}) == 1 for group in set(groups))
    assert Counter(parts.values()) == {"train": 63, "holdout": 27}


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 50), min_size=1, max_size=6))
def test_largest_remainder_sums_and_stays_within_one(rows: int, weights: list[int]) -> None:
    shares = [Fraction(weight, sum(weights)) for weight in weights]
    counts = largest_remainder(rows, shares)
    assert sum(counts) == rows
    assert all(abs(count - rows * share) < 1 for count, share in zip(counts, shares, strict=True))


def test_a_share_is_the_decimal_that_was_written() -> None:
    assert share_of(0.7) + share_of(0.2) + share_of(0.1) == 1


DAYS = [datetime(2024, 1, 1, 12, tzinfo=UTC) + timedelta(days=number) for number in range(60)]
TIMES = {"t": pa.array([day.replace(tzinfo=None) for day in DAYS], pa.timestamp("us"))}


def ranges(*bounds: tuple[str, str, str]) -> list[dict[str, str]]:
    return [{"name": name, "from": low, "to": high} for name, low, high in bounds]


def test_ranges_hold_whole_utc_days_at_both_ends(tmp_path: Path) -> None:
    parts = split(
        tmp_path,
        rows_folder(tmp_path, TIMES),
        on="t",
        parts=ranges(("train", "2024-01-02", "2024-01-31"), ("holdout", "2024-02-05", "2024-02-10")),
    )
    assert [row for row, part in parts.items() if part == "train"] == list(range(1, 31))
    assert [row for row, part in parts.items() if part == "holdout"] == list(range(35, 41))


def test_instants_hold_to_the_microsecond(tmp_path: Path) -> None:
    bounds = ranges(
        ("train", "2024-01-01T12:00:00Z", "2024-01-05T12:00:00Z"), ("holdout", "2024-01-05T12:00:00.000001Z", "2024-01-09")
    )
    parts = split(tmp_path, rows_folder(tmp_path, TIMES), on="t", parts=bounds)
    assert [row for row, part in parts.items() if part == "train"] == [0, 1, 2, 3, 4]
    assert [row for row, part in parts.items() if part == "holdout"] == [5, 6, 7, 8]


@pytest.mark.parametrize(
    ("bounds", "gap", "code"),
    [
        ((("train", "2024-01-01", "2024-01-20"), ("holdout", "2024-01-20", "2024-02-10")), 0, "MLS305"),
        ((("train", "2024-01-01", "2024-01-20"), ("holdout", "2024-01-25", "2024-02-10")), 5 * 86400, "MLS306"),
        ((("train", "2024-01-20", "2024-01-01"), ("holdout", "2024-01-25", "2024-02-10")), 0, "MLS207"),
        ((("train", "soon", "2024-01-01"), ("holdout", "2024-01-25", "2024-02-10")), 0, "MLS201"),
        ((("train", "2024-01-01", "2024-01-20"), ("holdout", "2025-01-25", "2025-02-10")), 0, "MLS816"),
    ],
)
def test_ranges_that_are_refused(tmp_path: Path, bounds: Any, gap: float, code: str) -> None:
    assert failure(tmp_path, rows_folder(tmp_path, TIMES), on="t", gap=gap, parts=ranges(*bounds)).code == code


def test_a_gap_that_is_kept_passes(tmp_path: Path) -> None:
    bounds = ranges(("train", "2024-01-01", "2024-01-20"), ("holdout", "2024-01-26", "2024-02-10"))
    assert len(split(tmp_path, rows_folder(tmp_path, TIMES), on="t", gap=5 * 86400, parts=bounds)) == 36


def test_a_group_on_both_sides_of_a_time_cut_is_refused(tmp_path: Path) -> None:
    columns = {**TIMES, "g": [f"g{number % 7}" for number in range(60)]}
    bounds = ranges(("train", "2024-01-01", "2024-01-20"), ("holdout", "2024-01-26", "2024-02-10"))
    error = failure(tmp_path, rows_folder(tmp_path, columns), on="t", group="g", parts=bounds)
    assert (error.code, error.where) == ("MLS307", "cut.group")
    assert "7 groups" in error.message


@pytest.mark.parametrize("config", [{"group": "g"}, {"on": "g", "parts": ranges(("a", "2024-01-01", "2024-01-02"))}])
def test_a_null_names_no_group_and_no_time(tmp_path: Path, config: Any) -> None:
    values = pa.array([datetime(2024, 1, 1), None], pa.timestamp("us"))
    assert failure(tmp_path, rows_folder(tmp_path, {"g": values}), **config).code == "MLS804"


def test_shares_that_do_not_sum_an_empty_part_and_an_unknown_column(tmp_path: Path) -> None:
    rows = rows_folder(tmp_path, {"a": [1, 2]})
    assert failure(tmp_path, rows, parts=[{"name": "a", "share": 0.5}, {"name": "b", "share": 0.4}]).code == "MLS209"
    error = failure(tmp_path, rows, parts=[{"name": "a", "share": 0.99}, {"name": "b", "share": 0.01}])
    assert (error.code, error.where) == ("MLS816", "cut.b")
    assert failure(tmp_path, rows, stratify="nothing").code == "MLS101"
