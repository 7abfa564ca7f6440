"""An organisation cut into groups of teams that know nothing of each other, for `mill` and `lanes`.

Teams belong together where an initiative of one works on a key result of another or waits for its initiative, or where
a policy watches the other's guardrail. All else that teams share is in the draws.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from koers.engine.capacity import (
    NEVER,
    POLICIES,
    Floats,
    Guardrails,
    Initiatives,
    Ints,
    KeyResults,
    Organisation,
    Teams,
)
from koers.engine.luck import Luck, Rows, start_of

Bools = NDArray[np.bool_]
Records = NDArray[Any]  # structured
WIDTH = 256
"""Futures worked on side by side, and summed up together: their state stays in the processor's cache."""


def _fields(whole: str = "", real: str = "") -> np.dtype[Any]:
    """A record of integers, then floats: compiled code handles few arrays of many fields faster than many arrays."""
    kinds = [(name, "i8") for name in whole.split()] + [(name, "f8") for name in real.split()]
    return np.dtype(kinds)


MORNING = _fields("day week weekday")
TEAM = _fields("overdue_after wip_limit", "switch_loss failure_demand")
PRESENCE = _fields("kind guardrail", "people away factor given share days upper lower duty")
RAIL = _fields("team measure", "upper")
GOAL = _fields("team due")
PLAN = _fields("team key_result start lag begun", "weight impact")


class Group(NamedTuple):
    """Some teams with all that is theirs, as records; indices are within the group."""

    morning: Records  # (day,) MORNING
    team: Records  # (team,) TEAM
    presence: Records  # (team, day) PRESENCE: who is there, what comes, and the policy in force; `duty` are people
    absence: Floats  # (team, cell)
    demand: Floats  # (team, weekday, bin, cell)
    rail: Records  # (guardrail,) RAIL
    goal: Records  # (key_result,) GOAL
    claim: Floats  # (key_result, day) weight while active, else 0
    pace: Floats  # (key_result, day)
    plan: Records  # (initiative,) PLAN; `key_result` may be NEVER
    needs: Bools  # (initiative, initiative)


class Members(NamedTuple):
    """Which rows of an organisation make up a group."""

    teams: Ints
    guardrails: Ints
    key_results: Ints
    initiatives: Ints


def members(org: Organisation) -> list[Members]:
    """The groups, ordered by their first team."""
    root = _roots(org)
    plan_team = org.initiatives.team
    return [
        Members(
            np.flatnonzero(root == own),
            np.flatnonzero(root[org.guardrails.team] == own),
            np.flatnonzero(root[org.key_results.team] == own),
            np.flatnonzero(root[plan_team] == own),
        )
        for own in np.unique(root)
    ]


def _roots(org: Organisation) -> Ints:
    """(team,) the first team of each one's group."""
    root = np.arange(len(org.teams.key))
    plan = org.initiatives
    own = plan.key_result != NEVER
    links = [(plan.team[own], org.key_results.team[plan.key_result[own]])]
    rows, columns = np.nonzero(plan.needs)
    links.append((plan.team[rows], plan.team[columns]))
    rail = np.array([policy.guardrail for policy in org.teams.policies], dtype=np.int64)[org.teams.policy]
    teams, days = np.nonzero(rail != NEVER)
    links.append((teams, org.guardrails.team[rail[teams, days]]))
    for first, second in zip(*map(np.concatenate, zip(*links, strict=True)), strict=True):
        low, high = sorted((root[first], root[second]))
        root[root == high] = low
    return root


def alone(org: Organisation, own: Members) -> Organisation:
    """The organisation of these members alone: whole groups, whose futures are the same as among the others."""
    teams, goals, plan, rails = org.teams, org.key_results, org.initiatives, org.guardrails
    t, g, k, i = own
    policies = tuple(replace(p, guardrail=int(_local(np.array(p.guardrail), g))) for p in teams.policies)
    return replace(
        org,
        teams=replace(teams, key=_chosen(teams.key, t), policies=policies, **_rows_of(teams, t, _TEAM)),
        guardrails=replace(
            rails, key=_chosen(rails.key, g), team=_local(rails.team[g], t), **_rows_of(rails, g, _RAIL)
        ),
        key_results=replace(
            goals, key=_chosen(goals.key, k), team=_local(goals.team[k], t), **_rows_of(goals, k, _GOAL)
        ),
        initiatives=replace(
            plan,
            key=_chosen(plan.key, i),
            team=_local(plan.team[i], t),
            key_result=_local(plan.key_result[i], k),
            needs=plan.needs[np.ix_(i, i)],
            **_rows_of(plan, i, _PLAN),
        ),
    )


_NOT_ROWS = {"key", "team", "key_result", "needs", "policies", "level_low", "level_step"}
_TEAM, _RAIL, _GOAL, _PLAN = (
    tuple(field.name for field in fields(part) if field.name not in _NOT_ROWS)
    for part in (Teams, Guardrails, KeyResults, Initiatives)
)


def _chosen(keys: tuple[str, ...], index: Ints) -> tuple[str, ...]:
    return tuple(keys[n] for n in index)


def _rows_of(part: Any, index: Ints, names: tuple[str, ...]) -> dict[str, Any]:  # noqa: ANN401 - a part of Organisation
    return {name: getattr(part, name)[index] for name in names}


def group(org: Organisation, own: Members) -> Group:
    """The records of one group."""
    t, g, k, i = own
    goals, plan, rails = org.key_results, org.initiatives, org.guardrails
    return Group(
        morning=_records(MORNING, org.calendar),
        team=_records(TEAM, org.teams, t),
        presence=_presence(org, t, g),
        absence=np.ascontiguousarray(org.teams.absence[t]),
        demand=np.ascontiguousarray(org.teams.demand[t]),
        rail=_records(RAIL, rails, g, team=_local(rails.team[g], t)),
        goal=_records(GOAL, goals, k, team=_local(goals.team[k], t)),
        claim=goals.weight[k, None] * goals.active[k],
        pace=np.ascontiguousarray(goals.pace[k]),
        plan=_records(PLAN, plan, i, team=_local(plan.team[i], t), key_result=_local(plan.key_result[i], k)),
        needs=np.ascontiguousarray(plan.needs[np.ix_(i, i)]),
    )


def _presence(org: Organisation, t: Ints, rails: Ints) -> Records:
    policies = org.teams.policies
    table = np.zeros(len(policies), dtype=PRESENCE)
    table["kind"] = [POLICIES.index(policy.kind) for policy in policies]
    table["guardrail"] = _local(np.array([policy.guardrail for policy in policies], dtype=np.int64), rails)
    table["duty"] = [policy.people for policy in policies]
    for name in ("share", "days", "upper", "lower"):
        table[name] = [getattr(policy, name) for policy in policies]
    found = table[org.teams.policy[t]]
    for name in ("people", "away", "factor", "given"):
        found[name] = getattr(org.teams, name)[t]
    return found


def _records(kind: np.dtype[Any], source: object, index: Rows = slice(None), **given: Ints) -> Records:
    """Records of `kind`: the fields given, and the rest from the arrays of `source`."""
    columns = {name: given.get(name, getattr(source, name)[index]) for name in kind.names or ()}
    found = np.empty(len(next(iter(columns.values()))), dtype=kind)
    for name, column in columns.items():
        found[name] = column
    return found


def _local(index: Ints, rows: Ints) -> Ints:
    """Indices into all, as indices into `rows`; NEVER stays."""
    return np.where(index == NEVER, NEVER, np.searchsorted(rows, index)).astype(np.int64)


def rows(index: Ints) -> Rows:
    """Ascending `index` as a slice where it is one: what it takes is then a view."""
    if len(index) and index[-1] - index[0] + 1 == len(index):
        return slice(int(index[0]), int(index[-1]) + 1)
    return index


def rows_by_team(team: Ints) -> list[tuple[int, Ints]]:
    """Each team of `team` (key_result,), and its rows."""
    order = np.argsort(team, kind="stable")
    cuts = np.flatnonzero(np.diff(team[order])) + 1
    return [(int(team[own[0]]), own) for own in np.split(order, cuts) if len(own)]


def luck_of(luck: Luck, own: Members) -> Luck:
    """The draws of one group."""
    t, rails, plans = rows(own.teams), rows(own.guardrails), rows(own.initiatives)
    start = start_of(luck.start, t, rails)
    return Luck(start, luck.word[t], luck.bin[t], luck.scale[t], luck.size[t], luck.todo[plans])
