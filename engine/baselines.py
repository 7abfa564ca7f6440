"""What a user would pick instead of koers; every backtest runs them on the same origins."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy.special import stdtr

from koers.engine.grading import Goal, is_inside, meets, progress

ON_LINE = (0.9, 0.1)
"""Probability given to a key result on or above, and below, the straight line from baseline to target."""
DRIFT_STEPS = 4
DIGITS = 9
"""Decimals of progress: rounding in the last place must not decide whether the line is met."""


class Said(NamedTuple):
    """What an owner said with a check-in: confidence (0-1) and the final value expected."""

    confidence: float | None = None
    projection: float | None = None


def probabilities(goal: Goal, days: list[tuple[date, float]], said: Said, as_of: date) -> dict[str, float | None]:
    """The probability each baseline gives a key result, None where it has none to give.

    `days` are the readings known, oldest first; `said` is what the owner said at the latest of them.
    """
    measured = bool(days) and goal["kind"] != "control"
    return {
        "straight_line": straight_line(goal, days[-1][1], as_of) if measured else None,
        "drift": drift(goal, days) if measured else None,
        "owner_confidence": said.confidence,
        "owner_projection": None if said.projection is None else owner_projection(goal, said.projection),
    }


def base_rate(attained: pl.Series) -> float:
    """Share of the key results known to have ended that were reached, from one half at first (Laplace)."""
    return (int(attained.sum()) + 1) / (len(attained) + 2)


def straight_line(goal: Goal, value: float, as_of: date) -> float:
    """The rule of most OKR products: on track where progress, going on as so far, meets the target at due."""
    elapsed = (as_of - goal["start"]).days / max((goal["due"] - goal["start"]).days, 1)
    done = round(progress(goal, value) or 0.0, DIGITS)
    return ON_LINE[0] if done >= round(elapsed or 1.0, DIGITS) else ON_LINE[1]


def owner_projection(goal: Goal, value: float) -> float:
    """The owner taken at their word: the final value they expect meets the target; of a control kind, its limits."""
    kept = is_inside(goal, value) if goal["kind"] == "control" else meets(goal, value, goal["target"])
    return ON_LINE[0] if kept else ON_LINE[1]


def drift(goal: Goal, days: list[tuple[date, float]]) -> float:
    """P(reached) when the last steps go on: mean and spread of the pace over the last four, Student-t tails."""
    points = days[-DRIFT_STEPS - 1 :]
    if days[0][0] > goal["start"] and len(points) <= DRIFT_STEPS:
        points = [(goal["start"], goal["baseline"]), *points]
    base = goal["baseline"]
    way = goal["first_target"] - base
    x = np.array([(value - base) / way for _, value in points])
    day = np.array([when.toordinal() for when, _ in points], dtype=float)
    ahead = goal["due"].toordinal() - day[-1]
    if len(x) < 3:
        return 0.5
    gaps = np.diff(day)
    pace = (x[-1] - x[0]) / gaps.sum()
    variance = float((((np.diff(x) - pace * gaps) ** 2) / gaps).sum() / (len(gaps) - 1))
    spread = np.sqrt(variance * ahead * (1.0 + ahead / gaps.sum())) + 1e-9
    return float(stdtr(len(gaps) - 1, (x[-1] + pace * ahead - (goal["target"] - base) / way) / spread))
