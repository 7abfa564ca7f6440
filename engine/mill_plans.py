"""Change work of a group with initiatives, shared out: the rest of `mill`, which compiles faster without it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from koers.engine.capacity import DUST, NEVER, Floats
from koers.engine.compiled import Compiled
from koers.engine.groups import Bools, Group, Records


class Plans(NamedTuple):
    """Where initiatives stand, (initiative, future) each."""

    left: Floats
    begun: Bools
    finished: Bools
    working: Bools


def _choose(
    plan: Records, needs: Bools, limit: int, t: int, day: int, j: int, finished: Bools, begun: Bools, working: Bools
) -> float:
    """`working` of a team's initiatives in one future, and what they weigh."""
    free, claims = limit, 0.0
    for i in range(len(plan)):
        if plan[i]["team"] == t:
            ready = plan[i]["start"] <= day and not finished[i, j]
            for other in range(len(plan)):
                ready = ready and not (needs[i, other] and not finished[other, j])
            working[i, j] = ready
            free -= ready and begun[i, j]
    for i in range(len(plan)):
        if plan[i]["team"] == t and working[i, j] and not begun[i, j]:
            begun[i, j] = working[i, j] = free > 0
            free -= 1
    for i in range(len(plan)):
        if plan[i]["team"] == t and working[i, j]:
            claims += plan[i]["weight"]
    return claims


def _by_plan(g: Group, plans: Plans, change: Floats, claims: Floats, out: Any, t: int, d: int, begin: int) -> None:  # noqa: ANN401
    """Change work of a team, (team, day, future), to its key results and initiatives."""
    day, limit, detail = g.morning[d]["day"], g.team[t]["wip_limit"], out.goal_days.shape[1] > 0
    goals = len(g.goal)
    for j in range(plans.left.shape[1]):
        all_claims = claims[t, d] + _choose(
            g.plan, g.needs, limit, t, day, j, plans.finished, plans.begun, plans.working
        )
        for n in range(goals + len(g.plan) if all_claims > 0.0 else 0):
            if n < goals:
                k, mine, weight = n, g.goal[n]["team"] == t, g.claim[n, d]
            else:
                plan = g.plan[n - goals]
                k, mine, weight = plan["key_result"], plan["team"] == t and plans.working[n - goals, j], plan["weight"]
            if mine:
                done = change[t, d, j] * (weight / all_claims)
                if n >= goals:
                    plans.left[n - goals, j] -= done
                if k != NEVER:
                    out.effort[k, begin + j] += g.pace[k, d] * done
                    if detail:
                        out.goal_days[k, d, begin + j] += done


def _finish(g: Group, plans: Plans, out: Any, d: int, begin: int) -> None:  # noqa: ANN401
    """Initiatives that have had what they take are done, and show after their lag."""
    for i in range(len(g.plan)):
        plan = g.plan[i]
        k = plan["key_result"]
        shows = k != NEVER and g.morning[d]["day"] + plan["lag"] <= g.goal[k]["due"]
        for j in range(plans.left.shape[1]):
            if plans.working[i, j] and plans.left[i, j] <= DUST:
                plans.finished[i, j] = True
                out.finished[i, begin + j] = d
                if shows:
                    out.landed[k, begin + j] += plan["impact"]
            plans.working[i, j] = False


@Compiled
def _share_out(g: Group, plans: Plans, change: Floats, claims: Floats, out: Any, begin: int) -> None:  # noqa: ANN401
    for d in range(len(g.morning)):
        for t in range(len(g.team)):
            _by_plan(g, plans, change, claims, out, t, d, begin)
        _finish(g, plans, out, d, begin)


def share_out(g: Group, todo: Floats, change: Floats, claims: Floats, out: Any, begin: int) -> None:  # noqa: ANN401
    """Fill `out` (see `kernel.Out`) for the futures from `begin` on, as many as there are in `todo`.

    `todo` (initiative, future) is what initiatives take, `change` (team, day, future) the change work there is for
    them, person-days; `claims` (team, day) the weight of key results.
    """
    begun = np.repeat(g.plan["begun"][:, None] != 0, todo.shape[1], axis=1)
    none = np.zeros_like(begun)
    _share_out(g, Plans(todo.copy(), begun, none, none.copy()), change, claims, out, begin)
