"""Our own check of the IR, always run: the SDK's loader takes a file whose tasks read what nothing writes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlspec.backend import Finding
from mlspec.graph import Graph

Tree = Mapping[str, Any]

ETCD_LIMIT = 1_572_864
"""The largest object that etcd takes unless its operator says otherwise; a run is one object."""

WORKFLOW_GROWTH = 4
TASK_STATUS = 20_000
"""A server makes of each task a driver and an executor, with specification and state of both: 56 tasks were 1.95 MiB (kfp#13738)."""

_TASK = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*\Z")
_PORT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
_PLACEHOLDER = re.compile(r"\{\{\$\.(inputs|outputs)\.artifacts\['([^']*)'\]\.path\}\}")
_TITLES = {
    f"system.{name}"
    for name in (
        "Artifact",
        "Dataset",
        "Model",
        "Metrics",
        "ClassificationMetrics",
        "SlicedClassificationMetrics",
        "HTML",
        "Markdown",
    )
}


def check_size(graph: Graph, text: str) -> list[Finding]:
    """MLS709 when the run would be an object that etcd refuses."""
    size = workflow_size(len(graph), len(text))
    if size <= ETCD_LIMIT:
        return []
    data = {
        "target": "kfp", "got": f"about {size / 2**20:.1f} MiB as a run of {len(graph):,} tasks",
        "limit": f"{ETCD_LIMIT / 2**20:.1f} MiB, the limit of etcd",
    }  # fmt: skip
    return [Finding("MLS709", graph.spec, data)]


def workflow_size(tasks: int, text: int) -> int:
    """About how many bytes a run takes as a Kubernetes object, its state at the end included."""
    return WORKFLOW_GROWTH * text + TASK_STATUS * tasks


def check_pipeline(pipeline: Tree, platforms: Tree) -> list[str]:
    """What is wrong with the IR, each with its place; empty for a sound one."""
    return list(_problems(pipeline, platforms))


def _problems(pipeline: Tree, platforms: Tree) -> Iterator[str]:
    components, tasks = pipeline["components"], pipeline["root"]["dag"]["tasks"]
    executors = pipeline["deploymentSpec"]["executors"]
    if not _TASK.match(pipeline["pipelineInfo"]["name"]):
        yield f"pipelineInfo.name is {pipeline['pipelineInfo']['name']!r}"
    for name, component in components.items():
        yield from _component(name, component, executors)
    for name, task in tasks.items():
        yield from _task(name, task, tasks, components)
    yield from _unused(components, executors, tasks)
    yield from _cycle(tasks)
    for name in platforms.get("platforms", {}).get("kubernetes", {}).get("deploymentSpec", {}).get("executors", {}):
        if name not in executors:
            yield f"platforms: no executor {name}"


def _component(name: str, component: Tree, executors: Tree) -> Iterator[str]:
    where = f"components.{name}"
    label = str(component.get("executorLabel"))
    if label not in executors:
        yield f"{where}: no executor {label}"
        return
    read, written = _artifacts(component, "inputDefinitions"), _artifacts(component, "outputDefinitions")
    for port, found in [*read.items(), *written.items()]:
        if not _PORT.match(port):
            yield f"{where}: {port!r} is no name"
        if found["artifactType"]["schemaTitle"] not in _TITLES:
            yield f"{where}.{port}: no type {found['artifactType']['schemaTitle']}"
    used = {pair for argument in executors[label]["container"]["args"] for pair in _PLACEHOLDER.findall(argument)}
    declared = {("inputs", port) for port in read} | {("outputs", port) for port in written}
    for side, port in sorted(used ^ declared):
        yield f"{where}: {side} {port} is {'not declared' if (side, port) in used else 'in no argument'}"


def _artifacts(component: Tree, side: str) -> dict[str, Any]:
    found: dict[str, Any] = component.get(side, {}).get("artifacts", {})
    return found


def _task(name: str, task: Tree, tasks: Tree, components: Tree) -> Iterator[str]:
    where = f"tasks.{name}"
    if not _TASK.match(name) or len(name) > 63:
        yield f"{where}: no name for a task"
    component = components.get(task["componentRef"]["name"])
    if component is None:
        yield f"{where}: no component {task['componentRef']['name']}"
        return
    waits = task.get("dependentTasks", [])
    for other in waits:
        if other not in tasks:
            yield f"{where}.dependentTasks: no task {other}"
    given = task.get("inputs", {}).get("artifacts", {})
    wanted = _artifacts(component, "inputDefinitions")
    for port in sorted({*given} ^ {*wanted}):
        yield f"{where}.inputs: {port} is {'not declared' if port in given else 'missing'}"
    for port in sorted({*given} & {*wanted}):
        yield from _read(f"{where}.inputs.{port}", given[port]["taskOutputArtifact"], wanted[port], waits, tasks, components)


def _read(where: str, source: Tree, wanted: Tree, waits: list[str], tasks: Tree, components: Tree) -> Iterator[str]:
    producer, key = source["producerTask"], source["outputArtifactKey"]
    if producer not in tasks:
        yield f"{where}: no task {producer}"
        return
    if producer not in waits:
        yield f"{where}: {producer} is not among dependentTasks"
    component = components.get(tasks[producer]["componentRef"]["name"], {})
    written = _artifacts(component, "outputDefinitions").get(key)
    if written is None:
        yield f"{where}: {producer} writes no {key}"
    elif written != wanted:
        yield f"{where}: {key} of {producer} has another type"


def _unused(components: Tree, executors: Tree, tasks: Tree) -> Iterator[str]:
    for name in sorted({*components} - {task["componentRef"]["name"] for task in tasks.values()}):
        yield f"components.{name}: no task"
    for name in sorted({*executors} - {component.get("executorLabel") for component in components.values()}):
        yield f"executors.{name}: no component"


def _cycle(tasks: Tree) -> Iterator[str]:
    """Take away what waits for nothing until nothing is left; what stays waits for itself."""
    waiting = {name: {other for other in task.get("dependentTasks", ()) if other in tasks} for name, task in tasks.items()}
    readers: dict[str, list[str]] = {name: [] for name in tasks}
    for name, others in waiting.items():
        for other in others:
            readers[other].append(name)
    free = [name for name, others in waiting.items() if not others]
    done = 0
    while free:
        done += 1
        name = free.pop()
        for reader in readers[name]:
            waiting[reader].discard(name)
            if not waiting[reader]:
                free.append(reader)
    if done < len(tasks):
        yield f"tasks wait for each other: {' '.join(sorted(name for name, others in waiting.items() if others)[:8])}"
