"""Trials of the effort elasticity: readings drawn from the declared model, posteriors, and ranks of the truth in them.

The model is written down anew (Van Loan's matrix exponential, a textbook Kalman filter); only the likelihood is koers'.
Series are in order (trial, team, key result).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special, stats

from koers.engine import pace
from koers.engine.elasticity import GRID, PRIOR, log_likelihood
from koers.engine.local_trend import Table

Floats = NDArray[np.float64]
WEEKLY = tuple(n / 13 for n in range(14))
BINS = 20  # of ranks


@dataclass(frozen=True)
class World:
    """What trials are drawn from; effort is lognormal, AR(1) from stretch to stretch."""

    trials: int
    teams: int = 8
    each: int = 1  # key results per team
    hyper: pace.Hyper = pace.DEFAULT
    times: tuple[float, ...] = WEEKLY
    varies: float = 0.5  # sd of log effort
    keep: float = 0.5  # its correlation from stretch to stretch
    shared: float = 0.0  # correlation of the surprises of a team's key results
    normal: bool = False  # surprises are normal, with the same middle 80 %
    differ: float = 0.0  # e of a key result lies this far from its trial's, to one side or the other
    chasing: float = 0.0  # log effort that follows each standard deviation by which the readings ran low
    blurred: float = 0.0  # sd of log of effort as logged around effort as it was

    def efforts(self, rng: np.random.Generator) -> Floats:
        """(series, reading) effort in the stretch before each reading, but for what chases progress."""
        shape = (self.trials * self.teams, len(self.times))
        noise = rng.standard_normal(shape)
        level = noise[:, 0]
        found = [level]
        for z in noise.T[1:]:
            level = self.keep * level + np.sqrt(1 - self.keep**2) * z
            found.append(level)
        return np.repeat(np.exp(self.varies * np.stack(found, axis=1)), self.each, axis=0)

    def surprises(self, rng: np.random.Generator) -> Floats:
        """(series, reading) of mean 0: of a standard Student-t."""
        shape = (self.trials * self.teams, self.each, len(self.times))
        both = np.sqrt(self.shared) * rng.standard_normal((shape[0], 1, shape[2]))
        z = (both + np.sqrt(1 - self.shared) * rng.standard_normal(shape)).reshape(-1, shape[2])
        if self.normal:
            return np.asarray(z * stats.t.ppf(0.9, self.hyper.df) / stats.norm.ppf(0.9))
        return np.asarray(special.stdtrit(self.hyper.df, special.ndtr(z)))


def to_usual(effort: Floats, times: tuple[float, ...]) -> Floats:
    """Effort over its mean in time; 1 before the first reading."""
    dt = np.diff(times)
    ratio = np.ones_like(effort)
    ratio[:, 1:] = effort[:, 1:] / (effort[:, 1:] @ dt / dt.sum())[:, None]
    return ratio


@cache
def step_of(h: pace.Hyper, dt: float) -> tuple[Floats, Floats]:
    """Transition of (level, slope - drift) without drift, and its noise covariance in units of sigma^2: Van Loan."""
    a = np.array([[0.0, 1.0], [0.0, -h.reversion]])
    power = linalg.expm(dt * np.block([[-a, np.diag([1.0, h.wander])], [np.zeros((2, 2)), a.T]]))
    return power[2:, 2:].T, power[2:, 2:].T @ power[:2, 2:]


def drawn(world: World, e: Floats, seed: int) -> tuple[Table, Floats]:
    """Readings under the elasticities `e` (trial,) and effort over usual effort as logged; both (series, reading)."""
    rng, h = np.random.default_rng(seed), world.hyper
    effort, z = world.efforts(rng), world.surprises(rng)
    own = np.repeat(e, world.teams * world.each)
    own = np.clip(own + world.differ * rng.choice([-1.0, 1.0], len(own)), 0.0, 1.0)
    ratio = to_usual(effort, world.times)
    mean, cov = np.zeros((len(own), 2)), np.diag([h.reading, h.spread])
    scale2, error, found = np.full(len(own), h.scale**2), np.zeros(len(own)), [np.zeros(len(own))]
    for j, dt in enumerate(np.diff(world.times), start=1):
        chased = np.exp(-world.chasing * np.clip(error, -3, 3))
        effort[:, j] *= chased
        move, noise = step_of(h, float(dt))
        ahead = mean @ move.T + np.array([h.drift * dt, 0.0])
        ahead[:, 0] += own * np.maximum(ahead[:, 0] - mean[:, 0], 0.0) * (ratio[:, j] * chased - 1.0)
        cov = move @ cov @ move.T + noise
        variance = cov[0, 0] + h.reading
        error = z[:, j]
        off = error * np.sqrt(variance * scale2)
        found.append(ahead[:, 0] + off)
        mean, cov = ahead + np.outer(off, cov[0] / variance), cov - np.outer(cov[0], cov[0]) / variance
        scale2 = (h.df * scale2 + off**2 / variance) / (h.df + 1)
    logged = effort * np.exp(world.blurred * rng.standard_normal(effort.shape))
    x = np.stack(found, axis=1)
    table = Table(np.tile(np.array(world.times), (len(x), 1)), x, np.full(len(x), x.shape[1], dtype=np.int64))
    return table, to_usual(logged, world.times)


def posteriors(
    world: World, table: Table, ratio: Floats, hyper: pace.Hyper | None = None, power: float = 1.0
) -> Floats:
    """(trial, elasticity) probabilities; each key result's evidence is taken to `power`."""
    each = log_likelihood(table, ratio, hyper or world.hyper).reshape(world.trials, -1, len(GRID))
    weight = np.log(PRIOR) + power * each.sum(axis=1)
    return np.asarray(special.softmax(weight, axis=1))


def from_prior(trials: int, seed: int) -> Floats:
    """Elasticities drawn from PRIOR, (trial,)."""
    return np.asarray(np.random.default_rng(seed).choice(GRID, trials, p=PRIOR))


def ranks(found: Floats, e: Floats, seed: int) -> Floats:
    """Ranks of the truths in their posteriors, (trial,), ties broken by chance: uniform if the posteriors are right."""
    place = np.rint(e * (len(GRID) - 1)).astype(int)[:, None]
    here = np.take_along_axis(found, place, axis=1)[:, 0]
    below = np.take_along_axis(np.cumsum(found, axis=1), place, axis=1)[:, 0] - here
    return np.asarray(below + np.random.default_rng(seed).random(len(e)) * here)


def p_uniform(rank: Floats) -> float:
    """Twice the smaller p-value of a chi-square over BINS and a Kolmogorov-Smirnov test."""
    counts = np.bincount(np.clip((rank * BINS).astype(int), 0, BINS - 1), minlength=BINS)
    return min(1.0, float(2 * min(stats.chisquare(counts).pvalue, stats.kstest(rank, "uniform").pvalue)))


def covered(found: Floats, e: Floats) -> float:
    """Share of truths from the 10 % to the 90 % quantile of their posteriors, both included: what a reader is shown."""
    place = np.rint(e * (len(GRID) - 1)).astype(int)[:, None]
    up_to = np.take_along_axis(np.cumsum(found, axis=1), place, axis=1)[:, 0]
    below = up_to - np.take_along_axis(found, place, axis=1)[:, 0]
    return float(((up_to >= 0.1) & (below < 0.9)).mean())


def inside(rank: Floats) -> float:
    """Share of truths in the middle 80 % of their posteriors."""
    return float(((rank > 0.1) & (rank < 0.9)).mean())
