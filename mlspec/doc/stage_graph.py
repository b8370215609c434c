"""The stages of a spec as a drawing: what each is, whether a run would reuse it, and what it took the last time."""

from __future__ import annotations

from collections.abc import Mapping

from mlspec.graph import Graph, Stage
from mlspec.page.drawing import Drawing, Edge, Node
from mlspec.page.frame import Page, facts
from mlspec.page.html import Html, el, join
from mlspec.plan import Plan, Reason, Step

KINDS = {
    "data": "data", "preparation": "preparation", "learning": "learning", "judging": "judging", "telling": "reports", "other": "other",
}  # fmt: skip
_OF_KIND = {
    "extract": "data", "step": "data", "verify": "data", "split": "preparation", "features": "preparation", "fit": "learning", "fetch": "learning", "search": "learning", "train": "learning", "compress": "learning",
    "evaluate": "judging", "analyse": "judging", "measure": "judging", "verdict": "judging", "enforce": "judging", "reference": "judging",
    "explore": "telling", "report": "telling", "card": "telling", "track": "telling", "register": "telling",
}  # fmt: skip
WORDS = {"run": "would run", "reuse": "would be reused"}


def stage_drawing(graph: Graph, steps: Mapping[str, Step], taken: Mapping[str, str] | None = None) -> Drawing:
    """The drawing; `steps` say what a run would do, and may be empty; `taken` what each took in the last run, None where none is told."""
    nodes = [_node(stage, steps.get(stage.id), None if taken is None else taken.get(stage.id, "–")) for stage in graph]
    edges, ancestors = [], _ancestors(graph)
    for stage in graph:
        read = list(dict.fromkeys(source for _, source, _ in stage.upstream()))
        edges += [Edge(source, stage.id) for source in read]
        edges += [Edge(source, stage.id, "order") for source in _order_only(graph, stage, read, ancestors)]
    used = {node.kind for node in nodes}
    kinds = {kind: words for kind, words in KINDS.items() if kind in used}
    heads = ("Kind", "State", *(() if taken is None else ("Last run",)))
    return Drawing(f"Stages of {graph.spec}", nodes, edges, kinds, columns=heads)


def _ancestors(graph: Graph) -> dict[str, int]:
    """Per stage the set of all stages that it waits for, as bits, so that a large graph costs little."""
    bit = {name: 1 << place for place, name in enumerate(graph.stages)}
    found: dict[str, int] = {}
    for stage in graph:
        found[stage.id] = 0
        for name in stage.waits_for():
            found[stage.id] |= found[name] | bit[name]
    return found


def _order_only(graph: Graph, stage: Stage, read: list[str], ancestors: Mapping[str, int]) -> list[str]:
    """What a stage waits for without reading it, unless it waits for it anyway by something else."""
    places = {name: place for place, name in enumerate(graph.stages)} if stage.after else {}
    others = {name: [other for other in stage.waits_for() if other != name] for name in stage.after if name not in read}
    return [name for name, around in others.items() if not any(ancestors[other] >> places[name] & 1 for other in around)]


def _node(stage: Stage, step: Step | None, taken: str | None) -> Node:
    state = "" if step is None else WORDS[step.action]
    tone = "" if step is None else step.action
    about = " · ".join(part for part in (stage.kind, state) if part)
    why = "" if step is None else "; ".join(reason_text(reason) for reason in step.reasons)
    cells = (stage.kind, join([state or "not known", el("small", why) if why else None]), *(() if taken is None else (taken,)))
    note = " · ".join(part for part in (why, taken or "") if part)
    return Node(stage.id, stage.id, _OF_KIND.get(stage.kind, "other"), about, note, tone=tone, row=cells)


def reason_text(reason: Reason) -> str:
    """Why a stage runs, in words without colours."""
    words = {
        "first": "first run", "incomplete": f"not complete since run {reason.where}", "upstream": f"after {reason.where}",
        "code": f"the stage kind {reason.where} has a new version",
    }  # fmt: skip
    change = f"{reason.old} → {reason.new}"
    named = {
        "file": f"file {reason.where} {change}",
        "package": f"package {reason.where} {change}",
        "inputs": f"input {reason.where} {change}",
    }
    return words.get(reason.kind) or named.get(reason.kind) or f"{reason.where} {change}"


def graph_page(graph: Graph, plan: Plan | None, problem: str) -> Page:
    """The page of `mlspec graph --format html`; `problem` says why nothing is known of the store."""
    steps: dict[str, Step] = {} if plan is None else {step.stage.id: step for step in plan.steps}
    drawing = stage_drawing(graph, steps)
    running = sum(step.action == "run" for step in steps.values())
    rows: list[tuple[object, str]] = [(len(graph), "stages")]
    if plan is not None:
        rows += [(running, "would run"), (len(steps) - running, "would be reused"), (plan.compared_with or "none", "last run")]
    body = join([
        el("p", f"Whether stages would run is not known: {problem}.", class_="note") if problem else None,
        drawing.figure(),
        el("h2", "The same as a table", id="table"),
        drawing.rows(),
    ])  # fmt: skip
    return Page(graph.spec, "Stages", body, "Each stage reads what stands to its left; dashed lines are order only.", facts(rows),
                footer="Made by mlspec from the spec and the store; the same state gives the same page.", assets=("graph",), wide=True)  # fmt: skip


def took(seconds: float, memory: int) -> str:
    """`1 min 45 s, 330 MiB`."""
    text = f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds) // 60} min {int(seconds) % 60} s"
    return f"{text}, {memory / 2**20:.0f} MiB" if memory else text


def table_of(drawing: Drawing) -> Html:
    """Heading and table under a drawing."""
    return join([el("h2", "The same as a table", id="table"), drawing.rows()])
