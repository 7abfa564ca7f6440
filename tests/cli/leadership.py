"""Facts for pages for leadership: of logs with and without capacity, and of worlds with hostile text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar

from koers.cli.report.facts import Facts, gather, movers
from koers.cli.report.leadership import leadership_page
from koers.engine.explained import Explanation, Part
from koers.engine.forecast import Chances, Forecast
from koers.engine.replay import typed
from koers.events.log import open_log
from koers.events.model import (
    AbsencePlanned,
    CapacitySet,
    CheckedIn,
    Event,
    KeyResultSet,
    KpiDefined,
    KpiObserved,
    ObjectiveSet,
    TeamFormed,
    end_of,
)
from koers.scenarios.model import RunDemand, Scenario
from tests.cli.world import DUE, START, event

T = TypeVar("T")
NOTHING = "No key result was under way."
TODAY = date(2026, 11, 24)
SAMPLES = 200
SOON = START + timedelta(days=16)


def facts_of(events: Iterable[Event], as_of: date = TODAY, scenarios: Sequence[Scenario] = ()) -> Facts:
    """What is to be said of these events, roughly."""
    rows = [one.model_copy(update={"position": n}) for n, one in enumerate(events, 1)]
    notes = {n: one.note for n, one in enumerate(rows, 1) if one.note}
    return gather(typed(rows), as_of, end_of(as_of), scenarios, notes, samples=SAMPLES, seed=0)


def facts_of_log(path: Path, scenarios: Sequence[Scenario] = ()) -> Facts:
    """What is to be said of a log, roughly."""
    with open_log(path) as log:
        rows, day = list(log.rows()), log.as_of or TODAY
    notes = {row.position: row.note for row in rows if row.note}
    return gather(typed(rows), day, end_of(day), scenarios, notes, samples=SAMPLES, seed=0)


def page_of(facts: Facts) -> str:
    return leadership_page(facts, "0.1.0", NOTHING)


def explained(facts: Facts, text: str = "Checked in at 20") -> Facts:
    """The same facts with an explanation of each key result that moved, made by hand."""
    found = {}
    for item, was in facts.moved:
        delta = item.probability - was
        parts = (
            Part("check-in", text, facts.forecast.as_of, 1.5 * delta),
            Part("time", "A week went by", None, -delta / 2),
        )
        week = facts.weeks[0].as_of, facts.forecast.as_of
        found[item.key_result] = Explanation(item.key_result, *week, was, item.probability, parts)
    return replace(facts, explanations=found)


def many(facts: Facts, count: int) -> Facts:
    """So many key results: copies of those in `facts`, in copies of their objectives."""
    rounds = range(-(-count // len(facts.forecast.key_results)))

    def copies(of: Forecast) -> Forecast:
        named = [
            replace(item, key_result=f"{item.key_result} {n}", objective=f"{item.objective} {n}")
            for n in rounds
            for item in of.key_results
        ]
        return replace(of, key_results=tuple(named[:count]), overall=None)

    def spread(known: Mapping[str, T]) -> dict[str, T]:
        return {f"{name} {n}": value for n in rounds for name, value in known.items()}

    now = copies(facts.forecast)
    weeks = tuple(Chances(week.as_of, spread(week.probability)) for week in facts.weeks)
    return replace(
        facts,
        forecast=now,
        weeks=weeks,
        moved=movers(now, weeks),
        fans=spread(facts.fans),
        goals=spread(facts.goals),
        objectives=spread(facts.objectives),
        readings=spread(facts.readings),
    )


def hostile(texts: Sequence[str]) -> Facts:
    """A staffed organisation in which every field that takes text holds one of `texts`, each in turn."""
    return explained(facts_of(hostile_events(texts), SOON, [hostile_scenario(texts)]), texts[0])


def hostile_scenario(texts: Sequence[str]) -> Scenario:
    """A scenario of that organisation, with such a name and reason."""
    return Scenario(name=texts[0], why=texts[-1], lever=(RunDemand(team=f"{texts[0][:150]}0", factor=3.0),))


def hostile_events(texts: Sequence[str]) -> list[Event]:
    """The events of that organisation."""
    return [part for n, text in enumerate(texts) for part in _hostile(n, text, texts[n - 1])]


def _hostile(n: int, text: str, parent: str) -> list[Event]:
    """An objective with a key result, its team, its guardrail and its check-ins, all called `text`."""
    key = f"{text[:150]}{n}"
    goal = KeyResultSet(
        title=text,
        objective=key,
        team=key,
        owner=text,
        cycle="2026-Q4",
        unit=text,
        kind="metric",
        direction="increase",
        baseline=0.0,
        target=10.0,
        start=START,
        due=DUE,
    )
    upper = KpiDefined(title=text, team=key, unit="backlog days per person", upper=1.0)
    return [
        event(f"team/{key}", START, TeamFormed(title=text)),
        event(
            f"objective/{key}",
            START,
            ObjectiveSet(title=text, why=text, team=key, cycle="2026-Q4", parent=f"{parent[:150]}up"),
        ),
        event(f"kr/{key}", START, goal),
        event(f"team/{key}", START, CapacitySet(people=4.0)),
        event(f"team/{key}", date(2026, 12, 1), AbsencePlanned(until=date(2026, 12, 4), days=2.0)),
        event(f"kpi/{key}", START, upper),
        *(event(f"kpi/{key}", START + timedelta(weeks=week), KpiObserved(value=0.5)) for week in range(2)),
        *(
            event(f"kr/{key}", START + timedelta(days=3 * visit), CheckedIn(value=visit**2 / 10 * (1 + n % 3)), text)
            for visit in range(1, 6)
        ),
    ]
