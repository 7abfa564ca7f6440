"""Trials of what is learnt of run work: weeks drawn from the declared model, and where the truth lies in the belief.

The model is written down anew. `chains` are drawn on the grid of levels, where the posterior given its settings is
exact; `organisations` from the whole model, with a level that moves on the line and everything else unknown as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from koers.engine import demand_belief, demand_settings
from koers.engine.demand import Demand, learn
from koers.engine.demand_belief import Joint
from koers.engine.demand_density import Counts
from koers.engine.demand_evidence import seen
from koers.engine.demand_level import JUMP, REACH
from koers.engine.demand_model import weekdays
from koers.engine.demand_settings import AXES, ORGANISATIONS, TEAMS, USUAL, Settings, cubic, likelihood, posterior
from koers.engine.mornings import mornings

Floats = NDArray[np.float64]
BINS = 20  # of ranks
SHAPE, SPREAD = 12.0, 0.5  # the usual ones
ITEMS = {"item": pl.String, "team": pl.String, "opened": pl.Date, "closed": pl.Date, "effort_days": pl.Float64}
EFFORT = pl.DataFrame(
    schema={"team": pl.String, "week_start": pl.Date, "run_days": pl.Float64, "change_days": pl.Float64}
)


@dataclass(frozen=True)
class Chains:
    """Weeks of teams that know their settings; all (team,) unless said."""

    evidence: Counts
    given: Settings
    mean: Floats  # long-run log mean at level 0
    level: NDArray[np.int64]  # where on the grid, in the last week
    later: NDArray[np.int64]  # and in the week after
    prior: Floats
    prior_sd: Floats

    def joint(self) -> Joint:
        return demand_belief.joint(self.evidence, self.given, self.prior, self.prior_sd)


def chains(n: int, weeks: int, keep: float, spread: float, rate: float, seed: int) -> Chains:
    """n teams; a morning in seven is a holiday, whose count is not known."""
    rng = np.random.default_rng(seed)
    x = np.linspace(-REACH, REACH, demand_belief.LEVELS)
    first = np.exp(-0.5 * x**2) / np.exp(-0.5 * x**2).sum()
    move = stats.norm.pdf(x, keep * x[:, None], np.sqrt(1 - keep**2))
    move = (1 - JUMP) * move / move.sum(axis=1, keepdims=True) + JUMP * first
    prior_sd = 0.5
    mean = np.log(rate) + prior_sd * rng.standard_normal(n) - spread**2 / 2
    weekday = np.array([1.3, 1.1, 1.0, 0.9, 0.7])
    counts, known = np.zeros((2, n, weeks, 5))
    at = rng.choice(len(x), n, p=first)
    for week in range(weeks):
        at = at if week == 0 else _step(rng, move, at)
        expected = np.exp(mean + spread * x[at])[:, None] * weekday
        known[:, week] = rng.random((n, 5)) > 1 / 7
        counts[:, week] = rng.poisson(rng.gamma(SHAPE, expected / SHAPE)) * known[:, week]
    given = Settings(*(np.full((n, 1), value) for value in (keep, spread, 1.0)))
    evidence = Counts(counts, known, np.tile(weekday, (n, 1)), np.full(n, 1 / SHAPE))
    return Chains(evidence, given, mean, at, _step(rng, move, at), np.full(n, np.log(rate)), np.full(n, prior_sd))


def _step(rng: np.random.Generator, move: Floats, at: NDArray[np.int64]) -> NDArray[np.int64]:
    draw = rng.random((len(at), 1))
    return np.asarray(np.minimum((np.cumsum(move[at], axis=1) < draw).sum(axis=1), len(move) - 1))


def ranks(told: Chains, found: Joint, seed: int, power: float = 1.0) -> dict[str, Floats]:
    """Where each truth lies in its law, ties broken by chance; the law to a `power` above 1 is too narrow."""
    rng = np.random.default_rng(seed)
    now, later = (part[:, 0].sum(axis=1) for part in (found.now, found.later))
    return {
        "level": _discrete(now**power, told.level, rng),
        "next level": _discrete(later**power, told.later, rng),
        "long-run mean": _continuous(found.mean[:, 0], found.probability[:, 0], told.mean, power),
    }


def _discrete(weight: Floats, at: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    upto = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)
    below = np.hstack([np.zeros((len(at), 1)), upto])
    row = np.arange(len(at))
    return np.asarray(below[row, at] + rng.random(len(at)) * (upto[row, at] - below[row, at]))


def _continuous(node: Floats, weight: Floats, truth: Floats, power: float) -> Floats:
    """The law whose log density is told at evenly spaced nodes."""
    fine = np.linspace(0.0, 1.0, 20 * (node.shape[1] - 1) + 1)
    log = np.log(weight.clip(1e-30)) @ cubic(np.linspace(0.0, 1.0, node.shape[1]), fine).T
    density = np.exp(power * (log - log.max(axis=1, keepdims=True)))
    upto = np.cumsum(density, axis=1) - density / 2
    upto /= density.sum(axis=1, keepdims=True)
    place = (truth - node[:, 0]) / (node[:, -1] - node[:, 0])
    return np.array([np.interp(p, fine, u) for p, u in zip(place, upto, strict=True)])


def p_uniform(rank: Floats) -> float:
    """Twice the smaller p of a chi-square test over BINS and of Kolmogorov and Smirnov's."""
    counts = np.bincount(np.minimum((rank * BINS).astype(int), BINS - 1), minlength=BINS)
    return min(1.0, 2 * float(min(stats.chisquare(counts).pvalue, stats.kstest(rank, "uniform").pvalue)))


@dataclass(frozen=True)
class World:
    """Organisations that are drawn from the whole model."""

    teams: int = 3
    weeks: int = 52  # of tickets
    rate: float = 1.2  # items per person and morning, the median
    sized: float = 0.5  # of items have a known effort


class Truth(NamedTuple):
    """What a drawn organisation is, (team,) each; `ahead` (team, week) are the weeks to come."""

    logit_keep: Floats
    log_spread: Floats
    log_noise: Floats
    ahead: Floats  # log items per morning
    first: NDArray[np.int64]  # items in the first week to come
    size: Floats  # log of the mean size


LAST = date(2024, 6, 30)  # a Sunday; the week after has five mornings
AHEAD = 8


def organisation(world: World, seed: int) -> tuple[pl.DataFrame, dict[str, float], Truth]:
    """Items of an organisation up to LAST, the people of its teams, and the truth."""
    rng = np.random.default_rng(seed)
    n = world.teams
    span = np.array([(axis[0], axis[-1]) for axis in AXES]).T
    own = _within(rng, np.array(USUAL), np.array(ORGANISATIONS), *span)
    settings = np.array([_within(rng, own, np.array(TEAMS), *span) for _ in range(n)])
    keep, spread, noise = 1 / (1 + np.exp(-settings[:, 0])), SPREAD * np.exp(settings[:, 1]), np.exp(settings[:, 2])
    people = rng.uniform(2.0, 10.0, n).round(1)
    log_rate = np.log(world.rate * people) + rng.normal(0.0, 0.5) + 0.5 * rng.standard_normal(n) - spread**2 / 2
    weekday = np.exp(0.15 * rng.standard_normal((n, 5)))
    weekday /= weekday.mean(axis=1, keepdims=True)
    days = mornings(LAST - timedelta(days=7 * world.weeks), LAST + timedelta(days=7 * AHEAD))
    week = np.array([(day - LAST).days - 1 for day in days]) // 7 + world.weeks
    level = _levels(rng, keep, spread, world.weeks + AHEAD)
    mean = np.exp(log_rate[:, None] + level[:, week]) * weekday[:, [day.weekday() for day in days]]
    shape = SHAPE / noise[:, None]
    count = rng.poisson(rng.gamma(shape, mean / shape))
    past = np.array([day <= LAST for day in days])
    share = np.log(0.6) - 0.02 + 0.2 * rng.standard_normal(n)
    log_size = share + np.log(people) - log_rate - spread**2 / 2
    items = pl.concat([_items(rng, f"team {t}", days, count[t] * past, log_size[t], world.sized) for t in range(n)])
    ahead = log_rate[:, None] + level[:, world.weeks :]
    first = count[:, week == world.weeks].sum(axis=1)
    truth = Truth(settings[:, 0], settings[:, 1], settings[:, 2], ahead, first, log_size)
    return items, {f"team {t}": float(people[t]) for t in range(n)}, truth


def _within(rng: np.random.Generator, mean: Floats, sd: Floats, low: Floats, high: Floats) -> Floats:
    """Normal, within limits."""
    return np.asarray(stats.truncnorm.rvs((low - mean) / sd, (high - mean) / sd, mean, sd, random_state=rng))


def _levels(rng: np.random.Generator, keep: Floats, spread: Floats, weeks: int) -> Floats:
    """(team, week): AR(1) of unit variance, now and then afresh, times spread."""
    x = rng.standard_normal((len(keep), weeks))
    for week in range(1, weeks):
        afresh = rng.random(len(keep)) < JUMP
        x[:, week] = np.where(afresh, x[:, week], keep * x[:, week - 1] + np.sqrt(1 - keep**2) * x[:, week])
    return spread[:, None] * x


def _items(
    rng: np.random.Generator, team: str, days: list[date], count: NDArray[np.int64], log_size: float, sized: float
) -> pl.DataFrame:
    opened = np.repeat(np.array(days, dtype="datetime64[D]"), count)
    spread = 0.485
    effort = np.exp(log_size - spread**2 / 2 + spread * rng.standard_normal(len(opened)))
    told = np.where(rng.random(len(opened)) < sized, effort, np.nan)
    frame = pl.DataFrame({"opened": opened, "effort_days": told}).with_columns(
        pl.col("effort_days").fill_nan(None), item=pl.lit("item"), team=pl.lit(team), closed=pl.lit(None, dtype=pl.Date)
    )
    return frame.select("item", "team", "opened", "closed", "effort_days")


def places(world: World, seed: int) -> dict[str, Floats]:
    """Where the truths of an organisation lie in what koers believes of its teams, (team,) each."""
    items, people, truth = organisation(world, seed)
    found = learn(items, EFFORT, people, LAST)
    rng = np.random.default_rng((seed, 1))
    weeks_ahead = {f"level, {n} weeks ahead": _ahead(found, truth.ahead[:, n - 1], n) for n in (1, 4, 8)}
    count = _counts(found, rng)
    at = np.array([((drawn < y).mean(), (drawn <= y).mean()) for drawn, y in zip(count, truth.first, strict=True)])
    return {
        **weeks_ahead,
        "next week's count": at[:, 0] + rng.random(len(at)) * (at[:, 1] - at[:, 0]),
        "mean size": stats.norm.cdf(truth.size, np.log(found.size), found.size_sd),
        "person-days, 8 weeks ahead": _ahead(found, truth.ahead[:, 7], 8, truth.size),
        **_settings(items, people, truth),
    }


def _ahead(found: Demand, truth: Floats, week: int, size: Floats | None = None) -> Floats:
    kept = found.level_keep ** (week - 1)
    stationary = found.level_shake**2 / (1 - found.level_keep**2)
    variance = found.rate_sd**2 + kept**2 * found.level_sd**2 + (1 - kept**2) * stationary
    mean = np.log(found.rate) + kept * found.level_mean
    if size is not None:
        truth, mean, variance = truth + size, mean + np.log(found.size), variance + found.size_sd**2
    return np.asarray(stats.norm.cdf(truth, mean, np.sqrt(variance)))


def _counts(found: Demand, rng: np.random.Generator, draws: int = 2_000) -> NDArray[np.int64]:
    """Next week's count, (team, draw)."""
    sd = np.hypot(found.rate_sd, found.level_sd)[:, None]
    level = np.log(found.rate)[:, None] + found.level_mean[:, None] + sd * rng.standard_normal((len(sd), draws))
    mean = np.exp(level)[..., None] * found.weekday[:, None, :5]
    shape = found.shape[:, None, None]
    return np.asarray(rng.poisson(rng.gamma(shape, mean / shape)).sum(axis=-1))


def _settings(items: pl.DataFrame, people: dict[str, float], truth: Truth) -> dict[str, Floats]:
    """Where the settings lie in their marginal posteriors."""
    evidence = seen(items, EFFORT, sorted(people), LAST, "NL")
    counts = Counts(evidence.counts, evidence.known, weekdays(evidence), np.full(len(people), 1 / SHAPE))
    axes = demand_settings.finer()
    weight = posterior(demand_settings.interpolated(likelihood(counts), axes), axes)[:-1]
    found = {}
    for n, (name, value) in enumerate(zip(("keep", "spread", "noise"), truth[:3], strict=True)):
        marginal = weight.sum(axis=tuple(a + 1 for a in range(3) if a != n))
        upto = np.cumsum(marginal, axis=1) - marginal / 2
        found[name] = np.array([np.interp(v, axes[n], u) for v, u in zip(value, upto, strict=True)])
    return found


def logged_places(seed: int, weeks: int = 52, teams: int = 4) -> dict[str, Floats]:
    """Where truths lie in what is learnt from effort logged only, (team,) each.

    Days are whole or half, weeks of unequal length, and each half day is run work with the chance that the level says.
    """
    rng = np.random.default_rng((seed, 2))
    share = np.exp(np.log(0.6) - 0.02 + 0.2 * rng.standard_normal(teams)).clip(0.1, 0.85)
    keep, spread = rng.uniform(0.5, 0.95, teams), 0.2 * np.exp(0.35 * rng.standard_normal(teams))
    level = np.exp(_levels(rng, keep, spread, weeks + AHEAD) - spread[:, None] ** 2 / 2)
    chance = np.minimum(share[:, None] * level, 1.0)
    people = rng.integers(2, 9, teams).astype(float)
    halves = rng.binomial((10 * people[:, None]).astype(int), rng.uniform(0.6, 1.0, (teams, weeks)))
    run = rng.binomial(halves, chance[:, :weeks]) / 2
    monday = [LAST - timedelta(days=7 * (weeks - n) - 1) for n in range(weeks)]
    effort = pl.DataFrame(
        {
            "team": np.repeat([f"team {t}" for t in range(teams)], weeks),
            "week_start": monday * teams,
            "run_days": run.ravel(),
            "change_days": (halves / 2 - run).ravel(),
        }
    )
    nothing = pl.DataFrame(schema=ITEMS)
    found = learn(nothing, effort, {f"team {t}": people[t] for t in range(teams)}, LAST)
    demand = np.log(chance[:, weeks:] * people[:, None]) - np.log(found.size)[:, None]
    return {f"level, {n} weeks ahead": _ahead(found, demand[:, n - 1], n) for n in (1, 4, 8)}
