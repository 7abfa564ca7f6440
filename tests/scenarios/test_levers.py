"""Each lever obeys a law of its own; levers compose; what does not fit is refused where it stands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koers.engine.outlook import FLOOR
from tests.engine.organisations import day
from tests.scenarios.decided import (
    ADDED,
    OBJECTIVES,
    compare_text,
    compared,
    drawn,
    effects,
    largest,
    organisation,
    same_futures,
    world,
)

# What changes nothing

NOTHING = {
    "no lever": (),
    "run demand as it is": ("run_demand factor = 1",),
    "no absence": ('absence team = "a"; days = 0',),
    "a hire who leaves": ('hire team = "a"; people = 2; ramp_up_days = 0', 'leave team = "a"; people = 2'),
    "the target it has": ('retarget key_result = "a11"; target = 100',),
    "the target and due date it has": (f'retarget key_result = "a11"; target = 100; due = {day(90)}',),
    "the policy it has": ('set_policy team = "a"; policy = "ring_fence"; parameters = { share = 0.25 }',),
    "an automation for nothing": (f'automation team = "a"; cost_days = 0; run_demand_factor = 1; after = {day(60)}',),
    "no delay": ('initiative initiative = "rebuild"; delay = 0',),
    "the start it has": (f'initiative initiative = "rebuild"; start = {day(60)}',),
}


@pytest.mark.parametrize("levers", NOTHING.values(), ids=NOTHING)
def test_what_changes_nothing_is_said_to_and_every_difference_is_exactly_zero(levers: Sequence[str]) -> None:
    found = compared(*levers)
    assert found.nothing
    for name, effect in effects(found).items():
        assert (effect.delta, effect.low, effect.high, effect.model_low, effect.model_high) == (0,) * 5, name
        assert effect.scenario == effect.baseline
        assert not effect.detectable
    assert all((row.lost, row.people) == (0.0, 0.0) for row in found.running)


@pytest.mark.parametrize("levers", NOTHING.values(), ids=NOTHING)
def test_what_changes_nothing_leaves_futures_bit_identical_even_if_drawn_again(levers: Sequence[str]) -> None:
    assert same_futures(world(*levers), world())
    of = organisation()
    assert np.array_equal(drawn(world(*levers))[1], of.futures(of.chunks()[0])[1])


def test_a_limit_that_is_never_met_changes_no_number() -> None:
    assert largest(compared('wip_limit team = "a"; limit = 1000')) == 0


@given(st.floats(0.2, 5.0))
@settings(max_examples=20)
def test_run_demand_times_a_factor_and_its_inverse_is_what_it_was(factor: float) -> None:
    levers = (f"run_demand factor = {factor!r}", f"run_demand factor = {1 / factor!r}")
    changed, was = world(*levers).organisation.teams.factor, world().organisation.teams.factor
    assert np.allclose(changed, was, rtol=0, atol=1e-12)


# What each lever does


def test_people_who_change_sides_under_a_ring_fence_are_a_higher_fence() -> None:
    moved = world('move_capacity team = "a"; people = 2; to = "change"')
    fenced = world('set_policy team = "a"; policy = "ring_fence"; parameters = { share = 0.5 }')
    assert same_futures(moved, fenced)
    assert not same_futures(moved, world())


def test_people_who_go_back_to_running_are_a_lower_fence() -> None:
    moved = world('move_capacity team = "a"; people = 1; to = "run"')
    assert same_futures(moved, world('set_policy team = "a"; policy = "ring_fence"; parameters = { share = 0.125 }'))


def test_a_team_that_runs_first_gets_a_fence_for_those_who_change() -> None:
    moved = world('move_capacity team = "b"; people = 1; to = "change"')
    assert same_futures(moved, world('set_policy team = "b"; policy = "ring_fence"; parameters = { share = 0.2 }'))


def test_a_move_to_another_team_takes_people_there_and_none_is_lost() -> None:
    changed = world('move_capacity team = "a"; to_team = "b"; people = 2; to = "run"').organisation.teams.people
    was = world().organisation.teams.people
    assert np.array_equal(changed[0], was[0] - 2)
    assert np.array_equal(changed[2], was[2])
    come = changed[1] - was[1]
    assert (np.diff(come) >= 0).all()
    assert come[0] == 0
    assert 0 < come[-1] < 2


@pytest.mark.parametrize(("to", "share"), [("change", (0.25 * 8 + 2) / 10), ("run", 0.25 * 8 / 10)])
def test_who_comes_from_another_team_joins_a_side_and_those_there_keep_theirs(to: str, share: float) -> None:
    without_ramp = f'move_capacity team = "b"; to_team = "a"; people = 2; to = "{to}"'
    changed = world(without_ramp).organisation.teams
    there = changed.people[0] - 8
    wanted = (0.25 * 8 + (there if to == "change" else 0)) / changed.people[0]
    got = [changed.policies[n].share for n in changed.policy[0]]
    assert np.allclose(got, wanted, rtol=0, atol=1e-12)
    assert abs(got[-1] - 0.25) <= abs(share - 0.25)


def test_a_hire_counts_in_part_until_ramped_up() -> None:
    changed = world('hire team = "a"; people = 2; ramp_up_days = 20').organisation
    more = changed.teams.people[0] - world().organisation.teams.people[0]
    days = changed.calendar.day
    assert np.allclose(more, 2 * np.clip((days - days[0]) / 20, 0, 1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("ramp_up", [0, 20])
def test_who_leaves_is_back_after_the_last_day_and_then_ramps_up(ramp_up: int) -> None:
    days = f"from = {day(50)}; until = {day(59)}; ramp_up_days = {ramp_up}"
    changed = world(f'leave team = "a"; people = 2; {days}').organisation.teams.people[0]
    since = np.array([(on - day(60)).days for on in organisation().days])
    back = np.clip(since / ramp_up, 0, 1) if ramp_up else since >= 0
    before = np.array([on < day(50) for on in organisation().days])
    assert np.allclose(changed, 8 - 2 * np.where(before, 0, 1 - back), rtol=0, atol=0.31)  # or from the morning before
    assert changed[before].tolist() == [8.0] * int(before.sum())
    assert (changed[(since < 0) & ~before] == 6).all()
    assert (np.diff(changed[since >= 0]) >= 0).all()
    assert (changed[since >= 0][0] < 8) == (ramp_up > 0)


def test_absence_is_spread_over_its_days_and_adds_up() -> None:
    changed = world(f'absence team = "a"; days = 12; from = {day(50)}; until = {day(60)}').organisation.teams.away[0]
    assert changed.sum() == pytest.approx(12, abs=1e-12)
    assert len(set(changed[changed > 0])) == 1


def test_more_run_work_never_helps_and_less_never_harms_a_team_that_runs_first() -> None:
    more, less = compared('run_demand team = "b"; factor = 1.4'), compared('run_demand team = "b"; factor = 0.6')
    for name in OBJECTIVES["b-all"]:
        assert more.key_results[name].delta <= 0 <= less.key_results[name].delta
    assert more.guardrails["wait-b"].delta >= 0 >= less.guardrails["wait-b"].delta
    assert more.key_results["b10"].detectable


def test_an_automation_costs_its_days_before_and_lowers_run_work_after() -> None:
    changed = world(f'automation team = "b"; cost_days = 9; run_demand_factor = 0.5; after = {day(60)}').organisation
    works = np.array([on >= day(60) for on in organisation().days])
    assert changed.teams.away[1].sum() == pytest.approx(9, abs=1e-12)
    assert not changed.teams.away[1][works].any()
    assert np.array_equal(changed.teams.factor[1], np.where(works, 0.5, 1.0))


def test_a_dropped_key_result_is_not_reached_and_its_siblings_gain() -> None:
    found = compared('drop key_result = "b11"')
    assert found.key_results["b11"].scenario == FLOOR
    for name in ("b10", "b12"):
        assert found.key_results[name].delta >= 0
    assert found.key_results["b10"].detectable
    assert found.objectives["b-all"].scenario == FLOOR


def test_an_added_key_result_takes_its_share_and_its_siblings_lose() -> None:
    of = organisation()
    found = compare_text(ADDED)
    assert set(found.key_results) == {*of.goals["key_result"], "a13"}
    assert 0 < found.key_results["a13"].scenario < 1
    for name in OBJECTIVES["a-all"]:
        assert found.key_results[name].delta <= 0


def test_a_key_result_may_be_added_that_is_due_on_a_day_without_a_morning() -> None:
    assert "a13" in compare_text(ADDED.replace(f"due = {day(86)}", f"due = {day(90)}")).key_results


def test_an_easier_target_is_likelier_and_touches_no_other() -> None:
    found = compared('retarget key_result = "a11"; target = 60')
    assert found.key_results["a11"].delta > 0.1
    assert [name for name, effect in found.key_results.items() if effect.delta] == ["a11"]


@pytest.mark.parametrize("name", ["a10", "b11", "c12"])
def test_less_time_for_the_same_target_makes_it_less_likely(name: str) -> None:
    target = 0 if name.endswith("2") else 100
    sooner = compared(f'retarget key_result = "{name}"; target = {target}; due = {day(70)}').key_results[name]
    assert sooner.delta < 0


def test_nothing_lands_of_an_initiative_that_is_given_up() -> None:
    as_planned, given_up = drawn(world())[0].landed, drawn(world('initiative initiative = "rebuild"; drop = true'))[0]
    assert as_planned.any()
    assert not given_up.landed.any()


def test_an_initiative_that_starts_later_never_lands_earlier() -> None:
    later = drawn(world('initiative initiative = "rebuild"; delay = 14'))[0].landed
    assert (later <= drawn(world())[0].landed).all()
    assert not np.array_equal(later, drawn(world())[0].landed)
