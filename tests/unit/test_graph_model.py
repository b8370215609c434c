"""The rules that every graph keeps."""

from __future__ import annotations

import pytest

from mlspec.graph import Graph, GraphError, Stage, stage_id
from mlspec.graph.passes import MAX_STAGES


def write(name: str, *reads: str, after: tuple[str, ...] = ()) -> Stage:
    inputs = {f"in{index}": f"{source}/file" for index, source in enumerate(reads)}
    return Stage(name, "write", "block", {"text": name}, inputs, {"file": "json"}, after)


def test_order_is_topological_and_stable() -> None:
    graph = Graph.of([write("d", "b", "c"), write("c", "a"), write("b", "a"), write("a"), write("e", after=("d",))])
    assert list(graph.stages) == ["a", "c", "b", "d", "e"]


def test_downstream_follows_artifacts_and_not_order() -> None:
    graph = Graph.of([write("a"), write("b", "a"), write("c", "b"), write("d", after=("a",))])
    assert graph.downstream("a") == ["b", "c"]
    assert graph.needed_for(["d"]) == ["a", "d"]
    assert graph.needed_for(["c"]) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("stages", "where", "words"),
    [
        ([write("a"), write("a")], "stages.a", "two stages"),
        ([write("a", "b")], "stages.a.inputs.in0", "no stage `b`"),
        ([write("a", after=("b",))], "stages.a.after", "no stage `b`"),
        ([write("A")], "stages", "no stage id"),
        ([write("a" * 64)], "stages", "no stage id"),
        ([write("a--b")], "stages", "no stage id"),
        ([write("a", "a")], "stages.a", "wait for each other"),
        ([write("a", "c"), write("b", "a"), write("c", "b")], "stages.a", "wait for each other"),
        ([Stage("a", "nothing", "b")], "stages.a.kind", "no stage kind"),
        ([Stage("a", "write", "b", {"x": float("nan")}, {}, {"file": "json"})], "stages.a.config.x", "JSON only"),
        ([Stage("a", "write", "b", {"x": [{1}]}, {}, {"file": "json"})], "stages.a.config.x[0]", "JSON only"),
        ([Stage("a", "write", "b", {}, {}, {"file": "table"})], "stages.a.outputs.file", "no such output"),
        ([Stage("a", "write", "b", {}, {}, {})], "stages.a.outputs", "must write `file`"),
        ([write("a"), Stage("b", "enforce", "b", {}, {}, {"release": "json"})], "stages.b.inputs", "must read `verdict`"),
        (
            [write("a"), Stage("b", "split", "b", {}, {"rows": "a/file"}, {"parts": "table"})],
            "stages.b.inputs.rows",
            "another type",
        ),
        (
            [write("a"), Stage("b", "enforce", "b", {}, {"x": "a/file"}, {"release": "json"})],
            "stages.b.inputs.x",
            "reads no `x`",
        ),
        (
            [write("a"), write("b", "a"), Stage("c", "write", "b", {}, {"i": "a/x"}, {"file": "json"})],
            "stages.c.inputs.i",
            "writes",
        ),
    ],
)
def test_a_broken_rule_is_located(stages: list[Stage], where: str, words: str) -> None:
    with pytest.raises(GraphError) as caught:
        Graph.of(stages)
    assert caught.value.where == where
    assert words in caught.value.message


def test_a_cycle_is_shown_as_a_chain() -> None:
    with pytest.raises(GraphError) as caught:
        Graph.of([write("a"), write("b", "a", "d"), write("c", "b"), write("d", "c")])
    assert caught.value.found in ("b -> d -> c -> b", "c -> b -> d -> c", "d -> c -> b -> d")


def test_the_limit_of_stages_and_a_long_chain() -> None:
    chain = [write("s0")] + [write(f"s{n}", f"s{n - 1}") for n in range(1, MAX_STAGES)]
    assert len(Graph.of(reversed(chain))) == MAX_STAGES
    with pytest.raises(GraphError, match="too many stages"):
        Graph.of([*chain, write("more")])


def test_stage_ids_are_cut_with_a_hash() -> None:
    assert stage_id("by_chance", "split") == "by-chance-split"
    long = stage_id("b" * 80, "search")
    assert len(long) == 63
    assert long != stage_id("b" * 80, "fit")
    Graph.of([write(long)])


def test_odd_names_give_ids_that_differ() -> None:
    names = ["a_b", "a__b", "_a_b", "a_b_", "_", "__"]
    ids = [stage_id(name, "split") for name in names]
    assert len(set(ids)) == len(names)
    Graph.of([write(name) for name in ids])
