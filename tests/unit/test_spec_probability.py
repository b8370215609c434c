"""A classifier that gives decisions alone is found before the run, where no calibration makes probabilities of its distances."""

from __future__ import annotations

from pathlib import Path

import pytest

import mlspec
from mlspec import catalogue

GOOD = Path(__file__).parents[1] / "cases" / "errors" / "MLS212" / "good.mlspec"
ESTIMATOR = "estimator = sklearn.LogisticRegression\n    C = loguniform(0.01, 10)"
TRIALS = "trials = 8\n"
CALIBRATED = "trials = 8\n  calibrate = sigmoid()\n"


def found(tmp_path: Path, family: str, more: str = TRIALS) -> list[tuple[str, str]]:
    text = GOOD.read_text()
    assert ESTIMATOR in text
    assert TRIALS in text
    (tmp_path / "people.csv").write_text("code\n")
    path = tmp_path / "demo.mlspec"
    path.write_text(text.replace(ESTIMATOR, family).replace(TRIALS, more, 1))
    return [(item.code.id, item.help) for item in mlspec.check(path) if item.code.id == "MLS212"]


@pytest.mark.parametrize(
    ("family", "help"),
    [
        ("estimator = sklearn.LinearSVC", "sklearn.LogisticRegression"),
        ("estimator = sklearn.RidgeClassifier", "sklearn.LogisticRegression"),
        ("estimator = sklearn.Perceptron", "sklearn.LogisticRegression"),
        ("estimator = sklearn.SVC", "probability = true"),
        ("estimator = sklearn.SGDClassifier", 'loss = "log_loss"'),
        ('estimator = sklearn.SGDClassifier\n    loss = "hinge"', 'loss = "log_loss"'),
        ('estimator = sklearn.SGDClassifier\n    loss = choice("log_loss", "hinge")', 'loss = "log_loss"'),
    ],
)
def test_distances_need_a_calibration(tmp_path: Path, family: str, help: str) -> None:
    ((code, shown),) = found(tmp_path, family)
    assert code == "MLS212"
    assert help in shown
    assert found(tmp_path, family, CALIBRATED) == []


@pytest.mark.parametrize(
    "family",
    [
        "estimator = sklearn.LogisticRegression",
        "estimator = lightgbm.LGBMClassifier",
        'estimator = sklearn.SGDClassifier\n    loss = "log_loss"',
        'estimator = sklearn.SGDClassifier\n    loss = choice("log_loss", "modified_huber")',
    ],
)
def test_probabilities_need_none(tmp_path: Path, family: str) -> None:
    assert found(tmp_path, family) == []


@pytest.mark.parametrize("name", ["auc", "log_loss", "f1", "recall"])
def test_a_threshold_is_chosen_by_decisions(tmp_path: Path, name: str) -> None:
    from mlspec.runtime.train.threshold import METRICS
    from mlspec.spec.rules import THRESHOLD_METRICS

    assert THRESHOLD_METRICS == METRICS
    path = tmp_path / "demo.mlspec"
    path.write_text(GOOD.read_text().replace(TRIALS, f"{TRIALS}  threshold = maximize({name})\n", 1))
    codes = [item.code.id for item in mlspec.check(path) if item.code.id == "MLS209"]
    assert codes == ([] if name in METRICS else ["MLS209"])


def test_the_catalogue_says_what_an_instance_has() -> None:
    pytest.importorskip("sklearn")
    import warnings
    from importlib import import_module

    rows = [
        row
        for name in catalogue.estimators.estimator_names()
        if (row := catalogue.estimator(name)) and row.library == "sklearn"
    ]
    for row in rows:
        if row.tasks != ("regression",):
            cls = getattr(import_module(row.module), row.name)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # scikit-learn's own deprecated classes
                made = cls()
            assert row.gives_probability({}) == hasattr(made, "predict_proba"), row.key
