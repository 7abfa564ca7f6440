"""What a log says of the capacity of teams: people, policies, settings, and the run work learnt from it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Any, NamedTuple, TypeVar

import numpy as np
import polars as pl

from koers.engine import demand as run_work
from koers.engine import work
from koers.engine.capacity import NEVER, Floats, Policy
from koers.engine.mornings import COUNTRY, RAMP_UP
from koers.engine.replay import Frames, view
from koers.events.model import CapacitySet
from koers.events.policies import read_policy

SWITCH_LOSS = 0.17
"""Share lost when people work on two things (Tregubov 2017)."""
OVERDUE_AFTER = 10
"""Mornings after which backlog counts as overdue, unless a policy says otherwise; only failure demand asks."""
UNLIMITED = 1_000_000  # initiatives in progress, where no limit is set
BINS = 16  # of the log level of demand
REACH = 3.0  # standard deviations of it that the bins span, to either side
UNITS = {"backlog days per person": 0, "backlog age days": 1}
"""Units of KPIs that the capacity model simulates, and which of MEASURES they are."""

T = TypeVar("T")


class Levels(NamedTuple):
    """A day's demand by the log level: bins from `low` on, `step` wide; `demand` (team, weekday, bin, cell)."""

    low: float
    step: float
    demand: Floats


def levels(learnt: run_work.Demand) -> Levels:
    """The bins that span the level's long-run spread, and a day's demand in the middle of each."""
    stationary = learnt.level_shake / np.sqrt(1 - learnt.level_keep**2)
    span = REACH * max(float(np.hypot(stationary, learnt.rate_sd).max(initial=0.0)), 0.1)
    step = 2 * span / BINS
    centres = np.asarray(-span + (np.arange(BINS) + 0.5) * step, np.float64)
    return Levels(-span, step, run_work.tables(learnt, centres))


@dataclass(frozen=True, slots=True)
class Staffing:
    """What a log says of capacity as of a day: tables from `work`, and the demand learnt from them."""

    as_of: date
    country: str
    people: dict[str, list[tuple[date, float]]]  # per team, from a day on; moves between teams included
    policies: dict[str, list[tuple[date, Policy]]]  # per team, from a day on; moves included
    settings: dict[str, dict[str, float]]  # per team, as last said by the as-of day
    absences: pl.DataFrame
    initiatives: pl.DataFrame
    kpis: pl.DataFrame  # with their latest value
    items: pl.DataFrame
    logged: dict[str, float]  # run share of a team's last logged week, if that ended in the last fortnight
    demand: run_work.Demand
    levels: Levels
    faults: tuple[str, ...]  # policies that could not be read as they stand

    @property
    def teams(self) -> tuple[str, ...]:
        """The teams whose capacity is declared."""
        return self.demand.teams

    def is_there(self, team: str) -> bool:
        """Whether a team begins by the as-of day."""
        return self.people[team][0][0] <= self.as_of

    def present(self, team: str) -> float:
        """People of a team on the as-of day: nobody where it begins later."""
        return in_force(self.people[team], self.as_of) if self.is_there(team) else 0.0

    def policy(self, team: str) -> Policy:
        """A team's policy on the as-of day."""
        return in_force(self.policies[team], self.as_of)


def staffing(frames: Frames, as_of: date, country: str = COUNTRY) -> Staffing | None:
    """What the log says of capacity; None where it declares none: then there is nothing to simulate."""
    capacity, moves = work.capacity(frames), work.moves(frames)
    if capacity.is_empty():
        return None
    people = _people(capacity, moves)
    latest = work.kpi_values(frames).group_by("kpi").agg(pl.col("value").sort_by("effective_on").last())
    kpis = work.kpis(frames).join(latest, on="kpi", how="left").sort("kpi")
    rails = simulated(kpis, list(people))["kpi"].to_list()
    policies = work.policies(frames).partition_by("team", as_dict=True)
    read = {team: _policies(team, policies.get((team,)), moves, people, rails) for team in people}
    items = work.run_work(frames)
    present = {team: in_force(rows, as_of) for team, rows in people.items()}
    learnt = run_work.learn(items, work.effort(frames), present, as_of, country)
    return Staffing(
        as_of=as_of,
        country=country,
        people=people,
        policies={team: steps for team, (steps, _, _) in read.items()},
        settings={team: in_force([(date.min, {}), *said], as_of) for team, (_, said, _) in read.items()},
        absences=work.absences(frames),
        initiatives=work.initiatives(frames),
        kpis=kpis,
        items=items,
        logged=_logged(work.effort(frames), as_of),
        demand=learnt,
        levels=levels(learnt),
        faults=tuple(fault for _, _, faults in read.values() for fault in faults),
    )


PLAN_AHEAD = "to plan ahead, add recorded_on to capacity.csv before its first import"


def capacity_from(recorded: Frames, known: datetime) -> date | None:
    """The day on which capacity is first known after `known`, of a log read by `replay.typed`; None if it never is."""
    if recorded.of(CapacitySet).is_empty():
        return None
    moments = view(recorded).of(CapacitySet)["recorded_at"]
    later: datetime | None = moments.filter(moments > known).min()  # type: ignore[assignment]
    return later.date() if later else None


def _logged(effort: pl.DataFrame, as_of: date) -> dict[str, float]:
    """Run shares of the last weeks logged."""
    total = pl.col("run_days") + pl.col("change_days")
    ended = pl.col("week_start").is_between(as_of - timedelta(days=20), as_of - timedelta(days=6))
    last = (
        effort.filter(ended & (total > 0))
        .sort("week_start")
        .group_by("team")
        .agg(share=(pl.col("run_days") / total).last())
    )
    return dict(last.iter_rows())


def in_force(rows: Sequence[tuple[date, T]], day: date) -> T:
    """What holds on a day, of rows that each hold from one on; before the first, what that says."""
    return next((value for since, value in reversed(rows) if since <= day), rows[0][1])


def simulated(kpis: pl.DataFrame, teams: Sequence[str]) -> pl.DataFrame:
    """The KPIs of `teams` that the model simulates and that have an upper limit: they are its guardrails."""
    measured = pl.col("unit").str.to_lowercase().str.strip_chars().is_in(list(UNITS))
    return kpis.filter(measured & pl.col("upper").is_not_null() & pl.col("team").is_in(list(teams)))


def _people(capacity: pl.DataFrame, moves: pl.DataFrame) -> dict[str, list[tuple[date, float]]]:
    """Each team's size from each day on: what was set, and since then who moved to or from another team."""
    steps: dict[str, list[tuple[date, int, float]]] = {team: [] for team in capacity["team"].unique().sort()}
    for team, since, size in capacity.iter_rows():
        steps[team].append((since, 0, size))
    for team, since, size, _, to_team in moves.iter_rows():
        for other, change in ((team, -size), (to_team, size)) if to_team not in (None, team) else ():
            steps.get(other, []).append((since, 1, change))
    return {team: _sizes(sorted(own)) for team, own in steps.items()}


def _sizes(steps: list[tuple[date, int, float]]) -> list[tuple[date, float]]:
    """Sizes from each day on, of steps (day, whether it is a move, size or what the move changes), ascending."""
    steps = steps[next(n for n, step in enumerate(steps) if not step[1]) :]  # a move before any size says nothing
    sizes = accumulate(steps, lambda size, step: max(size + step[2], 0.0) if step[1] else step[2], initial=0.0)
    return [(since, size) for (since, _, _), size in zip(steps, list(sizes)[1:], strict=True)]


_Read = tuple[list[tuple[date, Policy]], list[tuple[date, dict[str, float]]], list[str]]


def _policies(
    team: str,
    table: pl.DataFrame | None,
    moves: pl.DataFrame,
    people: dict[str, list[tuple[date, float]]],
    rails: list[str],
) -> _Read:
    """A team's policies in `table` as moves change them, its settings, both from a day on, and what did not fit."""
    steps: list[tuple[date, int, Any]] = []
    settings: list[tuple[date, dict[str, float]]] = []
    faults = []
    for _, since, kind, text in table.iter_rows() if table is not None else ():
        read = read_policy(kind, json.loads(text or "{}"))
        policy, fault = as_policy(read.policy, read.parameters, rails)
        faults += [f"the policy of {team} from {since}: {what}" for what in (*read.faults, *fault)]
        steps.append((since, 0, policy))
        settings.append((since, {name: float(value) for name, value in read.parameters.items() if name in SETTINGS}))
    for own, since, moved, to, to_team in moves.iter_rows():
        if (to_team or own) == team:
            steps.append((since, 1, (moved, to, own != team)))
    found, policy = [(date.min, Policy())], Policy()
    for since, is_move, said in sorted(steps, key=lambda step: step[:2]):
        size = in_force(people[team], since)  # who joined is counted in
        if not is_move:
            policy = said
        elif said[2]:
            policy = joined(policy, max(size - said[0], 0.0), said[0], said[1])
        else:
            policy = shifted(policy, said[0] if said[1] == "change" else -said[0], size)
        found.append((since, policy))
    return found, settings, faults


SETTINGS = {
    "switch_loss": SWITCH_LOSS,
    "failure_demand": 0.0,
    "overdue_after": float(OVERDUE_AFTER),
    "wip_limit": float(UNLIMITED),
    "ramp_up_days": float(RAMP_UP),
}
"""Settings of a team, and what they are unless a policy says otherwise."""


def as_policy(kind: str, given: dict[str, Any], rails: list[str]) -> tuple[Policy, list[str]]:
    """A policy with its parameters, as the model takes it, and what did not fit; `rails` are the guardrails known."""
    guardrail = given.get("guardrail")
    if kind == "freeze" and guardrail not in rails:
        what = (
            f"{guardrail} is no KPI with an upper limit that the model simulates ({' or '.join(UNITS)}); never frozen"
        )
        return Policy("ring_fence", share=float(given["share"])), [what]
    return Policy(
        kind=kind,
        share=float(given.get("share", 0.0)),
        days=float(given.get("days", 0.0)),
        upper=float(given.get("upper", math.inf)),
        lower=float(given.get("lower", 0.0)),
        people=float(given.get("people", 0.0)),
        guardrail=rails.index(guardrail) if guardrail in rails else NEVER,
    ), []


def joined(policy: Policy, size: float, people: float, to: str) -> Policy:
    """`policy` after `people` from elsewhere join a team of `size` for one side, run or change, of its work."""
    if policy.kind == "rotation":
        return replace(policy, people=policy.people + (people if to == "run" else 0.0))
    whole = size + people
    share = (policy.share * size + (people if to == "change" else 0.0)) / whole if whole > 0 else policy.share
    if policy.kind == "run_first":
        return Policy("ring_fence", share=share) if share > 0 else policy
    return replace(policy, share=share)


def shifted(policy: Policy, people: float, size: float) -> Policy:
    """`policy` after `people` of a team of `size` moved from run to change work (below 0: the other way).

    They raise the share that run work may not touch, a team that ran first gets a ring fence, a rota loses them.
    """
    if policy.kind == "rotation":
        return replace(policy, people=max(policy.people - people, 0.0))
    share = min(max(policy.share + people / size, 0.0), 1.0) if size > 0 else policy.share
    if policy.kind == "run_first":
        return Policy("ring_fence", share=share) if share > 0 else policy
    return replace(policy, share=share)
