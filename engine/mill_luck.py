"""The compiled twin of `luck.fill`: WIDTH futures side by side, week by week. Imported when needed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from koers.engine import draws
from koers.engine.capacity import Floats, Ints, Organisation
from koers.engine.compiled import part, whole
from koers.engine.draws import normals, steps, stream
from koers.engine.groups import WIDTH
from koers.engine.luck import Common, Words

FUTURE, MOMENT, FIRST, SECOND = map(np.uint64, (draws.FUTURE, draws.MOMENT, draws.FIRST, draws.SECOND))
S30, S27, S31 = map(np.uint64, (30, 27, 31))
FOUR, STEP_BITS, STEP = draws.FOUR, draws.STEP_BITS, np.uint64((1 << draws.STEP_BITS) - 1)
DEMAND, LEVEL, BITS = (n * WIDTH for n in range(3))  # rows of the words of a block of futures


@part
def mixed(z: Any) -> Any:  # noqa: ANN401
    """The finalizer of SplitMix64: see `draws`."""
    z = (z ^ (z >> S30)) * FIRST
    z = (z ^ (z >> S27)) * SECOND
    return z ^ (z >> S31)


@part
def _week(
    week: int,
    fresh: bool,
    own: tuple[float, float, float],
    cells: tuple[float, float, float, float],
    shared: Any,  # noqa: ANN401
    mask: Any,  # noqa: ANN401
    off: Floats,
    steps: Floats,
    s: Any,  # noqa: ANN401
    before: Floats,
    word: Any,  # noqa: ANN401
    bins: Any,  # noqa: ANN401
    scale: Floats,
) -> None:
    """One week of a block of futures; `before` is the week next to it, nearer to the first, and then this."""
    when, four = np.uint64(week) * MOMENT, np.uint64(week // FOUR) * MOMENT
    for j in range(len(word)):
        z = mixed(s[DEMAND + j] + when)
        word[j] = z ^ ((z ^ shared[j]) & mask[j])
    for j in range(WIDTH if fresh else 0):
        s[BITS + j] = mixed(s[LEVEL + j] + four)
    shift = np.uint64(STEP_BITS * (week % FOUR))
    for j in range(len(word)):
        scale[j] = steps[np.int64((s[BITS + j] >> shift) & STEP)]
    mean, sd, keep = own
    low, wide, per_bin, last = cells
    for j in range(len(word)):
        level = mean + sd * scale[j] + keep * before[j]
        before[j] = level
        level += off[j]
        cell = math.floor((level - low) * per_bin)
        cell = cell if cell > 0.0 else 0.0
        cell = cell if cell < last else last
        bins[j] = cell
        scale[j] = level - ((cell + 0.5) * wide + low)


@whole
def _fill(
    keys: Any,  # noqa: ANN401
    first: int,
    monday: int,
    now: int,
    numbers: Floats,
    shared: Any,  # noqa: ANN401
    mask: Any,  # noqa: ANN401
    off: Floats,
    steps: Floats,
    s: Any,  # noqa: ANN401
    before: Floats,
    word: Any,  # noqa: ANN401
    bins: Any,  # noqa: ANN401
    scale: Floats,
) -> None:
    """Forwards from the week `now`, then backwards from it; `monday` names the first week."""
    weeks, mean, sd, shake, keep = len(word), numbers[0], numbers[1], numbers[2], numbers[3]
    cells = numbers[4], numbers[5], 1.0 / numbers[5], numbers[6]
    for low in range(0, len(off), WIDTH):
        end = low + WIDTH if low + WIDTH < len(off) else len(off)
        for j in range(WIDTH):
            future = np.uint64(first + low + j) * FUTURE
            s[DEMAND + j], s[LEVEL + j] = mixed(keys[0] + future), mixed(keys[1] + future)
        for n in range(weeks + 1 if now > 0 else weeks):
            w = now + n if now + n < weeks else weeks - n
            fresh = w == now or (monday + w) % FOUR == (0 if w > now else FOUR - 1)
            own = (mean, sd, 0.0) if w == now else (0.0, shake, keep)
            _week(
                monday + w, fresh, own, cells, shared[w, low:end], mask[w, low:end], off[low:end], steps, s, before,
                word[w, low:end], bins[w, low:end], scale[w, low:end],
            )  # fmt: skip


def fill(
    org: Organisation,
    t: int,
    seed: int,
    r: Ints,
    when: Ints,
    shared: Common,
    word: Words,
    bins: NDArray[np.int32],
    scale: Floats,
) -> None:
    """As `luck.fill`, bit by bit."""
    teams, key = org.teams, org.teams.key[t]
    by_team = (teams.level_mean, teams.level_sd, teams.level_shake, teams.level_keep)
    numbers = [*(part[t] for part in by_team), teams.level_low, teams.level_step, teams.demand.shape[2] - 1]
    keys = np.array([stream(seed, purpose, key) for purpose in ("demand", "level")], dtype=np.uint64)
    off = teams.rate_sd[t] * normals(stream(seed, "rate", key), r, 0)
    _fill(
        keys, int(r[0]), int(when[0, 0]), org.calendar.now, np.array(numbers, dtype=np.float64),
        shared.word, shared.mask, off, steps(), np.empty(3 * WIDTH, dtype=np.uint64), np.zeros(WIDTH),
        word, bins, scale,
    )  # fmt: skip
    np.exp(scale, out=scale)
