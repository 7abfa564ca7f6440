"""The model's own account of the weeks in which paces were learnt, and where the organisation stands now.

Demand that the log knows is taken as it was, the rest is drawn. The account runs a little beyond the as-of day, since
a key result that has just begun can only be compared with what is expected next.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from koers.engine import demand as run_work
from koers.engine import groups, kernel
from koers.engine.capacity import DUST, Floats, Organisation
from koers.engine.luck import Rows, Start, at_rest, rates, sizes
from koers.engine.mornings import mornings, number_of
from koers.engine.organisation import organisation
from koers.engine.staffing import Staffing

WINDOW = 91
"""Calendar days before the as-of day that are looked back on, at most."""
BURN_IN = 42
"""Calendar days before that in which a backlog comes about."""
YOUNG = 28
"""Calendar days that a key result's window has at least, if need be from those to come."""
RULE = 0.9  # share of days on which no more is open than as a rule
UNFINISHED = 0.1
"""Share of an initiative's estimate that is still to do at least, until it is said to be finished."""


class Open(NamedTuple):
    """Open run work by a log that counts it, person-days, (team,) each."""

    least: Floats  # that waits for the team today: what is open beyond nine of ten days, as items wait for much else
    most: Floats  # that can: nothing for a team that begins later
    today: Floats  # all of it; NaN where no log goes on to today


@dataclass(frozen=True, slots=True)
class Past:
    """The account of the weeks in which paces were learnt: an organisation over them, up to a little beyond today."""

    organisation: Organisation
    today: int  # index of the last morning up to the as-of day
    open: Open
    rows: Rows  # (key_result,) of those that effort goes to now, among those of the account
    standing: Floats  # (team,) see `luck.Start`: what policies that look at open work have seen


class Account(NamedTuple):
    """What some replications of the past say."""

    size: Floats  # (team, replication) of run work: see `luck.sizes`
    rate: Floats  # (team, replication) see `luck.rates`
    effort: Floats  # (key_result, replication) over the window of each pace, person-days per morning
    start: Start  # where each replication stands today
    change: Floats  # (team, day) mean person-days of change work up to today
    run_share: Floats  # (team,) expected of the last five mornings


def past(staff: Staffing, goals: pl.DataFrame, moved: pl.DataFrame) -> Past:
    """The past of the key results `moved`; `goals` are all of them, rows of `projections.goals`."""
    since = staff.as_of - timedelta(days=WINDOW)
    since = min(max(since, min(moved["start"], default=since)), staff.as_of)
    shared = _shared(goals, moved, staff, since)
    young = max(moved["start"], default=since) + timedelta(days=YOUNG) > staff.as_of
    until = staff.as_of + timedelta(days=YOUNG if young else 0)
    days = mornings(since - timedelta(days=BURN_IN), until, staff.country)
    place = {name: row for row, name in enumerate(shared["key_result"])}
    rows = [place[name] for name in moved["key_result"]]
    today = sum(day <= staff.as_of for day in days) - 1
    return Past(
        organisation=_as_it_was(staff, shared, days),
        today=today,
        open=_open(staff),
        rows=groups.rows(np.array(rows, dtype=np.int64)),
        standing=np.zeros(len(staff.teams)),
    )


def account(was: Past, seed: int, replications: range) -> Account:
    """Play the past. A backlog that a log counts beyond its rule is there, whatever the account says."""
    org = was.organisation
    size, rate = sizes(org, seed, replications), rates(org, seed, replications)
    begin = at_rest(org, len(replications))._replace(standing=was.standing[:, None] * size)
    run = kernel.run(org, seed, replications, size=size, rate=rate, start=begin, mark=was.today, means=kernel.CAPACITY)
    start = within(run.marked, was.open.least[:, None] * size, was.open.most[:, None] * size)
    change = run.mean[:, : was.today + 1, kernel.COLUMNS.index("change")]
    last = run.mean[:, max(was.today - 4, 0) : was.today + 1].sum(axis=1)
    spent, there = last[:, kernel.COLUMNS.index("run")], last.sum(axis=1)
    share = np.divide(spent, there, out=np.zeros_like(spent), where=there > 0)
    standing = np.nan_to_num(was.open.today[:, None] * size - start.backlog)
    return Account(size, rate, run.effort[was.rows], start._replace(standing=standing), change, share)


def noticed(was: Past, seen: Account, seed: int, replications: range) -> tuple[Past, Account]:
    """Both with open run work as the log counts it, where policies look at that: they have seen it all along."""
    by_load = any(policy.kind in ("threshold", "freeze") for policy in was.organisation.teams.policies)
    if not by_load or not seen.start.standing.any():
        return was, seen
    was = replace(was, standing=seen.start.standing.mean(axis=1) / seen.size.mean(axis=1))
    return was, account(was, seed, replications)


def within(start: Start, least: Floats, most: Floats) -> Start:
    """`start` with backlogs within these limits (team, replication), and no waiting where there is none."""
    backlog = np.clip(start.backlog, least, most)
    return start._replace(backlog=backlog, waiting=np.where(backlog > DUST, start.waiting, 0))


def _open(staff: Staffing) -> Open:
    """What was open in the last WINDOW, and is today."""
    today = number_of(staff.as_of)
    day = np.arange(today - WINDOW, today + 1)
    most = np.array([np.inf if staff.is_there(team) else 0.0 for team in staff.teams])
    found = Open(np.zeros(len(most)), most, np.where(most > 0.0, np.nan, 0.0))
    for t, own in enumerate(run_work.by_team(staff.items, staff.teams)):
        seen = day[day >= max(staff.demand.known_from[t], day[0])]
        if staff.demand.known_until[t] >= staff.demand.known_from[t] and len(seen):
            open_ = run_work.open_on(own, seen, float(staff.demand.size[t]))
            found.least[t] = max(open_[-1] - np.quantile(open_, RULE), 0.0)
            found.most[t] = np.inf
            if staff.demand.known_until[t] >= today:
                found.today[t] = open_[-1]
    return found


def _shared(goals: pl.DataFrame, moved: pl.DataFrame, staff: Staffing, since: date) -> pl.DataFrame:
    """All key results that effort has gone to since `since`, or goes to now, each due when that ended."""
    ended = goals.with_columns(due=pl.min_horizontal("due", "dropped_on", "outcome_on"))
    own = ended.filter(pl.col("team").is_in(staff.teams) & (pl.col("kind") != "control") & (pl.col("due") > since))
    now = pl.col("key_result").is_in(moved["key_result"].implode())
    return own.filter(now | (pl.col("start") <= staff.as_of)).sort("key_result")


def _as_it_was(staff: Staffing, shared: pl.DataFrame, days: list[date]) -> Organisation:
    """The organisation over the mornings `days`, those up to the as-of day with the demand that is known.

    Each key result's pace is even over its window, so that its effort is the mean over that.
    """
    given = run_work.arrived(staff.demand, staff.items, days)
    given[:, [day > staff.as_of for day in days]] = np.nan
    window = _windows(shared, days, staff.as_of)
    burnt_in = int(window.any(axis=0).argmax()) if window.any() else 0
    kept = staff.demand.known_until >= staff.demand.known_from
    given[kept, :burnt_in] = np.nan_to_num(given[kept, :burnt_in])  # a log that begins here knows of nothing left lying
    org = organisation(staff, shared, days, window.astype(np.float64), given)
    counted = window & (org.teams.people[org.key_results.team] > 0)
    pace = counted / np.maximum(counted.sum(axis=1, keepdims=True), 1)
    teams = replace(org.teams, backlog=np.zeros(len(staff.teams)))
    return replace(org, teams=teams, key_results=replace(org.key_results, pace=pace))


def _windows(goals: pl.DataFrame, days: list[date], as_of: date) -> NDArray[np.bool_]:
    """(key_result, day): the mornings in whose conditions each pace was learnt."""
    rows = []
    for start, due in goals.select("start", "due").iter_rows():
        until = max(as_of, min(start + timedelta(days=YOUNG), due))
        rows.append([start < day <= until for day in days])
    return np.array(rows, dtype=np.bool_).reshape(goals.height, len(days))


def done(was: Past, staff: Staffing, change: Floats) -> dict[str, float]:
    """Person-days of `change` (team, day) that have gone to each initiative since it was begun or estimated."""
    org = was.organisation
    plan, goals, days = org.initiatives, org.key_results, org.calendar.day[: was.today + 1]
    weights = np.zeros(change.shape)
    np.add.at(weights, goals.team, goals.weight[:, None] * goals.active[:, : len(days)])
    rows = staff.initiatives.select("initiative", since=pl.max_horizontal("started_on", "estimated_on"))
    since = {name: number_of(day) for name, day in rows.iter_rows() if day is not None}
    first = np.array([since.get(name, 0) for name in plan.key], dtype=np.int64)
    own = plan.weight[:, None] * (plan.begun[:, None] & (days > first[:, None]))
    np.add.at(weights, plan.team, own)
    share = np.divide(own, weights[plan.team], out=np.zeros_like(own), where=own > 0)
    return dict(zip(plan.key, (share * change[plan.team]).sum(axis=1).tolist(), strict=True))


def partly_done(org: Organisation, gone: dict[str, float]) -> Organisation:
    """`org` with what has gone to its initiatives taken off what they take."""
    effort = org.initiatives.effort
    spent = np.array([gone.get(name, 0.0) for name in org.initiatives.key])
    left = np.maximum(effort - spent[:, None], UNFINISHED * effort)
    return replace(org, initiatives=replace(org.initiatives, effort=left))
