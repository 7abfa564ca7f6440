"""Run work, change work and the people for it, from replayed frames: of each fact, the latest version known.

A fact is what its table names it by (a team and the day it holds from, an item, a KPI and its day); said anew, the
version recorded last holds, by position where two were recorded at one time. What was recorded too late to be known,
or retracted, is not in the frames (see `replay`): it uncovers the version before.
"""

from __future__ import annotations

import polars as pl

from koers.engine.projections import RECORDING, last_of_day
from koers.engine.replay import Frames
from koers.events.model import (
    AbsencePlanned,
    CapacityMoved,
    CapacitySet,
    EffortLogged,
    GuardrailSet,
    InitiativeDropped,
    InitiativeEstimated,
    InitiativeFinished,
    InitiativePlanned,
    InitiativeStarted,
    KpiDefined,
    KpiObserved,
    Payload,
    PolicySet,
    RunWorkArrived,
    RunWorkDone,
)

ESTIMATE = ("low", "mode", "high")


def capacity(frames: Frames) -> pl.DataFrame:
    """People (full-time equivalents) of a team from a day on: team, since, people; one row per team and day."""
    return _by_day(frames, CapacitySet, "team", "since", "people")


def absences(frames: Frames) -> pl.DataFrame:
    """Person-days a team will miss in since..until, both included: team, since, until, days.

    One row per team, first and last day; of an absence called off days is 0.
    """
    versions = frames.of(AbsencePlanned).rename({"name": "team", "effective_on": "since"})
    return _last(versions, "team", "since", "until").select("team", "since", "until", "days")


def policies(frames: Frames) -> pl.DataFrame:
    """How a team divides its mornings from a day on: team, since, policy, parameters (JSON text, null if none)."""
    return _by_day(frames, PolicySet, "team", "since", "policy", "parameters").with_columns(
        pl.col("parameters").replace("{}", None)
    )


def moves(frames: Frames) -> pl.DataFrame:
    """People moved to run or change work: team, since, people, to, to_team (null: within the team).

    Every move stands on its own, in order of day and recording: it is taken back by a retraction only.
    """
    columns = pl.col("name").alias("team"), pl.col("effective_on").alias("since"), "people", "to", "to_team"
    return frames.of(CapacityMoved).sort("name", "effective_on", *RECORDING).select(columns)


def effort(frames: Frames) -> pl.DataFrame:
    """Person-days spent in the week from week_start: team, week_start, run_days, change_days; one row each."""
    return _by_day(frames, EffortLogged, "team", "week_start", "run_days", "change_days")


def run_work(frames: Frames) -> pl.DataFrame:
    """Items of run work: item, team, opened, closed (null while open), effort_days (null if unknown).

    The effort (person-days) told with the closing wins over that told on arrival. A closing without an arrival is
    of no team, so it is not here.
    """
    columns = ("name", "effective_on", "effort_days", *RECORDING)
    arrived = _last(frames.of(RunWorkArrived).select("team", *columns), "name")
    done = _last(frames.of(RunWorkDone).select(columns), "name")
    done = done.select("name", of="name", closed="effective_on", took="effort_days")
    its = pl.col("of") == pl.col("name")
    # both are sorted: this walks them side by side, in half the memory of a hash table of the names
    return arrived.join_asof(done, on="name").select(
        pl.col("name").alias("item"),
        "team",
        pl.col("effective_on").alias("opened"),
        pl.when(its).then("closed").alias("closed"),
        pl.coalesce(pl.when(its).then("took"), "effort_days").alias("effort_days"),
    )


def initiatives(frames: Frames) -> pl.DataFrame:
    """Initiatives as last planned, with their latest estimate and what became of them; one row each, by name.

    Columns: initiative, title, team, key_result; low, mode, high (person-days, of the estimate recorded last,
    whether with a plan or alone); impact (in the key result's unit), lag (days), depends_on (list of names), start;
    planned_on (day of the first plan known), estimated_on (day of that estimate), started_on, finished_on, dropped_on
    (null where it did not happen). The days may lie after the as-of day: plans are known before they hold.
    """
    plans = frames.of(InitiativePlanned)
    columns = ("name", "effective_on", *RECORDING, *ESTIMATE)
    estimates = _last(pl.concat([plans.select(columns), frames.of(InitiativeEstimated).select(columns)]), "name")
    first = plans.sort(RECORDING).unique("name", keep="first").select("name", planned_on="effective_on")
    table = (
        _last(plans, "name")
        .select("name", "title", "team", "key_result", "impact", "lag", "depends_on", "start")
        .join(estimates.select("name", *ESTIMATE, estimated_on="effective_on"), on="name", how="left")
        .join(first, on="name", how="left")
        .with_columns(pl.col("depends_on").fill_null(pl.lit([], dtype=pl.List(pl.String))))
    )
    for column, payload in _STEPS.items():
        step = _last(frames.of(payload), "name").select("name", pl.col("effective_on").alias(column))
        table = table.join(step, on="name", how="left")
    return table.rename({"name": "initiative"}).select(_INITIATIVE).sort("initiative")


_STEPS: dict[str, type[Payload]] = {
    "started_on": InitiativeStarted,
    "finished_on": InitiativeFinished,
    "dropped_on": InitiativeDropped,
}
_INITIATIVE = (
    *("initiative", "title", "team", "key_result", *ESTIMATE, "impact", "lag", "depends_on", "start"),
    *("planned_on", "estimated_on", *_STEPS),
)


def kpis(frames: Frames) -> pl.DataFrame:
    """Measures of running the business, as last defined: kpi, title, team, unit, lower, upper; one row each, by name.

    Each limit is that of the guardrail set last, if it gives one, else the KPI's own.
    """
    limits = _last(frames.of(GuardrailSet), "name").select("name", low="lower", high="upper")
    return (
        _last(frames.of(KpiDefined), "name")
        .join(limits, on="name", how="left", maintain_order="left")
        .with_columns(lower=pl.coalesce("low", "lower"), upper=pl.coalesce("high", "upper"))
        .select(pl.col("name").alias("kpi"), "title", "team", "unit", "lower", "upper")
    )


def kpi_values(frames: Frames) -> pl.DataFrame:
    """Readings of KPIs: kpi, effective_on, value; one row per KPI and day."""
    found = last_of_day(frames.of(KpiObserved), ("name", "effective_on", "value"))
    return found.cast({"name": pl.String}).rename({"name": "kpi"})


def _by_day(frames: Frames, payload: type[Payload], subject: str, day: str, *columns: str) -> pl.DataFrame:
    """One row per subject and day it holds from, sorted by both."""
    versions = frames.of(payload).rename({"name": subject, "effective_on": day})
    return _last(versions, subject, day).select(subject, day, *columns)


def _last(versions: pl.DataFrame, *key: str) -> pl.DataFrame:
    """Of the versions of each fact (those with one key), the one recorded last; sorted by key."""
    in_order = versions.drop(RECORDING)
    if key[1:] or not in_order[key[0]].is_sorted():
        in_order = in_order.sort(key)
    again = in_order.select(pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in key))
    if not again.to_series().any():
        return in_order
    return versions.sort(*key, *RECORDING).unique(key, keep="last", maintain_order=True).drop(RECORDING)
