"""Looking back at key results that have ended: what each way of forecasting would have said of them.

At each look a way of forecasting knows the readings up to then and the goals that had ended by then; only settings
that all key results share are today's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from koers.engine import pace_ahead
from koers.engine.lives import Lives
from koers.engine.local_trend import Floats, Hyper, Ints, Settings, State, advance, run
from koers.engine.pace import predictive
from koers.engine.pace_ahead import PaceAhead
from koers.engine.reference_class import References, discounted, ends

SCORED, LOOKS = 200, 6
"""Finished key results looked back at, about, and looks at each."""
FADES = 180.0
"""Days after which a finished key result counts half."""
SUREST = 0.99
"""A forecast surer than this is scored as this."""


class Hindsight(NamedTuple):
    """Looks back; (look,) unless said."""

    row: Ints  # of the lives
    column: Ints  # of the reading looked from
    goal: Ints  # which finished key result, 0..n-1
    counts: Floats  # (goal,) what each finished key result counts
    made: NDArray[np.bool_]  # whether the target was met
    by_trend: Floats  # P(target met)
    by_pace: Floats
    by_class: Floats  # the part that finished goals speak for
    rest: Floats  # and the share that they leave to the readings

    def loss(self, chance: Floats) -> float:
        """Log loss of what was said at the looks, each finished key result's mean times what it counts."""
        sure = np.clip(chance, 1.0 - SUREST, SUREST)
        total = np.bincount(self.goal, -np.log(np.where(self.made, sure, 1.0 - sure)), minlength=len(self.counts))
        return float(self.counts @ (total / np.maximum(np.bincount(self.goal, minlength=len(self.counts)), 1)))


def look_back(lives: Lives, known: References, trend: Hyper, ahead: PaceAhead, today: float) -> Hindsight:
    """Looks at the key results of `lives` that have ended by `today` (days since 1970)."""
    over = lives.finished(today, SCORED)
    nth, column = _looks(lives.take(over))
    row = over[nth]
    seen = lives.take(row)
    time = lives.table.time[row, column]
    said = ends(known, seen, column, seen.elapsed(time), seen.start + time * seen.life)
    return Hindsight(
        row=row,
        column=column,
        goal=nth,
        counts=discounted(0.5 ** ((today - lives.ended[over]) / FADES)[None], lives.ended[over])[0],
        made=seen.attained,
        by_trend=_by_trend(lives.take(over), nth, column, trend),
        by_pace=pace_ahead.gain(seen, ahead, column, seen.due).exceedance(seen.threshold),
        by_class=said.exceedance(seen.threshold),
        rest=said.rest,
    )


def _looks(over: Lives) -> tuple[Ints, Ints]:
    """Row and column of LOOKS readings of each, spread evenly over those from the start to before the end."""
    known = np.arange(over.table.x.shape[1]) < over.table.length[:, None]
    last = np.minimum(over.due, (over.ended - over.start) / over.life)
    first = (known & (over.table.time < 0.0)).sum(axis=1)
    count = (known & (over.table.time < last[:, None])).sum(axis=1) - first
    some = first[:, None] + np.arange(LOOKS) * count[:, None] // LOOKS
    row, nth = np.nonzero((np.diff(some, axis=1, prepend=-1) > 0) & (count > 0)[:, None])
    return row, some[row, nth]


def _by_trend(over: Lives, row: Ints, column: Ints, hyper: Hyper) -> Floats:
    """P(target met at due) by the trend at each look, (look,)."""
    settings = Settings.of(hyper)
    by_length = np.argsort(-over.table.length, kind="stable")
    place = np.argsort(by_length)
    now = State._make(np.empty((len(State._fields), len(row))))
    for j, state in enumerate(run(over.table.take(by_length), settings)):
        here = np.flatnonzero(column == j)
        for part, seen in zip(now, state, strict=True):
            part[here] = seen[place[row[here]], 0]
    left = np.maximum(over.due[row] - over.table.time[row, column], 0.0)
    return predictive(advance(now, left, settings), hyper).exceedance(over.threshold[row])
