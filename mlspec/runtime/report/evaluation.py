"""The evaluation report: one self-contained page from the findings of a run, equal bytes for equal findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from mlspec.runtime.report.analysis_part import analysis_part
from mlspec.runtime.report.classes_part import cell_of
from mlspec.runtime.report.compression_part import compression_part
from mlspec.runtime.report.evidence import Evidence, read_evidence
from mlspec.runtime.report.facts_part import checks_part, packages_part, reports_of
from mlspec.runtime.report.gates_part import gates_part
from mlspec.runtime.report.models_part import models_part
from mlspec.runtime.report.page import TEMPLATES, render
from mlspec.runtime.report.search_part import search_part
from mlspec.runtime.report.shown import metric_name, of_metric
from mlspec.runtime.report.slices_part import slices_part
from mlspec.runtime.report.training_part import training_part

HEADLINE = {
    "binary": ("auc", "accuracy"),
    "multiclass": ("accuracy", "macro_f1"),
    "regression": ("mae", "r2"),
    "ranking": ("ndcg", "mrr"),
}


def evaluation_page(config: Mapping[str, Any], inputs: Mapping[str, Path]) -> str:
    """The page; no reading of a clock is in it."""
    evidence = read_evidence(inputs)
    parts = {
        "gates": gates_part(evidence), "models": models_part(evidence), "slices": slices_part(evidence), "analyses": analysis_part(evidence),
        "searches": search_part(evidence),
        "trainings": training_part(evidence),
        "compressions": compression_part(evidence),
        "packages": packages_part(evidence), "sources": checks_part(evidence),
    }  # fmt: skip
    # Both files are ours; the page's style stands first.
    style = "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in ("page.css", "evaluation.css"))
    return render(
        "evaluation.html.j2", title=config["spec"], eyebrow="Evaluation report", summary=config.get("doc") or "", facts=facts(evidence),
        passed=evidence.passed, owner=config.get("owner"), reports=reports_of(config.get("blocks") or ()),
        sections=sections(parts), style=Markup(style), **parts,  # noqa: S704
    )  # fmt: skip


def sections(parts: Mapping[str, Sequence[Any]]) -> list[dict[str, str]]:
    """What the page has, for its navigation."""
    titles = {
        "gates": "Gates",
        "models": "Models",
        "slices": "Slices",
        "analyses": "Analyses",
        "searches": "Search",
        "trainings": "Training",
        "compressions": "Compression",
        "packages": "Packages",
        "sources": "Data",
    }
    return [{"id": key, "title": title} for key, title in titles.items() if parts[key]]


def facts(evidence: Evidence) -> list[dict[str, str]]:
    """The few numbers that one wants first."""
    found: list[dict[str, str]] = []
    gates = evidence.gates()
    if gates:
        held = sum(gate["status"] == "passed" for gate in gates)
        found.append({"value": f"{held} of {len(gates)}", "name": "gates passed"})
    for metrics in [found for _, found in evidence.evaluations()[:1]]:
        candidate = str(metrics.get("candidate"))
        values = metrics["models"].get(candidate, {})
        for name in HEADLINE[metrics["label"]["task"]]:
            if values.get(name, {}).get("value") is not None:
                span = cell_of(name, values[name])["span"]
                found.append(
                    {"value": of_metric(name, values[name]["value"]), "name": f"{metric_name(name)} of {candidate}, {span}"}
                )
        found.append({"value": f"{metrics['n']:,}", "name": f"rows held out ({metrics['part']})"})
    return found
