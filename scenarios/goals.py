"""Key results of a scenario: another due date, and one more of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from koers.engine.beliefs import beliefs, paces
from koers.engine.mornings import number_of
from koers.engine.usual import LEAST
from koers.events.model import KeyResultSet
from koers.scenarios.world import World, with_belief, with_goal


def with_row(goals: pl.DataFrame, k: int, **values: Any) -> pl.DataFrame:  # noqa: ANN401
    """The rows of goals with other values in row k."""
    chosen = pl.int_range(pl.len()) == k
    return goals.with_columns(pl.when(chosen).then(pl.lit(v)).otherwise(pl.col(n)).alias(n) for n, v in values.items())


def due_moved(world: World, k: int, due: date) -> World:
    """Key result k due on another of the days to come, with what Progress then says of it."""
    goals = with_row(world.goals, k, due=due)
    row, of = goals[k : k + 1], world.coupled
    said = beliefs(row, row, of.readings, of.taught, of.staff.as_of)
    at, pace = said.at_due, paces(row, said.ahead, of.staff.as_of, of.days)[0]
    own = world.setting.own.copy()
    own[:, k] *= at.scale[0] / world.setting.at_due.scale[k]
    world = replace(world, goals=goals, setting=replace(world.setting, own=own))
    world = with_goal(world, k, due=number_of(due), pace=pace * (world.organisation.key_results.active[k] > 0))
    return with_belief(world, k, mean=at.mean[0], scale=at.scale[0], df=at.df[0])


def _row(goals: pl.DataFrame, name: str, given: KeyResultSet) -> pl.DataFrame:
    known = given.model_dump() | {"key_result": name, "first_target": given.target, "first_due": given.due}
    known |= {"ambition": "committed", "cycle_end": given.due}
    row = {column: known.get(column) for column in goals.columns}
    return pl.DataFrame([row], schema=goals.schema)


def appended(world: World, name: str, given: KeyResultSet) -> World:
    """One more key result, of which only what all have in common is known; the effort that it gets is usual."""
    row = _row(world.goals, name, given)
    setting, org, of = world.setting, world.organisation, world.coupled
    team, goals = org.teams.key.index(given.team), org.key_results
    said = beliefs(row, row, of.readings, of.taught, of.staff.as_of)
    at, pace = said.at_due, paces(row, said.ahead, of.staff.as_of, of.days)
    day, start = org.calendar.day, number_of(given.start)
    siblings = np.flatnonzero(goals.team == team)
    claimed = float(goals.weight[siblings].sum())
    mine = given.weight / (claimed + given.weight)
    share = mine * claimed / goals.weight[siblings[0]] if len(siblings) else 0.0  # of a sibling's effort
    typical = setting.typical[siblings[0]] * share if len(siblings) else LEAST
    knots = setting.usual[:, siblings[0]] * share if len(siblings) else np.full(len(setting.usual), LEAST)
    extended = replace(
        goals,
        key=(*goals.key, row["key_result"][0]),
        team=np.append(goals.team, team),
        weight=np.append(goals.weight, given.weight),
        active=np.vstack([goals.active, day > start]),
        due=np.append(goals.due, number_of(given.due)),
        pace=np.vstack([goals.pace, pace]),
    )
    more = replace(
        setting,
        organisation=replace(org, key_results=extended),
        at_due=type(at)._make(np.append(old, new) for old, new in zip(setting.at_due, at, strict=True)),
        usual=np.column_stack([setting.usual, knots]),
        typical=np.append(setting.typical, max(typical, LEAST * mine)),
        most=np.append(setting.most, 1.0),
        assumed=np.append(setting.assumed, np.nan),
        own=np.column_stack([setting.own, np.tile(at.scale, len(setting.own))]),
        shift=np.concatenate([setting.shift, np.zeros((2, len(setting.own), 1))], axis=2),
        scatter=np.vstack([setting.scatter, np.zeros((1, setting.scatter.shape[1]))]),
    )
    return replace(world, setting=more, goals=pl.concat([world.goals, row]), movable=np.append(world.movable, True))
