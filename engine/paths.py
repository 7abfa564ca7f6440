"""Whole paths of key results, every daily draw included: the daily twin of the probabilities that `futures` gives.

They are drawn to be looked at, and to hold the faster way to. Arrays of futures are (key_result, replication).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from koers.engine import kernel
from koers.engine.capacity import NEVER, Floats, Organisation
from koers.engine.futures import Setting, elasticities, elasticity_of, own_scale, usual_effort
from koers.engine.groups import WIDTH
from koers.engine.luck import Start, sizes
from koers.engine.motion import Motion, streams

CHUNK = 512
"""Futures held at a time: the effort of each day is kept."""


class Paths(NamedTuple):
    """`end`: the reading at due, progress; `progress` (key_result, day, replication), without days unless kept."""

    end: Floats
    progress: Floats


def paths(
    setting: Setting, motion: Motion, seed: int, replications: range, start: Start, *, keep: bool = False
) -> Paths:
    """The paths of the futures `replications`, that begin at `start`; with `keep` also the days in between."""
    from koers.engine.walk import ROWS, walk

    org = setting.organisation
    goals, days = len(org.key_results.key), len(org.calendar.day)
    found = Paths(np.zeros((goals, len(replications))), np.zeros((goals, days if keep else 0, len(replications))))
    keys = streams(seed, org.key_results.key)
    scratch, base = np.zeros(ROWS * WIDTH), np.zeros(WIDTH, dtype=np.uint64)
    way, steps = org.key_results.pace.sum(axis=1), np.stack(motion.step, axis=-1)
    for low in range(0, len(replications), CHUNK):
        here = slice(low, min(low + CHUNK, len(replications)))
        some = replications[here]
        size = sizes(org, seed, some)
        began = Start._make(part[:, here] for part in start)
        run = kernel.run(org, seed, some, size=size, start=began, means=0, efforts=True)
        e, usual = elasticities(setting, seed, some), usual_effort(org, setting.usual, size)
        relative, kept = (
            elasticity_of(setting, e) / setting.typical[:, None],
            own_scale(setting, e) / setting.at_due.scale[:, None],
        )
        for k in np.flatnonzero(motion.on_trend).tolist():
            when = np.append(org.calendar.day, org.key_results.due[k]).astype(np.uint64)
            path = found.progress[k, :, here] if keep else np.zeros((0, len(some)))
            walk(
                keys[k], some.start, when, steps[k], motion.first[k], motion.sigma[k],
                np.array([motion.level[k], motion.slope[k], motion.drift, motion.reading]),
                kept[k], run.goal_days[k], org.key_results.pace[k], relative[k], usual[k], _beyond(org, run, k, way[k]),
                scratch, base, found.end[k, here], path,
            )  # fmt: skip
    return found


def _beyond(org: Organisation, run: kernel.Futures, k: int, way: float) -> Floats:
    """(day, replication) progress that initiatives finished so far bring by due beyond what was expected anyway."""
    plan, days = org.initiatives, np.arange(len(org.calendar.day))
    landed = np.zeros((len(days), run.effort.shape[1]))
    for i in np.flatnonzero(plan.key_result == k):
        done = run.finished[i]
        shows = org.calendar.day[np.maximum(done, 0)] + plan.lag[i] <= org.key_results.due[k] if len(days) else done < 0
        landed += plan.impact[i] * ((done != NEVER) & shows & (done <= days[:, None]))
    return np.maximum(landed - way, 0.0)
