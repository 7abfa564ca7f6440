"""What all key results teach: everything a forecast shares with the others, learnt from what is known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from koers.engine import calibration, pace, pace_ahead, reference_class, weights
from koers.engine.calibration import DECLARED, Owners
from koers.engine.grading import Goal, endings
from koers.engine.hindsight import Hindsight, look_back
from koers.engine.lives import Lives, lives_of
from koers.engine.local_trend import Floats, Hyper, Ints
from koers.engine.pace_ahead import FIRST, PaceAhead
from koers.engine.reference_class import NONE, References
from koers.engine.trend import EPOCH, TRENDS
from koers.engine.weights import UNSCORED, Weights

STAGES = frozenset({"pace ahead", "reference class", "weights", "owners"})
"""What can be left out of a forecast, to see what it earns; the trend is always there."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What has been learnt by a day; as it stands, the declared priors. `stages` is what forecasts are made with."""

    trend: Hyper = pace.DEFAULT
    ahead: PaceAhead = FIRST
    references: References = NONE
    weights: Weights = UNSCORED
    owners: Owners = DECLARED
    stages: frozenset[str] = STAGES
    elasticity: Floats | None = None  # of effort, on its grid; None: learnt where the capacity model needs it

    def mixture(self, readings: Ints) -> Floats:
        """Weights of trend, pace ahead and reference class, (3, key_result); see `Weights.of`."""
        found = (self.weights if "weights" in self.stages else UNSCORED).of(readings)
        found[1] *= "pace ahead" in self.stages
        found[2] *= "reference class" in self.stages
        return np.asarray(found / found.sum(axis=0))

    def words(self, goal: Goal, confidence: float | None, projection: float | None) -> float:
        """The logit of what an owner's words are worth, NaN without any: see `Owners.logit`."""
        return self.owners.logit(goal, confidence, projection) if "owners" in self.stages else float("nan")


def learn(goals: pl.DataFrame, readings: pl.DataFrame, as_of: date, stages: frozenset[str] = STAGES) -> Learnt:
    """What the key results that had begun by the end of `as_of` teach; the priors where they teach nothing.

    `goals` and `readings` (from `projections`) are what was known.
    """
    begun = _latest(goals.filter(pl.col("kind").is_in(TRENDS) & (pl.col("start") <= as_of)))
    lives, today = lives_of(begun, readings, as_of), float((as_of - EPOCH).days)
    order = lives.by_content()
    begun, lives = begun[order], lives.take(order)
    trend, ahead = pace.fit(lives.table), pace_ahead.fit(lives, today)
    known = reference_class.references(lives, today)
    past = look_back(lives, known, trend, ahead, today)
    learnt = Learnt(trend, ahead, known, weights.fit(past), stages=stages)
    owners = calibration.fit(goals, readings, endings(goals, readings, as_of))
    words = _words(begun, readings, lives, past, owners)
    return replace(learnt, owners=calibration.weigh(owners, past, weights.chances(past, learnt.weights), words))


def _words(goals: pl.DataFrame, readings: pl.DataFrame, lives: Lives, past: Hindsight, owners: Owners) -> Floats:
    """The logits of what owners had said last at each look of `past`, (look,); NaN where they had said nothing."""
    spoken = readings.filter(pl.col("confidence").is_not_null() | pl.col("projection").is_not_null())
    if spoken.is_empty():
        return np.full(len(past.row), np.nan)
    said = {
        (name, day): words
        for name, day, *words in spoken.select("key_result", "effective_on", "confidence", "projection").iter_rows()
    }
    rows = goals.to_dicts()
    days = np.rint(lives.start[past.row] + lives.table.time[past.row, past.column] * lives.life[past.row])
    found = []
    for row, day in zip(past.row.tolist(), days.tolist(), strict=True):
        words = said.get((rows[row]["key_result"], EPOCH + timedelta(days=int(day))), (None, None))
        found.append(owners.logit(rows[row], *words))
    return np.array(found)


def _latest(begun: pl.DataFrame) -> pl.DataFrame:
    """The goals begun last, as many as teach the trend; all that begun on the same day as the first of them."""
    if begun.height <= pace.LEARNERS:
        return begun
    since = begun["start"].sort(descending=True)[pace.LEARNERS - 1]
    return begun.filter(pl.col("start") >= since)
