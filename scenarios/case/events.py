"""The case as events: what a mid-sized Dutch organisation recorded in two years and a half quarter.

All of it is made up, from a seed. `koers.scenarios.case.story` says what to look for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from koers.engine.draws import uniform
from koers.engine.known_model import Point
from koers.events import model
from koers.events.model import Event
from koers.scenarios.case import story
from koers.scenarios.case.duties import duties
from koers.scenarios.case.goals import PARENTS, PAST, RUNNING, Goal, Objective
from koers.scenarios.case.organisation import AS_OF, CYCLES, FIRST, NOW, SEED, TEAMS
from koers.scenarios.case.progress import Effort, confidence, path, value
from koers.scenarios.case.recorded import at, event
from koers.scenarios.case.running import Ran, ran, usual

__all__ = ["AS_OF", "SEED", "case_events"]

FORGOTTEN, CONFIDENT, PROJECTED = 0.07, 0.8, 0.3  # shares of check-ins
WRONG = 0.85  # of its value a check-in that is corrected later says
INSIDE = 0.9


def case_events(seed: int = SEED) -> list[Event]:
    """The events of the case in the order of their recording, up to AS_OF; the same seed, the same events."""
    worked = {team: ran(seed, team, CYCLES[NOW][1]) for team in TEAMS}
    found = [event for event in _all(seed, worked) if event.recorded_at.date() <= AS_OF]
    return sorted(found, key=lambda event: (event.recorded_at, event.subject, event.effective_on))


def _all(seed: int, worked: dict[str, Ran]) -> Iterator[Event]:
    for team, about in TEAMS.items():
        yield event(f"team/{team}", FIRST, model.TeamFormed(title=about.title), at(FIRST, 8))
        yield from duties(seed, team, worked[team])
    yield from _years()
    for cycle, (start, end) in CYCLES.items():
        closed = end + timedelta(days=6)
        yield event(f"cycle/{cycle}", start, model.CycleOpened(start=start, end=end), at(start, 7))
        yield event(f"cycle/{cycle}", closed, model.CycleClosed(), at(closed, 17))
    for objective in (*PAST, *RUNNING):
        yield from _objective(objective)
        own = worked[objective.team]
        for goal in objective.goals:
            yield from _life(seed, goal, objective, _effort(objective.team, own))


def _years() -> Iterator[Event]:
    for year in ("2025", "2026"):
        start, end = date(int(year), 1, 1), date(int(year), 12, 31)
        yield event(f"cycle/{year}", start, model.CycleOpened(start=start, end=end), at(start, 7))
    for name, (year, team, title, why) in PARENTS.items():
        start = date(int(year), 1, 1)
        said = model.ObjectiveSet(title=title, why=why, team=team, cycle=year)
        yield event(f"objective/{name}", start, said, at(start, 8))


def _objective(own: Objective) -> Iterator[Event]:
    start = CYCLES[own.cycle][0]
    said = model.ObjectiveSet(
        title=own.title,
        why=own.why,
        team=own.team,
        cycle=own.cycle,
        ambition=own.ambition,
        parent=own.parent or None,
    )
    yield event(f"objective/{own.name}", start, said, at(start, 9))
    if own.parent:
        leads = PARENTS[own.parent][1] == own.team
        aligned = model.Aligned(parent=own.parent, relation="contributes" if leads else "supports")
        yield event(f"objective/{own.name}", start, aligned, at(start, 9))


def _effort(team: str, worked: Ran) -> Effort:
    return lambda after, until: worked.change(after, until) / usual(team)


def _life(seed: int, goal: Goal, objective: Objective, effort: Effort) -> Iterator[Event]:
    start, due = CYCLES[objective.cycle]
    subject = f"kr/{goal.name}"
    yield event(subject, start, _set(goal, objective), at(start, 10))
    points = path(seed, goal, start, due, _fridays(start, due), effort)
    ends = {name: (day, note) for name, day, note in story.DROPPED}
    dropped, why = ends.get(goal.name, (date.max, None))
    targets = [(start, goal.target)]
    for name, day, target, note in (story.CUT, *story.EASED):
        if name == goal.name:
            targets.append((day, target))
            yield event(subject, day, model.KeyResultRetargeted(target=target), at(day, 15), note)
    for point in points:
        n = (point.day - start).days
        if point.day.weekday() == 4 and point.day < dropped:
            target = [t for day, t in targets if day <= point.day][-1]
            yield from _check_in(seed, goal, point, n, (target - goal.baseline) / (goal.target - goal.baseline))
    if dropped < date.max:
        yield event(subject, dropped, model.KeyResultDropped(), at(dropped, 11), why)
    elif goal.kind != "control":
        days = 1 + int(5 * uniform(seed, "case outcome", goal.name))
        ended = model.OutcomeRecorded(value=value(seed, goal, points[-1], (due - start).days))
        yield event(subject, due, ended, at(due + timedelta(days=days), 12))


def _set(goal: Goal, objective: Objective) -> model.KeyResultSet:
    start, due = CYCLES[objective.cycle]
    control = goal.kind == "control"
    return model.KeyResultSet(
        title=goal.title,
        objective=objective.name,
        team=objective.team,
        owner=goal.owner,
        cycle=objective.cycle,
        unit=goal.unit,
        kind=goal.kind,
        direction=goal.direction,
        baseline=None if control else float(goal.baseline),
        target=INSIDE if control else float(goal.target),
        start=start,
        due=due,
        lower=goal.lower,
    )


def _check_in(seed: int, goal: Goal, point: Point, n: int, target: float) -> Iterator[Event]:
    """A weekly check-in with what goes wrong: forgotten, late, mistaken and corrected, or taken back."""
    day, subject = point.day, f"kr/{goal.name}"
    told = (goal.name, day)
    wrong = {(name, on): why for name, on, why in story.CORRECTED}
    kept = told in wrong or told in story.SAID or told == story.RETRACTED[:2]
    if (goal.name == story.STALE[0] and day > story.STALE[1]) or (
        not kept and uniform(seed, "case forgotten", goal.name, n) < FORGOTTEN
    ):
        return
    late = 1 + int(6 * uniform(seed, "case days late", goal.name, n)) if _is_late(seed, goal, n) else 0
    recorded, right = day + timedelta(days=late), value(seed, goal, point, n)
    said = _opinion(seed, goal, point, n, target)
    reported = round(right * WRONG, goal.digits) if told in wrong else right
    first = event(subject, day, model.CheckedIn(value=reported, **said), at(recorded, 16), story.SAID.get(told))
    yield first
    if told in wrong:
        better = model.CheckInCorrected(corrects=first.id, value=right, **said)
        yield event(subject, day, better, at(recorded + timedelta(days=5), 11), wrong[told])
    if told == story.RETRACTED[:2]:
        back = day + timedelta(days=3)
        yield event(subject, back, model.EventRetracted(retracts=first.id), at(back, 9), story.RETRACTED[2])


def _is_late(seed: int, goal: Goal, n: int) -> bool:
    return uniform(seed, "case late", goal.name, n) < (0.5 if goal.name in story.LATE else 0.04)


def _opinion(seed: int, goal: Goal, point: Point, n: int, target: float) -> dict[str, Any]:
    """What the owner says: a confidence, and the final value that goes with it, or neither."""
    if goal.kind == "control":
        return {}
    sure = confidence(seed, goal, point, target, n)
    found: dict[str, Any] = {}
    if uniform(seed, "case confident", goal.name, n) < CONFIDENT:
        found["confidence"] = sure
    if goal.kind != "binary" and uniform(seed, "case projects", goal.name, n) < PROJECTED:
        expected = target + point.scale * (2 * sure - 1)
        found["projection"] = value(seed, goal, point._replace(x=expected), n)
    return found


def _fridays(start: date, due: date) -> list[date]:
    first = start + timedelta(days=1 + (3 - start.weekday()) % 7)
    return [first + timedelta(weeks=n) for n in range((due - first).days // 7 + 1)]
