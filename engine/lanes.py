"""The mornings of `capacity` with NumPy, all futures side by side: where numba is missing, and to check `mill`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from koers.engine.capacity import DUST, MEASURES, NEVER, POLICIES, Floats, Ints
from koers.engine.groups import WIDTH, Bools, Group
from koers.engine.luck import ABSENCE_BYTE, Luck

if TYPE_CHECKING:
    from koers.engine.kernel import Out

_AGE = MEASURES.index("backlog_age")
_BYTE = np.uint64(0xFF)


@dataclass(slots=True)
class _State:
    """Where the futures stand in the evening; the last axis is the future."""

    backlog: Floats  # (team, replication)
    standing: Floats  # (team, replication)
    run_share: Floats  # (team, replication)
    tripped: Ints  # (team, replication)
    waiting: Ints  # (team, replication)
    broken: Bools  # (guardrail, replication)
    came: Floats  # (team, day + 2, replication) arrivals before each morning, all told
    left: Floats  # (initiative, replication)
    begun: Bools  # (initiative, replication)
    finished: Bools  # (initiative, replication)


def mill(g: Group, luck: Luck, out: Out, mark: int) -> None:
    """Fill `out` for the futures of `luck`."""
    state = _start(g, luck)
    for d in range(len(g.morning)):
        changes = [_morning(g, luck, out, state, t, d) for t in range(len(g.team))]
        _watch(g, out, state, d)
        if d == mark:
            out.backlog[:], out.run_share[:] = state.backlog, state.run_share
            out.tripped[:], out.waiting[:], out.alarm[:] = state.tripped, state.waiting, state.broken
        _share_out(g, out, state, np.array(changes), d)


def _start(g: Group, luck: Luck) -> _State:
    teams, n = len(g.team), luck.word.shape[2]
    came = np.zeros((teams, len(g.morning) + 2, n)) if _aged(g) else np.zeros((teams, 0, n))
    came[:, 1:2] = luck.start.backlog[:, None, :]
    return _State(
        backlog=luck.start.backlog.copy(),
        standing=luck.start.standing,
        run_share=luck.start.run_share.copy(),
        tripped=luck.start.tripped.copy(),
        waiting=luck.start.waiting.copy(),
        broken=luck.start.broken.copy(),
        came=came,
        left=luck.todo.copy(),
        begun=np.repeat(g.plan["begun"][:, None] > 0, n, axis=1),
        finished=np.zeros((len(g.plan), n), dtype=np.bool_),
    )


def _aged(g: Group) -> bool:
    return bool((g.team["failure_demand"] > 0).any() or (g.rail["measure"] == _AGE).any())


def _morning(g: Group, luck: Luck, out: Out, state: _State, t: int, d: int) -> Floats:
    """One team's morning, steps 1 to 5; its change work, (replication,)."""
    week, here, team = g.morning["week"][d], g.presence[t, d], g.team[t]
    absent = g.absence[t, (luck.word[t, week] >> np.uint64(8 * ABSENCE_BYTE)).astype(np.intp)]
    capacity = max(here["people"] - here["away"], 0.0) * (1.0 - absent)
    arrived = _arriving(g, luck, state, t, d)
    state.backlog[t] += arrived
    share = _protected(g, state, t, d)
    run = np.minimum(state.backlog[t], (1.0 - share) * capacity)
    rest = capacity - run
    before = state.run_share[t]
    now = np.divide(run, capacity, out=before.copy(), where=capacity > 0)
    lost = np.minimum(rest, team["switch_loss"] * np.abs(now - before) * capacity)
    state.run_share[t] = now
    change = rest - lost
    if POLICIES[here["kind"]] == "fixed_split":
        change = np.minimum(change, share * capacity)
    idle = rest - lost - change
    evening = state.backlog[t] - run
    state.backlog[t] = np.where(evening <= DUST, 0.0, evening)
    state.waiting[t] = np.where(evening <= DUST, 0, state.waiting[t] + 1)
    if kept := out.run.shape[2]:
        out.run[t, week] += run[:kept]
        out.present[t, week] += capacity[:kept]
        out.left[t, week] = np.maximum(state.backlog[t] + state.standing[t], 0.0)[:kept]
    told = np.stack([lost, run, change, idle, arrived, state.backlog[t]])
    if means := out.sums.shape[3]:
        out.sums[t, :, d] = np.add.reduceat(told[:means], np.arange(0, told.shape[1], WIDTH), axis=1).T
    if out.days.shape[1]:
        out.days[t, d], out.shares[t, d] = told, share
    return np.asarray(change)


def _arriving(g: Group, luck: Luck, state: _State, t: int, d: int) -> Floats:
    (_, week, weekday), here, team = g.morning[d], g.presence[t, d], g.team[t]
    if np.isnan(here["given"]):
        cell = ((luck.word[t, week] >> np.uint64(8 * weekday)) & _BYTE).astype(np.intp)
        drawn = g.demand[t, weekday][luck.bin[t, week], cell] * luck.scale[t, week] * here["factor"]
    else:
        drawn = here["given"] * luck.size[t]
    came, backlog = state.came[t], state.backlog[t]
    if team["failure_demand"] > 0:
        old = backlog - (came[d + 1] - came[max(d + 1 - team["overdue_after"], 0)])
        part = np.divide(old, backlog, out=np.zeros_like(old), where=(backlog > DUST) & (old > DUST))
        drawn = drawn * (1.0 + team["failure_demand"] * part)
    if len(came):
        came[d + 2] = came[d + 1] + drawn
    return np.asarray(drawn)


def _load(state: _State, t: int, people: float) -> Floats:
    """Open work per person."""
    work = np.maximum(state.backlog[t] + state.standing[t], 0.0)
    return work / people if people > 0 else np.where(work > DUST, np.inf, 0.0)


def _protected(g: Group, state: _State, t: int, d: int) -> Floats | float:
    """The share of the team's capacity that run work may not touch."""
    here = g.presence[t, d]
    kind, share, people = POLICIES[here["kind"]], here["share"], here["people"]
    tripped, waiting = state.tripped[t] == here["kind"], state.waiting[t]
    if kind == "buffer":
        tripped = (waiting > 0) & (tripped | (waiting >= here["days"]))
    elif kind == "threshold":
        load = _load(state, t, people)
        tripped = (load > here["upper"]) | (tripped & (load >= here["lower"]))
    else:
        tripped = np.zeros_like(tripped)
    state.tripped[t] = tripped * here["kind"]
    if kind in ("buffer", "threshold"):
        return np.where(tripped, 0.0, share)
    if kind == "freeze":
        return np.where(state.broken[here["guardrail"]], 0.0, share)
    if kind == "rotation":
        return max(1.0 - here["duty"] / people, 0.0) if people > 0 else 0.0
    return float(share) if kind != "run_first" else 0.0


def _watch(g: Group, out: Out, state: _State, d: int) -> None:
    """Which guardrails are broken in the evening."""
    for r, (t, measure, upper) in enumerate(g.rail):
        if measure == _AGE:
            came = state.came[t]
            fresh = came[d + 2] - came[max(d + 2 - (int(min(upper, 1e9)) + 1), 0)]
            state.broken[r] = state.backlog[t] - fresh > DUST
        else:
            state.broken[r] = _load(state, t, g.presence[t, d]["people"]) > upper
        out.broken[r] = np.where(state.broken[r] & (out.broken[r] == NEVER), d, out.broken[r])


def _share_out(g: Group, out: Out, state: _State, changes: Floats, d: int) -> None:
    """Change work of one morning goes to key results and initiatives by their weights: step 6."""
    working = _working(g, state, d)
    claims = np.zeros_like(changes)
    for k, t in enumerate(g.goal["team"]):
        claims[t] += g.claim[k, d]
    for i, t in enumerate(g.plan["team"]):
        claims[t] += g.plan["weight"][i] * working[i]
    for k, t in enumerate(g.goal["team"]):
        _credit(g, out, k, d, _part(changes[t], np.full_like(claims[t], g.claim[k, d]), claims[t]))
    for i, t in enumerate(g.plan["team"]):
        done = _part(changes[t], g.plan["weight"][i] * working[i], claims[t])
        goal = g.plan["key_result"][i]
        if goal != NEVER:
            _credit(g, out, goal, d, done)
        state.left[i] -= done
        now = working[i] & (state.left[i] <= DUST)
        state.finished[i] |= now
        out.finished[i][now] = d
        if goal != NEVER and g.morning["day"][d] + g.plan["lag"][i] <= g.goal["due"][goal]:
            out.landed[goal] += g.plan["impact"][i] * now


def _part(change: Floats, own: Floats, all_: Floats) -> Floats:
    return change * np.divide(own, all_, out=np.zeros_like(all_), where=all_ > 0)


def _credit(g: Group, out: Out, k: int, d: int, done: Floats) -> None:
    """Person-days of effort on a key result."""
    out.effort[k] += g.pace[k, d] * done
    if out.goal_days.shape[1]:
        out.goal_days[k, d] += done


def _working(g: Group, state: _State, d: int) -> Bools:
    """(initiative, replication): what is in progress this morning, within each team's limit."""
    waits = [(g.needs[i, :, None] & ~state.finished).any(axis=0) for i in range(len(g.plan))]
    ready = (
        (g.plan["start"] <= g.morning["day"][d])[:, None]
        & ~state.finished
        & ~np.reshape(waits, state.finished.shape).astype(np.bool_)
    )
    free = np.repeat(g.team["wip_limit"][:, None], state.left.shape[1], axis=1)
    for i, t in enumerate(g.plan["team"]):
        free[t] -= ready[i] & state.begun[i]
    for i, t in enumerate(g.plan["team"]):
        new = ready[i] & ~state.begun[i] & (free[t] > 0)
        free[t] -= new
        state.begun[i] |= new
    return np.asarray(ready & state.begun)
