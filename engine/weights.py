"""How much each way of forecasting counts: a default, moved by how well it forecast the key results that have ended.

Odds are the default's times exp(RATE x the log losses saved): pace ahead against trend, then the reference class
against both.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import special

from koers.engine.hindsight import Hindsight
from koers.engine.local_trend import Floats, Ints

READINGS = 2.0
"""Readings after which the pace ahead counts as much as the trend, while nothing has been scored; its odds grow with
their square, as what readings say of a pace does. The trend starts from declared priors. Our inference."""
CLASS = 0.4
"""Of the reference class while nothing has been scored: it helps on some kinds of goals and harms on others."""
RATE = 0.5
"""Of learning."""


class Weights(NamedTuple):
    """What past losses have made of the default odds, in logs; 0 while nothing has been scored."""

    ahead: float = 0.0  # pace ahead over trend
    reference: float = 0.0  # reference class over both

    def of(self, readings: Ints) -> Floats:
        """Weights of trend, pace ahead and reference class, (3, key_result), summing to 1.

        `readings` (key_result,) counts those beyond the first.
        """
        ahead = special.expit(2.0 * np.log(np.maximum(readings, 1e-9) / READINGS) + self.ahead)
        reference = special.expit(special.logit(CLASS) + self.reference)
        return np.stack([(1.0 - reference) * (1.0 - ahead), (1.0 - reference) * ahead, np.full(len(ahead), reference)])


UNSCORED = Weights()
"""The default: nothing has been scored."""


def fit(past: Hindsight) -> Weights:
    """What past forecasts teach."""
    learnt = Weights(RATE * (past.loss(past.by_trend) - past.loss(past.by_pace)))
    by_readings = _by_readings(past, learnt)
    by_class = past.by_class + past.rest * by_readings
    return learnt._replace(reference=RATE * (past.loss(by_readings) - past.loss(by_class)))


def chances(past: Hindsight, learnt: Weights) -> Floats:
    """What the blend would have said at each look, (look,)."""
    weight = learnt.of(past.column)[2]
    by_readings = _by_readings(past, learnt)
    return np.asarray((1.0 - weight) * by_readings + weight * (past.by_class + past.rest * by_readings))


def _by_readings(past: Hindsight, learnt: Weights) -> Floats:
    trend, ahead, _ = learnt.of(past.column)
    return np.asarray((trend * past.by_trend + ahead * past.by_pace) / (trend + ahead))
