"""Reached or not: the value in force at the due date against the target; an outcome recorded overrides it.

Crossing the target and falling back is not reached. A control key result is graded on the share of days inside its
limits.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Goal = dict[str, Any]
"""A row of `projections.goals`."""
Days = dict[str, list[tuple[date, float]]]
"""Per key result its readings, oldest first: (day, value)."""


def days_of(readings: pl.DataFrame) -> Days:
    """Readings per key result as plain lists."""
    found: Days = {}
    for key_result, day, value in readings.select("key_result", "effective_on", "value").iter_rows():
        found.setdefault(key_result, []).append((day, value))
    return found


def in_force(days: list[tuple[date, float]], day: date) -> float | None:
    """The value in force at the end of `day`: the latest reading up to it."""
    return next((value for when, value in reversed(days) if when <= day), None)


def is_inside(goal: Goal, value: float) -> bool:
    """Whether a value of a control key result keeps its limits (both included)."""
    lower, upper = goal["lower"], goal["upper"]
    return (lower is None or value >= lower) and (upper is None or value <= upper)


def days_inside(goal: Goal, days: list[tuple[date, float]], until: date) -> NDArray[np.bool_]:
    """Day by day from the start up to `until` (or due): inside or not, from the first day with a value in force."""
    last = min(until, goal["due"])
    inside = []
    readings = iter(days)
    coming = next(readings, None)
    value = None
    for offset in range((last - goal["start"]).days + 1):
        day = goal["start"] + timedelta(days=offset)
        while coming is not None and coming[0] <= day:
            value, coming = coming[1], next(readings, None)
        if value is not None:
            inside.append(is_inside(goal, value))
    return np.array(inside, dtype=np.bool_)


def final_value(goal: Goal, days: list[tuple[date, float]], due: date) -> float | None:
    """What is graded at `due`: the value in force; for a control kind, the share of days inside."""
    if goal["kind"] != "control":
        return in_force(days, due)
    inside = days_inside(goal | {"due": due}, days, due)
    return float(inside.mean()) if len(inside) else None


def meets(goal: Goal, value: float | None, target: float) -> bool:
    """Whether a graded value (see `final_value`) meets `target`."""
    if value is None:
        return False
    return value <= target if goal["direction"] == "decrease" else value >= target


def progress(goal: Goal, value: float | None) -> float | None:
    """Progress towards the target in force: 0 at baseline, 1 at target; for a control kind 1 inside, 0 outside.

    Where a re-target left no way to go (onto the baseline or to its other side), 1 or 0: whether it is met.
    """
    if goal["kind"] == "control":
        return None if value is None else float(is_inside(goal, value))
    if value is None:
        return 0.0
    base, target = goal["baseline"], goal["target"]
    if meets(goal, base, target):
        return float(meets(goal, value, target))
    return float((value - base) / (target - base))


def ending(goal: Goal, days: list[tuple[date, float]]) -> tuple[float | None, bool]:
    """How a key result that is over ended: the value graded, and whether the target in force was reached.

    Dropped before due is not reached, unless an outcome says otherwise.
    """
    value = goal["outcome_value"] if goal["outcome_on"] is not None else final_value(goal, days, goal["due"])
    said = goal["outcome_attained"]
    if said is not None:
        return value, bool(said)
    return value, not given_up(goal, goal["due"]) and meets(goal, value, goal["target"])


def given_up(goal: Goal, due: date) -> bool:
    """Whether a key result was dropped before `due` and no outcome says how it ended."""
    return goal["outcome_on"] is None and goal["dropped_on"] is not None and goal["dropped_on"] < due


def over(as_of: date) -> pl.Expr:
    """Which rows of `projections.goals` have ended by the end of `as_of`: due, or with an outcome."""
    return (pl.col("due") <= as_of) | pl.col("outcome_on").is_not_null()


def endings(goals: pl.DataFrame, readings: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """`ending` of every goal that is over by the end of `as_of`: key_result, kind, value, attained."""
    past = goals.filter(over(as_of))
    last = (
        readings.join(past.select("key_result", "due"), on="key_result")
        .filter(pl.col("effective_on") <= pl.col("due"))
        .group_by("key_result")
        .agg(pl.col("value").sort_by("effective_on").last())
    )
    value = pl.when(pl.col("outcome_on").is_null()).then(pl.col("value")).otherwise(pl.col("outcome_value"))
    meets_it = (
        pl.when(pl.col("direction") == "decrease").then(value <= pl.col("target")).otherwise(value >= pl.col("target"))
    )
    dropped = pl.col("outcome_on").is_null() & (pl.col("dropped_on") < pl.col("due")).fill_null(value=False)
    found = past.join(last, on="key_result", how="left").select(
        "key_result",
        "kind",
        value=value,
        attained=pl.coalesce("outcome_attained", meets_it.fill_null(value=False) & ~dropped),
    )
    control = past.filter(pl.col("kind") == "control")
    if control.is_empty():
        return found.sort("key_result")
    days = days_of(readings.filter(pl.col("key_result").is_in(control["key_result"].implode())))
    held = [
        (g["key_result"], g["kind"], *ending(g, days.get(g["key_result"], []))) for g in control.iter_rows(named=True)
    ]
    return pl.concat(
        [found.filter(pl.col("kind") != "control"), pl.DataFrame(held, schema=found.schema, orient="row")]
    ).sort("key_result")
