"""Off-the-shelf forecasters on a fixed sample of a backtest's forecasts; slow, so only on request.

Each sees the readings of one key result as known at the origin, on a daily grid (the value in force), thinned to at
most 60 points, and forecasts the value at due; P(reached) follows from its own 80 % interval, taken as normal.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtr

from koers.engine.backtest import KOERS, SCHEMA
from koers.engine.draws import uniform
from koers.engine.projections import goals, readings
from koers.engine.replay import typed, view
from koers.events.memory import MemoryLog
from koers.events.model import end_of

Floats = NDArray[np.float64]
SAMPLE = 200
"""Forecasts per peer."""
POINTS = 60
LEVEL = 80
Z = 1.2815515655446004
"""The normal quantile at the end of a central 80 % interval."""
LEAST = 6
"""Points that a peer needs; with fewer it says one half."""

Forecaster = Callable[[Floats, int], tuple[float, float]]


def with_peers(table: pl.DataFrame, log: MemoryLog) -> pl.DataFrame:
    """`table` with rows of the peers, for the same SAMPLE forecasts each."""
    own = table.filter(pl.col("method") == KOERS).sort("key_result", "as_of")
    order = [uniform(1, "sample", name, str(day)) for name, day in own.select("key_result", "as_of").iter_rows()]
    chosen = own.with_columns(order=pl.Series(order)).sort("order").head(SAMPLE).drop("order")
    recorded = typed(log)
    series = {}
    for (day,) in chosen.select("as_of").unique().iter_rows():
        known = view(recorded, effective_until=day, known_until=end_of(day))
        series[day] = (goals(known), readings(known))
    parts = [table]
    for name, forecaster in _peers().items():
        rows = [_probability(row, *series[row["as_of"]], forecaster) for row in chosen.iter_rows(named=True)]
        parts.append(
            chosen.with_columns(
                pl.Series("probability", rows),
                pl.lit(None, pl.Float64).alias("q10"),
                pl.lit(None, pl.Float64).alias("q90"),
                method=pl.lit(name),
            ).select(SCHEMA.keys())
        )
    return pl.concat(parts)


def _probability(row: dict[str, object], table: pl.DataFrame, values: pl.DataFrame, forecaster: Forecaster) -> float:
    goal = table.filter(pl.col("key_result") == row["key_result"]).row(0, named=True)
    seen = values.filter(pl.col("key_result") == row["key_result"])
    days = seen["effective_on"].to_physical().to_numpy().astype(float)
    y = seen["value"].to_numpy()
    last = (goal["due"] - date(1970, 1, 1)).days
    step = max(1.0, np.ceil((days[-1] - days[0]) / POINTS)) if len(days) else 1.0
    grid = np.arange(days[-1], days[0] - 1e-9, -step)[::-1] if len(days) else np.zeros(0)
    if len(grid) < LEAST or np.ptp(y) == 0:
        return 0.5
    held = y[np.searchsorted(days, grid, side="right") - 1]
    horizon = max(1, round((last - days[-1]) / step))
    mean, spread = forecaster(held, horizon)
    sign = 1.0 if goal["direction"] == "increase" else -1.0
    return float(ndtr(sign * (mean - goal["target"]) / max(spread, 1e-9)))


def _peers() -> dict[str, Forecaster]:
    from statsforecast.models import AutoARIMA, AutoETS, AutoTheta

    def of(model: type) -> Forecaster:
        def run(y: Floats, horizon: int) -> tuple[float, float]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = model(season_length=1).forecast(y=y, h=horizon, level=[LEVEL])
            return _ends(*(np.asarray(found[name])[-1] for name in ("mean", f"lo-{LEVEL}", f"hi-{LEVEL}")))

        return run

    return {"AutoETS": of(AutoETS), "AutoTheta": of(AutoTheta), "AutoARIMA": of(AutoARIMA), "prophet": _prophet}


def _prophet(y: Floats, horizon: int) -> tuple[float, float]:
    import pandas as pd
    from prophet import Prophet

    logging.getLogger("cmdstanpy").setLevel(logging.ERROR)
    logging.getLogger("prophet").setLevel(logging.ERROR)
    days = pd.date_range("2000-01-01", periods=len(y) + horizon, freq="D")
    model = Prophet(
        interval_width=LEVEL / 100, daily_seasonality=False, weekly_seasonality=False, yearly_seasonality=False
    )
    np.random.seed(1)  # noqa: NPY002 - prophet draws from the global generator
    model.fit(pd.DataFrame({"ds": days[: len(y)], "y": y}))
    found = model.predict(pd.DataFrame({"ds": days[-1:]})).iloc[0]
    return _ends(found["yhat"], found["yhat_lower"], found["yhat_upper"])


def _ends(mean: float, low: float, high: float) -> tuple[float, float]:
    return float(mean), float((high - low) / (2.0 * Z))
