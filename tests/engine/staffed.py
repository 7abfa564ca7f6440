"""Logs of staffed teams: key results read each week over two cycles, and what a log says of people and run work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from koers.engine.coupled import Coupled, couple
from koers.engine.forecast import Forecast, forecast
from koers.engine.projections import goals, readings
from koers.engine.replay import typed, view
from koers.events.model import (
    AbsencePlanned,
    CapacityMoved,
    CapacitySet,
    EffortLogged,
    InitiativePlanned,
    KpiDefined,
    ObjectiveSet,
    Policy,
    PolicySet,
    RunWorkArrived,
    RunWorkDone,
    end_of,
)
from tests.engine.organisations import BINARY, Fact, Fields, check_in, day, fact, key_result, log_of

CYCLE = 91
BEFORE = -CYCLE  # the cycle before the one that begins on day 0
MID = 45
KINDS: dict[str, Fields] = {
    "i": {"baseline": 0.0, "target": 100.0},
    "d": {"direction": "decrease", "baseline": 100.0, "target": 0.0},
    "b": BINARY,
}


def record(
    teams: Sequence[str],
    seed: int = 1,
    *,
    kinds: str = "iii",
    until: int = MID,
    pace: float = 0.9,
    **said: Any,  # noqa: ANN401 - fields of key results
) -> list[Fact]:
    """Key results of each team (`i`ncrease, `d`ecrease or `b`inary) in the last cycle and this, read until a day.

    They are called after team, cycle and place, such as a11; each of this cycle's has `<team>-all` for objective.
    """
    facts: list[Fact] = []
    for team in teams:
        rng = np.random.default_rng([seed, *team.encode()])
        facts.append(fact(f"objective/{team}-all", 0, ObjectiveSet(title=team, team=team, cycle="q1")))
        for cycle, start in enumerate((BEFORE, 0)):
            for n, kind in enumerate(kinds):
                own = {"team": team, "cycle": f"q{cycle}", "start": day(start), "due": day(start + CYCLE - 1)}
                own |= {"objective": f"{team}-all"} if cycle else {}
                shape = KINDS[kind]
                name = f"{team}{cycle}{n}"
                facts.append(key_result(name, start, **(shape | own | said)))
                facts += _readings(rng, name, start, until, pace, kind)
    return facts


def _readings(rng: np.random.Generator, name: str, start: int, until: int, pace: float, kind: str) -> Iterable[Fact]:
    way = np.cumsum(rng.normal(pace, 0.7, 12)) * 100 / 13
    for n, value in enumerate(way.round(3).tolist(), 1):
        if start + 7 * n <= until and kind != "b":
            yield check_in(start + 7 * n, 100 - value if kind == "d" else value, name)


def people(team: str, on: int, size: float, recorded: int | None = None) -> Fact:
    return fact(f"team/{team}", on, CapacitySet(people=size), recorded)


def policy(team: str, on: int, kind: Policy, recorded: int | None = None, **parameters: float | str) -> Fact:
    return fact(f"team/{team}", on, PolicySet(policy=kind, parameters=parameters), recorded)


def moved(team: str, on: int, size: float, to: Any, to_team: str | None = None) -> Fact:  # noqa: ANN401
    return fact(f"team/{team}", on, CapacityMoved(people=size, to=to, to_team=to_team))


def away(team: str, on: int, until: int, days: float, recorded: int | None = None) -> Fact:
    return fact(f"team/{team}", on, AbsencePlanned(until=day(until), days=days), recorded)


def effort(team: str, run: float, change: float, first: int = 2 * BEFORE, last: int = MID - 6) -> list[Fact]:
    """The same effort in every week."""
    mondays = (n for n in range(first, last) if day(n).weekday() == 0)
    return [fact(f"team/{team}", n, EffortLogged(run_days=run, change_days=change), n + 6) for n in mondays]


def tickets(team: str, seed: int, rate: float, size: float | None, first: int = -200, last: int = MID) -> list[Fact]:
    """Poisson tickets on business days, each closed on the day it came; lognormal sizes of that mean if any."""
    rng = np.random.default_rng([seed, *team.encode()])
    facts = []
    for on in (n for n in range(first, last + 1) if day(n).weekday() < 5):
        for n in range(rng.poisson(rate)):
            took = None if size is None else round(size * float(rng.lognormal(-0.3, 0.77)), 3)
            facts += ticket(f"{team}-{on}-{n}", team, on, took)
    return facts


def ticket(name: str, team: str, on: int, size: float | None, closed: bool = True) -> list[Fact]:
    """An item of run work, closed on its day or open."""
    facts = [fact(f"item/{name}", on, RunWorkArrived(team=team, effort_days=size))]
    return [*facts, fact(f"item/{name}", on, RunWorkDone(effort_days=size))] if closed else facts


def incidents(team: str, number: int, size: float, on: int = MID - 1) -> list[Fact]:
    """Large tickets that came at once and are open."""
    return [f for n in range(number) for f in ticket(f"{team}-incident-{n}", team, on, size, closed=False)]


def guardrail(name: str, team: str, upper: float, unit: str = "backlog days per person") -> Fact:
    return fact(f"kpi/{name}", BEFORE, KpiDefined(title=name, team=team, unit=unit, upper=upper))


def initiative(name: str, team: str, goal: str, on: int = 0, **said: Any) -> Fact:  # noqa: ANN401
    usual: dict[str, Any] = {"low": 5.0, "mode": 10.0, "high": 20.0}
    data = InitiativePlanned(**(usual | {"title": name, "team": team, "key_result": goal} | said))
    return fact(f"initiative/{name}", on, data)


def seen(*facts: Fact | Iterable[Fact], as_of: int = MID, samples: int = 2000, **how: Any) -> Forecast:  # noqa: ANN401
    return forecast(log_of(*facts), day(as_of), samples=samples, **how)


def coupled(*facts: Fact | Iterable[Fact], as_of: int = MID, samples: int = 2000, seed: int = 0) -> Coupled:
    """Everything the futures of a log are drawn from."""
    frames = view(typed(log_of(*facts)), day(as_of), end_of(day(as_of)))
    found = couple(frames, goals(frames), readings(frames), day(as_of), samples=samples, seed=seed)
    assert found is not None
    return found


def probabilities(said: Forecast) -> dict[str, float]:
    return {kr.key_result: kr.probability for kr in said.key_results}


def errors(said: Forecast) -> dict[str, float]:
    return {kr.key_result: kr.probability_se for kr in said.key_results}
