"""Baselines that learn: the status rules of OKR products, and a logistic reference class, taught by the past.

A status is not a probability; what a rule is worth is how often key results of each status were reached, as far as was
known. So every rule gets the probability that its status turned out to have, from key results known to have ended by
the origin; each counts once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RULES: dict[str, tuple[float, ...]] = {
    "viva": (1.0,),
    "ally": (0.75,),
    "upraise": (0.75, 0.95),
    "tability": (0.5, math.nextafter(0.7, 1.0)),  # above 70 %, not at it
    "oboard": (0.4, 0.7),
}
"""Progress over expected progress at which the status changes, as the products' help pages print it."""
LOGISTIC = "logistic_reference"
RIDGE = 1.0
"""Weight, in goals, of the prior that a feature says nothing."""
STEPS = 12
DIGITS = 9
"""Decimals of the ratio: rounding in the last place must not decide a status."""


def statuses(progress: Floats, elapsed: Floats) -> dict[str, Ints]:
    """Each rule's status per forecast, (forecast,): 0 the worst. At the very start all are as expected."""
    begun = elapsed > 0
    ratio = np.where(begun, progress / np.where(begun, elapsed, 1.0), np.where(progress >= 0, 1.0, 0.0))
    return {rule: np.searchsorted(limits, ratio.round(DIGITS), side="right") for rule, limits in RULES.items()}


def features(progress: Floats, elapsed: Floats) -> Floats:
    """What the logistic reference class sees, (forecast, feature)."""
    x = np.clip(progress, -1.0, 2.0)
    return np.column_stack([np.ones_like(x), elapsed, x, x * elapsed, x >= 1.0])


def learnt(
    progress: Floats, elapsed: Floats, goal: Ints, day: Ints, endings: Mapping[int, Mapping[int, bool]]
) -> dict[str, Floats]:
    """The probability each learning baseline gives each forecast, all (forecast,), in order of `day`.

    `endings` says, per origin day, how each goal known by then to have ended had ended (goal index: attained). A
    forecast of day d is taught by earlier forecasts of goals in ``endings[d]`` alone; such a goal weighs 1 in all.
    """
    status = statuses(progress, elapsed)
    seen = features(progress, elapsed)
    found = {name: np.full(len(goal), 0.5) for name in (*RULES, LOGISTIC)}
    for today in np.unique(day):
        label = np.full(int(goal.max()) + 1, np.nan)
        for one, attained in endings[int(today)].items():
            label[one] = attained
        now = day == today
        past = ~np.isnan(label[goal]) & (day < today)
        y, weight = label[goal[past]], 1.0 / np.bincount(goal[past])[goal[past]]
        for rule, classes in status.items():
            reached = np.bincount(classes[past], weight * y, minlength=3)
            found[rule][now] = ((reached + 1.0) / (np.bincount(classes[past], weight, minlength=3) + 2.0))[classes[now]]
        found[LOGISTIC][now] = expit(seen[now] @ _logistic(seen[past], y, weight))
    return found


def _logistic(x: Floats, y: Floats, weight: Floats) -> Floats:
    """Coefficients (feature,) of a ridge-penalised logistic regression, by Newton's method from zero."""
    beta = np.zeros(x.shape[1])
    penalty = RIDGE * np.eye(len(beta))
    for _ in range(STEPS):
        p = expit(x @ beta)
        gradient = x.T @ (weight * (y - p)) - penalty @ beta
        curvature = (x * (weight * p * (1.0 - p))[:, None]).T @ x + penalty
        beta = beta + np.linalg.solve(curvature, gradient)
    return beta
