"""The model card in the JSON of Google's Model Card Toolkit, schema 0.0.2."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlspec.runtime.report.cards.facts import Judged, judged, listed, written
from mlspec.runtime.report.evidence import Evidence

SCHEMA = "0.0.2"


def toolkit_card(config: Mapping[str, Any], evidence: Evidence) -> dict[str, Any]:
    """The card; fields that nobody answered are left out."""
    card = {
        "schema_version": SCHEMA,
        "model_details": _details(config, evidence),
        "model_parameters": _parameters(config, evidence),
        "quantitative_analysis": {
            "performance_metrics": [line for one in judged(evidence) for line in _metrics(one, evidence)]
        },
        "considerations": _considerations(config, evidence),
    }
    return {name: _known(value) if isinstance(value, dict) else value for name, value in card.items()}


def _known(value: dict[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in value.items() if item not in (None, "", [], {})}


def _details(config: Mapping[str, Any], evidence: Evidence) -> dict[str, Any]:
    verdict = {True: "All gates passed.", False: "Not released: a gate failed.", None: "No gate judged this model."}[
        evidence.passed
    ]
    digests = [one.digest for one in judged(evidence) if one.digest]
    owner = {"name": str(config["owner"])} if config.get("owner") else {}
    contact = written(config, "contact")
    return {
        "name": str(config["spec"]), "overview": str(config.get("doc") or ""), "documentation": verdict,
        "owners": [owner | ({"contact": str(contact)} if contact else {})] if owner or contact else [],
        "version": {"name": str(digests[0])} if digests else {},
        "licenses": [{"identifier": str(written(config, "license"))}] if written(config, "license") else [],
    }  # fmt: skip


def _parameters(config: Mapping[str, Any], evidence: Evidence) -> dict[str, Any]:
    names = list(dict.fromkeys(one.model for one in judged(evidence))) or sorted(evidence.package)
    models = [evidence.package[name] for name in names if name in evidence.package]
    return {
        "model_architecture": "; ".join(str((one.get("estimator") or {}).get("name")) for one in models),
        "data": [_dataset(config, source) for source in config.get("sources") or ()],
        "input_format": "; ".join(f"{column['name']}: {column['type']}" for one in models for column in one.get("columns", ())),
        "output_format": "; ".join(_output(one) for one in models),
    }


def _output(package: Mapping[str, Any]) -> str:
    if package.get("task") == "regression":
        return "a number"
    classes = ", ".join(str(value) for value in package.get("classes", ()))
    return (
        f"the probability of {package.get('positive')}, and one of {classes}"
        if package.get("task") == "binary"
        else f"probabilities of {classes}"
    )


def _dataset(config: Mapping[str, Any], source: Mapping[str, Any]) -> dict[str, Any]:
    sensitive = [
        f"{column['name']}: {', '.join(tags)}"
        for column in source["columns"]
        if (tags := [tag for tag in column.get("tags", ()) if tag == "protected" or str(tag).startswith("pii.")])
    ]
    told = " ".join(str(text) for text in (source.get("doc"), written(config, "data")) if text)
    return {"name": str(source["name"])} | _known(
        {"description": told, "sensitive": {"sensitive_data": sensitive} if sensitive else None}
    )


def _metrics(one: Judged, evidence: Evidence) -> Iterator[dict[str, Any]]:
    """Every metric, the ends of its interval, and its values in slices."""
    for name, value, low, high in one.values():
        yield {"type": name, "value": value, "slice": one.part}
        if low is not None and high is not None:
            yield {
                "type": f"{name}, lower end of the {one.confidence * 100:g}% interval",
                "value": float(low),
                "slice": one.part,
            }
            yield {
                "type": f"{name}, upper end of the {one.confidence * 100:g}% interval",
                "value": float(high),
                "slice": one.part,
            }
    for grouping in evidence.metrics[one.block].get("slices", ()):
        for group in grouping["values"]:
            for name, found in (group["models"].get(one.model) or {}).items():
                if found is not None:
                    yield {"type": name, "value": float(found), "slice": f"{one.part}, {grouping['by'][1]} = {group['value']}"}


def _considerations(config: Mapping[str, Any], evidence: Evidence) -> dict[str, Any]:
    use = written(config, "intended_use")
    failed = [f"the gate {gate['name']} failed: {gate['text']}" for gate in evidence.gates() if gate["status"] == "failed"]
    return {
        "users": [{"description": text} for text in listed(config, "users")],
        "use_cases": [{"description": str(use)}] if use else [],
        "limitations": [{"description": text} for text in [*listed(config, "out_of_scope"), *failed]],
        "ethical_considerations": _risks(listed(config, "risks"), listed(config, "mitigations")),
    }


def _risks(risks: list[str], mitigations: list[str]) -> list[dict[str, str]]:
    """Each risk with its mitigation where there are as many of both, else all mitigations with each."""
    paired = mitigations if len(mitigations) == len(risks) else ["; ".join(mitigations)] * len(risks)
    return [
        {"name": risk} | ({"mitigation_strategy": answer} if answer else {}) for risk, answer in zip(risks, paired, strict=True)
    ]
