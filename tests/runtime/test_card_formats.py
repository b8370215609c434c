"""The card in the formats of others: read back by readers of those formats."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import cmarkgfm
import pytest
import yaml
from jsonschema import Draft7Validator
from test_report import CONFIG, HOSTILE, findings

from mlspec.runtime.report import card
from mlspec.runtime.report.cards.front_matter import front_matter
from tests.support.stages import run_stage_function

CARD = {
    "intended_use": f"Weigh birds. {HOSTILE}", "users": ["ornithologists"], "out_of_scope": ["eggs"], "risks": ["a bird is missed", "fatigue"],
    "mitigations": ["count twice", "rest"], "regulation": [], "data": "Caught by net.", "license": "apache-2.0", "data_license": "cc0-1.0",
    "contact": None, "evidence": [],
}  # fmt: skip
SOURCES = [{
    "name": "birds", "doc": "One row a bird.", "columns": [
        {"name": "species", "type": "category", "optional": False, "values": ["a", "b|c"], "tags": ["outcome"]},
        {"name": "mass", "type": "float", "optional": True, "range": [0.0, None], "tags": []},
        {"name": "keeper", "type": "string", "optional": False, "tags": ["pii.direct", "protected"]},
    ],
}]  # fmt: skip
TEXT = {"type": "string"}
TOOLKIT = {
    "type": "object", "additionalProperties": False, "required": ["schema_version", "model_details", "quantitative_analysis"],
    "properties": {
        "schema_version": TEXT,
        "model_details": {"type": "object", "required": ["name", "owners"], "properties": {
            "name": TEXT, "overview": TEXT, "documentation": TEXT, "version": {"type": "object", "properties": {"name": TEXT}},
            "owners": {"type": "array", "items": {"type": "object", "properties": {"name": TEXT, "contact": TEXT}, "additionalProperties": False}},
            "licenses": {"type": "array", "items": {"type": "object", "required": ["identifier"]}}}, "additionalProperties": False},
        "model_parameters": {"type": "object", "properties": {
            "model_architecture": TEXT, "input_format": TEXT, "output_format": TEXT,
            "data": {"type": "array", "items": {"type": "object", "properties": {
                "name": TEXT, "description": TEXT,
                "sensitive": {"type": "object", "properties": {"sensitive_data": {"type": "array", "items": TEXT}}}}}}},
            "additionalProperties": False},
        "quantitative_analysis": {"type": "object", "properties": {"performance_metrics": {"type": "array", "minItems": 3, "items": {
            "type": "object", "required": ["type", "value"], "properties": {"type": TEXT, "value": {"type": "number"}, "slice": TEXT},
            "additionalProperties": False}}}},
        "considerations": {"type": "object", "properties": {
            name: {"type": "array", "items": {"type": "object", "properties": {"description": TEXT}, "additionalProperties": False}}
            for name in ("users", "use_cases", "limitations")} | {"ethical_considerations": {"type": "array", "items": {
                "type": "object", "properties": {"name": TEXT, "mitigation_strategy": TEXT}, "additionalProperties": False}}},
            "additionalProperties": False},
    },
}  # fmt: skip


@pytest.fixture(params=["regression", "multiclass"])
def made(request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    config = {**CONFIG, "card": CARD, "sources": SOURCES}
    inputs = findings(tmp_path, monkeypatch, request.param)
    out = run_stage_function(card.run, tmp_path, "card", config, inputs, block="run")
    return {path.name: path.read_text() for path in (out / "card").iterdir()} | {"task": request.param}


def head(text: str) -> tuple[dict[str, Any], str]:
    """The metadata and the body of a Markdown file."""
    start, metadata, body = text.split("---\n", 2)
    assert start == ""
    return yaml.safe_load(metadata), body


def test_the_files_beside_the_card(made: dict[str, str]) -> None:
    assert set(made) == {"index.md", "README.md", "model_card.json", "data_birds.md", "task"}
    assert not any(sign in text for text in made.values() for sign in ("{'", "None,", "Markup("))
    assert re.search(r"\| often \| \d+ \| [\d.%]+ \([\d.%]+ to [\d.%]+\)", made["index.md"])


def test_the_hub_reads_metrics_and_licence(made: dict[str, str]) -> None:
    metadata, body = head(made["README.md"])
    assert body.lstrip("\n") == made["index.md"]
    assert (metadata["license"], metadata["library_name"]) == ("apache-2.0", "mlspec")
    assert (
        metadata["pipeline_tag"] == {"regression": "tabular-regression", "multiclass": "tabular-classification"}[made["task"]]
    )
    result = metadata["model-index"][0]["results"][0]
    assert metadata["model-index"][0]["name"] == "tune"
    assert (result["dataset"]["type"], result["dataset"]["split"]) == ("birds", "holdout")
    shown = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert isinstance(shown["mae" if made["task"] == "regression" else "accuracy"], float)
    assert set(shown) <= set(metadata["metrics"])


def test_the_hubs_own_library_reads_it(made: dict[str, str]) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="pip install huggingface_hub")
    read = hub.ModelCard(made["README.md"])
    read.data.to_dict()
    results = read.data.eval_results
    assert read.data.model_name == "tune"
    assert {result.dataset_split for result in results} == {"holdout"}
    assert all(isinstance(result.metric_value, float) for result in results)
    assert hub.DatasetCard(made["data_birds.md"]).data.license == "cc0-1.0"


def test_the_toolkits_schema_fits(made: dict[str, str]) -> None:
    found = json.loads(made["model_card.json"])
    Draft7Validator(TOOLKIT).validate(found)
    risks = found["considerations"]["ethical_considerations"]
    assert risks[0] == {"name": "a bird is missed", "mitigation_strategy": "count twice"}
    assert found["model_parameters"]["data"][0]["sensitive"] == {"sensitive_data": ["keeper: pii.direct, protected"]}
    assert found["model_details"]["version"]["name"]
    assert any(metric["slice"] == "holdout, group = often" for metric in found["quantitative_analysis"]["performance_metrics"])


def test_the_data_sheet_answers_or_says_what_is_open(made: dict[str, str]) -> None:
    metadata, body = head(made["data_birds.md"])
    assert metadata["dataset_info"]["features"][1] == {"name": "mass", "dtype": "float64"}
    assert metadata["license"] == "cc0-1.0"
    assert "Caught by net" in body
    assert "| `species` | category | a, b\\|c | outcome |" in body
    assert "<img" not in cmarkgfm.github_flavored_markdown_to_html(body)
    assert "Questions go to team" in body


def test_unanswered_fields_are_left_out_of_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = findings(tmp_path, monkeypatch, "regression")
    out = run_stage_function(card.run, tmp_path, "card", {**CONFIG, "card": None, "sources": SOURCES}, inputs, block="run")
    metadata, _ = head((out / "card" / "README.md").read_text())
    assert "license" not in metadata
    sheet = (out / "card" / "data_birds.md").read_text()
    assert "`data_license = …`" in sheet


def test_metadata_survives_every_text() -> None:
    odd = {
        "a": "yes",
        "b": ["null", "1e3", "x: y # z", "tab\t\x85\u2028"],
        "c": {"d": [{"e": 1.5, "f": True}, {"e": "-"}]},
        "g": None,
        "h": [],
    }
    assert yaml.safe_load(front_matter(odd).split("---\n")[1]) == {key: odd[key] for key in "abc"}
