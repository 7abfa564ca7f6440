"""What a log says of a team's run work, week by week: items that arrived on each morning, and the run share logged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from koers.engine.capacity import Floats, Ints
from koers.engine.mornings import EPOCH, mornings, number_of

MEMORY = 156
"""Weeks that are looked back on: three years. Within them the level, which moves, decides what is forgotten."""
WORKDAYS = 5
ENOUGH = 10  # spells between mornings with items, to know how long they are
QUIET = 10  # mornings without an item, beyond three times the longest such spell before, after which a log has ended


@dataclass(frozen=True, slots=True)
class Evidence:
    """All as of one day; weeks run Monday to Sunday and the last is that of the next morning."""

    counts: Floats  # (team, week, weekday) items that arrived, those of free days on the next morning
    known: Floats  # (team, week, weekday) 1 where that is a morning which a ticket log covers
    run: Floats  # (team, week) person-days of run work logged
    logged: Floats  # (team, week) person-days logged in all; 0 where none are
    first: Ints  # (team,) days since 1970-01-01: from the first ticket that is known
    last: Ints  # (team,) to the last day that its log covers; before `first` where there is no ticket


def seen(items: pl.DataFrame, effort: pl.DataFrame, teams: Sequence[str], as_of: date, country: str) -> Evidence:
    """The evidence on `teams` that holds by the end of `as_of`."""
    ahead = mornings(as_of, as_of + timedelta(days=30), country)
    following = number_of(ahead[0]) if ahead else number_of(as_of) + 1
    monday = following - (following + 3) % 7
    opened = [np.sort(days_opened(own)) for own in by_team(items.filter(pl.col("opened") <= as_of), teams)]
    oldest = min([monday, *(day[0] for day in opened if len(day)), *_weeks_logged(effort, teams)])
    oldest = max(oldest - (oldest + 3) % 7, monday - 7 * (MEMORY - 1))
    days = np.array(
        [number_of(day) for day in mornings(EPOCH + timedelta(days=int(oldest) - 1), as_of, country)], dtype=np.int64
    )
    weeks = int(monday - oldest) // 7 + 1
    counts, known = (np.zeros((len(teams), weeks, WORKDAYS)) for _ in range(2))
    first, last = (np.full(len(teams), value, dtype=np.int64) for value in (0, -1))
    place = ((days - oldest) // 7, (days + 3) % 7)
    for row, own in enumerate(opened):
        if len(own):
            first[row], last[row] = own[0], covered_until(own, days, number_of(as_of))
            counts[row][place], known[row][place] = _daily(own, days, int(oldest), int(first[row]), int(last[row]))
    run, logged = _effort(effort, teams, int(oldest), weeks, number_of(as_of))
    return Evidence(counts, known, run, logged, first, last)


def by_team(items: pl.DataFrame, teams: Sequence[str]) -> list[pl.DataFrame]:
    """The rows of each team."""
    own = items.partition_by("team", as_dict=True)
    return [own.get((team,), items.clear()) for team in teams]


def days_opened(own: pl.DataFrame) -> Ints:
    """Days since 1970-01-01 on which items were opened."""
    return own["opened"].cast(pl.Date).cast(pl.Int32).to_numpy().astype(np.int64)


def covered_until(opened: Ints, days: Ints, until: int) -> int:
    """The day up to which a ticket log was kept: `until`, unless it has been silent for too long to be true.

    Of n + 1 spells without a ticket the last is the longest with probability 1 / (n + 1); three times as long as all
    of n >= ENOUGH before, and more, is a log that has ended. `days`: the mornings.
    """
    at = np.unique(np.searchsorted(days, opened))
    spells = np.diff(at)
    if len(spells) < ENOUGH or len(days) - 1 - int(at[-1]) <= 3 * int(spells.max()) + QUIET:
        return until
    return int(days[at[-1]])


def _daily(opened: Ints, days: Ints, oldest: int, first: int, last: int) -> tuple[Floats, Floats]:
    """Items of each of the mornings `days` and whether they are known; (day,) each."""
    at = np.searchsorted(days, opened[opened >= oldest])
    count = np.bincount(at[at < len(days)], minlength=len(days)).astype(np.float64)
    known = (days >= first) & (days <= last)
    begun = days[np.searchsorted(days, first)] if first <= days.max(initial=-1) else last + 1
    return np.where(days >= begun, count, 0.0) * known, known.astype(np.float64)


def _weeks_logged(effort: pl.DataFrame, teams: Sequence[str]) -> list[int]:
    first = effort.filter(pl.col("team").is_in(list(teams)))["week_start"].min()
    return [number_of(first)] if isinstance(first, date) else []


def _effort(effort: pl.DataFrame, teams: Sequence[str], oldest: int, weeks: int, as_of: int) -> tuple[Floats, Floats]:
    """Person-days of run work and of all work by week, (team, week) each; weeks that have begun by the as-of day."""
    run, logged = (np.zeros((len(teams), weeks)) for _ in range(2))
    start = effort["week_start"].cast(pl.Date).cast(pl.Int32).to_numpy().astype(np.int64)
    week = (start - oldest) // 7
    team = np.array(
        [{name: n for n, name in enumerate(teams)}.get(name, -1) for name in effort["team"]], dtype=np.int64
    )
    there: NDArray[np.bool_] = (team >= 0) & (week >= 0) & (week < weeks) & (start <= as_of)
    place = (team[there], week[there])
    run_days, change_days = (effort[name].fill_null(0.0).to_numpy()[there] for name in ("run_days", "change_days"))
    np.add.at(run, place, run_days)
    np.add.at(logged, place, run_days + change_days)
    return run, logged
