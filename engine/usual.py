"""What is usual: the effort that key results are used to, and where the organisation would stand if nothing changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from koers.engine import kernel
from koers.engine.batches import batches
from koers.engine.capacity import Floats, KeyResults, Organisation, Teams
from koers.engine.futures import KNOTS, by_size
from koers.engine.groups import rows_by_team
from koers.engine.history import Account, Past, within
from koers.engine.luck import Start, at_rest
from koers.engine.mornings import joined
from koers.engine.organisation import as_usual

LEAST = 0.1
"""A team's usual effort is at least this, person-days per morning: less says nothing about what more would do."""
FURTHEST = 4.0  # drift of the account that is taken for such, at most


class LearntEffort(NamedTuple):
    """What some futures learn of effort; with one more axis in front, what each of some parts of them learns."""

    usual: Floats  # (knot, key_result) given the size of run work, person-days per morning
    typical: Floats  # (key_result,) whatever the size of run work, at least LEAST of its team's
    scale: Floats  # (key_result,) effort as it was over that of the same weeks where nothing changes


class Usual(NamedTuple):
    """What is usual: effort, as all futures have learnt it and as batches have, and where a future would begin."""

    learnt: LearntEffort
    by_batch: LearntEffort  # see `batches`
    start: Start
    played: Floats  # (key_result, replication) effort to come where nothing changes, for a gain of 1

    def unchanged(self, org: Organisation, scale: Floats, own: slice = slice(None)) -> Floats:
        """Sum of gains x effort to come where nothing changes, (key_result, replication), to who has learnt `scale`."""
        return np.asarray(self.played[:, own] * (scale * org.key_results.pace.sum(axis=1))[:, None])


def usual(was: Past, ahead: Organisation, seen: Account, seed: int, replications: range) -> Usual:
    """Usual effort and backlog.

    Usual effort is the expected effort over the window in which a pace was learnt, given the size of run work, times
    the drift that is the account's own: it begins without a backlog, which goes on building up even where nothing
    changes, run work as in the long run included: a busy spell now is news. `ahead` is the organisation of the futures.
    """
    org = as_usual(_unchanged(was, ahead))
    begin = at_rest(org, len(replications))._replace(standing=was.standing[:, None] * seen.size)
    steady = kernel.run(org, seed, replications, size=seen.size, rate=seen.rate, start=begin, mark=was.today, means=0)
    then, later = np.split(steady.effort, 2)
    learnt, by_batch = learnt_by(batches(len(replications)), seen, then, later, ahead)
    start = within(steady.marked, np.zeros_like(seen.size), was.open.most[:, None] * seen.size)
    return Usual(
        learnt=learnt,
        by_batch=by_batch,
        start=start._replace(standing=seen.start.standing),
        played=later,
    )


def learnt_by(
    parts: Sequence[slice], seen: Account, then: Floats, later: Floats, org: Organisation
) -> tuple[LearntEffort, LearntEffort]:
    """What all futures learn, and what each of `parts` does, which they are made up of.

    It is effort of the past, times the drift from before today (`then`) to after it (`later`) where nothing changes.
    """
    goals, efforts = org.key_results, (seen.effort, then, later)
    least = LEAST * goals.weight / np.bincount(goals.team, goals.weight)[goals.team]
    sums = np.array([[effort[:, own].sum(axis=1) for own in parts] for effort in efforts])
    count = _and_all(np.array([[own.stop - own.start] for own in parts]))
    was, before, after = _and_all(sums, 1) / count
    found = LearntEffort(
        drifted(*_by_size(efforts, org, seen.size, parts)),
        np.maximum(was * _over(after, before), least),
        _over(was, before),
    )
    return LearntEffort(*(part[0] for part in found)), LearntEffort(*(part[1:] for part in found))


def _and_all(sums: Floats, axis: int = 0) -> Floats:
    """The sums of parts along `axis`, those of all first."""
    return np.concatenate([sums.sum(axis=axis, keepdims=True), sums], axis=axis)


def drifted(expected: Floats, before: Floats, after: Floats) -> Floats:
    """What was expected times its drift where nothing changes."""
    return np.asarray(expected * _over(after, before).clip(1 / FURTHEST, FURTHEST))


def _over(one: Floats, other: Floats) -> Floats:
    """1 where there is nothing."""
    return np.divide(one, other, out=np.ones_like(other), where=other > 0)


def _unchanged(was: Past, ahead: Organisation) -> Organisation:
    """An organisation in which all stays as it was, from the beginning of the account to the end of the futures.

    Each key result stands there twice: first over the window of its pace, then over the days to come.
    """
    org, goals = was.organisation, ahead.key_results
    gone, days = was.today + 1, was.today + 1 + len(ahead.calendar.day)
    window = org.key_results.pace[was.rows][:, :days]
    way = goals.pace.sum(axis=1, keepdims=True)
    pace = np.zeros((2, len(window), days))
    pace[0, :, : window.shape[1]] = window
    pace[1, :, gone:] = np.divide(goals.pace, way, out=np.zeros_like(goals.pace), where=way > 0)
    twice = KeyResults(
        key=(*goals.key, *goals.key),
        team=np.tile(goals.team, 2),
        weight=np.tile(goals.weight, 2),
        active=np.ones((2 * len(window), days), dtype=np.bool_),
        due=np.tile(goals.due, 2),
        pace=pace.reshape(-1, days),
    )
    calendar = joined(org.calendar, ahead.calendar, gone)
    plan = ahead.initiatives
    nothing = replace(plan, key=(), **{name: getattr(plan, name)[:0] for name in _PLAN}, needs=plan.needs[:0, :0])
    return replace(
        ahead, calendar=calendar, teams=_steady(org.teams, window, gone, days), key_results=twice, initiatives=nothing
    )


_PLAN = ("team", "key_result", "weight", "effort", "start", "begun", "lag", "impact")


def _steady(teams: Teams, window: Floats, gone: int, days: int) -> Teams:
    """The teams with the people and absence of the mornings in a `window`, and today's policies, on all `days`."""
    seen = np.flatnonzero((window > 0).any(axis=0)) if window.any() else np.arange(window.shape[1])
    shape = (len(teams.key), days)
    people, away = (part[:, seen].mean(axis=1, keepdims=True) for part in (teams.people, teams.away))
    return replace(
        teams,
        people=np.broadcast_to(people, shape),
        away=np.broadcast_to(away, shape),
        factor=np.ones(shape),
        given=np.full(shape, np.nan),
        policy=np.broadcast_to(teams.policy[:, max(gone - 1, 0), None], shape),
    )


def _by_size(efforts: tuple[Floats, ...], org: Organisation, size: Floats, parts: Sequence[slice]) -> Floats:
    """Efforts (key_result, replication) as expected given the size of run work: (effort, part, knot, key_result).

    Of all futures first.
    """
    found = np.empty((len(efforts), 1 + len(parts), len(KNOTS), len(org.key_results.key)))
    for t, rows in rows_by_team(org.key_results.team):
        near = by_size(org, t, size[t])
        weights, own = [near[:, some] for some in parts], [effort[rows] for effort in efforts]
        products = _and_all(np.stack([w @ w.T for w in weights]))
        sums = [[w @ effort[:, some].T for w, some in zip(weights, parts, strict=True)] for effort in own]
        unseen = 1e-9 * np.eye(len(KNOTS))  # 0 where no size is near a knot
        found[..., rows] = np.linalg.solve(products + unseen, _and_all(np.array(sums), 1))
    return np.maximum(found, 0.0)
