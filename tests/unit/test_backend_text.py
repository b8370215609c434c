"""Files of targets as text: the same tree under YAML 1.1 and 1.2, the same bytes each time, and the right lines."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from mlspec.backend import At, Origin, to_json, to_yaml

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(["on", "No", "1e3", "0x10", "1:30", "~", "2026-01-01", "a\u2028b", "\x85", "😀"]),
)  # fmt: skip
KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20
)


def same(left: Any, right: Any) -> bool:
    """Equal, and of equal types all the way down: 1 is not 1.0 and not True."""
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return repr(left) == repr(right)


def plain(value: Any) -> Any:
    """ruamel's own number and string classes as Python's."""
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    kinds = (bool, int, float, str)
    return next((kind(value) for kind in kinds if isinstance(value, kind)), value) if value is not None else None


@settings(max_examples=300, deadline=None)
@given(TREES)
def test_both_versions_of_yaml_read_the_tree_that_was_written(tree: Any) -> None:
    text = to_yaml(tree).text
    assert text.isascii()
    assert same(yaml.safe_load(text), tree)
    assert same(plain(YAML(typ="safe", pure=True).load(text)), tree)


@settings(max_examples=100, deadline=None)
@given(TREES)
def test_json_reads_back(tree: Any) -> None:
    assert same(json.loads(to_json(tree).text), tree)


@pytest.mark.parametrize("write", [to_yaml, to_json])
def test_what_is_no_tree_of_json_is_refused(write: Any) -> None:
    with pytest.raises(ValueError):
        write({"a": float("nan")})
    with pytest.raises(TypeError):
        write({"a": object()})


def test_lines_are_noted_with_their_place() -> None:
    tree = {"stages": {"a": At({"cmd": "x", "deps": [At("p", "a.paths"), "q"]}, "a"), "b": At(1, "b.n")}, "tail": {}}
    found = to_yaml(tree)
    assert found.text == "stages:\n  a:\n    cmd: x\n    deps:\n      - p\n      - q\n  b: 1\ntail: {}\n"
    assert found.origins == (Origin(5, 5, "a.paths"), Origin(2, 6, "a"), Origin(7, 7, "b.n"))
    assert [(item.first, item.last) for item in to_json(tree).origins] == [(6, 6), (3, 9), (10, 10)]


def test_items_stand_behind_their_dash() -> None:
    assert to_yaml([{"a": 1, "b": [2]}, [3, [4]]]).text == "- a: 1\n  b:\n    - 2\n- - 3\n  - - 4\n"
