"""How sure a difference is, given that what is usual was learnt from the same futures.

What is usual effort, and where a key result's own noise is centred, is learnt from the futures that then speak: an
error that all of them share. So each of some batches of futures learns it for itself, and the spread of the batches'
answers is the error.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from koers.engine.capacity import Floats
from koers.engine.futures import Setting, gained, reached
from koers.engine.groups import Bools
from koers.engine.kernel import Futures

STEPS, STEP = 2, 1e-3  # of Newton's method, and to either side for a slope, progress
LEAST_SLOPE = 1e-6


class Side(NamedTuple):
    """Some key results in the same futures, with a decision or without it; rows are theirs."""

    setting: Setting
    drawn: Futures
    movable: Bools


class Learnt(NamedTuple):
    """What each batch has learnt, (batch, key_result) unless said."""

    usual: Floats  # (batch, knot, key_result)
    typical: Floats
    off: Floats  # by how much its chances without the decision are beyond those of all


def relearnt(
    before: Side, after: Side, learnt: Learnt, batches: list[slice], size: Floats, e: Floats
) -> tuple[Floats, Floats]:
    """Chances without and with a decision, (key_result, replication), where each batch goes by what it has learnt.

    `size` (team, replication) and `e` (replication,) are those of the futures; key results that only `after` has come
    last and are left out. In each batch the chances without the decision are brought to the mean they would have if the
    batch were all there is.
    """
    count = len(before.movable)
    whole = reached(before.setting, _gain(before, size, e, count), e)
    found = np.zeros((2, *whole.shape))
    for own, usual, typical, beyond in zip(batches, *learnt, strict=False):
        sides = [_by(side, usual, typical, count) for side in (before, after)]
        gains = [_gain(_only(side, own), size[:, own], e[own], count) for side in sides]
        off = _centred(sides[0].setting, gains[0], e[own], whole.mean(axis=1) + beyond)
        for n, (side, gain) in enumerate(zip(sides, gains, strict=True)):
            extra = len(side.movable) - count
            lifted = np.pad(gain + np.where(side.movable[:count], off, 0.0)[:, None], [(0, extra), (0, 0)])
            found[n][:, own] = reached(side.setting, lifted, e[own])[:count]
    return found[0], found[1]


def _by(side: Side, usual: Floats, typical: Floats, count: int) -> Side:
    """A side that goes by what a batch has learnt."""
    setting = side.setting
    own = replace(
        setting,
        usual=np.concatenate([usual, setting.usual[:, count:]], axis=1),
        typical=np.concatenate([typical, setting.typical[count:]]),
    )
    return side._replace(setting=own)


def _only(side: Side, own: slice) -> Side:
    return side._replace(drawn=side.drawn._replace(effort=side.drawn.effort[:, own], landed=side.drawn.landed[:, own]))


def _gain(side: Side, size: Floats, e: Floats, count: int) -> Floats:
    return np.where(side.movable[:, None], gained(side.setting, side.drawn, size, e), 0.0)[:count]


def _centred(setting: Setting, gain: Floats, e: Floats, mean: Floats) -> Floats:
    """What has to be added to gains for chances of this mean, (key_result,): Newton's method."""
    off = np.zeros(len(gain))
    for _ in range(STEPS):
        low, high = (reached(setting, gain + (off + step)[:, None], e).mean(axis=1) for step in (-STEP, STEP))
        slope = (high - low) / (2 * STEP)
        short = mean - (low + high) / 2
        off += np.divide(short, slope, out=np.zeros_like(short), where=slope > LEAST_SLOPE)
    return off
