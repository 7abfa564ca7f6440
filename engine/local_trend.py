"""The state-space model under `pace`: a local linear trend with a scale of its own for each key result.

Time t is in goal durations (0 = start, 1 = due, history before the start is negative); progress x is 0 at the baseline
and 1 at the target. Level L and slope B of one key result move between readings as

    dL = B dt + sigma dW1
    dB = reversion (drift - B) dt + sigma sqrt(wander) dW2
    x  = L + sigma sqrt(reading) e

Every variance carries the same unknown sigma^2, one per key result, since paces differ by orders of magnitude. From one
reading to the next, however far apart, the precision 1 / sigma^2 takes a beta shock that costs one degree of freedom of
df + 1 (Uhlig 1994, Econometric Theory 10; West and Harrison 1997, section 10.8), and the next reading gives it back. So
the next reading is exactly Student-t with df degrees of freedom: tails stay heavy, and the scale follows a series from
flat weeks to lumps and back.

Many key results are filtered at once, and many candidate settings side by side: arrays are (series, candidate).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RESOLUTION = 64  # readings per duration told apart: closer ones are too alike to teach the scale of what is to come
KEPT = 128  # latest readings used per key result
SERIES = 0.01  # below this many reversions, moments by their power series: the closed forms cancel
FLOOR = 1e-12  # of scale2, in progress squared: a series that never moved still has a scale


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings of many key results, ragged: rows sorted by (series, time), all finite.

    A first reading anchors the level, so the baseline comes as the reading (0, 0) where no history precedes it.
    """

    series: Ints  # (reading,) index of the key result, 0..n_series-1, non-decreasing
    time: Floats  # (reading,) goal durations: 0 at start, 1 at due
    x: Floats  # (reading,) progress: 0 baseline, 1 target
    n_series: int


@dataclass(frozen=True, slots=True)
class Hyper:
    """What all key results share. Variances are multiples of a key result's own sigma^2.

    From the start to due, the defaults forecast what 30,200 scored goals did: a mean score of .62; and a fifth reached,
    a little more than scored 1, since scores stop there. First slopes and their wandering each make nearly half of the
    variance: a pace may change as much as paces differ.
    """

    drift: float = 0.66  # progress per duration; slopes start around it and return to it
    reversion: float = 0.5  # rate of that return, per duration, > 0; near 0 the local linear trend
    spread: float = 8.0  # variance of the first slope, > 0
    wander: float = 24.0  # variance that the slope gains per duration, > 0
    reading: float = 0.02  # variance of a reading around the level, > 0
    scale: float = 0.107  # first guess of sigma, progress, > 0
    df: float = 4.0  # degrees of freedom of a forecast, > 1; the scale remembers about df + 1 readings


class Settings(NamedTuple):
    """The fields of Hyper as arrays (candidate,), or numbers."""

    drift: Floats
    reversion: Floats
    spread: Floats
    wander: Floats
    reading: Floats
    scale: Floats
    df: Floats

    @classmethod
    def of(cls, hyper: Hyper) -> Settings:
        """One candidate, as numbers."""
        return cls._make(np.array(astuple(hyper)))


class State(NamedTuple):
    """Belief about level and slope: means, variances in units of scale2, and scale2, the estimate of sigma^2."""

    level: Floats
    slope: Floats
    var_level: Floats
    cov: Floats
    var_slope: Floats
    scale2: Floats


def start(x: Floats, h: Settings) -> State:
    """Belief at a first reading x, (series, 1): the prior on the level is flat, so it sits at the reading."""
    zero = np.zeros(np.broadcast_shapes(x.shape, np.shape(h.drift)))
    return State(x + zero, h.drift + zero, h.reading + zero, zero, h.spread + zero, h.scale**2 + zero)


def advance(s: State, dt: Floats, h: Settings) -> State:
    """Belief dt >= 0 durations later: exact moments of an integrated Ornstein-Uhlenbeck process (Gillespie 1996)."""
    reach, kept, var_level, var_slope = _moments(h.reversion * dt)
    reach = reach * dt
    return State(
        s.level + h.drift * dt + reach * (s.slope - h.drift),
        h.drift + kept * (s.slope - h.drift),
        s.var_level + dt + reach * (2 * s.cov + reach * s.var_slope) + h.wander * dt**3 * var_level,
        kept * (s.cov + reach * s.var_slope) + h.wander * reach**2 / 2,
        kept**2 * s.var_slope + h.wander * dt * var_slope,
        s.scale2,
    )


class Step(NamedTuple):
    """What a time dt does to level and slope, given sigma; the noise is a lower triangle times two normals."""

    ahead: Floats  # level += ahead + reach (slope - drift)
    reach: Floats
    kept: Floats  # slope - drift is multiplied by this
    noise_level: Floats  # of level, by the first normal, in units of sigma
    noise_both: Floats  # of slope, by the first
    noise_slope: Floats  # of slope, by the second


def step(dt: Floats, h: Settings) -> Step:
    """The step that `advance` takes, for drawing paths; dt >= 0 durations."""
    reach, kept, var_level, var_slope = _moments(h.reversion * dt)
    reach = reach * dt
    level = np.sqrt(dt + h.wander * dt**3 * var_level)
    both = np.divide(h.wander * reach**2 / 2, level, out=np.zeros_like(level), where=level > 0)
    slope = np.sqrt(np.maximum(h.wander * dt * var_slope - both**2, 0.0))
    return Step(h.drift * dt, reach, kept, level, both, slope)


def _moments(u: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Of a slope after u reversions: its mean reach and what is kept of it; noise variance of level and slope.

    Reach is in units of dt, the variances in wander dt^3 and wander dt: 1, 1, 1/3 and 1 at u = 0.
    """
    lost = -np.expm1(-u)
    grown = lost * (1 - lost / 2)
    near = u < SERIES
    v = np.where(near, 1.0, u)
    reach, var_level, var_slope = lost / v, (v - 2 * lost + grown) / (v * v * v), grown / v
    if near.any():
        reach = np.where(near, 1 - u * (1 / 2 - u * (1 / 6 - u / 24)), reach)
        var_level = np.where(near, 1 / 3 - u * (1 / 4 - u * (7 / 60 - u / 24)), var_level)
        var_slope = np.where(near, 1 - u * (1 - u * (2 / 3 - u / 3)), var_slope)
    return reach, 1 - lost, var_level, var_slope


def update(s: State, x: Floats, h: Settings) -> State:
    """Belief given a reading x, (series, 1): the Kalman filter, and the scale as a moving mean of squared surprises."""
    variance = s.var_level + h.reading
    error = x - s.level
    gain_level, gain_slope = s.var_level / variance, s.cov / variance
    scale2 = (h.df * s.scale2 + error**2 / variance) / (h.df + 1)
    return State(
        s.level + gain_level * error,
        s.slope + gain_slope * error,
        gain_level * h.reading,
        gain_slope * h.reading,
        s.var_slope - gain_slope * s.cov,
        np.maximum(scale2, FLOOR),
    )


class Table(NamedTuple):
    """Readings as a rectangle, left-aligned, padded with zeros."""

    time: Floats  # (series, reading)
    x: Floats  # (series, reading)
    length: Ints  # (series,) readings of each

    def take(self, rows: Ints) -> Table:
        """These rows only."""
        return Table(self.time[rows], self.x[rows], self.length[rows])


def tabulate(readings: Readings) -> Table:
    """The first reading of each key result and the last in each cell of 1 / RESOLUTION; of those the last KEPT."""
    chosen = np.flatnonzero(_worth_keeping(readings))
    series = readings.series[chosen]
    found = np.bincount(series, minlength=readings.n_series)
    length = np.minimum(found, KEPT)
    column = np.arange(len(chosen)) - np.repeat(np.cumsum(found) - length, found)
    late = column >= 0
    cells, chosen = (series[late], column[late]), chosen[late]
    shape = (readings.n_series, max(1, int(length.max(initial=0))))
    table = Table(np.zeros(shape), np.zeros(shape), length)
    table.time[cells], table.x[cells] = readings.time[chosen], readings.x[chosen]
    return table


def _worth_keeping(readings: Readings) -> NDArray[np.bool_]:
    """(reading,) first of its key result, or last in its cell of time."""
    series, cell = readings.series, np.floor(readings.time * RESOLUTION)
    other = series[1:] != series[:-1]
    keep = np.ones(len(series), dtype=np.bool_)
    keep[:-1] = other | (cell[1:] > cell[:-1])
    keep[1:] |= other
    keep[:1] = True
    return keep


def run(table: Table, h: Settings) -> Iterator[State]:
    """Beliefs after each reading 0, 1, 2, ..., of those key results that have it: rows must come by falling length."""
    state = start(table.x[:, :1], h)
    yield state
    for j in range(1, table.x.shape[1]):
        rows = int(np.searchsorted(-table.length, -j))
        state = State._make(part[:rows] for part in state)
        state = advance(state, (table.time[:rows, j] - table.time[:rows, j - 1])[:, None], h)
        state = update(state, table.x[:rows, j : j + 1], h)
        yield state
