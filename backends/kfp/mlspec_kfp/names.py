"""Names that may stand in a generated file: checked here, so that nothing else of a spec ever does."""

from __future__ import annotations

import re

from mlspec.backend import Finding
from mlspec.graph import Graph, Stage

PIPELINE = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*\Z")
INPUT = re.compile(r"(?=.{1,160}\Z)[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*\Z")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}\Z")
OBJECT = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\Z")
"""The name of an object of Kubernetes."""

RESOURCE = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?:/[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?\Z")
IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9._/:-]*@sha256:[0-9a-f]{64}\Z")
FOLDER = re.compile(r"(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)+\Z")
URI = re.compile(r"[a-z][a-z0-9]*://[A-Za-z0-9._/?=&%~-]+\Z")
LABEL = re.compile(r"(?=.{1,63}\Z)[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
LONGEST = 64


def slug(name: str) -> str:
    """A name of a spec where only `-` may join words: in names of pipelines and files."""
    return "-".join(word for word in name.lower().replace("_", "-").split("-") if word)


def pipeline_name(graph: Graph) -> str:
    """The name that KFP keeps versions, runs and cached results under."""
    return slug(graph.spec)


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
    findings = [] if fits(graph.spec) else [_refused(graph.spec, graph.spec)]
    for schedule in graph.schedules:
        if schedule.stages and not fits(schedule.name):
            findings.append(_refused(schedule.name, schedule.name))
    for stage in graph:
        findings += [
            _refused(name, stage.block) for name in sorted({*stage.inputs, *models_shown(stage)}) if not INPUT.match(name)
        ]
        words = {*stage.outputs, *variables(stage)}
        findings += [_refused(name, stage.block) for name in sorted(words) if not VARIABLE.match(name)]
        findings += _providers(stage)
        if stage.resources.gpu is not None and not LABEL.match(stage.resources.gpu):
            findings.append(_kind(stage.resources.gpu, f"{stage.block}.gpu"))
    return findings


def fits(name: str) -> bool:
    """Whether a name can be one of a pipeline: with a schedule's behind it, it is still short enough."""
    return (
        VARIABLE.match(name.replace("-", "_")) is not None and PIPELINE.match(slug(name)) is not None and len(name) <= LONGEST
    )


def _refused(name: str, where: str) -> Finding:
    data = {"target": "kfp", "name": ascii(name)[1:-1][:80], "why": "it stands in the files, where only plain words may",
            "wanted": "letters, digits and `_`, a letter first"}  # fmt: skip
    return Finding("MLS706", where, data)


def _kind(name: str, where: str) -> Finding:
    data = {"target": "kfp", "name": ascii(name)[1:-1][:80], "why": "nodes say their kind of GPU in a label, which has no such value",
            "wanted": "letters, digits, `-`, `_` and `.`, such as `nvidia-a100-80gb`"}  # fmt: skip
    return Finding("MLS706", where, data)


def _providers(stage: Stage) -> list[Finding]:
    handles = stage.config.get("secrets") or {}
    kinds = sorted({str(handle.get("kind")) for handle in handles.values()} - {"env"})
    data = {"target": "kfp", "known": "`env`"}
    return [Finding("MLS707", stage.block, {**data, "got": ascii(kind)[1:-1][:40]}) for kind in kinds]
