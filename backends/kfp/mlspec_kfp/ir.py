"""One stage as KFP sees it: a component, an executor and a task. Plain dicts, in the order in which they are written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlspec.graph import Graph, Resources, Stage
from mlspec_kfp.names import models_shown, port
from mlspec_kfp.settings import Settings
from mlspec_kfp.trainer import environment

Tree = dict[str, Any]

TYPES = {"table": "system.Dataset", "model": "system.Model", "metrics": "system.Metrics"}
"""What an artifact is to KFP; every other one is a `system.Artifact`."""

PAGES = {"html": "system.HTML", "markdown": "system.Markdown"}


def artifact_type(title: str) -> Tree:
    """The type of an artifact, as components declare it."""
    return {"artifactType": {"schemaTitle": title, "schemaVersion": "0.0.1"}}


def pages(stage: Stage) -> dict[str, str]:
    """The outputs that are there for KFP's page alone, with their types: a file each, while an artifact of ours is a folder."""
    shown = {f"classification--{port(name)}": "system.ClassificationMetrics" for name in models_shown(stage)}
    page = next((PAGES[kind] for kind in stage.outputs.values() if kind in PAGES), None)
    return {**shown, "page": page} if page else shown


def title_of(kind: str) -> str:
    """The KFP type of an artifact of ours."""
    return TYPES.get(kind, "system.Artifact")


def component(graph: Graph, stage: Stage) -> Tree:
    """What the stage reads and writes."""
    found: Tree = {"executorLabel": f"exec-{stage.id}"}
    if stage.inputs:
        sources = {name: graph[source].outputs[output] for name, source, output in stage.upstream()}
        found["inputDefinitions"] = {"artifacts": {port(name): artifact_type(title_of(kind)) for name, kind in sources.items()}}
    written = {name: title_of(stage.outputs[name]) for name in sorted(stage.outputs)} | pages(stage)
    if written:
        found["outputDefinitions"] = {"artifacts": {name: artifact_type(title) for name, title in written.items()}}
    return found


def executor(stage: Stage, settings: Settings) -> Tree:
    """The command of the stage; every argument is a checked name, a digest, a placeholder or a constant."""
    container: Tree = {
        "args": arguments(stage, settings), "command": ["python3", "-m", "mlspec.runtime"], "image": settings.image,
    }  # fmt: skip
    if variables := environment(stage, settings):
        container["env"] = variables
    if asked := resources(stage.resources, settings.accelerator):
        container["resources"] = asked
    return {"container": container}


def arguments(stage: Stage, settings: Settings) -> list[str]:
    """The arguments of the stage command."""
    found = [stage.id, "--plan", settings.plan, "--root", settings.root]
    if settings.store:
        found += ["--store", settings.store]
    if stage.resources.cpu > 1:
        found += ["--workers", str(stage.resources.cpu)]
    for name in sorted(stage.inputs):
        found += ["--in", f"{name}={{{{$.inputs.artifacts['{port(name)}'].path}}}}"]
    for name in sorted(stage.outputs):
        found += ["--out", f"{name}={{{{$.outputs.artifacts['{name}'].path}}}}"]
    for name in pages(stage):
        found += ["--show", f"{name}={{{{$.outputs.artifacts['{name}'].path}}}}"]
    return [*found, "--executor-input", "{{$}}", "--kfp-marker", "kfp.dsl.executor_main"]


def resources(asked: Resources, accelerator: str) -> Tree:
    """Cores, memory and GPU in the fields of old and of new servers. Requests equal limits: what was promised is there."""
    found: Tree = {}
    if (count := asked.gpus_a_node) and asked.nodes == 1:
        found["accelerator"] = {
            "count": str(count),
            "resourceCount": str(count),
            "resourceType": accelerator,
            "type": accelerator,
        }
    if asked.cpu > 1 or asked.exclusive:
        found |= dict.fromkeys(("cpuLimit", "cpuRequest"), float(asked.cpu))
        found |= dict.fromkeys(("resourceCpuLimit", "resourceCpuRequest"), str(asked.cpu))
    if asked.memory is not None:
        found |= dict.fromkeys(("memoryLimit", "memoryRequest"), asked.memory / 1e9)
        found |= dict.fromkeys(("resourceMemoryLimit", "resourceMemoryRequest"), str(asked.memory))
    return {name: found[name] for name in sorted(found)}


def task(stage: Stage, extra: Iterable[str] = (), key: str = "") -> Tree:
    """The stage in the graph. KFP caches it by its key where that is known: where `mlspec.lock` pins the content of all data behind it.

    Without one KFP's own key would be made of names, and answer for data that changed: then it caches nothing.
    """
    caching = {"cacheKey": key, "enableCache": True} if key else {}
    found: Tree = {"cachingOptions": caching, "componentRef": {"name": f"comp-{stage.id}"}}
    if waits := sorted({*stage.waits_for(), *extra}):
        found["dependentTasks"] = waits
    if stage.inputs:
        found["inputs"] = {"artifacts": {port(name): _from(source, output) for name, source, output in stage.upstream()}}
    if stage.resources.retry:
        found["retryPolicy"] = {
            "backoffDuration": "10s", "backoffFactor": 2.0, "backoffMaxDuration": "300s", "maxRetryCount": stage.resources.retry,
        }  # fmt: skip
    return {**found, "taskInfo": {"name": stage.id}}


def _from(source: str, output: str) -> Tree:
    return {"taskOutputArtifact": {"outputArtifactKey": output, "producerTask": source}}
