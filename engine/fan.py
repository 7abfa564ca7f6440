"""How far key results may come, day by day until they are due: quantiles of the value on days to come.

The last day is the forecast's own. A day in between has what a key result's own record would say were it due then; what
capacity and its owner's words, which speak of the due date, add to that is spread evenly over the days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from koers.engine.capacity import Floats
from koers.engine.forecast import Forecast, KeyResultForecast
from koers.engine.learning import STAGES, learn
from koers.engine.outlook import QUANTILES, outlook
from koers.engine.projections import goals, readings
from koers.engine.replay import Frames, view
from koers.engine.trend import TRENDS

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
    names, learnt = own["key_result"], learn(table, values, now.as_of, STAGES - {"owners"})
    days = [_days(asked[name], now.as_of) for name in names]
    seen = [
        outlook(own.with_columns(due=pl.Series(due, dtype=pl.Date)), values, now.as_of, names, learnt)
        for due in zip(*days, strict=True)
    ]
    found = np.array([step.select(QUANTILES).to_numpy() for step in seen])  # (day, key_result, level)
    return {name: _fan(asked[name], days[k], found[:, k]) for k, name in enumerate(names)}


def _days(item: KeyResultForecast, as_of: date) -> tuple[date, ...]:
    """STEPS days from today, or from a later start, to the due date."""
    first = max(as_of, item.start)
    left = (item.due - first).days
    return tuple(first + timedelta(days=-(-left * step // STEPS)) for step in range(1, STEPS + 1))


def _fan(item: KeyResultForecast, days: tuple[date, ...], own: Floats) -> Fan:
    """The quantiles `own` (day, level), moved so that the last are those of the forecast."""
    ends = np.array([item.quantiles[name] for name in QUANTILES], dtype=np.float64)
    share = np.arange(1, STEPS + 1)[:, None] / STEPS
    moved = np.maximum.accumulate(own + share * (ends - own[-1]), axis=1)
    return Fan(days, {name: tuple(column.tolist()) for name, column in zip(QUANTILES, moved.T, strict=True)})
