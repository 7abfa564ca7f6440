"""The compiled twin of the mornings in `capacity`: WIDTH futures side by side, day by day. Imported when needed.

`lanes` does the same with NumPy, where numba is missing. The order of every sum is that of `capacity`, so that all
agree to the last bits. A team's numbers lie in one buffer, row after row at fixed offsets: so the compiler can prove
that rows do not overlap, and takes several futures at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import numba
import numpy as np
from numba.core.caching import FunctionCache

from koers.engine.capacity import DUST, MEASURES, NEVER, POLICIES, Floats, Ints
from koers.engine.groups import WIDTH, Bools, Group, Records
from koers.engine.luck import ABSENCE_BYTE, Luck

F = TypeVar("F", bound=Callable[..., Any])
RUN, CHANGE, LOST, IDLE, ARRIVED, BACKLOG, PRESENT, SHARE, BEFORE, TRIPPED, WAITING, WEEK_RUN, WEEK_PRESENT = (
    n * WIDTH for n in range(13)
)
ROWS = 13
TOLD = 6  # rows that sums and days tell: RUN to BACKLOG
RUN_FIRST, RING_FENCE, FIXED_SPLIT, BUFFER, THRESHOLD, ROTATION, FREEZE = range(len(POLICIES))
AGE = MEASURES.index("backlog_age")
ABSENT, BYTE = np.uint64(8 * ABSENCE_BYTE), np.uint64(0xFF)
OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "_nrt": False,
    "no_cfunc_wrapper": True,
}  # no fastmath: the same bits on any processor


def part(function: F) -> F:
    """`function` compiled, to be called by others."""
    return numba.njit(**OPTIONS | {"no_cpython_wrapper": True})(function)  # type: ignore[no-any-return]


def whole(function: F) -> F:
    """`function` compiled, and kept on disk where there is a place for it."""
    told = (WIDTH, DUST, NEVER, POLICIES, MEASURES, ABSENCE_BYTE)  # numba itself asks only whether this file changed
    function.__qualname__ += "_" + hashlib.sha256(repr(told).encode()).hexdigest()[:16]
    compiled = numba.njit(**OPTIONS)(function)
    with suppress(RuntimeError):  # neither the source's folder nor the user's can be written to
        compiled._cache = _Kept(function)
    return compiled  # type: ignore[no-any-return]


class _Kept(FunctionCache):  # type: ignore[misc]
    """What numba keeps on disk, found without loading all that only a compiler needs: that is a quarter of a second."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:  # noqa: ANN401
        """The machine code for this signature, or None."""
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)


class Work(NamedTuple):
    """Scratch space for a group; the last axis is the future."""

    teams: Floats  # (team, row x future)
    came: Floats  # (team, day + 2, future) arrivals before each morning, all told; of teams whose ages matter
    aged: Bools  # (team,)
    broken: Bools  # (guardrail, future)
    fallen: Ints  # (guardrail, future) first day, or NEVER
    left: Floats  # (initiative, future)
    begun: Bools  # (initiative, future)
    finished: Bools  # (initiative, future)
    working: Bools  # (initiative, future)
    claims: Floats  # (team, day) of key results
    planned: Bools  # (team,) whether it has initiatives


def workspace(g: Group) -> Work:
    """Room for a group."""
    teams, days = g.presence.shape
    aged = g.team["failure_demand"] > 0
    aged[g.rail["team"][g.rail["measure"] == AGE]] = True
    claims = np.zeros((teams, days))
    np.add.at(claims, g.goal["team"], g.claim)
    planned = np.zeros(teams, dtype=np.bool_)
    planned[g.plan["team"]] = True
    plans, rails = (len(g.plan), WIDTH), (len(g.rail), WIDTH)
    return Work(
        teams=np.zeros((teams, ROWS * WIDTH)),
        came=np.zeros((teams, days + 2 if aged.any() else 0, WIDTH)),
        aged=aged,
        broken=np.zeros(rails, dtype=np.bool_),
        fallen=np.zeros(rails, dtype=np.int64),
        left=np.zeros(plans),
        begun=np.zeros(plans, dtype=np.bool_),
        finished=np.zeros(plans, dtype=np.bool_),
        working=np.zeros(plans, dtype=np.bool_),
        claims=claims,
        planned=planned,
    )


@part
def _open(g: Group, luck: Luck, work: Work, first: int, n: int) -> None:
    """The evening before the first morning."""
    for t in range(len(g.team)):
        s = work.teams[t]
        s[:] = 0.0
        for j in range(n):
            s[BACKLOG + j], s[BEFORE + j] = luck.start.backlog[t, first + j], luck.start.run_share[t, first + j]
            s[TRIPPED + j], s[WAITING + j] = luck.start.tripped[t, first + j], luck.start.waiting[t, first + j]
            if work.aged[t]:
                work.came[t, 1, j] = luck.start.backlog[t, first + j]
    work.broken[:], work.fallen[:], work.finished[:] = False, NEVER, False
    for r in range(len(g.rail)):
        for j in range(n):
            work.broken[r, j] = luck.start.broken[r, first + j]
    for i in range(len(g.plan)):
        work.begun[i] = g.plan[i]["begun"] != 0
        for j in range(n):
            work.left[i, j] = luck.todo[i, first + j]


@part
def _draw(s: Floats, word: Any, bins: Any, scale: Floats, table: Floats, weekday: int, factor: float) -> None:  # noqa: ANN401
    """ARRIVED, as drawn."""
    shift = np.uint64(8 * weekday)
    for j in range(len(word)):
        s[ARRIVED + j] = table[bins[j], np.int64((word[j] >> shift) & BYTE)] * scale[j] * factor


@part
def _attend(s: Floats, word: Any, absence: Floats, there: float) -> None:  # noqa: ANN401
    """PRESENT."""
    for j in range(len(word)):
        s[PRESENT + j] = there * (1.0 - absence[np.int64(word[j] >> ABSENT)])


@part
def _arrive(s: Floats, came: Floats, d: int, failure_demand: float, overdue_after: int, aged: bool) -> None:
    """BACKLOG grows, by more where work is left lying; `came` (day, future)."""
    if aged:
        for j in range(WIDTH):
            b = s[BACKLOG + j]
            old = b - (came[d + 1, j] - came[max(d + 1 - overdue_after, 0), j])
            if failure_demand > 0.0 and b > DUST and old > DUST:
                s[ARRIVED + j] *= 1.0 + failure_demand * (old / b)
            came[d + 2, j] = came[d + 1, j] + s[ARRIVED + j]
    for j in range(WIDTH):
        s[BACKLOG + j] += s[ARRIVED + j]


@part
def _load(backlog: float, people: float) -> float:
    return backlog / people if people > 0.0 else (np.inf if backlog > DUST else 0.0)


@part
def _protect(s: Floats, now: Any, broken: Bools) -> None:  # noqa: ANN401
    """SHARE: what run work may not touch; `now` is PRESENCE, `broken` (guardrail, future)."""
    kind, keep, people = now["kind"], now["share"], now["people"]
    if kind == ROTATION:
        keep = max(1.0 - now["duty"] / people, 0.0) if people > 0.0 else 0.0
    if kind == RUN_FIRST:
        keep = 0.0
    for j in range(WIDTH):
        s[SHARE + j] = keep
    if kind == BUFFER:
        for j in range(WIDTH):
            trips = s[WAITING + j] > 0.0 and (s[TRIPPED + j] > 0.0 or s[WAITING + j] >= now["days"])
            s[TRIPPED + j] = 1.0 if trips else 0.0
            s[SHARE + j] = 0.0 if trips else keep
    elif kind == THRESHOLD:
        for j in range(WIDTH):
            load = _load(s[BACKLOG + j], people)
            trips = load > now["upper"] or (s[TRIPPED + j] > 0.0 and load >= now["lower"])
            s[TRIPPED + j] = 1.0 if trips else 0.0
            s[SHARE + j] = 0.0 if trips else keep
    else:
        for j in range(WIDTH):
            s[TRIPPED + j] = 0.0
            if kind == FREEZE and broken[now["guardrail"], j]:
                s[SHARE + j] = 0.0


@part
def _divide(s: Floats, loss: float, fixed: bool) -> None:
    """RUN, CHANGE, LOST and IDLE; BACKLOG falls."""
    for j in range(WIDTH):
        c, b, share, before = s[PRESENT + j], s[BACKLOG + j], s[SHARE + j], s[BEFORE + j]
        allowed = (1.0 - share) * c
        run = allowed if allowed < b else b
        rest = c - run
        now = run / c if c > 0.0 else before
        lost = loss * abs(now - before) * c
        lost = lost if lost < rest else rest
        change = rest - lost
        most = share * c if fixed else change
        change = most if most < change else change
        evening = b - run
        s[RUN + j], s[CHANGE + j], s[LOST + j], s[IDLE + j] = run, change, lost, rest - lost - change
        s[BEFORE + j] = now
        s[BACKLOG + j] = evening if evening > DUST else 0.0
        s[WAITING + j] = s[WAITING + j] + 1.0 if evening > DUST else 0.0
        s[WEEK_RUN + j] += run
        s[WEEK_PRESENT + j] += c


@part
def _sum(x: Floats, n: int) -> float:
    """In an order that lets the compiler take eight at a time; a last block that is not full in order."""
    whole = 0.0
    for j in range(n if n < WIDTH else 0):
        whole += x[j]
    if n < WIDTH:
        return whole
    a, b, c, d, e, f, g, h = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(0, WIDTH, 8):
        a, b, c, d = a + x[j], b + x[j + 1], c + x[j + 2], d + x[j + 3]
        e, f, g, h = e + x[j + 4], f + x[j + 5], g + x[j + 6], h + x[j + 7]
    return ((a + b) + (c + d)) + ((e + f) + (g + h))


@part
def _tell(s: Floats, out: Any, t: int, d: int, week: int, first: int, n: int, last: bool) -> None:  # noqa: ANN401
    """Write a team's morning down."""
    for q in range(TOLD):
        out.sums[t, first // WIDTH, d, q] = _sum(s[q * WIDTH : (q + 1) * WIDTH], n)
    if out.run.shape[1] > 0 and last:
        for j in range(n):
            out.run[t, week, first + j] = s[WEEK_RUN + j]
            out.present[t, week, first + j] = s[WEEK_PRESENT + j]
            out.left[t, week, first + j] = s[BACKLOG + j]
        s[WEEK_RUN : WEEK_RUN + 2 * WIDTH] = 0.0
    if out.days.shape[1] > 0:
        for j in range(n):
            for q in range(TOLD):
                out.days[t, d, q, first + j] = s[q * WIDTH + j]
            out.shares[t, d, first + j] = s[SHARE + j]


@part
def _watch(s: Floats, came: Floats, rail: Any, people: float, d: int, broken: Bools, fallen: Ints) -> None:  # noqa: ANN401
    """Whether a guardrail is broken in the evening; arrays (future,)."""
    if rail["measure"] == AGE:
        back = max(d + 1 - int(min(rail["upper"], 1e9)), 0)
        for j in range(WIDTH):
            broken[j] = s[BACKLOG + j] - (came[d + 2, j] - came[back, j]) > DUST
    else:
        for j in range(WIDTH):
            broken[j] = _load(s[BACKLOG + j], people) > rail["upper"]
    for j in range(WIDTH):
        fallen[j] = d if broken[j] and fallen[j] == NEVER else fallen[j]


@part
def _by_weight(g: Group, s: Floats, all_claims: float, out: Any, t: int, d: int, first: int, n: int) -> None:  # noqa: ANN401
    """Change work of a team without initiatives."""
    for k in range(len(g.goal)):
        if g.goal[k]["team"] == t and g.claim[k, d] > 0.0:
            part, pace, effort = g.claim[k, d] / all_claims, g.pace[k, d], out.effort[k, first : first + n]
            for j in range(n):
                effort[j] += pace * (s[CHANGE + j] * part)
            if out.goal_days.shape[1] > 0:
                for j in range(n):
                    out.goal_days[k, d, first + j] += s[CHANGE + j] * part


@part
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


@part
def _by_plan(g: Group, work: Work, out: Any, t: int, d: int, first: int, n: int) -> None:  # noqa: ANN401
    """Change work of a team with initiatives."""
    day, limit, detail = g.morning[d]["day"], g.team[t]["wip_limit"], out.goal_days.shape[1] > 0
    goals = len(g.goal)
    for j in range(n):
        claims = _choose(g.plan, g.needs, limit, t, day, j, work.finished, work.begun, work.working)
        change, claims = work.teams[t, CHANGE + j], work.claims[t, d] + claims
        for n_ in range(goals + len(g.plan) if claims > 0.0 else 0):
            if n_ < goals:
                k, mine, weight = n_, g.goal[n_]["team"] == t, g.claim[n_, d]
            else:
                plan = g.plan[n_ - goals]
                k, mine, weight = plan["key_result"], plan["team"] == t and work.working[n_ - goals, j], plan["weight"]
            if mine:
                done = change * (weight / claims)
                if n_ >= goals:
                    work.left[n_ - goals, j] -= done
                if k != NEVER:
                    out.effort[k, first + j] += g.pace[k, d] * done
                    if detail:
                        out.goal_days[k, d, first + j] += done


@part
def _finish(g: Group, work: Work, out: Any, d: int, first: int, n: int) -> None:  # noqa: ANN401
    """Initiatives that have had what they take are done, and show after their lag."""
    for i in range(len(g.plan)):
        plan = g.plan[i]
        k = plan["key_result"]
        shows = k != NEVER and g.morning[d]["day"] + plan["lag"] <= g.goal[k]["due"]
        for j in range(n):
            if work.working[i, j] and work.left[i, j] <= DUST:
                work.finished[i, j] = True
                out.finished[i, first + j] = d
                if shows:
                    out.landed[k, first + j] += plan["impact"]
            work.working[i, j] = False


@whole
def _mill(g: Group, luck: Luck, work: Work, out: Any, mark: int) -> None:  # noqa: ANN401, C901 - calls cost compile time
    futures, days = luck.word.shape[2], len(g.morning)
    for first in range(0, futures, WIDTH):
        n = min(WIDTH, futures - first)
        _open(g, luck, work, first, n)
        for d in range(days):
            week, weekday = g.morning[d]["week"], g.morning[d]["weekday"]
            last = d + 1 == days or g.morning[d + 1]["week"] != week
            for t in range(len(g.team)):
                s, now, team = work.teams[t], g.presence[t, d], g.team[t]
                word = luck.word[t, week, first : first + n]
                _attend(s, word, g.absence[t], max(now["people"] - now["away"], 0.0))
                if np.isnan(now["given"]):
                    bins, scale = luck.bin[t, week, first : first + n], luck.scale[t, week, first : first + n]
                    _draw(s, word, bins, scale, g.demand[t, weekday], weekday, now["factor"])
                else:
                    for j in range(n):
                        s[ARRIVED + j] = now["given"] * luck.size[t, first + j]
                _arrive(s, work.came[t], d, team["failure_demand"], team["overdue_after"], work.aged[t])
                _protect(s, now, work.broken)
                _divide(s, team["switch_loss"], now["kind"] == FIXED_SPLIT)
                _tell(s, out, t, d, week, first, n, last)
                if d == mark:
                    for j in range(n):
                        out.backlog[t, first + j], out.run_share[t, first + j] = s[BACKLOG + j], s[BEFORE + j]
                        out.tripped[t, first + j], out.waiting[t, first + j] = s[TRIPPED + j] > 0.0, int(s[WAITING + j])
            for r in range(len(g.rail)):
                t = g.rail[r]["team"]
                people = g.presence[t, d]["people"]
                _watch(work.teams[t], work.came[t], g.rail[r], people, d, work.broken[r], work.fallen[r])
                if d == mark:
                    for j in range(n):
                        out.alarm[r, first + j] = work.broken[r, j]
            for t in range(len(g.team)):
                if work.planned[t]:
                    _by_plan(g, work, out, t, d, first, n)
                else:
                    _by_weight(g, work.teams[t], work.claims[t, d], out, t, d, first, n)
            _finish(g, work, out, d, first, n)
        for r in range(len(g.rail)):
            for j in range(n):
                out.broken[r, first + j] = work.fallen[r, j]


def mill(g: Group, luck: Luck, out: Any, mark: int) -> None:  # noqa: ANN401
    """Fill `out` (see `kernel.Out`) for the futures of `luck`."""
    _mill(g, luck, workspace(g), out, mark)
