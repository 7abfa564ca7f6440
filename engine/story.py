"""One future, told: what each team did on each morning, what moved, and why.

Nothing is decided here: the telling reads what `reference.play` leaves behind, and works its portfolio again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from koers.engine.capacity import DUST, NEVER, Floats
from koers.engine.mornings import EPOCH
from koers.engine.moves import Headcount, Move, Teller, moves
from koers.engine.reference import Day as Morning
from koers.engine.reference import Portfolio, Simulation, Team


class Day(NamedTuple):
    """A team's morning. Person-days; `people` are effective, `backlog` is open in the evening, `policy_share` 0-1."""

    team: str
    date: date
    people: float
    run: float
    change: float
    lost: float
    idle: float
    arrived: float
    backlog: float
    policy_share: float  # of present capacity, which run work could not touch


class Work(NamedTuple):
    """Person-days of change work that went to a key result or an initiative on a morning."""

    date: date
    team: str
    on: str
    days: float


class Story(NamedTuple):
    """A future by day, then by team; `work` adds up to the days' `change` where there was something to work on."""

    days: tuple[Day, ...]
    moves: tuple[Move, ...]
    work: tuple[Work, ...]


def tell(
    sim: Simulation, as_of: date, headcount: Headcount | None = None, names: Mapping[str, str] | None = None
) -> Story:
    """Tell a future that has been played to its end.

    `as_of` is the day before its first, `headcount` the plan of people; `names` are what key results, initiatives and
    guardrails are called, by key.
    """
    mornings = [EPOCH + timedelta(days=day) for day in sim.org.calendar.day.tolist()]
    teller, done = Teller(sim, mornings, as_of, headcount or {}, names or {}), _again(sim)
    days = [_day(team, on, day) for team in sim.teams for on, day in zip(teller.days, team.days, strict=True)]
    return Story(
        days=tuple(sorted(days, key=lambda day: (day.date, day.team))),
        moves=tuple(sorted(moves(teller, done.begun), key=lambda move: (move.date, move.team))),
        work=tuple(_work(teller, done)),
    )


def _day(team: Team, on: date, told: Morning) -> Day:
    """What is open is what waits for the team and what waits for others."""
    return Day(team.key, on, *told[1:])._replace(backlog=team.open(told.backlog))


class _Again(NamedTuple):
    """What the portfolio did, worked again."""

    begun: list[int]  # (initiative,) the morning on which work first went to it; NEVER where none did, or did before
    goals: Floats  # (day, key_result) person-days beside its initiatives
    plans: Floats  # (day, initiative) person-days


def _again(sim: Simulation) -> _Again:
    org, days = sim.org, len(sim.org.calendar.day)
    portfolio, goal_of = Portfolio(org, sim.luck.todo[:, 0]), org.initiatives.key_result
    plans = np.zeros((days, len(goal_of)))
    for morning in range(days):
        left = list(portfolio.left)
        portfolio.work(morning, [team.days[morning].change for team in sim.teams])
        plans[morning] = np.subtract(left, portfolio.left)
    goals = np.reshape(portfolio.effort, (days, len(org.key_results.key)))
    for i, k in enumerate(goal_of):
        if k != NEVER:
            goals[:, k] -= plans[:, i]
    worked = [np.flatnonzero(spent > DUST) for spent in plans.T]
    had = org.initiatives.begun.tolist()
    begun = [int(on[0]) if len(on) and not before else NEVER for on, before in zip(worked, had, strict=True)]
    return _Again(begun, goals, plans)


def _work(teller: Teller, done: _Again) -> Iterator[Work]:
    org = teller.sim.org
    for morning, on in enumerate(teller.days):
        for part, spent in ((org.key_results, done.goals), (org.initiatives, done.plans)):
            for key, team, days in zip(part.key, part.team, spent[morning].tolist(), strict=True):
                if days > DUST:
                    yield Work(on, org.teams.key[team], teller.called(key), days)


__all__ = ["Day", "Headcount", "Move", "Story", "Work", "tell"]
