"""What is ahead of key results on a trend: beliefs about their end, and the path that is expected until then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl
from scipy import special

from koers.engine import pace, pace_ahead
from koers.engine.blend import Blend, inside, quantiles
from koers.engine.learning import Learnt
from koers.engine.lives import Lives, lives_of
from koers.engine.local_trend import Floats, Hyper
from koers.engine.reference_class import ends
from koers.engine.trend import EPOCH, Scale, scale_of

LEVELS = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)
MIDDLE = (0.10, 0.90)
PATH_STEPS = 60
"""Steps in which the expected path is followed for its first passage."""
CHUNK = 1_000
"""Key results held at a time."""
NARROWEST = 1e-9  # progress


@dataclass(frozen=True, slots=True)
class Ahead:
    """Beliefs about the end of each key result, progress as first set; (key_result,) unless said."""

    scale: Scale
    threshold: Floats  # that meets the target in force
    probability: Floats  # of meeting it
    counts: Floats  # probability of counting as reached
    mean: Floats
    score: Floats  # expected share of the way to the target in force, counted from 0 to 1
    quantile: Floats  # (level, key_result) at LEVELS
    inside: Floats  # (2, key_result) see `blend.inside`, of the middle 80 %
    due: Floats  # durations
    belief: pace.Posterior  # of the trend, at the last reading
    trend: Hyper

    @property
    def df(self) -> float:
        """Degrees of freedom of the Student-t that stands for the whole."""
        return self.trend.df

    @property
    def middle(self) -> Floats:
        """Centre of the Student-t with the same median and middle 80 %."""
        return np.asarray(self.quantile[LEVELS.index(0.5)])

    @property
    def spread(self) -> Floats:
        """Its scale."""
        middle = self.quantile[LEVELS.index(0.9)] - self.quantile[LEVELS.index(0.1)]
        return np.asarray(np.maximum(middle / (2.0 * special.stdtrit(self.df, 0.9)), NARROWEST))

    def plain_score(self) -> Floats:
        """Expected score, were the Student-t all there is; as `score` where there is no way to go."""
        far = self.threshold > 0
        way = np.where(far, self.threshold, 1.0)
        plain = pace.Predictive(self.middle / way, self.spread / way, np.full(len(way), self.df))
        return np.where(far, plain.expected_score(), self.score)

    def values(self) -> tuple[Floats, Floats, Floats]:
        """Mean (key_result,) and quantiles (level, key_result) in the key results' units; `inside` by values."""
        upwards, held = (np.where(self.scale.way > 0, part, part[::-1]) for part in (self.quantile, self.inside))
        return self.scale.baseline + self.scale.way * self.mean, self.scale.baseline + self.scale.way * upwards, held


def look_ahead(goals: pl.DataFrame, readings: pl.DataFrame, learnt: Learnt, as_of: date, share: Floats) -> Ahead:
    """Beliefs at the end of `as_of`; `share` (key_result,) of the way is what counts as reached."""
    lives = lives_of(goals, readings, as_of)
    told = words(goals, readings, learnt)
    parts = [slice(low, low + CHUNK) for low in range(0, max(goals.height, 1), CHUNK)]
    every = np.arange(goals.height)
    belief = pace.posterior_of(lives.table, learnt.trend)
    found = [_numbers(lives.take(every[p]), belief.take(p), learnt, as_of, told[p], share[p]) for p in parts]
    probability, counts, mean, score, quantile, held = (
        np.concatenate(part, axis=-1) for part in zip(*found, strict=True)
    )
    return Ahead(
        scale=scale_of(goals),
        threshold=lives.threshold,
        probability=probability,
        counts=counts,
        mean=mean,
        score=score,
        quantile=quantile,
        inside=held,
        due=lives.due,
        belief=belief,
        trend=learnt.trend,
    )


def words(goals: pl.DataFrame, readings: pl.DataFrame, learnt: Learnt) -> Floats:
    """The logits of what owners' words at the last check-in are worth, (key_result,); NaN where they said nothing."""
    last = readings.group_by("key_result").agg(pl.col("confidence", "projection").last())
    rows = goals.join(last, on="key_result", how="left", maintain_order="left").iter_rows(named=True)
    return np.array([learnt.words(row, row["confidence"], row["projection"]) for row in rows])


def _numbers(
    lives: Lives, now: pace.Posterior, learnt: Learnt, as_of: date, told: Floats, share: Floats
) -> tuple[Floats, ...]:
    """Probability, that of counting, mean, score (key_result,), quantiles (level, key_result) and `inside`."""
    column = lives.last()
    elapsed = lives.elapsed(((as_of - EPOCH).days - lives.start) / lives.life)
    least, most = lives.limits()
    blend = Blend(
        trend=pace.predict(now, lives.due, learnt.trend),
        ahead=pace_ahead.gain(lives, learnt.ahead, column, lives.due),
        ends=ends(learnt.references, lives, column, elapsed),
        weight=learnt.mixture(column),
        least=least,
        most=most,
        threshold=lives.threshold,
        told=np.full(len(told), np.nan),
    )
    blend = replace(blend, told=learnt.owners.told(blend.chance(lives.threshold), told))
    point, weight = blend.points()
    far = lives.threshold > 0
    way = np.where(far, lives.threshold, 1.0)[:, None]
    probability = blend.chance(lives.threshold)
    score = np.where(far, (weight * np.clip(point / way, 0.0, 1.0)).sum(axis=1), probability)
    counts = blend.chance(np.where(far, share, 1.0) * lives.threshold)
    mean, held = (weight * point).sum(axis=1), inside(point, weight, *MIDDLE)
    return probability, counts, mean, score, quantiles(point, weight, LEVELS), held


def expected(ahead: Ahead, days: Floats) -> Floats:
    """Expected progress at the end of each of `days` (key_result, day), numbers since 1970; as at the last reading.

    The trend's path, bent evenly in time to end in the middle of what is ahead.
    """
    return _path(ahead)(ahead.scale.time(days.T)).T


def passages(ahead: Ahead, as_of: date, gain: Floats | float = 0.0) -> list[date | None]:
    """First passage of the expected path (None: not within a further life after due).

    `gain` (key_result,) is progress by due that the readings do not speak of; it comes evenly in time.
    """
    path, due, scale = _path(ahead), ahead.due, ahead.scale
    now = np.maximum(scale.time(float((as_of - EPOCH).days)), ahead.belief.time)
    left = np.maximum(due - now, 1.0 / scale.life)

    def lifted(time: Floats) -> Floats:
        return np.asarray(path(time) + gain * np.clip((time - now) / left, 0.0, 1.0))

    days = scale.start + _first_passage(lifted, now, np.maximum(due, now) + 1.0, ahead.threshold) * scale.life
    return [None if np.isnan(day) else EPOCH + timedelta(days=int(np.ceil(day))) for day in days]


def _path(ahead: Ahead) -> Callable[[Floats], Floats]:
    """Expected progress at times (..., key_result), durations."""
    belief = ahead.belief
    bend = ahead.middle - pace.predict(belief, ahead.due, ahead.trend).mean
    left = np.maximum(ahead.due - belief.time, 1.0 / ahead.scale.life)

    def path(time: Floats) -> Floats:
        plain = pace.predict(belief, time, ahead.trend).mean
        return np.asarray(plain + bend * np.maximum(time - belief.time, 0.0) / left)

    return path


def _first_passage(path: Callable[[Floats], Floats], now: Floats, end: Floats, threshold: Floats) -> Floats:
    """Time at which the path first meets the threshold, by linear steps; NaN where it does not by `end`."""
    times = now + (end - now) * np.linspace(0.0, 1.0, PATH_STEPS + 1)[:, None]
    way = path(times)
    met = way >= threshold
    step = np.argmax(met, axis=0)
    own = np.arange(len(now))
    before = np.maximum(step - 1, 0)
    rise = way[step, own] - way[before, own]
    part = np.divide(threshold - way[before, own], rise, out=np.ones_like(rise), where=rise > 0)
    crossing = times[before, own] + np.clip(part, 0.0, 1.0) * (times[step, own] - times[before, own])
    return np.where(met.any(axis=0), np.where(step == 0, times[0], crossing), np.nan)
