"""The compiled twin of the mornings in `capacity`: WIDTH futures side by side, day by day. Imported when needed.

`lanes` does the same with NumPy, where numba is missing. The order of every sum is that of `capacity`, so that all
agree to the last bits. A team's numbers lie in one buffer, row after row at fixed offsets: so the compiler can prove
that rows do not overlap, and takes several futures at a time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from koers.engine import lanes
from koers.engine.capacity import DUST, MEASURES, NEVER, POLICIES, Floats, Ints
from koers.engine.compiled import Compiled
from koers.engine.groups import WIDTH, Bools, Group, Records
from koers.engine.luck import ABSENCE_BYTE, Luck

ROWS = 14
LOST, RUN, CHANGE, IDLE, ARRIVED, BACKLOG, BEFORE, TRIPPED, WAITING, STANDING = (n * WIDTH for n in range(10))
PRESENT, SHARE, WEEK_RUN, WEEK_PRESENT = (n * WIDTH for n in range(10, ROWS))
TOLD = 6  # rows that days tell, and sums the first of: LOST to BACKLOG
KEPT = 5  # rows that go on from the evening to the next morning: BACKLOG to STANDING, as in `luck.Start`
RUN_FIRST, RING_FENCE, FIXED_SPLIT, BUFFER, THRESHOLD, ROTATION, FREEZE = range(len(POLICIES))
AGE = MEASURES.index("backlog_age")
BLOCK = 16 * WIDTH  # futures whose change work is noted for initiatives
ABSENT, BYTE = np.uint64(8 * ABSENCE_BYTE), np.uint64(0xFF)


class Work(NamedTuple):
    """All that the compiled mill reads and fills for a group, and no more: each array costs time to compile."""

    morning: Records  # from here on see Group
    team: Records
    presence: Records
    absence: Floats
    demand: Floats
    rail: Records
    goal: Records
    claim: Floats
    pace: Floats
    word: NDArray[np.uint64]  # from here on see Luck
    bin: NDArray[np.int32]
    scale: Floats
    size: Floats
    effort: Floats  # from here on see Out
    broken: Ints
    run: Floats
    present: Floats
    left: Floats
    sums: Floats
    days: Floats
    shares: Floats
    goal_days: Floats
    alarm: Bools  # of the first evening; in the end of the marked one
    evening: Floats  # (team, KEPT, replication) as alarm
    aged: Bools  # (team,) whether the age of what is left lying matters
    claims: Floats  # (team, day) of key results
    change: Floats  # (team, day, future) change work of a BLOCK, where there are initiatives to share it out to
    rows: Floats  # (team, row x future) scratch space, as all below
    came: Floats  # (team, day + 2, future) arrivals before each morning, all told; where ages matter
    alarms: Bools  # (guardrail, future)


def _work(g: Group, luck: Luck, out: Any) -> Work:  # noqa: ANN401
    """What there is for a group, in place, and room to work."""
    teams, days = g.presence.shape
    aged = g.team["failure_demand"] > 0
    aged[g.rail["team"][g.rail["measure"] == AGE]] = True
    claims = np.zeros((teams, days))
    np.add.at(claims, g.goal["team"], g.claim)
    out.alarm[:] = luck.start.broken
    given = g._asdict() | luck._asdict() | out._asdict()
    return Work(
        **{name: given[name] for name in Work._fields if name in given},
        evening=np.stack(luck.start[:KEPT], axis=1, dtype=np.float64, casting="unsafe"),
        aged=aged,
        claims=claims,
        change=np.zeros((teams if len(g.plan) else 0, days, BLOCK)),
        rows=np.zeros((teams, ROWS * WIDTH)),
        came=np.zeros((teams, days + 2 if aged.any() else 0, WIDTH)),
        alarms=np.zeros((len(g.rail), WIDTH), dtype=np.bool_),
    )


def _open(s: Floats, came: Floats, evening: Floats, first: int, n: int) -> None:
    """The evening before the first morning, (row, future). Future by future: that compiles to less."""
    for j in range(ROWS * WIDTH):
        s[j] = 0.0
    for j in range(n):
        for q in range(KEPT):
            s[BACKLOG + q * WIDTH + j] = evening[q, first + j]
    for j in range(n if len(came) > 0 else 0):
        came[1, j] = evening[0, first + j]


def _draw(s: Floats, word: Any, bins: Any, scale: Floats, table: Floats, weekday: int, factor: float) -> None:  # noqa: ANN401
    """ARRIVED, as drawn."""
    shift = np.uint64(8 * weekday)
    for j in range(len(word)):
        s[ARRIVED + j] = table[bins[j], np.int64((word[j] >> shift) & BYTE)] * scale[j] * factor


def _attend(s: Floats, word: Any, absence: Floats, there: float) -> None:  # noqa: ANN401
    """PRESENT."""
    for j in range(len(word)):
        s[PRESENT + j] = there * (1.0 - absence[np.int64(word[j] >> ABSENT)])


def _arrive(s: Floats, came: Floats, d: int, failure_demand: float, overdue_after: int, aged: bool) -> None:
    """BACKLOG grows, by more where work is left lying; `came` (day, future)."""
    if aged:
        back = d + 1 - overdue_after if d + 1 > overdue_after else 0
        for j in range(WIDTH):
            b = s[BACKLOG + j]
            old = b - (came[d + 1, j] - came[back, j])
            if failure_demand > 0.0 and b > DUST and old > DUST:
                s[ARRIVED + j] *= 1.0 + failure_demand * (old / b)
            came[d + 2, j] = came[d + 1, j] + s[ARRIVED + j]
    for j in range(WIDTH):
        s[BACKLOG + j] += s[ARRIVED + j]


def _load(backlog: float, standing: float, people: float) -> float:
    work = backlog + standing
    if people > 0.0:
        return work / people if work > 0.0 else 0.0
    return np.inf if work > DUST else 0.0


def _protect(s: Floats, now: Any, broken: Bools) -> None:  # noqa: ANN401
    """SHARE: what run work may not touch; `now` is PRESENCE, `broken` (guardrail, future)."""
    kind, keep, people = now["kind"], now["share"], now["people"]
    if kind == ROTATION:
        keep = 1.0 - now["duty"] / people if people > now["duty"] else 0.0
    if kind == RUN_FIRST:
        keep = 0.0
    for j in range(WIDTH):
        s[SHARE + j] = keep
    if kind == BUFFER:
        for j in range(WIDTH):
            trips = s[WAITING + j] > 0.0 and (s[TRIPPED + j] == kind or s[WAITING + j] >= now["days"])
            s[TRIPPED + j] = kind if trips else 0.0
            s[SHARE + j] = 0.0 if trips else keep
    elif kind == THRESHOLD:
        for j in range(WIDTH):
            load = _load(s[BACKLOG + j], s[STANDING + j], people)
            trips = load > now["upper"] or (s[TRIPPED + j] == kind and load >= now["lower"])
            s[TRIPPED + j] = kind if trips else 0.0
            s[SHARE + j] = 0.0 if trips else keep
    else:
        for j in range(WIDTH):
            s[TRIPPED + j] = 0.0
            if kind == FREEZE and broken[now["guardrail"], j]:
                s[SHARE + j] = 0.0


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


def _tell(s: Floats, sums: Floats, days: Floats, shares: Floats, t: int, d: int, first: int, n: int) -> None:
    """Write a team's morning down."""
    for q in range(sums.shape[3]):
        sums[t, first // WIDTH, d, q] = _sum(s[q * WIDTH : (q + 1) * WIDTH], n)
    if days.shape[1] > 0:
        for j in range(n):
            for q in range(TOLD):
                days[t, d, q, first + j] = s[q * WIDTH + j]
            shares[t, d, first + j] = s[SHARE + j]


def _tell_week(s: Floats, run: Floats, present: Floats, left: Floats, t: int, week: int, first: int, n: int) -> None:
    """Write a team's week down."""
    for j in range(n):
        run[t, week, first + j] = s[WEEK_RUN + j]
        present[t, week, first + j] = s[WEEK_PRESENT + j]
        work = s[BACKLOG + j] + s[STANDING + j]
        left[t, week, first + j] = work if work > 0.0 else 0.0
    for j in range(2 * WIDTH):
        s[WEEK_RUN + j] = 0.0


def _watch(s: Floats, came: Floats, rail: Any, people: float, d: int, alarm: Bools, broken: Ints) -> None:  # noqa: ANN401
    """Whether a guardrail is broken in the evening, and since when; (future,) each."""
    if rail["measure"] == AGE:
        back = d + 1 - np.int64(rail["upper"]) if d + 1 > rail["upper"] else 0
        for j in range(WIDTH):
            alarm[j] = s[BACKLOG + j] - (came[d + 2, j] - came[back, j]) > DUST
    else:
        for j in range(WIDTH):
            alarm[j] = _load(s[BACKLOG + j], s[STANDING + j], people) > rail["upper"]
    for j in range(len(broken)):
        broken[j] = d if alarm[j] and broken[j] == NEVER else broken[j]


def _by_weight(s: Floats, share: float, pace: float, effort: Floats) -> None:
    """A key result's share of a team's change work, at its pace; `effort` (future,)."""
    for j in range(len(effort)):
        effort[j] += pace * (s[CHANGE + j] * share)


@Compiled
def _mill(w: Work, mark: int, begin: int, end: int) -> None:  # noqa: C901 - calls cost compile time
    days = len(w.morning)
    for first in range(begin, end, WIDTH):
        n = WIDTH if end - first > WIDTH else end - first
        shown = w.run.shape[2] - first if w.run.shape[2] - first < n else n
        for t in range(len(w.team)):
            _open(w.rows[t], w.came[t], w.evening[t], first, n)
        for r in range(len(w.rail)):
            for j in range(n):
                w.alarms[r, j] = w.alarm[r, first + j]
        for d in range(days):
            week, weekday = w.morning[d]["week"], w.morning[d]["weekday"]
            last = d + 1 == days or w.morning[d + 1]["week"] != week
            for t in range(len(w.team)):
                s, now, team = w.rows[t], w.presence[t, d], w.team[t]
                word, there = w.word[t, week, first : first + n], now["people"] - now["away"]
                _attend(s, word, w.absence[t], there if there > 0.0 else 0.0)
                if now["given"] != now["given"]:  # NaN: not known
                    bins, scale = w.bin[t, week, first : first + n], w.scale[t, week, first : first + n]
                    _draw(s, word, bins, scale, w.demand[t, weekday], weekday, now["factor"])
                else:
                    for j in range(n):
                        s[ARRIVED + j] = now["given"] * w.size[t, first + j]
                _arrive(s, w.came[t], d, team["failure_demand"], team["overdue_after"], w.aged[t])
                _protect(s, now, w.alarms)
                _divide(s, team["switch_loss"], now["kind"] == FIXED_SPLIT)
                _tell(s, w.sums, w.days, w.shares, t, d, first, n)
                if last and shown > 0:
                    _tell_week(s, w.run, w.present, w.left, t, week, first, shown)
                if d == mark:
                    for j in range(n):
                        for q in range(KEPT):
                            w.evening[t, q, first + j] = s[BACKLOG + q * WIDTH + j]
                for j in range(n if len(w.change) > 0 else 0):
                    w.change[t, d, first - begin + j] = s[CHANGE + j]
                for k in range(len(w.goal) if len(w.change) == 0 else 0):
                    if w.goal[k]["team"] == t and w.claim[k, d] > 0.0:
                        share = w.claim[k, d] / w.claims[t, d]
                        if w.pace[k, d] != 0.0:
                            _by_weight(s, share, w.pace[k, d], w.effort[k, first : first + n])
                        if w.goal_days.shape[1] > 0:
                            _by_weight(s, share, 1.0, w.goal_days[k, d, first : first + n])
            for r in range(len(w.rail)):
                t = w.rail[r]["team"]
                people, broken = w.presence[t, d]["people"], w.broken[r, first : first + n]
                _watch(w.rows[t], w.came[t], w.rail[r], people, d, w.alarms[r], broken)
                if d == mark:
                    for j in range(n):
                        w.alarm[r, first + j] = w.alarms[r, j]


def mill(g: Group, luck: Luck, out: Any, mark: int) -> None:  # noqa: ANN401
    """Fill `out` (see `kernel.Out`) for the futures of `luck`."""
    if not len(g.morning):
        return
    work, futures = _work(g, luck, out), luck.word.shape[2]
    step = BLOCK if len(g.plan) else max(futures, 1)
    for begin in range(0, futures, step):
        end = min(begin + step, futures)
        try:
            _mill(work, mark, begin, end)
        except ImportError:  # numba is there and cannot be loaded
            lanes.mill(g, luck, out, mark)
            return
        if len(g.plan):
            from koers.engine.mill_plans import share_out  # compiled, or loaded, only where there are initiatives

            share_out(g, luck.todo[:, begin:end], work.change, work.claims, out, begin)
    out.backlog[:], out.run_share[:], out.tripped[:], out.waiting[:], _ = np.swapaxes(work.evening, 0, 1)
