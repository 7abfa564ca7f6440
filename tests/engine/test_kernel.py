"""The futures of an organisation: nothing is lost, cases by hand, and a queue with a known answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koers.engine import luck
from koers.engine.capacity import CELLS, DUST, NEVER, Floats, Organisation, Policy
from koers.engine.kernel import COLUMNS, run
from tests.engine.worlds import goals, lattice, plain, plans, rails, random_organisation, with_teams

LOST, RUN, CHANGE, IDLE, ARRIVED, BACKLOG = range(len(COLUMNS))
WORLDS = st.integers(0, 2**32 - 1)


def days(org: Organisation, replications: range = range(1)) -> Floats:
    """(team, day, column, replication)."""
    return run(org, 0, replications, detail=True).days


def row(found: Floats, column: int) -> list[float]:
    """A column of the first team in the first future, to the dust."""
    return [round(float(value), 6) for value in found[0, :, column, 0]]


# Nothing is lost


@given(WORLDS, WORLDS)
@settings(max_examples=60)
def test_every_morning_of_every_future_capacity_and_run_work_are_conserved(world: int, seed: int) -> None:
    org, futures = random_organisation(world), range(4)
    drawn = luck.draw(org, seed, futures)
    found = run(org, seed, futures, detail=True, weekly=1_000)
    there = np.maximum(org.teams.people - org.teams.away, 0.0)[..., None] * (1.0 - luck.absent(org, drawn))
    parts = found.days[:, :, [RUN, CHANGE, LOST, IDLE]]
    np.testing.assert_allclose(parts.sum(axis=2), there, rtol=0, atol=1e-9)
    assert (parts >= -1e-12).all()
    evening = found.days[:, :, BACKLOG]
    before = np.concatenate([np.repeat(org.teams.backlog[:, None, None], 4, axis=2), evening], axis=1)[:, :-1]
    np.testing.assert_allclose(before + found.days[:, :, ARRIVED], found.days[:, :, RUN] + evening, rtol=0, atol=2e-9)
    assert (evening >= 0.0).all()


@given(WORLDS, WORLDS)
@settings(max_examples=40)
def test_change_work_goes_to_key_results_or_to_none_that_claims_it(world: int, seed: int) -> None:
    org = random_organisation(world, exotic=False)
    found = run(org, seed, range(3), detail=True)
    effort = np.zeros_like(found.shares)
    np.add.at(effort, org.key_results.team, found.goal_days)
    claimed = np.zeros(org.teams.people.shape, dtype=np.bool_)
    np.logical_or.at(claimed, org.key_results.team, org.key_results.active)
    unclaimed = np.where(claimed[..., None], 0.0, found.days[:, :, CHANGE])
    np.testing.assert_allclose(effort + unclaimed, found.days[:, :, CHANGE], rtol=0, atol=1e-9)


@given(WORLDS)
@settings(max_examples=40)
def test_initiatives_take_no_more_than_there_is_and_means_and_weeks_are_those_of_the_days(world: int) -> None:
    org = random_organisation(world)
    found = run(org, 1, range(5), detail=True, weekly=1_000)
    slack = 1e-9 * (1 + len(org.teams.key))
    assert (found.goal_days.sum(axis=0) <= found.days[:, :, CHANGE].sum(axis=0) + slack).all()
    np.testing.assert_allclose(found.mean, found.days.mean(axis=3), rtol=1e-9, atol=1e-9)
    weeks = np.zeros_like(found.run)
    for day, week in enumerate(org.calendar.week):
        weeks[:, week] += found.days[:, day, RUN]
    np.testing.assert_allclose(found.run, weeks, rtol=1e-9, atol=1e-9)
    for day, week in enumerate(org.calendar.week):  # the last morning of a week stays
        weeks[:, week] = found.days[:, day, BACKLOG]
    np.testing.assert_array_equal(found.left[:, org.calendar.week], weeks[:, org.calendar.week])


# By hand: ten people, 4, 14, 0 and 4 person-days of run work

BY_HAND = {
    "run_first": (Policy(), [4, 10, 4, 4], [6, 0, 6, 6], [0, 4, 0, 0]),
    "ring_fence": (Policy("ring_fence", 0.4), [4, 6, 6, 6], [6, 4, 4, 4], [0, 8, 2, 0]),
    "fixed_split": (Policy("fixed_split", 0.4), [4, 6, 6, 6], [4, 4, 4, 4], [0, 8, 2, 0]),
    "buffer": (Policy("buffer", 0.4, days=1), [4, 6, 8, 4], [6, 4, 2, 6], [0, 8, 0, 0]),
    "threshold": (Policy("threshold", 0.4, upper=1, lower=0.5), [4, 10, 4, 4], [6, 0, 6, 6], [0, 4, 0, 0]),
    "rotation": (Policy("rotation", people=5), [4, 5, 5, 5], [6, 5, 5, 5], [0, 9, 4, 3]),
    "freeze": (Policy("freeze", 0.4, guardrail=0), [4, 6, 8, 4], [6, 4, 2, 6], [0, 8, 0, 0]),
}


@pytest.mark.parametrize("kind", BY_HAND)
def test_four_mornings_of_every_policy_by_hand(kind: str) -> None:
    policy, run_, change, backlog = BY_HAND[kind]
    org = with_teams(plain(4, policy=policy), given=np.array([[4.0, 14.0, 0.0, 4.0]]))
    found = days(replace(org, guardrails=rails([(0, 0, 0.5)])))
    assert (row(found, RUN), row(found, CHANGE), row(found, BACKLOG)) == (run_, change, backlog)
    assert row(found, IDLE) == [10 - r - c for r, c in zip(run_, change, strict=True)]
    assert row(found, LOST) == [0, 0, 0, 0]


def test_switching_costs_what_moves_by_hand() -> None:
    """Run shares .4, 1, .4, .4 after .4: six of ten move twice and half of that is lost, where there is a rest."""
    org = with_teams(plain(4), given=np.array([[4.0, 14.0, 0.0, 4.0]]), switch_loss=np.array([0.5]))
    found = days(org)
    assert row(found, LOST) == [0, 0, 3, 0]
    assert row(found, CHANGE) == [6, 0, 3, 6]


def test_work_left_lying_makes_more_by_hand() -> None:
    """Two people, backlog 6 the morning before: overdue after one morning, all of it, so arrivals double."""
    org = with_teams(plain(2, people=2.0, demand=1.0), backlog=np.array([6.0]))
    org = with_teams(org, failure_demand=np.array([1.0]), overdue_after=np.array([1]))
    found = days(org)
    assert row(found, ARRIVED) == [1 + 0, round(1 + 4 / 5, 6)]  # 6 came yesterday; then 7 - 2 = 5, of which 1 is new
    assert row(found, BACKLOG) == [5, 4.8]


def test_without_run_work_all_is_change_and_goes_to_key_results_by_weight() -> None:
    org = plain(7, people=8.0, demand=0.0)
    org = replace(org, key_results=goals(org.calendar, [0, 0], weight=np.array([1.0, 3.0])))
    found = run(org, 0, range(2), detail=True)
    assert (found.days[0, :, CHANGE] == 8.0).all()
    np.testing.assert_allclose(found.goal_days[..., 0], [[2.0] * 7, [6.0] * 7])
    np.testing.assert_allclose(found.effort, [[2.0, 2.0], [6.0, 6.0]])  # pace is one over the days


def test_initiatives_wait_for_each_other_and_show_after_their_lag() -> None:
    """Six people change; the key result and an initiative of equal weight get three days each, one at a time."""
    org = plain(8)
    rows: list[dict[str, Any]] = [
        {"effort": 0.0, "needs": (1,), "impact": 0.5},  # done on the morning after the other
        {"effort": 6.0, "impact": 0.25, "lag": 3},
        {"effort": 1.0, "key_result": NEVER, "start": int(org.calendar.day[5])},
    ]
    made = plans(rows, 1)
    made = replace(made, effort=np.repeat(made.effort.mean(axis=1, keepdims=True), CELLS, axis=1))
    found = run(replace(org, initiatives=made), 0, range(1), detail=True)
    assert found.finished[:, 0].tolist() == [2, 1, 5]
    assert found.landed[:, 0].tolist() == [0.75]
    assert found.goal_days[0, :, 0].tolist() == [6, 6, 6, 6, 6, 3, 6, 6]
    late = replace(made, lag=np.array([0, 9, 0]))  # beyond the last morning, eight days after the second
    assert run(replace(org, initiatives=late), 0, range(1)).landed[:, 0].tolist() == [0.5]


def test_guardrails_are_broken_on_the_evening_they_say() -> None:
    org = with_teams(plain(5, people=2.0), given=np.array([[1.0, 5.0, 3.0, 0.0, 0.0]]))  # evenings 0, 3, 4, 2, 0
    rail = rails([(0, 0, 1.4), (0, 0, 1.6), (0, 0, 2.0), (0, 1, 0.0), (0, 1, 1.0), (0, 1, 2.0)])
    broken = run(replace(org, guardrails=rail), 0, range(1)).broken[:, 0]
    assert broken.tolist() == [1, 2, NEVER, 2, NEVER, NEVER]


# A queue with a known answer


def oracle(counts: list[int], people: int, size: int = 400) -> Floats:
    """Transition matrix of the evening backlog, b -> max(b + arrivals - people, 0), cut off at `size`."""
    step = np.zeros((size, size))
    for arrivals, count in enumerate(counts):
        for b in range(size):
            step[b, min(max(b + arrivals - people, 0), size - 1)] += count / CELLS
    return step


def stationary(step: Floats) -> Floats:
    size = len(step)
    equations = np.vstack([step.T - np.eye(size), np.ones(size)])
    found: Floats = np.linalg.lstsq(equations, np.append(np.zeros(size), 1.0), rcond=None)[0]
    return found


COUNTS = [100, 60, 40, 20, 16, 20]  # mean 1.43 for two people
FUTURES, MORNINGS = 6_000, 100


def queue_errors(org: Organisation, step: Floats) -> Floats:
    """Mean backlog of each evening less that of the chain, in standard errors."""
    found = days(org, range(FUTURES))[0, :, BACKLOG]
    chance, expected = np.eye(len(step))[0], []
    for _ in range(MORNINGS):
        chance = chance @ step
        expected.append(chance @ np.arange(len(step)))
    error = found.std(axis=1) / np.sqrt(FUTURES)
    return np.asarray((found.mean(axis=1) - np.array(expected)) / error)


def test_the_backlog_of_a_stable_queue_is_that_of_its_markov_chain_on_every_evening() -> None:
    """One hundred evenings, each within 4.5 standard errors: a right model fails less than once in a thousand seeds."""
    org = lattice(COUNTS, MORNINGS, 2.0)
    assert np.abs(queue_errors(org, oracle(COUNTS, 2))).max() < 4.5


def test_a_queue_with_one_arrival_in_a_hundred_more_is_told_apart() -> None:
    heavier = [97, *COUNTS[1:-1], COUNTS[-1] + 3]
    assert np.abs(queue_errors(lattice(heavier, MORNINGS, 2.0), oracle(COUNTS, 2))).max() > 4.5


def test_the_mean_backlog_settles_at_the_stationary_one() -> None:
    """The chain's own mean on evening 100 is within 1 % of it; the futures' within 4.5 standard errors more."""
    step = oracle(COUNTS, 2)
    settled = float(stationary(step) @ np.arange(len(step)))
    found = days(lattice(COUNTS, MORNINGS, 2.0), range(FUTURES))[0, -1, BACKLOG]
    assert abs(found.mean() - settled) < 0.01 * settled + 4.5 * found.std() / np.sqrt(FUTURES)


def test_a_walk_of_steps_of_one_has_the_geometric_backlog() -> None:
    """Two arrive with chance p, none with q, one is done: stationary mean p / (q - p); within 4.5 standard errors."""
    counts = [176, 0, 80]
    assert stationary(oracle(counts, 1)) @ np.arange(400) == pytest.approx(80 / (176 - 80), rel=1e-6)
    found = days(lattice(counts, MORNINGS, 1.0), range(FUTURES))[0, -1, BACKLOG]
    assert found.mean() == pytest.approx(80 / 96, abs=0.001 + 4.5 * found.std() / np.sqrt(FUTURES))


def test_a_horizon_without_mornings_has_no_effort() -> None:
    org = with_teams(plain(0), backlog=np.array([7.0]))
    found = run(org, 0, range(3), weekly=1_000, detail=True)
    assert found.days.shape == (1, 0, len(COLUMNS), 3)
    assert found.run.shape == (1, 1, 3)
    assert (found.effort == 0).all()


def test_backlog_without_end_stays_finite() -> None:
    found = run(with_teams(plain(60, demand=1e6), failure_demand=np.array([0.1])), 0, range(2), detail=True)
    assert np.isfinite(found.days).all()
    assert (np.diff(found.days[0, :, BACKLOG, 0]) > 0).all()
    assert found.days[0, -1, BACKLOG, 0] > DUST
