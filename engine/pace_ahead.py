"""The pace to come, regressed on the pace so far: what all key results teach about how a pace goes on.

The pace so far, P, is the geometric mean of paces that remember a short, a middle and a long while. Over a horizon h
progress gains P h Z, and Y = log((Z + FALL) / (1 + FALL)) is Student-t: its mean is linear in log h, in whether the
pace has been picking up, and in how near growth is to where it has to end; its log scale is linear in log h. So a
pace goes on by factors, corrections downwards are small beside it, and saturation and late surges are learnt.
Coefficients are the mode of a prior around "the pace goes on" and of the key results known, the latest most: by how
much is learnt too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from koers.engine.lives import Lives
from koers.engine.local_trend import Floats, Ints, Table
from koers.engine.pace import DEFAULT, spread_pairs
from koers.engine.softmax import softmax

HALF_LIVES = (0.08, 0.2, 0.5)
"""Of the memories of a pace, durations: a week, two and a half, and half a quarter of thirteen weeks. Our inference."""
LEAST = 0.1  # of the pace that leads from baseline to target in time: nothing stands still for good
UNKNOWN = 0.01  # durations of the prior pace that each memory begins with
FALL = 0.15  # of what the pace would bring, that may be lost at most
CLOSEST = 0.02  # Z + FALL is taken as this at least
DF = 4.0
USUAL = 0.2  # durations: the horizon at which log h counts 0
SHORTEST = 1e-3  # durations: the least horizon
FIRST_SCALE = (0.5, 0.25)
"""Scale of Y at the usual horizon, and the power of h that it grows with, until the log says otherwise. Our inference:
80 % of paces go on at between half and double."""
HELD = (20.0, 50.0)  # key results that the first scale and its power are worth
RIDGE = 10.0  # key results' worth of belief that a pace goes on
EVIDENCE = 4.0  # pairs that a key result counts for, at most
MEMORIES = (30.0, 90.0, 270.0)
"""Days after which a pair counts half; which of them, the log tells."""
LAG = 30.0  # days that a memory is tried on
RATE = 0.5  # of learning from that, as in `weights`
ROUNDS = 8  # of reweighting


class PaceAhead(NamedTuple):
    """What has been learnt; see the module for Y."""

    mean: Floats  # (feature,) coefficients of the mean of Y
    log_scale: float  # of Y at the usual horizon
    power: float  # of h in the scale


FIRST = PaceAhead(np.zeros(6), float(np.log(FIRST_SCALE[0])), FIRST_SCALE[1])
"""The prior: the pace goes on."""


class Gain(NamedTuple):
    """What progress gains over a horizon, Student-t on the scale of Y; (key_result,)."""

    level: Floats  # progress now
    reach: Floats  # P h, progress
    mean: Floats  # of Y
    scale: Floats  # of Y

    def exceedance(self, threshold: Floats) -> Floats:
        """P(x >= threshold), shapes broadcast."""
        z = (threshold - self.level) / self.reach
        y = np.log(np.maximum(z + FALL, CLOSEST * 1e-6) / (1.0 + FALL))
        return np.where(z <= -FALL, 1.0, special.stdtr(DF, (self.mean - y) / self.scale))

    def quantile(self, level: Floats) -> Floats:
        """Progress not exceeded with probability `level`; shapes broadcast."""
        y = self.mean + self.scale * special.stdtrit(DF, level)
        return np.asarray(self.level + self.reach * ((1.0 + FALL) * np.exp(np.minimum(y, 50.0)) - FALL))


class _Paces(NamedTuple):
    """The pace after each reading, (series, reading)."""

    pace: Floats  # progress per duration
    turn: Floats  # log of the short memory's pace over the long one's
    near: Floats  # see Lives.nearness


def gain(lives: Lives, learnt: PaceAhead, column: Ints, until: Floats) -> Gain:
    """What each row's progress gains from its reading in `column` to `until` (durations); both (series,)."""
    rows = np.arange(len(column))
    paces = _paces(lives)
    ahead = np.maximum(until - lives.table.time[rows, column], SHORTEST)
    own = _Paces(*(part[rows, column] for part in paces))
    far = np.log(ahead / USUAL)
    scale = np.exp(learnt.log_scale + learnt.power * far)
    return Gain(lives.table.x[rows, column], own.pace * ahead, (_features(own, far) * learnt.mean).sum(axis=1), scale)


class _Pairs(NamedTuple):
    """Pairs of readings, (pair,): what the mean of Y is linear in, Y, log of the horizon, days since, and whose."""

    features: Floats  # (pair, feature)
    y: Floats
    far: Floats
    age: Floats
    row: Ints

    def of(self, chosen: NDArray[np.bool_]) -> _Pairs:
        """These alone."""
        return _Pairs._make(part[chosen] for part in self)


def fit(lives: Lives, today: float) -> PaceAhead:
    """What the readings of `lives` up to `today` (days since 1970) teach; the prior where there is no pair of them.

    How long a pair counts follows the times: memories of several lengths have their say by how well they, as of LAG
    days ago, forecast what came since.
    """
    pairs = _pairs(lives, today)
    if not len(pairs.row):
        return FIRST
    old, new = pairs.of(pairs.age > LAG), pairs.of(pairs.age <= LAG)
    old = old._replace(age=old.age - LAG)
    share = softmax([RATE * _density(_mode(old, memory), new) for memory in MEMORIES])
    found = zip(*(_mode(pairs, memory) for memory in MEMORIES), strict=True)
    mean, log_scale, power = (np.tensordot(share, np.array(part), axes=1) for part in found)
    return PaceAhead(mean, float(log_scale), float(power))


def _pairs(lives: Lives, today: float) -> _Pairs:
    row, origin, later = spread_pairs(lives.table)
    table = lives.table
    ahead = np.maximum(table.time[row, later] - table.time[row, origin], SHORTEST)
    own = _Paces(*(part[row, origin] for part in _paces(lives)))
    z = (table.x[row, later] - table.x[row, origin]) / (own.pace * ahead)
    far = np.log(ahead / USUAL)
    age = today - (lives.start[row] + table.time[row, later] * lives.life[row])
    return _Pairs(
        _features(own, far), np.log(np.maximum(z + FALL, CLOSEST) / (1.0 + FALL)), far, np.maximum(age, 0.0), row
    )


def _weight(pairs: _Pairs, memory: float) -> Floats:
    """What each pair counts, (pair,): EVIDENCE is the most for a key result."""
    weight = 0.5 ** (pairs.age / memory)
    of_goal = np.bincount(pairs.row, weight)[pairs.row]
    return weight * np.divide(EVIDENCE, of_goal, out=np.ones_like(weight), where=of_goal > EVIDENCE)


def _density(learnt: PaceAhead, pairs: _Pairs) -> float:
    """Log density of `pairs`, each key result's mean, but for a constant."""
    log_scale = learnt.log_scale + learnt.power * pairs.far
    z = (pairs.y - pairs.features @ learnt.mean) * np.exp(-log_scale)
    each = -log_scale - (DF + 1.0) / 2.0 * np.log1p(z**2 / DF)
    count = np.bincount(pairs.row)
    return float((np.bincount(pairs.row, each) / np.maximum(count, 1)).sum())


def _mode(pairs: _Pairs, memory: float) -> PaceAhead:
    """The posterior mode where a pair counts half after `memory` days.

    By reweighted least squares for the mean, and Newton's steps for the scale.
    """
    features, y, far, weight = pairs.features, pairs.y, pairs.far, _weight(pairs, memory)
    mean, log_scale, power = FIRST
    prior = np.array([log_scale, power])
    held = np.diag(HELD)
    shape = np.stack([np.ones_like(far), far])
    line = prior.copy()
    for _ in range(ROUNDS):
        precision = np.exp(-2.0 * (line @ shape))
        pull = weight * (DF + 1.0) / (DF + (y - features @ mean) ** 2 * precision)
        relative = pull * precision * np.exp(2.0 * line[0])
        mean = np.linalg.solve(
            (features * relative[:, None]).T @ features + RIDGE * np.eye(len(mean)), features.T @ (relative * y)
        )
        excess = pull * (y - features @ mean) ** 2 * precision
        gradient = shape @ (excess - weight) - held @ (line - prior)
        line = line + np.linalg.solve((shape * (2.0 * weight)) @ shape.T + held, gradient)
    return PaceAhead(mean, float(line[0]), float(line[1]))


def _features(own: _Paces, far: Floats) -> Floats:
    """What the mean of Y is linear in, (pair, feature)."""
    return np.stack([np.ones_like(far), far, own.turn, own.near, own.near * far, own.turn * far], axis=1)


def _paces(lives: Lives) -> _Paces:
    """Decayed paces after each reading; each memory begins with a moment of the prior pace."""
    table: Table = lives.table
    half = np.array(HALF_LIVES)
    gained = np.full((len(table.length), len(half)), UNKNOWN * DEFAULT.drift)
    spent = np.full_like(gained, UNKNOWN)
    found = np.zeros((*table.x.shape, len(half)))
    for j in range(table.x.shape[1]):
        if j:
            passed = np.maximum(table.time[:, j] - table.time[:, j - 1], 0.0)[:, None]
            kept = 0.5 ** (passed / half)
            gained = gained * kept + (table.x[:, j] - table.x[:, j - 1])[:, None]
            spent = spent * kept + passed
        found[:, j] = gained / spent
    logs = np.log(np.maximum(found, LEAST))
    return _Paces(np.exp(logs.mean(axis=2)), logs[..., 0] - logs[..., -1], lives.nearness(table.x))
