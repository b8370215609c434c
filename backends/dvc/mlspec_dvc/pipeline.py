"""`dvc.yaml`: stages with constant commands. What the spec says stands in `plan.json`, of which each stage tracks its own part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlspec.backend import At
from mlspec.backend.order import before_gates
from mlspec.graph import Graph, Stage
from mlspec.graph.keys import LEARNS
from mlspec.graph.kinds import KEEPS_RESUME, KINDS
from mlspec_dvc import layout
from mlspec_dvc.plots import artifacts_of, plots_of
from mlspec_dvc.sources import Data

WITH_NUMBERS = frozenset({"verify", "search", "train", "evaluate", "verdict"})
WITH_CURVES = frozenset({"search", "train", "evaluate"})
WAITED_FOR = frozenset({"verify", "enforce", "track"})
"""Kinds that always leave a marker: a command must not change because another stage begins to wait for this one."""

TRACKED = ("config", "inputs")
"""The fields of a stage that its result depends on, beside its kind: what it asks of the machine and whom it waits for are none of them."""

_WHAT = {
    "extract": "reads the source into typed rows", "step": "makes rows by code of the project", "verify": "checks the rows", "split": "puts rows into parts",
    "explore": "describes a part", "features": "computes features", "fit": "fits and packages a model",
    "fetch": "fetches the package behind an alias",
    "search": "finds family and parameters, packages the best", "train": "trains a network and packages it",
    "compress": "makes a model smaller, with size and loss of each step",
    "evaluate": "scores packages on held-out rows", "analyse": "looks into what a model goes by and where it is weak",
    "measure": "measures the served package", "reference": "keeps what live traffic is compared with",
    "verdict": "decides the gates", "enforce": "fails when a gate did", "report": "writes the report",
    "card": "writes the model card", "track": "logs the run in MLflow", "register": "registers the released package",
}  # fmt: skip


def pipeline(graph: Graph, data: Mapping[str, Data], options: Mapping[str, Any]) -> dict[str, Any]:
    """The tree of `dvc.yaml`."""
    last = before_gates(graph)
    waited = {name for stage in graph for name in stage.after} | set(last) | {s.id for s in graph if s.kind in WAITED_FOR}
    stages = {}
    for stage in graph:
        order = [*stage.after, *(last if stage.kind == "enforce" else ())]
        stages[stage.id] = At(_stage(stage, data[stage.id], order, stage.id in waited, options), stage.block)
    found: dict[str, Any] = {"stages": stages}
    if plots := plots_of(graph):
        found["plots"] = plots
    if models := artifacts_of(graph):
        found["artifacts"] = models
    return found


def _stage(stage: Stage, data: Data, order: Iterable[str], waited: bool, options: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"desc": _WHAT.get(stage.kind, stage.kind), "cmd": _command(stage, waited, options)}
    sources = sorted(layout.artifact(source, output) for _, source, output in stage.upstream())
    markers = [layout.marker(name) for name in order]
    outside = [*data.paths, *([options["lock"]] if options["lock"] else [])]
    deps = [*(from_root(options["root"], path) for path in outside), *sources, *markers]
    if deps:
        found["deps"] = list(dict.fromkeys(deps))
    found["params"] = [
        {layout.PLAN: [f"stages.{stage.id}.{name}" for name in TRACKED]}, {layout.KINDS_FILE: [stage.kind]},
    ]  # fmt: skip
    if options["libraries"] and KINDS[stage.kind].packages:
        found["params"].append({layout.LIBRARIES_FILE: [stage.id]})
    found["outs"] = _outs(stage, waited, options)
    if stage.kind in WITH_NUMBERS:
        found["metrics"] = [{layout.metrics(stage.id): {"cache": False}}]
    if data.always:
        found["always_changed"] = True
    return found


def from_root(root: str, path: str) -> str:
    """A path of the project, from the folder of `dvc.yaml`."""
    return path if root == "." else f"{root}/{path}"


def _command(stage: Stage, waited: bool, options: Mapping[str, Any]) -> str:
    """One shape for all stages; ids and the way to the root are its only parts that vary."""
    words = [options["python"], "-m", "mlspec.runtime", stage.id, "--plan", layout.PLAN, "--root", options["root"],
             "--artifacts", layout.ARTIFACTS, "--workers", "0", "--guard"]  # fmt: skip
    if stage.kind in LEARNS:
        # DVC starts it when any feature of its block was edited; by its key it knows whether one was that it reads.
        words += ["--store", from_root(options["root"], layout.STORE)]
    if stage.kind in KEEPS_RESUME:
        words += ["--resume", layout.resume(stage.id)]
    if stage.kind in WITH_NUMBERS:
        words += ["--figures", f"{layout.FIGURES}/{stage.id}"]
    if waited:
        words += ["--marker", layout.marker(stage.id)]
    return " ".join(words)


def _outs(stage: Stage, waited: bool, options: Mapping[str, Any]) -> list[Any]:
    """Artifacts and what goes with them, in DVC's cache; what a killed search left is kept when it runs again."""
    more = {"remote": options["remote"]} if options["remote"] else {}
    found: list[Any] = []
    for output, kind in stage.outputs.items():
        rows = {"push": False} if kind == "table" and not options["push_rows"] else {}
        found.append(_out(layout.artifact(stage.id, output), {**more, **rows}))
    if stage.kind in WITH_CURVES:
        found.append(_out(layout.curves(stage.id), more))
    if stage.kind in KEEPS_RESUME:
        found.append(_out(layout.resume(stage.id), {"persist": True, **more}))
    if waited:
        found.append(_out(layout.marker(stage.id), more))
    return found


def _out(path: str, options: Mapping[str, Any]) -> Any:
    return {path: dict(options)} if options else path
