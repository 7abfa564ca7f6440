"""Frames in, one tidy frame out: goals, readings, KPIs and what they say of running and changing.

A goal is a key result as it stands; a reading is the value of a key result in force on a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from koers.engine.replay import Frames
from koers.events.frames import day_key, day_order
from koers.events.model import (
    Aligned,
    CheckedIn,
    CycleOpened,
    KeyResultDropped,
    KeyResultRetargeted,
    KeyResultSet,
    KpiDefined,
    ObjectiveSet,
    OutcomeRecorded,
    RunWorkArrived,
    RunWorkDone,
)

RECORDING = ("recorded_at", "position")


def goals(frames: Frames) -> pl.DataFrame:
    """One row per key result known, by name: as last set, with its target and due date in force.

    Columns: key_result, title, objective, team, owner, cycle, unit, kind, direction, baseline, target, start, due,
    commit, stretch, weight, lower, upper, cadence; first_target and first_due, as first set on the scale it has now
    (kind, direction, baseline and start); ambition and objective_title; cycle_end; dropped_on; outcome_on,
    outcome_value, outcome_attained. The target in force is the latest that takes effect by the due date, among those
    known: plans to come count.
    """
    sets = frames.of(KeyResultSet).sort(RECORDING)
    last = sets.unique("name", keep="last", maintain_order=True).drop("position", "recorded_at", "effective_on")
    last = last.drop("recorded_assumed", "target", "due")
    return (
        last.join(_targets(sets, frames.of(KeyResultRetargeted)), on="name", how="left")
        .join(
            _latest(frames.of(ObjectiveSet), "objective", objective_title="title", ambition="ambition"),
            on="objective",
            how="left",
        )
        .join(_latest(frames.of(CycleOpened), "cycle", cycle_end="end"), on="cycle", how="left")
        .join(_first_drop(frames), on="name", how="left")
        .join(_outcomes(frames), on="name", how="left")
        .with_columns(pl.col("cycle_end").fill_null(pl.col("due").max().over("cycle")))
        .rename({"name": "key_result"})
        .sort("key_result")
    )


def readings(frames: Frames) -> pl.DataFrame:
    """The check-in in force per key result and day: of several on one day, the latest recorded.

    Columns: key_result, effective_on, value, confidence, projection, position; sorted by both.
    """
    columns = ("name", "effective_on", "value", "confidence", "projection", "position")
    found = last_of_day(frames.of(CheckedIn), columns)
    return found.cast({"name": pl.String}).rename({"name": "key_result"})


def last_of_day(said: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Of the rows for one name and day, the one recorded last: its `columns`, sorted by name and day.

    Rows of a log's columnar copy are in that order already, and are not sorted again.
    """
    key = day_key(said)
    recorded, position = (said[name].to_physical().to_numpy() for name in RECORDING)
    table, same = said.select(columns), key[1:] == key[:-1]
    later = (recorded[1:] > recorded[:-1]) | ((recorded[1:] == recorded[:-1]) & (position[1:] > position[:-1]))
    if not ((key[1:] > key[:-1]) | (same & later)).all():
        order = day_order(said, key)
        table, key = table[order], key[order]
        same = key[1:] == key[:-1]
    return table.filter(~np.append(same, False)) if same.any() else table


def running(frames: Frames, table: pl.DataFrame, values: pl.DataFrame) -> dict[str, str]:
    """Key results that are really running the business, and why; `table` from `goals`, `values` from `readings`.

    A control kind keeps something as it is; a KPI under the same name or title is watched already; a value that
    counts the team's run work (done, arrived or open since the start, at three check-ins or more) measures that work.
    """
    kpis = frames.of(KpiDefined)
    known = {text.casefold() for text in [*kpis["name"], *kpis["title"]]}
    counted = _fed_by_run_work(frames, table, values)
    found = {}
    for key_result, title, kind in table.select("key_result", "title", "kind").iter_rows():
        if kind == "control":
            found[key_result] = "it keeps a level (control): a KPI with a guardrail, not change"
        elif key_result.casefold() in known or title.casefold() in known:
            found[key_result] = "it is a KPI under the same name"
        elif key_result in counted:
            found[key_result] = "it counts run work"
    return found


def objectives(frames: Frames) -> pl.DataFrame:
    """Objectives as last set: objective, title, why, team, cycle, ambition, parent (or else what it is aligned to).

    One row each, by name. Of several alignments the one recorded last counts.
    """
    columns = {name: name for name in ("title", "why", "team", "cycle", "ambition", "parent")}
    table = _latest(frames.of(ObjectiveSet), "objective", **columns).sort("objective")
    aligned = frames.of(Aligned).filter(pl.col("parent").str.starts_with("objective/"))
    other = _latest(aligned, "objective", aligned=pl.col("parent").str.strip_prefix("objective/"))
    joined = table.join(other, on="objective", how="left", maintain_order="left")
    return joined.with_columns(parent=pl.coalesce("parent", "aligned")).drop("aligned")


def _fed_by_run_work(frames: Frames, table: pl.DataFrame, values: pl.DataFrame) -> set[str]:
    arrived, done = frames.of(RunWorkArrived), frames.of(RunWorkDone)
    if arrived.is_empty():
        return set()
    team_of = arrived.select("name", "team").unique("name")
    days_in = arrived.select("team", day="effective_on")
    days_out = done.join(team_of, on="name").select("team", day="effective_on")
    found = set()
    fed = table.filter(pl.col("team").is_in(team_of["team"].implode()))
    by_goal = values.partition_by("key_result", as_dict=True)
    for key_result, team, start, baseline in fed.select("key_result", "team", "start", "baseline").iter_rows():
        seen = by_goal.get((key_result,), values.clear()).filter(pl.col("effective_on") >= start)
        if seen["value"].n_unique() < 3:
            continue
        came = _counts(days_in.filter(pl.col("team") == team), start, seen["effective_on"])
        went = _counts(days_out.filter(pl.col("team") == team), start, seen["effective_on"])
        moved = [value - (baseline or 0.0) for value in seen["value"]]
        if moved in (came, went, [a - b for a, b in zip(came, went, strict=True)]):
            found.add(key_result)
    return found


def _counts(items: pl.DataFrame, start: date, days: pl.Series) -> list[float]:
    held = items["day"].filter(items["day"] >= start)
    return [float((held <= day).sum()) for day in days]


def _latest(events: pl.DataFrame, name: str, **columns: str | pl.Expr) -> pl.DataFrame:
    """The latest recorded event per name (as column `name`), with the named columns."""
    latest = events.sort(RECORDING).unique("name", keep="last", maintain_order=True)
    named = {new: pl.col(old) if isinstance(old, str) else old for new, old in columns.items()}
    return latest.select(pl.col("name").alias(name), **named)


def _first_drop(frames: Frames) -> pl.DataFrame:
    return frames.of(KeyResultDropped).group_by("name").agg(dropped_on=pl.col("effective_on").min())


def _outcomes(frames: Frames) -> pl.DataFrame:
    return _latest(
        frames.of(OutcomeRecorded),
        "name",
        outcome_on="effective_on",
        outcome_value="value",
        outcome_attained="attained",
    )


def _targets(sets: pl.DataFrame, retargets: pl.DataFrame) -> pl.DataFrame:
    """Per key result: target and due as first set, and in force at the due date. Setting anew moves what it changes."""
    own = pl.struct("kind", "direction", "baseline", "start")
    once, again = (sets.filter(pl.col("name").is_duplicated() == several) for several in (False, True))
    alike = pl.concat([once, again.filter(own == own.last().over("name"))])
    first = sets.unique("name", keep="first", maintain_order=True).select("name", "target", "due")
    alike = alike.unique("name", keep="first", maintain_order=True)
    base = first.join(alike.select("name", first_target="target", first_due="due"), on="name")
    columns = ("name", "effective_on", "recorded_at", "position", "target", "due")
    changed = {c: pl.when(pl.col(c) != pl.col(c).shift().over("name")).then(c) for c in ("target", "due")}
    later = again.with_columns(**changed).filter(pl.col("target").is_not_null() | pl.col("due").is_not_null())
    moves = pl.concat([later.select(columns), retargets.select(columns)])
    if moves.is_empty():
        return base
    in_force = {name: (target, due) for name, target, due, *_ in base.iter_rows()}
    for name, day, _, _, target, due in moves.sort("effective_on", *RECORDING).iter_rows():
        if name in in_force and day <= in_force[name][1]:
            was = in_force[name]
            in_force[name] = (was[0] if target is None else target, due or was[1])
    moved = pl.DataFrame(
        [(name, *values) for name, values in in_force.items()],
        schema={"name": pl.String, "target": pl.Float64, "due": pl.Date},
        orient="row",
    )
    return moved.join(base.drop("target", "due"), on="name")
