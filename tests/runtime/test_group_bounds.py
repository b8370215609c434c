"""Ends of intervals in every group: closed forms and draws, with and without a correction for their number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlspec.runtime.evaluate import intervals
from mlspec.runtime.evaluate.findings import quantity_entry
from mlspec.runtime.evaluate.held_out import HeldOut
from mlspec.runtime.evaluate.multiplicity import joint_confidences
from mlspec.runtime.evaluate.outcomes import outcomes_of
from mlspec.runtime.evaluate.quantities import Evaluator

SIZES = {"a": 400, "b": 200, "c": 100}
SHARES = {"a": 0.90, "b": 0.91, "c": 0.95}


def evaluator(correction: str = "none", *, whole: bool = False, min_group: int = 50) -> Evaluator:
    """Three groups of known accuracy; `whole` says that pairs of rows belong together."""
    decided, names = [], []
    for name, size in SIZES.items():
        right = round(SHARES[name] * size)
        decided += [1] * right + [0] * (size - right)
        names += [name] * size
    n = len(names)
    codes = np.array([list(SIZES).index(name) for name in names])
    held = HeldOut(np.arange(n), np.ones(n, dtype=np.int64), [1] * n, groups=np.arange(n) // 2 if whole else None)
    held.grouping["column", "site"], held.group_names["column", "site"] = codes, list(SIZES)
    models = {"tune": outcomes_of(np.ones(n), np.array(decided, dtype=float), decided)}
    return Evaluator(held, models, confidence=0.95, min_group=min_group, seed=5, correction=correction)


def entry(found: Evaluator, name: str = "worst", metric: str = "accuracy", end: str = "lower") -> dict[str, Any]:
    node = ["call", name, [["call", end, [["metric", metric, "tune", {}]], {}]], {"by": ["column", "site"]}]
    found.prepare([node])
    return quantity_entry(found, node)


def test_each_group_has_an_interval_of_its_own() -> None:
    found = entry(evaluator())
    for name, size in SIZES.items():
        expected = intervals.wilson(round(SHARES[name] * size), size)
        assert (found["groups"][name]["low"], found["groups"][name]["high"]) == (expected.low, expected.high)
        assert found["groups"][name]["value"] == expected.low
    assert found["value"] == min(row["low"] for row in found["groups"].values())
    assert (found["method"], found["correction"], found["n"]) == ("Wilson in each of 3 groups", "none", 200)
    assert (found["text"], found["point"]) == ("worst(lower(accuracy(tune)), by: site)", 0.91)


def test_bonferroni_widens_all_and_holm_the_clearest_most() -> None:
    levels = [0.95, 1 - 0.05 / 2, 1 - 0.05 / 3]
    bonferroni, holm = entry(evaluator("bonferroni")), entry(evaluator("holm"))
    assert {row["confidence"] for row in bonferroni["groups"].values()} == {levels[2]}
    ends = {name: intervals.wilson(round(SHARES[name] * size), size).low for name, size in SIZES.items()}
    clearest_last = sorted(ends, key=lambda name: ends[name])
    assert {name: holm["groups"][name]["confidence"] for name in clearest_last} == pytest.approx(
        dict(zip(clearest_last, levels, strict=True))
    )
    assert bonferroni["value"] < holm["value"] <= entry(evaluator())["value"]
    assert (bonferroni["method"], holm["method"]) == (
        "Wilson in each of 3 groups, Bonferroni",
        "Wilson in each of 3 groups, Holm",
    )


def test_upper_ends_count_where_less_is_better() -> None:
    found = entry(evaluator("holm"), metric="log_loss", end="upper")
    assert found["value"] == max(row["high"] for row in found["groups"].values())
    assert found["method"] == "bootstrap, 2,000 draws in each of 3 groups, Holm"


def test_whole_groups_of_the_split_are_drawn() -> None:
    plain, grouped = entry(evaluator()), entry(evaluator(whole=True))
    assert grouped["method"] == "bootstrap, 2,000 draws of whole groups in each of 3 groups"
    assert grouped["value"] < plain["point"]


def test_small_groups_and_gaps_of_ends_have_no_value() -> None:
    small = entry(evaluator(min_group=150))
    assert small["value"] is None
    assert "smaller than min_group 150: `c` has 100" in small["problem"]
    gap = entry(evaluator(), name="gap")
    assert gap["value"] is None
    assert "write `lower(gap(…))`" in gap["problem"]


def test_the_chance_that_any_group_is_wrongly_cleared() -> None:
    """Twelve groups exactly at the limit: uncorrected some group clears it in a third of the worlds, corrected in one of twenty."""
    random, wrong = np.random.default_rng(2), {"none": 0, "holm": 0}
    worlds = 250
    for _ in range(worlds):
        hits = random.binomial(400, 0.8, 12)
        for correction in wrong:
            order = sorted(range(12), key=lambda at: -hits[at])
            levels = joint_confidences(0.95, order, correction)
            wrong[correction] += any(intervals.wilson(hits[at], 400, levels[at]).low >= 0.8 for at in range(12))
    assert wrong["none"] > 0.15 * worlds
    assert wrong["holm"] < 0.05 * worlds
