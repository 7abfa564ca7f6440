"""The reference organisation of the benchmarks: 20 teams, 100 key results, 65 mornings ahead, mixed policies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from koers.events.model import (
    CapacitySet,
    CheckedIn,
    CycleOpened,
    Event,
    KeyResultSet,
    KpiDefined,
    Payload,
    PolicySet,
    TeamFormed,
    end_of,
)

AS_OF = date(2025, 9, 29)
QUARTERS = ((date(2025, 6, 30), date(2025, 9, 26)), (date(2025, 9, 27), date(2025, 12, 31)))
POLICIES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("run_first", {}),
    ("ring_fence", {"share": 0.3}),
    ("fixed_split", {"share": 0.4}),
    ("buffer", {"share": 0.4, "days": 3}),
    ("threshold", {"share": 0.4, "upper": 2, "lower": 1}),
    ("rotation", {"people": 4}),
)


def events(teams: int = 20, each: int = 5, seed: int = 1) -> list[Event]:
    """A log: two quarters of key results, weekly check-ins in the first, capacity and a policy for each team."""
    return list(_events(teams, each, np.random.default_rng(seed)))


def _events(teams: int, each: int, rng: np.random.Generator) -> Iterator[Event]:
    count = 0

    def event(subject: str, day: date, data: Payload) -> Event:
        nonlocal count
        count += 1
        at = min(end_of(day), datetime(2025, 9, 29, 12, tzinfo=UTC))
        return Event(id=f"e{count}", subject=subject, effective_on=day, recorded_at=at, actor="benchmark", data=data)  # type: ignore[arg-type]

    for q, (start, due) in enumerate(QUARTERS):
        yield event(f"cycle/q{q}", start, CycleOpened(start=start, end=due))
    for t in range(teams):
        team, first = f"team-{t:04}", QUARTERS[0][0]
        policy, parameters = POLICIES[t % len(POLICIES)]
        yield event(f"team/{team}", first, TeamFormed())
        yield event(f"team/{team}", first, CapacitySet(people=float(rng.integers(5, 10))))
        yield event(f"team/{team}", first, PolicySet(policy=policy, parameters=json.loads(json.dumps(parameters))))  # type: ignore[arg-type]
        rail = KpiDefined(title="Waiting", team=team, unit="backlog days per person", upper=4.0)
        yield event(f"kpi/wait-{t:04}", first, rail)
        for q, (start, due) in enumerate(QUARTERS):
            for n in range(each):
                yield from _goal(event, rng, f"kr-{t:04}-{q}-{n}", team, f"q{q}", start, due)


def _goal(
    event: Callable[[str, date, Payload], Event],
    rng: np.random.Generator,
    name: str,
    team: str,
    cycle: str,
    start: date,
    due: date,
) -> Iterator[Event]:
    data = KeyResultSet(
        title=name,
        team=team,
        cycle=cycle,
        unit="count",
        kind="metric",
        direction="increase",
        baseline=0.0,
        target=100.0,
        start=start,
        due=due,
    )
    yield event(f"kr/{name}", start, data)
    value = 0.0
    for week in range(1, (min(due, AS_OF) - start).days // 7 + 1):
        value += float(rng.normal(7.0, 4.0))
        yield event(f"kr/{name}", start + timedelta(weeks=week), CheckedIn(value=value))
