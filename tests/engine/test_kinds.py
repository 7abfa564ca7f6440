"""Binary and control key results: closed forms by hand, by enumeration and by simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from koers.engine.kinds import (
    ENTER_PRIOR,
    KEEPS,
    LEAVE_PRIOR,
    RATE_LEVELS,
    Tally,
    binary_probability,
    control_shares,
)

DAYS = st.lists(st.booleans(), max_size=12).map(lambda days: np.array(days, dtype=np.bool_))


def test_a_binary_goal_starts_from_the_declared_share_and_learns_from_finished_ones() -> None:
    assert binary_probability(done=False, remaining=1.0, everybody=Tally(0, 0), team=Tally()) == pytest.approx(0.62)
    assert binary_probability(done=False, remaining=1.0, everybody=Tally(6, 6), team=Tally()) == pytest.approx(
        8.48 / 10
    )
    assert binary_probability(done=False, remaining=0.5, everybody=Tally(0, 0), team=Tally()) == pytest.approx(
        1 - math.sqrt(0.38)
    )


def test_a_binary_goal_out_of_time_is_not_done_and_a_done_one_nearly_always_stays_so() -> None:
    assert binary_probability(done=False, remaining=0.0, everybody=Tally(3, 3), team=Tally()) == 0.0
    assert binary_probability(done=True, remaining=0.5, everybody=Tally(0, 0), team=Tally()) == KEEPS


@given(st.floats(0, 0.5), st.floats(0, 0.5), st.integers(0, 50))
def test_the_hazard_of_a_binary_goal_is_constant(first: float, second: float, finished: int) -> None:
    def survives(share: float) -> float:
        return 1.0 - binary_probability(
            done=False, remaining=share, everybody=Tally(finished, finished // 2), team=Tally()
        )

    assert survives(first + second) == pytest.approx(survives(first) * survives(second), abs=1e-12)


def rates(inside: NDArray[np.bool_]) -> tuple[list[float], float]:
    """P(leave) at each rate level and P(enter), per day, from counts taken one day after another."""
    steps = list(itertools.pairwise(inside.tolist()))
    out = sum(a and not b for a, b in steps)
    back = sum(b and not a for a, b in steps)
    held = sum(a for a, _ in steps)
    posterior = stats.gamma(LEAVE_PRIOR[0] + out, scale=1.0 / (LEAVE_PRIOR[1] + held))
    enter = (ENTER_PRIOR[0] + back) / (ENTER_PRIOR[1] + len(steps) - held)
    return [1.0 - math.exp(-rate) for rate in posterior.ppf(RATE_LEVELS)], 1.0 - math.exp(-enter)


def by_enumeration(inside: NDArray[np.bool_], ahead: int) -> list[float]:
    """P(k of `ahead` days inside) from every path there is."""
    leaves, enter = rates(inside)
    found = [0.0] * (ahead + 1)
    for leave in leaves:
        stay = {(True, True): 1 - leave, (True, False): leave, (False, True): enter, (False, False): 1 - enter}
        for path in itertools.product([True, False], repeat=ahead):
            before = bool(inside[-1]) if len(inside) else True
            found[sum(path)] += math.prod(stay[step] for step in itertools.pairwise((before, *path))) / len(leaves)
    return found


@given(DAYS, st.integers(0, 7))
def test_days_inside_agree_with_an_enumeration_of_all_paths(inside: NDArray[np.bool_], ahead: int) -> None:
    shares, mass = control_shares(inside, ahead)
    assert mass == pytest.approx(by_enumeration(inside, ahead), abs=1e-12)
    assert mass.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.all(np.diff(shares) > 0)


def test_the_share_counts_the_days_known() -> None:
    known = np.array([True, True, False, True])
    assert [part.tolist() for part in control_shares(known, 0)] == [[0.75], [1.0]]
    shares, _ = control_shares(known, 4)
    assert shares.tolist() == [3 / 8, 4 / 8, 5 / 8, 6 / 8, 7 / 8]


SIMULATED = 40_000
SURE = 5.0
"""Standard errors allowed: false alarm 6e-7, were the seed drawn anew; the control is 20 and more away."""


def simulated_share(inside: NDArray[np.bool_], ahead: int, seed: int, *, stay_out: float = 1.0) -> tuple[float, float]:
    """Mean share of days inside over simulated chains, and its standard error."""
    leaves, enter = rates(inside)
    rng = np.random.default_rng(seed)
    leave = rng.choice(leaves, SIMULATED)
    now = np.full(SIMULATED, inside[-1])
    count = np.full(SIMULATED, inside.sum())
    for _ in range(ahead):
        u = rng.random(SIMULATED)
        now = np.where(now, u >= leave, u < enter * stay_out)
        count = count + now
    shares = count / (len(inside) + ahead)
    return float(shares.mean()), float(shares.std() / math.sqrt(SIMULATED))


def test_days_inside_agree_with_simulation() -> None:
    """Seed 20260105; the control, returns a quarter slower, must be told apart."""
    inside = np.array([True] * 9 + [False] * 3 + [True] * 5 + [False])
    shares, mass = control_shares(inside, 60)
    mean, se = simulated_share(inside, 60, 20260105)
    wrong, wrong_se = simulated_share(inside, 60, 20260105, stay_out=0.75)
    assert abs(mass @ shares - mean) < SURE * se
    assert abs(mass @ shares - wrong) > SURE * wrong_se


def test_ten_rate_levels_stand_for_the_whole_posterior() -> None:
    """Against 2,000 levels of the exit rate: the mean share differs by less than .005."""
    inside = np.ones(20, dtype=np.bool_)
    shares, mass = control_shares(inside, 60)
    levels = (np.arange(2_000) + 0.5) / 2_000
    posterior = stats.gamma(LEAVE_PRIOR[0], scale=1.0 / (LEAVE_PRIOR[1] + 19))
    leave, enter = 1.0 - np.exp(-posterior.ppf(levels)), rates(inside)[1]
    now, held = np.ones(2_000), np.zeros(2_000)
    for _ in range(60):
        now = now * (1.0 - leave) + (1.0 - now) * enter
        held += now
    assert mass @ shares == pytest.approx((20 + held.mean()) / 80, abs=0.005)
