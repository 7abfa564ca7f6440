"""Beliefs about the end of key results, put together: trend, pace ahead and reference class, each with its weight.

A blend is a mixture: P(x >= threshold) is the weighted sum of its parts'. For quantiles, means and scores the trend and
the pace ahead count as POINTS equally likely points each. Values cannot leave their natural limits. What people say of
the target (`told`) changes how much lies above and below it, and nothing else: of all beliefs that agree with them the
one nearest in relative entropy (Csiszar 1975, Annals of Probability 3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from koers.engine.local_trend import Floats
from koers.engine.pace import Predictive
from koers.engine.pace_ahead import Gain
from koers.engine.reference_class import SAME, Ends

POINTS = 100
LEAST = 1e-9  # of a probability that people's word can still move


@dataclass(frozen=True, slots=True)
class Blend:
    """Beliefs about progress at due; arrays (key_result,) unless said."""

    trend: Predictive
    ahead: Gain
    ends: Ends
    weight: Floats  # (3, key_result) of trend, pace ahead and reference class, summing to 1
    least: Floats  # progress that values allow
    most: Floats
    threshold: Floats  # progress that meets the target
    told: Floats  # P(target met) where people's word counts, else NaN

    def chance(self, threshold: Floats) -> Floats:
        """P(x >= threshold), within [0, 1] and never more for a further one."""
        found, at = self._untold(threshold), np.clip(self._untold(self.threshold), LEAST, 1.0 - LEAST)
        below = self.told + (1.0 - self.told) * (found - at) / (1.0 - at)
        moved = np.where(threshold >= self.threshold, self.told * np.minimum(found / at, 1.0), below)
        return np.clip(np.where(np.isnan(self.told), found, moved), 0.0, 1.0)

    def points(self) -> tuple[Floats, Floats]:
        """Progress at due, (key_result, point) ascending, and the weights of the points."""
        levels = (np.arange(POINTS) + 0.5) / POINTS
        df, own = np.unique(self.trend.df, return_inverse=True)
        student = special.stdtrit(df[:, None], levels)[own]
        trend = self.trend.mean[:, None] + self.trend.scale[:, None] * student
        parts = [trend, Gain._make(part[:, None] for part in self.ahead).quantile(levels)]
        by_reading = np.repeat(self._by_reading().T / POINTS, POINTS, axis=1)
        point = np.clip(np.concatenate([*parts, self.ends.point], axis=1), self.least[:, None], self.most[:, None])
        weight = np.concatenate([by_reading, self.weight[2][:, None] * self.ends.weight], axis=1)
        above = point >= self.threshold[:, None] - SAME
        share = np.clip((weight * above).sum(axis=1), LEAST, 1.0 - LEAST)
        told = np.where(np.isnan(self.told), share, self.told)
        weight = weight * np.where(above, (told / share)[:, None], ((1.0 - told) / (1.0 - share))[:, None])
        order = np.argsort(point, axis=1, kind="stable")
        return np.take_along_axis(point, order, axis=1), np.take_along_axis(weight, order, axis=1)

    def _untold(self, threshold: Floats) -> Floats:
        by_trend, by_pace = self._by_reading()
        found = by_trend * self.trend.exceedance(threshold) + by_pace * self.ahead.exceedance(threshold)
        found = found + self.weight[2] * self.ends.exceedance(threshold)
        return np.where(threshold <= self.least, 1.0, np.where(threshold > self.most, 0.0, found))

    def _by_reading(self) -> Floats:
        """Weights of trend and pace ahead, (2, key_result): theirs, and what the reference class leaves them."""
        own = self.weight[:2]
        return np.asarray(own * (1.0 + self.weight[2] * self.ends.rest / np.maximum(own.sum(axis=0), LEAST)))


def quantiles(point: Floats, weight: Floats, levels: tuple[float, ...]) -> Floats:
    """Points not exceeded with these probabilities, (level, key_result); arguments as of `Blend.points`."""
    below = np.cumsum(weight, axis=1)
    below /= below[:, -1:]
    place = np.stack([(below < level - SAME).sum(axis=1) for level in levels])
    return np.take_along_axis(point, np.minimum(place, point.shape[1] - 1).T, axis=1).T


def inside(point: Floats, weight: Floats, low: float, high: float) -> Floats:
    """Of the probability of the very quantile at `low`, and of that at `high`, what lies between: (2, key_result).

    Next to none of it where points lie close, much where many goals end on one value. Arguments as of `points`.
    """
    ends = quantiles(point, weight, (low, high))
    mass = weight / weight.sum(axis=1, keepdims=True)
    at_most = np.stack([(mass * (point <= end[:, None] + SAME)).sum(axis=1) for end in ends])
    own = np.stack([(mass * (np.abs(point - end[:, None]) <= SAME)).sum(axis=1) for end in ends])
    beyond = np.stack([at_most[0] - low, high - (at_most[1] - own[1])])
    return np.asarray(np.clip(beyond / np.maximum(own, SAME), 0.0, 1.0))
