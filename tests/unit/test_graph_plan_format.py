"""The plan file: equal bytes for equal graphs, a place for every fault."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlspec.graph import Graph, GraphError, Resources, Stage, plan_digest, plan_to_json, read_plan, write_plan


def two() -> Graph:
    first = Stage("a", "write", "one", {"text": "é", "n": [1, 0.1, None]}, {}, {"file": "json"})
    second = Stage("b", "write", "two", {}, {"x": "a/file"}, {"file": "json"}, ("a",), Resources(cpu=2, time_limit=1.5))
    return Graph.of([first, second], spec="demo", spec_digest="0" * 64)


def test_written_and_read_back_is_the_same() -> None:
    data = write_plan(two())
    again = read_plan(data)
    assert write_plan(again) == data
    assert list(again.stages) == ["a", "b"]
    assert again["b"].resources == Resources(cpu=2, time_limit=1.5)
    assert plan_digest(again) == plan_digest(two())


def test_the_order_of_declaration_is_no_part_of_the_bytes() -> None:
    graph = two()
    turned = Graph.of([Stage("b", "write", "two", {}, {"x": "a/file"}, {"file": "json"}, ("a",), Resources(2, None, None, 1.5)),
                       graph["a"]], spec="demo", spec_digest="0" * 64)  # fmt: skip
    assert write_plan(turned) == write_plan(graph)


def broken(path: str, value: Any) -> bytes:
    plan = json.loads(json.dumps(plan_to_json(two())))
    *parents, last = path.split("/")
    item = plan
    for name in parents:
        item = item[name]
    if value is ...:
        del item[last]
    else:
        item[last] = value
    return json.dumps(plan).encode()


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("format", 2, "format"),
        ("format", True, "format"),
        ("spec", ..., ""),
        ("extra", 1, ""),
        ("stages", [], "stages"),
        ("stages/a/kind", 3, "stages.a.kind"),
        ("stages/a/kind", "nothing", "stages.a.kind"),
        ("stages/a/comment", "hi", "stages.a"),
        ("stages/a/config", None, "stages.a.config"),
        ("stages/b/inputs/x", 1, "stages.b.inputs.x"),
        ("stages/b/inputs/x", "zz/file", "stages.b.inputs.x"),
        ("stages/b/inputs/x", "file", "stages.b.inputs.x"),
        ("stages/b/after", "a", "stages.b.after"),
        ("stages/b/after", [1], "stages.b.after"),
        ("stages/b/resources/cpu", "2", "stages.b.resources.cpu"),
        ("stages/b/resources/cpu", True, "stages.b.resources.cpu"),
        ("stages/b/resources/cpu", 0, "stages.b.resources"),
        ("stages/b/resources/exclusive", 1, "stages.b.resources.exclusive"),
        ("stages/b/resources/gpu", ..., "stages.b.resources"),
    ],
)
def test_what_does_not_fit_is_located(path: str, value: Any, where: str) -> None:
    with pytest.raises(GraphError) as caught:
        read_plan(broken(path, value))
    assert caught.value.where == where


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format":1,"format":1}', "NaN", "[" * 100_000, '{"format":NaN}'])
def test_text_that_is_no_plan(text: str) -> None:
    with pytest.raises(GraphError):
        read_plan(text)
