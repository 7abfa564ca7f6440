"""Proper scores, and what a set of them says; a goal counts once, however often it was forecast.

Scores are per forecast, negatively oriented (0 is best, `crps_fair` excepted), and missing (NaN) where a number of the
forecast or its outcome is; whether a goal was attained is 0 or 1, never missing.
Summaries weigh a forecast by one over the number of forecasts of its goal. Numbers do not depend on the order of rows
or on the names of goals and clusters.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import betaln, ndtr, stdtr, stdtrit

from koers.engine.draws import generator

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

BLOCK = 1 << 18
"""Numbers drawn at a time; results do not depend on it."""
SAME = 1e-9  # of values that differ by rounding alone, relative


def brier(probability: Floats, attained: Floats) -> Floats:
    """Brier score of each forecast, (forecast,): (p - y)^2, 0 best, 1 worst. Brier 1950."""
    return (probability - attained) ** 2


def log_score(probability: Floats, attained: Floats) -> Floats:
    """Logarithmic score of each forecast, (forecast,): -ln of the probability given to what happened. Good 1952.

    Infinite where the impossible happened: clip probabilities first.
    """
    with np.errstate(divide="ignore"):
        return -np.log(np.where(attained == 1.0, probability, 1.0 - probability))


def crps_student_t(mean: Floats, scale: Floats, df: Floats, outcome: Floats) -> Floats:
    """CRPS of Student-t forecasts, (forecast,), in the outcome's unit; scale >= 0, df > 1.

    Jordan, Krueger and Lerch 2019, appendix A. A scale of 0 is a point forecast: the absolute error. More than 1e8
    degrees of freedom are taken for 1e8, within 1e-8 scales of the normal distribution.
    """
    df = np.minimum(df, 1e8)
    gap, certain = outcome - mean, scale == 0.0
    with np.errstate(over="ignore"):
        z = gap / np.where(certain, 1.0, scale)
        density = np.exp(-(df - 1.0) / 2.0 * np.log1p(z * z / df) - betaln(0.5, df / 2.0))
    spread = np.exp(betaln(0.5, df - 0.5) - 2.0 * betaln(0.5, df / 2.0))
    score = gap * (2.0 * stdtr(df, z) - 1.0) + 2.0 * scale * np.sqrt(df) / (df - 1.0) * (density - spread)
    return np.where(certain, np.abs(gap), score)


def crps_ensemble(members: Floats, outcome: Floats) -> Floats:
    """CRPS of the empirical distribution of `members`, (forecast, member), (forecast,): E|X - y| - E|X - X'| / 2.

    Gneiting and Raftery 2007, equation 21, by sorting. NaN where there are no members.
    """
    return _crps(members, outcome, members.shape[-1])


def crps_fair(members: Floats, outcome: Floats) -> Floats:
    """CRPS expected of infinitely many draws from where `members`, (forecast, member), came from, (forecast,).

    Ferro 2014: pairs of different members only. May be negative. NaN with fewer than two members.
    """
    return _crps(members, outcome, members.shape[-1] - 1)


def _crps(members: Floats, outcome: Floats, partners: int) -> Floats:
    size = members.shape[-1]
    if partners < 1:
        return np.full(outcome.shape, np.nan)
    gaps = np.sort(members - outcome[..., None], axis=-1)
    signs = 2.0 * np.arange(1, size + 1) - size - 1.0
    return np.asarray(np.abs(gaps).mean(axis=-1) - (gaps * signs).sum(axis=-1) / size / partners)


def crps_quantiles(levels: Floats, quantiles: Floats, outcome: Floats) -> Floats:
    """CRPS from quantiles, approximately: twice the mean pinball loss, (forecast,); NaN without levels.

    `quantiles` is (forecast, level) at `levels`, (level,), in (0, 1). The CRPS is the integral of that loss over all
    levels (Laio and Tamea 2007); the mean comes near it where the levels fill (0, 1) evenly. Tails beyond the outermost
    levels are not judged, so compare only forecasts with the same levels.
    """
    if not len(levels):
        return np.full(outcome.shape, np.nan)
    gap = outcome[..., None] - quantiles
    return np.asarray(2.0 * np.maximum(levels * gap, (levels - 1.0) * gap).mean(axis=-1))


def interval_covers(levels: Floats, quantiles: Floats, outcome: Floats, low: float, high: float) -> Floats:
    """Probability that the randomised PIT of each outcome lies between the levels `low` and `high`, (forecast,).

    1 or 0 for an outcome between quantiles; one that is a quantile itself, as whole numbers are, takes all the
    levels from the last quantile below it to the first above, and counts by the part of them that is inside
    (Czado, Gneiting and Held 2009, Biometrics 65). `quantiles` (forecast, level) ascend with `levels`.
    """
    edges = np.concatenate([[0.0], levels, [1.0]])
    first = edges[(quantiles < outcome[:, None]).sum(axis=1)]
    last = edges[len(levels) + 1 - (quantiles > outcome[:, None]).sum(axis=1)]
    inside = np.maximum(np.minimum(last, high) - np.maximum(first, low), 0.0) / (last - first)
    return np.where(np.isnan(quantiles.sum(axis=1) + outcome), np.nan, inside)


def ends_cover(ends: Floats, inside: Floats, outcome: Floats) -> Floats:
    """As `interval_covers`, (forecast,), of an interval whose `ends` (forecast, 2) have probability of their own.

    `inside` (forecast, 2) is the part of each end's probability that is inside the interval; exact, where quantiles
    alone leave open how far the levels of a value go.
    """
    low, high = ends.T
    rounding = SAME * (np.abs(low) + np.abs(high) + np.abs(outcome))
    at_low, at_high = np.abs(outcome - low) <= rounding, np.abs(outcome - high) <= rounding
    part = np.select([at_low & at_high, at_low, at_high], [inside.sum(axis=1) - 1.0, *inside.T], np.nan)
    found = np.where(at_low | at_high, part, ((low < outcome) & (outcome < high)).astype(np.float64))
    return np.where(np.isnan(ends.sum(axis=1) + inside.sum(axis=1) + outcome), np.nan, found)


def interval_width(low: Floats, high: Floats) -> Floats:
    """Width of each interval, (forecast,), in the outcome's unit: narrow is good among those that cover."""
    return high - low


def interval_score(low: Floats, high: Floats, outcome: Floats, level: float) -> Floats:
    """Width plus 2 / (1 - level) times how far outside the outcome fell, (forecast,); level in (0, 1). Winkler 1972."""
    outside = np.maximum(low - outcome, 0.0) + np.maximum(outcome - high, 0.0)
    return high - low + 2.0 / (1.0 - level) * outside


def pit(below: Floats, at_most: Floats, uniform: Floats) -> Floats:
    """Probability integral transform, (forecast,): uniform on (0, 1) where forecasts are calibrated.

    `below` is P(X < y), `at_most` P(X <= y), equal where y has no mass; `uniform` holds named draws in (0, 1), one a
    forecast. Czado, Gneiting and Held 2009, equation 1.
    """
    return below + uniform * (at_most - below)


def codes(labels: pl.Series) -> Codes:
    """Labels as 0, 1, ..., (row,), in the labels' order; there are no nulls among them."""
    return labels.rank("dense").to_numpy().astype(np.int64) - 1


def goal_weights(goals: pl.Series) -> Floats:
    """Weight of each forecast, (forecast,), of sum 1: 1 / number of its goal's forecasts / number of goals."""
    code = codes(goals)
    counts = np.bincount(code)
    return np.asarray(1.0 / (counts[code] * len(counts)))


def per_goal(goals: pl.Series, scores: Floats) -> float:
    """Mean over goals of each goal's mean score; NaN where there are none."""
    if len(scores) == 0:
        return float("nan")
    return math.fsum((goal_weights(goals) * scores).tolist())  # exact: the sum may not depend on order


def skill(score: float, reference: float) -> float:
    """1 - score / reference for scores >= 0: 1 faultless, 0 as good as the reference, below 0 worse.

    Equal scores have skill 0, also where both are 0; any other score against a faultless reference has -inf.
    """
    return float(_skill(np.array([score]), np.array([reference]))[0])


def _skill(score: Floats, reference: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(score == reference, 0.0, 1.0 - score / reference)


class Interval(NamedTuple):
    """An estimate in its interval, low <= mid <= high; all None without goals, the ends None in too few clusters.

    Too few are those whose extremes bracket a middle less often than `level` asks, 1 - 2^(1 - clusters): 5 at 95 %.
    """

    low: float | None
    mid: float | None
    high: float | None


def difference(
    one: Floats,
    other: Floats,
    goal: pl.Series,
    cluster: pl.Series | None,
    *,
    seed: int,
    draws: int = 2000,
    level: float = 0.95,
) -> Interval:
    """Mean over goals of `one` - `other`, finite scores (forecast,) of the same forecasts; below 0 `one` is better.

    The interval resamples whole clusters (Efron and Tibshirani 1993, 8 and 13), its percentiles moved out for few
    of them (Hesterberg 2015, expanded percentile). Goals of one cluster share a series; a goal of no cluster (null,
    or no `cluster`) stands alone; clusters that share a goal are one.
    """
    return _interval(_totals(one, other, goal, cluster), lambda a, b, n: (a - b) / n, seed, draws, level)


def skill_interval(
    one: Floats,
    other: Floats,
    goal: pl.Series,
    cluster: pl.Series | None,
    *,
    seed: int,
    draws: int = 2000,
    level: float = 0.95,
) -> Interval:
    """Skill of `one` against `other`, as in `difference`; both means are taken anew in every draw.

    An end is -inf where that share of the draws holds a faultless reference.
    """
    return _interval(_totals(one, other, goal, cluster), lambda a, b, _: _skill(a, b), seed, draws, level)


def _interval(
    totals: Floats, statistic: Callable[[Floats, Floats, Floats], Floats], seed: int, draws: int, level: float
) -> Interval:
    size = totals.shape[1]
    if size == 0:
        return Interval(None, None, None)
    mid = float(statistic(*totals.sum(axis=1, keepdims=True))[0])
    if 0.5 ** (size - 1) > 1.0 - level:
        return Interval(None, mid, None)
    found = np.sort(statistic(*_resampled(totals, seed, draws)))
    reach = math.sqrt(size / (size - 1)) * stdtrit(size - 1, (1.0 + level) / 2.0)
    tail = int(ndtr(-reach) * draws)
    return Interval(min(float(found[tail]), mid), mid, max(float(found[-1 - tail]), mid))


def _resampled(totals: Floats, seed: int, draws: int) -> Floats:
    """Totals, (what, draw), of as many clusters as there are, drawn with replacement from (what, cluster)."""
    size = totals.shape[1]
    rng = generator(seed, "bootstrap")
    step = max(1, BLOCK // size)
    parts = []
    for start in range(0, draws, step):
        drawn = (rng.random((min(step, draws - start), size)) * size).astype(np.intp)
        parts.append([column[drawn].sum(axis=1) for column in totals])
    return np.concatenate(parts, axis=1)


def _totals(one: Floats, other: Floats, goal: pl.Series, cluster: pl.Series | None) -> Floats:
    """Per cluster, (what, cluster): its goals' mean scores summed, of one and of other, and its number of goals.

    Clusters stand in the order of these numbers, so that a draw does not depend on names.
    """
    if not len(goal):
        return np.empty((3, 0))
    code = codes(goal)
    sums, counts = _sums(code, np.stack([one, other]))
    sums, counts = _sums(_clusters(code, cluster), sums / counts)
    totals = np.stack([*sums, counts.astype(np.float64)])
    return totals[:, np.lexsort(totals)]


def _sums(code: Codes, columns: Floats) -> tuple[Floats, Codes]:
    """Sums of the columns, (column, code), and counts, (code,); rows are added in the order of their numbers."""
    order = np.lexsort((*columns, code))
    starts = np.flatnonzero(np.diff(code[order], prepend=-1))
    return np.add.reduceat(columns[:, order], starts, axis=1), np.diff(starts, append=len(code))


def _clusters(goal: Codes, cluster: pl.Series | None) -> Codes:
    """Cluster of each goal, (goal,): goals linked by named clusters all take the least code among them."""
    least = np.arange(goal.max() + 1)
    if cluster is None:
        return least
    named = cluster.is_not_null().to_numpy()
    goal, team = goal[named], codes(cluster.drop_nulls())
    before = np.full_like(least, -1)
    while (least != before).any():
        before = least.copy()
        of_team = np.full(team.max(initial=-1) + 1, len(least))
        np.minimum.at(of_team, team, least[goal])
        np.minimum.at(least, goal, of_team[team])
    return np.unique(least, return_inverse=True)[1]
