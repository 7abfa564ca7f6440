"""Progress of a key result: posterior and predictive of the local trend, and what all key results teach about it.

`posterior` and `predict` are closed form given the shared `Hyper`. `fit` finds that `Hyper` as the mode of a declared
prior times the score of past forecasts of what is asked: was the way required by then made? Everything is a function
of the readings handed in: no clock, no random numbers, no names, no warm start.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from koers.engine.local_trend import Floats, Hyper, Ints, Readings, Settings, State, Table, advance, run, tabulate

__all__ = ["DEFAULT", "Hyper", "Posterior", "Predictive", "Readings", "fit", "posterior", "predict"]

DEFAULT = Hyper()
# Of the prior that `fit` shrinks with: of drift as it is, of log(df - 1), of the logs of the others.
PRIOR_SD = Hyper(drift=0.35, reversion=1.0, spread=1.0, wander=1.25, reading=1.5, scale=1.0, df=0.5)
LEARNERS = 1_000  # key results that `fit` looks at, at most
ORIGINS = 6  # readings of a key result that are forecast from, at most
HORIZONS = (0.125, 0.25, 0.5, 1.0)  # of the time from there to its last reading
WAYS = (0.5, 1.0, 2.0)  # events scored: this multiple of the way required by then was made
EVIDENCE = 2.0  # independent forecasts that a key result counts for: overlapping horizons repeat one another
SUREST = 0.99  # a forecast surer than this is scored as this
ROUNDS = 4  # of Fisher scoring: more change no forecast
STEP, REACH = 1e-3, 3.0  # for differences, and furthest from the default; prior standard deviations
DAMPING = (0.0, 0.5, 4.0, 50.0)  # of the steps tried, relative to the curvature


@dataclass(frozen=True, slots=True)
class Posterior:
    """Belief about each key result just after its last reading; arrays (series,), variances in units of scale2."""

    time: Floats  # of the last reading, durations
    level: Floats  # progress
    slope: Floats  # progress per duration
    var_level: Floats
    cov: Floats  # of level and slope
    var_slope: Floats
    scale2: Floats  # estimate of sigma^2, progress squared
    df: Floats  # degrees of freedom of what is predicted from here

    def take(self, rows: slice) -> Posterior:
        """These series only."""
        return Posterior(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Predictive:
    """Student-t forecasts; arrays (series,), or of shapes that broadcast."""

    mean: Floats  # progress
    scale: Floats  # progress, > 0
    df: Floats  # > 1

    def exceedance(self, threshold: ArrayLike) -> Floats:
        """P(x >= threshold), within [0, 1], non-increasing in the threshold; shapes broadcast."""
        return np.asarray(special.stdtr(self.df, (self.mean - np.asarray(threshold)) / self.scale))

    def quantile(self, level: ArrayLike) -> Floats:
        """Progress not exceeded with probability `level`, within (0, 1); shapes broadcast."""
        return np.asarray(self.mean + self.scale * special.stdtrit(self.df, np.asarray(level)))

    def expected_score(self) -> Floats:
        """E[min(max(x, 0), 1)], within [0, 1]: the expected excess over 0 less that over 1."""
        return np.clip(self._excess(0.0) - self._excess(1.0), 0.0, 1.0)

    def _excess(self, threshold: float) -> Floats:
        """E[max(x - threshold, 0)]: the partial moment of a Student-t, by parts from its density; needs df > 1."""
        z = (threshold - self.mean) / self.scale
        log_norm = special.gammaln((self.df + 1) / 2) - special.gammaln(self.df / 2) - np.log(self.df * np.pi) / 2
        density = np.exp(log_norm - (self.df + 1) / 2 * np.log1p(z**2 / self.df))
        tail = special.stdtr(self.df, -z)
        return np.asarray(self.scale * ((self.df + z**2) / (self.df - 1) * density - z * tail))


def posterior(readings: Readings, hyper: Hyper) -> Posterior:
    """Belief about every key result given its readings; without any, as after the reading (0, 0)."""
    return posterior_of(tabulate(readings), hyper)


def posterior_of(table: Table, hyper: Hyper) -> Posterior:
    """The same, of readings in a table."""
    by_length = np.argsort(-table.length, kind="stable")
    whole = State._make(np.empty((len(State._fields), len(by_length))))
    for state in run(table.take(by_length), Settings.of(hyper)):
        for part, now in zip(whole, state, strict=True):
            part[by_length[: len(now)]] = now[:, 0]
    last = table.time[np.arange(len(by_length)), np.maximum(table.length - 1, 0)]
    return Posterior(last, *whole, np.full(len(by_length), hyper.df))


def predict(post: Posterior, at: Floats, hyper: Hyper) -> Predictive:
    """The reading in force at time `at`, (..., series) durations; one before the last reading counts as that."""
    now = State(post.level, post.slope, post.var_level, post.cov, post.var_slope, post.scale2)
    return predictive(advance(now, np.maximum(at - post.time, 0.0), Settings.of(hyper)), hyper)


def predictive(then: State, hyper: Hyper) -> Predictive:
    """The reading of a key result that `then` is believed of; (series,)."""
    scale = np.sqrt((then.var_level + hyper.reading) * then.scale2)
    return Predictive(then.level, scale, np.full_like(scale, hyper.df))


def fit(readings: Table, hyper: Hyper = DEFAULT) -> Hyper:
    """The settings that would have forecast best so far, shrunk towards `hyper`; `hyper` itself while nothing is known.

    Fisher scoring: key results' gradients by differences, their outer products as curvature, the best of damped steps.
    """
    table = _learners(readings)
    pairs = _pairs(table)
    centre, sd = _to_line(hyper), np.array(astuple(PRIOR_SD))
    z = np.zeros(len(sd))
    for _ in range(ROUNDS if len(pairs.row) else 0):
        nearby = _scores(table, pairs, centre + sd * np.vstack([z, z + STEP * np.eye(len(z))]))
        options = np.vstack([z, _options(z, (nearby[:, 1:] - nearby[:, :1]) / STEP)])
        total = _scores(table, pairs, centre + sd * options).sum(axis=0) - (options**2).sum(axis=1) / 2
        z = options[np.argmax(total)]
    return hyper if not z.any() else _from_line(centre + sd * z)


def _options(z: Floats, slopes: Floats) -> Floats:
    """Places to step to from z (setting,), more and more cautious, given each key result's slopes (series, setting)."""
    gradient = slopes.sum(axis=0) - z
    curvature = slopes.T @ slopes + np.eye(len(z))
    steps = [np.linalg.solve(curvature + d * np.diag(np.diag(curvature)), gradient) for d in DAMPING]
    places: Floats = np.stack([z + step / max(1.0, np.abs(step).max()) for step in steps])
    return places.clip(-REACH, REACH)


def _learners(table: Table) -> Table:
    """Key results with two readings or more, ordered by content alone, longest first; every n-th if beyond LEARNERS."""
    table = table.take(np.flatnonzero(table.length > 1))
    order = np.lexsort((*table.x.T, *table.time.T, -table.length))
    return table.take(order[:: -(-len(order) // LEARNERS) or 1])


class _Pairs(NamedTuple):
    """Past forecasts that can be scored: from a reading of a key result to a later one; sorted by origin."""

    row: Ints  # (pair,) in the table
    origin: Ints  # (pair,) column of the reading forecast from
    ahead: Floats  # (pair,) durations from there to the later one
    events: Floats  # (pair, way) progress
    made: NDArray[np.bool_]  # (pair, way) whether the later reading is at or above it
    weight: Floats  # (pair,)


def spread_pairs(table: Table) -> tuple[Ints, Ints, Ints]:
    """Row, origin and later reading (columns) of pairs to learn from, (pair,) each, by row and origin.

    Origins are ORIGINS readings spread evenly over a key result's, later ones the first at or after HORIZONS.
    """
    spread = np.arange(ORIGINS) * (table.length[:, None] - 1) // ORIGINS
    row, nth = np.nonzero(np.diff(spread, axis=1, prepend=-1))
    row, nth = (part[table.length[row] > 1] for part in (row, nth))
    origin, last = spread[row, nth], table.length[row] - 1
    since, until = table.time[row, origin], table.time[row, last]
    times = np.where(np.arange(table.time.shape[1]) <= last[:, None], table.time[row], np.inf)
    target = np.stack([(times < (since + h * (until - since))[:, None]).sum(axis=1) for h in HORIZONS], axis=1)
    target = np.clip(target, origin[:, None] + 1, last[:, None])
    pick, nth = np.nonzero(np.diff(target, axis=1, prepend=-1))
    return row[pick], origin[pick], target[pick, nth]


def _pairs(table: Table) -> _Pairs:
    """The pairs of `spread_pairs`, sorted by origin, with what is asked of them."""
    row, origin, later = spread_pairs(table)
    by_origin = np.argsort(origin, kind="stable")
    return _events(table, row[by_origin], origin[by_origin], later[by_origin])


def _events(table: Table, row: Ints, origin: Ints, target: Ints) -> _Pairs:
    """What is asked of each forecast: multiples of the way that a straight line to the target at due makes by then."""
    since, x, later = table.time[row, origin], table.x[row, origin], table.x[row, target]
    ahead = table.time[row, target] - since
    share = np.divide(ahead, 1 - since, out=np.ones_like(ahead), where=ahead < 1 - since)
    events = x[:, None] + ((1 - x) * share)[:, None] * np.array(WAYS)
    weight = np.minimum(1.0, EVIDENCE / np.bincount(row)[row]) / len(WAYS) if len(row) else ahead
    return _Pairs(row, origin, ahead, events, later[:, None] >= events, weight)


def _scores(table: Table, pairs: _Pairs, lines: Floats) -> Floats:
    """Weighted log score of each key result under settings on the line (candidate, setting); (series, candidate)."""
    h = _settings(lines)
    total = np.zeros((len(table.length), len(lines)))
    edges = np.searchsorted(pairs.origin, np.arange(table.x.shape[1] + 1))
    for j, state in enumerate(run(table, h)):
        here = slice(edges[j], edges[j + 1])
        row = pairs.row[here]
        then = advance(State._make(part[row] for part in state), pairs.ahead[here, None], h)
        variance = (then.var_level + h.reading) * then.scale2
        margin = then.level[:, None] - pairs.events[here, :, None]  # (pair, way, candidate)
        side = np.where(pairs.made[here, :, None], margin, -margin)
        z = np.copysign(_as_normal(margin**2 / variance[:, None], h.df), side)
        chance = np.clip(special.ndtr(z), 1 - SUREST, SUREST)
        np.add.at(total, row, pairs.weight[here, None] * np.log(chance).sum(axis=1))
    return total


def _as_normal(t2: Floats, df: Floats) -> Floats:
    """The normal deviate as far out as a Student-t one of square t2, to about .01 in probability (Wallace 1959)."""
    return np.asarray((8 * df + 1) / (8 * df + 3) * np.sqrt(df * np.log1p(t2 / df)))


def _to_line(hyper: Hyper) -> Floats:
    """Settings as unbounded numbers, (setting,): drift as it is, log(df - 1), logs of the others."""
    drift, *positive, df = astuple(hyper)
    return np.array([drift, *np.log(positive), np.log(df - 1)])


def _settings(lines: Floats) -> Settings:
    """Inverse of _to_line, for lines (candidate, setting)."""
    drift, *logs, df = lines.T
    return Settings._make([drift, *np.exp(logs), 1 + np.exp(df)])


def _from_line(line: Floats) -> Hyper:
    return Hyper(*(float(value) for value in _settings(line)))
