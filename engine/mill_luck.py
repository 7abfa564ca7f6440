"""The compiled twin of `luck.fill`: WIDTH futures side by side, week by week. Imported when needed."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from koers.engine import draws, luck
from koers.engine.capacity import Floats
from koers.engine.compiled import Compiled
from koers.engine.draws import stream
from koers.engine.groups import WIDTH
from koers.engine.luck import Source, Weeks, Words

FUTURE, MOMENT, FIRST, SECOND = map(np.uint64, (draws.FUTURE, draws.MOMENT, draws.FIRST, draws.SECOND))
S30, S27, S31 = map(np.uint64, (30, 27, 31))
FOUR, STEP_BITS, STEP = draws.FOUR, draws.STEP_BITS, np.uint64((1 << draws.STEP_BITS) - 1)
DEMAND, LEVEL, BITS = (n * WIDTH for n in range(3))  # rows of the words of a block of futures


def mixed(z: Any) -> Any:  # noqa: ANN401
    """The finalizer of SplitMix64: see `draws`."""
    z = (z ^ (z >> S30)) * FIRST
    z = (z ^ (z >> S27)) * SECOND
    return z ^ (z >> S31)


class Work(NamedTuple):
    """What the weeks of a team are drawn from, and where they go."""

    keys: Words  # of its streams: demand, level
    shared: Words  # (week, replication) see `luck.Common`
    mask: Words
    off: Floats  # (replication,) of its log rate
    steps: Floats  # see `draws.steps`
    word: Words  # (week, replication) from here on see `luck.Weeks`
    bin: NDArray[np.int32]
    scale: Floats
    s: Words  # (row x future,) of a block
    before: Floats  # (future,) the level of the week next to this one


def _week(w: Work, n: int, week: int, low: int, end: int, fresh: bool, own: Any, cells: Any) -> None:  # noqa: ANN401
    """The week in row `n` of a block of futures; `before` is the one next to it that comes earlier, and then this."""
    shared, mask, off = w.shared[n, low:end], w.mask[n, low:end], w.off[low:end]
    word, bins, scale, s, before = w.word[n, low:end], w.bin[n, low:end], w.scale[n, low:end], w.s, w.before
    when, four = np.uint64(week) * MOMENT, np.uint64(week // FOUR) * MOMENT
    for j in range(len(word)):
        z = mixed(s[DEMAND + j] + when)
        word[j] = z ^ ((z ^ shared[j]) & mask[j])
    for j in range(WIDTH if fresh else 0):
        s[BITS + j] = mixed(s[LEVEL + j] + four)
    shift = np.uint64(STEP_BITS * (week % FOUR))
    for j in range(len(word)):
        scale[j] = w.steps[np.int64((s[BITS + j] >> shift) & STEP)]
    mean, sd, keep = own
    least, wide, per_bin, last = cells
    for j in range(len(word)):
        level = mean + sd * scale[j] + keep * before[j]
        before[j] = level
        level += off[j]
        cell = math.floor((level - least) * per_bin)
        cell = cell if cell > 0.0 else 0.0
        cell = cell if cell < last else last
        bins[j] = cell
        scale[j] = level - ((cell + 0.5) * wide + least)


@Compiled
def _fill(w: Work, first: int, monday: int, now: int, numbers: Floats) -> None:
    """Forwards from the week `now`, then backwards from it; `monday` names the first week."""
    weeks, mean, sd, shake, keep = len(w.word), numbers[0], numbers[1], numbers[2], numbers[3]
    cells = numbers[4], numbers[5], 1.0 / numbers[5], numbers[6]
    for low in range(0, len(w.off), WIDTH):
        end = low + WIDTH if low + WIDTH < len(w.off) else len(w.off)
        for j in range(WIDTH):
            future = np.uint64(first + low + j) * FUTURE
            w.s[DEMAND + j], w.s[LEVEL + j] = mixed(w.keys[0] + future), mixed(w.keys[1] + future)
        for step in range(weeks + 1 if now > 0 else weeks):
            n = now + step if now + step < weeks else weeks - step
            fresh = n == now or (monday + n) % FOUR == (0 if n > now else FOUR - 1)
            _week(w, n, monday + n, low, end, fresh, (mean, sd, 0.0) if n == now else (0.0, shake, keep), cells)


def fill(source: Source, t: int, into: Weeks) -> None:
    """As `luck.fill`, bit by bit."""
    org, seed, r, when, rate, common = source
    teams, key = org.teams, org.teams.key[t]
    by_team = (teams.level_mean, teams.level_sd, teams.level_shake, teams.level_keep)
    numbers = [*(part[t] for part in by_team), teams.level_low, teams.level_step, teams.demand.shape[2] - 1]
    work = Work(
        keys=np.array([stream(seed, purpose, key) for purpose in ("demand", "level")], dtype=np.uint64),
        shared=common.word,
        mask=common.mask,
        off=teams.rate_sd[t] * rate[t],
        steps=draws.steps(),
        s=np.empty(3 * WIDTH, dtype=np.uint64),
        before=np.zeros(WIDTH),
        **into._asdict(),
    )
    try:
        _fill(work, int(r[0]), int(when[0, 0]), org.calendar.now, np.array(numbers, dtype=np.float64))
        np.exp(into.scale, out=into.scale)
    except ImportError:  # numba is there and cannot be loaded
        luck.fill(source, t, into)
