"""Questions of behaviour: robustness, invariance and monotony, on rows whose right answers are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from evaluation_world import LABEL, write_table

from mlspec.runtime import evaluate, package
from mlspec.runtime.evaluate import perturb
from tests.support.stages import run_stage_function

N = 600
COLUMNS = [
    {"name": "age", "type": "int", "optional": False, "range": [17, 90]},
    {"name": "pay", "type": "float", "optional": True},
    {"name": "job", "type": "category", "optional": True},
    {"name": "sex", "type": "category", "optional": False, "values": ["f", "m"]},
]
FEATURES = [
    {"name": "age", "value": ["col", "age", "int"], "type": "int"},
    {"name": "pay", "value": ["call", "??", [["col", "pay", "float?"], ["lit", -5.0, "float"]], {}], "type": "float"},
    {
        "name": "job",
        "value": ["call", "??", [["col", "job", "category?"], ["lit", "none", "category"]], {}],
        "type": "category",
    },
    {"name": "sex", "value": ["col", "sex", "category"], "type": "category"},
]
Score = Callable[[dict[str, Any]], Any]


class Model:
    """A package whose score is a function of its features."""

    def __init__(self, score: Score, unknown: str = "encode") -> None:
        self.score, self.name, self.features, self.columns = score, "tune", FEATURES, COLUMNS
        self.positive, self.classes, self.manifest = ">50K", ["<=50K", ">50K"], SimpleNamespace(unknown=unknown)

    def score_values(self, values: dict[str, Any]) -> SimpleNamespace:
        score = np.asarray(self.score(values), dtype=float)
        return SimpleNamespace(score=score, decision=[">50K" if value >= 0.5 else "<=50K" for value in score])


def asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, score: Score, *nodes: Any, unknown: str = "encode", seed: int = 3
) -> list[Any]:
    """The entries of questions about a model with this score."""
    random, rows = np.random.default_rng(8), np.arange(N, dtype=np.int64)
    pay = random.normal(0.0, 10.0, N)
    data = {
        "__row": rows, "age": random.integers(17, 91, N), "pay": pa.array(pay, mask=random.random(N) < 0.1),
        "job": pa.array(random.choice(["cook", "clerk"], N)), "sex": random.choice(["f", "m"], N),
        "income": np.where(pay > 0, ">50K", "<=50K"),
    }  # fmt: skip
    described = [{"name": "__row", "type": "int"}, *COLUMNS, {"name": "income", "type": "category"}]
    inputs = {
        "rows": write_table(tmp_path / "rows", data, described),
        "values": write_table(
            tmp_path / "values", {"__row": rows, **{f"f.{one['name']}": data[str(one["name"])] for one in FEATURES}},
            [{"name": "__row", "type": "int"}, *({"name": f"f.{one['name']}", "type": one["type"]} for one in FEATURES)],
        ),
        "parts": write_table(
            tmp_path / "parts", {"__row": rows, "part": np.where(rows % 3 == 0, "train", "holdout")},
            [{"name": "__row", "type": "int"}, {"name": "part", "type": "string"}],
        ),
        "package.tune": tmp_path / "tune",
    }  # fmt: skip
    (tmp_path / "tune").mkdir()
    model = Model(score, unknown)
    monkeypatch.setattr(package, "load_package", lambda folder: model)
    config = {
        "part": "holdout", "candidate": "tune", "models": ["tune"], "label": LABEL, "confidence": 0.95, "min_group": 20, "seed": seed,
        "fitted": {"tune": "train"}, "quantities": [{"id": str(at), "expression": node} for at, node in enumerate(nodes)],
    }  # fmt: skip
    out = run_stage_function(evaluate.run, tmp_path, "evaluate", config, inputs)
    found = json.loads((out / "metrics" / "metrics.json").read_text())["quantities"]
    return [found[str(at)] for at in range(len(nodes))]


def robustness(**given: Any) -> list[Any]:
    return ["metric", "robustness", "tune", given]


def by_pay(values: dict[str, Any]) -> Any:
    return np.where(values["pay"] > 0, 0.9, 0.1)


def test_noise_is_in_standard_deviations_of_the_fitting_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bound = ["call", "lower", [robustness(noise=1.0)], {}]
    little, much, lower = asked(tmp_path, monkeypatch, by_pay, robustness(noise=0.01), robustness(noise=1.0), bound)
    # With noise as large as the spread a sign stays for 3/4 of the rows (arctan), and always for those without a value.
    assert 0.97 < little["value"] < 1.0
    assert 0.72 < much["value"] < 0.85
    assert (lower["text"], lower["method"]) == ("lower(robustness(tune, noise: 1))", "Wilson")
    assert lower["value"] < lower["point"] == much["value"]


def test_a_metric_on_the_changed_rows_is_compared_in_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drop = ["call", "-", [["metric", "accuracy", "tune", {}], robustness(noise=1.0, of="accuracy")], {}]
    asks = [drop, ["metric", "accuracy", "tune", {}], robustness(noise=1.0, of="accuracy"), robustness(noise=1.0, of="auc")]
    whole, true, changed, auc = asked(tmp_path, monkeypatch, by_pay, *asks)
    assert whole["method"] == "Newcombe paired"
    assert whole["value"] == pytest.approx(true["value"] - changed["value"], abs=1e-12)
    assert whole["value"] > 0.1
    assert whole["low"] < whole["value"] < whole["high"]
    assert 0.6 < auc["value"] < 0.9
    assert auc["text"] == "robustness(tune, noise: 1, of: auc)"


def test_lost_values_go_through_the_fill_of_the_feature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost `pay` is read as -5, so that every second of the lost ones changes its decision."""
    few, all_ = asked(tmp_path, monkeypatch, by_pay, robustness(missing=0.2), robustness(missing=1.0))
    assert 0.87 < few["value"] < 0.94
    assert 0.5 < all_["value"] < 0.62
    assert few["text"] == "robustness(tune, missing: 20%)"


def test_unseen_values_only_stand_in_open_categories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def knows(values: dict[str, Any]) -> Any:
        assert set(values["sex"]) <= {"f", "m"}
        return np.where(np.isin(values["job"], ["cook", "clerk"]), 0.9, 0.1)

    (found,) = asked(tmp_path, monkeypatch, knows, robustness(unseen=0.25))
    assert found["value"] == pytest.approx(0.75, abs=0.06)


def test_a_shift_moves_all_rows_one_way_and_stays_in_range(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ages: list[Any] = []

    def by_age(values: dict[str, Any]) -> Any:
        ages.append(values["age"])
        return np.where(values["age"] >= 80, 0.9, 0.1)

    (found,) = asked(tmp_path, monkeypatch, by_age, robustness(shift=10.0))
    assert set(ages[-1]) == {90}
    assert found["value"] < 0.3


@pytest.mark.parametrize(
    ("given", "unknown", "why"),
    [
        ({"unseen": 0.5}, "reject", "refuses values that it has not seen"),
        ({"noise": 1e-12}, "encode", ""),
        ({"shift": 0.0}, "encode", "the shift moves no value"),
    ],
)
def test_what_shows_nothing_has_no_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], unknown: str, why: str
) -> None:
    (found,) = asked(tmp_path, monkeypatch, by_pay, robustness(**given), unknown=unknown)
    assert (found["value"] is None) == bool(why)
    assert why in (found["problem"] or "")


def test_the_draws_follow_the_seed_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = robustness(noise=0.5, missing=0.3)
    one, again = asked(tmp_path / "a", monkeypatch, by_pay, both), asked(tmp_path / "b", monkeypatch, by_pay, both)
    (other,) = asked(tmp_path / "c", monkeypatch, by_pay, both, seed=4)
    assert one == again
    assert one[0]["value"] != other["value"]


def test_invariance_tries_every_declared_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def score(values: dict[str, Any]) -> Any:
        """The sex decides for those under 40."""
        return np.where((values["age"] < 40) & (values["sex"] == "m"), 0.9, 0.1)

    sex, job, fares = asked(
        tmp_path, monkeypatch, score, ["metric", "invariant", "tune", {"to": "sex"}], ["metric", "invariant", "tune", {"to": "job"}],
        ["metric", "invariant", "tune", {"to": "age"}],
    )  # fmt: skip
    random = np.random.default_rng(8)
    random.normal(0.0, 10.0, N)
    ages = random.integers(17, 91, N)
    assert sex["value"] == pytest.approx(np.mean(ages[np.arange(N) % 3 != 0] >= 40))
    assert job["value"] == 1.0
    assert 0.5 < fares["value"] < 1.0
    assert sex["text"] == "invariant(tune, to: sex)"


@pytest.mark.parametrize(("direction", "share"), [("up", 1.0), ("down", 0.0)])
def test_monotony_walks_every_row_through_the_deciles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, direction: str, share: float
) -> None:
    node = ["metric", "monotone", "tune", {"along": "age", "direction": direction}]
    (found,) = asked(tmp_path, monkeypatch, lambda values: np.asarray(values["age"], dtype=float) / 100, node)
    assert found["value"] == share
    assert found["text"] == f"monotone(tune, along: age, direction: {direction})"


def test_monotony_counts_the_rows_where_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def score(values: dict[str, Any]) -> Any:
        sign = np.where(values["sex"] == "f", 1.0, -1.0)
        return 0.5 + sign * np.asarray(values["age"], dtype=float) / 1000

    node = ["call", "worst", [["metric", "monotone", "tune", {"along": "age", "direction": "up"}]], {"by": ["column", "sex"]}]
    (found,) = asked(tmp_path, monkeypatch, score, node)
    assert {name: row["value"] for name, row in found["groups"].items()} == {"f": 1.0, "m": 0.0}


@pytest.mark.parametrize("question", [["invariant", {"to": "income"}], ["monotone", {"along": "income", "direction": "up"}]])
def test_a_column_that_the_model_does_not_read_shows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, question: list[Any]
) -> None:
    (found,) = asked(tmp_path, monkeypatch, by_pay, ["metric", question[0], "tune", question[1]])
    assert found["value"] is None
    assert "does not read `income`" in found["problem"]


def test_changed_numbers_are_ones_that_the_column_may_hold() -> None:
    from decimal import Decimal

    whole = perturb.moved(
        pa.array([17, None, 90]), {"name": "age", "type": "int", "range": [17, 90]}, np.array([-3.0, 1.0, 0.4])
    )
    assert whole.to_pylist() == [17, None, 90]
    price = pa.array([Decimal("1.10"), None], pa.decimal128(6, 2))
    assert perturb.moved(price, {"name": "price", "type": "decimal"}, 0.126).to_pylist() == [Decimal("1.23"), None]
    assert perturb.unseen_value({"(unseen)", None}) == "(unseen)'"
    assert perturb.spread(pa.array([None, None], pa.float64())) == 0.0
