"""The least change of one lever that brings a key result to a probability.

All tries meet the same futures, so a search compares decisions rather than draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from koers.engine.capacity import Floats
from koers.engine.groups import Members, members
from koers.scenarios.compare import Ground
from koers.scenarios.search_futures import (
    Odds,
    Played,
    Stage,
    asked_for,
    chance,
    error,
    key_result_of,
    odds,
    played,
    stage,
)
from koers.scenarios.search_levers import STEPS
from koers.scenarios.search_levers import ladder as of_strength
from koers.scenarios.world import World, baseline

Lever = Any
"""One of the levers of `model`."""

STRIDE = 50
"""Every so many steps are tried before those in between."""


class Cost(NamedTuple):
    """What a decision does to running the business in one team, before and after."""

    team: str
    backlog: tuple[float, float]  # person-days on the last evening
    lost: tuple[float, float]  # person-days lost to switching
    guardrails: dict[str, tuple[float, float]]  # the probability that each is broken


@dataclass(frozen=True, slots=True)
class Reach:
    """The least of a lever that does. `amount` is None if none does; `odds` are then those of the best, at `best`.

    `until`: from `amount` on it does up to here; beyond it no longer does. `moves`: whether the lever has any effect.
    """

    key_result: str
    asked: float
    lever: Lever  # at its least strength, or its best
    key: str  # of the lever: what its strength is
    most: float
    amount: float | None
    until: float | None
    best: float
    odds: Odds
    without: float
    already: bool
    moves: bool
    running: tuple[Cost, ...]
    futures: int


def reach(ground: Ground, key_result: str, probability: float, lever: Lever, *, futures: int | None = None) -> Reach:
    """The least strength of `lever` at which `key_result` is reached with `probability`, from .01 to .99.

    The lever as given is the most that is tried: so many people, such a share, factor or target. Every 50th of 1,000
    strengths is tried, then those below the first that does, by bisection: where more is not always better (a threshold
    that trips), what happens between two of them may be missed. Raises InputError where the lever or the probability
    does not fit.
    """
    asked, k = asked_for(probability), key_result_of(ground.coupled, key_result)
    of = stage(ground.coupled, futures)
    ladder = of_strength(ground.coupled, lever)
    plain = baseline(ground.coupled)
    before = chance(of, plain, k)
    ladder.world(STEPS)  # whatever does not fit is refused here
    seen: dict[int, Floats] = {0: before} if ladder.from_nothing else {}

    def at(step: int) -> Floats:
        if step not in seen:
            seen[step] = chance(of, ladder.world(step), k)
        return seen[step]

    def does(step: int) -> bool:
        return odds(at(step)).probability >= asked

    already = odds(before).probability >= asked
    rungs = range(0, STEPS + 1, STRIDE)
    good = [step for step in rungs if does(step)]
    least = None if already or not good else _least(does, good[0])
    shown = max(rungs, key=lambda step: float(at(step).mean())) if least is None else least
    end = _until(good) if good else None
    moves = any(not np.array_equal(values, before) for values in seen.values())
    world = plain if already else ladder.world(shown)
    return Reach(
        key_result=key_result,
        asked=asked,
        lever=ladder.lever(shown),
        key=ladder.key,
        most=ladder.amount(STEPS),
        amount=None if least is None else ladder.amount(least),
        until=None if least is None or end is None else ladder.amount(end),
        best=ladder.amount(shown),
        odds=odds(before if already else at(shown), error(of, world, k)),
        without=odds(before).probability,
        already=already,
        moves=moves,
        running=() if already else costs(of, world),
        futures=len(of.chunk),
    )


def _least(does: Callable[[int], bool], first: int) -> int:
    """The least step that does, between `first` and the rung below it."""
    low, high = max(first - STRIDE, -1), first
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if does(middle) else (middle, high)
    return high


def _until(good: list[int]) -> int | None:
    """The last rung of the first stretch that does; None if that is the most."""
    ends = [low for low, high in zip(good, [*good[1:], STEPS + STRIDE], strict=True) if high - low > STRIDE]
    return ends[0] if ends and ends[0] < STEPS else None


def costs(of: Stage, world: World) -> tuple[Cost, ...]:
    """What `world` does to running the business, for the teams where it does anything."""
    plain = baseline(of.coupled)
    found = []
    for own in members(world.organisation):
        before, after = played(of, plain, own), played(of, world, own)
        found += [cost for cost in _costs(of, own, before, after) if _differs(cost)]
    return tuple(found)


def _costs(of: Stage, own: Members, before: Played, after: Played) -> Iterator[Cost]:
    org = of.coupled.setting.organisation
    for n, t in enumerate(own.teams):
        broken = {
            org.guardrails.key[g]: (float(before.broken[m].mean()), float(after.broken[m].mean()))
            for m, g in enumerate(own.guardrails)
            if org.guardrails.team[g] == t
        }
        backlog = float(before.backlog[n].mean()), float(after.backlog[n].mean())
        yield Cost(org.teams.key[t], backlog, (float(before.lost[n]), float(after.lost[n])), broken)


def _differs(cost: Cost) -> bool:
    return any(before != after for before, after in (cost.backlog, cost.lost, *cost.guardrails.values()))
