"""What a user would pick instead of koers; every backtest runs them on the same origins."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy.special import stdtr

from koers.engine.grading import Goal, meets, progress

ON_LINE = (0.9, 0.1)
"""Probability given to a key result on or above, and below, the straight line from baseline to target."""
DRIFT_STEPS = 4


class Said(NamedTuple):
    """What an owner said with a check-in: confidence (0-1) and the final value expected."""

    confidence: float | None = None
    projection: float | None = None


def probabilities(goal: Goal, days: list[tuple[date, float]], said: Said, as_of: date) -> dict[str, float | None]:
    """The probability each baseline gives a key result, None where it has none to give.

    `days` are the readings known, oldest first; `said` is what the owner said at the latest of them.
    """
    measured = bool(days) and goal["kind"] != "control"
    expected = said.projection
    return {
        "straight_line": straight_line(goal, days[-1][1], as_of) if measured else None,
        "drift": drift(goal, days) if measured else None,
        "owner_confidence": said.confidence,
        "owner_projection": None if expected is None else ON_LINE[0 if meets(goal, expected, goal["target"]) else 1],
    }


def base_rate(attained: pl.Series) -> float:
    """Share of the key results known to have ended that were reached, from one half at first (Laplace)."""
    return (int(attained.sum()) + 1) / (len(attained) + 2)


def straight_line(goal: Goal, value: float, as_of: date) -> float:
    """The rule of most OKR products: on track where progress, going on as so far, meets the target at due."""
    elapsed = (as_of - goal["start"]).days / max((goal["due"] - goal["start"]).days, 1)
    return ON_LINE[0] if (progress(goal, value) or 0.0) >= (elapsed or 1.0) else ON_LINE[1]


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
