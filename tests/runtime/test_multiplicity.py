"""Adjusted p-values against those that were worked out by hand, and against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from mlspec.runtime.evaluate.multiplicity import CORRECTION_NAMES, CORRECTIONS, benjamini_hochberg, bonferroni_confidence, holm


def test_holm_multiplies_by_what_is_left_and_never_falls() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_benjamini_hochberg_is_scipys() -> None:
    p = np.random.Generator(np.random.PCG64(1)).uniform(0, 1, 200) ** 2
    assert benjamini_hochberg(p) == pytest.approx(false_discovery_control(p, method="bh"))


@pytest.mark.parametrize("name", CORRECTIONS)
def test_a_correction_raises_and_keeps_the_order(name: str) -> None:
    p = np.array([0.5, 0.001, 0.02, 0.02, 0.9])
    adjusted = CORRECTIONS[name](p)
    assert (adjusted >= p).all() and (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()
    assert name in CORRECTION_NAMES


@pytest.mark.parametrize("name", CORRECTIONS)
def test_no_and_one_test_stay_as_they_are(name: str) -> None:
    assert list(CORRECTIONS[name]([])) == []
    assert CORRECTIONS[name]([0.2]) == pytest.approx([0.2])


def test_holm_holds_the_chance_of_any_false_finding() -> None:
    """20 true hypotheses at a time, 2,000 times: at 5 % about one in twenty times something is found."""
    random = np.random.Generator(np.random.PCG64(3))
    found = [bool((holm(random.uniform(0, 1, 20)) <= 0.05).any()) for _ in range(2_000)]
    assert 0.035 < np.mean(found) < 0.065


def test_what_is_no_p_value_is_refused() -> None:
    for wrong in ([1.5], [float("nan")], [-0.1]):
        with pytest.raises(ValueError, match="between 0 and 1"):
            holm(wrong)
    assert bonferroni_confidence(0.95, 5) == pytest.approx(0.99)
    with pytest.raises(ValueError, match="0 intervals"):
        bonferroni_confidence(0.95, 0)
