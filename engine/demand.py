"""Run work of teams: beliefs about how much arrives, learnt from tickets and effort where they are logged.

A team's items of a morning are negative binomial around rate x weekday factor x exp(level); the level of the log is an
AR(1) by the week with mean 0, so that in the long run rate x exp(variance of the level / 2) items arrive per morning.
Items have lognormal sizes in person-days. What is expected of a team without evidence comes from the organisation, and
from there from declared priors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from koers.engine.capacity import Floats, Ints
from koers.engine.demand_evidence import by_team as by_team
from koers.engine.demand_evidence import days_opened, seen
from koers.engine.demand_model import LEAST_PEOPLE, Model, model
from koers.engine.demand_table import tables as tables
from koers.engine.mornings import COUNTRY, mornings, number_of


@dataclass(frozen=True, slots=True)
class Demand:
    """Beliefs about the run work of teams as of a day; (team,) unless said."""

    teams: tuple[str, ...]
    rate: Floats  # items per business day at level 0, the median of the belief; > 0
    rate_sd: Floats  # of the log of that belief
    weekday: Floats  # (team, 7) factors on the rate, Monday first: mean 1 over the business days, 0 at weekends
    shape: Floats  # a morning's count with mean m has variance m + m^2 / shape
    level_mean: Floats  # belief about the log level in the week that holds the next morning
    level_sd: Floats
    level_keep: Floats  # next week's level = level_keep x this week's + level_shake x z
    level_shake: Floats
    size: Floats  # mean person-days per item, the median of the belief
    size_sd: Floats  # of the log of that belief, less what it shares with the rate: they are used as independent
    size_spread: Floats  # sigma of the lognormal of single items' sizes
    rests_on: tuple[str, ...]  # "prior", "effort logged", "tickets" or "tickets and effort"
    known_from: Ints  # days since 1970-01-01: a ticket log covers the days from here
    known_until: Ints  # to here; before `known_from` where there is none
    country: str  # whose public holidays are free


def learn(
    items: pl.DataFrame, effort: pl.DataFrame, people: Mapping[str, float], as_of: date, country: str = COUNTRY
) -> Demand:
    """Beliefs about the run work of the teams in `people`, by name, from what holds by the end of `as_of`.

    `items` (item, team, opened, closed, effort_days) and `effort` (team, week_start, run_days, change_days) come from
    `work`, cut off at what was known; `people` are those in force on the day, >= 0. Raises NotImplementedError for a
    country that the `holidays` package does not know.
    """
    teams = tuple(sorted(people))
    size = np.maximum(np.array([people[team] for team in teams], dtype=np.float64), LEAST_PEOPLE)
    evidence = seen(items, effort, teams, as_of, country)
    found = model(evidence, items.filter(pl.col("opened") <= as_of), teams, size)
    return _demand(teams, found, evidence.first, evidence.last, country)


def _demand(teams: tuple[str, ...], found: Model, first: Ints, last: Ints, country: str) -> Demand:
    weekend = np.zeros((len(teams), 2))
    return Demand(
        teams=teams,
        **{name: getattr(found, name) for name in Model._fields if name not in ("weekday", "rests_on")},
        weekday=np.hstack([found.weekday, weekend]),
        rests_on=found.rests_on,
        known_from=first,
        known_until=last,
        country=country,
    )


def arrived(demand: Demand, items: pl.DataFrame, days: Sequence[date]) -> Floats:
    """Person-days that arrived on each of the mornings `days`, ascending; (team, day), NaN where no log covers it.

    What arrives on a free day counts on the next morning; an item of unknown effort counts as `size`.
    """
    found = np.full((len(demand.teams), len(days)), np.nan)
    if not days:
        return found
    all_mornings = mornings(days[0] - timedelta(days=31), days[-1], demand.country)
    day = np.array([number_of(morning) for morning in all_mornings], dtype=np.int64)
    chosen = np.searchsorted(day, np.array([number_of(morning) for morning in days], dtype=np.int64))
    for row, own in enumerate(by_team(items, demand.teams)):
        opened = days_opened(own)
        at = np.searchsorted(day, opened)
        inside = (at < len(day)) & (opened > day[0])
        work = np.bincount(at[inside], _effort(own, demand.size[row])[inside], minlength=len(day))
        known = (day >= demand.known_from[row]) & (day <= demand.known_until[row])
        found[row] = np.where(known, work, np.nan)[chosen]
    return found


def backlog(demand: Demand, items: pl.DataFrame) -> Floats:
    """Person-days of items that are open, (team,); an item of unknown effort counts as `size`."""
    still = by_team(items.filter(pl.col("closed").is_null()), demand.teams)
    return np.array([_effort(own, size).sum() for own, size in zip(still, demand.size, strict=True)], dtype=np.float64)


def open_on(own: pl.DataFrame, days: Ints, size: float) -> Floats:
    """Person-days of a team's items that are open in the evening of `days` (since 1970, ascending): (day,).

    An item of unknown effort counts as `size`.
    """
    effort = _effort(own, size)
    found = np.zeros(len(days))
    for column, sign in (("opened", 1.0), ("closed", -1.0)):
        at = own[column].cast(pl.Int32).cast(pl.Float64).fill_null(np.inf).to_numpy()
        found += sign * np.array([effort[at <= day].sum() for day in days])
    return found


def _effort(own: pl.DataFrame, size: float) -> Floats:
    found = own["effort_days"].to_numpy().astype(np.float64)
    return np.where(np.isnan(found), size, found)
