"""Quantile tables of a day's run work: a negative binomial number of items of lognormal size, summed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from koers.engine.capacity import CELLS, Floats

if TYPE_CHECKING:
    from koers.engine.demand import Demand

POINTS = 512  # of the lattice that a day's work is laid on
TAIL = 6.0  # standard deviations and the largest items that the lattice holds beyond the mean
DAYS = 7


def tables(demand: Demand, centres: Floats) -> Floats:
    """A day's run work, person-days, when the log level of its week is known; (team, weekday, bin, cell).

    Cells are equally likely conditional means, ascending; their mean is rate x weekday x exp(centre) x size. `centres`:
    (bin,) log levels. Zero where the weekday's factor is.
    """
    daily = demand.rate[:, None] * demand.weekday
    given = np.broadcast_arrays(daily, demand.shape[:, None], demand.size_spread[:, None])
    found = np.zeros((*daily.shape, len(centres), CELLS))
    some = daily > 0.0
    if some.any():  # teams that nothing is known of share their laws
        (items, *rest), own = np.unique(np.stack([part[some] for part in given]), axis=1, return_inverse=True)
        shape, spread = (np.repeat(part, len(centres)) for part in rest)
        laws = cells((items[:, None] * np.exp(centres)).ravel(), shape, spread)
        size = np.broadcast_to(demand.size[:, None], daily.shape)[some]
        found[some] = laws.reshape(len(items), len(centres), CELLS)[own] * size[:, None, None]
    return found


def cells(items: Floats, shape: Floats, spread: Floats) -> Floats:
    """Equally likely conditional means, (row, cell), of the sum of N sizes; N negative binomial, sizes of mean 1.

    `items` (row,) is the mean of N, its variance items + items^2 / shape; `spread` the sigma of the lognormal sizes.
    The law comes from its transform on a lattice (Embrechts & Frei 2009, "Panjer recursion versus FFT").
    """
    step = _reach(items, shape, spread) / POINTS
    transform = np.fft.rfft(_lattice(step, spread), axis=-1)
    whole = (1.0 + (items / shape)[:, None] * (1.0 - transform)) ** -shape[:, None]
    mass = np.maximum(np.fft.irfft(whole, POINTS, axis=-1), 0.0)
    mass /= mass.sum(axis=-1, keepdims=True)
    found = _conditional_means(mass)
    return np.asarray(found * (items / found.mean(axis=-1))[:, None])


def _reach(items: Floats, shape: Floats, spread: Floats) -> Floats:
    """The largest sum that the lattice holds, in mean sizes."""
    sd = np.sqrt(items * np.exp(spread**2) + items**2 / shape)
    return np.asarray(items + TAIL * (sd + items / shape) + np.exp(4.0 * spread))


def _lattice(step: Floats, spread: Floats) -> Floats:
    """Probabilities, (row, point), that put a size's mean and its law on multiples of `step`."""
    from scipy import special

    edge = (np.arange(POINTS + 1) * step[:, None]).clip(1e-300)
    z = np.log(edge) / spread[:, None] + 0.5 * spread[:, None]
    below, part = special.ndtr(z), special.ndtr(z - spread[:, None])  # probability and share of the mean below an edge
    inside, mean = np.diff(below, axis=-1), np.diff(part, axis=-1)
    upper = (mean / step[:, None] - np.arange(POINTS) * inside).clip(0.0)
    lattice = inside - upper
    lattice[:, 1:] += upper[:, :-1]
    return np.asarray(lattice)


def _conditional_means(mass: Floats) -> Floats:
    """Means of the quantile function over equal parts of (0, 1); `mass` on the points 0, 1, 2, ...; (row, cell)."""
    row = np.arange(len(mass))[:, None]
    below = np.cumsum(mass, axis=-1).clip(max=1.0)
    value = np.cumsum(mass * np.arange(mass.shape[-1]), axis=-1)
    start = np.zeros((len(mass), 1))
    at = np.hstack([start, below]) * (1 - 1e-12) + row
    edges = np.arange(1, CELLS) / CELLS + row
    inner = np.interp(edges, at.ravel(), np.hstack([start, value]).ravel())
    whole = np.hstack([start, inner.reshape(len(mass), -1), value[:, -1:]])
    return np.maximum.accumulate(np.diff(whole, axis=-1) * CELLS, axis=-1)
