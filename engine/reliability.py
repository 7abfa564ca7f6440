"""Of all the times 70 % was said, how often did it happen? Calibration of probabilities; a goal counts once.

Bins are fixed, [k / bins, (k + 1) / bins), the last closed: they read as what was said, are the same for every method,
and do not fall together where forecasts pile up near 0 and 1, as equal-mass bins do. A thin bin gets a wide band.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit, logit

from koers.engine.draws import generator
from koers.engine.scoring import BLOCK, Codes, Floats, codes, goal_weights

EDGE = 1e-6
"""Probabilities are clipped to [EDGE, 1 - EDGE] before their logit is taken."""

RIDGE = 1e-9
"""Penalty on (slope, intercept) away from (1, 0), beside a mean log likelihood."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Forecasts in [low, high): what was said, what came true, and the band it would fall in were they calibrated."""

    low: float
    high: float
    forecast: float
    attained: float
    goals: float
    band_low: float
    band_high: float

    @property
    def consistent(self) -> bool:
        """Whether what came true lies in the band."""
        return self.band_low <= self.attained <= self.band_high

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


def reliability(
    probability: Floats,
    attained: Floats,
    goal: pl.Series,
    *,
    bins: int = 10,
    seed: int,
    draws: int = 1000,
    weight: Floats | None = None,
) -> list[Bin]:
    """Reliability diagram of forecasts, (forecast,), lowest bin first, empty bins left out.

    `goals` of a bin is its weight, a goal's 1 being shared out over its forecasts. The band holds the share attained
    in 90 % of worlds or more in which the forecasts are true (5-95 %, bin by bin; Broecker and Smith 2007). A goal's
    forecasts share one uniform a world, attained where it is below the forecast: forecasting often adds no certainty.
    Of true forecasts that move with the news, 86-89 % of bins were seen inside (tests): how long a goal stays in a bin
    goes with how it ends, which no band drawn from the forecasts alone can know.

    Where goals that end well (or badly) get fewer forecasts, even true ones look biased, since 1 / number of forecasts
    knows the end. Hand in `weight` then, of what was known at each forecast, such as the share of life it stands for.
    """
    weight = goal_weights(goal) if weight is None else weight
    used = np.flatnonzero(weight > 0.0)
    if not len(used):
        return []
    p, y, w, goal = probability[used], attained[used], weight[used], goal.gather(used)
    w = w * (goal.n_unique() / w.sum())
    rank, cell = _ranks(goal, p, w), cells(p, bins)
    order = np.lexsort((y, w, p, rank, cell))
    starts = np.flatnonzero(np.diff(cell[order], prepend=-1))
    p, y, w, rank, low = p[order], y[order], w[order], rank[order], cell[order][starts]
    shares = _Shares(starts, w)
    said, came = shares.of(np.stack([p, y]))
    band = np.quantile(shares.drawn(p, rank, seed, draws), [0.05, 0.95], axis=0, method="inverted_cdf")
    table = np.stack([low / bins, (low + 1) / bins, said, came, shares.goals, *band], axis=1)
    return [Bin(*row) for row in table.tolist()]


class _Shares:
    """Weighted means over runs of rows: bins, of which `starts` are the first rows."""

    def __init__(self, starts: Codes, weight: Floats) -> None:
        self.starts, self.weight = starts, weight
        self.goals = np.add.reduceat(weight, starts)

    def of(self, values: Floats | NDArray[np.bool_]) -> Floats:
        """(what, row) to (what, bin)."""
        return np.asarray(np.add.reduceat(values * self.weight, self.starts, axis=1) / self.goals)

    def drawn(self, probability: Floats, rank: Codes, seed: int, draws: int) -> Floats:
        """Shares attained, (draw, bin), where forecasts are true and the goals' fates independent."""
        rng, size = generator(seed, "reliability"), int(rank.max()) + 1
        step = max(1, BLOCK // len(rank))
        worlds = (rng.random((min(step, draws - start), size)) for start in range(0, draws, step))
        return np.concatenate([self.of(uniform[:, rank] < probability) for uniform in worlds])


def cells(probability: Floats, bins: int) -> Codes:
    """Bin of each forecast, (forecast,), 0 ... bins - 1; an edge belongs to the bin above it."""
    return np.searchsorted(np.arange(1, bins) / bins, probability, side="right")


def _ranks(goal: pl.Series, probability: Floats, weight: Floats) -> Codes:
    """Rank of each forecast's goal, (forecast,), among goals ordered by what was said of them, and for how long.

    Not by name: goals with the same forecasts may change places. Forecasts said twice at half the weight are one. Nor
    by last bits: those of another machine must not draw other worlds.
    """
    code = codes(goal)
    pairs, where = np.unique(np.stack([code, probability.round(9)]), axis=1, return_inverse=True)
    said = np.stack([pairs[1], np.bincount(where, weight).round(9)], axis=1)
    keys = [part.tolist() for part in np.split(said, np.flatnonzero(np.diff(pairs[0])) + 1)]
    ranks = np.empty(len(keys), dtype=np.int64)
    ranks[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys))
    return np.asarray(ranks[code])


class Slope(NamedTuple):
    """Outcomes regressed on logits: (1, 0) is calibrated, a slope below 1 overconfident, an intercept above 0 low."""

    slope: float
    intercept: float


def calibration_slope(probability: Floats, attained: Floats, weight: Floats) -> Slope | None:
    """Slope and intercept of a logistic regression of outcomes on logit(p), (forecast,). Cox 1958.

    None where there is no slope to learn: forecasts all equal, or outcomes all equal. Data that some threshold
    separates have an endless slope, kept finite by RIDGE: read it as "very steep".
    """
    used = weight > 0.0
    x, y = logit(np.clip(probability[used], EDGE, 1.0 - EDGE)), attained[used].astype(np.float64)
    if not len(x) or np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        return None
    return Slope(*_newton(np.stack([x, np.ones_like(x)]), y, weight[used] / weight.sum()).tolist())


def _newton(design: Floats, y: Floats, weight: Floats) -> Floats:
    """Maximum of the mean log likelihood less the ridge: Newton steps, halved until they do not lose."""
    start = np.array([1.0, 0.0])

    def loss(at: Floats) -> float:
        eta = at @ design
        return float(weight @ (np.logaddexp(0.0, eta) - y * eta) + RIDGE / 2.0 * ((at - start) ** 2).sum())

    at = start
    for _ in range(100):
        fitted = expit(at @ design)
        gradient = design @ (weight * (y - fitted)) - RIDGE * (at - start)
        curvature = (design * (weight * fitted * (1.0 - fitted))) @ design.T + RIDGE * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        before = loss(at) + 1e-15
        for _ in range(50):
            if loss(at + step) <= before:
                break
            step = step / 2.0
        at = at + step
        if np.abs(step).max() <= 1e-12 * (1.0 + np.abs(at).max()):
            break
    return at


class Murphy(NamedTuple):
    """Parts of a Brier score: reliability (low is good), resolution (high is good), uncertainty; and `within` bins."""

    reliability: float
    resolution: float
    uncertainty: float
    within: float

    @property
    def binned(self) -> float:
        """Brier score of the forecasts when each says its bin's mean."""
        return self.reliability - self.resolution + self.uncertainty

    @property
    def brier(self) -> float:
        """Brier score of the forecasts."""
        return self.binned + self.within


def murphy(probability: Floats, attained: Floats, weight: Floats, bins: int = 10) -> Murphy | None:
    """Murphy's 1973 decomposition of the weighted Brier score of forecasts, (forecast,); None without weight.

    `within` is the variance of forecasts in their bin less twice their covariance with outcomes (Stephenson, Coelho
    and Jolliffe 2008): below 0 where differences within bins were informative. Few goals a bin raise
    reliability and resolution alike (Broecker 2012): compare methods on the same goals and bins.
    """
    if not weight.sum() > 0.0:
        return None
    cell, w = cells(probability, bins), weight / weight.sum()
    total = np.bincount(cell, w, bins)
    held = np.where(total > 0.0, total, 1.0)
    said, came = np.bincount(cell, w * probability, bins) / held, np.bincount(cell, w * attained, bins) / held
    base = min(float(w @ attained), 1.0)
    off = probability - said[cell]
    return Murphy(
        reliability=float(total @ (said - came) ** 2),
        resolution=float(total @ (came - base) ** 2),
        uncertainty=base * (1.0 - base),
        within=float(w @ (off * (off - 2.0 * (attained - came[cell])))),
    )
