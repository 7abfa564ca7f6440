"""How the weekly level of run work moves, and how much a team's mornings scatter: learnt by pooling over teams.

Three settings: how much of a level is kept from week to week, its stationary sd, and the noise around it. Their
likelihood comes from the chain of `demand_level`, on a grid; a team's settings scatter around the organisation's,
which has the declared prior (Gelman et al. 2013, ch. 5, on a grid). Long-run rates are integrated out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from koers.engine.capacity import Floats
from koers.engine.demand_density import Counts, Shares, chunks
from koers.engine.demand_level import forward, grid, stationary, transition
from koers.engine.softmax import softmax

AXES = (np.linspace(-0.5, 3.7, 5), np.linspace(-1.4, 0.9, 4), np.linspace(-2.2, 2.2, 5))
"""Logit keep, and log spread and log noise in units of the usual ones, at which the likelihood is worked out."""
FINER = 4  # points per step of these axes to which it is interpolated
LEVELS = 21
NODES = np.array([-0.5, 0.0, 0.5])  # long-run means, in stationary sd around the mean seen
FARTHEST = 3.0  # steps between them to where the likelihood is highest, at most
MEAN_SD = 1.0  # of the long-run log mean around that, so that few weeks leave it open
SIMPLEX = np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
"""Points, as likely, with mean 0 and unit covariance: a belief about three settings is told by four (Julier 2003)."""
MOST_KEPT = 0.985  # of a level from week to week: more moves too little for the grid

USUAL_KEEP = 0.7
"""Help desk 2010-13: autocorrelation of weekly counts."""
USUAL = (float(np.log(USUAL_KEEP / (1 - USUAL_KEEP))), 0.0, 0.0)
ORGANISATIONS = (1.0, 0.5, 0.7)  # sd of (logit keep, log spread, log noise) between organisations
TEAMS = (0.7, 0.35, 0.5)  # and between the teams of one (our inference: half of that variance)


class Settings(NamedTuple):
    """How the level of each team moves and its evidence scatters, as likely points of a belief; (team, point) each."""

    keep: Floats
    spread: Floats
    noise: Floats  # in units of the usual one


def settings(evidence: Counts | Shares) -> Settings:
    """Of each team and, in the last row, of a further team of the organisation: (team + 1, POINTS)."""
    axes = finer()
    mean, covariance = _spread_of(posterior(interpolated(likelihood(evidence), axes), axes), axes)
    keep, spread, noise = np.moveaxis(mean[:, None] + SIMPLEX @ np.swapaxes(np.linalg.cholesky(covariance), 1, 2), 2, 0)
    return Settings(np.minimum(special.expit(keep), MOST_KEPT), evidence.usual_spread * np.exp(spread), np.exp(noise))


def finer() -> list[Floats]:
    """AXES with more points."""
    return [np.linspace(axis[0], axis[-1], FINER * (len(axis) - 1) + 1) for axis in AXES]


def interpolated(told: Floats, axes: Sequence[Floats]) -> Floats:
    """(team, keep, spread, noise): what is told on AXES, on `axes`."""
    return _along(told, [cubic(*pair) for pair in zip(AXES, axes, strict=True)])


def likelihood(evidence: Counts | Shares) -> Floats:
    """Log likelihood on AXES, (team, keep, spread, noise), long-run means integrated out."""
    return np.concatenate([_likelihood(evidence.of(part)) for part in chunks(len(evidence.usual))])


def _likelihood(evidence: Counts | Shares) -> Floats:
    x = grid(LEVELS)
    keep, spread, noise = special.expit(AXES[0]), evidence.usual_spread * np.exp(AXES[1]), np.exp(AXES[2])
    s, scatter, node = (c.ravel() for c in np.meshgrid(spread, noise, NODES, indexing="ij"))
    mean = evidence.centre()[:, None] - s**2 / 2 + node * s
    eta = mean[..., None] + s[:, None] * x
    density = evidence.log_density(eta, np.broadcast_to(scatter[:, None], (len(mean), len(s), 1)))
    weeks, teams, rows, levels = density.shape
    seen = forward(density.reshape(weeks, teams * rows, levels), transition(x, keep), stationary(x)).log_likelihood
    by_node = np.moveaxis(seen.reshape(len(keep), teams, len(spread), len(noise), len(NODES)), 1, 0)
    return _integrated(by_node, spread[:, None] * NODES[-1])


def _integrated(by_node: Floats, step: Floats) -> Floats:
    """Log of the integral over the long-run mean of what is told at NODES, `step` apart, times its prior.

    Laplace's method: a parabola through the three logs.
    """
    low, middle, high = np.moveaxis(by_node, -1, 0)
    slope, curve = (high - low) / 2, np.minimum(high + low - 2 * middle, 0.0) - (step / MEAN_SD) ** 2
    slope = np.clip(slope, FARTHEST * curve, -FARTHEST * curve)
    return np.asarray(middle - slope**2 / (2 * curve) + np.log(step / MEAN_SD) - np.log(-curve) / 2)


def posterior(told: Floats, axes: Sequence[Floats]) -> Floats:
    """Probabilities of the settings on `axes`, of each team and of a further one: (team + 1, keep, spread, noise).

    `told`: (team, keep, spread, noise), log likelihoods.
    """
    seen = np.exp(told - told.max(axis=(1, 2, 3), keepdims=True, initial=-np.inf))
    seen = np.concatenate([seen, np.ones((1, *seen.shape[1:]))])
    scatter = [_scatter(axis, sd) for axis, sd in zip(axes, TEAMS, strict=True)]  # (organisation's, team's) each
    of_all = np.log(_along(seen, scatter))
    keep, spread, noise = (-0.5 * ((a - m) / s) ** 2 for a, m, s in zip(axes, USUAL, ORGANISATIONS, strict=True))
    prior = keep[:, None, None] + spread[:, None] + noise
    others = softmax(prior + of_all.sum(axis=0) - of_all, axis=(1, 2, 3))
    weight = seen * _along(others, [part.T for part in scatter])
    return np.asarray(weight / weight.sum(axis=(1, 2, 3), keepdims=True))


def _scatter(axis: Floats, sd: float) -> Floats:
    weight = np.exp(-0.5 * ((axis - axis[:, None]) / sd) ** 2)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def _along(value: Floats, matrices: Sequence[Floats]) -> Floats:
    """Each matrix applied to its axis: (team, keep, spread, noise)."""
    return np.asarray(np.einsum("tabc,ia,jb,kc->tijk", value, *matrices, optimize=True))


def _spread_of(weight: Floats, axes: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Mean (team, 3) and covariance (team, 3, 3) of the settings."""
    at = np.stack([c.ravel() for c in np.meshgrid(*axes, indexing="ij")], axis=-1)
    flat = weight.reshape(len(weight), -1)
    mean = flat @ at
    second = (flat @ (at[:, :, None] * at[:, None, :]).reshape(len(at), -1)).reshape(-1, 3, 3)
    return mean, second - mean[:, :, None] * mean[:, None, :] + 1e-6 * np.eye(3)


def cubic(axis: Floats, finer: Floats) -> Floats:
    """(finer, axis): weights of Lagrange's cubic through the four points of an even `axis` around each of `finer`."""
    step = axis[1] - axis[0]
    first = np.clip(((finer - axis[0]) // step).astype(int) - 1, 0, len(axis) - 4)
    weights = np.zeros((len(finer), len(axis)))
    for row, (at, start) in enumerate(zip(finer, first, strict=True)):
        near = axis[start : start + 4]
        for n in range(4):
            rest = np.delete(near, n)
            weights[row, start + n] = np.prod((at - rest) / (near[n] - rest))
    return weights
