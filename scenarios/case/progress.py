"""How the key results of the case move, and what their owners say of it.

Progress is that of `koers.engine.known_model`: the local trend that koers learns, with a rise that is multiplied by
1 + ELASTICITY (change effort / what the team counts on - 1). Two follow a script of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
from scipy import special

from koers.engine import local_trend
from koers.engine.draws import normal
from koers.engine.known_model import Point
from koers.engine.local_trend import State, advance, update
from koers.engine.pace import DEFAULT
from koers.scenarios.case.goals import Goal
from koers.scenarios.case.organisation import ELASTICITY
from koers.scenarios.case.story import HOCKEY, OVERCONFIDENT

LIMITS = (-0.4, 1.5)  # progress stays within: the tails of the model are longer than a desk's
SIGMAS = 0.35  # spread of log sigma between key results
WANDER = 8.0  # paces change less than they differ
SUREST = 0.97
BIAS = (-0.3, 0.75)
"""Of owners who say p, a share p' is right with logit p' = BIAS[0] + BIAS[1] logit p."""
MOOD = 0.35  # spread of logit p from one check-in to the next
BRAVADO = (2.0, 0.3)
"""The over-confident owner says p' with logit p' = 2 + .3 of what others would say."""
LATE_RUN = (0.8, 0.22)
"""A hockey stick has made the second share of its way by the first share of its time."""

Effort = Callable[[date, date], float]
"""Change effort of a team over what it counts on, in the days after one and up to another."""


def path(seed: int, goal: Goal, start: date, due: date, days: list[date], effort: Effort) -> list[Point]:
    """Progress on each of `days` and at due, and what its owner could know of the end by then."""
    key, life = f"{goal.name}/{goal.take}", (due - start).days
    hyper = replace(DEFAULT, drift=goal.pace, wander=WANDER)
    h = local_trend.Settings.of(hyper)
    sigma = hyper.scale * math.exp(SIGMAS * normal(seed, "case sigma", key))
    state, found = local_trend.start(np.array(0.0), h), []
    for before, day in pairwise([start, *days, *([due] if days[-1] < due else [])]):
        state = _pulled(state, advance(state, np.array((day - before).days / life), h), effort(before, day))
        z = normal(seed, "case step", key, (day - start).days)
        x = float(np.clip(state.level + z * sigma * math.sqrt(float(state.var_level) + hyper.reading), *LIMITS))
        if goal.name == HOCKEY:
            x = _hockey(seed, goal, (day - start) / (due - start))
        state = update(state, np.array(x), h)
        then = advance(state, np.array((due - day).days / life), h)
        scale = sigma * math.sqrt(float(then.var_level) + hyper.reading)
        found.append(Point(day, x, *((float(then.level), scale) if day < due else (x, 0.0)), math.inf))
    return found


def _pulled(before: State, then: State, effort: float) -> State:
    rise = np.maximum(then.level - before.level, 0.0)
    return then._replace(level=then.level + ELASTICITY * rise * (effort - 1.0))


def _hockey(seed: int, goal: Goal, elapsed: float) -> float:
    turn, share = LATE_RUN
    way = share * elapsed / turn if elapsed < turn else share + (1.03 - share) * (elapsed - turn) / (1 - turn)
    return way + 0.012 * normal(seed, "case hockey", goal.name, int(1000 * elapsed))


def confidence(seed: int, goal: Goal, point: Point, target: float, day: int) -> float:
    """What an owner says of reaching `target` (progress): too high, and one owner's much too high."""
    sure = special.logit(np.clip(point.chance(target), 1 - SUREST, SUREST))
    sure = (sure - BIAS[0]) / BIAS[1] + MOOD * normal(seed, "case mood", goal.name, day)
    if goal.owner == OVERCONFIDENT:
        sure = BRAVADO[0] + BRAVADO[1] * sure
    return round(float(np.clip(special.expit(sure), 0.03, SUREST)), 2)


def value(seed: int, goal: Goal, point: Point, day: int) -> float:
    """Progress in the key result's unit, as it would be reported: within what its unit allows."""
    if goal.lower is not None:
        return round(goal.lower + 3.2 + 3.0 * normal(seed, "case level", goal.name, goal.take, day), goal.digits)
    if goal.kind == "binary":
        return float(point.x >= 1)
    x = max(point.x, 0.0) if goal.kind == "milestone" else point.x
    most = 100.0 if goal.unit == "%" else math.inf
    return float(round(min(max(goal.baseline + x * (goal.target - goal.baseline), 0.0), most), goal.digits))
