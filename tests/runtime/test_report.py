"""The report and the card: one page from findings, whole, safe, the same for the same findings."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from evaluation_world import evaluated_task

from mlspec.runtime.figures import class_names
from mlspec.runtime.report import card
from mlspec.runtime.report import run as report
from mlspec.runtime.report.evidence import read_evidence
from mlspec.runtime.report.shown import plain
from mlspec.runtime.validate import verdict
from tests.support.stages import run_stage_function

HOSTILE = '<img src=x onerror=alert(1)>"&|`*'
CONFIG = {
    "spec": "demo",
    "owner": "team",
    "doc": f"What it is for. {HOSTILE}",
    "blocks": [{"name": "eda", "kind": "explore", "doc": ""}],
}
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Balance(HTMLParser):
    """Every element is closed in order; collects ids, classes and what would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        self.ids += [str(given["id"])] if "id" in given else []
        self.fetched += [
            str(given[key]) for key in ("src", "href", "xlink:href") if key in given and not str(given[key]).startswith("#")
        ]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, threshold: float = 1e9) -> dict[str, Path]:
    name = "mae" if task == "regression" else "accuracy"
    metrics = evaluated_task(tmp_path, monkeypatch, task, {"close": ["call", "upper", [["metric", name, "tune", {}]], {}]})
    gate = {
        "name": "close",
        "doc": f"Near enough. {HOSTILE}",
        "expression": ["call", "<=", [["quantity", "close"], ["lit", threshold, "float"]], {}],
    }
    package = tmp_path / "tune"
    (package / "package.json").write_text(json.dumps({
        "name": "tune", "task": task, "classes": [], "threshold": None, "calibration": None, "engine": "onnx", "unknown": "encode",
        "estimator": {"name": "sklearn.Ridge", "params": {"alpha": 0.25, "solver": HOSTILE}}, "versions": {"numpy": "2.4"},
        "proof": {"rows": 40, "digest": "00"}, "features": [{"name": "guess", "type": "float", "fitted": [{"op": "scale"}]}],
    }))  # fmt: skip
    judged = run_stage_function(
        verdict.run, tmp_path, "verdict", {"gates": [gate]}, {"metrics": metrics, "package.tune": package}
    )
    study = tmp_path / "study"
    study.mkdir()
    trials = [
        {"number": at, "family": "linear" if at % 2 else "boost", "params": {"alpha": 10.0**-at, "kind": "ab"[at % 2]}, "state": "complete",
         "value": value}
        for at, value in enumerate([0.5, 0.7, 0.6, 0.9, 0.8, 0.4, 0.95, 0.3])
    ]  # fmt: skip
    trials.append({"number": 8, "family": "boost", "params": {}, "state": "failed", "value": None, "reason": "no memory"})
    (study / "study.json").write_text(json.dumps({"objective": {"metric": name, "direction": "maximize"}, "trials": trials}))
    checks = tmp_path / "checks"
    checks.mkdir()
    line = {"name": HOSTILE, "passed": True, "value": 9, "expected": "rows() >= 5", "failed_rows": 0, "examples": []}
    (checks / "metrics.json").write_text(json.dumps({"checks": [line]}))
    return {
        "metrics.release": metrics, "verdict.release": judged / "verdict", "study.tune": study, "package.tune": package, "checks.birds": checks,
    }  # fmt: skip


def page(tmp_path: Path, inputs: dict[str, Path]) -> str:
    out = run_stage_function(report.run, tmp_path, "report", CONFIG, inputs, block="run")
    return (out / "report" / "index.html").read_text()


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_a_page_is_whole_and_fetches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str) -> None:
    text = page(tmp_path, findings(tmp_path, monkeypatch, task))
    seen = Balance()
    seen.feed(text)
    assert not seen.open
    assert seen.fetched == ["../eda-explore/index.html"]
    assert "script" not in seen.tags
    assert "img" not in seen.tags
    assert len(seen.ids) == len(set(seen.ids))
    assert seen.tags.count("svg") >= 5
    assert {"gates", "models", "slices", "searches", "packages", "sources"} <= set(seen.ids)
    assert "NaN" not in text
    assert not re.search(r"url\(|@import|https?://", text)
    assert "1 of 1 gates passed" in text
    assert "8 of 9 trials finished" in text
    assert "fewer than 20 rows" in text


def test_the_same_findings_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = findings(tmp_path, monkeypatch, "regression")
    assert page(tmp_path, inputs) == page(tmp_path, dict(reversed(inputs.items())))


def test_a_failed_gate_is_said_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = page(tmp_path, findings(tmp_path, monkeypatch, "regression", threshold=0.1))
    assert "Not released: 1 of 1 gates failed" in text
    assert "the condition does not hold" in text


def test_a_class_is_named_as_the_spec_writes_it() -> None:
    label = {"task": "binary", "classes": [False, True], "positive": True}
    assert class_names(label) == ["false", "true"]
    assert class_names({**label, "positive": False}) == ["true", "false"]
    assert class_names({"task": "binary", "classes": ["a", "b", "c"], "positive": "b"}) == ["not b", "b"]
    assert [plain(value) for value in (True, False, None, 0.5, "True")] == ["true", "false", "none", "0.5", "True"]


def test_the_table_of_gates_stays_a_table_where_it_is_laid_out_as_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below 720 pixels its rows are no table rows to the layout, so the roles are written out."""
    text = page(tmp_path, findings(tmp_path, monkeypatch, "multiclass"))
    table = text.partition('<table class="gates" role="table">')[2].partition("</table>")[0]
    assert table and len(re.findall("<tr", table)) == len(re.findall(r'<tr[^>]* role="row"', table)) > 1
    cells = re.findall(r"<t[hd]\b[^>]*>", table)
    assert cells and all(re.search(r'role="(columnheader|rowheader|cell)"', cell) for cell in cells)


def test_a_page_without_findings_still_stands(tmp_path: Path) -> None:
    seen = Balance()
    seen.feed(page(tmp_path, {}))
    assert not seen.open
    assert "svg" not in seen.tags


def carded(tmp_path: Path, inputs: dict[str, Path], **changes: Any) -> str:
    out = run_stage_function(card.run, tmp_path, "card", {**CONFIG, **changes}, inputs, block="run")
    return (out / "card" / "index.md").read_text()


def test_the_card_says_what_nobody_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = carded(
        tmp_path, findings(tmp_path, monkeypatch, "regression"), card={"intended_use": "Planning.", "risks": ["Late | birds"]}
    )
    assert "## Intended use\n\nPlanning." in text
    assert "* Late \\| birds" in text
    assert "## Users\n\n*Not answered. A `card` block in the spec answers it: `users = …`" in text
    assert "| close | ✓ passed | `upper(mae(tune)) <= 1000000000` |" in text
    assert "All gates passed. Contact: team." in text
    assert "<img" not in re.sub(r"(`+).*?\1", "", text)
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in rows if "passed" in line or "Condition" in line} == {6}


def test_evidence_reads_only_what_a_report_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = findings(tmp_path, monkeypatch, "multiclass") | {"predictions.release": tmp_path / "nowhere"}
    found = read_evidence(inputs)
    assert found.passed is True
    assert found.candidates() == ["tune"]
    assert [gate["block"] for gate in found.gates()] == ["release"]


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_every_number_of_the_table_of_models_is_the_one_in_the_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    """Read back from the page, value and ends, to half a unit of the last digit that it shows; metric by metric, model by model."""
    inputs = findings(tmp_path, monkeypatch, task)
    stored = json.loads((inputs["metrics.release"] / "metrics.json").read_text())["models"]
    table = next(
        part for part in page(tmp_path, inputs).split("<table")[1:] if "higher is better" in part.partition("</table>")[0]
    )
    rows = re.findall(r'<tr><th scope="row">([^<]+)<.*?</th>(.*?)</tr>', table.partition("</table>")[0], re.DOTALL)
    compared = 0
    names = [name for name in stored if stored[name]]
    for label, cells in rows:
        metric = next(
            key for key in stored[names[0]] if key.replace("_", " ").lower() == label.lower() or NAMES.get(label) == key
        )
        for name, cell in zip(names, re.findall(r"<td.*?</td>", cells, re.DOTALL), strict=True):
            entry, shown = stored[name][metric], re.findall(r"[-−]?[\d,]*\.?\d+(?:e-?\d+)?%?", re.sub(r"<[^>]+>", " ", cell))
            wanted = [entry[end] for end in ("value", "low", "high") if entry.get(end) is not None]
            assert len(shown) == len(wanted), (label, cell)
            for text, value in zip(shown, wanted, strict=True):
                plain = text.replace("−", "-").replace(",", "").removesuffix("%")
                unit = 10.0 ** -len(plain.partition(".")[2]) * (0.01 if text.endswith("%") else 1.0)
                number = float(plain) * (0.01 if text.endswith("%") else 1.0)
                assert abs(number - value) <= unit / 2 * 1.001, (label, name, text, value)
                compared += 1
    assert compared >= 3 * len(names)


NAMES = {
    "F1": "f1",
    "R²": "r2",
    "RMSE": "rmse",
    "MAE": "mae",
    "MAPE": "mape",
    "macro F1": "macro_f1",
    "weighted F1": "weighted_f1",
}
