"""The compiled twin of the mornings in `capacity`: WIDTH futures side by side, day by day. Imported when needed.

`lanes` does the same with NumPy, where numba is missing. The order of every sum is that of `capacity`, so that all
agree to the last bits. A team's numbers lie in one buffer, row after row at fixed offsets: so the compiler can prove
that rows do not overlap, and takes several futures at a time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from koers.engine.capacity import DUST, MEASURES, NEVER, POLICIES, Floats, Ints
from koers.engine.compiled import part, whole
from koers.engine.groups import WIDTH, Bools, Group
from koers.engine.luck import ABSENCE_BYTE, Luck, Start

RUN, CHANGE, LOST, IDLE, ARRIVED, BACKLOG, BEFORE, TRIPPED, WAITING, PRESENT, SHARE, WEEK_RUN, WEEK_PRESENT = (
    n * WIDTH for n in range(13)
)
ROWS = 13
TOLD = 6  # rows that sums and days tell: RUN to BACKLOG
KEPT = 4  # rows that go on from the evening to the next morning: BACKLOG to WAITING
RUN_FIRST, RING_FENCE, FIXED_SPLIT, BUFFER, THRESHOLD, ROTATION, FREEZE = range(len(POLICIES))
AGE = MEASURES.index("backlog_age")
BLOCK = 16 * WIDTH  # futures whose change work is noted for initiatives
ABSENT, BYTE = np.uint64(8 * ABSENCE_BYTE), np.uint64(0xFF)


class Work(NamedTuple):
    """Scratch space for a group; the last axis is the future."""

    evening: Floats  # (team, KEPT, replication) before the first morning
    marked: Floats  # (team, KEPT, replication) of the marked morning
    teams: Floats  # (team, row x future)
    came: Floats  # (team, day + 2, future) arrivals before each morning, all told; of teams whose ages matter
    aged: Bools  # (team,)
    broken: Bools  # (guardrail, future)
    fallen: Ints  # (guardrail, future) first day, or NEVER
    claims: Floats  # (team, day) of key results
    change: Floats  # (team, day, future) change work of a BLOCK, where there are initiatives to share it out to


def workspace(g: Group, start: Start) -> Work:
    """Room for a group."""
    teams, days = g.presence.shape
    aged = g.team["failure_demand"] > 0
    aged[g.rail["team"][g.rail["measure"] == AGE]] = True
    claims = np.zeros((teams, days))
    np.add.at(claims, g.goal["team"], g.claim)
    rails = (len(g.rail), WIDTH)
    evening = np.stack([start.backlog, start.run_share, start.tripped, start.waiting], axis=1)
    return Work(
        evening=evening,
        marked=np.zeros_like(evening),
        teams=np.zeros((teams, ROWS * WIDTH)),
        came=np.zeros((teams, days + 2 if aged.any() else 0, WIDTH)),
        aged=aged,
        broken=np.zeros(rails, dtype=np.bool_),
        fallen=np.zeros(rails, dtype=np.int64),
        claims=claims,
        change=np.zeros((teams if len(g.plan) else 0, days, BLOCK)),
    )


@part
def _open(s: Floats, came: Floats, evening: Floats, first: int, n: int) -> None:
    """The evening before the first morning, (row, future)."""
    s[:] = 0.0
    for q in range(KEPT):
        for j in range(n):
            s[BACKLOG + q * WIDTH + j] = evening[q, first + j]
    for j in range(n if len(came) > 0 else 0):
        came[1, j] = evening[0, first + j]


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
    """Change work of a team, where nobody has initiatives."""
    for k in range(len(g.goal)):
        if g.goal[k]["team"] == t and g.claim[k, d] > 0.0:
            part, pace, effort = g.claim[k, d] / all_claims, g.pace[k, d], out.effort[k, first : first + n]
            for j in range(n):
                effort[j] += pace * (s[CHANGE + j] * part)
            if out.goal_days.shape[1] > 0:
                for j in range(n):
                    out.goal_days[k, d, first + j] += s[CHANGE + j] * part


@whole
def _mill(g: Group, luck: Luck, work: Work, out: Any, mark: int, begin: int, end: int) -> None:  # noqa: ANN401, C901 - calls cost compile time
    days = len(g.morning)
    for first in range(begin, end, WIDTH):
        n = min(WIDTH, end - first)
        for t in range(len(g.team)):
            _open(work.teams[t], work.came[t], work.evening[t], first, n)
        work.fallen[:] = NEVER
        for r in range(len(g.rail)):
            for j in range(n):
                work.broken[r, j] = luck.start.broken[r, first + j]
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
                    for q in range(KEPT):
                        for j in range(n):
                            work.marked[t, q, first + j] = s[BACKLOG + q * WIDTH + j]
                if len(work.change) == 0:
                    _by_weight(g, s, work.claims[t, d], out, t, d, first, n)
                else:
                    for j in range(n):
                        work.change[t, d, first - begin + j] = s[CHANGE + j]
            for r in range(len(g.rail)):
                t = g.rail[r]["team"]
                people = g.presence[t, d]["people"]
                _watch(work.teams[t], work.came[t], g.rail[r], people, d, work.broken[r], work.fallen[r])
                if d == mark:
                    for j in range(n):
                        out.alarm[r, first + j] = work.broken[r, j]
        for r in range(len(g.rail)):
            for j in range(n):
                out.broken[r, first + j] = work.fallen[r, j]


def mill(g: Group, luck: Luck, out: Any, mark: int) -> None:  # noqa: ANN401
    """Fill `out` (see `kernel.Out`) for the futures of `luck`."""
    work, futures = workspace(g, luck.start), luck.word.shape[2]
    for begin in range(0, futures, BLOCK):
        end = min(begin + BLOCK, futures)
        _mill(g, luck, work, out, mark, begin, end)
        if len(g.plan):
            from koers.engine.mill_plans import share_out  # compiled, or loaded, only where there are initiatives

            share_out(g, luck.todo[:, begin:end], work.change, work.claims, out, begin)
    out.backlog[:], out.run_share[:], out.tripped[:], out.waiting[:] = np.swapaxes(work.marked, 0, 1)
