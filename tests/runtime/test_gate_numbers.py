"""The numbers behind gates: which interval is taken, whose decisions count, and that a group without a value is never passed over."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from evaluation_world import LABEL, Reader, write_table
from package_tables import feature, fit_config, stage_inputs

from mlspec.runtime import evaluate, package, train
from mlspec.runtime.validate.gates import Numbers
from mlspec.runtime.validate.verdict import judge
from tests.support.stages import run_stage_function

N = 400


class World:
    """One part of `N` rows, two models, and the evaluate stage over them."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch = folder, patch
        random = np.random.default_rng(3)
        self.good = random.beta(1.2, 2.0, N)
        self.y = random.random(N) < 0.1 + 0.8 * self.good
        self.sex = np.where(random.random(N) < 0.5, "Female", "Male")
        self.home = np.arange(N) % 40
        self.declared: list[str] | None = None

    def quantities(self, wanted: dict[str, Any], **changes: Any) -> dict[str, Any]:
        rows = np.arange(N, dtype=np.int64)
        sex = {"name": "sex", "type": "category", "optional": False} | ({"values": self.declared} if self.declared else {})
        described = {name: {"name": name, "type": "int"} for name in ("__row", "income", "home")}
        inputs = {
            "rows": write_table(
                self.folder / "rows", {"__row": rows, "income": np.where(self.y, ">50K", "<=50K"), "sex": self.sex, "home": self.home},
                [*described.values(), sex],
            ),
            "values": write_table(
                self.folder / "values", {"__row": rows, "f.good": self.good, "f.poor": 1 - self.good, "f.sex": self.sex},
                [{"name": "__row", "type": "int"}, {"name": "f.good", "type": "float"}, {"name": "f.poor", "type": "float"},
                 {**sex, "name": "f.sex", "audit": True}],
            ),
            "parts": write_table(self.folder / "parts", {"__row": rows, "part": np.repeat("holdout", N)}, [{"name": "__row", "type": "int"}]),
        }  # fmt: skip
        models = {"tune": Reader("good", ">50K", "<=50K"), "other": Reader("poor", ">50K", "<=50K")}
        for name in models:
            (self.folder / name).mkdir()
            inputs[f"package.{name}"] = self.folder / name
        self.patch.setattr(package, "load_package", lambda folder: models[Path(folder).name])
        config = {
            "part": "holdout", "candidate": "tune", "models": list(models), "label": LABEL, "confidence": 0.95, "seed": 7,
            "min_group": 20, "group": None, "quantities": [{"id": key, "expression": value} for key, value in wanted.items()],
        }  # fmt: skip
        out = run_stage_function(evaluate.run, self.folder, "evaluate", config | changes, inputs)
        self.metrics = json.loads((out / "metrics" / "metrics.json").read_bytes())
        return self.metrics["quantities"]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def metric(name: str, model: str = "tune") -> list[Any]:
    return ["metric", name, model, {}]


def lower(inner: Any) -> list[Any]:
    return ["call", "lower", [inner], {}]


def minus(name: str) -> list[Any]:
    return ["call", "-", [metric(name), metric(name, "other")], {}]


def by_sex(kind: str, name: str) -> list[Any]:
    return ["call", kind, [metric(name)], {"by": ["feature", "sex"]}]


ASKED = {
    "auc": lower(metric("auc")), "auc_difference": lower(minus("auc")), "recall": lower(metric("recall")),
    "recall_difference": lower(minus("recall")), "precision": lower(metric("precision")),
    "precision_difference": lower(minus("precision")), "brier": lower(metric("brier")), "fair": lower(by_sex("gap", "recall")),
    "mixed": lower(["call", "-", [metric("recall"), metric("precision")], {}]),
}  # fmt: skip


def test_the_method_is_what_the_metric_and_the_split_allow(world: World) -> None:
    drawn = "bootstrap, 2,000 draws"
    found = {key: entry["method"] for key, entry in world.quantities(ASKED).items()}
    assert found == {
        "auc": "DeLong", "auc_difference": "DeLong paired", "recall": "Wilson", "recall_difference": "Newcombe paired",
        "precision": "Wilson", "precision_difference": drawn, "brier": drawn, "fair": drawn, "mixed": drawn,
    }  # fmt: skip


def test_a_split_with_a_group_draws_whole_groups_for_every_metric(world: World) -> None:
    found = world.quantities(ASKED, group="home")
    assert {entry["method"] for entry in found.values()} == {"bootstrap, 2,000 draws of whole groups"}
    assert all(entry["n"] == N for entry in found.values())
    told = [
        made
        for entry in world.metrics["slices"][0]["values"]
        for of_model in entry["why"].values()
        for made in of_model.values()
    ]
    assert told and all(made == "bootstrap, 400 draws of whole groups" for made in told)


def test_one_group_gives_no_interval_and_so_no_lower_end(world: World) -> None:
    world.home = np.zeros(N, dtype=np.int64)
    found = world.quantities(ASKED, group="home")
    for entry in found.values():
        assert entry["value"] is None
        assert "one group of the split" in entry["problem"]


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_lower_and_upper_are_the_ends_of_the_two_sided_interval(world: World, confidence: float) -> None:
    wanted = {"low": lower(metric("recall")), "high": ["call", "upper", [metric("recall")], {}], "auc": lower(metric("auc"))}
    found = world.quantities(wanted, confidence=confidence)
    z, total = NormalDist().inv_cdf(1 - (1 - confidence) / 2), int(world.y.sum())
    p = int((world.y & (world.good >= 0.5)).sum()) / total
    middle, half = p + z * z / (2 * total), z * np.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    assert found["low"]["value"] == pytest.approx((middle - half) / (1 + z * z / total), abs=1e-12)
    assert found["high"]["value"] == pytest.approx((middle + half) / (1 + z * z / total), abs=1e-12)
    assert found["low"]["confidence"] == confidence
    assert found["auc"]["point"] - found["auc"]["low"] == pytest.approx(found["auc"]["high"] - found["auc"]["point"], abs=1e-9)


@pytest.mark.parametrize("kind", ["gap", "ratio", "worst"])
@pytest.mark.parametrize("by", ["feature", "column"])
def test_a_declared_value_without_rows_is_a_group_under_min_group(world: World, kind: str, by: str) -> None:
    world.declared = ["Female", "Male", "Other"]
    (entry,) = world.quantities({"fair": ["call", kind, [metric("recall")], {"by": [by, "sex"]}]}).values()
    assert entry["value"] is None
    assert "`Other` has 0" in entry["problem"]


def test_rows_without_a_group_are_a_group_of_their_own(world: World) -> None:
    world.sex = np.array([None if row < 5 else value for row, value in enumerate(world.sex)], dtype=object)
    (entry,) = world.quantities({"fair": by_sex("gap", "recall")}).values()
    assert entry["value"] is None
    assert "`(missing)` has 5" in entry["problem"]


@pytest.mark.parametrize(("kind", "value"), [("gap", None), ("ratio", None), ("worst", 1)])
def test_a_comparison_needs_two_groups(world: World, kind: str, value: Any) -> None:
    world.sex = np.repeat("Male", N)
    (entry,) = world.quantities({"fair": by_sex(kind, "recall")}).values()
    assert (entry["value"] is None) is (value is None)
    assert value or "compares groups" in entry["problem"]


@pytest.mark.parametrize("name", ["auc", "recall", "false_pos_rate", "precision", "balanced_accuracy"])
def test_a_group_of_one_class_has_no_value_and_fails_closed(world: World, name: str) -> None:
    female = world.sex == "Female"
    world.y = np.where(female, name == "false_pos_rate", world.y)
    world.good = np.where(female & (name == "precision"), 0.1, world.good)  # nobody is decided positive there
    found = world.quantities({"fair": by_sex("gap", name), "end": ["call", "upper", [by_sex("gap", name)], {}]})
    for entry in found.values():
        assert entry["value"] is None
        assert "`Female`" in entry["problem"] or "no value in" in entry["problem"]
    gate = {"name": "fair", "expression": ["call", "<=", [["quantity", "fair"], ["lit", 0.5, "points"]], {}]}
    assert judge(gate, Numbers(found, {}))["status"] == "failed"


def test_audit_features_are_sliced_even_where_no_gate_names_them(world: World) -> None:
    world.quantities({"auc": metric("auc")})
    assert [entry["by"] for entry in world.metrics["slices"]] == [["feature", "sex"]]


def test_favourable_is_the_decision_and_the_rates_speak_of_positive(world: World) -> None:
    label = {**LABEL, "favourable": "<=50K"}
    names = ("selection_rate", "false_pos_rate", "recall", "precision")
    found = world.quantities({name: metric(name) for name in names} | {"fair": by_sex("gap", "selection_rate")}, label=label)
    decided, y = world.good >= 0.5, world.y
    assert found["selection_rate"]["value"] == pytest.approx((~decided).mean(), abs=1e-12)
    assert found["false_pos_rate"]["value"] == pytest.approx(decided[~y].mean(), abs=1e-12)
    assert found["recall"]["value"] == pytest.approx(decided[y].mean(), abs=1e-12)
    assert found["precision"]["value"] == pytest.approx(y[decided].mean(), abs=1e-12)
    rates = [(~decided)[world.sex == value].mean() for value in ("Female", "Male")]
    assert found["fair"]["value"] == pytest.approx(max(rates) - min(rates), abs=1e-12)


def test_worst_follows_the_direction_of_its_metric(world: World) -> None:
    found = world.quantities({name: by_sex("worst", name) for name in ("recall", "false_pos_rate", "brier")})
    for name, entry in found.items():
        values = [group["value"] for group in entry["groups"].values()]
        assert entry["value"] == (min(values) if name == "recall" else max(values))
        assert len(set(values)) == 2


@pytest.mark.parametrize(("threshold", "decision"), [(0.5, "yes"), (0.5 + 2**-53, "no"), (0.0, "yes"), (1.0, "no")])
def test_a_score_at_the_threshold_is_positive(tmp_path: Path, threshold: float, decision: str) -> None:
    columns = {"x": pa.array(np.arange(40.0)), "y": pa.array(["no", "yes"] * 20)}
    descriptors = [{"name": "x", "type": "float", "optional": False}, {"name": "y", "type": "category", "optional": False}]
    inputs = stage_inputs(
        tmp_path, columns, descriptors, [feature("x", "float")], {"train": range(20), "holdout": range(20, 40)}
    )
    label = {
        "column": "y",
        "task": "binary",
        "classes": ["no", "yes"],
        "positive": "yes",
        "favourable": "no",
        "type": "category",
    }
    config = fit_config(
        [feature("x", "float")], label, "sklearn.DummyClassifier", threshold={"method": "fixed", "value": threshold}
    )
    out = run_stage_function(train.run, tmp_path, "fit", config, inputs, block="plain")
    found = package.load_package(out / "package").score([{"x": 1.0}])
    assert (found.score.tolist(), found.decision) == ([0.5], [decision])


def test_a_model_that_does_not_exist_yet_excuses_no_other_number() -> None:
    absent = {"value": None, "problem": "the model `prod` does not exist", "absent": "skip"}
    broken = {"value": None, "problem": "a group of `sex` has no value", "absent": None}
    each = [["call", ">=", [["quantity", key], ["lit", 0.1, "float"]], {}] for key in ("a", "b")]
    gate = {"name": "both", "expression": ["call", "and", each, {}]}
    assert judge(gate, Numbers({"a": absent, "b": {"value": 0.9}}, {}))["status"] == "skipped"
    line = judge(gate, Numbers({"a": absent, "b": broken}, {}))
    assert (line["status"], line["reason"]) == ("failed", "a group of `sex` has no value")
