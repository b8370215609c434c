"""A graph to look at: Mermaid for a page, DOT for Graphviz, JSON for programs."""

from __future__ import annotations

import json

from mlspec.graph.model import Graph, Stage
from mlspec.graph.plan_format import plan_to_json

_SHAPES = {
    "extract": ("[(", ")]"),
    "step": ("[[", "]]"),
    "verdict": ("{{", "}}"),
    "enforce": ("{{", "}}"),
    "report": ("[/", "/]"),
    "card": ("[/", "/]"),
}
_DOT_SHAPES = {
    "extract": "cylinder",
    "step": "box3d",
    "verdict": "hexagon",
    "enforce": "hexagon",
    "report": "note",
    "card": "note",
}


def to_mermaid(graph: Graph) -> str:
    """A Mermaid flowchart; dotted arrows are order only."""
    lines = ["flowchart LR"]
    for stage in graph:
        left, right = _SHAPES.get(stage.kind, ("[", "]"))
        lines.append(f'  {_node(stage.id)}{left}"{stage.id}"{right}')
    for stage in graph:
        lines.extend(f"  {_node(source)} -->|{labels}| {_node(stage.id)}" for source, labels in _edges(stage))
        lines.extend(f"  {_node(source)} -.-> {_node(stage.id)}" for source in _order_only(stage))
    return "\n".join(lines) + "\n"


def to_dot(graph: Graph) -> str:
    """A Graphviz digraph; dashed arrows are order only."""
    lines = [f'digraph "{graph.spec}" {{', "  rankdir=LR;", '  node [fontname="sans-serif", shape=box, style=rounded];']
    for stage in graph:
        shape = f" [shape={_DOT_SHAPES[stage.kind]}]" if stage.kind in _DOT_SHAPES else ""
        lines.append(f'  "{stage.id}"{shape};')
    for stage in graph:
        lines.extend(f'  "{source}" -> "{stage.id}" [label="{labels}"];' for source, labels in _edges(stage))
        lines.extend(f'  "{source}" -> "{stage.id}" [style=dashed];' for source in _order_only(stage))
    return "\n".join([*lines, "}"]) + "\n"


def to_json(graph: Graph) -> str:
    """The plan, indented for reading."""
    return json.dumps(plan_to_json(graph), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _node(stage_id: str) -> str:
    # Mermaid reads `end` and a leading `o`/`x` after a dash as syntax; a prefix and underscores keep ids inert.
    return "s_" + stage_id.replace("-", "_")


def _edges(stage: Stage) -> list[tuple[str, str]]:
    """(source, the outputs read, joined) for every stage that this one reads from."""
    outputs: dict[str, list[str]] = {}
    for _, source, output in stage.upstream():
        outputs.setdefault(source, []).append(output)
    return [(source, ", ".join(dict.fromkeys(names))) for source, names in outputs.items()]


def _order_only(stage: Stage) -> list[str]:
    read = {source for _, source, _ in stage.upstream()}
    return [name for name in stage.after if name not in read]
