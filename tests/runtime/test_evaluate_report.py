"""What an evaluation says beyond gates: comparisons, classes, slices, tenths; each number with an interval or a reason, and on the page."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluation_world import LABEL, Reader, evaluated_task, write_table
from scipy import stats
from test_evaluate_analyses import analysed

from mlspec.runtime import evaluate, package
from mlspec.runtime.evaluate.curves import curves_of
from mlspec.runtime.evaluate.outcomes import outcomes_of
from mlspec.runtime.report import run as report
from tests.support.stages import run_stage_function

ROWS = 600
CONFIG = {"spec": "demo", "owner": None, "doc": "", "blocks": []}


def evaluated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> dict[str, Any]:
    """metrics.json of a good and a poor model of two classes, by towns of 6 to 290 rows and a number of many values."""
    random = np.random.default_rng(8)
    good = random.beta(1.2, 2.0, ROWS)
    y = random.random(ROWS) < 0.1 + 0.8 * good
    number = np.arange(ROWS, dtype=np.int64)
    town = np.repeat(["Alba", "Bern", "Cork", "Dole"], [290, 290, 6, 14])
    kinds = {
        "__row": "int",
        "income": "category",
        "town": "category",
        "age": "int",
        "f.good": "float",
        "f.poor": "float",
        "part": "string",
    }
    tables = {
        "rows": {"__row": number, "income": np.where(y, ">50K", "<=50K"), "town": town, "age": 17 + number % 60},
        "values": {"__row": number, "f.good": good, "f.poor": random.random(ROWS)},
        "parts": {"__row": number, "part": np.repeat("holdout", ROWS)},
    }
    inputs = {
        name: write_table(tmp_path / name, columns, [{"name": column, "type": kinds[column]} for column in columns])
        for name, columns in tables.items()
    }
    packages = {"tune": Reader("good", ">50K", "<=50K"), "base": Reader("poor", ">50K", "<=50K")}
    for name in packages:
        (tmp_path / name).mkdir()
        inputs[f"package.{name}"] = tmp_path / name
    monkeypatch.setattr(package, "load_package", lambda folder: packages[Path(folder).name])
    config = {
        "part": "holdout", "candidate": "tune", "models": ["tune", "base"], "label": LABEL, "confidence": 0.95, "min_group": 20, "min_cell": 10,
        "seed": 7, "group": None, "quantities": [], "by": [["column", "town"], ["column", "age"]], **changes,
    }  # fmt: skip
    folder = run_stage_function(evaluate.run, tmp_path, "evaluate", config, inputs)
    found: dict[str, Any] = json.loads((folder / "metrics" / "metrics.json").read_text())
    return found


def test_a_difference_is_that_of_a_gate_and_says_who_is_better(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sides = [["metric", "auc", name, {}] for name in ("tune", "base")]
    found = evaluated(tmp_path, monkeypatch, quantities=[{"id": "gain", "expression": ["call", "-", sides, {}]}])
    (pair,) = found["comparisons"]
    assert (pair["model"], pair["against"]) == ("tune", "base")
    assert {key: pair["metrics"]["auc"][key] for key in ("value", "low", "high", "method")} == {
        key: found["quantities"]["gain"][key] for key in ("value", "low", "high", "method")
    }
    assert pair["metrics"]["auc"]["verdict"] == "better"
    assert pair["metrics"]["brier"]["verdict"] == "better" and pair["metrics"]["brier"]["high"] < 0
    assert pair["metrics"]["selection_rate"]["verdict"] is None
    for name, entry in pair["metrics"].items():
        assert entry["low"] <= entry["value"] <= entry["high"], name


def test_against_a_baseline_every_other_model_stands_in_front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = evaluated(tmp_path, monkeypatch, baseline="base", metrics=["auc", "brier"], candidate="base")
    assert [(pair["model"], pair["against"]) for pair in found["comparisons"]] == [("tune", "base")]
    assert list(found["comparisons"][0]["metrics"]) == ["auc", "brier"] == list(found["models"]["tune"])


def test_an_interval_drawn_for_a_difference_is_that_of_the_draws_of_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The draws of single metrics are kept for differences: two runs, one without the single metrics, agree to the bit."""
    sides = [["metric", "f1", name, {}] for name in ("tune", "base")]
    expression = ["call", "-", sides, {}]
    (tmp_path / "alone").mkdir()
    (tmp_path / "beside").mkdir()
    alone = evaluated(tmp_path / "alone", monkeypatch, metrics=["auc"], quantities=[{"id": "gain", "expression": expression}])
    beside = evaluated(tmp_path / "beside", monkeypatch)
    assert alone["quantities"]["gain"]["low"] == beside["comparisons"][0]["metrics"]["f1"]["low"]


def test_slices_have_intervals_or_reasons_and_few_rows_are_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    towns, ages = evaluated(tmp_path, monkeypatch)["slices"]
    values = {value["value"]: value for value in towns["values"]}
    assert set(values) == {"Alba", "Bern", None}, (
        "the town of 6 rows is withheld, and so is that of 14, which would give it away"
    )
    assert [value["n"] for value in towns["values"]] == [290, 290, None, None]
    for metric in towns["metrics"]:
        low, high = values["Alba"]["ends"]["tune"][metric]
        assert low <= values["Alba"]["models"]["tune"][metric] <= high
        assert values["Alba"]["why"]["tune"][metric] in ("DeLong", "Wilson", "bootstrap, 400 draws")
    assert [value["value"] for value in ages["values"]] == ["up to 31", "over 31 to 46", "over 46 to 61", "over 61"]


def test_many_classes_are_judged_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = evaluated_task(tmp_path, monkeypatch, "multiclass", {})
    found = json.loads((folder / "metrics.json").read_text())
    counts = np.array(found["curves"]["tune"]["confusion"]["counts"])
    for place, row in enumerate(found["classes"]):
        assert (row["n"], row["decided"]) == (counts[place].sum(), counts[:, place].sum())
        assert row["metrics"]["recall"]["value"] == pytest.approx(counts[place, place] / counts[place].sum())
        assert row["metrics"]["precision"]["value"] == pytest.approx(counts[place, place] / counts[:, place].sum())
        assert all(entry["low"] < entry["value"] < entry["high"] for entry in row["metrics"].values())
    top = found["curves"]["tune"]["confusion"]["top"]
    off = counts - np.diag(np.diag(counts))
    assert [item["n"] for item in top] == sorted(off[off > 0].tolist(), reverse=True)
    assert all(item["low"] < item["share"] < item["high"] for item in top)


def test_errors_of_a_regression_by_tenths_and_quantiles() -> None:
    random = np.random.default_rng(1)
    score = random.normal(0, 5, 1_000)
    error = random.normal(0.5, 2, 1_000)
    drawn = curves_of(outcomes_of(score - error, score, task="regression"), ("residuals",), 0.9)
    first = np.argsort(score, kind="stable")[:100]
    tenth = drawn["tenths"][0]
    assert (tenth["n"], tenth["to"]) == (100, score[first].max())
    assert tenth["bias"]["value"] == pytest.approx(error[first].mean())
    expected = stats.t.interval(0.9, 99, error[first].mean(), stats.sem(error[first]))
    assert (tenth["bias"]["low"], tenth["bias"]["high"]) == pytest.approx(expected)
    normal, found = np.array(drawn["quantiles"]).T
    assert len(normal) == 99 and np.abs(normal - found).max() < 0.4
    assert np.abs(normal - found)[20:80].max() < 0.1


def test_bins_of_a_calibration_have_the_interval_of_their_share() -> None:
    random = np.random.default_rng(2)
    score = random.random(500)
    bins = curves_of(outcomes_of(random.random(500) < score, score), ("calibration",))["calibration"]
    assert all(item["low"] <= item["observed"] <= item["high"] for item in bins)
    assert sum(item["low"] <= item["score"] <= item["high"] for item in bins) >= 8


def page(tmp_path: Path, **findings: Any) -> str:
    inputs = {}
    for name, document in findings.items():
        kind, _, block = name.partition("_")
        inputs[f"{kind}.{block}"] = tmp_path / name
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{kind}.json").write_text(json.dumps(document))
    out = run_stage_function(report.run, tmp_path, "report", CONFIG, inputs, block="run")
    return (out / "report" / "index.html").read_text()


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL))).split())


def test_the_page_shows_comparisons_and_says_why_a_number_has_no_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = evaluated(tmp_path, monkeypatch)
    found["models"]["base"]["f1"] = {"value": 1.0, "low": 1.0, "high": 1.0, "method": "bootstrap, 2,000 draws", "problem": None}
    found["models"]["base"]["auc"] |= {"low": None, "high": None, "method": "no interval: a class has a single row"}
    shown = text_of(page(tmp_path, metrics_more=found))
    assert "tune against base" in shown and "DeLong paired" in shown and "better" in shown
    assert "no interval: all draws are alike" in shown
    assert "no interval: a class has a single row" in shown
    assert "(few rows)" in shown and "Cork" not in shown and "Dole" not in shown


def test_every_row_of_the_tables_of_models_has_an_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    html = page(tmp_path, metrics_more=evaluated(tmp_path, monkeypatch))
    section = html[html.index('<h2 id="models">') : html.index('<h2 id="slices">')]
    tables = [table for table in re.findall(r"<table.*?</table>", section, re.DOTALL) if "forest" not in table]
    cells = [cell for table in tables for cell in re.findall(r'<td class="n.*?</td>', table, re.DOTALL)]
    assert len(cells) == 2 * 13
    assert all(re.search(r'<span class="span">\S.*</span>', cell) for cell in cells)


def test_curves_of_the_same_rows_stand_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = evaluated(tmp_path, monkeypatch)
    verdict = {"passed": True, "gates": [], "packages": {}}
    html = page(tmp_path, metrics_release=found, metrics_wider=found, verdict_release=verdict)
    assert html.count(">ROC curves<") == 1
    assert html.count("tune by town") == 1
    assert "stand with <code>wider</code>" in html


def test_analyses_are_on_the_page_and_names_of_the_data_are_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = analysed(tmp_path, monkeypatch)
    found["weak_slices"]["slices"][0]["where"][0] = ["town", '<img src=x onerror="alert(1)">']
    html = page(tmp_path, analysis_more=found)
    shown = text_of(html)
    assert "<img" not in html and '<img src=x onerror="alert(1)">' in shown
    assert "What line goes by" in shown and "Where line is weaker than elsewhere" in shown and "The worst errors" in shown
    assert "Benjamini and Hochberg" in shown and "Masked for their tags: z, email" in shown
    assert "mail (its values are personal)" in shown
    assert len(html) < 200_000
