"""What a user would pick instead of koers; every backtest runs them on the same origins."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from scipy.special import stdtr

from koers.engine.grading import Days, Goal, ending, over, progress

ON_LINE = (0.9, 0.1)
"""Probability given to a key result on or above, and below, the straight line from baseline to target."""
DRIFT_STEPS = 4


def probabilities(goal: Goal, days: list[tuple[date, float]], as_of: date, base_rate: float) -> dict[str, float]:
    """The probability each baseline gives a key result; `days` are its readings known, oldest first."""
    found = {"base_rate": base_rate}
    if goal["kind"] != "control" and days:
        found["straight_line"] = straight_line(goal, days[-1][1], as_of)
        found["drift"] = drift(goal, days)
    return found


def base_rate(table: pl.DataFrame, days: Days, as_of: date) -> float:
    """Share of the key results known to have ended that were reached, from one half at first (Laplace)."""
    past = table.filter(over(as_of))
    reached = sum(ending(goal, days.get(goal["key_result"], []))[1] for goal in past.iter_rows(named=True))
    return (reached + 1) / (past.height + 2)


def straight_line(goal: Goal, value: float, as_of: date) -> float:
    """The rule of most OKR products: on track where progress, going on as so far, meets the target at due."""
    elapsed = (as_of - goal["start"]).days / max((goal["due"] - goal["start"]).days, 1)
    return ON_LINE[0] if (progress(goal, value) or 0.0) >= elapsed else ON_LINE[1]


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
