"""Run against change in a team: what each ring fence brings its key results, and what it risks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from koers.engine.capacity import Policy
from koers.events.errors import InputError
from koers.scenarios.compare import Ground
from koers.scenarios.search_futures import Stage, group_with, played, stage, team_of
from koers.scenarios.world import World, baseline, with_policies

SPLITS = 21


class Point(NamedTuple):
    """What comes of one split. `efficient`: no other split reaches more at no more risk, or as much at less."""

    share: float | None  # of capacity that run work may not touch; None for the policy in force
    reached: float  # expected number of the team's key results
    score: float  # their expected weighted score
    risk: float | None  # the probability that a guardrail of the team is broken; None without one
    backlog: float  # person-days on the last evening, on average
    efficient: bool = False

    @property
    def cost(self) -> float:
        """What is to be kept low: the risk where there is a guardrail, else the backlog."""
        return self.backlog if self.risk is None else self.risk


@dataclass(frozen=True, slots=True)
class Frontier:
    """The splits of one team, by share, and the policy `now` in force in the same futures."""

    team: str
    key_results: tuple[str, ...]
    guardrails: tuple[str, ...]
    now: Point
    points: tuple[Point, ...]
    futures: int


def frontier(
    ground: Ground, team: str | None = None, splits: int = SPLITS, *, futures: int | None = None
) -> list[Frontier]:
    """Ring fences from nothing to all, `splits` of them, from now on: for a team, or each that has key results.

    Risk is that of breaking any of the team's guardrails by the last due date. Raises InputError for a team that is not
    there or has no key result that effort moves, and for fewer than two splits.
    """
    if splits < 2:
        raise InputError(f"{splits} splits: a frontier needs two at least, all to running and all to changing")
    coupled = ground.coupled
    org, of = coupled.setting.organisation, stage(coupled, futures)
    with_goals = sorted(set(org.key_results.team.tolist()))
    chosen = with_goals if team is None else [team_of(coupled, team)]
    if not set(chosen) <= set(with_goals):
        raise InputError(
            f"{team!r} has no key result that effort moves from now on: there is nothing to set off against"
        )
    return [_of_team(of, t, np.linspace(0.0, 1.0, splits).round(12).tolist()) for t in chosen]


def _of_team(of: Stage, team: int, shares: Sequence[float]) -> Frontier:
    plain = baseline(of.coupled)
    org = plain.organisation
    every = range(len(org.calendar.day))
    fenced = [with_policies(plain, team, dict.fromkeys(every, Policy("ring_fence", share=share))) for share in shares]
    return Frontier(
        team=org.teams.key[team],
        key_results=tuple(org.key_results.key[k] for k in np.flatnonzero(org.key_results.team == team)),
        guardrails=tuple(org.guardrails.key[g] for g in np.flatnonzero(org.guardrails.team == team)),
        now=_point(of, plain, team, None),
        points=marked([_point(of, world, team, share) for world, share in zip(fenced, shares, strict=True)]),
        futures=len(of.chunk),
    )


def _point(of: Stage, world: World, team: int, share: float | None) -> Point:
    own, org = group_with(world, team), world.organisation
    found = played(of, world, own, scored=True)
    goals = org.key_results.team[own.key_results] == team
    rails = org.guardrails.team[own.guardrails] == team
    weight = org.key_results.weight[own.key_results][goals]
    return Point(
        share=share,
        reached=float(found.chance[goals].sum(axis=0).mean()),
        score=float(weight @ found.score[goals].mean(axis=1) / weight.sum()),
        risk=float(found.broken[rails].any(axis=0).mean()) if rails.any() else None,
        backlog=float(found.backlog[own.teams == team].mean()),
    )


def marked(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points, those marked that no other dominates."""
    return tuple(point._replace(efficient=not any(_dominates(other, point) for other in points)) for point in points)


def _dominates(one: Point, other: Point) -> bool:
    """Whether `one` reaches no less at no more cost, and one of both is better."""
    better = one.reached > other.reached or one.cost < other.cost
    return better and one.reached >= other.reached and one.cost <= other.cost
