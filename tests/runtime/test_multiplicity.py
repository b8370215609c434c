"""Adjusted p-values against those that were worked out by hand, and against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from mlspec.runtime.evaluate.multiplicity import (
    CORRECTION_NAMES,
    CORRECTIONS,
    benjamini_hochberg,
    bonferroni_confidence,
    holm,
    joint_confidences,
)


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


def test_joint_confidences_of_bonferroni_and_holm() -> None:
    assert joint_confidences(0.95, [0, 1, 2, 3], "bonferroni") == pytest.approx([0.9875] * 4)
    assert joint_confidences(0.95, [2, 0, 1], "holm") == pytest.approx([1 - 0.05 / 2, 0.95, 1 - 0.05 / 3])
    assert joint_confidences(0.9, [1, 0], "none") == [0.9, 0.9]


def test_intervals_by_holm_exclude_what_adjusted_p_values_refuse() -> None:
    values = [0.001, 0.012, 0.02, 0.3]
    levels = joint_confidences(0.95, sorted(range(4), key=lambda at: values[at]), "holm")
    refused = []
    for which, level in enumerate(levels):
        if values[which] > 1 - level:
            break
        refused.append(which)
    assert refused == [at for at, value in enumerate(holm(values)) if value <= 0.05]
