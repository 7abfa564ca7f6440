"""Levers compose: what they do not touch stays bit-identical, and their order does not matter where they commute."""

from __future__ import annotations

from dataclasses import fields
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koers.scenarios.pairs import pair
from koers.scenarios.redone import base
from koers.scenarios.world import World
from tests.engine.organisations import day
from tests.scenarios.decided import (
    compared,
    drawn,
    largest,
    organisation,
    world,
)

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


@pytest.mark.parametrize("levers", [(), *((lever,) for lever in CAPACITY)])
def test_redoing_only_the_teams_touched_gives_what_redoing_all_gives(levers: tuple[str, ...]) -> None:
    of, changed = organisation(), world(*levers)
    chunk = of.chunks()[0]
    found = pair(base(of, chunk), changed, {}, {})
    futures, _ = drawn(changed)
    for t, team in enumerate(of.staff.teams):
        apart = found.difference.get(f"backlog/{team}", np.zeros(len(chunk)))
        assert np.allclose(of.first.backlog[t, : len(chunk)] + apart, futures.backlog[t], rtol=0, atol=1e-9)


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
@settings(max_examples=40)
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
