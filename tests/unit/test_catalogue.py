"""The catalogue: every function of the language, rows that hang together, estimators as the libraries state them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlspec import catalogue
from mlspec.catalogue import estimators, generate
from mlspec.spec.expressions.arguments import wanted_text
from mlspec.spec.kinds import LEVELS

LANGUAGE = {
    "row": "abs sqrt exp log log1p round floor ceil clip min max bucket lower upper length contains starts_with matches year month "
    "weekday hour days hours years cyclic cross hmac redact",
    "check": "rows null_rate distinct unique min max mean quantile share references",
    "history": "sum count mean min max std last first distinct days_since",
    "fitted": "scale fill onehot ordinal target_rate quantile_bucket hash_bucket tfidf tokens embed pca select",
    "interval": "lower upper worst gap ratio p50 p95 p99 mean rate",
    "live": "psi ks js null_rate error_rate",
}
METRICS = {
    "binary": "auc average_precision accuracy balanced_accuracy precision recall f1 log_loss brier calibration_error selection_rate "
    "false_pos_rate false_neg_rate cost",
    "multiclass": "accuracy macro_f1 weighted_f1 log_loss top_k recall",
    "regression": "rmse mae mape r2 pinball bias",
    "package": "latency size load_time robustness invariant monotone",
    "generation": "ttft pii_found judged refused leaked",
}


@pytest.mark.parametrize(("level", "names"), LANGUAGE.items(), ids=lambda value: str(value).split(maxsplit=1)[0])
def test_every_function_of_the_language_has_a_row(level: str, names: str) -> None:
    for name in names.split():
        assert [row for row in catalogue.functions(name) if row.level == level], name


@pytest.mark.parametrize(("task", "names"), METRICS.items(), ids=lambda value: str(value).split(maxsplit=1)[0])
def test_every_metric_of_the_language_has_a_row(task: str, names: str) -> None:
    assert set(names.split()) <= set(catalogue.metric_names(task))


@pytest.mark.parametrize("name", catalogue.function_names())
def test_rows_of_functions_are_well_formed(name: str) -> None:
    for row in catalogue.functions(name):
        assert row.level in {"row", "check", "history", "fitted", "interval", "live"}
        assert row.null in {"propagate", "skip", "accept", "never"}
        assert row.taint in {"keep", "none", "lower", "quasi", "mask"}
        assert row.doc.endswith(".")
        assert row.built or row.level in {"history", "interval", "row", "fitted", "check", "live"}
        for _, form, _ in row.parameters:
            assert wanted_text(form)
    assert len(LEVELS) == 6


@pytest.mark.parametrize("name", catalogue.metric_names())
def test_rows_of_metrics_are_well_formed(name: str) -> None:
    row = catalogue.metric(name)
    assert row is not None
    assert row.direction in {"higher", "lower", "none"}
    assert row.interval in {"delong", "wilson", "bootstrap", "measured", "exact"}
    assert row.doc.endswith(".")


def test_a_name_that_is_in_no_table() -> None:
    assert catalogue.functions("nothing") == ()
    assert catalogue.metric("nothing") is None
    assert catalogue.estimator("nothing.Nothing") is None
    assert catalogue.estimator("sklearn.Nothing") is None


def test_what_is_known_of_an_estimator() -> None:
    logistic = catalogue.estimator("sklearn.LogisticRegression")
    assert logistic is not None
    assert logistic.tasks == ("binary", "multiclass")
    assert not logistic.nulls
    assert logistic.parameters["C"]["ranges"] == [["float", 0, None, "right"]] or logistic.parameters["C"]["ranges"][0][1] == 0
    boosted = catalogue.estimator("sklearn.HistGradientBoostingRegressor")
    assert boosted is not None
    assert boosted.nulls
    assert boosted.tasks == ("regression",)
    assert boosted.seeded


@pytest.mark.parametrize("library", estimators.LIBRARIES)
def test_the_committed_file_is_what_the_installed_library_says(library: str) -> None:
    pytest.importorskip(library)
    committed = (Path(estimators.__file__).parent / "estimators" / f"{library}.json").read_text(encoding="utf-8")
    made = generate.render(library)
    if json.loads(made)["version"] != json.loads(committed)["version"]:
        pytest.skip(f"another version of {library} is installed")
    assert made == committed, "run `python -m mlspec.catalogue.generate`"


def test_the_catalogue_imports_nothing_of_mlspec_and_reads_no_estimators() -> None:
    code = (
        "import sys, mlspec.catalogue as c; "
        "print(sorted(m for m in sys.modules if m.startswith('mlspec.') and not m.startswith('mlspec.catalogue'))); "
        "print(c.estimators._library.cache_info().currsize)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split("\n")
    assert shown[:2] == ["[]", "0"]
