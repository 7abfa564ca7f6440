"""Metric and milestone key results: from frames to the arrays of `pace`, and back to values and dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from koers.engine import pace

Floats = NDArray[np.float64]

PATH_STEPS = 60
"""Steps in which the expected path is followed for its first passage."""
FURTHEST = 1e6
"""Progress beyond this is taken as this: squares must stay finite."""
DIGITS = 9
"""Decimals of progress: another unit may round to another last digit, which must not decide whether a line is met."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How values and days become progress and time, all (key_result,); as first set, so a re-target moves nothing."""

    baseline: Floats
    way: Floats  # first target - baseline
    start: Floats  # days since 1970
    life: Floats  # days from start to the first due date, at least 1

    def time(self, day: Floats | float) -> Floats:
        """Goal durations: 0 at the end of the start day, 1 at the end of the first due day."""
        return (day - self.start) / self.life

    def progress(self, value: Floats) -> Floats:
        """0 at the baseline, 1 at the first target."""
        return (value - self.baseline) / self.way


def scale_of(goals: pl.DataFrame) -> Scale:
    """The scale of each goal, in the order given."""
    start = _day_numbers(goals["start"])
    baseline = goals["baseline"].to_numpy()
    return Scale(
        baseline=baseline,
        way=goals["first_target"].to_numpy() - baseline,
        start=start,
        life=np.maximum(_day_numbers(goals["first_due"]) - start, 1.0),
    )


def to_readings(goals: pl.DataFrame, readings: pl.DataFrame) -> pace.Readings:
    """The readings of `goals` up to due, as arrays.

    Each series is opened by its baseline at the start unless it has a history. An outcome recorded is the reading at
    due: what happens on the last day is learnt from, too.
    """
    scale = scale_of(goals)
    index = goals.select("key_result", "due", "start", series=pl.int_range(pl.len()))
    ended = goals.with_row_index("series").filter(pl.col("outcome_value").is_not_null())
    seen = (
        readings.select("key_result", "effective_on", "value")
        .join(index, on="key_result")
        .filter(pl.col("effective_on") <= pl.col("due"))
    )
    opened = seen.filter(pl.col("effective_on") <= pl.col("start"))["series"].unique()
    bare = index.filter(~pl.col("series").is_in(opened.implode()))
    rows = pl.concat(
        [
            bare.select("series", day="start", value=pl.Series(scale.baseline[bare["series"].to_numpy()])),
            seen.select("series", day="effective_on", value="value"),
            ended.select(pl.col("series").cast(pl.Int64), day="due", value="outcome_value"),
        ]
    )
    rows = rows.unique(["series", "day"], keep="last", maintain_order=True).sort("series", "day")
    series = rows["series"].to_numpy()
    own = Scale(*(part[series] for part in (scale.baseline, scale.way, scale.start, scale.life)))
    x = np.clip(np.round(own.progress(rows["value"].to_numpy()), DIGITS), -FURTHEST, FURTHEST)
    return pace.Readings(series, own.time(_day_numbers(rows["day"])), x, goals.height)


@dataclass(frozen=True, slots=True)
class Trend:
    """Beliefs about the end of each key result, on its own scale; (key_result,) throughout."""

    scale: Scale
    at_due: pace.Predictive
    threshold: Floats  # progress that meets the target in force

    def probability(self, share: Floats | float = 1.0) -> Floats:
        """P(at least `share` of the way to the target in force at due); where there is no way to go, P(target met)."""
        return self.at_due.exceedance(np.where(self.threshold > 0, share, 1.0) * self.threshold)

    def quantile(self, level: float) -> Floats:
        """Values with this probability of ending below them, in the key result's unit."""
        upwards = np.where(self.scale.way > 0, level, 1.0 - level)
        return self.scale.baseline + self.scale.way * self.at_due.quantile(upwards)

    def expected_score(self) -> Floats:
        """Expected share of the way to the target in force, counted from 0 to 1."""
        way = np.where(self.threshold > 0, self.threshold, 1.0)
        scored = pace.Predictive(self.at_due.mean / way, self.at_due.scale / way, self.at_due.df).expected_score()
        return np.where(self.threshold > 0, scored, self.probability())

    def mean(self) -> Floats:
        """Expected value at due."""
        return self.scale.baseline + self.scale.way * self.at_due.mean


def look_ahead(
    goals: pl.DataFrame, readings: pl.DataFrame, hyper: pace.Hyper, as_of: date, gain: Floats | float = 0.0
) -> tuple[Trend, list[date | None]]:
    """Beliefs at due, and the first passage of the expected path (None: not within a further life after due).

    `gain` (key_result,) is progress to come that the readings do not speak of; it moves the passage alone.
    """
    scale = scale_of(goals)
    series = to_readings(goals, readings)
    belief = pace.posterior(series, hyper)
    due = scale.time(_day_numbers(goals["due"]))
    threshold = scale.progress(goals["target"].to_numpy())
    trend = Trend(scale, pace.predict(belief, due, hyper), threshold)
    now = np.maximum(scale.time(float((as_of - date(1970, 1, 1)).days)), belief.time)
    crossing = _first_passage(belief, hyper, now, np.maximum(due, now) + 1.0, threshold - gain)
    days = scale.start + crossing * scale.life
    passages = [None if np.isnan(day) else date(1970, 1, 1) + timedelta(days=int(np.ceil(day))) for day in days]
    return trend, passages


def expected(goals: pl.DataFrame, readings: pl.DataFrame, hyper: pace.Hyper, days: Floats) -> Floats:
    """Expected progress at the end of each of `days` (key_result, day), numbers since 1970; as at the last reading."""
    scale = scale_of(goals)
    belief = pace.posterior(to_readings(goals, readings), hyper)
    times = [scale.time(column) for column in days.T]
    return np.stack([pace.predict(belief, time, hyper).mean for time in times], axis=1) if times else days


def _first_passage(belief: pace.Posterior, hyper: pace.Hyper, now: Floats, end: Floats, threshold: Floats) -> Floats:
    """Time at which the expected path first meets the threshold, by linear steps; NaN where it does not by `end`."""
    times = now + (end - now) * np.linspace(0.0, 1.0, PATH_STEPS + 1)[:, None]
    path = np.stack([pace.predict(belief, time, hyper).mean for time in times])
    met = path >= threshold
    step = np.argmax(met, axis=0)
    own = np.arange(len(now))
    before = np.maximum(step - 1, 0)
    rise = path[step, own] - path[before, own]
    part = np.divide(threshold - path[before, own], rise, out=np.ones_like(rise), where=rise > 0)
    crossing = times[before, own] + np.clip(part, 0.0, 1.0) * (times[step, own] - times[before, own])
    return np.where(met.any(axis=0), np.where(step == 0, times[0], crossing), np.nan)


def _day_numbers(days: pl.Series) -> Floats:
    return days.cast(pl.Int32).cast(pl.Float64).to_numpy()
