"""Schedules: every `schedule` block, and every source with `refresh`, gives a record of the graph; none is a stage."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.graph import Graph, Schedule
from mlspec.lower.serving import channel_config
from mlspec.lower.sheet import Sheet
from mlspec.spec.model import Block

_OF_THE_RUN = ("report", "card", "track")


def schedules(sheet: Sheet, graph: Graph) -> tuple[Schedule, ...]:
    """The schedules of a spec: those that are written, then what `refresh` asks for."""
    written = [_written(sheet, graph, block) for block in sheet.spec.of_kind("schedule")]
    return (*written, *_refreshed(sheet, graph))


def _written(sheet: Sheet, graph: Graph, block: Block) -> Schedule:
    at, run = block.make("at"), block.ref("run")
    if at is None or run is None:
        raise TypeError(f"schedule {block.name} has no times or nothing to run")
    target, channel, deadline = sheet.block(run.block), block.ref("on_failure"), block.get("deadline")
    cron = None
    if at.name == "cron":
        from mlspec.spec.cron import canonical

        cron = canonical(str(at.get("times")))
    return Schedule(
        block.name, run.block, stages_of(graph, target),
        cron=cron, zone=None if cron is None else str(at.get("zone")), every=float(at.get("length")) if cron is None else None,
        retry=int(block.get("retry") or 0), deadline=None if deadline is None else float(deadline),
        on_failure=None if channel is None else channel_config(sheet.spec, sheet.block(channel.block)),
        command=target.kind if target.kind in ("score", "monitor") else "run",
    )  # fmt: skip


def _refreshed(sheet: Sheet, graph: Graph) -> Iterator[Schedule]:
    """`refresh` reads a source again that often: the source alone, what comes after it is for schedules to say."""
    for source in sheet.spec.of_kind("source"):
        length = source.get("refresh")
        if length is not None:
            yield Schedule(source.name, source.name, stages_of(graph, source), every=float(length))


def stages_of(graph: Graph, block: Block) -> tuple[str, ...]:
    """The stages that running a block takes; none for a batch score or a monitor, which are no stages."""
    if block.kind in ("score", "monitor", "publish"):
        return ()
    wanted = [stage.id for stage in graph if stage.block == block.name and stage.kind != "reference"]
    if block.kind == "gates":
        wanted += [stage.id for stage in graph if stage.kind in _OF_THE_RUN]
        wanted += [stage.id for stage in graph if stage.kind == "register" and set(stage.waits_for()) & set(wanted)]
    return tuple(graph.needed_for(wanted))
