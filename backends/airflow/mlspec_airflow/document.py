"""`airflow.json`: what the DAG file reads of a pipeline. Identifiers, digests, constants; of free text only who owns it and what it is for."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mlspec.backend import At, Text, to_json
from mlspec.graph import Graph, Resources, Schedule, Stage, write_plan
from mlspec_airflow.settings import Settings

FORMAT = 1
_LONGEST_TEXT = 20_000


def plan_for(graph: Graph) -> str:
    """The plan without attempts and time limits, which Airflow counts itself: nobody is to do it twice."""
    stages = [replace(stage, resources=_held_here(stage.resources)) for stage in graph]
    return write_plan(graph.of_these(stages, schedules=graph.schedules)).decode()


def _held_here(resources: Resources) -> Resources:
    return replace(resources, retry=0, time_limit=None)


def airflow_json(graph: Graph, settings: Settings, plan: str) -> Text:
    """The file, with the places of the spec that its lines come from."""
    facts = _facts(graph)
    docs = {str(block["name"]): str(block["doc"] or "") for block in facts.get("blocks", ())}
    spec, after = graph.spec, direct(graph)
    return to_json(
        {
            "format": FORMAT,
            "spec": spec,
            "spec_digest": graph.spec_digest,
            "plan": hashlib.sha256(plan.encode()).hexdigest(),
            "summary": f"{spec}, by mlspec",
            "owner": At(_short(facts.get("owner") or "airflow", 200), f"{spec}.owner"),
            "doc": At(_short(facts.get("doc") or "", _LONGEST_TEXT), spec),
            "tags": ["mlspec", spec[:90]],
            "python": settings.python,
            "project": settings.project,
            "state": settings.state,
            "runs": settings.runs,
            "pool": settings.pool,
            "retry_delay": settings.retry_delay,
            "gpu_queue": settings.gpu_queue,
            "dags": [_whole(graph), *(_timed(graph, schedule) for schedule in graph.schedules if schedule.stages)],
            "tasks": {stage.id: _task(stage, settings, after[stage.id], docs.get(stage.block, "")) for stage in graph},
        }
    )


def _facts(graph: Graph) -> dict[str, Any]:
    """Who owns the spec and what it says of itself, as the report shows it."""
    return next((dict(stage.config) for stage in graph if stage.kind == "report"), {})


def _short(text: Any, limit: int) -> str:
    return str(text)[:limit]


def dag_ids(graph: Graph) -> list[str]:
    """The ids of the DAGs: the spec's name, and with a point behind it that of each schedule."""
    return [graph.spec, *(f"{graph.spec}.{schedule.name}" for schedule in graph.schedules if schedule.stages)]


def _whole(graph: Graph) -> dict[str, Any]:
    """The pipeline as a whole, which people start."""
    return {"id": graph.spec, "cron": None, "zone": None, "every": None, "retry": 0, "deadline": None, "on_failure": None,
            "stages": list(graph.stages)}  # fmt: skip


def _timed(graph: Graph, schedule: Schedule) -> At:
    made = {
        "id": f"{graph.spec}.{schedule.name}", "cron": schedule.cron, "zone": schedule.zone, "every": schedule.every,
        "retry": schedule.retry, "deadline": schedule.deadline, "on_failure": _channel(schedule), "stages": list(schedule.stages),
    }  # fmt: skip
    return At(made, schedule.name)


def _channel(schedule: Schedule) -> dict[str, Any] | None:
    """The channel of a failure; where its address lies, never the address."""
    channel = schedule.on_failure
    if channel is None:
        return None
    handle = channel.get("url")
    variable = (
        handle.get("variable") if isinstance(handle, Mapping) else None
    )  # anything else is a finding, and nothing is written
    return {"kind": "webhook", "variable": variable} if channel.get("kind") == "webhook" else {"kind": "log"}


def direct(graph: Graph) -> dict[str, list[str]]:
    """What each stage waits for, without what it waits for through another: the same order, and a graph that people can read."""
    bits = {name: 1 << place for place, name in enumerate(graph.stages)}
    before: dict[str, int] = {}
    found = {}
    for stage in graph:
        waits = stage.waits_for()
        through = 0
        for name in waits:
            through |= before[name]
        found[stage.id] = [name for name in waits if not through & bits[name]]
        before[stage.id] = through | sum(bits[name] for name in found[stage.id])
    return found


def _task(stage: Stage, settings: Settings, after: list[str], doc: str) -> At:
    asked = stage.resources
    task = {
        "kind": stage.kind,
        "after": after,
        "retry": None if stage.kind == "enforce" else asked.retry,
        "time_limit": None if asked.time_limit is None else math.ceil(asked.time_limit * 1000) / 1000,
        "slots": settings.slots if asked.exclusive else min(asked.cpu, settings.slots),
        "workers": max(1, asked.cpu),
        "gpu": asked.gpus_a_node > 0,
        "secrets": secrets_of(stage),
        "doc": _short(doc, _LONGEST_TEXT),
    }
    return At(task, stage.block)


def secrets_of(stage: Stage) -> list[str]:
    """The variables that hold the secrets of a stage."""
    handles = dict(stage.config.get("secrets") or {}).values()
    return sorted({str(handle.get("variable")) for handle in handles if handle.get("kind") == "env"})
