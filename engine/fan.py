"""How far key results may come, day by day until they are due: quantiles of the value on days to come.

The last day is the forecast's own. In between it is what the record of a key result says by itself; what capacity adds
to that by the due date is spread evenly over the days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from koers.engine import pace, trend
from koers.engine.capacity import Floats
from koers.engine.forecast import Forecast, KeyResultForecast
from koers.engine.outlook import LEVELS, QUANTILES, TRENDS, learn
from koers.engine.projections import goals, readings
from koers.engine.replay import Frames, view

STEPS = 8
"""Days that are looked at, evenly spaced; the last one is the due date."""


@dataclass(frozen=True, slots=True)
class Fan:
    """Quantiles of a key result's value, in its unit, at the end of each of `days`: per name of QUANTILES, (day,)."""

    days: tuple[date, ...]
    quantiles: dict[str, tuple[float, ...]]


def fans(recorded: Frames, now: Forecast) -> dict[str, Fan]:
    """A fan per key result of `now` that follows a trend and is not due yet; `recorded` is the log it was made of."""
    frames = view(recorded, effective_until=now.as_of, known_until=now.known_at)
    table, values = goals(frames), readings(frames)
    asked = {
        item.key_result: item
        for item in now.key_results
        if item.kind in TRENDS and item.attained is None and item.due > now.as_of
    }
    own = table.filter(pl.col("key_result").is_in(list(asked)))
    if own.is_empty():
        return {}
    hyper = learn(table, values, now.as_of)
    belief, scale = pace.posterior(trend.to_readings(own, values), hyper), trend.scale_of(own)
    first = trend.day_numbers(own["start"].clip(lower_bound=now.as_of))
    shares = np.arange(1, STEPS + 1) / STEPS
    days = np.round(first + shares[:, None] * (trend.day_numbers(own["due"]) - first))
    ends = [trend.Trend(scale, pace.predict(belief, scale.time(day), hyper), np.ones(own.height)) for day in days]
    found = np.array([[end.quantile(level) for level in LEVELS] for end in ends])  # (day, level, key_result)
    names = own["key_result"].to_list()
    return {name: _fan(asked[name], days[:, k], found[:, :, k], shares) for k, name in enumerate(names)}


def _fan(item: KeyResultForecast, days: Floats, own: Floats, shares: Floats) -> Fan:
    """The quantiles `own` (day, level), moved so that the last are those of the forecast."""
    ends = np.array([item.quantiles[name] for name in QUANTILES], dtype=np.float64)
    moved = np.maximum.accumulate(own + shares[:, None] * (ends - own[-1]), axis=1)
    dates = tuple(date(1970, 1, 1) + timedelta(days=int(day)) for day in days)
    return Fan(dates, {name: tuple(column.tolist()) for name, column in zip(QUANTILES, moved.T, strict=True)})
