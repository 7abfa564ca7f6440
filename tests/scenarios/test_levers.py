"""Each lever obeys a law of its own; levers compose; what does not fit is refused where it stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koers.engine import kernel
from koers.engine.capacity import Floats
from koers.engine.outlook import FLOOR
from koers.events.errors import InputError
from koers.scenarios.compare import Comparison, Effect
from koers.scenarios.files import scenario_from_toml
from koers.scenarios.pairs import base, pair
from koers.scenarios.world import World
from tests.engine.organisations import day
from tests.scenarios.decided import HEAD, OBJECTIVES, all_compared, compared, organisation, scenario, world

NEW = "\n".join(
    [
        'key_result = "a13"',
        'title = "One more"',
        'team = "a"',
        'cycle = "q1"',
        'unit = "points"',
        'kind = "metric"',
        'direction = "increase"',
        "baseline = 0",
        "target = 100",
        f"start = {day(0)}",
        f"due = {day(86)}",
    ]
)
ADDED = f'{HEAD}\n[[lever]]\nkind = "add"\n[lever.key_result]\n{NEW}\n'


def drawn(changed: World) -> tuple[kernel.Futures, Floats]:
    """The futures of all teams, with the levers pulled, none of them taken from the baseline."""
    of = organisation()
    return of.run(of.chunks()[0], of.now, changed.organisation)


def same_futures(one: World, other: World) -> bool:
    (first, gain), (second, gained) = drawn(one), drawn(other)
    return np.array_equal(gain, gained) and all(
        np.array_equal(a, b, equal_nan=True) for a, b in zip(first, second, strict=True) if isinstance(a, np.ndarray)
    )


def effects(found: Comparison) -> dict[str, Effect]:
    running = {f"backlog {row.team}": row.backlog for row in found.running}
    return found.key_results | found.objectives | found.guardrails | found.overall | running


def largest(found: Comparison) -> float:
    return max(abs(effect.delta) for effect in effects(found).values())


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
@settings(max_examples=20, deadline=None)
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


def compare_text(text: str) -> Comparison:
    return all_compared([scenario_from_toml(text, "s.toml")])[0]


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


CAPACITY = (
    'hire team = "a"; people = 3; ramp_up_days = 0',
    'leave team = "b"; people = 2',
    'move_capacity team = "c"; people = 2; to = "run"',
    "run_demand factor = 1.5",
    'absence team = "a"; days = 20',
    'set_policy team = "b"; policy = "fixed_split"; parameters = { share = 0.6 }',
    f'automation team = "c"; cost_days = 20; run_demand_factor = 0.5; after = {day(60)}',
)


@pytest.mark.parametrize("lever", CAPACITY, ids=lambda lever: lever.partition(" ")[0])
def test_where_effort_does_not_matter_capacity_changes_no_key_result(lever: str) -> None:
    none = "elasticity value = 0"
    given_up = 'initiative initiative = "rebuild"; drop = true'  # an impact is no effect of effort
    alone, both = compared(none, given_up), compared(none, given_up, lever)
    for name, effect in both.key_results.items():
        assert effect.scenario == alone.key_results[name].scenario
    assert largest(compared(lever)) > 0


@pytest.mark.parametrize("lever", CAPACITY, ids=lambda lever: lever.partition(" ")[0])
def test_teams_that_are_not_touched_are_bit_identical_even_if_drawn_again(lever: str) -> None:
    changed, org = world(lever), organisation().setting.organisation
    (now, gain), (then, gained) = drawn(changed), drawn(world())
    touched = [t for t, team in enumerate(org.teams.key) if f'"{team}"' in lever or "team" not in lever]
    kept = [k for k, team in enumerate(org.key_results.team) if team not in touched]
    rest = [t for t in range(len(org.teams.key)) if t not in touched]
    assert np.array_equal(gain[kept], gained[kept])
    assert np.array_equal(now.backlog[rest], then.backlog[rest])
    assert np.array_equal(now.mean[rest], then.mean[rest])
    found = compared(lever)
    for k in kept:
        assert found.key_results[org.key_results.key[k]].delta == 0


@pytest.mark.parametrize("levers", [*NOTHING.values(), *((lever,) for lever in CAPACITY)])
def test_redoing_only_the_teams_touched_gives_what_redoing_all_gives(levers: tuple[str, ...]) -> None:
    of, changed = organisation(), world(*levers)
    chunk = of.chunks()[0]
    found = pair(base(of, chunk), changed, {}, {})
    futures, _ = drawn(changed)
    for t, team in enumerate(of.staff.teams):
        apart = found.difference.get(f"backlog/{team}", np.zeros(len(chunk)))
        assert np.allclose(of.first.backlog[t, : len(chunk)] + apart, futures.backlog[t], rtol=0, atol=1e-9)


# Levers compose

COMMUTING = (
    'hire team = "a"; people = 1.5',
    'hire team = "b"; people = 2; ramp_up_days = 0',
    'run_demand team = "a"; factor = 1.3',
    "run_demand factor = 0.7",
    'absence team = "c"; days = 8',
    'set_policy team = "c"; policy = "ring_fence"; parameters = { share = 0.3 }',
    'set_policy team = "b"; policy = "rotation"; parameters = { people = 2 }',
    'wip_limit team = "a"; limit = 1',
    'retarget key_result = "a12"; target = 20',
    'drop key_result = "b11"',
    'elasticity key_result = "b10"; value = 0.5',
    "elasticity value = 0.2",
    'initiative initiative = "rebuild"; delay = 7',
    f'automation team = "b"; cost_days = 5; run_demand_factor = 0.8; after = {day(55)}',
)


@given(st.lists(st.sampled_from(COMMUTING), min_size=2, max_size=5, unique=True), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_levers_that_commute_does_not_matter(levers: list[str], random: object) -> None:
    shuffled = list(levers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert_alike(world(*levers), world(*shuffled))


def test_no_order_of_three_levers_on_one_team_matters() -> None:
    levers = (COMMUTING[0], COMMUTING[2], 'set_policy team = "a"; policy = "fixed_split"; parameters = { share = 0.4 }')
    first, *others = [world(*order) for order in permutations(levers)]
    for other in others:
        assert_alike(first, other)


def assert_alike(one: World, other: World) -> None:
    """Equal to 1e-12 in all that futures are drawn from."""
    for name in ("people", "away", "factor", "switch_loss", "wip_limit"):
        a, b = getattr(one.organisation.teams, name), getattr(other.organisation.teams, name)
        assert np.allclose(a, b, rtol=0, atol=1e-12), name
    policies = [[w.organisation.teams.policies[n] for n in w.organisation.teams.policy.ravel()] for w in (one, other)]
    assert policies[0] == policies[1]
    for part in ("key_results", "initiatives"):
        a, b = getattr(one.organisation, part), getattr(other.organisation, part)
        for field in fields(a):
            assert np.array_equal(getattr(a, field.name), getattr(b, field.name)), field.name
    for a, b in zip(one.setting.at_due, other.setting.at_due, strict=True):
        assert np.array_equal(a, b, equal_nan=True)
    assert np.array_equal(one.setting.assumed, other.setting.assumed, equal_nan=True)


def test_a_scenario_leaves_the_world_it_was_pulled_in_as_it_was() -> None:
    before = drawn(world())[1]
    for lever in COMMUTING:
        world(lever)
    assert np.array_equal(drawn(world())[1], before)


# What does not fit

REFUSED = {
    'hire team = "d"; people = 1': r"s.toml:6:1: lever 1 \(hire\): 'd' is no team",
    'hire team = "aa"; people = 1': r"s.toml:6:1: .*did you mean a\?",
    'move_capacity team = "a"; to_team = "bb"; people = 1; to = "run"': r"s.toml:7:1: .*did you mean b\?",
    'drop key_result = "a1O"': r"s.toml:6:1: lever 1 \(drop\): 'a1O' is no key result.*did you mean a1",
    'retarget key_result = "a1"; target = 3': r"s.toml:6:1: .*did you mean a1",
    'elasticity key_result = "zz"; value = 0.5': r"s.toml:6:1: ",
    'initiative initiative = "rebild"; drop = true': r"s.toml:6:1: .*did you mean rebuild\?",
    f'hire team = "a"; people = 1; from = {day(400)}': r"s.toml:8:1: .*no morning of those to come",
    f'drop key_result = "a10"; from = {day(400)}': r"s.toml:7:1: .*no morning of those to come",
    f"run_demand factor = 2; until = {day(3)}": r"s.toml:7:1: .*no morning of those to come",
    f'retarget key_result = "a10"; target = 3; due = {day(3)}': r"s.toml:8:1: .*outside the days to come",
    f'retarget key_result = "a10"; target = 3; from = {day(400)}': r"s.toml:8:1: .*no morning of those to come",
    f'initiative initiative = "rebuild"; drop = true; from = {day(400)}': r"s.toml:8:1: .*no morning of those to",
    'leave team = "b"; people = 5.5': r"s.toml:7:1: .*5.5 people, but b has 5",
    'move_capacity team = "c"; people = 7; to = "change"': r"s.toml:7:1: .*7 people, but c has 6",
    'set_policy team = "a"; policy = "freeze"; parameters = { share = 0.4, guardrail = "wait" }': r"s.toml:8:1: ",
    f'automation team = "a"; cost_days = 4; run_demand_factor = 0.5; after = {day(10)}': r"s.toml:9:1: .*no time to",
    'retarget key_result = "a10"': r"s.toml:\d+.*target is missing",
    'hire team = "a"; people = -1': r"s.toml:7:1: .*people -1 is not above 0",
    'hire team = "a"; pepole = 1': r"s.toml:7:1: .*did you mean people\?",
    'fire team = "a"; people = 1': r"s.toml:5:1: .*hire",
}


@pytest.mark.parametrize(("lever", "said"), REFUSED.items())
def test_what_does_not_fit_is_refused_where_it_stands(lever: str, said: str) -> None:
    with pytest.raises(InputError) as refusal:
        world(lever)
    assert re.match(said, str(refusal.value)), str(refusal.value)


def test_a_lever_is_refused_for_what_those_before_it_have_done() -> None:
    with pytest.raises(InputError, match=r"s.toml:12:1: lever 2 \(leave\): 5 people, but b has 4"):
        world('leave team = "b"; people = 1', 'leave team = "b"; people = 5')


CONTRADICTING = (
    ('drop key_result = "a10"', 'retarget key_result = "a10"; target = 50'),
    (
        'set_policy team = "a"; policy = "run_first"',
        'set_policy team = "a"; policy = "ring_fence"; parameters = { share = 0.5 }',
    ),
    ("elasticity value = 0.1", "elasticity value = 0.2"),
    ('initiative initiative = "rebuild"; drop = true', 'initiative initiative = "rebuild"; delay = 3'),
)


@pytest.mark.parametrize("levers", CONTRADICTING)
def test_levers_that_contradict_each_other_are_refused_with_both_their_lines(levers: tuple[str, str]) -> None:
    with pytest.raises(InputError, match=r"s.toml:\d+:\d+: lever 1 \(\w+, line 4\) and lever 2 "):
        scenario(*levers)


@pytest.mark.parametrize(
    ("text", "place"), [('name = "x"\nwhy = y\n', "s.toml:2:7"), ('name = "x"\nwhy = "y"\n[[lever]\n', "s.toml:3:8")]
)
def test_what_is_no_toml_is_refused_with_line_and_column(text: str, place: str) -> None:
    with pytest.raises(InputError) as refusal:
        scenario_from_toml(text, "s.toml")
    assert refusal.value.where == place


def test_a_key_result_that_is_there_cannot_be_added_and_none_for_an_unknown_team() -> None:
    for old, new, said in (('"a13"', '"a10"', "is a key result already"), ('"a"', '"zz"', "is no team")):
        with pytest.raises(InputError, match=rf"s.toml:\d+(:\d+)?: lever 1 \(add\): .*{said}"):
            compare_text(ADDED.replace(old, new))
