"""A schedule as the line that cron takes, for targets without a clock of their own."""

from __future__ import annotations

from mlspec.backend.emitted import Finding
from mlspec.graph import Graph, Schedule

_MINUTE, _HOUR, _DAY, _WEEK = 60, 3600, 86400, 604800


def cron_line(graph: Graph, schedule: Schedule, target: str = "local") -> str:
    """The line for cron and the zone it is read in; for a length of time that cron cannot say, a timer's settings."""
    command = _command(graph, schedule, target)
    times = schedule.cron if schedule.every is None else cron_of(schedule.every)
    if times is None:
        return f"a timer of systemd with `OnUnitActiveSec={schedule.every:g}` runs `{command}`"
    zone = f" under `CRON_TZ={schedule.zone}`" if schedule.zone not in (None, "UTC") else ""
    return f"`{times} {command}`{zone}"


def cron_of(seconds: float) -> str | None:
    """Five fields that come round every so many seconds; None where cron has none."""
    for unit, size, line in (
        (_MINUTE, 60, "*/{} * * * *"),
        (_HOUR, 24, "0 */{} * * *"),
    ):
        count = seconds / unit
        if count == int(count) and 1 <= count < size and size % int(count) == 0:
            return line.format(int(count)).replace("*/1 ", "* ")
    return {_DAY: "0 0 * * *", _WEEK: "0 0 * * 0"}.get(int(seconds)) if seconds == int(seconds) else None


def _command(graph: Graph, schedule: Schedule, target: str) -> str:
    file = f"{graph.spec}.mlspec"
    if schedule.command != "run":
        return f"mlspec {schedule.command} {file}#{schedule.run}{' --once' if schedule.command == 'monitor' else ''}"
    where = "" if target == "local" else f" --target {target}"
    return f"mlspec run {file}{where}" + "".join(f" --only {name}" for name in last_stages(graph, schedule))


def last_stages(graph: Graph, schedule: Schedule) -> list[str]:
    """The stages of a schedule that none of its others waits for; none where it runs everything."""
    if len(schedule.stages) == len(graph):
        return []
    waited = {name for stage in schedule.stages for name in graph[stage].waits_for()}
    return [name for name in schedule.stages if name not in waited]


def schedule_findings(graph: Graph, target: str, *, clock: bool) -> list[Finding]:
    """MLS702 for what cron has to start: every schedule on a target without a clock, and on others what is no stage."""
    return [_finding(graph, schedule, target) for schedule in graph.schedules if not (clock and schedule.stages)]


def _finding(graph: Graph, schedule: Schedule, target: str) -> Finding:
    refreshed = schedule.name == schedule.run
    what = f"`refresh` of `{schedule.name}`" if refreshed else f"the schedule `{schedule.name}`"
    given = {"retry": schedule.retry, "deadline": schedule.deadline, "on_failure": schedule.on_failure}
    lost = [f"`{name}`" for name, value in given.items() if value]
    rest = f"; cron knows nothing of its {', '.join(lost)}" if lost else ""
    where = f"{schedule.name}.refresh" if refreshed else schedule.name
    how = f"cron starts it, with {cron_line(graph, schedule, target)}{rest}"
    return Finding("MLS702", where, {"target": target, "what": what, "how": how})
