"""Beliefs put together: a mixture, its limits, and what people's word does to it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from koers.engine.blend import Blend, inside, quantiles
from koers.engine.local_trend import Floats
from koers.engine.pace import Predictive
from koers.engine.pace_ahead import Gain
from koers.engine.reference_class import Ends

UNTOLD = np.array([np.nan])


def blend(
    weight: tuple[float, float, float] = (0.2, 0.5, 0.3),
    told: float = float("nan"),
    least: float = -np.inf,
    most: float = np.inf,
    threshold: float = 1.0,
) -> Blend:
    return Blend(
        trend=Predictive(*(np.array([v]) for v in (0.7, 0.3, 4.0))),
        ahead=Gain(*(np.array([v]) for v in (0.4, 0.5, 0.0, 0.6))),
        ends=Ends(np.array([[0.4, 1.0, 1.2]]), np.array([[0.3, 0.2, 0.1]]), np.array([0.4])),
        weight=np.array(weight)[:, None],
        least=np.array([least]),
        most=np.array([most]),
        threshold=np.array([threshold]),
        told=np.array([told]),
    )


def at(one: Blend, threshold: float) -> float:
    return float(one.chance(np.array([threshold]))[0])


def masses(one: Blend) -> tuple[Floats, Floats]:
    point, weight = one.points()
    return point[0], weight[0]


def test_the_chance_is_the_weighted_sum_of_the_parts() -> None:
    one = blend()
    share = np.array([0.2, 0.5]) / 0.7
    parts = [float(one.trend.exceedance(1.0)[0]), float(one.ahead.exceedance(np.array([1.0]))[0])]
    by_readings = share @ parts
    assert at(one, 1.0) == pytest.approx(0.7 * by_readings + 0.3 * (0.3 + 0.4 * by_readings))
    assert at(blend((1, 0, 0)), 1.0) == parts[0]
    assert at(blend((0, 1, 0)), 1.0) == parts[1]


def test_many_goals_end_exactly_on_the_target_and_are_counted_whole() -> None:
    one = blend((0, 1e-12, 1.0))
    assert at(one, 1.0) - at(one, 1.0 + 1e-6) == pytest.approx(0.2, abs=1e-6)


@given(
    st.lists(st.floats(-2, 3), min_size=2, max_size=8),
    st.one_of(st.just(float("nan")), st.floats(0.01, 0.99)),
    st.sampled_from([-np.inf, -0.5, 0.0]),
    st.sampled_from([np.inf, 2.0, 1.0]),
)
def test_a_further_threshold_is_never_likelier_whoever_says_what(
    thresholds: list[float], told: float, least: float, most: float
) -> None:
    one = blend(told=told, least=least, most=most)
    found = [at(one, threshold) for threshold in sorted(thresholds)]
    assert all(a >= b - 1e-12 for a, b in pairwise(found))
    assert all(0 <= p <= 1 for p in found)


def test_values_do_not_leave_their_limits() -> None:
    one = blend(least=0.0, most=1.0)
    assert (at(one, 0.0), at(one, 1.0 + 1e-9)) == (1.0, 0.0)
    point, weight = masses(one)
    assert (point.min(), point.max()) == (0.0, 1.0)
    assert weight.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("told", [0.05, 0.5, 0.95])
def test_what_is_told_of_the_target_holds_and_nothing_else_changes(told: float) -> None:
    """Above the target, and below it, all keeps its proportions: that is the nearest belief in relative entropy."""
    one, plain = blend(told=told), blend()
    assert at(one, 1.0) == pytest.approx(told)
    above = [at(one, t) / at(one, 1.0) for t in (1.1, 1.5)]
    assert above == pytest.approx([at(plain, t) / at(plain, 1.0) for t in (1.1, 1.5)])
    below = [(1 - at(one, t)) / (1 - told) for t in (0.2, 0.8)]
    assert below == pytest.approx([(1 - at(plain, t)) / (1 - at(plain, 1.0)) for t in (0.2, 0.8)])


def test_no_other_belief_that_agrees_with_what_is_told_is_nearer() -> None:
    """Against random ones: relative entropy to what was believed before."""
    point, weight = masses(blend(told=0.8))
    _, before = masses(blend())
    distance = weight @ np.log(weight / before)
    rng = np.random.default_rng(5)
    for _ in range(50):
        other = weight * np.exp(rng.normal(0, 0.3, len(weight)))
        above = point >= 1.0 - 1e-9
        other = np.where(above, 0.8 * other / other[above].sum(), 0.2 * other / other[~above].sum())
        assert other @ np.log(other / before) >= distance


@pytest.mark.parametrize("told", [float("nan"), 0.7])
def test_points_stand_for_the_whole(told: float) -> None:
    one = blend(told=told)
    point, weight = masses(one)
    assert (np.diff(point) >= 0).all()
    for threshold in (0.2, 0.6, 1.0, 1.3):
        assert weight[point >= threshold - 1e-9].sum() == pytest.approx(at(one, threshold), abs=0.011)
    assert at(replace(one, told=UNTOLD), 1.0) == at(blend(), 1.0)


def test_quantiles_are_the_first_points_not_exceeded_often_enough() -> None:
    point, weight = np.array([[0.0, 1.0, 2.0, 3.0]]), np.array([[0.1, 0.4, 0.4, 0.1]])
    assert quantiles(point, weight, (0.05, 0.1, 0.11, 0.5, 0.9, 0.95))[:, 0].tolist() == [0, 0, 1, 1, 2, 3]


@given(
    st.lists(st.tuples(st.integers(-3, 3), st.integers(1, 9)), min_size=1, max_size=12),
    st.sampled_from([(0.1, 0.9), (0.25, 0.5)]),
)
def test_what_is_inside_at_the_ends_adds_up_to_the_interval(
    masses: list[tuple[int, int]], levels: tuple[float, float]
) -> None:
    """The part of each end's probability that is inside, and all of what lies between: just what the levels say."""
    point, weight = (np.array([column], dtype=np.float64) for column in zip(*sorted(masses), strict=True))
    (low,), (high,) = quantiles(point, weight, levels)
    (at_low,), (at_high,) = inside(point, weight, *levels)
    own = weight[0] / weight.sum()
    between = own[(point[0] > low) & (point[0] < high)].sum()
    if low == high:
        held = own[point[0] == low].sum() * (at_low + at_high - 1.0)
    else:
        held = between + at_low * own[point[0] == low].sum() + at_high * own[point[0] == high].sum()
    assert held == pytest.approx(levels[1] - levels[0], abs=1e-9)
