"""Where key results stand, without a forecast: which are under way, how far, and how fresh that is."""

from __future__ import annotations

from datetime import date

import polars as pl

from koers.engine.grading import progress
from koers.engine.projections import goals, readings, running
from koers.engine.replay import Frames


def under_way(table: pl.DataFrame, as_of: date, cycle: str | None = None) -> pl.DataFrame:
    """The goals to speak of at the end of `as_of`: begun, not dropped, of a cycle not over; or those of `cycle`."""
    kept = table.filter(pl.col("dropped_on").is_null() | (pl.col("dropped_on") > as_of))
    if cycle is not None:
        return kept.filter(pl.col("cycle") == cycle)
    return kept.filter((pl.col("start") <= as_of) & (pl.max_horizontal("due", "cycle_end") >= as_of))


def is_stale(last_on: date | None, start: date, cadence: int, as_of: date) -> bool:
    """Whether the latest check-in (or the start, before any) is older than the cadence, in days."""
    return (as_of - max(last_on or start, start)).days > cadence


def standing(frames: Frames, as_of: date, cycle: str | None = None) -> pl.DataFrame:
    """Where the key results under way stand at the end of `as_of`.

    Columns: key_result, title, objective, team, owner, value, progress, last_on, check_in (its position), stale,
    warning (why it is really running the business, or null).
    """
    table, values = goals(frames), readings(frames)
    chosen = under_way(table, as_of, cycle)
    warned = running(frames, chosen, values)
    last = values.group_by("key_result", maintain_order=True).last()
    last = last.select("key_result", "value", last_on="effective_on", check_in="position")
    joined = chosen.join(last, on="key_result", how="left", maintain_order="left")
    going = (pl.col("due") > as_of) & pl.col("outcome_on").is_null() & (pl.col("start") <= as_of)
    stale = [
        is_stale(last_on, start, cadence, as_of)
        for last_on, start, cadence in joined.select("last_on", "start", "cadence").iter_rows()
    ]
    known = joined.iter_rows(named=True)
    reached = [None if goal["value"] is None else progress(goal, goal["value"]) for goal in known]
    joined = joined.with_columns(pl.Series("progress", reached, dtype=pl.Float64))
    return joined.select(
        *("key_result", "title", "objective", "team", "owner", "value", "progress", "last_on", "check_in"),
        stale=going & pl.Series(stale, dtype=pl.Boolean),
        warning=pl.Series([warned.get(name) for name in joined["key_result"]], dtype=pl.String),
    )
