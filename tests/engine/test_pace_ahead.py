"""The pace to come, regressed on the pace so far: against closed forms, and as laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from koers.engine import pace_ahead
from koers.engine.lives import Lives
from koers.engine.local_trend import Floats, Table
from koers.engine.pace_ahead import DF, FALL, FIRST, Gain, PaceAhead, fit, gain

RNG = np.random.default_rng(20261125)


def lives(time: Floats, x: Floats, *, percent: bool = False) -> Lives:
    """Goals of a hundred days from 0 to 1 (or, a percentage, to 100) with these readings, (goal, reading)."""
    n, m = x.shape
    one, way = np.ones(n), np.full(n, 100.0 if percent else 1.0)
    return Lives(
        table=Table(np.broadcast_to(time, (n, m)).copy(), x, np.full(n, m)),
        start=0 * one, life=100 * one, due=one, baseline=0 * one, way=way, threshold=one,
        percent=np.full(n, percent), bounded=np.zeros(n, dtype=np.bool_),
        team=np.array(["t"] * n, dtype=np.object_), unit=np.array(["u"] * n, dtype=np.object_),
        ended=np.full(n, np.inf), end=np.full(n, np.nan), attained=np.zeros(n, dtype=np.bool_),
    )  # fmt: skip


def last_column(of: Lives) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.asarray(of.last())


def test_a_steady_pace_is_expected_to_go_on_before_anything_is_learnt() -> None:
    steady = lives(np.linspace(0.0, 0.5, 11), np.linspace(0.0, 0.4, 11)[None])
    ahead = gain(steady, FIRST, last_column(steady), np.ones(1))
    assert ahead.quantile(np.array([0.5]))[0] == pytest.approx(0.8, abs=0.01)  # the memory begins with a moment of .66
    assert ahead.exceedance(np.array([0.8]))[0] == pytest.approx(0.5, abs=0.01)


def test_the_chance_is_that_of_a_student_t_on_the_scale_of_logs() -> None:
    one = Gain(np.array([0.3]), np.array([0.5]), np.array([0.1]), np.array([0.6]))
    for threshold in (0.25, 0.3, 0.6, 2.0):
        y = np.log(((threshold - 0.3) / 0.5 + FALL) / (1 + FALL))
        want = stats.t(DF, 0.1, 0.6).sf(y)
        assert one.exceedance(np.array([threshold]))[0] == pytest.approx(want, rel=1e-9)
    assert one.exceedance(np.array([0.3 - FALL * 0.5 - 1e-9]))[0] == 1.0


@given(st.floats(0.01, 0.99), st.floats(-2, 2), st.floats(0.05, 2), st.floats(1e-3, 5), st.floats(-1, 2))
def test_quantiles_are_exceeded_with_the_rest(level: float, mean: float, scale: float, reach: float, x: float) -> None:
    one = Gain(*(np.array([v]) for v in (x, reach, mean, scale)))
    assert one.exceedance(one.quantile(np.array([level])))[0] == pytest.approx(1 - level, abs=1e-6)


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=6))
def test_a_further_threshold_is_never_likelier(thresholds: list[float]) -> None:
    one = Gain(np.array([0.2]), np.array([0.4]), np.array([0.0]), np.array([0.7]))
    found = one.exceedance(np.array(sorted(thresholds)))
    assert (np.diff(found) <= 0).all()


def test_without_pairs_nothing_is_learnt() -> None:
    assert fit(lives(np.zeros(1), np.zeros((3, 1))), 50.0) is FIRST


def drawn(goals: int, factor: float, spread: float) -> Lives:
    """Paces that go on times `factor` and a lognormal, from half of the life on."""
    pace = np.exp(RNG.normal(0.0, 0.5, goals))
    z = factor * np.exp(RNG.normal(0.0, spread, goals))
    half = pace * 0.5
    x = np.stack([0 * pace, half / 2, half, half + pace * z * 0.5], axis=1)
    return lives(np.array([0.0, 0.25, 0.5, 1.0]), x)


def test_paces_that_halve_are_learnt_to_slow_down_and_the_prior_does_not_know() -> None:
    """Of new goals, from their half on: the middle of what is said is nearer by a third at least."""
    learnt = fit(drawn(400, 0.5, 0.2), 100.0)
    new, column, half = drawn(200, 0.5, 0.2), np.full(200, 2), np.array(0.5)
    off = [
        np.abs(gain(new, w, column, np.ones(200)).quantile(half) - new.table.x[:, 3]).mean() for w in (learnt, FIRST)
    ]
    assert off[0] < 0.67 * off[1]


def test_what_is_learnt_covers_as_said_and_half_the_scale_does_not() -> None:
    """80 of 100 within four errors of a share of 1,000 (false_fail 6e-5)."""
    learnt = fit(drawn(1_000, 0.8, 0.4), 100.0)
    new, column = drawn(1_000, 0.8, 0.4), np.full(1_000, 2)
    for what, holds in ((learnt, True), (learnt._replace(log_scale=learnt.log_scale - np.log(2)), False)):
        ahead = gain(new, what, column, np.ones(1_000))
        inside = (ahead.quantile(np.array(0.1)) <= new.table.x[:, 3]) & (
            new.table.x[:, 3] <= ahead.quantile(np.array(0.9))
        )
        assert bool(abs(inside.mean() - 0.8) < 4 * np.sqrt(0.16 / 1_000)) is holds


def test_saturation_of_a_percentage_is_learnt() -> None:
    """Logistic growth: what is near 100 slows down, and is said to."""
    start = RNG.uniform(-3.0, 1.5, 300)
    time = np.linspace(0.0, 1.0, 11)
    x = 1 / (1 + np.exp(-(start[:, None] + 3.0 * time)))
    learnt = fit(lives(time, x, percent=True), 100.0)
    assert learnt.mean[3] < -0.5


def test_the_order_of_goals_and_later_readings_of_others_do_not_matter() -> None:
    some = drawn(30, 1.0, 0.3)
    order = RNG.permutation(30)
    one, other = fit(some, 100.0), fit(some.take(order), 100.0)
    np.testing.assert_allclose(one.mean, other.mean, rtol=1e-9)
    found = gain(some, PaceAhead(*one), np.full(30, 2), np.ones(30))
    cut = lives(some.table.time[0, :3], some.table.x[:, :3])
    np.testing.assert_array_equal(found.mean, gain(cut, PaceAhead(*one), np.full(30, 2), np.ones(30)).mean)


def test_recent_pairs_count_most() -> None:
    early, late = drawn(200, 2.0, 0.2), drawn(200, 0.5, 0.2)
    both = [np.concatenate([a, b]) for a, b in zip(early.table, late.table, strict=True)]
    one = lives(np.zeros(1), np.zeros((400, 1)))
    start = np.concatenate([np.zeros(200), np.full(200, 720.0)])
    mixed = Lives(**{n: getattr(one, n) for n in one.__slots__} | {"table": Table(*both), "start": start})
    found = gain(late, fit(mixed, 820.0), np.full(200, 2), np.ones(200)).mean
    assert np.median(found) < np.median(gain(late, fit(mixed, 0.0), np.full(200, 2), np.ones(200)).mean) - 0.3


def staggered(factors: Floats, spread: float = 0.3) -> Lives:
    """Goals of fifty days, one begun a day; from half of the life on paces go on times their factor."""
    n = len(factors)
    pace, z = np.exp(RNG.normal(0.0, 0.4, n)), factors * np.exp(RNG.normal(0.0, spread, n))
    x = np.stack([0 * pace, pace / 4, pace / 2, pace / 2 * (1 + z)], axis=1)
    plain = lives(np.array([0.0, 0.25, 0.5, 1.0]), x)
    own = {"start": np.arange(float(n)), "life": np.full(n, 50.0)}
    return Lives(**{name: getattr(plain, name) for name in plain.__slots__} | own)


def off(learnt: PaceAhead, factor: float) -> float:
    """How far the middle of what is said of new goals is from how they go on, on average."""
    new = staggered(np.full(400, factor))
    said = gain(new, learnt, np.full(400, 2), np.ones(400)).quantile(np.array(0.5))
    return float(np.abs(said - new.table.x[:, 3]).mean())


def test_when_times_change_the_short_memory_counts_and_else_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long memory alone is further off by a half after paces have halved, and no nearer by a tenth where none has."""
    turned, steady = staggered(np.where(np.arange(400) < 330, 1.0, 0.4)), staggered(np.full(400, 1.0))
    learnt = fit(turned, 450.0), fit(steady, 450.0)
    monkeypatch.setattr(pace_ahead, "MEMORIES", (270.0,))
    long = fit(turned, 450.0), fit(steady, 450.0)
    assert off(long[0], 0.4) > 1.5 * off(learnt[0], 0.4)
    assert off(learnt[1], 1.0) < 1.1 * off(long[1], 1.0)
