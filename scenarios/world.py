"""What a decision changes: the inputs that futures are drawn from, and small edits of them that levers are made of.

A world is edited, never mutated; every edit keeps the names that draws hang on, so that futures stay paired.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from koers.engine.capacity import Floats, Organisation, Policy
from koers.engine.coupled import Coupled
from koers.engine.futures import Setting
from koers.engine.staffing import joined, shifted

Days = NDArray[np.bool_]  # (day,) which mornings


@dataclass(frozen=True, slots=True)
class World:
    """The setting that a scenario has made of the baseline `coupled`; rows of goals are in the order of its axes."""

    coupled: Coupled
    setting: Setting
    goals: pl.DataFrame
    movable: NDArray[np.bool_]  # (key_result,) whether effort moves it

    @property
    def organisation(self) -> Organisation:
        """What futures are drawn of."""
        return self.setting.organisation

    def team(self, name: str) -> int:
        """The index of a team. Raises ValueError."""
        return self.organisation.teams.key.index(name)

    def key_result(self, name: str) -> int:
        """The index of a key result. Raises ValueError."""
        return self.organisation.key_results.key.index(name)

    def days(self, since: date | None, until: date | None) -> Days:
        """The mornings from `since` (None: the first) up to `until` (None: the last)."""
        return np.array(
            [(since is None or day >= since) and (until is None or day <= until) for day in self.coupled.days]
        )

    def with_organisation(self, **parts: Any) -> World:  # noqa: ANN401 - parts of an Organisation
        """The same with other teams, key results or initiatives."""
        return replace(self, setting=replace(self.setting, organisation=replace(self.organisation, **parts)))

    def with_teams(self, **arrays: Any) -> World:  # noqa: ANN401 - fields of Teams
        """The same with other arrays of teams."""
        return self.with_organisation(teams=replace(self.organisation.teams, **arrays))


def baseline(coupled: Coupled) -> World:
    """The world as it is."""
    return World(coupled, coupled.setting, coupled.goals, coupled.movable)


def with_people(world: World, team: int, change: Floats) -> World:
    """`change` (day,) people more, or less down to nobody, in a team."""
    people = world.organisation.teams.people.copy()
    people[team] = np.maximum(people[team] + change, 0.0)
    return world.with_teams(people=people)


def arriving(world: World, people: float, days: Days, ramp_up: float) -> Floats:
    """Effective people by morning when so many come on the first of `days`: from nothing, over `ramp_up` days."""
    day = world.organisation.calendar.day
    first = day[days].min() if days.any() else 0
    ramped = np.ones(len(day)) if ramp_up <= 0 else np.clip((day - first) / ramp_up, 0.0, 1.0)
    return np.asarray(np.where(days, people * ramped, 0.0))


def with_shift(world: World, team: int, days: Days, people: Floats) -> World:
    """`people` (day,) of a team move from run to change work on `days` (below 0: the other way)."""
    teams = world.organisation.teams
    rows = {
        day: shifted(teams.policies[teams.policy[team, day]], float(people[day]), float(teams.people[team, day]))
        for day in np.flatnonzero(days).tolist()
    }
    return with_policies(world, team, rows)


def with_joined(world: World, team: int, days: Days, people: Floats, to: str) -> World:
    """On `days` `people` (day,) from elsewhere are about to join a team, for one side of its work."""
    teams = world.organisation.teams
    rows = {
        day: joined(teams.policies[teams.policy[team, day]], float(teams.people[team, day]), float(people[day]), to)
        for day in np.flatnonzero(days).tolist()
    }
    return with_policies(world, team, rows)


def with_policies(world: World, team: int, rows: dict[int, Policy]) -> World:
    """Other policies of a team, by morning."""
    teams = world.organisation.teams
    known, found = list(teams.policies), teams.policy.copy()
    for day, policy in rows.items():
        if policy not in known:
            known.append(policy)
        found[team, day] = known.index(policy)
    return world.with_teams(policies=tuple(known), policy=found)


def with_demand(world: World, teams: list[int], days: Days, factor: float) -> World:
    """Run work of some teams times `factor` on `days`."""
    found = world.organisation.teams.factor.copy()
    found[np.ix_(np.array(teams, dtype=np.int64), np.flatnonzero(days))] *= factor
    return world.with_teams(factor=found)


def with_absence(world: World, team: int, days: Days, missed: float) -> World:
    """`missed` person-days of a team, spread evenly over `days`."""
    away = world.organisation.teams.away.copy()
    away[team] += np.where(days, missed / max(int(days.sum()), 1), 0.0)
    return world.with_teams(away=away)


def with_belief(world: World, k: int, **parts: float) -> World:
    """Other beliefs about key result k at due: fields of `futures.AtDue`."""
    at = world.setting.at_due
    return replace(world, setting=replace(world.setting, at_due=at._replace(**_changed(at, k, parts))))


def with_goal(world: World, k: int, **parts: Any) -> World:  # noqa: ANN401 - fields of KeyResults
    """Other values of key result k."""
    goals = world.organisation.key_results
    return world.with_organisation(key_results=replace(goals, **_changed(goals, k, parts)))


def with_plan(world: World, i: int, **parts: Any) -> World:  # noqa: ANN401 - fields of Initiatives
    """Other values of initiative i."""
    plan = world.organisation.initiatives
    return world.with_organisation(initiatives=replace(plan, **_changed(plan, i, parts)))


def _changed(columns: object, row: int, parts: dict[str, Any]) -> dict[str, Any]:
    """Copies of the arrays named in `parts`, with other values in one row."""
    found = {name: getattr(columns, name).copy() for name in parts}
    for name, value in parts.items():
        found[name][row] = value
    return found


def without_plan(world: World, i: int) -> World:
    """Nobody works on initiative i: it takes for ever, and what waits for it waits no longer."""
    plan = world.organisation.initiatives
    needs = plan.needs.copy()
    needs[:, i] = False
    never = np.iinfo(np.int64).max // 2
    return with_plan(world.with_organisation(initiatives=replace(plan, needs=needs)), i, start=never, begun=False)
