"""Reweighing: the weights, what an estimator learns with them, and that packages hold no trace of a group."""

from __future__ import annotations

import inspect
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from package_tables import feature, fit_config, stage_inputs

from mlspec.catalogue.estimators import WITHOUT_WEIGHTS, estimator, estimator_names
from mlspec.runtime.errors import StageError
from mlspec.runtime.package import load_package
from mlspec.runtime.train import run as fit
from mlspec.runtime.train.mitigation import reweighing
from mlspec.runtime.transform.target import Target
from tests.support.stages import run_stage_function

LABEL = {"column": "hired", "task": "binary", "classes": [False, True], "positive": True, "favourable": True, "type": "bool"}
N = 1200
FEATURES = [feature("skill", "float"), feature("proxy", "float")]


def test_weighted_shares_are_equal_in_every_group() -> None:
    random = np.random.default_rng(1)
    groups = random.integers(-1, 3, 500)
    y = (random.random(500) < 0.35 + 0.2 * groups).astype(float)
    weights = reweighing(Target("binary", y, 2, protected=groups))
    assert weights is not None
    assert weights.sum() == pytest.approx(500)
    shares = [np.average(y[groups == group], weights=weights[groups == group]) for group in np.unique(groups)]
    assert shares == pytest.approx([y.mean()] * 4)
    assert reweighing(Target("binary", y)) is None


def test_weights_are_those_of_the_rows_that_are_taken() -> None:
    y, groups = np.array([0.0, 1.0, 1.0, 0.0, 1.0]), np.array([0, 0, 1, 1, 1])
    taken = Target("binary", y, 2, protected=groups).take(np.array([0, 1, 2, 3]))
    assert reweighing(taken) == pytest.approx([1.0] * 4)


def world(tmp_path: Path) -> dict[str, Path]:
    """The label leans on skill and on sex; the model sees skill and a proxy of sex."""
    random = np.random.default_rng(3)
    sex = random.integers(0, 2, N)
    skill, proxy = random.normal(0, 1, N), sex + random.normal(0, 0.3, N)
    hired = skill + 1.5 * sex + random.normal(0, 1, N) > 0.8
    kinds = {"skill": "float", "proxy": "float", "sex": "category", "hired": "bool"}
    return stage_inputs(
        tmp_path, {"skill": skill, "proxy": proxy, "sex": np.where(sex == 1, "m", "f"), "hired": hired},
        [{"name": name, "type": kind, "optional": False} for name, kind in kinds.items()], FEATURES,
        {"train": range(0, N, 2), "holdout": range(1, N, 2)},
    )  # fmt: skip


def gap(tmp_path: Path, inputs: dict[str, Path], **more: Any) -> tuple[float, Path]:
    """The gap in selection rates between the sexes on all rows, and the package."""
    import pyarrow.parquet as pq

    config = {**fit_config(FEATURES, LABEL, "sklearn.LogisticRegression"), **more}
    package = run_stage_function(fit, tmp_path, "fit", config, inputs, block="plain") / "package"
    rows = pq.read_table(inputs["rows"] / "rows.parquet")
    values = {name: rows[name].to_numpy() for name in ("skill", "proxy")}
    chosen = np.array(load_package(package).score_values(values).decision)
    sex = np.array(rows["sex"].to_pylist())
    return abs(chosen[sex == "m"].mean() - chosen[sex == "f"].mean()), package


def test_the_gap_in_selection_rates_falls_and_the_package_asks_for_no_group(tmp_path: Path) -> None:
    inputs = world(tmp_path)
    before, _ = gap(tmp_path / "plain", inputs)
    after, package = gap(tmp_path / "fair", inputs, mitigate={"method": "reweigh", "by": "sex"})
    assert before > 0.3
    assert after < before / 2
    manifest = json.loads((package / "package.json").read_text())
    assert [column["name"] for column in manifest["columns"]] == ["skill", "proxy"]
    assert b"sex" not in b"".join(path.read_bytes() for path in package.iterdir())


def test_out_of_fold_scores_are_weighted_too(tmp_path: Path) -> None:
    inputs = world(tmp_path)
    more = {"calibrate": {"method": "sigmoid"}, "mitigate": {"method": "reweigh", "by": "sex"}}
    assert gap(tmp_path / "calibrated", inputs, **more)[0] < 0.3


def test_an_estimator_without_weights_is_refused(tmp_path: Path) -> None:
    inputs = world(tmp_path)
    config = fit_config(FEATURES, LABEL, "sklearn.KNeighborsClassifier") | {"mitigate": {"method": "reweigh", "by": "sex"}}
    with pytest.raises(StageError) as caught:
        run_stage_function(fit, tmp_path, "fit", config, inputs, block="plain")
    assert (caught.value.code, caught.value.where) == ("MLS212", "plain.mitigate")


def test_the_catalogue_knows_who_takes_no_weights() -> None:
    found = set()
    for key in estimator_names():
        row = estimator(key)
        if key.startswith("sklearn.") and row is not None:
            kind = getattr(import_module(row.module), row.name)
            if "sample_weight" not in inspect.signature(kind.fit).parameters:
                found.add(key)
    assert found == WITHOUT_WEIGHTS


def test_a_fold_that_travels_to_a_cluster_keeps_its_groups() -> None:
    from mlspec.runtime.search.cluster import _arrays, _fold
    from mlspec.runtime.search.fold_data import FoldData
    from mlspec.runtime.transform import Matrix

    rows, y = np.arange(6.0).reshape(3, 2), np.array([0.0, 1.0, 1.0])
    for protected in (None, np.array([1, 0, 1])):
        held = FoldData(
            Matrix(("a", "b"), rows), Target("binary", y, 2, protected=protected), Matrix(("a", "b"), rows), Target("binary", y)
        )
        back = _fold(_arrays(held)).fitting_target
        assert (back.protected is None) == (protected is None)
        assert protected is None or np.array_equal(back.protected, protected)
