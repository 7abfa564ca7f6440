"""What each key result's own record says of its end: one row per key result, all kinds.

Progress is x = (value - baseline) / (target - baseline) on the scale the goal was first set with; a target that moved
is another threshold on that scale. So a re-target changes what has to be reached, never what is believed.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from koers.engine import kinds, pace, trend
from koers.engine.grading import Days, Goal, days_inside, days_of, ending, endings, in_force, meets, over, progress

LEVELS = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)
QUANTILES = tuple(f"q{round(100 * level):02d}" for level in LEVELS)
FLOOR, CEILING = 0.01, 0.99
"""No forecast is surer than this: a log knows nothing of what it has never seen."""
ASPIRATIONAL_COUNTS = 0.7
"""An aspirational key result counts as reached at this share of the way (Google re:Work)."""

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
} | dict.fromkeys(QUANTILES, pl.Float64)
"""Columns of an outlook. `attained` is null until the key result has ended; `progress` is towards the target now."""

TRENDS = ("metric", "milestone")


def learn(goals: pl.DataFrame, readings: pl.DataFrame, as_of: date) -> pace.Hyper:
    """What all trends known at the end of `as_of` share."""
    begun = goals.filter(pl.col("kind").is_in(TRENDS) & (pl.col("start") <= as_of))
    return pace.fit(trend.to_readings(_latest(begun), readings))


def outlook(
    goals: pl.DataFrame, readings: pl.DataFrame, as_of: date, wanted: pl.Series, hyper: pace.Hyper | None
) -> pl.DataFrame:
    """The outlook (see SCHEMA) at the end of `as_of` for the `wanted` key results.

    `goals` and `readings` (from `projections`) are what was known, `hyper` what `learn` made of them (None: it is
    asked where a trend needs it). Key results that have ended get their grade.
    """
    chosen = goals.filter(pl.col("key_result").is_in(wanted.implode()))
    ended = chosen.filter(over(as_of))
    going = chosen.join(ended, on="key_result", how="anti")
    on_trend = going.filter(pl.col("kind").is_in(TRENDS))
    by_rows = chosen.join(on_trend, on="key_result", how="anti")["key_result"]
    days = days_of(readings.filter(pl.col("key_result").is_in(by_rows.implode())))
    parts = []
    if on_trend.height:
        parts = [_trend(on_trend, readings, as_of, hyper or learn(goals, readings, as_of))]
    rows = [_ended_row(goal, days) for goal in ended.iter_rows(named=True)]
    ends = endings(goals.filter(pl.col("kind") == "binary"), readings, as_of)["attained"]
    rows += [_binary_row(g, days, as_of, ends) for g in going.filter(pl.col("kind") == "binary").iter_rows(named=True)]
    rows += [_control_row(g, days, as_of) for g in going.filter(pl.col("kind") == "control").iter_rows(named=True)]
    parts.append(pl.DataFrame(rows, schema=SCHEMA, orient="row"))
    return pl.concat(parts).sort("key_result")


def _trend(going: pl.DataFrame, readings: pl.DataFrame, as_of: date, hyper: pace.Hyper) -> pl.DataFrame:
    ahead, passages = trend.look_ahead(going, readings, hyper, as_of)
    seen = readings.group_by("key_result", maintain_order=True).agg(
        value=pl.col("value").last(), last_on=pl.col("effective_on").last(), check_ins=pl.len().cast(pl.Int64)
    )
    counts = np.array([counts_at(ambition) for ambition in going["ambition"]])
    days = days_of(readings.filter(pl.col("key_result").is_in(going["key_result"].implode())))
    reached = [
        progress(goal, in_force(days.get(goal["key_result"], []), as_of)) for goal in going.iter_rows(named=True)
    ]
    return (
        going.select("key_result")
        .join(seen, on="key_result", how="left", maintain_order="left")
        .with_columns(
            pl.col("check_ins").fill_null(0),
            pl.Series("probability", np.clip(ahead.probability(), FLOOR, CEILING)),
            pl.Series("probability_counts", np.clip(ahead.probability(counts), FLOOR, CEILING)),
            pl.Series("mean", ahead.mean()),
            pl.Series("expected_score", ahead.expected_score()),
            pl.Series("reach_on", passages, dtype=pl.Date),
            *(pl.Series(name, ahead.quantile(level)) for name, level in zip(QUANTILES, LEVELS, strict=True)),
            pl.Series("progress", reached, dtype=pl.Float64),
            attained=pl.lit(None, dtype=pl.Boolean),
        )
        .with_columns(rests_on=pl.col("check_ins").map_elements(rests_on, return_dtype=pl.String))
        .select(SCHEMA.keys())
    )


def _latest(begun: pl.DataFrame) -> pl.DataFrame:
    """The goals begun last, as many as teach the trend; all that begun on the same day as the first of them."""
    if begun.height <= pace.LEARNERS:
        return begun
    since = begun["start"].sort(descending=True)[pace.LEARNERS - 1]
    return begun.filter(pl.col("start") >= since)


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


def _binary_row(goal: Goal, every: Days, as_of: date, past: pl.Series) -> dict[str, Any]:
    """`past`: whether each binary key result known to have ended was reached."""
    days = every.get(goal["key_result"], [])
    row = _row(goal, days)
    life = max((goal["due"] - goal["start"]).days, 1)
    done = meets(goal, row["value"], goal["target"])
    p = kinds.binary_probability(done, (goal["due"] - as_of).days / life, len(past), int(past.sum()))
    row |= {"reach_on": days[-1][0] if done else None, "attained": None}
    return _clipped(row | binary_numbers(goal, p))


def binary_numbers(goal: Goal, p: float) -> dict[str, float]:
    """What follows from the probability p that a binary key result is done at due: the ends, and what is expected."""
    low, high = sorted((goal["baseline"], goal["target"]))
    upper = p if goal["target"] > goal["baseline"] else 1.0 - p
    ends = [high if upper > 1.0 - level else low for level in LEVELS]
    return {
        "probability": p,
        "probability_counts": p,
        "mean": goal["baseline"] + p * (goal["target"] - goal["baseline"]),
        "expected_score": p,
        **dict(zip(QUANTILES, ends, strict=True)),
    }


def _control_row(goal: Goal, every: Days, as_of: date) -> dict[str, Any]:
    days = every.get(goal["key_result"], [])
    first = max(as_of, goal["start"] - timedelta(days=1))
    shares, mass = kinds.control_shares(days_inside(goal, days, as_of), (goal["due"] - first).days)
    below = np.cumsum(mass)
    at = shares[np.minimum(np.searchsorted(below, LEVELS), len(shares) - 1)].tolist()
    enough = goal["target"] - 1e-12
    row = _row(goal, days) | {
        "attained": None,
        "probability": float(mass[shares >= enough].sum()),
        "probability_counts": float(mass[shares >= counts_at(goal["ambition"]) * enough].sum()),
        "mean": float(mass @ shares),
        "expected_score": min(float(mass @ np.where(shares < enough, shares / max(goal["target"], 1e-12), 1.0)), 1.0),
        "reach_on": None,
    }
    return _clipped(row | dict(zip(QUANTILES, at, strict=True)))


def _clipped(row: dict[str, Any]) -> dict[str, Any]:
    return row | {p: min(max(row[p], FLOOR), CEILING) for p in ("probability", "probability_counts")}
