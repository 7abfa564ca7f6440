"""What is to be expected of key results: their own record (`outlook`), and where capacity is declared the futures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from koers.engine.coupled import Coupled, couple, probabilities
from koers.engine.ends import Asked
from koers.engine.joint import Joint, joint
from koers.engine.learning import Learnt, learn
from koers.engine.outlook import outlook
from koers.engine.replay import Frames
from koers.engine.staffing import Staffing
from koers.engine.standing import under_way
from koers.events.model import CapacitySet

SAMPLES = 10_000
"""Futures that are drawn unless said otherwise."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """`seen`: an outlook with probability_se and lost_to_run_work; `joint` and `coupled` are None without capacity."""

    seen: pl.DataFrame
    joint: Joint | None
    coupled: Coupled | None


def prospect(
    frames: Frames,
    goals: pl.DataFrame,
    readings: pl.DataFrame,
    as_of: date,
    wanted: pl.DataFrame,
    learnt: Learnt | None = None,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Prospect:
    """What is expected at the end of `as_of` of the `wanted` goals.

    `frames` is a view as of then, `goals` and `readings` its projections, `learnt` what they teach (None: learnt
    where it is needed).
    """
    if learnt is None and not frames.of(CapacitySet).is_empty():
        learnt = learn(goals, readings, as_of)
    seen = outlook(goals, readings, as_of, wanted["key_result"], learnt).with_columns(
        probability_se=pl.lit(0.0), lost_to_run_work=pl.lit(None, dtype=pl.Float64)
    )
    coupled = couple(frames, goals, readings, as_of, learnt, samples=samples, seed=seed)
    if coupled is None:
        return Prospect(seen, None, None)
    found = joint(coupled, seen, _asked(wanted, seen))
    rows = found.rows.filter(pl.col("key_result").is_in(seen["key_result"].implode())).select(seen.columns)
    untouched = seen.join(rows, on="key_result", how="anti")
    return Prospect(pl.concat([untouched, rows]).sort("key_result"), found, coupled)


def chances(
    frames: Frames,
    goals: pl.DataFrame,
    readings: pl.DataFrame,
    as_of: date,
    learnt: Learnt | None = None,
    *,
    samples: int,
    seed: int,
    staff: Staffing | None = None,
) -> tuple[dict[str, float], Coupled | None]:
    """P(target met at due) of the goals under way, as `prospect` says it, and what it was drawn from.

    `staff` is what `staffing` made of `frames`, the rest as there.
    """
    if learnt is None and not frames.of(CapacitySet).is_empty():
        learnt = learn(goals, readings, as_of)
    seen = outlook(goals, readings, as_of, under_way(goals, as_of)["key_result"], learnt)
    found = dict(seen.select("key_result", "probability").iter_rows())
    coupled = couple(frames, goals, readings, as_of, learnt, samples=samples, seed=seed, staff=staff)
    if coupled is not None:
        moved = zip(coupled.goals["key_result"], probabilities(coupled).tolist(), strict=True)
        found |= {name: chance for name, chance in moved if name in found}
    return found, coupled


def _asked(wanted: pl.DataFrame, seen: pl.DataFrame) -> Asked:
    names = seen["key_result"].to_list()
    members = wanted.filter(pl.col("objective").is_not_null()).group_by("objective", maintain_order=True)
    return Asked(
        probability=dict(zip(names, seen["probability"], strict=True)),
        score=dict(zip(names, seen["expected_score"], strict=True)),
        weight=dict(wanted.select("key_result", "weight").iter_rows()),
        objectives={str(key[0]): tuple(group["key_result"]) for key, group in members},
    )
