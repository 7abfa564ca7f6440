"""A small organisation for tests: two teams, two past quarters and one under way, and no capacity declared.

All of it is made up, from a seed: late and corrected check-ins, a target cut, a stale owner, a KPI dressed up.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from koers.engine.draws import normal, uniform
from koers.events.model import (
    CheckedIn,
    CheckInCorrected,
    CycleClosed,
    CycleOpened,
    Data,
    Direction,
    Event,
    KeyResultRetargeted,
    KeyResultSet,
    Kind,
    KpiDefined,
    ObjectiveSet,
    OutcomeRecorded,
    TeamFormed,
)

SEED = 2026
AS_OF = date(2026, 11, 13)
NAMESPACE = uuid.UUID("5b0c7c1e-0d7e-5c8a-9b57-6b6f65727321")
CYCLES = {
    "2026-Q2": (date(2026, 4, 1), date(2026, 6, 30)),
    "2026-Q3": (date(2026, 7, 1), date(2026, 9, 30)),
    "2026-Q4": (date(2026, 10, 1), date(2026, 12, 31)),
}
TEAMS = {"intake": "Intake and care", "platform": "Platform"}


class Objective(NamedTuple):
    """An objective of the demo."""

    name: str
    team: str
    title: str
    why: str


class Goal(NamedTuple):
    """A key result of the demo; `end` is the share of the way its owner would make without noise, `late` bends it."""

    name: str
    objective: str
    owner: str
    title: str
    unit: str
    kind: Kind
    direction: Direction
    baseline: float | None
    target: float
    end: float
    late: float = 1.0
    digits: int = 1
    lower: float | None = None


OBJECTIVES = {
    "2026-Q2": (
        Objective(
            "q2-start", "intake", "Clients know where they stand", "Half of all calls ask: how far is my request?"
        ),
        Objective("q2-base", "platform", "A release is no event any more", "Teams wait for release days."),
    ),
    "2026-Q3": (
        Objective("q3-start", "intake", "A request is handled without calling", "Calls grew by a third in two years."),
        Objective("q3-base", "platform", "Systems that wake nobody", "Two engineers left after a summer of nights."),
    ),
    "2026-Q4": (
        Objective("q4-start", "intake", "Clients are helped the first time", "Every second call is a repeat."),
        Objective("q4-base", "platform", "Teams ship without asking us", "Half our week goes to requests by others."),
    ),
}

GOALS = {
    "2026-Q2": (
        Goal("q2-calls", "q2-start", "Anouk", "Calls that ask for status, per week", "calls", "metric", "decrease", 420, 300, 1.1, 1, 0),
        Goal("q2-portal", "q2-start", "Bram", "Requests that show their status", "%", "metric", "increase", 15, 80, 0.75),
        Goal("q2-letters", "q2-start", "Anouk", "Letters rewritten in plain language", "letters", "milestone", "increase", 0, 12, 0.6, 1, 0),
        Goal("q2-deploys", "q2-base", "Chantal", "Deployments per week", "deploys", "metric", "increase", 4, 20, 1.15, 1, 0),
        Goal("q2-lead", "q2-base", "Daan", "Median lead time of a change", "days", "metric", "decrease", 9, 3, 0.8),
        Goal("q2-tests", "q2-base", "Chantal", "Journeys under automatic test", "journeys", "metric", "increase", 10, 40, 0.9, 1.8, 0),
    ),
    "2026-Q3": (
        Goal("q3-first", "q3-start", "Anouk", "Requests complete at first sight", "%", "metric", "increase", 38, 60, 0.7),
        Goal("q3-digital", "q3-start", "Bram", "Requests that come in digitally", "%", "metric", "increase", 52, 75, 1.05),
        Goal("q3-pilot", "q3-start", "Bram", "Pilot with two municipalities runs", "done", "binary", "increase", 0, 1, 1.2, 1, 0),
        Goal("q3-nights", "q3-base", "Daan", "Night calls per month", "calls", "metric", "decrease", 22, 8, 0.85, 1, 0),
        Goal("q3-restore", "q3-base", "Chantal", "Services restored in a drill", "services", "milestone", "increase", 0, 10, 0.95, 2.2, 0),
        Goal("q3-alerts", "q3-base", "Daan", "Alerts that need no action", "%", "metric", "decrease", 64, 25, 0.55),
    ),
    "2026-Q4": (
        Goal("q4-repeat", "q4-start", "Anouk", "Calls that are repeats", "%", "metric", "decrease", 48, 30, 0.95),
        Goal("q4-chat", "q4-start", "Bram", "Questions answered by chat", "%", "metric", "increase", 5, 35, 0.5),
        Goal("q4-train", "q4-start", "Esra", "Colleagues trained in first-time-right", "people", "milestone", "increase", 0, 24, 1.0, 2.3, 0),
        Goal("q4-answer", "q4-start", "Esra", "Phone answered within a minute", "%", "control", "maintain_above", None, 0.9, 0, 1, 0, 80),
        Goal("q4-selfserve", "q4-base", "Chantal", "Teams that deploy on their own", "teams", "metric", "increase", 2, 9, 0.9, 1, 0),
        Goal("q4-requests", "q4-base", "Daan", "Requests to the platform per week", "requests", "metric", "decrease", 60, 25, 0.65, 1, 0),
        Goal("q4-catalogue", "q4-base", "Daan", "Service catalogue is live", "done", "binary", "increase", 0, 1, 0.6, 1, 0),
        Goal("q4-docs", "q4-base", "Fleur", "Guides written by their users", "guides", "milestone", "increase", 0, 15, 0.4, 1, 0),
    ),
}  # fmt: skip

STALE = ("q4-docs", date(2026, 10, 20))
LATE = "q4-selfserve"
CORRECTED = ("q4-repeat", date(2026, 10, 23), "Holiday week was counted twice")
CUT = ("q3-alerts", date(2026, 8, 17), 40.0, "Two months were lost to the data centre move")


def demo_events(seed: int = SEED) -> list[Event]:
    """The demo organisation's events in the order of their recording; the same seed gives the same events."""
    found = sorted(_all(seed), key=lambda event: event.recorded_at)
    return [event for event in found if event.recorded_at.date() <= AS_OF]


def _all(seed: int) -> Iterator[Event]:
    founded = CYCLES["2026-Q2"][0]
    for team, title in TEAMS.items():
        yield _event(f"team/{team}", founded, TeamFormed(title=title))
    yield _event(
        "kpi/answer-minute",
        founded,
        KpiDefined(title="Phone answered within a minute", team="intake", unit="%", lower=80.0),
    )
    for cycle, (start, end) in CYCLES.items():
        yield _event(f"cycle/{cycle}", start, CycleOpened(start=start, end=end))
        for objective in OBJECTIVES[cycle]:
            said = ObjectiveSet(title=objective.title, why=objective.why, team=objective.team, cycle=cycle)
            yield _event(f"objective/{objective.name}", start, said)
        teams = {objective.name: objective.team for objective in OBJECTIVES[cycle]}
        for goal in GOALS[cycle]:
            yield from _life(seed, goal, teams[goal.objective], cycle)
        yield _event(f"cycle/{cycle}", end + timedelta(days=2), CycleClosed())


def _life(seed: int, goal: Goal, team: str, cycle: str) -> Iterator[Event]:
    start, due = CYCLES[cycle]
    yield _event(
        f"kr/{goal.name}",
        start,
        KeyResultSet(
            title=goal.title,
            objective=goal.objective,
            team=team,
            owner=goal.owner,
            cycle=cycle,
            unit=goal.unit,
            kind=goal.kind,
            direction=goal.direction,
            baseline=goal.baseline,
            target=goal.target,
            start=start,
            due=due,
            lower=goal.lower,
        ),
    )
    if goal.name == CUT[0]:
        yield _event(f"kr/{goal.name}", CUT[1], KeyResultRetargeted(target=CUT[2]), note=CUT[3])
    value = 0.0
    for week, day in enumerate(_fridays(start, due)):
        value = _value(seed, goal, week, (day - start) / (due - start))
        yield from _check_in(seed, goal, week, day, value)
    if goal.kind != "control":
        yield _event(f"kr/{goal.name}", due, OutcomeRecorded(value=value), recorded=due + timedelta(days=1))


def _check_in(seed: int, goal: Goal, week: int, day: date, value: float) -> Iterator[Event]:
    """One weekly check-in with what goes wrong: forgotten, late, stale or mistaken."""
    if uniform(seed, "forgotten", goal.name, week) < 0.08 or (goal.name == STALE[0] and day > STALE[1]):
        return
    late = 4 if goal.name == LATE and week % 3 == 2 else 0
    subject, recorded = f"kr/{goal.name}", day + timedelta(days=late)
    said = round(min(max(0.75 + 0.25 * (goal.end - 0.9) + 0.1 * normal(seed, "mood", goal.name, week), 0.05), 0.95), 2)
    wrong = goal.name == CORRECTED[0] and day == CORRECTED[1]
    first = _event(subject, day, CheckedIn(value=value * 0.8 if wrong else value, confidence=said), recorded=recorded)
    yield first
    if wrong:
        right = CheckInCorrected(corrects=first.id, value=value, confidence=said)
        yield _event(subject, day, right, recorded=day + timedelta(days=5), note=CORRECTED[2])


def _value(seed: int, goal: Goal, week: int, elapsed: float) -> float:
    """The reading of a week: the owner's way, bent and shaken; counts are whole, binary ones all or nothing."""
    if goal.lower is not None:
        return round(goal.lower + 4.0 + 3.0 * normal(seed, "level", goal.name, week), goal.digits)
    steps = [normal(seed, "step", goal.name, past) for past in range(week + 1)]
    x: float = goal.end * elapsed**goal.late + 0.04 * sum(steps)
    if goal.kind == "binary":
        return 1.0 if x >= 1.0 else 0.0
    if goal.kind == "milestone":
        x = max(x, 0.0)
    base = goal.baseline or 0.0
    return round(base + x * (goal.target - base), goal.digits)


def _fridays(start: date, due: date) -> Iterator[date]:
    day = start + timedelta(days=(4 - start.weekday()) % 7)
    while day <= due:
        yield day
        day += timedelta(days=7)


def _event(subject: str, day: date, data: Data, *, recorded: date | None = None, note: str | None = None) -> Event:
    at = datetime.combine(recorded or day, time(16, 0), UTC)
    name = uuid.uuid5(NAMESPACE, f"{subject} {data.type} {day} {at}")
    return Event(id=str(name), subject=subject, effective_on=day, recorded_at=at, actor="demo", data=data, note=note)
