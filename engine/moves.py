"""What moved in a future that has been played, and why: policies, people, absence, initiatives, guardrails.

Of a process of your own it tells what it does to people and policies, as what "a process of this simulation" did.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import NamedTuple

import numpy as np

from koers.engine import capacity as rules
from koers.engine.capacity import DUST, NEVER, Policy
from koers.engine.mornings import EPOCH
from koers.engine.reference import Simulation, Team

NOTABLE = 0.15
"""Share of a team that is away unplanned in a week from which it is told."""
BESIDE = "a process of this simulation decided so"

Headcount = Mapping[str, Sequence[tuple[date, float]]]
"""Per team its size, from each day on."""


class Move(NamedTuple):
    """Something that moved: what, and why. Both without a capital and a full stop."""

    date: date
    team: str
    what: str
    why: str


class Teller(NamedTuple):
    """A future that has been played to its end, and what to call things in it."""

    sim: Simulation
    days: list[date]  # the mornings
    as_of: date
    headcount: Headcount
    names: Mapping[str, str]

    def called(self, key: str) -> str:
        """The name of a key result, an initiative or a guardrail."""
        return self.names.get(key) or key

    def between(self, morning: int) -> tuple[date, date]:
        """The morning before (or the as-of day) and the morning."""
        return (self.days[morning - 1] if morning else self.as_of), self.days[morning]


def moves(teller: Teller, begun: Sequence[int]) -> Iterator[Move]:
    """Everything that moved; `begun` (initiative,) is the morning on which work first went to each, or NEVER."""
    for team in teller.sim.teams:
        yield from _of_policy(teller, team)
        yield from _of_people(teller, team)
        yield from _of_absence(teller, team)
    yield from _of_initiatives(teller, begun)
    yield from _of_guardrails(teller)
    yield from _of_key_results(teller)


def _of_policy(teller: Teller, team: Team) -> Iterator[Move]:
    """Policies that take effect, trip or are released."""
    was = False
    for morning, day in enumerate(team.days):
        policy = team.policies[morning]
        usual = rules.protected(policy, day.people, tripped=False, broken=False)
        moved = abs(day.share - usual) > DUST
        new = morning > 0 and policy != team.policies[morning - 1]
        on = teller.days[morning]
        if new:
            yield Move(on, team.key, f"the policy is now to {described(teller, policy)}", "as planned from this day on")
        if moved and (new or not was):
            yield Move(on, team.key, _given_up(usual, day.share), _tripped(teller, team, morning))
        elif was and not moved and not new:
            yield Move(
                on, team.key, f"{_percent(usual)} is kept for change work again", _released(teller, team, morning)
            )
        was = moved


def described(teller: Teller, policy: Policy) -> str:
    """A policy as what a team does."""
    keep = f"keep {_percent(policy.share)} for change work"
    return {
        "run_first": "do run work first",
        "ring_fence": keep,
        "fixed_split": f"{keep}, with no spilling over",
        "buffer": f"{keep}, but for a backlog that has not cleared for {policy.days:g} mornings",
        "threshold": f"{keep}, but for a backlog above {policy.upper:g} days per person",
        "rotation": f"have {policy.people:g} on run duty",
        "freeze": f"{keep}, but while {_rail(teller, policy)} is broken",
    }[policy.kind]


def _given_up(usual: float, share: float) -> str:
    if share <= DUST:
        return f"run work takes the {_percent(usual)} kept for change work"
    return f"{_percent(share)} is kept for change work, not {_percent(usual)}"


def _rail(teller: Teller, policy: Policy) -> str:
    return (
        "its guardrail" if policy.guardrail == NEVER else teller.called(teller.sim.org.guardrails.key[policy.guardrail])
    )


def _tripped(teller: Teller, team: Team, morning: int) -> str:
    policy, begin = team.policies[morning], teller.sim.luck.start
    if morning == 0 and policy.kind in ("buffer", "threshold") and begin.tripped[team.index, 0]:
        return "as on the morning before"
    if policy.kind == "buffer":
        return f"backlog had not cleared for {_waiting(teller, team, morning)} mornings"
    if policy.kind == "threshold":
        return f"{_load(team, morning)}, above {policy.upper:g}"
    if policy.kind == "freeze":
        return f"{_rail(teller, policy)} was broken the evening before"
    return BESIDE


def _released(teller: Teller, team: Team, morning: int) -> str:
    policy = team.policies[morning]
    if policy.kind == "buffer":
        return "backlog had cleared"
    if policy.kind == "threshold":
        return f"{_load(team, morning)}, below {policy.lower:g}"
    if policy.kind == "freeze":
        return f"{_rail(teller, policy)} held again the evening before"
    return BESIDE


def _waiting(teller: Teller, team: Team, morning: int) -> int:
    """Mornings in a row before this one that ended with backlog."""
    long_before = morning + int(teller.sim.luck.start.waiting[team.index, 0])
    return next((n for n, day in enumerate(reversed(team.days[:morning])) if day.backlog <= 0), long_before)


def _load(team: Team, morning: int) -> str:
    """Backlog per person that morning, arrivals included, in words."""
    day = team.days[morning]
    return f"backlog was {_in_words(rules.per_person(team.open(day.run + day.backlog), day.people))}"


def _in_words(load: float) -> str:
    return f"{load:.1f} days per person" if math.isfinite(load) else "left to nobody"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _of_people(teller: Teller, team: Team) -> Iterator[Move]:
    """People who come and leave, as planned or not."""
    rows = teller.headcount.get(team.key, ())
    beside = 0.0
    for morning, day in enumerate(team.days):
        after, on = teller.between(morning)
        for n, (since, size) in enumerate(rows):
            before = rows[n - 1][1] if n else 0.0
            if after < since <= on and size != before:
                yield Move(on, team.key, _came(before, size), f"as planned from {since} on")
        more = day.people - team.planned[morning]
        if abs(more - beside) > DUST:
            yield Move(on, team.key, f"{_people(day.people)} there", BESIDE)
        beside = more


def _came(before: float, size: float) -> str:
    one = "s" if abs(size - before) == 1 else ""
    moved = f"{_people(abs(size - before))} {'come' if size > before else 'leave'}{one}"
    return f"{moved}: {before:g} before, {size:g} now"


def _people(count: float) -> str:
    return "one person" if count == 1 else f"{count:.3g} people"


def _of_absence(teller: Teller, team: Team) -> Iterator[Move]:
    """Planned absence as it begins or changes, and weeks in which many are away."""
    planned = team.away
    for morning, days in enumerate(planned):
        if days > 0 and (morning == 0 or abs(days - planned[morning - 1]) > DUST):
            last = next((n for n in range(morning, len(planned)) if abs(planned[n] - days) > DUST), len(planned)) - 1
            what = f"{days:.2g} person-days a morning are missed until {teller.days[last]}"
            yield Move(teller.days[morning], team.key, what, "planned absence")
    absent = teller.sim.absent[team.index]
    for _, mornings in groupby(range(len(absent)), key=teller.sim.org.calendar.week.tolist().__getitem__):
        first = next(mornings)
        if absent[first] >= NOTABLE and team.days[first].people > 0:
            what = f"{_percent(absent[first])} of the people are away this week"
            yield Move(teller.days[first], team.key, what, "illness and the like, as drawn")


def _of_initiatives(teller: Teller, begun: Sequence[int]) -> Iterator[Move]:
    plan, finished = teller.sim.org.initiatives, teller.sim.portfolio.finished_on
    for i, key in enumerate(plan.key):
        team, name = teller.sim.org.teams.key[plan.team[i]], teller.called(key)
        if begun[i] != NEVER:
            on = teller.days[begun[i]]
            yield Move(on, team, f"work on {name} begins", _why_begun(teller, i, begun[i]))
        if finished[i] != NEVER:
            spent = f"its {teller.sim.luck.todo[i, 0]:.1f} person-days are done"
            yield Move(teller.days[finished[i]], team, f"{name} is finished{_shows(teller, i)}", spent)


def _why_begun(teller: Teller, i: int, morning: int) -> str:
    plan, finished = teller.sim.org.initiatives, teller.sim.portfolio.finished_on
    after, on = teller.between(morning)
    start = EPOCH + timedelta(days=int(plan.start[i]))
    waited = [j for j in np.flatnonzero(plan.needs[i]) if finished[j] == morning - 1]
    if waited:
        return f"{teller.called(plan.key[waited[0]])} is finished"
    team = teller.sim.teams[int(plan.team[i])]
    if morning and team.days[morning - 1].change <= DUST:
        return "there is change work again"
    if after < start <= on or morning == 0:
        return f"it may start from {start} on"
    return f"there is room: at most {int(teller.sim.org.teams.wip_limit[plan.team[i]])} at a time"


def _shows(teller: Teller, i: int) -> str:
    """When the impact of a finished initiative shows, where it states one."""
    plan, goals = teller.sim.org.initiatives, teller.sim.org.key_results
    k = plan.key_result[i]
    if k == NEVER or plan.impact[i] == 0:
        return ""
    day = int(teller.sim.org.calendar.day[teller.sim.portfolio.finished_on[i]]) + int(plan.lag[i])
    if day > goals.due[k]:
        return f", too late to show in {teller.called(goals.key[k])}"
    return f" and shows in {teller.called(goals.key[k])} on {EPOCH + timedelta(days=day)}"


def _of_guardrails(teller: Teller) -> Iterator[Move]:
    """The first evening on which each is broken."""
    rails, sim = teller.sim.org.guardrails, teller.sim
    for g, morning in enumerate(sim.broken_on):
        if morning == NEVER:
            continue
        team, upper = sim.teams[rails.team[g]], rails.upper[g]
        if rules.MEASURES[rails.measure[g]] == "backlog_age":
            why = f"work that came more than {upper:g} mornings before is still open"
        else:
            load = rules.per_person(team.open(team.days[morning].backlog), team.days[morning].people)
            why = f"backlog was {_in_words(load)} in the evening, above {upper:g}"
        yield Move(teller.days[morning], team.key, f"{teller.called(rails.key[g])} is broken", why)


def _of_key_results(teller: Teller) -> Iterator[Move]:
    """Key results that begin and end while others go on."""
    goals = teller.sim.org.key_results
    for k, key in enumerate(goals.key):
        for morning in range(1, len(teller.days)):
            now, before = goals.active[k, morning], goals.active[k, morning - 1]
            if now != before:
                what = "takes its part of change work" if now else "takes no more change work"
                why = "it has begun" if now else f"it was due on {EPOCH + timedelta(days=int(goals.due[k]))}"
                team = teller.sim.org.teams.key[goals.team[k]]
                yield Move(teller.days[morning], team, f"{teller.called(key)} {what}", why)
