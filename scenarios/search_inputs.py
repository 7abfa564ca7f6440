"""What is not known of an organisation, as inputs from 0 to 1: each turns a quantile into other futures.

Beliefs of the model are taken at that quantile. What nobody measured (`assumed` in the docs: absence, switching) gets a
range of its own. Where several teams are looked at, an input moves all of them by their own beliefs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy import special

from koers.engine import elasticity, kernel
from koers.engine.capacity import CELLS, Floats, Initiatives, Organisation, Policy, Teams
from koers.engine.futures import Setting, alone, gained, reached
from koers.engine.groups import Bools, Members
from koers.engine.luck import Luck, Start
from koers.scenarios.search_futures import Stage
from koers.scenarios.world import World

BACKLOG, THERE, POLICY, SWINGS = (0.5, 1.5), (0.9, 1.1), (0.5, 1.0), (0.7, 1.3)
ABSENCE, SWITCHING, IMPACT, FAILURE, ATTENTION = (0.5, 2.0), (0.0, 2.0), (0.0, 2.0), 0.3, 2.0
"""Ranges of what is not learnt, as factors; of failure demand what is added, of attention the factor either way."""


class Case(NamedTuple):
    """One set of inputs: what futures are drawn of, and their draws; of the teams looked at alone."""

    setting: Setting
    size: Floats  # (team,) of run work
    level: Floats  # (team,) normal deviates of the level of run work now
    rate: Floats  # (team,) and of its long-run rate
    swings: float  # factor on how far it moves from week to week
    elasticity: float
    start: Start
    todo: Floats | None  # (initiative,) person-days still to do; None: drawn


Pull = Callable[[Case, float], Case]


class Input(NamedTuple):
    """Something that is not known."""

    name: str
    range: str  # what it runs over, in words
    pull: Pull


def middle(of: Stage, setting: Setting, own: Members) -> Case:
    """The case in which every belief is at its middle."""
    teams = np.zeros(len(own.teams))
    start = Start._make(
        part[own.guardrails] if name == "broken" else part[own.teams] for name, part in of.known.start._asdict().items()
    )
    return Case(setting, teams + 1.0, teams, teams, 1.0, 0.5, start, None)


def inputs(setting: Setting, key_result: int | None) -> list[Input]:
    """What is not known of the teams of `setting` and matters to one key result of them, or to all (None)."""
    org = setting.organisation
    found = [
        Input("effort elasticity", "as believed, 0 to 1", _elasticity),
        Input("run work just now", "as believed", _level),
        Input("swings of run work", _times(SWINGS), lambda case, u: case._replace(swings=_within(SWINGS, u))),
        Input("backlog now", _times(BACKLOG), _backlog),
        Input("unplanned absence", _times(ABSENCE), _absence),
        Input("people really there", _times(THERE), _there),
        Input("switching loss", _times(SWITCHING), _switching),
        Input("failure demand", f"0 to {FAILURE:g} more", _failure),
    ]
    if org.teams.size_sd.any():
        found.append(Input("person-days per item", "as believed", _size))
    if org.teams.rate_sd.any():
        found.append(Input("items per day, long run", "as believed", _rate))
    if any(policy.share > 0 for policy in _in_force(org)):
        found.append(Input("how firmly policy holds", _times(POLICY), _policy))
    if (org.teams.people != org.teams.people[:, :1]).any():
        found.append(Input("planned comings, goings", "as planned, or none", _staff))
    if len(org.initiatives.key):
        found.append(Input("size of initiatives", "as estimated", _todo))
    if (org.initiatives.impact > 0).any():
        found.append(Input("impact of initiatives", _times(IMPACT), _impact))
    if key_result is not None and (org.key_results.team == org.key_results.team[key_result]).sum() > 1:
        found.append(Input("attention it gets", f"x {1 / ATTENTION:g} to {ATTENTION:g}", _attention(key_result)))
    return found


def _times(ends: tuple[float, float]) -> str:
    return f"x {ends[0]:g} to {ends[1]:g}"


def _within(ends: tuple[float, float], u: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * u


def _in_force(org: Organisation) -> list[Policy]:
    return [org.teams.policies[n] for n in np.unique(org.teams.policy)]


def _teams(case: Case, **arrays: object) -> Case:
    org = case.setting.organisation
    teams: Teams = replace(org.teams, **arrays)  # type: ignore[arg-type]
    return case._replace(setting=replace(case.setting, organisation=replace(org, teams=teams)))


def _plans(case: Case, **arrays: Floats) -> Case:
    org = case.setting.organisation
    plans: Initiatives = replace(org.initiatives, **arrays)  # type: ignore[arg-type]
    return case._replace(setting=replace(case.setting, organisation=replace(org, initiatives=plans)))


def _elasticity(case: Case, u: float) -> Case:
    return case._replace(elasticity=float(elasticity.quantile(case.setting.elasticity, u)))


def _size(case: Case, u: float) -> Case:
    return case._replace(size=np.exp(case.setting.organisation.teams.size_sd * special.ndtri(u)))


def _rate(case: Case, u: float) -> Case:
    return case._replace(rate=np.full(len(case.rate), special.ndtri(u)))


def _level(case: Case, u: float) -> Case:
    return case._replace(level=np.full(len(case.level), special.ndtri(u)))


def _backlog(case: Case, u: float) -> Case:
    return case._replace(start=case.start._replace(backlog=case.start.backlog * _within(BACKLOG, u)))


def _absence(case: Case, u: float) -> Case:
    return _teams(case, absence=np.minimum(case.setting.organisation.teams.absence * _within(ABSENCE, u), 1.0))


def _there(case: Case, u: float) -> Case:
    return _teams(case, people=case.setting.organisation.teams.people * _within(THERE, u))


def _switching(case: Case, u: float) -> Case:
    return _teams(case, switch_loss=case.setting.organisation.teams.switch_loss * _within(SWITCHING, u))


def _failure(case: Case, u: float) -> Case:
    return _teams(case, failure_demand=case.setting.organisation.teams.failure_demand + FAILURE * u)


def _policy(case: Case, u: float) -> Case:
    kept = _within(POLICY, u)
    policies = case.setting.organisation.teams.policies
    return _teams(case, policies=tuple(replace(policy, share=policy.share * kept) for policy in policies))


def _staff(case: Case, u: float) -> Case:
    people = case.setting.organisation.teams.people
    return case if u >= 0.5 else _teams(case, people=np.repeat(people[:, :1], people.shape[1], axis=1))


def _todo(case: Case, u: float) -> Case:
    return case._replace(todo=case.setting.organisation.initiatives.effort[:, min(int(u * CELLS), CELLS - 1)])


def _impact(case: Case, u: float) -> Case:
    return _plans(case, impact=case.setting.organisation.initiatives.impact * _within(IMPACT, u))


def _attention(k: int) -> Pull:
    def pull(case: Case, u: float) -> Case:
        org = case.setting.organisation
        weight = org.key_results.weight.copy()
        weight[k] *= ATTENTION ** (2.0 * u - 1.0)
        goals = replace(org.key_results, weight=weight)
        return case._replace(setting=replace(case.setting, organisation=replace(org, key_results=goals)))

    return pull


class Bench:
    """Draws for some teams from which all that is an input has been taken out, and what follows from a case."""

    def __init__(self, of: Stage, world: World, own: Members) -> None:
        self.of, self.own = of, own
        self.org = alone(world.setting, own).organisation
        calm = replace(
            world.organisation.teams,
            level_mean=np.zeros_like(world.organisation.teams.level_mean),
            level_sd=np.zeros_like(world.organisation.teams.level_sd),
            rate_sd=np.zeros_like(world.organisation.teams.rate_sd),
        )
        self.luck = of.luck(replace(world.organisation, teams=calm), own)
        teams = self.org.teams
        centre = teams.level_low + (self.luck.bin + 0.5) * teams.level_step
        self.swing = centre + np.log(self.luck.scale / self.luck.size[:, None])  # (team, week, replication)
        weeks = np.abs(np.arange(self.swing.shape[1]) - self.org.calendar.now)
        self.keep = teams.level_keep[:, None] ** weeks  # (team, week) of what is known now

    def chances(self, case: Case, movable: Bools) -> Floats:
        """The chance of each key result (key_result, replication) in this case."""
        org, futures = case.setting.organisation, self.swing.shape[2]
        drawn = kernel.follow(org, self._luck(case), means=0)
        size, e = np.repeat(case.size[:, None], futures, axis=1), np.full(futures, case.elasticity)
        gain = np.where(movable[:, None], gained(case.setting, drawn, size, e), 0.0)
        return reached(case.setting, gain, e)

    def _luck(self, case: Case) -> Luck:
        teams = self.org.teams
        known = self.keep * (teams.level_mean + teams.level_sd * case.level)[:, None]
        level = case.swings * self.swing + (known + (teams.rate_sd * case.rate)[:, None])[:, :, None]
        bins = np.clip(np.floor((level - teams.level_low) / teams.level_step), 0, teams.demand.shape[2] - 1)
        scale = np.exp(level - teams.level_low - (bins + 0.5) * teams.level_step) * case.size[:, None, None]
        size = np.repeat(case.size[:, None], level.shape[2], axis=1)
        todo = self.luck.todo if case.todo is None else np.repeat(case.todo[:, None], level.shape[2], axis=1)
        return self.luck._replace(start=case.start, bin=bins.astype(np.int32), scale=scale, size=size, todo=todo)
