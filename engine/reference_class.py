"""How goals like this one ended: the progress still made by finished key results from this share of their life on.

A finished key result speaks for one under way the more, the nearer its progress was at the same elapsed share and the
nearer the pace it had last. It says: so much was still to come. Two levels: the organisation's goals say it as shares
of the way; the team's own, where the unit is the same, in that unit, since a team does not bring more because its
target is further. Nor does it go on for long once the target is met: past that they count as shares again, if that is
less. Each level is a handful of pseudo-goals of the level above, and above both stands what the readings alone say
(`blend`). Nothing is smoothed across the target: many goals end exactly on it.

Goals that end on one day share their luck: m of them count as m / (1 + ALIKE (m - 1)) (Kish's design effect).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from koers.engine.lives import Lives
from koers.engine.local_trend import Floats, Ints

CELLS = 64
"""Elapsed shares told apart."""
MOST = 500
"""Finished key results that speak, about; the last to end."""
NEAR, NEAR_IN_TEAM = 0.2, 0.8  # kernel widths, progress: a team's own may be further off
PACE, SPAN = 0.2, 0.2  # kernel width of the progress made over the last SPAN durations
AS_FAR = 3.0  # kernel width of the log of how much longer one way is than the other, within a unit
FURTHEST = 3.0  # progress beyond is as far as this to a kernel
ALIKE = 0.3  # correlation of the ends of goals that end on one day. Our inference
SAME = 1e-9  # of progress, and of probability: rounding
ABOVE, ABOVE_TEAM = 16.0, 4.0  # goals that the level above counts for. Our inference


@dataclass(frozen=True, slots=True)
class References:
    """Finished key results, by the day they ended: (goal,) and at CELLS + 1 elapsed shares from start to due."""

    progress: Floats  # (goal, cell)
    pace: Floats  # (goal, cell) progress made over the last SPAN
    end: Floats  # progress
    way: Floats  # value
    team: NDArray[np.object_]
    unit: NDArray[np.object_]
    ended: Floats  # days since 1970


NONE = References(
    *(np.zeros((0, CELLS + 1)),) * 2, *(np.zeros(0),) * 2, *(np.zeros(0, dtype=np.object_),) * 2, ended=np.zeros(0)
)
"""Nothing has ended yet."""


class Ends(NamedTuple):
    """Where references say that key results end: the weight they carry against `ABOVE` is inside.

    The weights of a row and `rest`, what is left to the level above both, add up to 1.
    """

    point: Floats  # (key_result, point) progress
    weight: Floats  # (key_result, point)
    rest: Floats  # (key_result,)

    def exceedance(self, threshold: Floats) -> Floats:
        """Weight at or above each row's threshold, but for rounding; (key_result,)."""
        return np.asarray((self.weight * (self.point >= threshold[:, None] - SAME)).sum(axis=1))


def references(lives: Lives, today: float) -> References:
    """The key results of `lives` that have ended by `today` (days since 1970), in an order by content alone."""
    finished = lives.take(lives.finished(today, MOST))
    table = np.stack([finished.progress_at((cell + 0.5) / CELLS * finished.due) for cell in range(CELLS + 1)], axis=1)
    return References(
        progress=table,
        pace=_gained(table),
        end=finished.end,
        way=finished.way,
        team=finished.team,
        unit=finished.unit,
        ended=finished.ended,
    )


def ends(known: References, asked: Lives, column: Ints, elapsed: Floats, before: Floats | None = None) -> Ends:
    """Where `asked` (key_result,) end, each seen at its reading in `column` when so much of its life had `elapsed`.

    `before` (key_result,), days since 1970: only what ended by then speaks, else all that is known.
    """
    rows, cell = np.arange(len(column)), np.clip(np.rint(elapsed * CELLS), 0, CELLS).astype(np.int64)
    x = asked.table.x[rows, column]
    pace = x - asked.progress_at(asked.table.time[rows, column] - SPAN)
    there, pace_there = (np.ascontiguousarray(part[:, cell].T) for part in (known.progress, known.pace))
    still = known.end - there
    apart = _clipped(x)[:, None] - _clipped(there)
    spoken = np.ones_like(apart) if before is None else (known.ended <= before[:, None]).astype(np.float64)
    alike = spoken * _kernel(apart / NEAR) * _kernel((pace[:, None] - pace_there) / PACE)
    own = spoken * (known.team == asked.team[:, None])
    longer = known.way / asked.way[:, None]
    in_unit = (known.unit == asked.unit[:, None]) & (longer > 0)
    own = own * _kernel(np.where(in_unit, x[:, None] - there * longer, apart) / NEAR_IN_TEAM)
    own = own * np.where(in_unit, _kernel(np.log(np.where(in_unit, longer, 1.0)) / AS_FAR), 1.0)
    above, whole = discounted(alike, known.ended), discounted(own, known.ended)
    total, mine = above.sum(axis=1) + ABOVE, whole.sum(axis=1) + ABOVE_TEAM
    from_team, from_all = whole / mine[:, None], above * (ABOVE_TEAM / mine / total)[:, None]
    by_share, by_unit = x[:, None] + still, x[:, None] + still * np.where(in_unit, longer, 1.0)
    by_unit = np.minimum(by_unit, np.maximum(by_share, asked.threshold[:, None]))
    return Ends(
        point=np.concatenate([by_unit, by_share], axis=1),
        weight=np.concatenate([from_team, from_all], axis=1),
        rest=ABOVE_TEAM / mine * ABOVE / total,
    )


def _gained(progress: Floats) -> Floats:
    """Progress made over the last SPAN, (goal, cell)."""
    back = round(SPAN * CELLS)
    before = np.concatenate([np.repeat(progress[:, :1], back, axis=1), progress[:, :-back]], axis=1)
    return np.asarray(progress - before)


def _clipped(x: Floats) -> Floats:
    return np.asarray(np.clip(x, -1.0, FURTHEST))


def _kernel(z: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * z**2))


def discounted(weight: Floats, ended: Floats) -> Floats:
    """Weights (row, goal) discounted for goals that ended on one day; `ended` ascends."""
    if not len(ended):
        return weight
    day = np.cumsum(np.diff(ended, prepend=ended[0]) > 0)
    first = np.flatnonzero(np.diff(day, prepend=-1))
    total, squares = np.add.reduceat(weight, first, axis=1), np.add.reduceat(weight**2, first, axis=1)
    many = np.divide(total**2, squares, out=np.ones_like(total), where=squares > 0)
    return np.asarray(weight / (1.0 + ALIKE * np.maximum(many - 1.0, 0.0))[:, day])
