"""A synthetic log from a known model: what is told of what happens, and what goes wrong on the way.

Check-ins are late, forgotten, corrected, or in steps; targets are cut; outcomes are missing. What owners say is known,
too: the chance of reaching the target is worked out from the path as they see it, and run high by `bias`. With
`work`, run work arrives and is done, and what was spent on run and change is logged week by week; `truths` is what
such a log should teach.

Every draw is named by the seed, its purpose, the key of the key result and the day, so a further team or cycle moves
nothing else.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from scipy import special

from koers.engine import known_work
from koers.engine.draws import normal, uniform
from koers.engine.known_model import MEASURES, METRICS, Measure, Point, Settings, path
from koers.engine.known_work import Told, Truth, Work, truth
from koers.engine.local_trend import Floats
from koers.engine.mornings import number_of
from koers.events import model
from koers.events.model import Event

__all__ = ["MEASURES", "METRICS", "Measure", "Settings", "Work", "run_work", "simulate", "truths"]

NAMESPACE = uuid.UUID("0e0f4c5a-5a54-5d0c-8e3b-6b6f65727322")
STEP = 0.25  # of the way: what a lumpy key result reports in
SUREST = 0.99  # an owner is never surer, nor of the contrary
CUT = (0.4, 0.8)  # a new target lies between these shares of the way that is left
ERROR = 0.3  # of the way: spread of a value that is corrected later
INSIDE = 0.9  # share of days that a control key result asks for
AMBITIONS: tuple[model.Ambition, ...] = ("aspirational", "committed")
OWNERS = 3  # per team
EASIER = ("metric", "milestone")  # kinds whose target may be cut
SAYS = {"confidence": "confident", "projection": "projected"}


def simulate(settings: Settings, seed: int) -> list[Event]:
    """The events of a made-up organisation in order of recording, up to `settings.as_of`; the same seed, the same log.

    What happens to a team in a cycle does not depend on other teams, nor on how many cycles there are.
    """
    until = settings.as_of
    found = [event for event in _all(settings, seed) if event.recorded_at.date() <= until]
    return sorted(found, key=lambda event: (event.recorded_at, event.subject, event.effective_on))


def truths(settings: Settings, seed: int) -> dict[str, Truth]:
    """What the log of this seed should teach of each team's run work and of effort; empty without `work`."""
    return {} if settings.work is None else {team: truth(settings.work, seed, team) for team in settings.teams}


def run_work(settings: Settings, seed: int) -> pl.DataFrame:
    """The run work in the log of this seed as of its end, in the columns of `work.run_work`, without going through one.

    Columns: item, team, opened, closed (null while open), effort_days (null while open, or where it is not told).
    """
    rows = []
    for team, told in _told(settings, seed).items():
        for item in told.items:
            closed = item.closed if item.closed is not None and item.closed <= settings.as_of else None
            known = closed is not None and _is_sized(settings, seed, item.key)
            rows.append((item.key, team, item.opened, closed, item.effort if known else None))
    schema = {"item": pl.String, "team": pl.String, "opened": pl.Date, "closed": pl.Date, "effort_days": pl.Float64}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    return table.filter(pl.col("opened") <= settings.as_of).sort("item")


def _told(s: Settings, seed: int) -> dict[str, Told]:
    """Each team's work up to the end of the last cycle; of no team without `work`."""
    if s.work is None:
        return {}
    until = s.cycle_days(s.cycles - 1)[1]
    return {team: known_work.told(s.work, seed, team, s.first_day, until) for team in s.teams}


def _is_sized(s: Settings, seed: int, item: str) -> bool:
    return s.work is not None and uniform(seed, "sized", item) < s.work.sized


def _all(s: Settings, seed: int) -> Iterator[Event]:
    work = _told(s, seed)
    for team in s.teams:
        yield _event(seed, f"team/{team}", s.first_day, model.TeamFormed(title=team), _at(s.first_day, 8))
        if team in work:
            yield from _capacity(s, seed, team, work[team])
            yield from _items(s, seed, team, work[team])
            yield from _efforts(s, seed, team, work[team])
    for nth in range(s.cycles):
        start, due = s.cycle_days(nth)
        cycle, closed = f"cycle-{nth + 1:02d}", due + timedelta(days=5)
        yield _event(seed, f"cycle/{cycle}", start, model.CycleOpened(start=start, end=due), _at(start, 7))
        yield _event(seed, f"cycle/{cycle}", closed, model.CycleClosed(), _at(closed, 20))
        for team in s.teams:
            name, title = f"{team}-{cycle}", f"What {team} changes in {cycle}"
            ambition = AMBITIONS[uniform(seed, "ambition", name) < 0.5]
            said = model.ObjectiveSet(title=title, team=team, cycle=cycle, ambition=ambition)
            yield _event(seed, f"objective/{name}", start, said, _at(start, 9))
            change = work[team].change(start, due) if team in work else None
            for number in range(s.key_results):
                yield from _Life(s, seed, f"{name}-{number + 1}", team, cycle, start, due, change).events()


def _capacity(s: Settings, seed: int, team: str, told: Told) -> Iterator[Event]:
    """Who is there and how mornings are divided, known before the first of them."""
    day = known_work.monday_of(s.first_day)
    yield _event(seed, f"team/{team}", day, model.CapacitySet(people=told.truth.people), _at(day, 6))
    if s.work is not None and s.work.policy.kind != "run_first":
        said = model.PolicySet.model_validate(
            {"policy": s.work.policy.kind, "parameters": {"share": s.work.policy.share}}
        )
        yield _event(seed, f"team/{team}", day, said, _at(day, 6))


def _items(s: Settings, seed: int, team: str, told: Told) -> Iterator[Event]:
    """Run work as it arrives and is closed."""
    for key, opened, closed, effort in told.items:
        yield _event(seed, f"item/{key}", opened, model.RunWorkArrived(team=team), _at(opened, 9))
        if closed is not None:
            done = model.RunWorkDone(effort_days=effort if _is_sized(s, seed, key) else None)
            yield _event(seed, f"item/{key}", closed, done, _at(closed, 17))


def _efforts(s: Settings, seed: int, team: str, told: Told) -> Iterator[Event]:
    """What was spent in a week, logged on the Monday after, or not at all."""
    for monday, (run, change) in told.weeks().items():
        if s.work is not None and uniform(seed, "logged", team, number_of(monday)) < s.work.logged:
            said = model.EffortLogged(run_days=round(run, 2), change_days=round(change, 2))
            yield _event(seed, f"team/{team}", monday, said, _at(monday + timedelta(days=7), 9))


class _Life(NamedTuple):
    """A key result from its start to its outcome."""

    s: Settings
    seed: int
    key: str
    team: str
    cycle: str
    start: date
    due: date
    change: Floats | None  # effort on each day of (start, due]

    def events(self) -> Iterator[Event]:
        """All that is recorded of it."""
        yield self._event(self.start, self._set(), _at(self.start, 10))
        points = path(self.s, self.seed, self.key, self.start, self.due, self.change)
        middle = next(point for point in points if 2 * (point.day - self.start) >= self.due - self.start)
        cut = self._cut(middle)
        if cut < 1:
            easier = model.KeyResultRetargeted(target=self._value(cut))
            yield self._event(middle.day, easier, _at(middle.day, 18), "Set too far")
        for point in points[:-1]:
            yield from self._check_in(point, cut if point.day > middle.day else 1.0)
        if self.measure.kind != "control" and self._draw("silent") >= self.s.silent:
            at = _at(self.due + timedelta(days=1 + int(3 * self._draw("outcome"))), 12)
            yield self._event(self.due, model.OutcomeRecorded(value=self._told(points[-1])), at)

    @property
    def measure(self) -> Measure:
        """What is measured."""
        return self.s.measures[int(self._draw("measure") * len(self.s.measures))]

    def _set(self) -> model.KeyResultSet:
        what = self.measure
        control = what.kind == "control"
        return model.KeyResultSet(
            title=what.title,
            objective=f"{self.team}-{self.cycle}",
            team=self.team,
            owner=f"{self.team}/{1 + int(OWNERS * self._draw('owner'))}",
            cycle=self.cycle,
            unit=what.unit,
            kind=what.kind,
            direction=what.direction,
            baseline=None if control else self._value(0.0),
            target=INSIDE if control else self._value(1.0),
            start=self.start,
            due=self.due,
            lower=what.lower,
            upper=what.upper,
            cadence=self.s.cadence,
        )

    def _cut(self, middle: Point) -> float:
        """Share of the way that the target lies at from mid-life on: 1, or less where it is cut for being behind."""
        behind = middle.x < 0.5 and middle.day < self.due and self.measure.kind in EASIER
        if not behind or self._draw("retargeted") >= self.s.retargeted:
            return 1.0
        return _between((max(middle.x, 0.0), 1.0), _between(CUT, self._draw("cut")))

    def _check_in(self, point: Point, target: float) -> Iterator[Event]:
        """One planned check-in with what goes wrong: forgotten, late, or mistaken and corrected."""
        n = (point.day - self.start).days
        if self._draw("forgotten", n) < self.s.forgotten:
            return
        late, wrong = self._draw("late", n) < self.s.late, self._draw("wrong", n) < self.s.wrong
        recorded = point.day + self._delay("late by", n) * late
        said, right = self._opinion(point, target), self._told(point)
        mistaken = point._replace(x=point.x + ERROR * normal(self.seed, "error", self.key, n))
        value = self._told(mistaken) if wrong else right
        first = self._event(point.day, model.CheckedIn(value=value, **said), _at(recorded, 16))
        yield first
        if wrong:
            better = model.CheckInCorrected(corrects=first.id, value=right, **said)
            yield self._event(point.day, better, _at(recorded + self._delay("corrected", n), 17), "Counted twice")

    def _opinion(self, point: Point, target: float) -> dict[str, Any]:
        """What the owner says: a confidence that runs high, and the final value that goes with it, or neither."""
        n = (point.day - self.start).days
        if self.measure.kind == "control":
            return {}
        sure = special.logit(np.clip(point.chance(target), 1 - SUREST, SUREST))
        sure = (sure - self.s.bias[0]) / self.s.bias[1] + self.s.mood * normal(self.seed, "mood", self.key, n)
        confidence = round(float(np.clip(special.expit(sure), 1 - SUREST, SUREST)), 2)
        expected = target + point.scale * float(special.ndtri(confidence))
        said = {"confidence": confidence, "projection": self._value(expected)}
        return {name: value for name, value in said.items() if self._draw(name, n) < getattr(self.s, SAYS[name])}

    def _told(self, point: Point) -> float:
        """The value that is reported: a count is not negative, steps are whole, a level shakes."""
        kind, x = self.measure.kind, point.x
        if kind == "control":
            return self._value(normal(self.seed, "level", self.key, (point.day - self.start).days))
        if kind == "binary":
            return float(x >= 1)
        if kind == "milestone":
            x = max(x, 0.0)
        return self._value(math.floor(x / STEP) * STEP if self._draw("lumpy") < self.s.lumpy else x)

    def _value(self, x: float) -> float:
        """Baseline and x times the way, in the key result's unit, rounded as it would be reported."""
        what = self.measure
        ends = (_between(what.baseline, self._draw("baseline")), _between(what.way, self._draw("way")))
        base, way = (round(end, what.digits) for end in ends)
        return float(round(base + x * way, what.digits))

    def _delay(self, purpose: str, n: int) -> timedelta:
        return timedelta(days=1 + int(2 * self.s.cadence * self._draw(purpose, n)))

    def _draw(self, purpose: str, *day: int) -> float:
        return uniform(self.seed, purpose, self.key, *day)

    def _event(self, day: date, data: model.Data, at: datetime, note: str | None = None) -> Event:
        return _event(self.seed, f"kr/{self.key}", day, data, at, note)


def _between(ends: tuple[float, float], share: float) -> float:
    return ends[0] + share * (ends[1] - ends[0])


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), UTC)


def _event(seed: int, subject: str, day: date, data: model.Data, at: datetime, note: str | None = None) -> Event:
    name = str(uuid.uuid5(NAMESPACE, f"{seed} {subject} {data.type} {day} {at}"))
    return Event(id=name, subject=subject, effective_on=day, recorded_at=at, actor="simulated", data=data, note=note)
