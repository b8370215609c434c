"""Dumps of a graph."""

from __future__ import annotations

import json

from mlspec.graph import Graph, Stage
from mlspec.graph.dump import to_dot, to_json, to_mermaid

GRAPH = Graph.of(
    [
        Stage("a-end", "write", "a", {}, {}, {"file": "json"}),
        Stage("b", "write", "b", {}, {"x": "a-end/file", "y": "a-end/file"}, {"file": "json"}),
        Stage("c", "write", "c", {}, {}, {"file": "json"}, ("b",)),
    ]
)


def test_mermaid() -> None:
    assert to_mermaid(GRAPH) == (
        'flowchart LR\n  s_a_end["a-end"]\n  s_b["b"]\n  s_c["c"]\n  s_a_end -->|file| s_b\n  s_b -.-> s_c\n'
    )


def test_dot() -> None:
    text = to_dot(GRAPH)
    assert '"a-end" -> "b" [label="file"];' in text
    assert '"b" -> "c" [style=dashed];' in text
    assert text.count("->") == 2


def test_json() -> None:
    assert json.loads(to_json(GRAPH))["stages"]["b"]["inputs"] == {"x": "a-end/file", "y": "a-end/file"}
