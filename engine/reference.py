"""The capacity model in SimPy, one future at a time: to read, to extend, and to hold the compiled twin to.

Each team is two processes: run work arrives overnight, and a stand-up in the morning divides the people that are there.
A process of your own is a generator that takes the `Simulation`; it may change a team's `people`, its `policy`, or put
work into its queue, at any time:

    def late_supplier(sim):
        yield sim.morning(10)                          # wakes up before the stand-ups of morning 10
        sim.team("intake").queue.add(10, 30.0)         # thirty person-days of rework arrive

    play(organisation, luck, extra=[late_supplier])
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

import numpy as np
import simpy

from koers.engine import capacity as rules
from koers.engine.capacity import DUST, NEVER, Floats, Guardrails, Initiatives, Organisation, Policy, Split, Watch
from koers.engine.luck import Luck, absent, demand

Process = Callable[["Simulation"], Generator[simpy.Event, Any, None]]
OVERNIGHT, STAND_UP, EVENING, NIGHT = 0.0, 0.25, 0.5, 0.75  # of the unit of time from one morning to the next
BEFORE = -1  # the morning on which backlog that was there counts as arrived


class Day(NamedTuple):
    """A team's morning, person-days; backlog is that of the evening, `share` what run work could not touch."""

    morning: int
    people: float
    run: float
    change: float
    lost: float
    idle: float
    arrived: float
    backlog: float
    share: float


class Queue:
    """Run work that waits, done in the order it came: (morning of arrival, person-days)."""

    def __init__(self, backlog: float) -> None:
        self.total = backlog
        self.waiting = deque([(BEFORE, backlog)]) if backlog > 0 else deque()

    def add(self, morning: int, days: float) -> None:
        """Work arrives."""
        self.total += days
        if days > 0:
            self.waiting.append((morning, float(days)))

    def take(self, days: float) -> None:
        """Work is done, the oldest first; less than DUST that remains is rounding."""
        self.total -= days
        while self.waiting and days > 0:
            morning, first = self.waiting.popleft()
            if first > days:
                self.waiting.appendleft((morning, first - days))
            days -= first
        if self.total <= DUST:
            self.total = 0.0
            self.waiting.clear()

    def older_than(self, morning: int) -> float:
        """Person-days that arrived before `morning`."""
        old = sum((days for came, days in self.waiting if came < morning), 0.0)
        return old if old > DUST else 0.0


class Team:
    """What one team has in hand. `people` overrides the plan from now on where it is set."""

    def __init__(self, sim: Simulation, index: int) -> None:
        teams = sim.org.teams
        self.sim, self.index, self.key = sim, index, teams.key[index]
        self.planned, self.away = teams.people[index].tolist(), teams.away[index].tolist()
        self.policies = [teams.policies[own] for own in teams.policy[index]]
        self.overdue_after, self.failure_demand = int(teams.overdue_after[index]), float(teams.failure_demand[index])
        self.switch_loss = float(teams.switch_loss[index])
        self.present = simpy.Container(sim.env)  # person-days not yet given out this morning
        begin = sim.luck.start
        self.queue = Queue(float(begin.backlog[index, 0]))
        self.standing = float(begin.standing[index, 0])
        self.run_share = float(begin.run_share[index, 0])
        tripped = int(begin.tripped[index, 0])
        self.watch = Watch(rules.POLICIES[tripped] if tripped else "", int(begin.waiting[index, 0]))
        self.people: float | None = None
        self.policy: Policy | None = None
        self.days: list[Day] = []

    def headcount(self, morning: int) -> float:
        """Effective people on a morning."""
        return float(self.planned[morning]) if self.people is None else self.people

    def load(self, people: float) -> float:
        """Open run work, person-days per effective person."""
        return rules.per_person(self.open(self.queue.total), people)

    def open(self, backlog: float) -> float:
        """Open run work, person-days: its `backlog` and what else is open."""
        return max(backlog + self.standing, 0.0)

    def arrivals(self) -> Generator[simpy.Event, Any, None]:
        """Run work comes in overnight; more of it where work has been left lying."""
        for morning, drawn in enumerate(self.sim.demand[self.index].tolist()):
            yield self.sim.at(morning, OVERNIGHT)
            overdue = self.queue.older_than(morning - self.overdue_after) if self.failure_demand > 0 else 0.0
            self.queue.add(morning, rules.arriving(drawn, self.queue.total, overdue, self.failure_demand))

    def stand_ups(self) -> Generator[simpy.Event, Any, None]:
        """Each morning those present are divided between running and changing."""
        for morning, away in enumerate(self.sim.absent[self.index].tolist()):
            before = self.queue.total
            yield self.sim.at(morning, STAND_UP)
            arrived, people = self.queue.total - before, self.headcount(morning)
            there = rules.present(people, self.away[morning], away)
            share = self._share(morning, people)
            split = rules.split(
                self.policy or self.policies[morning], there, self.queue.total, share, self.run_share, self.switch_loss
            )
            yield from self._give_out(there, split)
            self.run_share = rules.run_share(split.run, there, self.run_share)
            self.days.append(Day(morning, people, *split, arrived, self.queue.total, share))

    def _share(self, morning: int, people: float) -> float:
        """The share of those present that run work may not touch."""
        policy = self.policy or self.policies[morning]
        self.watch = rules.watched(policy, self.watch, self.load(people))
        broken = self.sim.is_broken(policy.guardrail)
        return rules.protected(policy, people, tripped=bool(self.watch.tripped), broken=broken)

    def _give_out(self, there: float, split: Split) -> Generator[simpy.Event, Any, None]:
        """People take their work; what is left of them stays idle."""
        self.present = simpy.Container(self.sim.env, init=there)
        for part in split[:3]:
            if (taken := min(part, self.present.level)) > 0:
                yield self.present.get(taken)
        self.queue.take(split.run)
        self.watch = Watch(self.watch.tripped, self.watch.waiting + 1 if self.queue.total > 0 else 0)


class Simulation:
    """One future of an organisation under given draws (one replication of `luck`)."""

    def __init__(self, org: Organisation, luck: Luck, extra: Sequence[Process] = ()) -> None:
        self.org, self.luck, self.env = org, luck, simpy.Environment()
        self.demand, self.absent = demand(org, luck)[..., 0], absent(org, luck)[..., 0]
        self.teams = [Team(self, index) for index in range(len(org.teams.key))]
        self.portfolio = Portfolio(org, luck.todo[:, 0])
        self.broken_on = [NEVER] * len(org.guardrails.key)
        self._broken = luck.start.broken[:, 0].tolist()
        for process in extra:
            self.env.process(process(self))
        for team in self.teams:
            self.env.process(team.arrivals())
            self.env.process(team.stand_ups())
        self.env.process(self._evenings())

    def team(self, key: str) -> Team:
        """The team of this name."""
        return self.teams[self.org.teams.key.index(key)]

    def at(self, morning: int, hour: float) -> simpy.Event:
        """That part of a morning, from now."""
        return self.env.timeout(morning + hour - self.env.now)

    def morning(self, number: int) -> simpy.Event:
        """Just before run work arrives for that morning: where a process of your own wakes up."""
        return self.at(number, OVERNIGHT)

    def is_broken(self, guardrail: int) -> bool:
        """Whether a guardrail was broken in the evening before."""
        return guardrail != NEVER and self._broken[guardrail]

    def _evenings(self) -> Generator[simpy.Event, Any, None]:
        """Guardrails are looked at, and what was changed is credited."""
        for morning in range(len(self.org.calendar.day)):
            yield self.at(morning, EVENING)
            for index in range(len(self._broken)):
                self._broken[index] = _is_broken(self.org.guardrails, index, self.teams, morning)
                if self._broken[index] and self.broken_on[index] == NEVER:
                    self.broken_on[index] = morning
            self.portfolio.work(morning, [team.days[-1].change for team in self.teams])


def _is_broken(rails: Guardrails, index: int, teams: Sequence[Team], morning: int) -> bool:
    team, upper = teams[int(rails.team[index])], float(rails.upper[index])
    if rules.MEASURES[rails.measure[index]] == "backlog_age":
        return team.queue.older_than(morning - int(min(upper, 1e9))) > 0.0
    return team.load(team.headcount(morning)) > upper


class Portfolio:
    """Key results and initiatives that a morning's change work goes to."""

    def __init__(self, org: Organisation, todo: Floats) -> None:
        goals, plan = org.key_results, org.initiatives
        self.day = org.calendar.day.tolist()
        self.goals = [np.flatnonzero(goals.team == team).tolist() for team in range(len(org.teams.key))]
        self.plans = [np.flatnonzero(plan.team == team).tolist() for team in range(len(org.teams.key))]
        self.claim = (goals.weight[:, None] * goals.active).T.tolist()  # (day, key_result)
        self.limit, self.due = org.teams.wip_limit.tolist(), goals.due.tolist()
        self.plan = [Initiative(*row) for row in zip(*_columns(plan), strict=True)]
        self.left = todo.tolist()
        self.begun = plan.begun.tolist()
        self.finished_on = [NEVER] * len(todo)
        self.effort: list[list[float]] = []  # (day, key_result) person-days
        self.landed = [0.0] * len(goals.key)

    def work(self, morning: int, change: Sequence[float]) -> None:
        """Spend each team's change work by weight."""
        effort, claim = [0.0] * len(self.landed), self.claim[morning]
        done_before = [day != NEVER for day in self.finished_on]
        working = [i for team in range(len(change)) for i in self._working(team, morning, done_before)]
        for team, days in enumerate(change):
            doing = [i for i in self.plans[team] if i in working]
            claims = sum(claim[k] for k in self.goals[team])
            for i in doing:
                claims += self.plan[i].weight
            for k in self.goals[team] if claims > 0 else ():
                effort[k] += days * (claim[k] / claims)
            for i in doing:
                done = days * (self.plan[i].weight / claims)
                self.left[i] -= done
                if self.plan[i].key_result != NEVER:
                    effort[self.plan[i].key_result] += done
        self.effort.append(effort)
        self._finish(morning, working)

    def _working(self, team: int, morning: int, done: list[bool]) -> list[int]:
        """A team's initiatives in progress on a morning."""
        own = self.plans[team]
        ready = [
            self.plan[i].start <= self.day[morning] and not done[i] and all(done[j] for j in self.plan[i].needs)
            for i in own
        ]
        chosen = rules.in_progress(ready, [self.begun[i] for i in own], self.limit[team])
        found = [i for i, is_chosen in zip(own, chosen, strict=True) if is_chosen]
        for i in found:
            self.begun[i] = True
        return found

    def _finish(self, morning: int, working: Sequence[int]) -> None:
        for i in working:
            if self.left[i] <= DUST:
                self.finished_on[i] = morning
                k = self.plan[i].key_result
                if k != NEVER and self.day[morning] + self.plan[i].lag <= self.due[k]:
                    self.landed[k] += self.plan[i].impact


class Initiative(NamedTuple):
    """One of `capacity.Initiatives`; `needs` are those it waits for."""

    key_result: int
    weight: float
    start: int
    lag: int
    impact: float
    needs: list[int]


def _columns(plan: Initiatives) -> list[list[Any]]:
    plain = [getattr(plan, name).tolist() for name in Initiative._fields[:-1]]
    return [*plain, [np.flatnonzero(row).tolist() for row in plan.needs]]


def play(org: Organisation, luck: Luck, extra: Sequence[Process] = ()) -> Simulation:
    """One future from its draws, played to the end; `extra` are processes of your own."""
    sim = Simulation(org, luck, extra)
    sim.env.run()
    return sim


__all__ = ["Day", "Process", "Simulation", "Split", "Team", "play"]
