"""What each key result's own record says of its end: one row per key result, all kinds.

Progress is x = (value - baseline) / (target - baseline) on the scale the goal was first set with; a target that moved
is another threshold on that scale. So a re-target changes what has to be reached, never what is believed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from koers.engine import kinds
from koers.engine.ahead import LEVELS, MIDDLE, look_ahead, passages, words
from koers.engine.blend import inside, quantiles
from koers.engine.grading import Days, Goal, days_inside, days_of, ending, endings, in_force, meets, over, progress
from koers.engine.learning import Learnt, learn
from koers.engine.local_trend import Floats
from koers.engine.trend import TRENDS

QUANTILES = tuple(f"q{round(100 * level):02d}" for level in LEVELS)
INSIDE = ("q10_inside", "q90_inside")
"""Of the probability of the very values q10 and q90, what lies inside the 80 % interval: see `blend.inside`."""
FLOOR, CEILING = 0.01, 0.99
"""No forecast is surer than this: a log knows nothing of what it has never seen."""
ASPIRATIONAL_COUNTS = 0.7
"""An aspirational key result counts as reached at this share of the way (Google re:Work)."""

Told = Callable[[Floats], Floats]
"""A probability with the owners' word: see `Owners.told`."""

SCHEMA = {
    "key_result": pl.String,
    "value": pl.Float64,
    "progress": pl.Float64,
    "check_ins": pl.Int64,
    "last_on": pl.Date,
    "rests_on": pl.String,
    "attained": pl.Boolean,
    "probability": pl.Float64,
    "probability_counts": pl.Float64,
    "mean": pl.Float64,
    "expected_score": pl.Float64,
    "reach_on": pl.Date,
} | dict.fromkeys((*QUANTILES, *INSIDE), pl.Float64)
"""Columns of an outlook. `attained` is null until the key result has ended; `progress` is towards the target now."""


def outlook(
    goals: pl.DataFrame, readings: pl.DataFrame, as_of: date, wanted: pl.Series, learnt: Learnt | None
) -> pl.DataFrame:
    """The outlook (see SCHEMA) at the end of `as_of` for the `wanted` key results.

    `goals` and `readings` (from `projections`) are what was known, `learnt` what `learn` made of them (None: it is
    asked here). Key results that have ended get their grade.
    """
    chosen = goals.filter(pl.col("key_result").is_in(wanted.implode()))
    ended = chosen.filter(over(as_of))
    going = chosen.join(ended, on="key_result", how="anti")
    on_trend = going.filter(pl.col("kind").is_in(TRENDS))
    by_rows = chosen.join(on_trend, on="key_result", how="anti")["key_result"]
    days = days_of(readings.filter(pl.col("key_result").is_in(by_rows.implode())))
    learnt = learnt or (learn(goals, readings, as_of) if going.height else Learnt())
    parts = [_trend(on_trend, readings, as_of, learnt)] if on_trend.height else []
    said = zip(
        by_rows, words(chosen.filter(pl.col("key_result").is_in(by_rows.implode())), readings, learnt), strict=True
    )
    told = {name: partial(learnt.owners.told, logits=logit) for name, logit in said}
    past = _tallies(goals, readings, as_of)
    rows = [_ended_row(goal, days) for goal in ended.iter_rows(named=True)]
    for goal in going.filter(~pl.col("kind").is_in(TRENDS)).iter_rows(named=True):
        row, name = _row(goal, days.get(goal["key_result"], [])), goal["key_result"]
        own = (
            _binary(goal, row, as_of, past, told[name])
            if goal["kind"] == "binary"
            else _control(goal, days.get(name, []), as_of, told[name])
        )
        rows.append(_clipped(row | {"attained": None} | own))
    parts.append(pl.DataFrame(rows, schema=SCHEMA, orient="row"))
    return pl.concat(parts).sort("key_result")


def _trend(going: pl.DataFrame, readings: pl.DataFrame, as_of: date, learnt: Learnt) -> pl.DataFrame:
    shares = np.array([counts_at(ambition) for ambition in going["ambition"]])
    ahead = look_ahead(going, readings, learnt, as_of, shares)
    mean, ends, held = ahead.values()
    seen = readings.group_by("key_result", maintain_order=True).agg(
        value=pl.col("value").last(), last_on=pl.col("effective_on").last(), check_ins=pl.len().cast(pl.Int64)
    )
    days = days_of(readings.filter(pl.col("key_result").is_in(going["key_result"].implode())))
    reached = [
        progress(goal, in_force(days.get(goal["key_result"], []), as_of)) for goal in going.iter_rows(named=True)
    ]
    return (
        going.select("key_result")
        .join(seen, on="key_result", how="left", maintain_order="left")
        .with_columns(
            pl.col("check_ins").fill_null(0),
            pl.Series("probability", np.clip(ahead.probability, FLOOR, CEILING)),
            pl.Series("probability_counts", np.clip(ahead.counts, FLOOR, CEILING)),
            pl.Series("mean", mean),
            pl.Series("expected_score", ahead.score),
            pl.Series("reach_on", passages(ahead, as_of), dtype=pl.Date),
            *(pl.Series(name, values) for name, values in zip(QUANTILES, ends, strict=True)),
            *(pl.Series(name, values) for name, values in zip(INSIDE, held, strict=True)),
            pl.Series("progress", reached, dtype=pl.Float64),
            attained=pl.lit(None, dtype=pl.Boolean),
        )
        .with_columns(rests_on=pl.col("check_ins").map_elements(rests_on, return_dtype=pl.String))
        .select(SCHEMA.keys())
    )


def _row(goal: Goal, days: list[tuple[date, float]], **known: Any) -> dict[str, Any]:  # noqa: ANN401
    value = days[-1][1] if days else None
    return {
        "key_result": goal["key_result"],
        "value": value,
        "progress": progress(goal, value),
        "check_ins": len(days),
        "last_on": days[-1][0] if days else None,
        "rests_on": rests_on(len(days)),
    } | known


def rests_on(check_ins: int) -> str:
    """What a forecast rests on, by the number of check-ins."""
    return "prior" if check_ins == 0 else "few check-ins" if check_ins < 3 else "trend"


def _ended_row(goal: Goal, every: Days) -> dict[str, Any]:
    days = every.get(goal["key_result"], [])
    value, attained = ending(goal, days)
    if goal["kind"] == "control":
        reached = None if value is None else value / goal["target"] if goal["target"] > 0 else 1.0
    else:
        reached = progress(goal, value)
    sure = CEILING if attained else FLOOR
    return _row(
        goal,
        days,
        value=value,
        progress=reached,
        rests_on="finished",
        attained=attained,
        probability=sure,
        probability_counts=CEILING if attained or _counts(goal, reached) else FLOOR,
        mean=value,
        expected_score=min(max(reached or 0.0, 0.0), 1.0),
        reach_on=None,
        **dict.fromkeys(QUANTILES, value),
    )


def _counts(goal: Goal, reached: float | None) -> bool:
    return reached is not None and reached >= counts_at(goal["ambition"])


def counts_at(ambition: str | None) -> float:
    """The share of the way at which a key result counts as reached."""
    return ASPIRATIONAL_COUNTS if ambition == "aspirational" else 1.0


def _tallies(goals: pl.DataFrame, readings: pl.DataFrame, as_of: date) -> dict[str | None, kinds.Tally]:
    """Of the binary key results that have ended: by team, and (None) of all."""
    of = goals.filter(pl.col("kind") == "binary")
    ended = endings(of, readings, as_of).join(of.select("key_result", "team"), on="key_result")
    by_team = ended.group_by("team").agg(pl.len(), pl.col("attained").sum()).iter_rows()
    return {None: kinds.Tally(ended.height, int(ended["attained"].sum()))} | {
        t: kinds.Tally(n, k) for t, n, k in by_team
    }


def _binary(
    goal: Goal, row: dict[str, Any], as_of: date, past: dict[str | None, kinds.Tally], told: Told
) -> dict[str, Any]:
    done = meets(goal, row["value"], goal["target"])
    remaining = (goal["due"] - as_of).days / max((goal["due"] - goal["start"]).days, 1)
    p = kinds.binary_probability(done, remaining, past[None], past.get(goal["team"], kinds.Tally()))
    return {"reach_on": row["last_on"] if done else None} | binary_numbers(goal, p if done else _with(told, p))


def _with(told: Told, p: float) -> float:
    """The probability with the owners' word, where there is one."""
    found = float(told(np.asarray(p)))
    return p if math.isnan(found) else found


def binary_numbers(goal: Goal, p: float) -> dict[str, float]:
    """What follows from the probability p that a binary key result is done at due: the ends, and what is expected."""
    low, high = sorted((goal["baseline"], goal["target"]))
    upper = p if goal["target"] > goal["baseline"] else 1.0 - p
    point, mass = np.array([low, high]), np.array([1.0 - upper, upper])
    return {
        "probability": p,
        "probability_counts": p,
        "mean": goal["baseline"] + p * (goal["target"] - goal["baseline"]),
        "expected_score": p,
        **_spread(point, mass),
    }


def _spread(point: Floats, mass: Floats) -> dict[str, float]:
    """Quantiles, and what is inside them at their ends, of ascending points (point,) and their probabilities."""
    found, held = quantiles(point[None], mass[None], LEVELS), inside(point[None], mass[None], *MIDDLE)
    names = (*QUANTILES, *INSIDE)
    return dict(zip(names, np.concatenate([found, held])[:, 0].tolist(), strict=True))


def _control(goal: Goal, own: list[tuple[date, float]], as_of: date, told: Told) -> dict[str, Any]:
    first = max(as_of, goal["start"] - timedelta(days=1))
    shares, mass = kinds.control_shares(days_inside(goal, own, as_of), (goal["due"] - first).days)
    enough = goal["target"] - 1e-12
    p = float(mass[shares >= enough].sum())
    if 0.0 < p < 1.0:  # the owners' word moves mass between meeting the target and not, as in `blend`
        mass = mass * np.where(shares >= enough, _with(told, p) / p, (1.0 - _with(told, p)) / (1.0 - p))
    numbers = {
        "probability": float(mass[shares >= enough].sum()),
        "probability_counts": float(mass[shares >= counts_at(goal["ambition"]) * enough].sum()),
        "mean": float(mass @ shares),
        "expected_score": min(float(mass @ np.where(shares < enough, shares / max(goal["target"], 1e-12), 1.0)), 1.0),
        "reach_on": None,
    }
    return numbers | _spread(shares, mass)


def _clipped(row: dict[str, Any]) -> dict[str, Any]:
    return row | {p: min(max(row[p], FLOOR), CEILING) for p in ("probability", "probability_counts")}
