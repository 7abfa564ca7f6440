"""Where key results stand, without a forecast: which are under way, how far, and how fresh that is."""

from __future__ import annotations

from datetime import date

import polars as pl

from koers.engine.projections import goals, readings, running
from koers.engine.replay import Frames


def under_way(table: pl.DataFrame, as_of: date, cycle: str | None = None) -> pl.DataFrame:
    """The goals to speak of at the end of `as_of`: begun, not dropped, of a cycle not over; or those of `cycle`."""
    kept = table.filter(pl.col("dropped_on").is_null() | (pl.col("dropped_on") > as_of))
    if cycle is not None:
        return kept.filter(pl.col("cycle") == cycle)
    return kept.filter((pl.col("start") <= as_of) & (pl.max_horizontal("due", "cycle_end") >= as_of))


def progress(table: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
    """Readings with `progress` towards the target in force: 0 at baseline, 1 at target; control kinds 1 inside, else 0.

    `table` and `values` come from `projections.goals` and `projections.readings`.
    """
    value = pl.col("value")
    inside = (value >= pl.col("lower").fill_null(value)) & (value <= pl.col("upper").fill_null(value))
    way = pl.col("target") - pl.col("baseline")
    moved = pl.when(way == 0).then(1.0).otherwise((value - pl.col("baseline")) / way)
    scale = table.select("key_result", "kind", "baseline", "target", "lower", "upper")
    return values.join(scale, on="key_result", maintain_order="left").select(
        *values.columns,
        progress=pl.when(pl.col("kind") == "control").then(inside.cast(pl.Float64)).otherwise(moved),
    )


def is_stale(last_on: date | None, start: date, cadence: int, as_of: date) -> bool:
    """Whether the latest check-in (or the start, before any) is older than the cadence, in days."""
    return (as_of - max(last_on or start, start)).days > cadence


def standing(frames: Frames, as_of: date, cycle: str | None = None) -> pl.DataFrame:
    """Where the key results under way stand at the end of `as_of`.

    Columns: key_result, title, objective, team, owner, value, progress, last_on, check_in (the event's id), stale,
    warning (why it is really running the business, or null).
    """
    table, values = goals(frames), readings(frames)
    chosen = under_way(table, as_of, cycle)
    warned = running(frames, chosen, values)
    last = (
        progress(table, values)
        .group_by("key_result", maintain_order=True)
        .last()
        .select("key_result", "value", "progress", last_on="effective_on", check_in="id")
    )
    joined = chosen.join(last, on="key_result", how="left", maintain_order="left")
    going = (pl.col("due") > as_of) & pl.col("outcome_on").is_null() & (pl.col("start") <= as_of)
    stale = [
        is_stale(last_on, start, cadence, as_of)
        for last_on, start, cadence in joined.select("last_on", "start", "cadence").iter_rows()
    ]
    return joined.select(
        *("key_result", "title", "objective", "team", "owner", "value", "progress", "last_on", "check_in"),
        stale=going & pl.Series(stale, dtype=pl.Boolean),
        warning=pl.Series([warned.get(name) for name in joined["key_result"]], dtype=pl.String),
    )
