"""Where rising functions meet a value, many at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from koers.engine.capacity import Floats

MOST = 60
"""Steps at most: halving alone would then have left a span's last bit."""
Told = Callable[[Floats], tuple[Floats, Floats]]
"""Functions and their slopes, at one place each; (row,) each."""


def met(told: Told, value: Floats | float, low: Floats, high: Floats, near: Floats, at: Floats) -> Floats:
    """Where functions that rise between `low` and `high` meet `value`, to within `near`; the end they stay short of.

    All arrays are (row,). Newton's method from `at`, which halves the bracket where it would leave it (Press et al.
    2007, 9.4). Rows know nothing of each other: one that is there stays.
    """
    there = np.zeros(len(at), dtype=np.bool_)
    for _ in range(MOST):
        found, slope = told(at)
        below = found < value
        low, high = np.where(below, at, low), np.where(below, high, at)
        gap = value - found
        steep = np.abs(gap) <= slope * (high - low)
        ahead = at + np.divide(gap, slope, out=np.full_like(at, np.inf), where=steep & (slope > 0))
        ahead = np.where((ahead >= low) & (ahead <= high), ahead, (low + high) / 2)
        still = there
        there = there | (np.abs(ahead - at) <= near)
        at = np.where(still, at, ahead)
        if there.all():
            break
    return at
