"""Passes over the stages of a graph: the rules that every graph keeps, and topological order. All of them are iterative."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from heapq import heapify, heappop, heappush
from typing import Any

from mlspec.graph.errors import GraphError
from mlspec.graph.kinds import ARTIFACT_TYPES, KINDS, Kind
from mlspec.graph.model import MAX_ID, Stage
from mlspec.graph.schedule import Schedule

MAX_STAGES = 4096
_ID = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*\Z")


def check_stages(stages: Mapping[str, Stage]) -> None:
    """Raise GraphError at the first stage that breaks a rule."""
    if len(stages) > MAX_STAGES:
        raise GraphError(
            "the graph has too many stages", "stages", expected=f"at most {MAX_STAGES:,}", found=f"{len(stages):,}",
            help="split the spec",
        )  # fmt: skip
    for stage in stages.values():
        _check_id(stage)
        kind = _kind_of(stage)
        _check_config(stage)
        _check_outputs(stage, kind)
        for name, source, output in stage.upstream():
            _check_input(stage, kind, name, _output_type(stages, stage, name, source, output))
        _check_missing(stage, kind)
        for name in stage.after:
            if name not in stages:
                raise GraphError(f"no stage `{name}`", f"stages.{stage.id}.after", help="`after` names stages of this graph")


def check_schedules(schedules: Iterable[Schedule], stages: Mapping[str, Stage]) -> None:
    """Raise GraphError at a schedule of no times, of two kinds of times, or of a stage that is none."""
    for schedule in schedules:
        where = f"schedules.{schedule.name}"
        if (schedule.cron is None) == (schedule.every is None) or (schedule.cron is None) != (schedule.zone is None):
            raise GraphError("a schedule has one kind of times", where, expected="`cron` and `zone`, or `every`")
        for name in schedule.stages:
            if name not in stages:
                raise GraphError(f"no stage `{name}`", f"{where}.stages", help="a schedule names stages of this graph")


def _check_id(stage: Stage) -> None:
    if len(stage.id) > MAX_ID or not _ID.match(stage.id):
        raise GraphError(
            f"`{stage.id}` is no stage id", "stages", found=repr(stage.id),
            expected=f"lower-case words joined by `-`, at most {MAX_ID} characters",
        )  # fmt: skip


def _kind_of(stage: Stage) -> Kind:
    kind = KINDS.get(stage.kind)
    if kind is None:
        raise GraphError(f"no stage kind `{stage.kind}`", f"stages.{stage.id}.kind", expected=" ".join(sorted(KINDS)))
    return kind


def _check_config(stage: Stage) -> None:
    if _is_json(stage.config):
        return
    where, value = _first_not_json(stage.config, f"stages.{stage.id}.config")
    if where:
        raise GraphError("a config holds JSON only", where, expected="null, bool, int, finite float, string, list, object",
                         found=f"{type(value).__name__} {value!r}"[:80])  # fmt: skip


_CONSTANTS = frozenset((str, int, bool, type(None)))


def _is_json(value: Any) -> bool:
    """Whether plain JSON types hold all of it: the fast answer for what every config should be, without paths."""
    pending = [value]
    while pending:
        item = pending.pop()
        kind = type(item)
        if kind in _CONSTANTS:
            continue
        if kind is dict:
            if not all(type(key) is str for key in item):
                return False
            pending.extend(item.values())
        elif kind is list or kind is tuple:
            pending.extend(item)
        elif kind is not float or item != item or item in (float("inf"), float("-inf")):
            return False
    return True


def _first_not_json(value: Any, where: str) -> tuple[str, Any]:
    """The path and value of the first thing that JSON cannot hold, or ("", None)."""
    pending = [(where, value)]
    while pending:
        path, item = pending.pop()
        if isinstance(item, Mapping):
            for key, inner in item.items():
                if not isinstance(key, str):
                    return path, key
                pending.append((f"{path}.{key}", inner))
        elif isinstance(item, list | tuple):
            pending.extend((f"{path}[{index}]", inner) for index, inner in enumerate(item))
        elif isinstance(item, float):
            if item != item or item in (float("inf"), float("-inf")):
                return path, item
        elif not (item is None or isinstance(item, bool | int | str)):
            return path, item
    return "", None


def _check_outputs(stage: Stage, kind: Kind) -> None:
    where = f"stages.{stage.id}.outputs"
    for name, kind_of_artifact in stage.outputs.items():
        if kind_of_artifact not in ARTIFACT_TYPES:
            raise GraphError(f"no artifact type `{kind_of_artifact}`", f"{where}.{name}", expected=" ".join(ARTIFACT_TYPES))
        if kind.outputs.get(name) != kind_of_artifact:
            allowed = ", ".join(f"{key}: {value}" for key, value in kind.outputs.items())
            raise GraphError(f"a `{kind.name}` stage has no such output", f"{where}.{name}", expected=allowed,
                             found=f"{name}: {kind_of_artifact}")  # fmt: skip
    for name in kind.outputs:
        if name not in stage.outputs and name not in kind.optional:
            raise GraphError(f"a `{kind.name}` stage must write `{name}`", where)


def _output_type(stages: Mapping[str, Stage], stage: Stage, name: str, source: str, output: str) -> str:
    where = f"stages.{stage.id}.inputs.{name}"
    if source not in stages:
        raise GraphError(f"no stage `{source}`", where, found=stage.inputs[name], expected="stage-id/output-name")
    if output not in stages[source].outputs:
        written = " ".join(stages[source].outputs) or "nothing"
        raise GraphError(f"stage `{source}` writes no `{output}`", where, found=stage.inputs[name], expected=written)
    return stages[source].outputs[output]


def _check_input(stage: Stage, kind: Kind, name: str, found: str) -> None:
    if kind.any_input:
        return
    where = f"stages.{stage.id}.inputs.{name}"
    expected = kind.inputs.get(name) or kind.named.get(name.partition(".")[0] if "." in name else "")
    if expected is None:
        allowed = [*kind.inputs, *(f"{prefix}.<name>" for prefix in kind.named)]
        raise GraphError(
            f"a `{kind.name}` stage reads no `{name}`", where, expected=" ".join(allowed) or "no inputs", found=name
        )
    if expected != found:
        raise GraphError("the artifact has another type", where, expected=expected, found=found)


def _check_missing(stage: Stage, kind: Kind) -> None:
    for name in kind.inputs:
        if name not in stage.inputs and name not in kind.optional:
            raise GraphError(f"a `{kind.name}` stage must read `{name}`", f"stages.{stage.id}.inputs")


def topological_order(stages: Mapping[str, Stage]) -> list[str]:
    """Every id after all that it waits for; among those that are free, the one declared first. Raises GraphError on a cycle."""
    place = {name: index for index, name in enumerate(stages)}
    names = list(stages)
    waiting = {name: len(stage.waits_for()) for name, stage in stages.items()}
    readers: dict[str, list[str]] = {name: [] for name in stages}
    for name, stage in stages.items():
        for source in stage.waits_for():
            readers[source].append(name)
    free = [place[name] for name, count in waiting.items() if count == 0]
    heapify(free)
    order: list[str] = []
    while free:
        name = names[heappop(free)]
        order.append(name)
        for reader in readers[name]:
            waiting[reader] -= 1
            if waiting[reader] == 0:
                heappush(free, place[reader])
    if len(order) < len(stages):
        chain = find_cycle(stages, [name for name in names if waiting[name] > 0])
        raise GraphError("the stages wait for each other", f"stages.{chain[0]}", found=" -> ".join(chain),
                         expected="a graph without cycles")  # fmt: skip
    return order


def find_cycle(stages: Mapping[str, Stage], stuck: list[str]) -> list[str]:
    """A cycle among stages that never became free, as a chain that starts and ends with the same id."""
    left = set(stuck)
    seen: dict[str, int] = {}
    chain: list[str] = []
    name = stuck[0]
    while name not in seen:
        seen[name] = len(chain)
        chain.append(name)
        name = next(source for source in stages[name].waits_for() if source in left)
    return [*chain[seen[name] :], name]
