"""Drift statistics are calibrated: chance seldom raises them, a real shift always does, and too little data is never fine."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlspec.runtime.monitor import statistics
from mlspec.runtime.monitor.cells import as_number, category_cells, number_cells, read_cells
from mlspec.runtime.monitor.profile import profile_of, read_profile

RNG_SEED = 20_260_331


def drift(reference, live_values, kind="float"):
    profile = profile_of("x", kind, reference, 10)
    live = profile.empty()
    live.add(live_values)
    return profile, live


def psi(profile, live):
    return statistics.psi(profile.with_nulls(), live.with_nulls())


@pytest.mark.parametrize("shape", ["normal", "skewed", "zeros", "category", "nulls"])
@pytest.mark.parametrize("n", [60, 300])
def test_chance_exceeds_the_noise_at_most_as_often_as_stated(shape, n):
    """1,000 windows drawn from the reference itself: at most alpha of them beyond the noise, with its sampling error."""
    rng = np.random.default_rng(RNG_SEED)

    def draw(count):
        if shape == "normal":
            return rng.normal(size=count).tolist()
        if shape == "skewed":
            return rng.lognormal(sigma=2, size=count).tolist()
        if shape == "zeros":
            return np.where(rng.random(count) < 0.9, 0.0, rng.lognormal(size=count)).tolist()
        if shape == "category":
            return rng.choice(["a", "b", "c", "d"], p=[0.6, 0.3, 0.07, 0.03], size=count).tolist()
        return [None if rng.random() < 0.2 else value for value in rng.normal(size=count).tolist()]

    kind = "category" if shape == "category" else "float"
    reference = profile_of("x", kind, draw(8_000), 10)
    beyond = {"psi": 0, "js": 0, "ks": 0}
    for _ in range(1_000):
        live = reference.empty()
        live.add(draw(n))
        for name in ("psi", "js"):
            found = getattr(statistics, name)(reference.with_nulls(), live.with_nulls())
            beyond[name] += found.value > found.noise
        if reference.fine is not None:
            found = statistics.ks(reference.fine_counts, live.fine_counts)
            beyond["ks"] += found.value is not None and found.value > found.noise
    # 1,000 windows at alpha 0.001: 6 or more has a probability of 0.0006 if alpha holds.
    assert max(beyond.values()) <= 5, beyond


@pytest.mark.parametrize(("shift", "scale"), [(1.0, 1.0), (0.0, 3.0), (-2.0, 1.0)])
def test_a_real_shift_is_found_by_all_three(shift, scale):
    rng = np.random.default_rng(RNG_SEED)
    profile, live = drift(rng.normal(size=10_000).tolist(), (rng.normal(size=500) * scale + shift).tolist())
    found = psi(profile, live)
    assert found.value > 0.2 and found.value > found.noise
    found = statistics.js(profile.with_nulls(), live.with_nulls())
    assert found.noise < found.value <= 1
    found = statistics.ks(profile.fine_counts, live.fine_counts)
    assert found.noise < found.value <= 1


def test_equal_distributions_have_small_distances():
    rng = np.random.default_rng(RNG_SEED)
    profile, live = drift(rng.normal(size=20_000).tolist(), rng.normal(size=20_000).tolist())
    assert psi(profile, live).value < 0.005
    assert statistics.ks(profile.fine_counts, live.fine_counts).value < 0.03


def test_psi_and_ks_against_their_definitions():
    reference, live = np.array([400, 300, 300]), np.array([100, 100, 300])
    p, q = (reference + 0.5) / 1_001.5, (live + 0.5) / 501.5
    assert statistics.psi(reference, live).value == pytest.approx(
        sum((a - b) * math.log(a / b) for a, b in zip(p, q, strict=True))
    )
    assert statistics.ks(reference, live).value == pytest.approx(0.7 - 0.4)
    assert statistics.js(np.array([10_000, 0]), np.array([0, 10_000])).value == pytest.approx(1, abs=0.01)


def test_ks_agrees_with_scipy_on_the_raw_values():
    from scipy.stats import ks_2samp

    rng = np.random.default_rng(RNG_SEED)
    first, second = rng.normal(size=5_000), rng.normal(loc=0.3, size=2_000)
    profile, live = drift(first.tolist(), second.tolist())
    assert statistics.ks(profile.fine_counts, live.fine_counts).value == pytest.approx(
        ks_2samp(first, second).statistic, abs=0.01
    )


def test_the_chi_square_quantile_is_close_to_scipys():
    from scipy.stats import chi2

    for freedom in (1, 2, 5, 10, 50):
        for alpha in (0.01, 0.001, 0.0001):
            exact = chi2.ppf(1 - alpha, freedom)
            assert 0.99 * exact <= statistics._chi_square(freedom, alpha) <= 1.08 * exact


@pytest.mark.parametrize("n", [0, 1, 29])
def test_too_few_records_are_insufficient_and_never_a_number(n):
    profile, live = drift(list(range(1_000)), [5.0] * n)
    for found in (psi(profile, live), statistics.ks(profile.fine_counts, live.fine_counts), statistics.share(0, n)):
        assert found.value is None and found.reason


def test_a_reference_of_a_few_rows_is_insufficient():
    profile, live = drift([1.0, 2.0, 3.0] * 5, [1.0] * 100)
    assert psi(profile, live).value is None


def test_a_constant_column_and_another_constant():
    profile, live = drift([7.0] * 500, [7.0] * 100)
    assert psi(profile, live).value < psi(profile, live).noise
    for other in (6.0, 8.0):
        _, live = drift([7.0] * 500, [other] * 100)
        assert psi(profile, live).value > 1


def test_all_null_and_no_longer_null():
    profile, live = drift([1.0, 2.0, 3.0, 4.0] * 100, [None] * 100)
    assert psi(profile, live).value > 1
    profile, live = drift([None] * 400, [1.0] * 100)
    assert psi(profile, live).value > 1
    profile, live = drift([None] * 400, [None] * 100)
    assert psi(profile, live).value < psi(profile, live).noise


def test_a_new_category_is_seen():
    profile, live = drift(["a", "b"] * 500, ["a", "b", "new"] * 50, "category")
    assert profile.cells.labels() == ["a", "b", "other"]
    assert psi(profile, live).value > psi(profile, live).noise


def test_infinities_land_in_the_outer_cells():
    profile, live = drift(np.linspace(0, 1, 1_000).tolist(), [math.inf, -math.inf] * 50)
    assert live.counts[0] == live.counts[-1] == 50
    assert math.isfinite(psi(profile, live).value)


values = st.lists(st.one_of(st.none(), st.integers(-5, 5).map(float), st.floats(-1e9, 1e9)), min_size=0, max_size=300)


@settings(max_examples=150, deadline=None)
@given(values, values, st.integers(1, 30))
def test_no_cell_holds_a_few_people_and_nothing_is_lost_or_nan(reference, live_values, min_cell):
    profile = profile_of("x", "float?", reference, min_cell)
    for counts in (profile.counts, profile.fine_counts):
        held = [value for value in reference if value is not None]
        assert counts.sum() == len(held)
        if len(held) >= min_cell:
            assert all(count == 0 or count >= min_cell for count in counts)
    assert profile.nulls == 0 or profile.nulls >= min_cell
    live = profile.empty()
    live.add(live_values)
    assert live.n == len(live_values)
    found = psi(profile, live)
    assert found.value is None or math.isfinite(found.value)
    again = read_profile(profile.to_json())
    assert again.to_json() == profile.to_json()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from("abcdefgh"), max_size=400), st.integers(2, 30))
def test_categories_under_the_minimum_are_merged(found, min_cell):
    cells = category_cells(found, min_cell)
    counts = cells.count(found)
    assert counts.sum() == len(found)
    if len(found) >= min_cell:
        assert all(count == 0 or count >= min_cell for count in counts)
    assert read_cells(cells.to_json()) == cells


def test_cells_follow_quantiles_and_point_masses():
    numbers = np.concatenate([np.zeros(900), np.arange(1, 101)])
    cells = number_cells(numbers, 10, 10)
    counts = cells.count_array(numbers)
    assert cells.labels()[1] == "0"
    assert counts[1] == 900
    assert len(cells.labels()) == cells.size == len(counts)


def test_dates_and_instants_are_numbers():
    assert as_number("2026-03-31") - as_number("2026-03-30") == 1
    assert as_number("2026-03-31T00:00:10Z") - as_number("2026-03-31T00:00:00+00:00") == 10
