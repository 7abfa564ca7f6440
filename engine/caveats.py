"""What to read a forecast with: what it rests on, whom it does not know, what looks wrong."""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import date

import numpy as np

from koers.engine.capacity import NEVER
from koers.engine.coupled import Coupled
from koers.engine.organisation import unawaited


def progress_alone(objectives: Sequence[str | None], known_from: date | None) -> str:
    """What a forecast without capacity rests on; that is known from a later day, or None: never.

    `objectives` are those of the key results, one each.
    """
    lack = f"capacity is known only from {known_from}" if known_from else "no capacity is declared"
    said = f"{lack}: the forecast rests on progress alone"
    shared = [name for name in objectives if name is not None]
    if len(set(shared)) < len(shared):
        said += ", and takes the key results of an objective as independent of each other"
    return said


def about_capacity(coupled: Coupled, teams: Set[str]) -> list[str]:
    """The warnings of a forecast for key results of `teams`, a sentence each."""
    said = list(coupled.staff.faults)
    if outside := sorted(teams - set(coupled.staff.teams)):
        said.append(f"no capacity is declared for {', '.join(outside)}: effort does not move their key results")
    said += unawaited(coupled.staff)
    if coupled.learnt_nothing:
        said.append("how much effort matters is not learnt yet: it rests on the prior of the effort elasticity")
    priors = [
        team
        for team, rests_on in zip(coupled.staff.teams, coupled.staff.demand.rests_on, strict=True)
        if rests_on == "prior"
    ]
    if priors:
        said.append(
            f"no run work is known of {', '.join(priors)}: it is assumed to take .60 of capacity, give or take .12"
        )
    return said + _setbacks(coupled)


def _setbacks(coupled: Coupled) -> list[str]:
    """Initiatives still to do whose impact, as it is stated, leads away from the target of their key result."""
    plan = coupled.setting.organisation.initiatives
    impact = dict(coupled.staff.initiatives.select("initiative", "impact").iter_rows())
    said = []
    for i in np.flatnonzero((plan.impact < 0) & (plan.key_result != NEVER)).tolist():
        goal = coupled.goals.row(int(plan.key_result[i]), named=True)
        way = f"{goal['key_result']} is to go from {goal['baseline']:g} to {goal['target']:g}"
        said.append(f"the impact of {plan.key[i]} is {impact[plan.key[i]]:+g}, away from its target: {way}")
    return said
