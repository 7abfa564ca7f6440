"""Whether a decision changes anything for a group of teams: what is the same need not be played again."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from koers.engine.capacity import Ints, Organisation
from koers.engine.coupled import Coupled
from koers.engine.groups import Members
from koers.scenarios.world import World


def same_inputs(was: Organisation, now: Organisation, own: Members) -> bool:
    """Whether the futures of a group are the same in both."""
    one, other = was.teams, now.teams
    fields = ("people", "away", "factor", "switch_loss", "failure_demand", "overdue_after", "wip_limit")
    return (
        all(np.array_equal(getattr(one, name)[own.teams], getattr(other, name)[own.teams]) for name in fields)
        and _policies(was, own.teams) == _policies(now, own.teams)
        and (not len(own.key_results) or own.key_results.max() < len(was.key_results.key))
        and _rows_equal(was.key_results, now.key_results, ("active", "due", "pace", "weight"), own.key_results)
        and _rows_equal(was.initiatives, now.initiatives, ("start", "begun", "effort", "needs"), own.initiatives)
    )


def _policies(org: Organisation, teams: Ints) -> list[object]:
    return [org.teams.policies[n] for n in org.teams.policy[teams].ravel()]


def _rows_equal(one: object, other: object, names: Iterable[str], rows: Ints) -> bool:
    return all(np.array_equal(getattr(one, name)[rows], getattr(other, name)[rows]) for name in names)


def same_beliefs(was: Coupled, now: World, rows: Ints) -> bool:
    """Whether the same is believed of these key results."""
    one, other = was.setting, now.setting
    pairs = [*zip(one.at_due, other.at_due, strict=True), (one.assumed, other.assumed), (one.own.T, other.own.T)]
    return all(np.array_equal(a[rows], b[rows], equal_nan=True) for a, b in pairs) and np.array_equal(
        was.movable[rows], now.movable[rows]
    )
