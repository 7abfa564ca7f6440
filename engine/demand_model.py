"""From evidence to beliefs about every team: those with tickets, those with effort logged only, and all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special

from koers.engine.capacity import Floats
from koers.engine.demand_belief import Belief, belief, long_run_error
from koers.engine.demand_density import Counts, Shares
from koers.engine.demand_evidence import WORKDAYS, Evidence
from koers.engine.demand_settings import Settings, settings
from koers.engine.demand_size import RUN_SHARE, RUN_SHARE_SD, USUAL_SPREAD, Sizes, of_effort, of_items, weighed

LEAST_PEOPLE = 0.01  # so that logs are finite where nobody is there
USUAL_SIZE = 0.5
"""Person-days per item (our inference)."""
SIZE_SD, SIZE_TEAM_SD = 1.0, 0.7  # of its log between organisations, and between the teams of one (our inference)
USUAL_SHAPE = 12.0
"""Of a morning's count: what weekday variance / mean 2.8 leaves when the level has been taken out (help desk)."""
OF_ITEMS = 0.77  # of a morning's variance that is the number and size of items, not the morning (help desk)
USUAL_GRAIN = USUAL_SIZE * float(np.exp(USUAL_SPREAD**2)) / OF_ITEMS
"""Variance over mean of run work around its level, person-days."""
WEEKDAY_WEIGHT = 60.0
"""Items that the organisation's weekday pattern is worth to a team, and a flat one to the organisation."""
RATE_SD, RATE_TEAM_SD = 1.0, 0.7  # of log items per person, between organisations, and between teams (our inference)
SHARE_SD, SHARE_TEAM_SD = 0.12, 0.16
"""Of log run shares, between organisations and between teams: .2 in all, as .60 +- .12 says (split: our inference)."""
LEAST_KEPT, MOST_KEPT = 0.2, 0.995  # of a level from week to week
LEAST_SD = 0.005  # of a log mean size


class Model(NamedTuple):
    """The columns of a `Demand`, (team,) each; `weekday` (team, 5)."""

    rate: Floats
    rate_sd: Floats
    weekday: Floats
    shape: Floats
    level_mean: Floats
    level_sd: Floats
    level_keep: Floats
    level_shake: Floats
    size: Floats
    size_sd: Floats
    size_spread: Floats
    rests_on: tuple[str, ...]


class Motion(NamedTuple):
    """A long-run rate and a level around it that are independent, (row,) each: see `motion`."""

    log_rate: Floats
    rate_sd: Floats
    level_mean: Floats
    level_sd: Floats
    keep: Floats
    spread: Floats  # stationary sd of the level


class Rows(NamedTuple):
    """Beliefs about teams with one kind of evidence, (row,) each."""

    motion: Motion
    shape: Floats
    log_size: Floats
    size_sd: Floats
    size_spread: Floats


class Usual(NamedTuple):
    """What is expected of a further team of the organisation; logs, (1,) each."""

    share: tuple[Floats, Floats]  # run share of capacity: mean of the log, and sd
    log_size: Floats
    given: Settings  # (point,) each


def model(evidence: Evidence, items: pl.DataFrame, teams: Sequence[str], people: Floats) -> Model:
    """Beliefs about all `teams` of `people` > 0; `items` are those known."""
    ticketed = evidence.known.sum(axis=(1, 2)) > 0.0
    logged = evidence.logged.sum(axis=1) > 0.0
    only, neither = logged & ~ticketed, ~ticketed & ~logged
    weekday, sizes = weekdays(evidence), of_items(items, teams)
    by_effort, share = _by_effort(evidence.run[logged], evidence.logged[logged], people[logged])
    by_tickets, given = _by_tickets(evidence, weekday, people, sizes, share, ticketed)
    usual = Usual(share, _pooled(sizes.log_mean, sizes.sd, np.log(USUAL_SIZE), SIZE_SD, SIZE_TEAM_SD)[0][-1:], given)
    columns = np.empty((10, len(teams)))
    columns[:, ticketed] = _stacked(by_tickets)
    columns[:, only] = _stacked(by_effort)[:, only[logged]]
    columns[:, neither] = _stacked(_by_priors(people[neither], usual))
    with_effort = logged | np.isfinite(sizes.sd)
    names = {(0, 0): "prior", (0, 1): "effort logged", (1, 0): "tickets", (1, 1): "tickets and effort"}
    rests_on = tuple(names[int(a), int(b)] for a, b in zip(ticketed, with_effort, strict=True))
    return _model(columns, weekday, rests_on)


def _stacked(part: Rows) -> Floats:
    return np.stack([*part.motion, *part[1:]])


def _model(columns: Floats, weekday: Floats, rests_on: tuple[str, ...]) -> Model:
    log_rate, rate_sd, level_mean, level_sd, keep, spread, shape, log_size, size_sd, size_spread = columns
    return Model(
        rate=np.exp(log_rate),
        rate_sd=rate_sd,
        weekday=weekday,
        shape=shape,
        level_mean=level_mean,
        level_sd=level_sd,
        level_keep=keep,
        level_shake=spread * np.sqrt(1.0 - keep**2),
        size=np.exp(log_size),
        size_sd=size_sd,
        size_spread=size_spread,
        rests_on=rests_on,
    )


def _by_effort(run: Floats, logged: Floats, people: Floats) -> tuple[Rows, tuple[Floats, Floats]]:
    """Teams with effort logged, as if nothing else were known, and the run share expected of a further team.

    How much weeks scatter around the level says of what grain run work is: the size of its items, and their number.
    """
    shares = Shares(run, logged, np.full(len(run), USUAL_GRAIN))
    given = first(settings(shares), len(run))
    middle = np.log(RUN_SHARE) - (RUN_SHARE_SD / RUN_SHARE) ** 2 / 2
    error = long_run_error(shares, given).mean(axis=1)
    mean, sd = _pooled(shares.centre(), error, middle, SHARE_SD, SHARE_TEAM_SD)
    moving = motion(belief(shares, given, mean[:-1], sd[:-1]))
    share = np.exp(moving.log_rate)
    grain = shares.usual_sd(given.noise.mean(axis=1)) ** 2 / share * WORKDAYS * people
    log_size = np.log(OF_ITEMS * grain) - USUAL_SPREAD**2
    daily = share * people
    rows = Rows(
        motion=moving._replace(log_rate=np.log(daily) - log_size),
        shape=daily / ((1.0 - OF_ITEMS) * grain),
        log_size=log_size,
        size_sd=np.zeros(len(run)),
        size_spread=np.full(len(run), USUAL_SPREAD),
    )
    return rows, (mean[-1:], sd[-1:])


def _by_tickets(
    evidence: Evidence,
    weekday: Floats,
    people: Floats,
    sizes: Sizes,
    share: tuple[Floats, Floats],
    rows: NDArray[np.bool_],
) -> tuple[Rows, Settings]:
    """Teams with tickets, and the settings expected of a further team."""
    count = int(rows.sum())
    counts = Counts(evidence.counts[rows], evidence.known[rows], weekday[rows], np.full(count, 1.0 / USUAL_SHAPE))
    known = settings(counts)
    given, own = first(known, count), np.log(people[rows])
    error = long_run_error(counts, given).mean(axis=1)
    mean, sd = _pooled(counts.centre() - own, error, np.log(RUN_SHARE / USUAL_SIZE), RATE_SD, RATE_TEAM_SD)
    found = belief(counts, given, mean[:-1] + own, sd[:-1])
    moving = motion(found)
    by_share = share[0] + own - found.mean - found.level_var / 2, np.sqrt(share[1] ** 2 + found.mean_var)
    by_effort, by_items = of_effort(evidence, people), (sizes.log_mean, sizes.sd)
    log_size, sd = weighed(by_share, *((mean[rows], sd[rows]) for mean, sd in (by_effort, by_items)))
    weight = (sd / by_share[1]) ** 2  # of the run share: as far as it says the size, a rate too high is a size too low
    size_sd = np.sqrt(np.maximum(sd**2 - 2 * (weight * moving.rate_sd) ** 2, LEAST_SD**2))
    shape = USUAL_SHAPE / given.noise.mean(axis=1)
    return Rows(moving, shape, log_size, size_sd, sizes.spread[rows]), Settings(*(part[count] for part in known))


def _by_priors(people: Floats, usual: Usual) -> Rows:
    """Teams without evidence: the run share of the organisation, else the usual one, is the mean of their demand."""
    zero = np.zeros(len(people))
    spread, log_size = np.sqrt((usual.given.spread**2).mean()) + zero, usual.log_size + zero
    keep = special.expit(special.logit(usual.given.keep).mean()) + zero
    log_rate = usual.share[0] + np.log(people) - log_size - spread**2 / 2
    moving = Motion(log_rate, zero, zero, spread, keep, spread)
    shape = USUAL_SHAPE / usual.given.noise.mean() + zero
    return Rows(moving, shape, log_size, usual.share[1] + zero, USUAL_SPREAD + zero)


def _pooled(seen: Floats, error: Floats, usual: float, between: float, within: float) -> tuple[Floats, Floats]:
    """What the other teams say of each, and all of them of a further one, as a mean and an sd; (row + 1,) each.

    Normal teams with sd `within` around an organisation with sd `between` around `usual` (Gelman et al. 2013, ch. 5).
    """
    precision = np.append(1.0 / (error**2 + within**2), 0.0)
    said = precision * np.append(seen, 0.0)
    total = 1.0 / between**2 + precision.sum() - precision
    return (usual / between**2 + said.sum() - said) / total, np.sqrt(within**2 + 1.0 / total)


def weekdays(evidence: Evidence) -> Floats:
    """Factors by weekday with mean 1, (team, 5): what is seen within weeks, pooled over teams and shrunk to flat."""
    counts = evidence.counts
    mornings = evidence.known.sum(axis=2, keepdims=True)
    even = evidence.known * counts.sum(axis=2, keepdims=True) / np.maximum(mornings, 1.0)
    seen, expected = counts.sum(axis=1), even.sum(axis=1)
    usual = (seen.sum(axis=0) + WEEKDAY_WEIGHT) / (expected.sum(axis=0) + WEEKDAY_WEIGHT)
    found = (seen + WEEKDAY_WEIGHT * usual) / (expected + WEEKDAY_WEIGHT)
    return np.asarray(found / found.mean(axis=1, keepdims=True))


def motion(found: Belief) -> Motion:
    """A rate and a level, independent, that tell the same of this week, the next, and the long run.

    In truth what is believed of the two is correlated. The rate keeps what the long run and this week share; what the
    long run does not share with this week widens and slows the level.
    """
    shared = np.clip(found.both, 0.0, np.minimum(found.now_var, found.mean_var))
    long_run = found.mean_var + found.level_var
    left = np.maximum(long_run - found.now_var, 1e-9)
    kept = np.clip((long_run - found.later_var) / left, LEAST_KEPT**2, MOST_KEPT**2)
    return Motion(
        log_rate=found.mean,
        rate_sd=np.sqrt(shared),
        level_mean=found.now - found.mean,
        level_sd=np.sqrt(found.now_var - shared),
        keep=np.sqrt(kept),
        spread=np.sqrt(long_run - shared),
    )


def first(known: Settings, count: int) -> Settings:
    """Those of the first so many teams."""
    return Settings(*(part[:count] for part in known))
