"""What becomes of a training that is spread over processes: its config, what it asks of machines, and what an env may make of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlspec.graph.keys import graph_keys
from mlspec.graph.model import Stage
from mlspec.lower.build import lower
from tests.support.specs import check_text, render

TEXT = (Path(__file__).parents[1] / "cases" / "errors" / "MLS209" / "good_strategy.mlspec").read_text(encoding="utf-8")
GIVEN = "strategy = ddp(processes: 2)"


def stage_of(strategy: str) -> tuple[Stage, str]:
    """The stage of the network, and its key."""
    spec, found = check_text(TEXT.replace(GIVEN, strategy))
    assert spec is not None, render(found)
    graph = lower(spec, "0" * 64)
    (stage,) = [stage for stage in graph if stage.block == "net" and stage.kind == "train"]
    return stage, graph_keys(graph, {}, {})[stage.id]


@pytest.mark.parametrize(
    ("strategy", "threads", "cpu"),
    [
        (GIVEN, 1, 2),
        (f"{GIVEN}\n  cpu = 5", 2, 5),
        ("strategy = fsdp(processes: 3)\n  cpu = 2", 1, 3),
        ("strategy = ddp(gpus_per_node: 4)\n  cpu = 8", 2, 8),
        ("strategy = ddp(nodes: 2)\n  cpu = 2", 2, 2),
        ("cpu = 2", 2, 2),
    ],
)
def test_each_process_has_a_core_and_its_share_of_the_others(strategy: str, threads: int, cpu: int) -> None:
    stage, _ = stage_of(strategy)
    assert (stage.config["threads"], stage.resources.cpu) == (threads, cpu)


def test_a_spread_is_in_the_key_and_what_it_says_in_the_config() -> None:
    stage, key = stage_of(GIVEN)
    assert stage.config["strategy"] == {"name": "ddp", "nodes": 1, "gpus_per_node": 0, "processes": 2}
    keys = {key, *(stage_of(strategy)[1] for strategy in ("strategy = fsdp(processes: 2)", "strategy = ddp(processes: 4)", ""))}
    assert len(keys) == 4


def test_machines_are_what_a_target_is_asked_for() -> None:
    stage, _ = stage_of("strategy = fsdp(nodes: 2, gpus_per_node: 4)")
    assert (stage.resources.nodes, stage.resources.gpus) == (2, 4)


@pytest.mark.parametrize(
    ("network", "batch", "steps", "strategy", "fits"),
    [("mlp(hidden: [8], norm: batch)", 1, 1, "single()", False), ("mlp(hidden: [8], norm: batch)", 2, 1, "single()", True), ("resnet(blocks: 1)", 7, 4, "single()", False),
     ("mlp(hidden: [8], norm: layer)", 1, 1, "single()", True), ("mlp(hidden: [8], norm: batch)", 2, 1, "ddp(processes: 2)", True), ("resnet(blocks: 1)", 8, 4, "fsdp(processes: 2)", True)],
)  # fmt: skip
def test_a_batch_norm_has_two_rows_in_each_step_of_all_processes(
    network: str, batch: int, steps: int, strategy: str, fits: bool
) -> None:
    text = (
        TEXT.replace("mlp(hidden: [8])", network, 1)
        .replace("global_batch = 256", f"global_batch = {batch}")
        .replace(GIVEN, f"strategy = {strategy}")
    )
    _, found = check_text(text.replace("gradient_accumulation = 2", f"gradient_accumulation = {steps}"))
    told = render(found)
    assert ("`global_batch` of a network with a batch norm" in told) != fits and (not fits or "MLS209" not in told), told
