"""What owners say of a target, as a probability: calibrated, shrunk hard, and weighed against the forecast.

A confidence or a projection is worth what such words have been worth: a declared rate for its label on the scale,
moved by the key results that have ended. Labels are parts of a scale; nobody's words are told apart by who said them.
The forecast and the owners' word are averaged in logits; what the word weighs is learnt from the same past.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy import special

from koers.engine.grading import Goal, meets, progress
from koers.engine.hindsight import SUREST, Hindsight
from koers.engine.local_trend import Floats
from koers.engine.reference_class import discounted
from koers.engine.trend import day_numbers
from koers.engine.weights import RATE

CONFIDENT = (-0.5, 0.6)
"""logit p = a + b logit confidence: between what owners say and the pessimistic end of Buehler et al. Our inference."""
LABELS = (0.2, 0.4, 0.6, 0.8)
"""Where the labels of the confidence scale part."""
PROJECTED = (0.02, 0.07, 0.17, 0.73)
"""Share reached of what was projected to end below .3, below .7, below 1 and at 1 of the way: 77 key results of one
organisation in mid-quarter; none of the lowest was."""
PARTS = (0.3, 0.7, 1.0)
HELD = 20.0
"""Key results that a declared rate is worth."""
SHARES, LIKELY = np.linspace(0.0, 1.0, 5), np.arange(1, 6) / 15
"""What the owners' word may weigh, and how likely each is at first: two thirds on average, since calibrated projections
ranked key results well and an owner has seen the readings. Our inference."""


@dataclass(frozen=True, slots=True)
class Owners:
    """What has been learnt of the owners' words: shifts in logits by label, and what their word weighs (0-1)."""

    confidence: tuple[float, ...] = (0.0,) * (len(LABELS) + 1)
    projection: tuple[float, ...] = (0.0,) * len(PROJECTED)
    weight: float = float(SHARES @ LIKELY)

    def logit(self, goal: Goal, confidence: float | None, projection: float | None) -> float:
        """The logit of what the words are worth, NaN where there are none."""
        said = _labelled(goal, confidence, projection)
        shifts = {"confidence": self.confidence, "projection": self.projection}
        found = [declared + shifts[kind][label] for kind, label, declared in said]
        return float(np.mean(found)) if found else float("nan")

    def told(self, chance: Floats, logits: Floats) -> Floats:
        """The forecast's `chance` and the words' `logits` (key_result,) together; NaN where there are no words."""
        own = special.logit(np.clip(chance, 1.0 - SUREST, SUREST))
        return np.asarray(special.expit((1.0 - self.weight) * own + self.weight * logits))


DECLARED = Owners()
"""What is declared: nothing has been learnt."""


def _labelled(goal: Goal, confidence: float | None, projection: float | None) -> list[tuple[str, int, float]]:
    """What was said: which kind of word, its label, and the logit of the declared rate."""
    found = []
    if confidence is not None:
        inside = min(max(confidence, 1.0 - SUREST), SUREST)
        declared = CONFIDENT[0] + CONFIDENT[1] * float(special.logit(inside))
        found.append(("confidence", int(np.searchsorted(LABELS, confidence, side="right")), declared))
    if projection is not None and goal["kind"] != "control":
        met = meets(goal, projection, goal["target"])
        way = 1.0 if met else min(progress(goal, projection) or 0.0, np.nextafter(1.0, 0.0))
        label = int(np.searchsorted(PARTS, way, side="right"))
        found.append(("projection", label, float(special.logit(PROJECTED[label]))))
    return found


def fit(goals: pl.DataFrame, readings: pl.DataFrame, ended: pl.DataFrame) -> Owners:
    """What the words on the key results that have `ended` (see `grading.endings`) were worth, by label."""
    spoken = pl.col("confidence").is_not_null() | pl.col("projection").is_not_null()
    words = (
        readings.filter(spoken)
        .join(ended.select("key_result", "attained"), on="key_result")
        .join(goals.select("key_result", "kind", "direction", "baseline", "target", "start", "due"), on="key_result")
        .filter((pl.col("effective_on") >= pl.col("start")) & (pl.col("effective_on") < pl.col("due")))
        .sort("due", "value", "confidence", "projection", "effective_on")
    )
    tally = {"confidence": np.zeros((len(LABELS) + 1, 3)), "projection": np.zeros((len(PROJECTED), 3))}
    for row, counts in zip(words.iter_rows(named=True), _counts(words), strict=True):
        for kind, label, declared in _labelled(row, row["confidence"], row["projection"]):
            tally[kind][label] += counts * np.array([1.0, row["attained"], special.expit(declared)])
    confidence, projection = (tuple(_shift(*row) for row in tally[kind]) for kind in ("confidence", "projection"))
    return Owners(confidence, projection)


def weigh(owners: Owners, past: Hindsight, chance: Floats, logits: Floats) -> Owners:
    """The owners' words weighed by what they would have added to `chance` at the looks of `past`; both (look,)."""
    mixed = [replace(owners, weight=float(share)).told(chance, logits) for share in SHARES]
    losses = np.array([past.loss(np.where(np.isnan(told), chance, told)) for told in mixed])
    odds = LIKELY * np.exp(-RATE * (losses - losses.min()))
    return replace(owners, weight=float(SHARES @ odds / odds.sum()))


def _counts(words: pl.DataFrame) -> Floats:
    """What each row of words counts: a key result once in all, those due on one day less."""
    if words.is_empty():
        return np.zeros(0)
    once = words.unique("key_result", maintain_order=True).sort("due", "key_result")
    due = day_numbers(once["due"])
    each = once.select("key_result", counts=pl.Series(discounted(np.ones((1, len(due))), due)[0]))
    many = pl.len().over("key_result")
    return (
        words.join(each, on="key_result", maintain_order="left").select(pl.col("counts") / many).to_series().to_numpy()
    )


def _shift(count: float, reached: float, declared: float) -> float:
    """In logits, from the declared rate to that of HELD key results at it and those seen."""
    if count == 0.0:
        return 0.0
    rate = declared / count
    return float(special.logit((HELD * rate + reached) / (HELD + count)) - special.logit(rate))
