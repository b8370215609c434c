"""Whether held-out rows can decide a gate, and how many would."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlspec.runtime.evaluate import intervals
from mlspec.runtime.validate.gates import Numbers
from mlspec.runtime.validate.resolution import needed_rows, resolution
from mlspec.runtime.validate.verdict import judge


def entry(point: float, low: float, high: float, n: int | None = 1000) -> dict[str, Any]:
    return {"value": low, "point": point, "low": low, "high": high, "n": n, "method": "Wilson", "text": "lower(accuracy(tune))"}


@pytest.mark.parametrize(
    ("numbers", "threshold", "decides"),
    [
        ((0.90, 0.88, 0.92), 0.87, True), ((0.90, 0.88, 0.92), 0.88, True), ((0.90, 0.88, 0.92), 0.89, False),
        ((0.90, 0.88, 0.92), 0.91, False), ((0.90, 0.88, 0.92), 0.93, True), ((0.90, 0.88, 0.92), 0.90, False),
    ],
)  # fmt: skip
def test_a_threshold_inside_the_interval_is_open(numbers: tuple[float, float, float], threshold: float, decides: bool) -> None:
    found = resolution(entry(*numbers), threshold, "float")
    assert found is not None
    assert found["decides"] is decides
    assert bool(found["text"]) is not decides


def test_the_needed_rows_would_have_decided() -> None:
    """As many rows with the same share as the text names leave the threshold outside the interval."""
    hits, rows, threshold = 900, 1000, 0.89
    known = intervals.wilson(hits, rows)
    found = resolution({"point": 0.9, "low": known.low, "high": known.high, "n": rows}, threshold, "float")
    assert found is not None
    assert found["needs"] is not None and 3000 < found["needs"] < 5000
    more = intervals.wilson(0.9 * found["needs"], found["needs"])
    assert more.low >= threshold
    fewer = intervals.wilson(0.9 * found["needs"] / 2, found["needs"] / 2)
    assert fewer.low < threshold


def test_the_words_are_in_the_unit_of_the_gate() -> None:
    found = resolution(entry(0.10, 0.07, 0.13), 0.11, "points")
    assert found is not None
    assert found["text"] == (
        "the held-out rows cannot decide this gate: the interval's half-width 3pp is more than the margin 1pp; about 9,000 rows would"
    )
    at = resolution(entry(0.9, 0.88, 0.92), 0.9, "float")
    assert at is not None and at["text"].endswith("the model stands at the threshold")


def test_what_is_not_known_is_not_said() -> None:
    assert resolution(entry(0.9, 0.88, 0.92), None, "float") is None
    assert resolution({"point": None, "low": None, "high": None, "n": 5}, 0.5, "float") is None
    assert needed_rows(None, 0.03, 0.01) is None
    assert needed_rows(1000, 1.0, 1e-9) is None
    assert needed_rows(100, 0.03, 0.01) == 900


def test_the_verdict_says_it_of_a_gate_that_is_one_comparison() -> None:
    numbers = Numbers({"q": entry(0.9, 0.88, 0.92)}, {})
    single = judge({"name": "g", "expression": ["call", ">=", [["quantity", "q"], ["lit", 0.89, "float"]], {}]}, numbers)
    turned = judge({"name": "g", "expression": ["call", "<=", [["lit", 0.5, "float"], ["quantity", "q"]], {}]}, numbers)
    both = judge({"name": "g", "expression": ["call", ">=", [["call", "*", [["quantity", "q"], ["lit", 2, "int"]], {}], ["lit", 1, "int"]], {}]}, numbers)  # fmt: skip
    assert single["status"] == "failed"
    assert single["resolution"]["needs"] == 4000
    assert turned["resolution"]["decides"] is True
    assert both["resolution"] is None


def test_half_widths_shrink_with_the_root_of_the_rows() -> None:
    needs = [needed_rows(n, 0.03 * np.sqrt(1000 / n), 0.01) for n in (1000, 4000)]
    assert needs == [9000, 9000]
