"""The facts of the report: what each model is, and what the data had to satisfy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlspec.graph.model import stage_id
from mlspec.runtime.report.evidence import Evidence
from mlspec.runtime.report.shown import plain


def packages_part(evidence: Evidence) -> list[dict[str, Any]]:
    """One entry per package: estimator, parameters, inputs, engine, digest."""
    digests = {name: digest for verdict in evidence.verdict.values() for name, digest in verdict.get("packages", {}).items()}
    candidates = evidence.candidates()
    ordered = sorted(evidence.package.items(), key=lambda pair: (pair[0] not in candidates, pair[0]))
    return [_package(name, found, digests.get(name)) for name, found in ordered]


def _package(name: str, found: Mapping[str, Any], digest: str | None) -> dict[str, Any]:
    estimator = found.get("estimator") or {}
    calibration = found.get("calibration")
    facts = [
        ("Estimator", estimator.get("name") or "none"),
        (
            "Parameters",
            ", ".join(f"{key} = {plain(value)}" for key, value in (estimator.get("params") or {}).items()) or "defaults",
        ),
        ("Task", found.get("task")),
        ("Threshold", plain(found.get("threshold")) if found.get("task") == "binary" else None),
        ("Calibration", _calibration(calibration) if found.get("task") != "regression" else None),
        ("Engine", found.get("engine")),
        ("Unknown values", found.get("unknown")),
        ("Proof", _proof(found.get("proof"))),
        ("Made with", ", ".join(f"{key} {value}" for key, value in sorted((found.get("versions") or {}).items()))),
        ("Digest", digest),
    ]
    return {
        "name": name, "facts": [(key, value) for key, value in facts if value], "features": [_feature(item) for item in found.get("features", ())],
    }  # fmt: skip


def _calibration(found: Any) -> str:
    if not found:
        return "none"
    return str(found.get("method", "yes")) if isinstance(found, Mapping) else str(found)


def _proof(found: Mapping[str, Any] | None) -> str | None:
    if not found:
        return None
    return f"batch and online scores equal bit for bit on {found['rows']:,} rows"


def _feature(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": item["name"], "type": item.get("type", ""), "steps": [str(step["op"]) for step in item.get("fitted", ())]}


def checks_part(evidence: Evidence) -> list[dict[str, Any]]:
    """One entry per source: its checks with what was expected and found."""
    return [
        {"name": name, "checks": [_check(check) for check in found.get("checks", ())]} for name, found in evidence.checks.items()
    ]  # fmt: skip


def _check(check: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": check["name"], "passed": check["passed"], "expected": plain(check.get("expected")), "value": plain(check.get("value")),
        "failed_rows": check.get("failed_rows") or 0,
    }  # fmt: skip


def reports_of(blocks: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The data reports of the run, and where they lie seen from this one: a run's folder keeps a folder per stage."""
    names = [str(block["name"]) for block in blocks if block.get("kind") == "explore"]
    return [{"name": name, "link": f"../{stage_id(name, 'explore')}/index.html"} for name in names]
