"""What each lever does to the inputs of the futures. Levers of a scenario are pulled in the order they are written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np

from koers.engine.mornings import number_of
from koers.engine.outlook import counts_at
from koers.engine.staffing import SETTINGS, as_policy
from koers.engine.trend import TRENDS, scale_of
from koers.events.columns import near
from koers.events.errors import InputError
from koers.events.model import KeyResultSet
from koers.events.policies import parse_policy
from koers.scenarios import model
from koers.scenarios.goals import appended, due_moved, with_row
from koers.scenarios.world import (
    Days,
    World,
    arriving,
    with_absence,
    with_belief,
    with_demand,
    with_goal,
    with_joined,
    with_people,
    with_plan,
    with_policies,
    with_shift,
    without_plan,
)

Lever = Any
"""One of the levers of `model`."""


def pulled(world: World, scenario: model.Scenario) -> World:
    """The world with all levers of a scenario pulled.

    Raises InputError where a lever names what is not there, lies outside the days to come, or moves more than there is.
    """
    for lever in scenario.lever:
        if lever.since and not world.coupled.staff.as_of < lever.since <= world.coupled.until:
            what = f"from {lever.since} holds no morning of those to come ({_span(world)}): name other days"
            raise _refuse(scenario, lever, "from", what)
        world = _PULL[lever.kind](world, scenario, lever)
    return world


def _refuse(scenario: model.Scenario, lever: Lever, key: str, what: str) -> InputError:
    return scenario.refuse(lever, key, what)


def _team(world: World, scenario: model.Scenario, lever: Lever, key: str = "team") -> int:
    name, known = getattr(lever, key), world.organisation.teams.key
    if name in known:
        return known.index(name)
    raise _refuse(scenario, lever, key, f"{name!r} is no team with declared capacity{near(name, known)}")


def _key_result(world: World, scenario: model.Scenario, lever: Lever) -> int:
    name, known = lever.key_result, world.organisation.key_results.key
    if name in known:
        return known.index(name)
    what = f"{name!r} is no key result that effort moves from now on{near(name, known)}"
    raise _refuse(scenario, lever, "key_result", what)


def _days(world: World, scenario: model.Scenario, lever: Lever) -> Days:
    """The mornings on which a lever acts: at least one."""
    days, coming = world.days(lever.since, lever.until), world.coupled.days
    if days.any():
        return days
    span = f"{coming[0]} to {coming[-1]}" if coming else "none"
    said = f"from {lever.since or 'now'}" + (f" until {lever.until}" if lever.until else "")
    key = "until" if lever.since is None else "from"
    raise _refuse(scenario, lever, key, f"{said} holds no morning of those to come ({span}): name other days")


def _enough(world: World, scenario: model.Scenario, lever: Lever, team: int, days: Days) -> None:
    there = float(world.organisation.teams.people[team, days].min())
    if lever.people > there + 1e-9:
        name = world.organisation.teams.key[team]
        raise _refuse(scenario, lever, "people", f"{lever.people:g} people, but {name} has {there:g} in that time")


def _ramp_up(world: World, lever: Lever, team: str) -> float:
    given = getattr(lever, "ramp_up_days", None)
    settings = world.coupled.staff.settings[team]
    return float(given if given is not None else settings.get("ramp_up_days", SETTINGS["ramp_up_days"]))


def _move_capacity(world: World, scenario: model.Scenario, lever: Lever) -> World:
    """Within a team people change sides; to another team they go, need to ramp up there, and join that side."""
    team, days = _team(world, scenario, lever), _days(world, scenario, lever)
    _enough(world, scenario, lever, team, days)
    sign = 1.0 if lever.to == "change" else -1.0
    if lever.to_team is None or lever.to_team == lever.team:
        return with_shift(world, team, days, np.where(days, sign * lever.people, 0.0))
    other = _team(world, scenario, lever, "to_team")
    come = arriving(world, lever.people, days, _ramp_up(world, lever, lever.to_team))
    world = with_joined(with_people(world, team, np.where(days, -lever.people, 0.0)), other, days, come, lever.to)
    return with_people(world, other, come)


def _hire(world: World, scenario: model.Scenario, lever: Lever) -> World:
    team, days = _team(world, scenario, lever), _days(world, scenario, lever)
    return with_people(world, team, arriving(world, lever.people, days, _ramp_up(world, lever, lever.team)))


def _leave(world: World, scenario: model.Scenario, lever: Lever) -> World:
    team, days = _team(world, scenario, lever), _days(world, scenario, lever)
    _enough(world, scenario, lever, team, days)
    gone = np.where(days, -lever.people, 0.0)
    if lever.until is not None:  # who comes back finds a way in again
        back = world.days(lever.until + timedelta(days=1), None)
        gone -= np.where(
            back, lever.people - arriving(world, lever.people, back, _ramp_up(world, lever, lever.team)), 0.0
        )
    return with_people(world, team, gone)


def _set_policy(world: World, scenario: model.Scenario, lever: Lever) -> World:
    """The policy holds on its days. Settings of the team that it carries must be for all of them."""
    team, days = _team(world, scenario, lever), _days(world, scenario, lever)
    given = parse_policy(lever.policy, lever.parameters)
    policy, faults = as_policy(lever.policy, given, list(world.organisation.guardrails.key))
    if faults:
        raise _refuse(scenario, lever, "parameters", faults[0])
    world = with_policies(world, team, dict.fromkeys(np.flatnonzero(days).tolist(), policy))
    teams, arrays = world.organisation.teams, {}
    for name in ("switch_loss", "failure_demand", "overdue_after", "wip_limit"):
        if name in given:
            _all_the_time(world, scenario, lever, f"parameters.{name}")
            arrays[name] = getattr(teams, name).copy()
            arrays[name][team] = given[name]
    return world.with_teams(**arrays)


def _run_demand(world: World, scenario: model.Scenario, lever: Lever) -> World:
    every = range(len(world.organisation.teams.key))
    teams = list(every) if lever.team is None else [_team(world, scenario, lever)]
    return with_demand(world, teams, _days(world, scenario, lever), lever.factor)


def _absence(world: World, scenario: model.Scenario, lever: Lever) -> World:
    return with_absence(world, _team(world, scenario, lever), _days(world, scenario, lever), lever.days)


def _automation(world: World, scenario: model.Scenario, lever: Lever) -> World:
    """Building it takes people away from all else until it works; then there is less run work."""
    team = _team(world, scenario, lever)
    working = world.days(lever.after, lever.until)
    building = world.days(lever.since, lever.after) & ~working
    if not building.any():
        raise _refuse(
            scenario, lever, "after", f"no morning to come lies before {lever.after}: there is no time to build it"
        )
    return with_demand(with_absence(world, team, building, lever.cost_days), [team], working, lever.run_demand_factor)


def _wip_limit(world: World, scenario: model.Scenario, lever: Lever) -> World:
    _all_the_time(world, scenario, lever, "limit")
    limit = world.organisation.teams.wip_limit.copy()
    limit[_team(world, scenario, lever)] = lever.limit
    return world.with_teams(wip_limit=limit)


def _all_the_time(world: World, scenario: model.Scenario, lever: Lever, key: str) -> None:
    if not _days(world, scenario, lever).all():
        raise _refuse(scenario, lever, key, f"{key} is a setting that holds all the time: leave from and until out")


def _elasticity(world: World, scenario: model.Scenario, lever: Lever) -> World:
    named = {other.key_result for other in scenario.lever if isinstance(other, model.Elasticity)}
    every = [k for k, key in enumerate(world.organisation.key_results.key) if key not in named]
    assumed = world.setting.assumed.copy()
    assumed[every if lever.key_result is None else _key_result(world, scenario, lever)] = lever.value
    return replace(world, setting=replace(world.setting, assumed=assumed))


def _retarget(world: World, scenario: model.Scenario, lever: Lever) -> World:
    """Another target, and with another due date other beliefs about the end."""
    k = _key_result(world, scenario, lever)
    goal = world.goals.row(k, named=True)
    if goal["kind"] not in TRENDS:
        raise _refuse(scenario, lever, "key_result", f"a {goal['kind']} key result has no other target")
    if lever.due is not None and lever.due != goal["due"]:
        world = _due(world, scenario, lever, k)
    world = replace(world, goals=with_row(world.goals, k, target=float(lever.target)))
    threshold = float(scale_of(world.goals[k : k + 1]).progress(np.array([lever.target]))[0])
    share = counts_at(goal["ambition"]) if threshold > 0 else 1.0
    return with_belief(world, k, threshold=threshold, counts=share * threshold)


def _due(world: World, scenario: model.Scenario, lever: Lever, k: int) -> World:
    if not world.coupled.staff.as_of < lever.due <= world.coupled.until:
        raise _refuse(scenario, lever, "due", f"{lever.due} lies outside the days to come ({_span(world)})")
    return due_moved(world, k, lever.due)


def _span(world: World) -> str:
    return f"{world.coupled.staff.as_of + timedelta(days=1)} to {world.coupled.until}"


def _drop(world: World, scenario: model.Scenario, lever: Lever) -> World:
    """It will not be reached, and from then on claims no effort; its initiatives stop."""
    k, days = _key_result(world, scenario, lever), _days(world, scenario, lever)
    active = world.organisation.key_results.active[k] & ~days
    world = with_goal(world, k, active=active)
    for i in np.flatnonzero(world.organisation.initiatives.key_result == k).tolist():
        world = without_plan(world, i)
    world = replace(world, movable=world.movable & (np.arange(len(world.movable)) != k))
    return with_belief(world, k, threshold=np.inf, counts=np.inf, hazard=0.0 if _is_binary(world, k) else np.nan)


def _is_binary(world: World, k: int) -> bool:
    return world.goals["kind"][k] not in TRENDS


def _initiative(world: World, scenario: model.Scenario, lever: Lever) -> World:
    plan = world.organisation.initiatives
    if lever.initiative not in plan.key:
        what = f"{lever.initiative!r} is no initiative that is planned or in progress{near(lever.initiative, plan.key)}"
        raise _refuse(scenario, lever, "initiative", what)
    i = plan.key.index(lever.initiative)
    if lever.drop:
        return without_plan(world, i)
    start = number_of(lever.start) if lever.start else max(int(plan.start[i]), number_of(world.coupled.staff.as_of) + 1)
    return with_plan(world, i, start=start + (lever.delay or 0), begun=bool(plan.begun[i]) and not lever.delay)


def _add(world: World, scenario: model.Scenario, lever: Lever) -> World:
    """One more key result, of which only what all have in common is known; effort on it is usual from the start."""
    given: KeyResultSet = lever.goal
    if lever.name in world.organisation.key_results.key:
        raise _refuse(scenario, lever, "key_result", f"{lever.name!r} is a key result already: retarget it")
    if given.team not in world.organisation.teams.key:
        known = world.organisation.teams.key
        raise _refuse(
            scenario, lever, "key_result", f"{given.team!r} is no team with declared capacity{near(given.team, known)}"
        )
    if given.kind not in TRENDS or not world.coupled.staff.as_of < given.due <= world.coupled.until:
        what = f"only metric and milestone key results due within the days to come ({_span(world)}) can be added"
        raise _refuse(scenario, lever, "key_result", what)
    return appended(world, lever.name, given)


_PULL: dict[str, Callable[[World, model.Scenario, Lever], World]] = {
    "move_capacity": _move_capacity,
    "hire": _hire,
    "leave": _leave,
    "set_policy": _set_policy,
    "run_demand": _run_demand,
    "absence": _absence,
    "retarget": _retarget,
    "drop": _drop,
    "add": _add,
    "initiative": _initiative,
    "automation": _automation,
    "wip_limit": _wip_limit,
    "elasticity": _elasticity,
}
