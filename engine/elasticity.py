"""The effort elasticity e: how much of a change in effort shows in progress, learnt where effort varied.

The progress expected over a stretch of time, where it is a rise, is multiplied by 1 + e (effort / usual effort - 1): at
0 effort does not matter, at 1 progress is proportional to it. All else moves as in `local_trend`, whose filter works
out the rise from the readings before: each reading is Student-t given those before it, and the likelihood is exact,
given the shared settings, the efforts, and one elasticity for all.

Usual is the mean over a key result's own stretches, in time: a factor on all of its effort would be another pace, and
says nothing. Effort is taken as logged, whatever made it vary: that a team behind schedule works harder is not told
apart. A key result gets its share by weight of what its team spent on change, as in `capacity`, initiatives aside;
within a logged week effort is even. Binary and control key results are left out: they have no pace.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from koers.engine.local_trend import Floats, Hyper, Ints, Settings, State, Table, advance, start, tabulate, update
from koers.engine.softmax import softmax
from koers.engine.trend import scale_of, to_readings

NONE = 0.2
"""Prior probability that effort does not matter at all. Nothing measured says (our inference): an atom, so that a log
can end up with "no effect", and until it speaks every interval of 60 % or more includes it."""
GRID: Floats = np.linspace(0.0, 1.0, 11)
PRIOR: Floats = np.append(NONE, np.full(len(GRID) - 1, (1 - NONE) / (len(GRID) - 1)))
"""Besides NONE, every elasticity up to proportional progress is as likely as another."""
SHARED = 0.5
"""Correlation of the surprises of a team's key results in the same weeks: half of what hits one hits all (our
inference)."""
COVERED = 0.5  # of a stretch between readings that logged weeks must cover to say what its effort was
DIGITS = 12  # decimals of a ratio: rounding does not make effort vary


class Evidence(NamedTuple):
    """What was seen of progress and effort; rows by falling length, in an order that hangs on their content alone."""

    table: Table
    ratio: Floats  # (series, reading) effort over usual effort in the stretch before a reading; 1 where it is not known
    power: Floats  # (series,) share of a key result's evidence that counts: see `alone`


def posterior(
    goals: pl.DataFrame, readings: pl.DataFrame, effort: pl.DataFrame, hyper: Hyper, as_of: date | None = None
) -> Floats:
    """Probabilities of the elasticities on GRID; PRIOR where no effort is logged or none varied.

    `goals` and `readings` come from `projections`, `effort` (team, week_start, run_days, change_days) from `work`. A
    week that is not over by the end of `as_of` may be logged in part and is not looked at.
    """
    return weigh(evidence(goals, readings, effort, as_of), hyper)


def weigh(seen: Evidence, hyper: Hyper) -> Floats:
    """PRIOR times the likelihood of the readings, each key result's taken to its power; (elasticity,)."""
    if not len(seen.power):
        return PRIOR.copy()
    weight = np.log(PRIOR) + seen.power @ log_likelihood(seen.table, seen.ratio, hyper)
    return softmax(weight)


def quantile(found: Floats, level: ArrayLike) -> Floats:
    """Elasticities not exceeded with probability `level`, within [0, 1], where `found` are probabilities on GRID.

    No effect keeps its probability; the others are spread around their points, linear in between.
    """
    level, edges = np.asarray(level, np.float64), np.cumsum(found)
    middle = np.append(edges[0], edges[1:] - found[1:] / 2)
    return np.where(level <= found[0], 0.0, np.interp(level, middle, GRID))


def log_likelihood(table: Table, ratio: Floats, hyper: Hyper) -> Floats:
    """Log density, but for a constant, of all readings after the first under each elasticity; (series, elasticity).

    Rows come by falling length. `ratio`: see Evidence.
    """
    h = Settings.of(hyper)
    state = start(table.x[:, :1] + np.zeros(len(GRID)), h)
    total = np.zeros(state.level.shape)
    for j in range(1, table.x.shape[1]):
        rows = int(np.searchsorted(-table.length, -j))
        before = State._make(part[:rows] for part in state)
        then = advance(before, (table.time[:rows, j] - table.time[:rows, j - 1])[:, None], h)
        rise = np.maximum(then.level - before.level, 0.0)
        then = then._replace(level=then.level + GRID * rise * (ratio[:rows, j, None] - 1.0))
        x = table.x[:rows, j, None]
        scale2 = (then.var_level + h.reading) * then.scale2
        total[:rows] -= np.log(scale2) / 2 + (h.df + 1) / 2 * np.log1p((x - then.level) ** 2 / (h.df * scale2))
        state = update(then, x, h)
    return total


def alone(side_by_side: ArrayLike) -> Floats:
    """Share of its evidence that a key result keeps, of so many in its team at a time: 1 / (1 + SHARED (m - 1)).

    They have the same weeks of effort and, in part, the same surprises: m of them teach as much as m times this that
    have their own (Kish's design effect for clusters).
    """
    return np.asarray(1.0 / (1.0 + SHARED * (np.asarray(side_by_side) - 1.0)))


def evidence(goals: pl.DataFrame, readings: pl.DataFrame, effort: pl.DataFrame, as_of: date | None = None) -> Evidence:
    """The key results whose effort varied; arguments as of `posterior`."""
    if as_of is not None:
        effort = effort.filter(pl.col("week_start") <= as_of - timedelta(days=6))
    ended = goals.with_columns(until=pl.min_horizontal("due", "dropped_on", "outcome_on"))
    days = _spent(ended, effort)
    chosen = ended.filter(pl.col("kind").is_in(["metric", "milestone"]) & pl.col("team").is_in(list(days)))
    table = tabulate(to_readings(chosen, readings))
    scale = scale_of(chosen)
    at = np.rint(scale.start[:, None] + table.time * scale.life[:, None]).astype(np.int64)
    ratio = _ratios(chosen, at, table.length, days)
    varied = np.flatnonzero((ratio != 1.0).any(axis=1))
    spans = np.stack([at[varied, 0], at[varied, table.length[varied] - 1]], axis=1)
    power = alone(_side_by_side([chosen["team"][int(row)] for row in varied], spans))
    table, ratio = table.take(varied), ratio[varied]
    order = np.lexsort((power, *ratio.T, *table.x.T, *table.time.T, -table.length))
    return Evidence(table.take(order), ratio[order], power[order])


def _ratios(goals: pl.DataFrame, at: Ints, length: Ints, days: dict[str, _Days]) -> Floats:
    """Effort over usual effort before each reading, taken on the days `at`; both (series, reading)."""
    ratio = np.ones(at.shape)
    lives = goals.select("team", pl.col("start").cast(pl.Int32), pl.col("until").cast(pl.Int32))
    for row, (team, start_, until) in enumerate(lives.iter_rows()):
        own = at[row, : length[row]]
        ratio[row, 1 : length[row]] = _to_usual(*_efforts(days[team], np.clip(own, start_, until), np.diff(own)))
    return ratio


class _Days(NamedTuple):
    """A team's calendar days from `first` on, summed up to the begin of each; (day + 1,)."""

    first: int  # days since 1970
    spent: Floats  # person-days of change effort per unit of weight of the key results it is shared by
    logged: Floats  # days that lie in a logged week


def _spent(goals: pl.DataFrame, effort: pl.DataFrame) -> dict[str, _Days]:
    goals = goals.filter(pl.col("kind") != "control")
    shared = {team: own for (team,), own in goals.partition_by("team", as_dict=True).items()}
    logged = effort.partition_by("team", as_dict=True)
    return {team: _by_day(own, shared[team]) for (team,), own in logged.items() if team in shared}


def _by_day(effort: pl.DataFrame, goals: pl.DataFrame) -> _Days:
    weeks = effort["week_start"].cast(pl.Int32).to_numpy().astype(np.int64)
    first = int(weeks.min())
    change, logged, weight = np.zeros((3, int(weeks.max()) - first + 7))
    for week, days in zip(weeks - first, effort["change_days"].to_numpy(), strict=True):
        change[week : week + 7], logged[week : week + 7] = days / 7, 1.0
    spans = goals.select(pl.col("start").cast(pl.Int32), pl.col("until").cast(pl.Int32), "weight")
    for start_, until, own in spans.iter_rows():
        weight[max(start_ + 1 - first, 0) : max(until + 1 - first, 0)] += own
    each = np.divide(change, weight, out=np.zeros_like(change), where=weight > 0)
    return _Days(first, *(np.concatenate([[0.0], np.cumsum(part)]) for part in (each, logged)))


def _efforts(days: _Days, at: Ints, long: Ints) -> tuple[Floats, Floats]:
    """Mean effort in each stretch between the days `at`, NaN where too little is logged; and its `long`, in days."""
    edges = np.clip(at + 1 - days.first, 0, len(days.spent) - 1)
    spent, logged = np.diff(days.spent[edges]), np.diff(days.logged[edges])
    known = (logged > 0) & (logged >= COVERED * long)
    return np.divide(spent, logged, out=np.full(len(long), np.nan), where=known), long.astype(np.float64)


def _to_usual(mean: Floats, long: Floats) -> Floats:
    """Efforts over their mean in time, which the ratios then have 1 as; 1 where effort is not known."""
    known = np.isfinite(mean)
    total = (mean * long)[known].sum()
    if total <= 0:
        return np.ones_like(mean)
    return np.where(known, np.round(mean * long[known].sum() / total, DIGITS), 1.0)


def _side_by_side(teams: list[str], spans: Ints) -> Floats:
    """How many of a team's key results were seen at a time, on average over the days on which any was; (series,)."""
    found, of = np.ones(len(teams)), np.array(teams, dtype=np.str_)
    for team in np.unique(of):
        own = spans[of == team]
        first, last = own[np.argsort(own[:, 0], kind="stable")].T
        reached = np.append(first[0], np.maximum.accumulate(last)[:-1])
        found[of == team] = (last - first).sum() / np.maximum(last - np.maximum(first, reached), 0).sum()
    return found
