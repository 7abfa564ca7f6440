"""What futures say together: key results, objectives, guardrails, teams and the cycle, from the same draws."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, timedelta

import numpy as np
import polars as pl

from koers.engine import kernel
from koers.engine.capacity import NEVER, Floats, Ints, Organisation
from koers.engine.coupled import Coupled
from koers.engine.ends import (
    SHARES,
    Asked,
    Overall,
    Read,
    Sums,
    counts,
    key_result_rows,
    lost_to_run_work,
    overall,
    read,
)
from koers.engine.futures import scores
from koers.engine.groups import Bools
from koers.engine.mornings import EPOCH
from koers.engine.outlook import CEILING, FLOOR


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A guardrail: a KPI and its limit. `risk` is P(broken on some evening until the horizon), None if not simulated.

    `both`: per key result of its team, P(reached, and the guardrail holds until it is due).
    """

    guardrail: str
    title: str
    team: str
    unit: str
    lower: float | None
    upper: float | None
    value: float | None  # the latest reading
    risk: float | None
    risk_se: float | None
    both: dict[str, float]


@dataclass(frozen=True, slots=True)
class Week:
    """A team's week to come; shares of capacity and person-days: the median, and quantiles at the ends of SHARES."""

    week_start: date
    run_share: float
    run_share_low: float
    run_share_high: float
    backlog: float
    backlog_low: float
    backlog_high: float


@dataclass(frozen=True, slots=True)
class TeamCapacity:
    """A team's capacity: now (no people and no run share where it begins later), and expected by week.

    Person-days unless said.
    """

    team: str
    people: float
    policy: str
    run_share: float  # as logged for a week that ended in the last fortnight, else expected of the last five mornings
    backlog: float  # now, the median
    rests_on: str
    lost: float  # expected from now to the horizon, to switching
    weeks: tuple[Week, ...]


@dataclass(frozen=True, slots=True)
class Joint:
    """What the futures say. `rows`: see `key_results`; `all_reached` per objective."""

    rows: pl.DataFrame
    all_reached: dict[str, float]
    guardrails: tuple[Guardrail, ...]
    teams: tuple[TeamCapacity, ...]
    overall: Overall


def joint(coupled: Coupled, seen: pl.DataFrame, asked: Asked) -> Joint:
    """Draw the futures. `seen` is the outlook of Progress, `asked` the key results asked about."""
    own = coupled.goals["key_result"].to_list()
    member = np.array([[name in group for name in own] for group in asked.objectives.values()], dtype=np.bool_)
    member = member.reshape(len(asked.objectives), len(own))
    chunks = coupled.chunks()
    first = read(coupled, chunks[0])
    total = _sums(coupled, first, member)
    for chunk in chunks[1:]:
        some = coupled.at(chunk)
        total = _added(total, _sums(some, read(some, chunk), member))
    lost = lost_to_run_work(coupled, chunks[0], first)
    rest = [np.prod([asked.probability[n] for n in group if n not in own]) for group in asked.objectives.values()]
    everyone = dict(zip(asked.objectives, (total.products / total.count * rest).tolist(), strict=True))
    return Joint(
        rows=key_result_rows(coupled, total, first, lost, seen),
        all_reached={name: min(max(p, FLOOR), CEILING) for name, p in everyone.items()},
        guardrails=_guardrails(coupled, total),
        teams=_teams(coupled, total, first.drawn),
        overall=overall(coupled, total, first, lost, asked),
    )


def _sums(coupled: Coupled, found: Read, member: Bools) -> Sums:
    """The sums over one chunk; `member` (objective, key_result) says which key results belong to an objective."""
    drawn, gain, e, chance = found
    org = coupled.setting.organisation
    return Sums(
        count=gain.shape[1],
        chance=chance.sum(axis=1),
        counts=counts(coupled.setting, gain, e, chance).sum(axis=1),
        gain=gain.sum(axis=1),
        score=scores(coupled.setting, gain, e).sum(axis=1),
        products=np.array([chance[row].prod(axis=0).sum() for row in member]),
        risk=(drawn.broken != NEVER).sum(axis=1).astype(np.float64),
        both=_both(org, drawn.broken, chance),
        lost=drawn.mean[:, :, kernel.LOST].sum(axis=1) * gain.shape[1],
    )


def _both(org: Organisation, broken: Ints, chance: Floats) -> Floats:
    """(guardrail, key_result) sums of P(reached) where the guardrail holds until due; of its team's key results."""
    day = np.append(org.calendar.day, np.iinfo(np.int64).max)  # NEVER is the last
    found = np.zeros((len(broken), len(chance)))
    for g, (team, first) in enumerate(zip(org.guardrails.team, broken, strict=True)):
        own = np.flatnonzero(org.key_results.team == team)
        found[g, own] = (chance[own] * (day[first] > org.key_results.due[own, None])).sum(axis=1)
    return found


def _added(one: Sums, other: Sums) -> Sums:
    return Sums(*(getattr(one, field.name) + getattr(other, field.name) for field in fields(Sums)))


def _guardrails(coupled: Coupled, total: Sums) -> tuple[Guardrail, ...]:
    """Every KPI of the log with a limit; those the model does not simulate without a risk."""
    rails, goals = coupled.setting.organisation.guardrails, coupled.setting.organisation.key_results
    place = {key: index for index, key in enumerate(rails.key)}
    found = []
    for kpi in coupled.staff.kpis.filter(pl.any_horizontal(pl.col("lower", "upper").is_not_null())).iter_rows(
        named=True
    ):
        index = place.get(kpi["kpi"])
        risk = None if index is None else float(total.risk[index]) / total.count
        own = np.flatnonzero(goals.team == rails.team[index]) if index is not None else ()
        found.append(
            Guardrail(
                guardrail=kpi["kpi"],
                title=kpi["title"],
                team=kpi["team"],
                unit=kpi["unit"],
                lower=kpi["lower"],
                upper=kpi["upper"],
                value=kpi["value"],
                risk=risk,
                risk_se=None if risk is None else float(np.sqrt(risk * (1 - risk) / total.count)),
                both={goals.key[k]: float(total.both[index, k]) / total.count for k in own},
            )
        )
    return tuple(found)


def _teams(coupled: Coupled, total: Sums, drawn: kernel.Futures) -> tuple[TeamCapacity, ...]:
    org, staff = coupled.setting.organisation, coupled.staff
    found = []
    for t, team in enumerate(org.teams.key):
        found.append(
            TeamCapacity(
                team=team,
                people=staff.present(team),
                policy=staff.policy(team).kind,
                run_share=staff.logged.get(team, float(coupled.recent[t])) if staff.is_there(team) else 0.0,
                backlog=_open_now(coupled, t),
                rests_on=staff.demand.rests_on[t],
                lost=float(total.lost[t]) / total.count,
                weeks=tuple(_weeks(org, drawn, t)),
            )
        )
    return tuple(found)


def _open_now(coupled: Coupled, t: int) -> float:
    """Person-days of run work that are open: as the log counts them, else the median of what may be."""
    counted = float(coupled.before.open.today[t])
    return counted if np.isfinite(counted) else float(np.median(coupled.now.backlog[t]))


def _weeks(org: Organisation, drawn: kernel.Futures, t: int) -> list[Week]:
    """The weeks in which there are mornings."""
    weeks = np.unique(org.calendar.week)
    run, present, left = (part[t, weeks] for part in (drawn.run, drawn.present, drawn.left))
    share = np.divide(run, present, out=np.zeros_like(present), where=present > 0)
    mondays = [EPOCH + timedelta(days=int(day)) for day in org.calendar.weeks[weeks]]
    shares, backlogs = (np.quantile(np.sort(part), SHARES, axis=1).T.tolist() for part in (share, left))
    return [
        Week(monday, middle, low, high, usual, least, most)
        for monday, (low, middle, high), (least, usual, most) in zip(mondays, shares, backlogs, strict=True)
    ]
