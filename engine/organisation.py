"""From what a log says of people, run work and change work to the `Organisation` that futures are drawn of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from scipy import special

from koers.engine import demand as run_work
from koers.engine.capacity import (
    CELLS,
    NEVER,
    Floats,
    Guardrails,
    Initiatives,
    Ints,
    KeyResults,
    Organisation,
    Policy,
    Teams,
)
from koers.engine.mornings import calendar_of, effective_people, number_of, planned_absence, unplanned_absence
from koers.engine.staffing import SETTINGS, UNITS, Staffing, in_force, simulated

SHARED_DAYS = 0.1
"""Share of mornings on which all teams meet the same quantile of their demand (our inference: one in two weeks)."""
EDGE = 1.2815515655446004  # normal deviate of the 90th percentile
WIDEST = 100.0  # an estimate's ends lie within this factor of its mode


def organisation(
    staff: Staffing, goals: pl.DataFrame, days: Sequence[date], pace: Floats, given: Floats | None = None
) -> Organisation:
    """The organisation over the mornings `days`, ascending.

    `goals`: rows of `projections.goals` of teams that are staffed, those that effort goes to; `pace` (key_result, day)
    is what they are expected to gain by each morning; `given` (team, day) is demand that is known, NaN where drawn.
    """
    day = np.array([number_of(d) for d in days], dtype=np.int64)
    team_of = {team: index for index, team in enumerate(staff.teams)}
    start, due = (np.array([number_of(d) for d in goals[c]], dtype=np.int64) for c in ("start", "due"))
    lives = (day > start[:, None]) & (day <= due[:, None])
    active = lives | ((day > start[:, None]) & (due > number_of(staff.as_of))[:, None])  # others follow when it ends
    key_results = KeyResults(
        key=tuple(goals["key_result"]),
        team=np.array([team_of[team] for team in goals["team"]], dtype=np.int64),
        weight=goals["weight"].to_numpy().astype(np.float64),
        active=active,
        due=due,
        pace=np.where(lives, pace, 0.0),
    )
    return Organisation(
        calendar=calendar_of(days, staff.as_of),
        teams=_teams(staff, days, given),
        guardrails=_guardrails(staff),
        key_results=key_results,
        initiatives=_initiatives(staff, goals, team_of),
        shared_days=SHARED_DAYS if len(staff.teams) > 1 else 0.0,
    )


def _teams(staff: Staffing, days: Sequence[date], given: Floats | None) -> Teams:
    learnt, count = staff.demand, len(staff.teams)
    policies, policy = _by_day(staff, days)
    settings = {
        name: np.array([staff.settings[team].get(name, default) for team in staff.teams])
        for name, default in SETTINGS.items()
    }
    ramp_up = settings.pop("ramp_up_days")
    people = [
        effective_people([(date.min, rows[0][1]), *rows[1:]], days, int(ramp))
        for rows, ramp in zip(staff.people.values(), ramp_up, strict=True)
    ]
    there = _begun(staff, days)
    today = [in_force(staff.people[team], staff.as_of) for team in staff.teams]
    absence = {size: unplanned_absence(size) for size in set(today)}
    away: dict[str, list[tuple[date, date, float]]] = {team: [] for team in staff.teams}
    for team, *row in staff.absences.select("team", "since", "until", "days").iter_rows():
        if team in away:
            away[team].append((row[0], row[1], row[2]))
    return Teams(
        key=staff.teams,
        people=_stacked(people, len(days)) * there,
        away=_stacked([planned_absence(rows, days, staff.country) for rows in away.values()], len(days)),
        absence=_stacked([absence[size] for size in today], CELLS),
        demand=staff.levels.demand,
        factor=there,
        given=np.full((count, len(days)), np.nan) if given is None else given,
        level_low=staff.levels.low,
        level_step=staff.levels.step,
        level_mean=learnt.level_mean,
        level_sd=learnt.level_sd,
        level_keep=learnt.level_keep,
        level_shake=learnt.level_shake,
        rate_sd=learnt.rate_sd,
        size_sd=learnt.size_sd,
        backlog=run_work.backlog(learnt, staff.items),
        run_share=np.zeros(count),
        policies=policies,
        policy=policy,
        switch_loss=settings["switch_loss"],
        failure_demand=settings["failure_demand"],
        overdue_after=settings["overdue_after"].astype(np.int64),
        wip_limit=settings["wip_limit"].astype(np.int64),
    )


def _begun(staff: Staffing, days: Sequence[date]) -> Floats:
    """(team, day) 0 on days to come before a team begins: nobody is there and no run work arrives.

    In the past a team is taken to have had the size it is first said to have.
    """
    rows = [[not staff.as_of < day < sizes[0][0] for day in days] for sizes in staff.people.values()]
    return _stacked([np.array(row, dtype=np.float64) for row in rows], len(days))


def _stacked(rows: Sequence[Floats], width: int) -> Floats:
    return np.array(rows, dtype=np.float64).reshape(len(rows), width)


def _by_day(staff: Staffing, days: Sequence[date]) -> tuple[tuple[Policy, ...], Ints]:
    """All policies, and which is in force on each morning (team, day)."""
    index: dict[Policy, int] = {Policy(): 0}
    rows = [[in_force(staff.policies[team], day) for day in days] for team in staff.teams]
    found = [[index.setdefault(policy, len(index)) for policy in row] for row in rows]
    return tuple(index), np.array(found, dtype=np.int64).reshape(len(rows), len(days))


def _guardrails(staff: Staffing) -> Guardrails:
    """The KPIs that the model simulates."""
    own = simulated(staff.kpis, staff.teams)
    return Guardrails(
        key=tuple(own["kpi"]),
        team=np.array([staff.teams.index(team) for team in own["team"]], dtype=np.int64),
        measure=np.array([UNITS[unit.lower().strip()] for unit in own["unit"]], dtype=np.int64),
        upper=own["upper"].to_numpy().astype(np.float64),
    )


def _initiatives(staff: Staffing, goals: pl.DataFrame, team_of: dict[str, int]) -> Initiatives:
    """Initiatives neither finished nor dropped, of staffed teams: those begun first, then by start."""
    goal_of = {name: index for index, name in enumerate(goals["key_result"])}
    way = dict(zip(goals["key_result"], goals["first_target"] - goals["baseline"], strict=True))
    weight = dict(goals.select("key_result", "weight").iter_rows())
    known = (
        _unfinished(staff)
        .filter(pl.col("team").is_in(list(team_of)))
        .sort(pl.col("started_on").is_null(), "started_on", "start", "initiative", nulls_last=True)
    )
    rows = known.to_dicts()
    waits = {row["initiative"]: index for index, row in enumerate(rows)}
    needs = np.zeros((len(rows), len(rows)), dtype=np.bool_)
    for index, row in enumerate(rows):
        for name in row["depends_on"] or []:
            if name in waits:  # others are finished or given up, or `unawaited`
                needs[index, waits[name]] = True
    return Initiatives(
        key=tuple(row["initiative"] for row in rows),
        team=_whole(team_of[row["team"]] for row in rows),
        key_result=_whole(goal_of.get(row["key_result"], NEVER) for row in rows),
        weight=np.array([weight.get(row["key_result"], 1.0) for row in rows], dtype=np.float64),
        effort=_stacked([estimated(row["low"], row["mode"], row["high"]) for row in rows], CELLS),
        start=_whole(_first_day(row, staff.as_of) for row in rows),
        begun=np.array([row["started_on"] is not None for row in rows], dtype=np.bool_),
        lag=_whole(row["lag"] or 0 for row in rows),
        impact=np.array([(row["impact"] or 0.0) / way.get(row["key_result"], 1.0) for row in rows], dtype=np.float64),
        needs=needs,
    )


def _unfinished(staff: Staffing) -> pl.DataFrame:
    return staff.initiatives.filter(pl.col("finished_on").is_null() & pl.col("dropped_on").is_null())


def unawaited(staff: Staffing) -> list[str]:
    """Which initiatives do not wait for one they depend on, as that is of a team without capacity: a sentence each."""
    rows = _unfinished(staff).sort("initiative").to_dicts()
    apart = {row["initiative"]: row["team"] for row in rows if row["team"] not in staff.teams}
    return [
        f"no capacity is declared for {apart[name]}: when {name} ends is not simulated, so {row['initiative']}, which "
        "depends on it, is let begin"
        for row in rows
        for name in row["depends_on"] or []
        if name in apart and row["team"] in staff.teams
    ]


def _first_day(row: dict[str, Any], as_of: date) -> int:
    """The day an initiative was started on, else the first it may be: its plan's, but later than today."""
    if row["started_on"] is not None:
        return number_of(row["started_on"])
    return max(number_of(row["start"] or as_of), number_of(as_of) + 1)


def _whole(values: Any) -> Ints:  # noqa: ANN401 - any iterable of whole numbers
    return np.array(list(values), dtype=np.int64)


def estimated(low: float, mode: float, high: float) -> Floats:
    """Person-days of a three-point estimate, (cell,): a two-piece normal in logs around the mode.

    `low` and `high` are the outer tenths of the two halves, since people's ranges are too narrow to be limits; each
    half weighs by its width (Wallis 2014, Statistical Science 29).
    """
    if high <= 0.0:
        return np.zeros(CELLS)
    centre = max(mode, high / WIDEST)
    left = math.log(centre / min(max(low, centre / WIDEST), centre)) / EDGE
    right = math.log(max(high, centre) / centre) / EDGE
    middle = (np.arange(CELLS) + 0.5) / CELLS
    if left + right == 0.0:
        return np.full(CELLS, centre)
    below = middle * (left + right) <= left
    share = np.where(below, middle * (left + right) / (2 * max(left, 1e-12)), 0.25)
    beyond = np.where(below, 0.25, (1 - middle) * (left + right) / (2 * max(right, 1e-12)))
    logs = np.where(below, left * special.ndtri(share), -right * special.ndtri(beyond))
    found: Floats = centre * np.exp(logs)
    return found


def as_usual(org: Organisation) -> Organisation:
    """The same with run work as in the long run: nothing is known of its level now."""
    teams = org.teams
    calm, sd = np.zeros_like(teams.level_sd), teams.level_shake / np.sqrt(1 - teams.level_keep**2)
    return replace(org, teams=replace(teams, level_mean=calm, level_sd=sd))
