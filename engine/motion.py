"""How key results on a trend move by themselves, morning by morning: what paths are drawn from.

Given sigma, level and slope are Gaussian (see `local_trend`); sigma is drawn once per future, so that the end is the
Student-t of Progress. In a path all noise is taken down by what effort brings of its own (`futures.own_scale`).
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special

from koers.engine import pace, trend
from koers.engine.ahead import look_ahead
from koers.engine.capacity import Calendar, Floats, Ints
from koers.engine.draws import normals, stream, words
from koers.engine.learning import Learnt
from koers.engine.local_trend import Settings, Step, step
from koers.engine.mornings import number_of
from koers.engine.pace_ahead import SHORTEST
from koers.engine.trend import TRENDS

KNOTS = np.linspace(-6.0, 6.0, 241)
"""Normal deviates of the draw of sigma; between them its log is linear."""
HALF = np.uint64(32)


class Motion(NamedTuple):
    """Own dynamics; (key_result,) unless said. Rows that are on no trend stand still."""

    on_trend: NDArray[np.bool_]
    level: Floats  # progress, at the last reading
    slope: Floats  # progress per duration
    first: Floats  # (key_result, 3) lower triangle of the belief about (level, slope), in units of sigma
    sigma: Floats  # (key_result, knot) log of sigma by the deviate of its draw
    drift: float  # progress per duration
    reading: float  # sd of a reading, in units of sigma
    step: Step  # (key_result, day + 1): to each morning while active, the last one to due


class Noise(NamedTuple):
    """What one future draws, (key_result,) standard normals unless said."""

    sigma: Floats
    level: Floats
    slope: Floats
    step: Floats  # (2, key_result, day + 1)
    reading: Floats


def motion(goals: pl.DataFrame, readings: pl.DataFrame, learnt: Learnt, as_of: date, calendar: Calendar) -> Motion:
    """The motion of `goals` over the mornings of `calendar`, from what was known at the end of `as_of`.

    The trend's own, made wider or narrower and bent evenly in time, so that it ends in the middle and with the spread
    of what is ahead.
    """
    hyper = learnt.trend
    on_trend = goals["kind"].is_in(TRENDS).to_numpy()
    rows = goals.filter(on_trend)
    belief = pace.posterior(trend.to_readings(rows, readings), hyper)
    ahead = look_ahead(rows, readings, learnt, as_of, np.ones(rows.height))
    scale, count = ahead.scale, goals.height
    plain = pace.predict(belief, scale.time(trend.day_numbers(rows["due"])), hyper)
    due = np.array([number_of(day) for day in rows["due"]], dtype=np.float64)[:, None]
    edges = np.hstack([np.minimum(np.broadcast_to(calendar.day, (rows.height, len(calendar.day))), due), due])
    times = np.maximum((edges - scale.start[:, None]) / scale.life[:, None], belief.time[:, None])
    passed = np.diff(times, axis=1, prepend=belief.time[:, None])
    bend = (ahead.middle - plain.mean)[:, None] * passed / np.maximum(passed.sum(axis=1, keepdims=True), SHORTEST)
    steps = step(passed, Settings.of(hyper))
    steps = steps._replace(ahead=steps.ahead + bend)
    level_sd = np.sqrt(belief.var_level)
    both = belief.cov / level_sd
    slope_sd = np.sqrt(np.maximum(belief.var_slope - both**2, 0.0))
    precision = special.gammaincinv(hyper.df / 2, special.ndtr(-KNOTS)) / (hyper.df / 2)
    wider = ahead.spread / plain.scale
    sigma = np.log((wider * np.sqrt(belief.scale2))[:, None] / np.sqrt(precision))
    return Motion(
        on_trend=on_trend,
        level=_spread(on_trend, belief.level, count),
        slope=_spread(on_trend, belief.slope, count),
        first=_spread(on_trend, np.stack([level_sd, both, slope_sd], axis=1), count),
        sigma=_spread(on_trend, sigma, count),
        drift=hyper.drift,
        reading=float(np.sqrt(hyper.reading)),
        step=Step._make(_spread(on_trend, part, count) for part in steps),
    )


def _spread(place: NDArray[np.bool_], values: Floats, count: int) -> Floats:
    found = np.zeros((count, *values.shape[1:]))
    found[place] = values
    return found


def streams(seed: int, keys: tuple[str, ...]) -> NDArray[np.uint64]:
    """(key_result, purpose) keys of the draws of `Noise`, in its order."""
    found = [[stream(seed, f"motion/{name}", key) for name in Noise._fields] for key in keys]
    return np.array(found, dtype=np.uint64).reshape(len(keys), len(Noise._fields))


def noise(seed: int, keys: tuple[str, ...], days: Ints, due: Ints, replication: int) -> Noise:
    """The draws of one future: steps are named by the day they lead to; both their normals come from one word."""
    own = streams(seed, keys)
    once = np.array([[float(normals(int(key), replication, 0)) for key in row] for row in own]).reshape(own.shape)
    steps = np.zeros((2, len(keys), len(days) + 1))
    for k, row in enumerate(own):
        word = words(int(row[3]), replication, np.append(days, due[k]))
        halves = np.stack([word >> HALF, word & np.uint64(0xFFFFFFFF)])
        steps[:, k] = special.ndtri((halves.astype(np.float64) + 0.5) / 2.0**32)
    return Noise(once[:, 0], once[:, 1], once[:, 2], steps, once[:, 4])


class State(NamedTuple):
    """Where key results stand in one future, (key_result,)."""

    sigma: Floats
    level: Floats
    slope: Floats


def begin(m: Motion, z: Noise, kept: Floats) -> State:
    """Level and slope at the last reading; `kept` (key_result,) is the share of noise that is a key result's own."""
    sigma = kept * np.array([np.exp(np.interp(draw, KNOTS, row)) for draw, row in zip(z.sigma, m.sigma, strict=True)])
    level, both, slope = m.first.T
    return State(sigma, m.level + sigma * level * z.level, m.slope + sigma * (both * z.level + slope * z.slope))


def moved(m: Motion, s: State, n: int, z: Noise) -> State:
    """The state after step n."""
    step = Step._make(part[:, n] for part in m.step)
    away = s.slope - m.drift
    up, turn = z.step[0][:, n], z.step[1][:, n]
    level = s.level + step.ahead + step.reach * away + s.sigma * step.noise_level * up
    slope = m.drift + step.kept * away + s.sigma * (step.noise_both * up + step.noise_slope * turn)
    return State(s.sigma, level, slope)
