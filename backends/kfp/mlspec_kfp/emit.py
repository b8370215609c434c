"""The files of the target: pipeline.yaml, plan.json, and what the image is built from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import mlspec
from mlspec.backend import At, Emitted, Finding, Origin, to_json, to_yaml
from mlspec.backend.order import before_gates
from mlspec.graph import Graph, Schedule, cacheable, installed_versions, packages_needed, write_plan
from mlspec.graph.kinds import LOOKED_UP
from mlspec_kfp import ir
from mlspec_kfp.image import dockerfile, requirements
from mlspec_kfp.kubernetes import platforms
from mlspec_kfp.names import check_names, pipeline_name, slug
from mlspec_kfp.recurring import check_schedules, part, pipeline_path, recurring_run, timed
from mlspec_kfp.settings import Settings, check_settings
from mlspec_kfp.trainer import FILE as MACHINES
from mlspec_kfp.trainer import check_machines, manifests
from mlspec_kfp.verify import check_pipeline, check_size

PIPELINE = "pipeline.yaml"
PLAN = "plan.json"
OF_THE_RUN = ("report", "card", "track", "register")
"""Kinds of stages that come from the spec as a whole: their lines are the `spec` block's."""


def emit(graph: Graph, options: Mapping[str, Any]) -> Emitted:
    """Everything that a server and a registry need. With a name that cannot stand in one there are no files."""
    plan = write_plan(graph)
    digest = hashlib.sha256(plan).hexdigest()
    settings = Settings.of(options, pipeline_name(graph), digest)
    if refused := check_names(graph) or check_settings(settings, graph.spec):
        return Emitted({}, refused)
    findings = [*check_schedules(graph, settings.zone), *_registries(graph), *check_machines(graph, settings)]
    machines = manifests(graph, settings)
    pipelines = {PIPELINE: graph} | {pipeline_path(graph, timed_run): part(graph, timed_run) for timed_run in _parts(graph)}
    written = {path: pipeline_file(stages, settings) for path, stages in pipelines.items()}
    if not settings.allow_oversize:
        findings += [found for path, (text, _) in written.items() for found in check_size(pipelines[path], text)]
    files = {
        **({} if machines is None else {MACHINES: machines.text}), **{path: text for path, (text, _) in written.items()}, PLAN: plan.decode(),
        "Dockerfile": dockerfile(graph, settings, digest), "requirements.txt": requirements(graph), **_recurring(graph, settings.zone),
    }  # fmt: skip
    origins = {path: places for path, (_, places) in written.items()}
    return Emitted(files, findings, origins if machines is None else {**origins, MACHINES: machines.origins})


def _registries(graph: Graph) -> list[Finding]:
    """MLS701 for a model of a registry that is a file on this machine: a task in a cluster would never find it, and skip its gates."""
    return [
        Finding("MLS701", stage.block, {"target": "kfp", "what": "a model of a registry that is a file of this project",
                                        "wanted": 'a server that tasks reach: `tracking = mlflow(uri: "https://…")`'})
        for stage in graph
        if stage.kind in LOOKED_UP and not str(stage.config.get("uri") or "").startswith(("http://", "https://"))
    ]  # fmt: skip


def _parts(graph: Graph) -> list[Schedule]:
    """The schedules that need a pipeline of their own."""
    return [schedule for schedule in timed(graph) if pipeline_path(graph, schedule) != PIPELINE]


def _recurring(graph: Graph, zone: str) -> dict[str, str]:
    """A file for each recurring run."""
    return {
        f"recurring-{slug(schedule.name)}.json": to_json(recurring_run(graph, schedule, zone)).text for schedule in timed(graph)
    }


def pipeline_file(graph: Graph, settings: Settings) -> tuple[str, Sequence[Origin]]:
    """The text of pipeline.yaml and where its lines come from."""
    tree, extension = pipeline(graph, settings), platforms(graph, settings)
    if problems := check_pipeline(tree, extension):
        raise RuntimeError(f"a bug in mlspec: pipeline.yaml would be wrong: {problems[0]}")
    blocks = {stage.id: graph.spec if stage.kind in OF_THE_RUN else stage.block for stage in graph}
    first = to_yaml(_placed(tree, blocks))
    head = f"# Written by mlspec {mlspec.__version__}, target kfp, from {settings.plan}: compile again instead of editing.\n"
    text, origins = head + first.text, _moved(first.origins, 1)
    if extension:
        second = to_yaml(_placed_extension(extension, blocks))
        origins += _moved(second.origins, text.count("\n") + 1)
        text += "---\n" + second.text
    return text, origins


def _moved(origins: Sequence[Origin], lines: int) -> list[Origin]:
    return [replace(found, first=found.first + lines, last=found.last + lines) for found in origins]


def pipeline(graph: Graph, settings: Settings) -> dict[str, Any]:
    """The PipelineSpec, keys sorted as the SDK writes them."""
    last = before_gates(graph)
    keys = cacheable(graph, installed_versions(packages_needed(graph))) if graph.pins else {}
    ids = sorted(graph.stages)
    tree: dict[str, Any] = {
        "components": {f"comp-{name}": ir.component(graph, graph[name]) for name in ids},
        "deploymentSpec": {"executors": {f"exec-{name}": ir.executor(graph[name], settings) for name in ids}},
        "pipelineInfo": {"name": pipeline_name(graph)},
        "root": {
            "dag": {
                "tasks": {
                    name: ir.task(graph[name], last if graph[name].kind == "enforce" else (), keys.get(name, ""))
                    for name in ids
                }
            }
        },
        "schemaVersion": "2.1.0",
        "sdkVersion": f"mlspec-{mlspec.__version__}",
    }
    return {"components": tree.pop("components"), **_root(settings), **tree}


def _root(settings: Settings) -> dict[str, str]:
    return {"defaultPipelineRoot": settings.pipeline_root} if settings.pipeline_root else {}


def _placed(tree: dict[str, Any], blocks: Mapping[str, str]) -> dict[str, Any]:
    """The tree with the block of each component, executor and task."""
    executors = _at(tree["deploymentSpec"]["executors"], "exec-", blocks)
    tasks = _at(tree["root"]["dag"]["tasks"], "", blocks)
    return {
        **tree, "components": _at(tree["components"], "comp-", blocks), "deploymentSpec": {"executors": executors},
        "root": {"dag": {"tasks": tasks}},
    }  # fmt: skip


def _placed_extension(tree: dict[str, Any], blocks: Mapping[str, str]) -> dict[str, Any]:
    executors = tree["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": _at(executors, "exec-", blocks)}}}}


def _at(items: Mapping[str, Any], prefix: str, blocks: Mapping[str, str]) -> dict[str, At]:
    return {name: At(item, blocks[name[len(prefix) :]]) for name, item in items.items()}
