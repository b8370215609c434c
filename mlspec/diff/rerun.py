"""The second axis: which stages run again. Keys of both graphs are compared as if the data were the same on both sides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mlspec.diff.change import ACTIONS, Change
from mlspec.diff.report import Report
from mlspec.graph import Graph, Stage, graph_keys
from mlspec.graph.differences import differences
from mlspec.spec.model import Spec

RESCORED = frozenset(("evaluate", "analyse", "measure", "verdict"))
FOLLOWING = frozenset(("enforce", "report", "card", "track", "register", "write"))
DEPLOYED = {"serve": "redeploy", "score": "redeploy", "monitor": "rearm", "schedule": "rearm", "publish": "redeploy"}


def attribute_stages(report: Report) -> dict[str, list[str]] | None:
    """Gives every change the stages that run again because of it; returns all of them by action, None where a graph is missing."""
    _deployed(report.changes, report.new.spec)
    old, new = report.old.graph, report.new.graph
    if old is None or new is None:
        return None
    ids = _ids(report, old, new)
    before, after = graph_keys(old, {}, {}), graph_keys(new, {}, {})
    changed = {name for name in new.stages if name not in ids or before[ids[name]] != after[name]}
    blocks = {stage.id: stage.block for stage in new}
    places = {
        name: [item.where for item in differences(new.spec, old[ids[name]], new[name], blocks)]
        if name in ids
        else [new[name].block]
        for name in changed
    }
    actions = {
        name: _action(new[name], places[name], name in ids, old, new, ids, changed) for name in new.stages if name in changed
    }
    index = _index(places)
    for change in report.changes:
        _attribute(change, new, index, actions)
    found = _by_action(actions)
    for change in report.changes:
        for action in ("redeploy", "rearm"):
            found.setdefault(action, []).extend(
                name for name in change.stages.get(action, ()) if name not in found.get(action, ())
            )
    return {action: found[action] for action in ACTIONS if found.get(action)}


def _ids(report: Report, old: Graph, new: Graph) -> dict[str, str]:
    """The old stage of each new one: by id, or by kind and the block's old name."""
    were = {new_name: old_name for old_name, new_name in report.names.blocks.items()}
    by_place = {(stage.block, stage.kind): stage.id for stage in old}
    found = {}
    for stage in new:
        place = (were.get(stage.block, stage.block), stage.kind)
        if stage.id in old.stages and old[stage.id].kind == stage.kind:
            found[stage.id] = stage.id
        elif place in by_place:
            found[stage.id] = by_place[place]
    return found


def _action(
    stage: Stage, places: list[str], known: bool, old: Graph, new: Graph, ids: dict[str, str], changed: set[str]
) -> str:
    """What happens to a stage whose key is another one."""
    if stage.kind in FOLLOWING:
        return "follow"
    if stage.kind in RESCORED:
        return "rescore"
    more = _GOES_ON.get(stage.kind)
    if more is not None and known and places == [f"{stage.block}.{more}"]:
        before, after = old[ids[stage.id]], stage
        upstream = {source for _, source, _ in stage.upstream()}
        if not upstream & changed and after.config[more] > before.config[more] and not _planned_to_the_end(stage):
            return "resume"
    return "rerun"


_GOES_ON = {"search": "trials", "train": "epochs"}
"""The field of which more goes on from where less ended."""


def _planned_to_the_end(stage: Stage) -> bool:
    """Whether the learning rate of a training depends on how many epochs there will be."""
    schedule = stage.config.get("schedule")
    return schedule is not None and (schedule["name"] not in ("step", "plateau") or schedule["warmup"] > 0)


def _attribute(change: Change, graph: Graph, index: Mapping[str, frozenset[str]], actions: dict[str, str]) -> None:
    """The stages whose own config says what changed, and those after them that run again."""
    around = {around for around in _around(change.place) if around in index}
    direct = {name for place in around for name in index[place]} | index.get(f"{change.place}.", frozenset())
    reached = set(direct)
    for name in direct:
        reached.update(after for after in graph.downstream(name) if after in actions)
    change.stages |= _by_action({name: actions[name] for name in actions if name in reached})
    change.stages = {action: change.stages[action] for action in ACTIONS if action in change.stages}


def _index(places: Mapping[str, list[str]]) -> dict[str, frozenset[str]]:
    """The stages by the places at which their configs differ; under `place.` those that differ somewhere inside a place."""
    found: dict[str, set[str]] = {}
    for name, wheres in places.items():
        for where in wheres:
            found.setdefault(where, set()).add(name)
            for around in _around(where):
                if around != where:
                    found.setdefault(f"{around}.", set()).add(name)
    return {where: frozenset(names) for where, names in found.items()}


def _around(place: str) -> list[str]:
    """A dotted place and those around it: `a.b.c`, `a.b`, `a`."""
    words = place.split(".")
    return [".".join(words[:count]) for count in range(len(words), 0, -1)]


def _by_action(actions: dict[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, action in actions.items():
        found.setdefault(action, []).append(name)
    return found


def _deployed(changes: Iterable[Change], spec: Spec) -> None:
    """Serving and monitoring are no stages of a run: what changes there is deployed or armed again."""
    for change in changes:
        action = DEPLOYED.get(change.where.partition(".")[0])
        if action is not None and change.effect != "cosmetic" and change.new_span is not None:
            block, _ = spec.owner(change.place)
            change.stages.setdefault(action, []).append(change.place.partition(".")[0] if block is None else block.name)
