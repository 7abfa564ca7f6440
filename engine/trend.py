"""Metric and milestone key results: from frames to the arrays of `pace`, and back to values and dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from koers.engine import pace

Floats = NDArray[np.float64]

TRENDS = ("metric", "milestone")
"""Kinds of key results that are on a trend."""
EPOCH = date(1970, 1, 1)
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
    start = day_numbers(goals["start"])
    baseline = goals["baseline"].to_numpy()
    return Scale(
        baseline=baseline,
        way=goals["first_target"].to_numpy() - baseline,
        start=start,
        life=np.maximum(day_numbers(goals["first_due"]) - start, 1.0),
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
    return pace.Readings(series, own.time(day_numbers(rows["day"])), x, goals.height)


def day_numbers(days: pl.Series) -> Floats:
    """Days since 1970."""
    return days.cast(pl.Int32).cast(pl.Float64).to_numpy()
