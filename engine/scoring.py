"""Proper scores of probabilities; a goal counts once, however often it was forecast."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def brier(probability: Floats, attained: Floats) -> Floats:
    """Brier score of each forecast, (forecast,): (p - y)^2, 0 best, 1 worst. Brier 1950."""
    return (probability - attained) ** 2


def log_score(probability: Floats, attained: Floats) -> Floats:
    """Logarithmic score of each forecast, (forecast,): -ln of the probability given to what happened. Good 1952.

    Infinite where the impossible happened: clip probabilities first.
    """
    with np.errstate(divide="ignore"):
        return -np.log(np.where(attained == 1.0, probability, 1.0 - probability))


def per_goal(goals: pl.Series, scores: Floats) -> float:
    """Mean over goals of each goal's mean score; NaN where there are none."""
    if len(scores) == 0:
        return float("nan")
    means = pl.DataFrame({"goal": goals, "score": scores}).group_by("goal").agg(pl.col("score").mean())
    return float(np.sort(means["score"].to_numpy()).mean())  # sorted: the sum may not depend on names
