"""The last morning on which a scenario still brings a key result to a probability."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from koers.engine.capacity import Floats
from koers.engine.groups import members
from koers.events.errors import InputError
from koers.scenarios.compare import Ground
from koers.scenarios.levers import pulled
from koers.scenarios.model import Scenario
from koers.scenarios.search_futures import (
    Odds,
    Stage,
    asked_for,
    chance,
    error,
    key_result_of,
    odds,
    played,
    stage,
)
from koers.scenarios.world import World, baseline

Lever = Any
"""One of the levers of `model`."""

LOOKS = 24
"""Mornings that are tried, spread over those to come, before those in between."""
ROUNDING = 1e-9  # a smaller difference of probabilities is none


@dataclass(frozen=True, slots=True)
class Deadline:
    """The last morning on which a scenario still does; None if it never does.

    `series`: what was tried, in order. `first`: the first morning that does; `gaps`: some in between do not.
    """

    scenario: Scenario
    key_result: str
    asked: float
    last: date | None
    odds: Odds  # on the last morning; where there is none, on the best
    best: date
    after: tuple[date, float] | None  # the morning after, where it no longer does
    first: date | None
    gaps: bool
    without: float
    series: tuple[tuple[date, float], ...]
    futures: int


def deadline(
    ground: Ground, scenario: Scenario, probability: float, key_result: str | None = None, *, futures: int | None = None
) -> Deadline:
    """The last morning from which all levers of `scenario` can be pulled and `key_result` keeps `probability`.

    Each lever's `from` is replaced; what it builds comes as much later; one whose `until` has passed is not pulled.
    Without `key_result`, that which the scenario lifts most when pulled at once. Some mornings are tried, then all
    between the last that does and the next. Raises InputError where a lever or the probability does not fit.
    """
    coupled, asked = ground.coupled, asked_for(probability)
    of, days = stage(coupled, futures), coupled.days
    if not any(map(_hangs_on_a_day, scenario.lever)):
        raise InputError(
            f"scenario {scenario.name!r}: no lever of it hangs on the day it is pulled, so none is the last"
        )
    if not days:
        raise InputError("no morning is to come before the last key result is due")
    plain = baseline(coupled)
    whole = pulled(plain, delayed(scenario, days[0], days[0]))
    name = key_result or _lifted_most(of, whole)
    if name is None:
        raise InputError(f"scenario {scenario.name!r} lifts no key result: name the one to look at")
    k = key_result_of(coupled, name)
    before = chance(of, plain, k)
    values: dict[int, Floats] = {}
    seen: dict[int, Odds] = {}

    def world(n: int) -> World:
        return pulled(plain, delayed(scenario, days[n], days[0]))

    def at(n: int) -> Odds:
        if n not in seen:
            values[n] = chance(of, world(n), k)
            seen[n] = odds(values[n])
        return seen[n]

    looks = list(dict.fromkeys([*range(0, len(days), -(-len(days) // LOOKS)), len(days) - 1]))
    good = [n for n in looks if at(n).probability >= asked]
    if good:
        following = next((n for n in looks if n > good[-1]), good[-1])
        good += [n for n in range(good[-1] + 1, following) if at(n).probability >= asked]
        edge = min(good[-1] + 1, len(days) - 1)
        at(edge)
    last, best = good[-1] if good else None, max(seen, key=lambda n: (seen[n].probability, n))
    shown = best if last is None else last
    passes = [n for n in sorted(seen) if at(n).probability >= asked]
    return Deadline(
        scenario=scenario,
        key_result=name,
        asked=asked,
        last=None if last is None else days[last],
        odds=odds(values[shown], error(of, world(shown), k)),
        best=days[best],
        after=None if last is None or last + 1 >= len(days) else (days[last + 1], at(last + 1).probability),
        first=days[passes[0]] if passes else None,
        gaps=any(n not in passes for n in seen if passes and passes[0] < n < passes[-1]),
        without=odds(before).probability,
        series=tuple((days[n], seen[n].probability) for n in sorted(seen)),
        futures=len(of.chunk),
    )


def _hangs_on_a_day(lever: Lever) -> bool:
    plan = lever.kind == "initiative" and lever.start is None
    return not plan and lever.kind not in ("retarget", "elasticity", "wip_limit")


def delayed(scenario: Scenario, day: date, first: date) -> Scenario:
    """The scenario with all levers pulled from `day` on; without `from` they were meant for the morning `first`."""
    found = [later for lever in scenario.lever if (later := _later(lever, day, first)) is not None]
    return scenario.model_copy(update={"lever": tuple(found)})


def _later(lever: Lever, day: date, first: date) -> Lever | None:
    """A lever pulled from `day` on; None if it is over by then."""
    changed: dict[str, Any] = {"since": day}
    ends = lever.due if lever.kind == "retarget" else lever.until
    if lever.kind == "automation":
        changed["after"] = lever.after + timedelta(days=(day - (lever.since or first)).days)
    elif lever.kind == "initiative" and lever.start is not None:
        changed["start"] = max(lever.start, day)
    over = ends is not None and ends < changed.get("after", day)
    return None if over else lever.model_copy(update=changed)


def _lifted_most(of: Stage, world: World) -> str | None:
    """The key result that a scenario lifts most; None if it lifts none."""
    plain, known = baseline(of.coupled), of.coupled.setting.organisation.key_results.key
    change = np.zeros(len(known))
    for own in members(world.organisation):
        rows = own.key_results[own.key_results < len(known)]
        after = played(of, world, own).chance[: len(rows)].mean(axis=1)
        change[rows] = after - np.array([chance(of, plain, int(k)).mean() for k in rows])
    return known[int(np.argmax(change))] if (change > ROUNDING).any() else None
