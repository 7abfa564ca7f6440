"""Whether beliefs about run work mean what they say: exactly on the grid of levels, elsewhere how nearly.

Simulation-based calibration (Talts et al. 2018, arXiv:1804.06788) of the level and the long-run mean given a team's
settings, ranks taken in the exact law, ties broken by chance. Then organisations from the whole model, with nothing
given. `python benchmarks/demand_recovery.py` prints what is measured on more of them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from koers.engine import demand_model
from koers.engine.demand_belief import Belief
from koers.engine.demand_settings import AXES, cubic
from tests.engine.demand_trials import World, chains, logged_places, organisation, p_uniform, places, ranks

Floats = NDArray[np.float64]
FALSE_FAIL = 1e-4  # of each check of ranks: half the chi-square's, half the Kolmogorov-Smirnov test's
N, CHUNK = 4_000, 500
TOO_NARROW = 0.8  # of the right width
CASES = {"usual": (12, 0.7, 0.5, 3.0), "slow and wide": (8, 0.9, 0.8, 1.0), "fast and narrow": (15, 0.4, 0.3, 8.0)}


@cache
def found(case: str, power: float = 1.0) -> dict[str, Floats]:
    """Ranks of N teams."""
    parts = []
    for n in range(N // CHUNK):
        told = chains(CHUNK, *CASES[case], seed=20_260 + n)
        parts.append(ranks(told, told.joint(), n, power))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@pytest.mark.parametrize("case", CASES)
def test_level_next_level_and_long_run_mean_are_exactly_calibrated(case: str) -> None:
    """Nine checks: over seeds, at most .0009 that any of them fails a right posterior; this seed is fixed."""
    assert not [name for name, rank in found(case).items() if p_uniform(rank) < FALSE_FAIL]


@pytest.mark.parametrize("case", CASES)
def test_a_posterior_a_fifth_too_narrow_is_rejected_on_every_quantity(case: str) -> None:
    """false_pass < 1e-7 each: the chi-square's noncentrality is about 136 where 53 rejects."""
    power = 1 / TOO_NARROW**2
    assert not [name for name, rank in found(case, power).items() if p_uniform(rank) >= FALSE_FAIL]


def test_a_level_taken_to_move_half_as_far_as_it_does_is_rejected() -> None:
    told = chains(CHUNK * 4, *CASES["slow and wide"], seed=5)
    wrong = replace(told, given=told.given._replace(spread=told.given.spread / 2))
    assert p_uniform(ranks(wrong, wrong.joint(), 1)["level"]) < FALSE_FAIL


@cache
def recovered(weeks: int) -> dict[str, Floats]:
    """Where the truths of 40 organisations of three teams lie."""
    parts = [places(World(weeks=weeks), seed) for seed in range(40)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


WIDE = 0.16
"""Of a coverage: 3.9 standard errors of 120 truths, twice the variance since teams share an organisation."""


@pytest.mark.parametrize("weeks", [6, 52])
def test_on_drawn_organisations_the_80_percent_intervals_cover_about_80_percent(weeks: int) -> None:
    """false_fail about 1e-4 each."""
    covered = {name: ((rank > 0.1) & (rank < 0.9)).mean() for name, rank in recovered(weeks).items()}
    assert not {name: share for name, share in covered.items() if abs(share - 0.8) > WIDE}


def test_from_effort_logged_alone_the_80_percent_intervals_of_the_level_cover_about_80_percent() -> None:
    """30 organisations of four teams: false_fail about 1e-4 each."""
    parts = [logged_places(seed) for seed in range(30)]
    for name in parts[0]:
        rank = np.concatenate([part[name] for part in parts])
        assert ((rank > 0.1) & (rank < 0.9)).mean() == pytest.approx(0.8, abs=WIDE), name


def test_a_belief_half_as_wide_covers_too_little(monkeypatch: pytest.MonkeyPatch) -> None:
    right = demand_model.motion

    def narrow(known: Belief) -> demand_model.Motion:
        moving = right(known)
        return moving._replace(rate_sd=moving.rate_sd / 2, level_sd=moving.level_sd / 2, spread=moving.spread / 2)

    monkeypatch.setattr(demand_model, "motion", narrow)
    rank = np.concatenate([places(World(weeks=26), seed)["level, 4 weeks ahead"] for seed in range(40)])
    assert ((rank > 0.1) & (rank < 0.9)).mean() < 0.8 - WIDE


def test_the_organisation_drawn_is_reproducible() -> None:
    one, other = organisation(World(), 3), organisation(World(), 3)
    assert one[0].equals(other[0])
    assert all(np.array_equal(a, b) for a, b in zip(one[2], other[2], strict=True))


@pytest.mark.parametrize("axis", AXES)
def test_the_interpolation_of_likelihoods_is_exact_for_cubics_and_at_the_points_themselves(axis: Floats) -> None:
    fine = np.linspace(axis[0], axis[-1], 37)
    assert cubic(axis, axis) == pytest.approx(np.eye(len(axis)), abs=1e-12)
    assert cubic(axis, fine) @ (axis**3 - 2 * axis) == pytest.approx(fine**3 - 2 * fine, abs=1e-9)
