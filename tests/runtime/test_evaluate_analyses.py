"""Analyses of a model: importance, dependence, weak slices and worst rows, each against what can be worked out by hand or by SciPy."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from evaluation_world import table_of
from scipy import stats

from mlspec.runtime import package
from mlspec.runtime.evaluate import analyses
from mlspec.runtime.evaluate.binned import Binned, binned, number_groups
from mlspec.runtime.evaluate.importance import families
from mlspec.runtime.evaluate.means import excess_of, excess_of_groups, mean_interval
from mlspec.runtime.evaluate.weak_slices import weak_slices
from tests.support.stages import run_stage_function

ROWS = 3_000
SLOPE = {"a": 3.0, "b": 1.0, "c": 0.0}
COLUMNS = [
    {"name": "x", "type": "float", "optional": False},
    {"name": "y", "type": "float", "optional": False},
    {"name": "z", "type": "float", "optional": False, "tags": ["pii.quasi"]},
    {"name": "email", "type": "string", "optional": False, "tags": ["pii.direct"]},
    {"name": "town", "type": "category", "optional": False, "values": None},
    {"name": "label", "type": "float", "optional": False, "tags": ["outcome"]},
]


class Line:
    """A package whose score is a weighted sum of its features; it reads a town and an email with no effect."""

    features = (
        {"name": "a", "type": "float", "value": ["col", "x", "float"]},
        {"name": "b", "type": "float", "value": ["col", "y", "float"]},
        {"name": "c", "type": "float", "value": ["col", "z", "float"]},
        {"name": "mail", "type": "string", "value": ["col", "email", "string"]},
        {"name": "town", "type": "category", "value": ["col", "town", "category"]},
    )
    columns = tuple(COLUMNS[:5])
    classes = ()
    scored = 0

    def score_values(self, values: dict[str, Any]) -> SimpleNamespace:
        score = sum(SLOPE[name] * np.asarray(values[name], dtype=float) for name in SLOPE)
        assert isinstance(score, np.ndarray)
        self.scored += len(score)
        return SimpleNamespace(score=score, decision=score.tolist())


def analysed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weakness: float = 6.0, **changes: Any) -> dict[str, Any]:
    """analysis.json of a line, whose errors are large in one town when x is high."""
    random = np.random.default_rng(5)
    number = np.arange(ROWS, dtype=np.int64)
    x, y, z = (random.normal(0, 1, ROWS) for _ in range(3))
    town = np.array(["Alba", "Bern", "Cork"])[random.integers(0, 3, ROWS)]
    town[:7] = "Dole"
    score = SLOPE["a"] * x + SLOPE["b"] * y
    weak = (town == "Bern") & (x > 1)
    truth = score + random.normal(0, 1, ROWS) + np.where(weak, weakness, 0.0)
    emails = [f"p{at}@example.org" for at in range(ROWS)]
    rows = {"__row": number, "x": x, "y": y, "z": z, "email": emails, "town": town, "label": truth}
    predictions = tmp_path / "predictions"
    predictions.mkdir()
    pq.write_table(
        pa.table({"__row": number, "label": truth, "line.score": score, "line.decision": score}), predictions / "rows.parquet"
    )
    inputs = {
        "rows": table_of(tmp_path / "rows", rows),
        "values": table_of(tmp_path / "values", {"__row": number, "f.a": x, "f.b": y, "f.c": z, "f.mail": emails, "f.town": town}),
        "parts": table_of(tmp_path / "parts", {"__row": number, "part": np.repeat("holdout", ROWS)}),
        "predictions": predictions, "package.line": tmp_path / "line",
    }  # fmt: skip
    (tmp_path / "line").mkdir()
    monkeypatch.setattr(package, "load_package", lambda folder: Line())
    label = {"column": "label", "task": "regression", "classes": [], "positive": None, "favourable": None, "type": "float"}
    config = {
        "part": "holdout", "candidate": "line", "label": label, "group": None, "confidence": 0.95, "min_group": 30, "min_cell": 20,
        "seed": 7, "analyses": ["importance", "dependence", "weak_slices", "examples"], "metric": "rmse", "repeats": 4, "rows": 1_000,
        "columns": COLUMNS, **changes,
    }  # fmt: skip
    folder = run_stage_function(analyses.run, tmp_path, "analyse", config, inputs)
    found: dict[str, Any] = json.loads((folder / "analysis" / "analysis.json").read_text())
    return found


def test_importance_is_what_a_permutation_of_a_line_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = analysed(tmp_path, monkeypatch, weakness=0.0, analyses=["importance"])["importance"]
    entries = {entry["features"][0]: entry for entry in own["features"]}
    assert [entry["features"] for entry in own["features"]][:2] == [["a"], ["b"]]
    # Two independent draws of a feature differ by twice its variance, so the squared error rises by that times the slope squared.
    for name, slope in (("a", 3.0), ("b", 1.0)):
        expected = np.sqrt(own["base"] ** 2 + 2 * slope**2) - own["base"]
        assert entries[name]["value"] == pytest.approx(expected, rel=0.12)
        assert entries[name]["low"] < expected < entries[name]["high"]
        assert len(entries[name]["repeats"]) == 4 and len(set(entries[name]["repeats"])) == 4
    for name in ("c", "mail", "town"):
        assert entries[name]["value"] == entries[name]["low"] == entries[name]["high"] == 0


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = []
    for turn, seed in enumerate((7, 7, 8)):
        (tmp_path / str(turn)).mkdir()
        texts.append(json.dumps(analysed(tmp_path / str(turn), monkeypatch, seed=seed)))
    assert texts[0] == texts[1] != texts[2]


def test_features_of_the_same_columns_are_permuted_together() -> None:
    features = [
        {"name": "delay", "value": ["col", "d", "int"]},
        {"name": "hour", "value": ["col", "h", "int"]},
        {"name": "late", "value": ["call", ">", [["col", "d", "int"], ["lit", 15, "int"]], {}]},
        {"name": "both", "value": ["call", "+", [["col", "d", "int"], ["col", "h", "int"]], {}]},
    ]
    assert families(features) == [["delay", "late"], ["hour"], ["both"]]


def test_dependence_of_a_line_is_its_slope(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = analysed(tmp_path, monkeypatch)["dependence"]
    entries = {entry["feature"]: entry for entry in own["features"]}
    for name, slope in SLOPE.items():
        points = entries[name]["points"]
        run = points[-1]["at"] - points[0]["at"]
        assert (points[-1]["mean"] - points[0]["mean"]) / run == pytest.approx(slope)
        assert all(point["low"] < point["mean"] < point["high"] for point in points)
        assert all(point["quantiles"] == sorted(point["quantiles"]) for point in points)
    assert entries["mail"]["problem"] == "its values are personal" and not entries["mail"]["points"]
    assert [point["at"] for point in entries["town"]["points"]] == ["Alba", "Bern", "Cork"], "7 rows are too few to be shown"


def test_the_planted_slice_is_found_with_an_interval_that_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = analysed(tmp_path, monkeypatch)["weak_slices"]
    first = own["slices"][0]
    assert dict(first["where"]).keys() == {"x", "town"} and dict(first["where"])["town"] == "Bern"
    assert first["p"] < 0.001 and first["low"] > 2 and first["low"] < first["difference"] < first["high"]
    assert own["columns"] == ["x", "y", "z", "town"], "no identifier and no outcome is searched"
    assert not any("Dole" in value for entry in own["slices"] for _, value in entry["where"])


def test_worst_rows_are_masked_and_rare_values_are_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = analysed(tmp_path, monkeypatch)["examples"]
    assert own["columns"] == ["x", "y", "z", "email", "town"] and own["masked"] == ["z", "email"]
    high, low = own["kinds"]
    assert (high["kind"], low["kind"]) == ("too high", "too low")
    losses = [row["loss"] for row in low["rows"]]
    assert losses == sorted(losses, reverse=True) and losses[0] > 6
    assert all(row["values"][2] == row["values"][3] == "(masked)" for kind in own["kinds"] for row in kind["rows"])
    assert "@example.org" not in json.dumps(own) and "Dole" not in json.dumps(own)


def test_kinds_of_error_of_few_rows_show_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = analysed(tmp_path, monkeypatch, analyses=["examples"], min_cell=ROWS)["examples"]
    assert all(not kind["rows"] and kind["n"] is None and kind["problem"] for kind in own["kinds"])


def test_noise_has_no_weak_slices() -> None:
    """100 data sets without any weak group: what is found stays near the promised rate."""
    found = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        columns = [Binned(name, random.integers(0, 4, 600), list("wxyz")) for name in "abc"]
        own = weak_slices(
            columns, random.exponential(1, 600), expected=None, wrong=None, groups=None, least=20, min_cell=5, confidence=0.95
        )
        found += bool(own["slices"])
    assert found <= 10


def test_a_pair_whose_remainder_is_a_small_cell_is_not_shown() -> None:
    """All but 3 rows of a = "u" have b = "v": the pair and its column together would tell of those 3."""
    random = np.random.default_rng(1)
    a, b = np.repeat([0, 1], [200, 800]), random.integers(0, 2, 1_000)
    b[:200] = 0
    b[:3] = 1
    losses = random.exponential(1, 1_000) + np.where((a == 0) & (b == 0), 3.0, 0.0)
    own = weak_slices([Binned("a", a, ["u", "w"]), Binned("b", b, ["v", "k"])], losses, expected=None, wrong=None, groups=None, least=20,
                      min_cell=5, confidence=0.95)  # fmt: skip
    assert [entry["where"] for entry in own["slices"]] == [[["a", "u"]]]


def test_the_excess_is_welchs_test() -> None:
    random = np.random.default_rng(2)
    values, mask = random.gamma(2, 1, 500), random.random(500) < 0.2
    values[mask] += 0.3
    given = excess_of(
        *(np.array([float(part)]) for part in (mask.sum(), values[mask].sum(), (values[mask] ** 2).sum())), values
    )
    expected = stats.ttest_ind(values[mask], values[~mask], equal_var=False, alternative="greater")
    assert given.p_values()[0] == pytest.approx(expected.pvalue)
    ends = stats.ttest_ind(values[mask], values[~mask], equal_var=False).confidence_interval(0.9)
    assert [float(end[0]) for end in given.ends(0.9)] == pytest.approx([ends.low, ends.high])


def test_rows_that_repeat_in_groups_count_once() -> None:
    """Every row ten times, as a group: the same certainty as each once, where rows by themselves would claim more."""
    random = np.random.default_rng(3)
    values, mask = random.normal(0, 1, 80), random.random(80) < 0.4
    groups = np.repeat(np.arange(80), 10)
    alone = excess_of_groups([mask], values, np.arange(80))
    repeated = excess_of_groups([np.repeat(mask, 10)], np.repeat(values, 10), groups)
    assert repeated.error[0] == pytest.approx(alone.error[0])
    once, many = mean_interval(values, 0.95), mean_interval(np.repeat(values, 10), 0.95, groups)
    assert (many.low, many.high) == pytest.approx((once.low, once.high))
    assert (once.low, once.high) == pytest.approx(stats.t.interval(0.95, 79, values.mean(), stats.sem(values)))


def test_groups_of_numbers_say_their_edges() -> None:
    codes, names = number_groups([1.0, 2.0, None, 2.0], 5)
    assert (codes.tolist(), names) == ([0, 1, 2, 1], ["1", "2", "(missing)"])
    codes, names = number_groups([float(value) for value in range(100)], 4)
    assert names == ["up to 24", "over 24 to 49", "over 49 to 74", "over 74"]
    assert np.bincount(codes).tolist() == [25, 25, 25, 25]
    codes, names = number_groups([0.0] * 90 + [float(value) for value in range(1, 11)], 5)
    assert names == ["0", "over 0"] and np.bincount(codes).tolist() == [90, 10]
    codes, names = number_groups([float(value) for value in range(10)] + [50.0] * 90, 5)
    assert np.bincount(codes).tolist() == [10, 90] and names == ["up to 9", "over 9"]


def test_columns_of_too_many_values_are_no_groups() -> None:
    assert binned({"name": "code", "type": "category"}, [str(at) for at in range(51)]) is None
    months = binned({"name": "at", "type": "date"}, [np.datetime64("2026-01-05").item(), None])
    assert months is not None and months.names == ["(missing)", "2026-01"]
