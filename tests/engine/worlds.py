"""Organisations for the capacity model: random ones from a seed, and small plain ones to compute by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from koers.engine.capacity import (
    CELLS,
    NEVER,
    Calendar,
    Floats,
    Guardrails,
    Initiatives,
    KeyResults,
    Organisation,
    Policy,
    Teams,
)

MONDAY = 20_458  # 2026-01-05, days since 1970
BINS, LOW, STEP = 16, -2.4, 0.3
CENTRES = LOW + (np.arange(BINS) + 0.5) * STEP  # log levels


def calendar(days: int, weekday: int = 0) -> Calendar:
    """Weekdays from a Monday (or later in its week) on."""
    n = np.arange(weekday, weekday + days)
    day = MONDAY + 7 * (n // 5) + n % 5
    weeks = np.arange(MONDAY, day[-1] + 1, 7) if days else np.array([MONDAY])
    return Calendar(day, (day - MONDAY) // 7, weeks, n % 5, 0)


def plain(
    days: int = 10, teams: int = 1, *, people: float = 10.0, demand: float = 4.0, policy: Policy | None = None
) -> Organisation:
    """Steady teams: the same demand every morning, nothing lost in switching, one key result each of unit pace."""
    when = calendar(days)
    ones = np.ones(teams)
    table = np.broadcast_to(demand * np.exp(CENTRES)[:, None], (teams, 7, BINS, CELLS))
    return Organisation(
        calendar=when,
        teams=Teams(
            key=tuple(f"team-{n}" for n in range(teams)),
            people=np.full((teams, days), people),
            away=np.zeros((teams, days)),
            absence=np.zeros((teams, CELLS)),
            demand=table,
            factor=np.ones((teams, days)),
            given=np.full((teams, days), demand),
            level_low=LOW,
            level_step=STEP,
            level_mean=0 * ones,
            level_sd=0 * ones,
            level_keep=0 * ones,
            level_shake=0 * ones,
            rate_sd=0 * ones,
            size_sd=0 * ones,
            backlog=0 * ones,
            run_share=np.full(teams, demand / people if people else 0.0),
            policies=(policy or Policy(),),
            policy=np.zeros((teams, days), dtype=np.int64),
            switch_loss=0 * ones,
            failure_demand=0 * ones,
            overdue_after=np.full(teams, 10),
            wip_limit=np.full(teams, 1_000),
        ),
        guardrails=rails([]),
        key_results=goals(when, list(range(teams))),
        initiatives=plans([], teams),
        shared_days=0.0,
    )


def rails(rows: list[tuple[int, int, float]]) -> Guardrails:
    """Guardrails from (team, measure, upper)."""
    team, measure, upper = (np.array([row[n] for row in rows]) for n in range(3))
    return Guardrails(
        tuple(f"rail-{n}" for n in range(len(rows))),
        team.astype(np.int64),
        measure.astype(np.int64),
        upper.astype(float),
    )


def goals(when: Calendar, team: list[int], **known: Any) -> KeyResults:  # noqa: ANN401
    """One key result per entry, active all the time, its pace one over the days."""
    shape = (len(team), len(when.day))
    last = int(when.day[-1]) if len(when.day) else MONDAY
    return KeyResults(
        **{
            "key": tuple(f"kr-{n}" for n in range(len(team))),
            "team": np.array(team, dtype=np.int64),
            "weight": np.ones(len(team)),
            "active": np.ones(shape, dtype=np.bool_),
            "due": np.full(len(team), last, dtype=np.int64),
            "pace": np.full(shape, 1.0 / max(len(when.day), 1)),
        }
        | known
    )


def plans(rows: list[dict[str, Any]], goals_: int) -> Initiatives:
    """Initiatives from what each differs in."""
    base: dict[str, Any] = {
        "team": 0, "key_result": 0, "weight": 1.0, "effort": 5.0, "start": 0, "begun": False, "lag": 0, "impact": 0.1,
        "needs": (),
    }  # fmt: skip
    full = [base | row for row in rows]
    needs = np.zeros((len(rows), len(rows)), dtype=np.bool_)
    for i, row in enumerate(full):
        needs[i, list(row["needs"])] = True
    column = {name: [row[name] for row in full] for name in base}
    return Initiatives(
        key=tuple(f"plan-{n}" for n in range(len(rows))),
        team=np.array(column["team"], dtype=np.int64),
        key_result=np.array([min(k, goals_ - 1) for k in column["key_result"]], dtype=np.int64),
        weight=np.array(column["weight"], dtype=float),
        effort=np.array(column["effort"], dtype=float).reshape(-1, 1) * np.linspace(0.5, 1.5, CELLS),
        start=np.array(column["start"], dtype=np.int64),
        begun=np.array(column["begun"], dtype=np.bool_),
        lag=np.array(column["lag"], dtype=np.int64),
        impact=np.array(column["impact"], dtype=float),
        needs=needs,
    )


def random_policy(rng: np.random.Generator, rails_: int) -> Policy:
    """Any policy; `freeze` only where there is a guardrail."""
    share = float(rng.choice([0.0, 0.2, 0.5, 1.0]))
    kinds = [
        Policy(),
        Policy("ring_fence", share),
        Policy("fixed_split", share),
        Policy("buffer", share, days=float(rng.integers(0, 4))),
        Policy("threshold", share, upper=float(rng.uniform(0.5, 3)), lower=float(rng.uniform(0, 0.5))),
        Policy("rotation", people=float(rng.integers(0, 6))),
    ]
    if rails_:
        kinds.append(Policy("freeze", share, guardrail=int(rng.integers(rails_))))
    return kinds[rng.integers(len(kinds))]


def random_organisation(seed: int, *, exotic: bool = True) -> Organisation:
    """Up to five teams with everything a morning can meet; `exotic` adds what couples teams and days."""
    rng = np.random.default_rng(seed)
    teams, days, count = int(rng.integers(1, 6)), int(rng.integers(0, 30)), int(rng.integers(0, 9))
    org = plain(days, teams)
    when = calendar(days, int(rng.integers(5)))
    rail_rows = [
        (int(rng.integers(teams)), int(measure), float(rng.uniform(0.2, 3) if measure == 0 else rng.integers(0, 6)))
        for measure in rng.integers(0, 2, int(rng.integers(0, 4)))
    ]
    policies = tuple(random_policy(rng, len(rail_rows) if exotic else 0) for _ in range(4))
    owner = rng.integers(teams, size=count)
    made = goals(when, owner.tolist(), weight=rng.uniform(0.5, 3, count), active=rng.random((count, days)) < 0.8)
    made = replace(made, pace=made.pace * made.active * rng.uniform(0, 2, (count, days)))
    return replace(
        org,
        calendar=when,
        teams=_random_teams(rng, org.teams, policies, exotic=exotic),
        guardrails=rails(rail_rows),
        key_results=made,
        initiatives=_random_plans(rng, when, teams, count) if exotic else plans([], count),
        shared_days=float(rng.choice([0.0, 0.3])),
    )


def _random_teams(rng: np.random.Generator, base: Teams, policies: tuple[Policy, ...], *, exotic: bool) -> Teams:
    n, days = len(base.key), int(base.people.shape[1])
    people = rng.integers(0, 9, (n, 1)) + np.cumsum(
        rng.integers(0, 2, (n, days)) * (rng.random((n, days)) < 0.1), axis=1
    )
    weekday = np.append(rng.uniform(0.5, 1.5, 5), [0.0, 0.0])
    shape: Floats = np.sort(rng.gamma(1.0, 1.0, CELLS)) * (np.arange(CELLS) > CELLS * 0.2)
    rate = rng.uniform(0.5, 6, (n, 1, 1, 1))
    known = rng.random((n, days)) < 0.2
    return replace(
        base,
        people=people.astype(float),
        away=np.where(rng.random((n, days)) < 0.2, rng.uniform(0, 3, (n, days)), 0.0),
        absence=np.sort(rng.beta(1, 12, (n, CELLS)), axis=1),
        demand=rate * weekday[:, None, None] * np.exp(CENTRES)[:, None] * (shape / max(shape.mean(), 1e-9)),
        factor=rng.uniform(0.5, 1.5, (n, days)),
        given=np.where(known, rng.gamma(1.0, 3.0, (n, days)), np.nan),
        level_mean=rng.normal(0, 0.3, n),
        level_sd=np.full(n, 0.3),
        level_keep=np.full(n, 0.7),
        level_shake=np.full(n, 0.25),
        rate_sd=np.full(n, 0.1),
        size_sd=np.full(n, 0.2),
        backlog=rng.choice([0.0, 3.0, 20.0], n),
        run_share=rng.random(n),
        policies=policies,
        policy=rng.integers(len(policies), size=(n, days)) if exotic else np.tile(rng.integers(4, size=(n, 1)), days),
        switch_loss=rng.choice([0.0, 0.17, 0.6], n),
        failure_demand=rng.choice([0.0, 0.5], n) if exotic else np.zeros(n),
        overdue_after=rng.integers(1, 8, n),
        wip_limit=rng.integers(1, 4, n),
    )


def _random_plans(rng: np.random.Generator, when: Calendar, teams: int, count: int) -> Initiatives:
    rows = [
        {
            "team": int(rng.integers(teams)),
            "key_result": int(rng.integers(count)) if count and rng.random() < 0.8 else NEVER,
            "weight": float(rng.uniform(0.5, 2)),
            "effort": float(rng.uniform(0, 30)),
            "start": int(rng.choice(when.day)) if len(when.day) and rng.random() < 0.5 else 0,
            "begun": bool(rng.random() < 0.3),
            "lag": int(rng.integers(0, 10)),
            "needs": tuple(j for j in range(i) if rng.random() < 0.2),
        }
        for i in range(int(rng.integers(0, 7)))
    ]
    return plans(rows, max(count, 1))


LAWFUL = ("run_first", "ring_fence", "fixed_split")


def lawful_organisation(seed: int, kinds: tuple[str, ...] = LAWFUL, switch_loss: float = 0.0) -> Organisation:
    """A random organisation in which laws hold exactly: those policies, no initiatives, nothing lost in switching.

    `freeze` watches a guardrail on the team's own backlog.
    """
    rng = np.random.default_rng([seed, 1])
    org = random_organisation(seed, exotic=False)
    teams, days = org.teams.policy.shape
    policies = tuple(
        Policy(
            str(kind),
            float(rng.choice([0.0, 0.2, 0.5, 0.8])),
            days=float(rng.integers(0, 4)),
            upper=float(rng.uniform(0.5, 3)),
            lower=float(rng.uniform(0, 0.5)),
            people=float(rng.integers(0, 6)),
            guardrail=team if kind == "freeze" else NEVER,
        )
        for team, kind in enumerate(rng.choice(list(kinds), teams))
    )
    kept = replace(
        org.teams,
        policies=policies,
        policy=np.tile(np.arange(teams)[:, None], days),
        switch_loss=np.full(teams, switch_loss),
        wip_limit=np.full(teams, 1_000),
    )
    return replace(org, teams=kept, guardrails=rails([(team, 0, 0.5) for team in range(teams)]))


def with_teams(org: Organisation, **fields: Any) -> Organisation:  # noqa: ANN401
    """The same with other arrays of its teams."""
    return replace(org, teams=replace(org.teams, **fields))


def protecting(org: Organisation, more: float) -> Organisation:
    """The same with so much more of every share that run work may not touch."""
    return with_teams(org, policies=tuple(replace(p, share=min(p.share + more, 1.0)) for p in org.teams.policies))


def reordered(org: Organisation, order: list[int]) -> Organisation:
    """The same organisation with its teams told in another order, under the same keys."""
    index, place = np.array(order, dtype=np.int64), np.argsort(order)
    teams: dict[str, Any] = {
        name: value[index]
        for name, value in ((name, getattr(org.teams, name)) for name in Teams.__dataclass_fields__)
        if isinstance(value, np.ndarray)
    }
    return replace(
        org,
        teams=replace(org.teams, key=tuple(org.teams.key[n] for n in order), **teams),
        guardrails=replace(org.guardrails, team=place[org.guardrails.team]),
        key_results=replace(org.key_results, team=place[org.key_results.team]),
        initiatives=replace(org.initiatives, team=place[org.initiatives.team]),
    )


def lattice(counts: list[int], days_: int, people: float) -> Organisation:
    """One team that runs first; a morning's demand is one of `counts`, so many in 256 of each size 0, 1, 2, ..."""
    cells = np.repeat(np.arange(len(counts)), counts).astype(float)
    table = np.broadcast_to(np.exp(CENTRES)[:, None] * cells, (1, 7, len(CENTRES), CELLS))
    return with_teams(plain(days_, people=people), demand=table, given=np.full((1, days_), np.nan))
