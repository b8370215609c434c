"""Metamorphic injection: no text of a spec, wherever it stands, changes the Python file, or the structure of the JSON beside it."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

import pytest
from mlspec_airflow import backend
from mlspec_airflow.emit import DAG_FILE, dag_file

import mlspec
from mlspec.graph import Graph, plan_from_json, plan_to_json
from tests.targets.airflow_world import returns
from tests.targets.hostile import HOSTILE, strings

FREE = {"owner", "doc", "plan"}
"""What may differ in `airflow.json`: two texts, and the digest of the plan that holds all others."""


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return mlspec.load(returns(tmp_path_factory.mktemp("returns"))).graph


def poisoned(graph: Graph, texts: Iterator[str]) -> Graph:
    """The graph with another string in place of every string of its configs, except those that are a place of a secret."""
    stages = [replace(stage, config=_poison(stage.config, texts)) for stage in graph]
    return Graph.of(stages, spec=graph.spec, spec_digest=graph.spec_digest, schedules=graph.schedules)


def _poison(value: Any, texts: Iterator[str]) -> Any:
    if isinstance(value, dict):
        return {key: item if key == "secrets" else _poison(item, texts) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_poison(item, texts) for item in value]
    return next(texts) if isinstance(value, str) else value


def _without(value: Any) -> Any:
    """A document without what may differ."""
    if isinstance(value, dict):
        return {key: _without(item) for key, item in value.items() if key not in FREE}
    return [_without(item) for item in value] if isinstance(value, list) else value


def positions(graph: Graph) -> int:
    """How many strings the configs hold."""
    counted = count()
    poisoned(graph, map(str, counted))
    return next(counted)


@pytest.mark.parametrize("rounds", [20, pytest.param(2_000, marks=pytest.mark.slow)])
def test_hostile_strings_in_every_position_change_nothing(graph: Graph, rounds: int) -> None:
    """Every position gets another of 2,000 strings each round: all of them stand somewhere after a few, and everywhere after 2,000."""
    options = backend.read_options({})
    clean = backend.emit(graph, options).files
    tree = ast.dump(ast.parse(clean[DAG_FILE]))
    texts = strings(2_000)
    size = positions(graph)
    assert size > 200
    for number in range(rounds):
        start = number * (1 if rounds == len(texts) else size) % len(texts)
        poison = poisoned(graph, islice(cycle(texts), start, None))
        files = backend.emit(poison, options).files
        assert set(files) == set(clean)
        assert files[DAG_FILE] == dag_file()
        assert ast.dump(ast.parse(files[DAG_FILE])) == tree
        assert files["pools.json"] == clean["pools.json"]
        assert _without(json.loads(files["airflow.json"])) == _without(json.loads(clean["airflow.json"]))
        assert files["airflow.json"].isascii()
        kept = plan_to_json(plan_from_json(json.loads(files["plan.json"])))
        assert {name: stage["config"] for name, stage in kept["stages"].items()} == {
            stage.id: json.loads(json.dumps(stage.config)) for stage in poison
        }


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_text_is_kept_whole_and_on_its_own_line(graph: Graph, text: str) -> None:
    stages = [
        replace(stage, config={**stage.config, "owner": text, "doc": text}) if stage.kind == "report" else stage
        for stage in graph
    ]
    made = backend.emit(Graph.of(stages, spec=graph.spec, spec_digest=graph.spec_digest), backend.read_options({})).files[
        "airflow.json"
    ]
    document = json.loads(made)
    assert document["doc"] == text
    assert document["owner"] == (text[:200] or "airflow")
    assert made.isascii()
    assert len(made.splitlines()) == made.count("\n")


def test_hostile_owner_and_docs_in_a_spec_stay_text(tmp_path: Path) -> None:
    spec = returns(tmp_path)
    nasty = "<img src=x onerror=alert(1)> {{ var.value.x }} ![a](http://evil.example/a.png) [b](javascript:x) $(id) /etc/hostname.md"
    text = (
        spec.read_text()
        .replace("## Orders of the last months, one a row.", f"## {nasty}")
        .replace('owner = "team-returns"', f'owner = "{nasty}"')
    )
    spec.write_text(text)
    document = json.loads(backend.emit(mlspec.load(spec).graph, backend.read_options({})).files["airflow.json"])
    assert document["owner"] == nasty
    assert document["tasks"]["orders-extract"]["doc"] == nasty
