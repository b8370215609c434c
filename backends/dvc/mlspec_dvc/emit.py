"""From a graph to the files of a DVC pipeline. Pure: the same graph and options give the same bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from mlspec.backend import At, Emitted, Finding, to_json, to_yaml
from mlspec.graph import KINDS, Graph, installed_versions, packages_needed, packages_of
from mlspec.graph.plan_format import plan_to_json
from mlspec_dvc import layout
from mlspec_dvc.pipeline import pipeline
from mlspec_dvc.sources import TARGET, data_of, problem_of, shown

MANY = 100
_NEXT_LINE = "\x85"
_UPWARD = re.compile(r"(?:\.|\.\.(?:/\.\.)*)\Z")
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_PROGRAM = re.compile(r"[A-Za-z0-9_./-]+\Z")


def emit(graph: Graph, options: Mapping[str, Any]) -> Emitted:
    """`dvc.yaml`, `plan.json` and `kinds.json`, with what DVC cannot do."""
    findings = _about_options(graph, options)
    data = {stage.id: data_of(stage, _own(graph, options["root"])) for stage in graph}
    findings += [finding for found in data.values() for finding in found.findings]
    findings += [*_about_size(graph), *_about_text(graph)]
    written = {
        layout.PIPELINE: to_yaml(pipeline(graph, data, options)),
        layout.PLAN: to_json(_plan(graph)),
        layout.KINDS_FILE: to_json({name: KINDS[name].version for name in sorted({stage.kind for stage in graph})}),
    }
    if options["libraries"]:
        written[layout.LIBRARIES_FILE] = to_json(_libraries(graph))
    files = {name: text.text for name, text in written.items()}
    return Emitted(files, tuple(findings), {name: text.origins for name, text in written.items()})


def _plan(graph: Graph) -> dict[str, Any]:
    """The plan in lines, for `git diff`; sorted, so that equal graphs give equal bytes."""
    plan = plan_to_json(graph)
    stages = {stage.id: At(_sorted(plan["stages"][stage.id]), stage.block) for stage in graph}
    return {**plan, "stages": stages}


def _libraries(graph: Graph) -> dict[str, dict[str, str | None]]:
    """The versions of the libraries of each stage; none where one is not installed here."""
    versions = installed_versions(packages_needed(graph))
    stages = sorted(stage.id for stage in graph if KINDS[stage.kind].packages)
    return {
        name: {package: versions.get(package) for package in packages_of(graph[name].kind, graph[name].config)}
        for name in stages
    }


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list | tuple) else value


def _own(graph: Graph, root: str) -> str | None:
    """The folder that is written to, from the project root, as far as the way back tells it."""
    if root == ".":
        return ""
    return f"build/{TARGET}/{graph.spec}" if root == "../../.." else None


def _about_options(graph: Graph, options: Mapping[str, Any]) -> list[Finding]:
    """Options stand in commands and paths, so each is a plain word; the files lie inside the project that DVC tracks."""
    found = []
    if not _UPWARD.match(options["root"]):
        found.append(Finding("MLS701", graph.spec, {
            "target": TARGET, "what": "a pipeline outside the project", "wanted": "files inside the project, where DVC sees them"}))  # fmt: skip
    for name, fits in (("python", _PROGRAM), ("remote", _WORD)):
        if options[name] and not fits.match(options[name]):
            found.append(_illegal(graph, name, options[name], "it would stand in commands or in `dvc.yaml`"))
    if options["lock"] and (problem := problem_of(options["lock"])):
        found.append(_illegal(graph, "lock", options["lock"], problem))
    return found


def _illegal(graph: Graph, option: str, value: str, why: str) -> Finding:
    data = {"target": TARGET, "name": shown(value), "why": f"{why} (the option `{option}`)", "wanted": "a plain name"}
    return Finding("MLS706", graph.spec, data)


def _about_size(graph: Graph) -> list[Finding]:
    if len(graph) <= MANY:
        return []
    how = f"it writes `dvc.lock` anew after each of {len(graph)}, which takes minutes; up to {MANY} it is quick"
    return [Finding("MLS702", graph.spec, {"target": TARGET, "what": "so many stages", "how": how})]


def _about_text(graph: Graph) -> list[Finding]:
    """U+0085 is the one character that DVC writes to `dvc.lock` and reads back as another."""
    how = "DVC reads it back from `dvc.lock` as another, so the stage runs on every `dvc repro`"
    return [
        Finding("MLS702", stage.block, {"target": TARGET, "what": "the character U+0085", "how": how})
        for stage in graph
        if _NEXT_LINE in json.dumps([dict(stage.config), dict(stage.inputs)], ensure_ascii=False)
    ]
