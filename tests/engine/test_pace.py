"""Posterior, predictive and what is learnt: laws, edges, and calibration under the model itself."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import integrate, special, stats

from koers.engine import pace
from koers.engine.local_trend import tabulate

Floats = NDArray[np.float64]
TIMES = np.array([0.0, 0.1, 0.3, 0.35, 0.6, 1.0])
HYPER = pace.Hyper(drift=0.7, reversion=1.3, spread=5.0, wander=11.0, reading=0.3, scale=0.2, df=4.0)


def ragged(rows: list[list[tuple[float, float]]]) -> pace.Readings:
    """Readings of key results given as lists of (time, x)."""
    series = np.repeat(np.arange(len(rows), dtype=np.int64), [len(row) for row in rows])
    flat = np.array([pair for row in rows for pair in row], dtype=np.float64).reshape(-1, 2)
    return pace.Readings(series, flat[:, 0], flat[:, 1], len(rows))


def regular(time: Floats, x: Floats) -> pace.Readings:
    """Readings x (series, reading) at the same times (reading,)."""
    n, m = x.shape
    return pace.Readings(np.repeat(np.arange(n, dtype=np.int64), m), np.tile(time, n), x.ravel(), n)


def fit(readings: pace.Readings) -> pace.Hyper:
    return pace.fit(tabulate(readings))


def simulated(h: pace.Hyper, n: int, seed: int) -> Floats:
    """Readings (series, TIMES) of the model as its docstring tells it: latent level, slope and precision, with shocks.

    A shock to the precision rescales what is unknown of the state, around what the readings so far say of it.
    """
    rng = np.random.default_rng(seed)
    precision = rng.gamma((h.df + 1) / 2, 2 / ((h.df + 1) * h.scale**2), n)
    x = np.zeros((n, len(TIMES)))
    level = rng.standard_normal(n) * np.sqrt(h.reading / precision)
    slope = h.drift + rng.standard_normal(n) * np.sqrt(h.spread / precision)
    for j in range(1, len(TIMES)):
        known = pace.posterior(regular(TIMES[:j], x[:, :j]), h)
        shock = rng.beta(h.df / 2, 0.5, n) * (h.df + 1) / h.df
        level, slope = (m + (v - m) / np.sqrt(shock) for v, m in ((level, known.level), (slope, known.slope)))
        precision = precision * shock
        for _ in range(FINE):
            dt = (TIMES[j] - TIMES[j - 1]) / FINE
            noise = rng.standard_normal((2, n)) / np.sqrt(precision)
            level = level + slope * dt + np.sqrt(dt) * noise[0]
            slope = slope + h.reversion * (h.drift - slope) * dt + np.sqrt(h.wander * dt) * noise[1]
        x[:, j] = level + rng.standard_normal(n) * np.sqrt(h.reading / precision)
    return x


FINE = 200  # Euler steps between readings
N = 4_000


@pytest.fixture(scope="module")
def told() -> tuple[Floats, pace.Predictive]:
    """Simulated values at due, and the forecasts of them from the readings before."""
    x = simulated(HYPER, N, seed=20_240_601)
    known = pace.posterior(regular(TIMES[:-1], x[:, :-1]), HYPER)
    return x[:, -1], pace.predict(known, np.ones(N), HYPER)


def uniform(pit: Floats) -> bool:
    """Kolmogorov-Smirnov at false_fail 1e-4; of 4,000 ranks, a scale off by 30 % passes with false_pass < 1e-4."""
    return bool(stats.kstest(pit, "uniform").pvalue > 1e-4)


def test_forecasts_are_calibrated_under_the_model(told: tuple[Floats, pace.Predictive]) -> None:
    values, ahead = told
    assert uniform(1 - ahead.exceedance(values))


@pytest.mark.parametrize("factor", [0.7, 1.4])
def test_the_calibration_check_rejects_a_wrong_scale(told: tuple[Floats, pace.Predictive], factor: float) -> None:
    values, ahead = told
    assert not uniform(1 - replace(ahead, scale=ahead.scale * factor).exceedance(values))


def test_eighty_percent_intervals_cover_eighty_percent(told: tuple[Floats, pace.Predictive]) -> None:
    values, ahead = told
    inside = (ahead.quantile(0.1) <= values) & (values <= ahead.quantile(0.9))
    assert stats.binomtest(int(inside.sum()), N, 0.8).pvalue > 1e-4  # false_fail 1e-4


def test_a_young_log_forecasts_what_scored_goals_did() -> None:
    nothing = ragged([[]])
    ahead = pace.predict(pace.posterior(nothing, pace.DEFAULT), np.ones(1), pace.DEFAULT)
    assert ahead.expected_score()[0] == pytest.approx(0.62, abs=0.02)
    assert 0.14 <= ahead.exceedance(1.0)[0] <= 0.25


EITHER: list[list[list[tuple[float, float]]]] = [[[]], [[(0.0, 0.0)]]]


def test_no_reading_is_as_good_as_the_baseline() -> None:
    nothing, baseline = (pace.posterior(ragged(rows), HYPER) for rows in EITHER)
    assert astuple(nothing) == astuple(baseline)


def test_the_default_stays_while_nothing_is_known() -> None:
    assert fit(ragged([])) == pace.DEFAULT
    assert fit(ragged([[], [(0.0, 0.0)], [(0.0, 0.0)]])) == pace.DEFAULT


def test_a_first_check_in_hardly_moves_what_is_shared() -> None:
    learnt = fit(ragged([[(0.0, 0.0), (0.2, 0.1)]]))
    np.testing.assert_allclose(astuple(learnt), astuple(pace.DEFAULT), rtol=0.25)


def test_what_is_learnt_forecasts_new_goals_of_the_kind_better() -> None:
    kind = pace.Hyper(drift=0.1, reversion=0.5, spread=1.0, wander=1.0, reading=1.0, scale=0.3, df=4.0)
    past, new = simulated(kind, 200, seed=1), simulated(kind, 500, seed=2)
    learnt = fit(regular(TIMES, past))
    brier = {}
    for hyper in (learnt, pace.DEFAULT):
        ahead = pace.predict(pace.posterior(regular(TIMES[:2], new[:, :2]), hyper), np.ones(500), hyper)
        brier[hyper] = np.mean((ahead.exceedance(1.0) - (new[:, -1] >= 1)) ** 2)
    assert brier[learnt] < 0.8 * brier[pace.DEFAULT]


def test_neither_order_nor_numbering_of_key_results_matters() -> None:
    rng = np.random.default_rng(3)
    rows = [
        list(zip(np.sort(rng.uniform(-0.3, 1, m)), rng.normal(0.4, 0.3, m), strict=True))
        for m in rng.integers(0, 9, 60)
    ]
    mixed = rng.permutation(60)
    plain, shuffled = ragged(rows), ragged([rows[i] for i in mixed])
    learnt = fit(plain)
    assert fit(shuffled) == learnt
    for a, b in zip(astuple(pace.posterior(plain, learnt)), astuple(pace.posterior(shuffled, learnt)), strict=True):
        np.testing.assert_allclose(a[mixed], b, rtol=1e-12)


def test_large_logs_are_learnt_from_in_part_and_still_in_any_order() -> None:
    x = np.random.default_rng(4).normal(0.0, 0.2, (2 * pace.LEARNERS + 1, 3)).cumsum(axis=1)
    time = np.array([0.0, 0.4, 1.0])
    assert fit(regular(time, x)) == fit(regular(time, x[::-1]))


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20), st.floats(-1e3, 1e3), st.floats(1e-6, 1e3))
def test_a_higher_threshold_is_never_likelier(thresholds: list[float], mean: float, scale: float) -> None:
    ahead = pace.Predictive(np.array(mean), np.array(scale), np.array(3.3))
    chance = ahead.exceedance(np.sort(thresholds))
    assert np.all(np.diff(chance) <= 0)
    assert np.all((chance >= 0) & (chance <= 1))


def test_quantiles_invert_exceedances_and_broadcast() -> None:
    ahead = pace.Predictive(np.array([0.2, 3.0]), np.array([0.1, 2.0]), np.array([2.5, 9.0]))
    levels = np.array([0.05, 0.5, 0.95])[:, None]
    values = ahead.quantile(levels)
    assert values.shape == (3, 2)
    np.testing.assert_allclose(1 - ahead.exceedance(values), np.broadcast_to(levels, (3, 2)), rtol=1e-9)


@pytest.mark.parametrize(
    ("mean", "scale", "df"), [(0.6, 0.3, 4.0), (-2.0, 0.5, 1.5), (1.4, 3.0, 30.0), (0.5, 1e-6, 2.0)]
)
def test_the_expected_score_is_the_area_under_the_exceedance(mean: float, scale: float, df: float) -> None:
    want, _ = integrate.quad(lambda v: stats.t.sf(v, df, mean, scale), 0, 1, points=[0.5], limit=200)
    ahead = pace.Predictive(np.array(mean), np.array(scale), np.array(df))
    assert ahead.expected_score() == pytest.approx(want, abs=1e-6)


@given(st.floats(0.0, 50.0), st.floats(1.2, 60.0))
def test_the_normal_stand_in_for_student_t_is_within_a_hundredth(t: float, df: float) -> None:
    stand_in = special.ndtr(pace._as_normal(np.array(t * t), np.array(df)))
    assert stand_in == pytest.approx(special.stdtr(df, t), abs=0.01)


STRANGE: dict[str, list[list[tuple[float, float]]]] = {
    "nothing": [[], []],
    "one reading": [[(0.2, 0.1)]],
    "identical readings": [[(0.2, 0.1)] * 5],
    "a constant": [[(i / 20, 0.3) for i in range(20)]],
    "two at one time": [[(0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (0.5, 0.7)]],
    "daily for ten years": [[(i / 3650, i / 3650) for i in range(3650)]],
    "huge": [[(0.0, 0.0), (0.1, 1e6), (0.2, -1e6), (1.0, 1e6)], [(0.0, 1e6), (0.5, 1e6)]],
    "long before and long after": [[(-40.0, -3.0), (-39.0, 0.0), (25.0, 2.0), (1e4, 3.0)]],
    "reached before the start": [[(-0.5, 1.0), (0.0, 1.0), (0.5, 1.2), (1.0, 1.0)]],
}


@pytest.mark.parametrize("rows", STRANGE.values(), ids=STRANGE.keys())
def test_strange_series_give_finite_forecasts(rows: list[list[tuple[float, float]]]) -> None:
    readings = ragged(rows)
    learnt = fit(readings)
    for hyper in (pace.DEFAULT, learnt):
        belief = pace.posterior(readings, hyper)
        for at in (0.0, 1.0, 1e6):
            ahead = pace.predict(belief, np.full(len(rows), at), hyper)
            answers = [*astuple(ahead), ahead.exceedance(1.0), ahead.quantile(0.05), ahead.expected_score()]
            assert all(np.isfinite(answer).all() for answer in answers)
            assert (ahead.scale > 0).all()


series = st.lists(st.tuples(st.floats(-2, 3), st.floats(-1e6, 1e6)), max_size=6).map(sorted)


@settings(max_examples=60)
@given(st.lists(series, max_size=4))
def test_any_series_give_finite_settings_and_forecasts(rows: list[list[tuple[float, float]]]) -> None:
    readings = ragged(rows)
    learnt = fit(readings)
    ahead = pace.predict(pace.posterior(readings, learnt), np.ones(len(rows)), learnt)
    assert np.isfinite(astuple(learnt)).all()
    assert learnt.df > 1
    assert all(np.isfinite(part).all() for part in (*astuple(ahead), ahead.expected_score(), ahead.quantile(0.95)))
