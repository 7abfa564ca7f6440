"""The latent weekly level of run work on a grid: a hidden Markov chain whose filter and likelihood are exact.

The log level of a week is s x with x on GRID; from week to week x moves as an AR(1) of unit variance put on that grid
(Tauchen 1986), so that given its settings everything is a finite sum (Rabiner 1989, the forward pass).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from koers.engine.capacity import Floats

REACH = 3.5  # stationary standard deviations that a grid spans, to either side
JUMP = 0.01
"""Share of weeks in which the level starts afresh (our inference: one in two years), so that no week is impossible."""


def grid(points: int) -> Floats:
    """Levels in units of the stationary standard deviation."""
    return np.linspace(-REACH, REACH, points)


def stationary(x: Floats) -> Floats:
    """Probability of each level before anything is seen."""
    weight = np.exp(-0.5 * x**2)
    return np.asarray(weight / weight.sum())


def transition(x: Floats, keep: Floats) -> Floats:
    """(setting, from, to): probabilities of moving from week to week; each row sums to 1."""
    kept = np.asarray(keep)[:, None, None]
    weight = np.exp(-0.5 * (x - kept * x[:, None]) ** 2 / (1.0 - kept**2))
    moved = weight / weight.sum(axis=-1, keepdims=True)
    return np.asarray((1.0 - JUMP) * moved + JUMP * stationary(x))


class Filtered(NamedTuple):
    """What weekly evidence says."""

    log_likelihood: Floats  # (setting, row)
    level: Floats  # (setting, row, level): probabilities in the last week, given all weeks


def forward(log_density: Floats, move: Floats, first: Floats) -> Filtered:
    """The chain seen through weekly evidence.

    `log_density`: (week, row, level) of what was seen in each week, 0 where nothing was, or (week, setting, row,
    level); `move`: (setting, from, to); `first`: (level,).
    """
    top = log_density.max(axis=-1, keepdims=True)
    density = np.exp(log_density - top)
    state = np.broadcast_to(first, (len(move), *density.shape[-2:]))
    scale, every = [], np.ones(len(first))
    for week, seen in enumerate(density):
        state = (state if week == 0 else state @ move) * seen
        total = state @ every
        state /= total[..., None]
        scale.append(total)
    log_likelihood = np.log(np.stack(scale)).sum(axis=0) + top[..., 0].sum(axis=0)
    return Filtered(np.asarray(log_likelihood), state)
