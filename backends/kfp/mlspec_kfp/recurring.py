"""Runs at set times: for each schedule a recurring run as KFP's API takes it, and a pipeline of its own where it runs only a part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from mlspec.backend import Finding
from mlspec.graph import Graph, Schedule
from mlspec_kfp.names import pipeline_name, slug
from mlspec_kfp.zones import in_utc

UTC = ("UTC", "Etc/UTC")


def timed(graph: Graph) -> list[Schedule]:
    """The schedules of stages; a batch score or a monitor is started by what deploys it."""
    return [schedule for schedule in graph.schedules if schedule.stages]


def pipeline_path(graph: Graph, schedule: Schedule) -> str:
    """The pipeline that the schedule runs: the whole one unless it leaves stages out or tries them more often."""
    whole = len(schedule.stages) == len(graph) and not schedule.retry
    return "pipeline.yaml" if whole else f"pipeline-{slug(schedule.name)}.yaml"


def part(graph: Graph, schedule: Schedule) -> Graph:
    """The stages that the schedule runs, with its further attempts."""
    stages = [graph[name] for name in schedule.stages]
    more = [replace(one, resources=replace(one.resources, retry=one.resources.retry + schedule.retry)) for one in stages]
    return graph.of_these(more, spec=f"{graph.spec}_{schedule.name}")


def recurring_run(graph: Graph, schedule: Schedule, zone: str = "UTC") -> dict[str, Any]:
    """The body of the request that creates the recurring run; the pipeline's version is put in when it is uploaded."""
    return {
        "display_name": f"{pipeline_name(graph)}-{slug(schedule.name)}",
        "max_concurrency": "1",
        "mode": "ENABLE",
        "no_catchup": True,
        "trigger": _trigger(schedule, zone),
    }


def _trigger(schedule: Schedule, zone: str) -> dict[str, Any]:
    if schedule.cron is not None:
        # KFP's lines have seconds first.
        return {"cron_schedule": {"cron": f"0 {_cron(schedule, zone) or schedule.cron}"}}
    assert schedule.every is not None
    return {"periodic_schedule": {"interval_second": str(max(1, round(schedule.every)))}}


def _cron(schedule: Schedule, zone: str) -> str | None:
    """The schedule's line for a server whose clock is that of `zone`; None where there is none."""
    own = str(schedule.zone)
    if schedule.cron is None or own == zone or {own, zone} <= {*UTC}:
        return schedule.cron
    return in_utc(schedule.cron, own) if zone in UTC else None


def check_schedules(graph: Graph, zone: str = "UTC") -> list[Finding]:
    """MLS702 for what KFP leaves to others."""
    return [finding for schedule in timed(graph) for finding in _left_to_others(schedule, zone)]


def _left_to_others(schedule: Schedule, zone: str) -> Iterator[Finding]:
    left = {
        "at": f"a recurring run has no zone, and no line in `{zone}` means these times in `{schedule.zone}`: "
        "set the server's CRON_SCHEDULE_TIMEZONE to that, and compile with the option `zone`"
        if schedule.cron is not None and _cron(schedule, zone) is None
        else "",
        "deadline": "KFP watches no deadline of a run" if schedule.deadline is not None else "",
        "on_failure": "KFP shows a failed run on its page and tells nobody" if schedule.on_failure is not None else "",
    }
    for field, how in left.items():
        if how:
            data = {"target": "kfp", "what": f"`{field}` of `{schedule.name}`", "how": how}
            yield Finding("MLS702", f"{schedule.name}.{field}", data)
