"""The events of running the business: who is there, what was decided, what came in and what it took."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from koers.engine.draws import normal, uniform
from koers.engine.mornings import number_of
from koers.events import model
from koers.events.model import Event
from koers.scenarios.case.organisation import (
    AS_OF,
    CYCLES,
    FIRST,
    HIRE,
    INITIATIVES,
    KPIS,
    LEAVES,
    LOGGED_SINCE,
    MOVES,
    RAIL,
    RAIL_SET,
    RULES,
    TEAMS,
    TICKETED,
    Initiative,
    Kpi,
)
from koers.scenarios.case.recorded import at, event
from koers.scenarios.case.running import Ran

LOGGED = 0.95  # share of weeks whose effort is logged
SIZED = 0.92  # of items whose effort is told when they are closed


def duties(seed: int, team: str, worked: Ran) -> Iterator[Event]:
    """Everything recorded of a team but its key results."""
    yield from _capacity(team)
    yield from _policies(team)
    yield from _efforts(seed, team, worked)
    if team in TICKETED:
        yield from _items(seed, team, worked)
    for kpi in KPIS:
        if kpi.team == team:
            yield from _kpi(seed, kpi, worked)
    for planned in INITIATIVES:
        if planned.team == team:
            yield from _initiative(planned)


def _capacity(team: str) -> Iterator[Event]:
    """People, moves between teams, and leave; all of it known before it holds."""
    subject = f"team/{team}"
    yield event(subject, FIRST, model.CapacitySet(people=TEAMS[team].people), at(FIRST, 8))
    if HIRE.team == team:
        yield event(subject, HIRE.since, model.CapacitySet(people=HIRE.people), at(HIRE.recorded, 15), HIRE.note)
    for move in MOVES:
        if move.team == team:
            said = model.CapacityMoved(people=move.people, to=move.to, to_team=move.to_team)
            yield event(subject, move.since, said, at(move.since - timedelta(days=4), 15), move.note)
    for leave in LEAVES:
        away = model.AbsencePlanned(until=leave.until, days=leave.days * TEAMS[team].people)
        yield event(subject, leave.since, away, at(leave.recorded, 11))


def _policies(team: str) -> Iterator[Event]:
    for rule in RULES:
        if rule.team == team:
            known = max(FIRST, rule.since - timedelta(days=rule.notice))
            said = model.PolicySet(policy=rule.policy, parameters=rule.parameters)
            yield event(f"team/{team}", rule.since, said, at(known, 9), rule.note)


def _efforts(seed: int, team: str, worked: Ran) -> Iterator[Event]:
    """What was spent in a week, logged on the Monday after, a few days later, or not at all."""
    for monday, (run, change) in worked.weeks().items():
        if monday < LOGGED_SINCE or uniform(seed, "case logged", team, number_of(monday)) >= LOGGED:
            continue
        late = int(4 * uniform(seed, "case logged on", team, number_of(monday)) ** 3)
        said = model.EffortLogged(run_days=round(2 * run) / 2, change_days=round(2 * change) / 2)
        yield event(f"team/{team}", monday, said, at(monday + timedelta(days=7 + late), 10))


def _items(seed: int, team: str, worked: Ran) -> Iterator[Event]:
    """Run work as it arrives and is closed."""
    for key, opened, closed, effort in worked.items:
        if opened < TICKETED[team]:
            continue
        yield event(f"item/{key}", opened, model.RunWorkArrived(team=team), at(opened, 9))
        if closed is not None:
            took = effort if uniform(seed, "case sized", key) < SIZED else None
            yield event(f"item/{key}", closed, model.RunWorkDone(effort_days=took), at(closed, 17))


def _kpi(seed: int, kpi: Kpi, worked: Ran) -> Iterator[Event]:
    subject = f"kpi/{kpi.name}"
    said = model.KpiDefined(title=kpi.title, team=kpi.team, unit=kpi.unit, lower=kpi.lower, upper=kpi.upper)
    yield event(subject, FIRST, said, at(FIRST, 11))
    if kpi.name == RAIL:
        day, upper, why = RAIL_SET
        yield event(subject, day, model.GuardrailSet(upper=upper), at(day, 11), why)
    for day, measured in _waiting(worked) if kpi.level == 0 else _monthly(seed, kpi):
        yield event(subject, day, model.KpiObserved(value=measured), at(day, 18))


def _waiting(worked: Ran) -> Iterator[tuple[date, float]]:
    """Backlog per person on the last morning of each week."""
    days = {m.day for m in worked.mornings}
    for m in worked.mornings:
        friday = m.day + timedelta(days=4 - m.day.weekday())
        last = not any(m.day < day <= friday for day in days & {m.day + timedelta(days=n) for n in range(1, 5)})
        if last and LOGGED_SINCE <= m.day <= AS_OF:
            yield m.day, round(m.backlog / m.people, 2)


def _monthly(seed: int, kpi: Kpi) -> Iterator[tuple[date, float]]:
    """On the last day of a month."""
    day = CYCLES["2025-Q1"][0]
    while day <= AS_OF:
        day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        last = day - timedelta(days=1)
        level = kpi.level + kpi.spread * normal(seed, "case kpi", kpi.name, number_of(last))
        if last <= AS_OF:
            yield last, round(min(level, 100.0), kpi.digits) if kpi.unit == "%" else round(level, kpi.digits)


def _initiative(own: Initiative) -> Iterator[Event]:
    """A plan, its estimates, and what became of it."""
    subject, (low, mode, high) = f"initiative/{own.name}", own.estimate
    plan = model.InitiativePlanned(
        title=own.title,
        team=own.team,
        key_result=own.key_result,
        low=low,
        mode=mode,
        high=high,
        impact=own.impact,
        lag=own.lag,
        depends_on=own.needs,
    )
    yield event(subject, own.planned, plan, at(own.planned, 13))
    if own.again is not None:
        day, (low, mode, high) = own.again
        yield event(subject, day, model.InitiativeEstimated(low=low, mode=mode, high=high), at(day, 13))
    if own.started is not None:
        yield event(subject, own.started, model.InitiativeStarted(), at(own.started, 13))
    if own.finished is not None:
        yield event(subject, own.finished, model.InitiativeFinished(), at(own.finished, 16))
    if own.dropped is not None:
        yield event(subject, own.dropped, model.InitiativeDropped(), at(own.dropped, 16))
