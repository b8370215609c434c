"""Expressions as nested lists."""

from __future__ import annotations

from typing import Any

import pytest

from mlspec.graph import GraphError
from mlspec.graph.expression import columns_of, metrics_of, rewrite, validate, walk

AGE: list[Any] = ["col", "age", "int?"]
PLUS: list[Any] = ["call", "+", [AGE, ["lit", 1, "int"]], {}]
CLIP: list[Any] = ["call", "clip", [PLUS, ["range", ["lit", 0, "int"], ["lit", 9, "int"]]], {"extra": ["col", "hours", "int"]}]
WORST: list[Any] = ["call", "worst", [["metric", "auc", "tune", {}]], {"by": ["feature", "sex"]}]


def test_walk_reaches_everything_once() -> None:
    assert [node[0] for node in walk(CLIP)] == ["call", "call", "col", "lit", "range", "lit", "lit", "col"]
    assert columns_of(CLIP) == ["age", "hours"]
    assert metrics_of(WORST) == [["metric", "auc", "tune", {}]]


def test_rewrite_leaves_the_original_alone() -> None:
    def rename(node: list[Any]) -> list[Any] | None:
        return ["col", "years", node[2]] if node[0] == "col" else None

    assert columns_of(rewrite(CLIP, rename)) == ["years"]
    assert columns_of(CLIP) == ["age", "hours"]


def test_a_very_deep_expression_walks() -> None:
    deep: list[Any] = AGE
    for _ in range(5_000):
        deep = ["call", "neg", [deep], {}]
    assert sum(1 for _ in walk(deep)) == 5_001
    validate(deep, "x")


@pytest.mark.parametrize("value", [AGE, PLUS, CLIP, WORST, ["quantity", "q"], ["list", [["lit", None, "null"]]]])
def test_valid(value: list[Any]) -> None:
    validate(value, "x")


@pytest.mark.parametrize(
    "value",
    [
        1, [], ["col", "age"], ["col", "age", "colour"], ["col", 3, "int"], ["call", "+", AGE, []], ["call", "+", [1], {}],
        ["metric", "auc", "m", []], ["list", 3], ["nothing", 1], ["call", 1, [], {}],
    ],
)  # fmt: skip
def test_invalid(value: Any) -> None:
    with pytest.raises(GraphError) as caught:
        validate(value, "features.x")
    assert caught.value.where.startswith("features.x")


def test_too_large() -> None:
    with pytest.raises(GraphError, match="too large"):
        validate(["list", [["lit", 1, "int"]] * 10_001], "x")
