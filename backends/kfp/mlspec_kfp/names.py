"""Names that may stand in a generated file: checked here, so that nothing else of a spec ever does."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mlspec.backend import Finding
from mlspec.graph import Graph, Stage

PIPELINE = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*\Z")
INPUT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*\Z")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
RESOURCE = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?:/[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?\Z")
IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9._/:-]*@sha256:[0-9a-f]{64}\Z")
FOLDER = re.compile(r"(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)+\Z")
URI = re.compile(r"[a-z][a-z0-9]*://[A-Za-z0-9._/?=&%~-]+\Z")
LONGEST = 128


def pipeline_name(graph: Graph) -> str:
    """The name that KFP keeps versions, runs and cached results under: the spec's, with `-` for `_`."""
    return "-".join(word for word in graph.spec.lower().replace("_", "-").split("-") if word)


def port(name: str) -> str:
    """The name of an input in KFP: a dot ends a word in its placeholders. No name of a spec holds a `-`, so none collide."""
    return name.replace(".", "--")


def variables(stage: Stage) -> list[str]:
    """The environment variables that a stage reads secrets from."""
    handles = stage.config.get("secrets") or {}
    return sorted({str(handle["variable"]) for handle in handles.values() if handle.get("kind") == "env"})


def models_shown(stage: Stage) -> list[str]:
    """The models whose ROC curve or confusion matrix KFP's page can draw."""
    drawn = stage.kind == "evaluate" and {"roc", "confusion"} & {*stage.config.get("plots", ())}
    return [str(name) for name in stage.config.get("models", ())] if drawn else []


def check_names(graph: Graph) -> list[Finding]:
    """MLS706 for every name that KFP or its files cannot take, MLS707 for secrets that do not come from a variable."""
    findings = [*_refused("the spec", [graph.spec] if not PIPELINE.match(pipeline_name(graph)) else [], graph.spec)]
    if len(pipeline_name(graph)) > LONGEST:
        findings += _refused("the spec", [graph.spec], graph.spec)
    for stage in graph:
        asked = [*stage.inputs, *stage.outputs, *models_shown(stage)]
        findings += _refused(stage.block, [name for name in asked if not INPUT.match(name)], stage.block)
        findings += _refused(stage.block, [name for name in variables(stage) if not VARIABLE.match(name)], stage.block)
        findings += _providers(stage)
    return findings


def _refused(what: str, names: Iterable[str], where: str) -> list[Finding]:
    return [
        Finding("MLS706", where, {
            "target": "kfp", "name": ascii(name)[1:-1][:80], "why": f"a name in pipeline.yaml is a plain word ({what})" if what != where else "a name in pipeline.yaml is a plain word",
            "wanted": "letters, digits and `_`, the first one a letter",
        })
        for name in names
    ]  # fmt: skip


def _providers(stage: Stage) -> list[Finding]:
    handles = stage.config.get("secrets") or {}
    kinds = sorted({str(handle.get("kind")) for handle in handles.values()} - {"env"})
    data = {"target": "kfp", "known": "`env`"}
    return [Finding("MLS707", stage.block, {**data, "got": ascii(kind)[1:-1][:40]}) for kind in kinds]
