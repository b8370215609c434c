"""MLS505: how many rows a part can have, of which `mlspec.lock` tells, and that on fewer than a gate needs no outcome passes it."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

import mlspec
from mlspec.cli import main
from mlspec.diagnostics.render import render
from mlspec.runtime.evaluate import intervals
from mlspec.runtime.evaluate.metrics import METRICS
from mlspec.runtime.evaluate.outcomes import Outcomes, UndefinedMetric
from mlspec.spec.checks import least_rows
from tests.support.golden import compare

CASE = Path(__file__).parents[1] / "cases" / "errors" / "MLS505" / "locked"
LEVELS = [0.5, 0.8, 0.95, 0.999]
Capture = pytest.CaptureFixture[str]


def found(folder: Path) -> str:
    return render(mlspec.check(folder / "demo.mlspec")).replace(f"{folder}{os.sep}", "")


def test_a_lock_tells_how_many_rows_a_part_can_have() -> None:
    compare(CASE / "demo.txt", found(CASE))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The case, with checks that are kept."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLSPEC_NO_CACHE", raising=False)
    for path in CASE.iterdir():
        if path.suffix != ".txt":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


TEAM = 'mlspec 2026.1\n\nspec tables {\n  owner = "team-a"\n}\n\n'


def most(text: str) -> set[str]:
    """What the findings say of the part."""
    return {
        line.partition(" is too small")[0].partition("at most ")[2] for line in text.splitlines() if "a part of at most" in line
    }


def lock(folder: Path, **changes: object) -> None:
    held = json.loads((folder / "mlspec.lock").read_text()) | changes
    (folder / "mlspec.lock").write_text(json.dumps({key: value for key, value in held.items() if value is not None}))


@pytest.mark.parametrize("others", [[], ["other.mlspec"]])
def test_a_changed_lock_changes_what_a_kept_check_says(project: Path, capsys: Capture, others: list[str]) -> None:
    (project / "other.mlspec").write_text('mlspec 2026.1\n\nspec other {\n  owner = "team-a"\n}\n')

    def said() -> set[str]:
        main(["check", "demo.mlspec", *others])
        return most(capsys.readouterr().out)

    assert said() == said() == {"100 rows"}
    lock(project, rows={"data/people-*.csv": 900})
    assert said() == {"90 rows"}
    lock(project, rows={"data/people-*.csv": 900_000})
    assert said() == set()
    lock(project, rows=None)
    assert said() == set(), "a lock of before rows were counted"
    lock(project, rows={"data/people-*.csv": 900})
    assert said() == {"90 rows"}
    lock(project, data={"data/others.csv": {"data/others.csv": "sha256:" + "0" * 64}})
    assert said() == set(), "of what is not pinned a run may read other rows"
    (project / "mlspec.lock").write_text("{")
    assert said() == set()


BY_TIME = "  on = people.seen\n  train := 2024-01-01..2024-12-31\n  tune := 2025-01-01..2025-06-30\n  holdout := 2025-07-01..2025-12-31\n"
CHANGES = [
    ("  sample = 50%\n", "", {"140 rows"}),
    ("100..1_000_000", "100..500", {"50 rows"}),
    ("  holdout := 20%\n", "  holdout := 20%\n  stratify = people.bought\n", {"71 rows"}),
    ("  holdout := 20%\n", "  holdout := 20%\n  stratify = people.age\n", set()),
    ("  holdout := 20%\n", "  holdout := 20%\n  group = people.email\n", set()),
    ("  train := 60%\n  tune := 20%\n  holdout := 20%\n", BY_TIME, {"350 rows"}),
    ('csv("data/people-*.csv")', 'csv("data/other-*.csv")', set()),
    ('csv("data/people-*.csv")', 'csv("./data//people-*.csv")', {"70 rows"}),
    ('csv("data/people-*.csv")', 'sqlite("data/people.db", table: "people")', {"7 rows"}),
    ('csv("data/people-*.csv")', 'sqlite("data/people.db", table: "orders")', set()),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "rows"), CHANGES, ids=range(len(CHANGES)))
def test_what_the_spec_makes_of_the_rows(project: Path, old: str, new: str, rows: set[str]) -> None:
    held = json.loads((project / "mlspec.lock").read_text())
    data = {**held["data"], "data/people.db": {"data/people.db": "sha256:" + "0" * 64}}
    lock(project, data=data, rows={"data/people-*.csv": 700, "data/people.db#people": 70})
    spec = project / "demo.mlspec"
    assert old in spec.read_text()
    spec.write_text(spec.read_text().replace(old, new).replace("  email:", "  seen: date\n  email:"))
    text = found(project)
    assert "error[" not in text
    assert most(text) == rows


def test_an_imported_source_is_counted_by_where_its_file_lies(project: Path) -> None:
    text = (project / "demo.mlspec").read_text()
    start, end = text.index("source people"), text.index("split parts")
    (project / "team").mkdir()
    (project / "team" / "tables.mlspec").write_text(
        TEAM + text[start:end].replace("data/people-", "../data/people-").rstrip() + "\n"
    )
    rest = text[:start] + text[end:].replace("people.", "tables.people.").replace("frame = people", "frame = tables.people")
    (project / "demo.mlspec").write_text(
        rest.replace("mlspec 2026.1\n", 'mlspec 2026.1\n\nuse "./team/tables.mlspec" as tables\n', 1)
    )
    text = found(project)
    assert "error[" not in text
    assert most(text) == {"100 rows"}
    lock(project, rows={"team/data/people-*.csv": 900})
    assert most(found(project)) == set()


@pytest.mark.parametrize("level", LEVELS)
def test_no_pairs_of_hits_reach_further_than_one_that_is_always_right_beside_one_that_never_is(level: float) -> None:
    z = least_rows._normal_quantile(level)
    for rows in (1, 2, 3, 5, 8, 13):
        tables = [table for table in itertools.product(range(rows + 1), repeat=3) if sum(table) <= rows]
        ends = [intervals.newcombe(*table, rows - sum(table), level).low for table in tables]
        reach = least_rows.rate_difference(rows, z)
        assert max(ends) <= reach + 1e-9
        if reach > 0:
            assert intervals.newcombe(0, rows, 0, 0, level).low == pytest.approx(reach, abs=1e-9)


def test_no_pairs_of_many_rows_reach_further(level: float = 0.95) -> None:
    z = least_rows._normal_quantile(level)
    rows = 60
    for second in (0, 1, 2):
        for both in range(0, rows, 3):
            for neither in range(0, rows - both - second + 1, 3):
                end = intervals.newcombe(both, rows - both - second - neither, second, neither, level).low
                assert end <= least_rows.rate_difference(rows, z) + 1e-9


def orders(rows: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Every order of so many rows with ties: (negatives, positives) of each score, from the lowest."""
    if rows == 0:
        yield ()
    for block in range(1, rows + 1):
        for positives in range(block + 1):
            for rest in orders(rows - block):
                yield ((block - positives, positives), *rest)


def outcomes(order: tuple[tuple[int, int], ...]) -> Outcomes:
    y = [label for negatives, positives in order for label in [0] * negatives + [1] * positives]
    return ranked(y, [place for place, (negatives, positives) in enumerate(order) for _ in range(negatives + positives)])


def ranked(y: Sequence[int], score: Sequence[int]) -> Outcomes:
    """Rows with labels and scores; what is decided of them plays no part."""
    return Outcomes("binary", np.array(y), np.array(score, dtype=float), np.array(y))


@pytest.mark.parametrize("rows", range(1, 7))
def test_no_order_of_rows_reaches_further_than_the_bound_of_an_auc(rows: int) -> None:
    ends: dict[float, list[float]] = {level: [] for level in LEVELS}
    for order in orders(rows):
        for level in LEVELS:
            try:
                ends[level].append(intervals.delong(outcomes(order), level).low)
            except UndefinedMetric:
                assert min(sum(count) for count in zip(*order, strict=True)) < 2
    for level, lows in ends.items():
        reach = least_rows.auc(rows, least_rows._normal_quantile(level), (1 - level) / 2)
        assert max(lows, default=0.0) <= reach + 1e-9
        assert bool(lows) == (rows >= 4)


@pytest.mark.parametrize("level", LEVELS)
def test_a_single_tie_comes_near_the_bound_of_an_auc(level: float) -> None:
    """One tie in a hundred rows: the order that reaches furthest, beyond a perfect one."""
    order = (*[(1, 0)] * 49, (1, 1), *[(0, 1)] * 49)
    z, tail = least_rows._normal_quantile(level), (1 - level) / 2
    low = intervals.delong(outcomes(order), level).low
    assert low == pytest.approx(least_rows.auc(100, z, tail), abs=1e-9)
    assert intervals.delong(outcomes((*[(1, 0)] * 50, *[(0, 1)] * 50)), level).low <= low


@pytest.mark.parametrize("level", LEVELS)
def test_no_two_orders_of_the_same_rows_are_further_apart(level: float) -> None:
    """Two positives and two or three negatives, in every pair of orders."""
    for y in ([0, 0, 1, 1], [0, 0, 0, 1, 1]):
        rows = [ranked(y, score) for score in itertools.product(range(3), repeat=len(y))]
        best = [each for each in rows if intervals.delong(each, 0.5).high >= 0.9]
        worst = [each for each in rows if intervals.delong(each, 0.5).low <= 0.1]
        reach = least_rows.auc_difference(len(y), (1 - level) / 2)
        assert max(intervals.delong_difference(one, two, level).low for one in best[:15] for two in worst[:15]) <= reach + 1e-9


def test_paired_rates_are_those_whose_interval_is_that_of_pairs() -> None:
    assert {name for name, metric in METRICS.items() if metric.rate} == least_rows.PAIRED


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("least", [0.01, 0.5, 0.9, 0.999])
def test_the_rows_asked_for_are_the_fewest_that_reach(level: float, least: float) -> None:
    limit = ["lit", least, "ratio"]
    one, two = ["metric", "accuracy", "a", {}], ["metric", "accuracy", "b", {}]
    auc = ["metric", "auc", "a", {}]
    for inner in (one, auc, ["call", "-", [one, two]], ["call", "-", [auc, ["metric", "auc", "b", {}]]]):
        asked = least_rows.wanted(["call", ">=", [["call", "lower", [inner]], limit]], level)
        assert asked is not None
        assert asked.reach(asked.rows) >= asked.least > asked.reach(asked.rows - 1)


@pytest.mark.parametrize(
    "inner",
    [
        ["metric", "rmse", "a", {}],
        ["metric", "robustness", "a", {"noise": 0.05, "of": "auc"}],
        ["call", "-", [["metric", "accuracy", "a", {}], ["metric", "recall", "a", {}]]],
        ["call", "-", [["metric", "precision", "a", {}], ["metric", "precision", "b", {}]]],
        ["call", "-", [["metric", "accuracy", "a", {}], ["lit", 0.5, "ratio"]]],
    ],
)
def test_of_an_interval_without_a_bound_nothing_is_said(inner: list[object]) -> None:
    assert least_rows.wanted(["call", ">=", [["call", "lower", [inner]], ["lit", 0.99, "ratio"]]], 0.95) is None


def test_an_editor_sees_it_too(project: Path) -> None:
    from mlspec.lsp.workspace import Workspace

    workspace = Workspace()
    path = str(project / "demo.mlspec")
    assert most(render(workspace.of_file(path).diagnostics)) == {"100 rows"}
    lock(project, rows={"data/people-*.csv": 900})
    workspace.changed()
    assert most(render(workspace.of_file(path).diagnostics)) == {"90 rows"}
