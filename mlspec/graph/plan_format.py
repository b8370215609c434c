"""`plan.json`: written canonically, read strictly; what does not fit is refused with the place where it stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mlspec.graph.canonical import canonical_bytes, digest_of
from mlspec.graph.errors import GraphError
from mlspec.graph.model import RARE, Graph, Resources, Stage
from mlspec.graph.schedule import Schedule

FORMAT = 1
_STAGE_FIELDS = ("kind", "block", "config", "inputs", "after", "outputs", "resources")
_PLAN_FIELDS = ("format", "spec", "spec_digest", "stages")
# name, type, whether null stands for "none"
_RESOURCE_TYPES: tuple[tuple[str, Any, bool], ...] = (
    ("cpu", int, False), ("memory", int, True), ("gpu", str, True),
    ("time_limit", (int, float), True), ("retry", int, False), ("exclusive", bool, False),
)  # fmt: skip
_RARE_TYPES: tuple[tuple[str, Any, bool], ...] = (("gpus", int, False), ("nodes", int, False), ("shared_memory", int, False))
_SCHEDULE_TYPES: tuple[tuple[str, Any, bool], ...] = (
    ("run", str, False), ("command", str, False), ("stages", list, False), ("cron", str, True), ("zone", str, True),
    ("every", (int, float), True), ("retry", int, False), ("deadline", (int, float), True), ("on_failure", Mapping, True),
)  # fmt: skip


def plan_to_json(graph: Graph) -> dict[str, Any]:
    """The plan as JSON values."""
    stages = {stage.id: stage.to_json() for stage in graph}
    plan = {"format": FORMAT, "spec": graph.spec, "spec_digest": graph.spec_digest, "stages": stages}
    if graph.schedules:
        plan["schedules"] = {schedule.name: schedule.to_json() for schedule in graph.schedules}
    if graph.pins:
        plan["pins"] = {name: dict(files) for name, files in graph.pins.items()}
    return plan


def write_plan(graph: Graph) -> bytes:
    """The plan file's bytes: equal graphs give equal bytes."""
    return canonical_bytes(plan_to_json(graph))


def plan_digest(graph: Graph) -> str:
    """SHA-256 of the plan file."""
    return digest_of(plan_to_json(graph))


def read_plan(data: bytes | str) -> Graph:
    """The graph of a plan file; GraphError says what is wrong and where."""
    try:
        value = json.loads(data, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise GraphError(f"the plan is not JSON: {error}", help="compile the spec again") from None
    return plan_from_json(value)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def plan_from_json(value: Any) -> Graph:
    """The graph of a plan given as JSON values."""
    more = [name for name in ("schedules", "pins") if isinstance(value, Mapping) and name in value]
    plan = _object(value, "", (*_PLAN_FIELDS, *more))
    if plan["format"] != FORMAT or isinstance(plan["format"], bool):
        raise GraphError("this plan format is not known", "format", expected=str(FORMAT), found=repr(plan["format"]),
                         help="compile the spec with this version of mlspec")  # fmt: skip
    spec, digest = _string(plan["spec"], "spec"), _string(plan["spec_digest"], "spec_digest")
    stages = [_stage(name, item) for name, item in _mapping(plan["stages"], "stages").items()]
    timed = [_schedule(name, item) for name, item in _mapping(plan.get("schedules", {}), "schedules").items()]
    graph = Graph.of(stages, spec=spec, spec_digest=digest, schedules=timed)
    pins = {name: _strings(item, f"pins.{name}") for name, item in _mapping(plan.get("pins", {}), "pins").items()}
    if unknown := sorted({*pins} - {*graph.stages}):
        raise GraphError("pins of a stage that is not there", "pins", expected=" ".join(graph.stages), found=unknown[0])
    return replace(graph, pins=pins)


def _schedule(name: str, value: Any) -> Schedule:
    where = f"schedules.{name}"
    item = _object(value, where, tuple(Schedule("", "").to_json()))
    _check_types(item, where, _SCHEDULE_TYPES)
    stages = tuple(_string(stage, f"{where}.stages") for stage in item["stages"])
    return Schedule(**{**item, "name": name, "stages": stages})


def _stage(name: str, value: Any) -> Stage:
    where = f"stages.{name}"
    item = _object(value, where, _STAGE_FIELDS)
    after = item["after"]
    if not isinstance(after, list):
        raise _wrong(f"{where}.after", "a list of stage ids", after)
    return Stage(
        id=name,
        kind=_string(item["kind"], f"{where}.kind"),
        block=_string(item["block"], f"{where}.block"),
        config=_mapping(item["config"], f"{where}.config"),
        inputs=_strings(item["inputs"], f"{where}.inputs"),
        outputs=_strings(item["outputs"], f"{where}.outputs"),
        after=tuple(_string(other, f"{where}.after") for other in after),
        resources=_resources(item["resources"], f"{where}.resources"),
    )


def _resources(value: Any, where: str) -> Resources:
    more = tuple(name for name in RARE if isinstance(value, Mapping) and name in value)
    item = _object(value, where, (*Resources().to_json(), *more))
    _check_types(item, where, (*_RESOURCE_TYPES, *(row for row in _RARE_TYPES if row[0] in more)))
    if item["cpu"] < 1 or item["retry"] < 0:
        raise _wrong(where, "cpu of at least 1, retry of at least 0", {"cpu": item["cpu"], "retry": item["retry"]})
    if more and (low := [name for name in more if item[name] < 1]):
        raise _wrong(f"{where}.{low[0]}", "at least 1", item[low[0]])
    return Resources(**item)


def _check_types(item: Mapping[str, Any], where: str, checks: tuple[tuple[str, Any, bool], ...]) -> None:
    """Each (name, type, nullable) holds; a Boolean is no number."""
    for name, kind, nullable in checks:
        found = item[name]
        if found is None and nullable:
            continue
        if not isinstance(found, kind) or (isinstance(found, bool) and kind is not bool):
            raise _wrong(f"{where}.{name}", "another type", found)


def _object(value: Any, where: str, names: tuple[str, ...]) -> dict[str, Any]:
    found = _mapping(value, where)
    for name in found:
        if name not in names:
            raise GraphError(f"no field `{name}` here", where, expected=" ".join(names), found=name)
    for name in names:
        if name not in found:
            raise GraphError(f"the field `{name}` is missing", where, expected=" ".join(names))
    return found


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(where, "an object", value)
    return dict(value)


def _strings(value: Any, where: str) -> dict[str, str]:
    return {name: _string(item, f"{where}.{name}") for name, item in _mapping(value, where).items()}


def _string(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise _wrong(where, "a string", value)
    return value


def _wrong(where: str, expected: str, found: Any) -> GraphError:
    return GraphError("this value does not fit", where, expected=expected, found=f"{type(found).__name__} {found!r}"[:80])
