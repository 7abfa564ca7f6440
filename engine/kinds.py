"""Key results that are no trend: binary ones (a hazard) and control ones (days inside limits).

Pooled numbers start from declared priors and learn from the goals handed in.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

Floats = NDArray[np.float64]

DONE_PRIOR = (0.62, 4.0)
"""Share of binary key results done by due, and how many goals that belief weighs: the mean attainment (Workpath)."""
KEEPS = 0.97
"""Probability that what is done stays done until due. Our inference."""
LEAVE_PRIOR = (0.5, 30.0)
"""Exits from the limits, over days inside: one in two months. Our inference, worth a month of days."""
ENTER_PRIOR = (1.0, 14.0)
"""Returns to the limits, over days outside: one in two weeks. Our inference, worth two weeks of days."""
RATE_LEVELS = np.array([0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95])


class Tally(NamedTuple):
    """Binary key results known to have ended, and those of them that were done."""

    finished: int = 0
    reached: int = 0


def binary_probability(done: bool, remaining: float, everybody: Tally, team: Tally) -> float:
    """P(a binary key result is done at due), under a hazard that is constant over its life.

    `remaining` is the share of its life still to come (0-1); `team` counts its own team's past within `everybody`'s:
    partly pooled, as DONE_PRIOR's worth of goals at the rate of all.
    """
    if done:
        return KEEPS
    whole, weight = DONE_PRIOR
    for past in (everybody, team):
        whole = (whole * weight + past.reached) / (weight + past.finished)
    return float(1.0 - (1.0 - whole) ** min(max(remaining, 0.0), 1.0))


def control_shares(inside: NDArray[np.bool_], ahead: int) -> tuple[Floats, Floats]:
    """Distribution of the share of days inside, over the days known (`inside`, in order) and `ahead` days to come.

    Returns (shares ascending, probabilities), each (ahead + 1,). Inside and outside alternate as a Markov chain by the
    day; the exit rate is averaged over its gamma posterior, the return rate stands at its posterior mean.
    """
    was, now = inside[:-1], inside[1:]
    leave = gammaincinv(LEAVE_PRIOR[0] + (was & ~now).sum(), RATE_LEVELS) / (LEAVE_PRIOR[1] + was.sum())
    enter = float((ENTER_PRIOR[0] + (~was & now).sum()) / (ENTER_PRIOR[1] + (~was).sum()))
    now_inside = bool(inside[-1]) if len(inside) else True
    days = _days_inside(-np.expm1(-leave), -math.expm1(-enter), ahead, now_inside=now_inside)
    shares = (int(inside.sum()) + np.arange(ahead + 1)) / max(len(inside) + ahead, 1)
    return shares, days.mean(axis=0)


def _days_inside(leave: Floats, enter: float, ahead: int, *, now_inside: bool) -> Floats:
    """P(k of `ahead` days inside), (rate, k), by recursion over days; `leave` is (rate,)."""
    inside = np.zeros((len(leave), ahead + 1))
    outside = np.zeros_like(inside)
    (inside if now_inside else outside)[:, 0] = 1.0
    stay = 1.0 - leave[:, None]
    for _ in range(ahead):
        into = inside * stay + outside * enter
        outside = inside * leave[:, None] + outside * (1.0 - enter)
        inside = np.zeros_like(into)
        inside[:, 1:] = into[:, :-1]
    return inside + outside
