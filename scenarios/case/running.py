"""The run work of the case, morning by morning: what arrives, what is done, and what is left for change.

The model is that of `koers.engine.capacity`, with a truth that koers is not told.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from datetime import date, timedelta
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from koers.engine.capacity import CELLS, DUST, Floats, Policy, Watch, per_person, present, protected, split, watched
from koers.engine.draws import normal, uniform
from koers.engine.known_work import WEEKDAY, Item, monday_of, negative_binomial, worked_off
from koers.engine.mornings import effective_people, mornings, number_of, planned_absence, unplanned_absence
from koers.engine.staffing import in_force, shifted
from koers.scenarios.case.organisation import (
    FIRST,
    HIRE,
    KEEP,
    LEAVES,
    LEVEL_SD,
    MOVES,
    RULES,
    SCATTER,
    SEASONS,
    SPREAD,
    SWITCH_LOSS,
    TEAMS,
)


class Morning(NamedTuple):
    """How a team spent a morning, person-days; `people` are effective, `backlog` is what is left in the evening."""

    day: date
    people: float
    present: float
    run: float
    change: float
    backlog: float


class Ran(NamedTuple):
    """All that happened to a team's run work."""

    mornings: list[Morning]
    items: list[Item]

    def weeks(self) -> dict[date, tuple[float, float]]:
        """Person-days of run and change by the week's Monday."""
        found: dict[date, tuple[float, float]] = {}
        for m in self.mornings:
            run, change = found.get(monday_of(m.day), (0.0, 0.0))
            found[monday_of(m.day)] = (run + m.run, change + m.change)
        return found

    def change(self, after: date, until: date) -> float:
        """Mean person-days of change work on the mornings of (after, until]; 0 where there is none."""
        own = [m.change for m in self.mornings if after < m.day <= until]
        return sum(own) / len(own) if own else 0.0

    def run_share(self, since: date, until: date) -> float:
        """Share of capacity present that went to run work on the mornings from `since` to `until`."""
        own = [m for m in self.mornings if since <= m.day <= until]
        return sum(m.run for m in own) / sum(m.present for m in own)


def ran(seed: int, team: str, until: date) -> Ran:
    """The team's mornings from the first one to `until`; a later end changes nothing before it."""
    days = mornings(FIRST - timedelta(days=1), until)
    people, policies, level = _people(team, days), _policies(team), _levels(seed, team, until)
    away = planned_absence(_absences(team), days)
    absent = unplanned_absence(TEAMS[team].people)
    queue: deque[list[float]] = deque()  # of [number of the item, person-days left]
    items: list[Item] = []
    spent: list[Morning] = []
    watch, before = Watch(), TEAMS[team].load
    for n, day in enumerate(days):
        for item in _arrivals(seed, team, day, level[monday_of(day)]):
            queue.append([len(items), item.effort])
            items.append(item)
        backlog, policy = sum(left for _, left in queue), in_force(policies, day)
        ill = absent[int(CELLS * uniform(seed, "case ill", team, number_of(monday_of(day))))]
        there = present(float(people[n]), float(away[n]), float(ill))
        watch = watched(policy, watch, per_person(backlog, float(people[n])))
        share = protected(policy, float(people[n]), tripped=bool(watch.tripped), broken=False)
        run, change, _, _ = split(policy, there, backlog, share, before, SWITCH_LOSS)
        for number in worked_off(queue, run):
            items[number] = items[number]._replace(closed=day)
        left = backlog - run
        watch = watch._replace(waiting=watch.waiting + 1 if left > DUST else 0)
        spent.append(Morning(day, float(people[n]), there, run, change, max(left, 0.0)))
        before = run / there if there > 0 else before
    return Ran(spent, items)


def sizes(team: str) -> list[tuple[date, float]]:
    """People of a team from each day on, moves included."""
    own = [(FIRST, TEAMS[team].people)] + [(HIRE.since, HIRE.people)] * (HIRE.team == team)
    for move in MOVES:
        signed = move.people * ((move.to_team == team) - (move.team == team))
        if signed:
            own.append((move.since, own[-1][1] + signed))
    return own


def _people(team: str, days: list[date]) -> Floats:
    return effective_people(sizes(team), days)


def _policies(team: str) -> list[tuple[date, Policy]]:
    """The team's policies, as moves of people change them."""
    said: list[tuple[date, Any]] = [
        (rule.since, _policy(rule.policy, rule.parameters)) for rule in RULES if rule.team == team
    ]
    said += [(m.since, m.people if m.to == "change" else -m.people) for m in MOVES if m.to_team == team]
    found: list[tuple[date, Policy]] = []
    for since, what in sorted(said, key=lambda step: step[0]):
        policy = what if isinstance(what, Policy) else shifted(found[-1][1], what, in_force(sizes(team), since))
        found.append((since, policy))
    return found


def _policy(kind: str, given: dict[str, float | str]) -> Policy:
    return Policy(kind=kind, share=float(given.get("share", 0.0)), days=float(given.get("days", 0.0)))


def _absences(team: str) -> list[tuple[date, date, float]]:
    return [(leave.since, leave.until, leave.days * TEAMS[team].people) for leave in LEAVES]


def _levels(seed: int, team: str, until: date) -> dict[date, float]:
    """Log level of run work by Monday."""
    found, level, sd = {}, 0.0, LEVEL_SD
    for n in range((until - FIRST).days // 7 + 1):
        monday = FIRST + timedelta(weeks=n)
        level = KEEP * level + sd * normal(seed, "case level", team, number_of(monday))
        sd = LEVEL_SD * math.sqrt(1 - KEEP**2)
        found[monday] = level
    return found


def _arrivals(seed: int, team: str, day: date, level: float) -> Iterator[Item]:
    own = TEAMS[team]
    rate = own.people * own.load / own.size
    seasons = (s.factor for s in SEASONS if s.team == team and s.since <= day <= s.until)
    season = reduce(lambda a, b: a * b, seasons, 1.0)
    mean = rate * WEEKDAY[day.weekday()] * season * math.exp(level - LEVEL_SD**2 / 2)
    for n in range(negative_binomial(uniform(seed, "case arrivals", team, number_of(day)), mean, rate / (SCATTER - 1))):
        z = normal(seed, "case size", team, number_of(day), n)
        yield Item(f"{team}-{day:%y%m%d}-{n + 1}", day, None, round(own.size * math.exp(SPREAD * z - SPREAD**2 / 2), 2))


def usual(team: str) -> float:
    """Change effort that a team counts on, person-days a morning: what its usual run work leaves."""
    own = TEAMS[team]
    return own.people * float(np.clip(0.95 - own.load, 0.1, 1.0))
