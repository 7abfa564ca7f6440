"""Scenarios that were adopted, as a log holds them, and the forecasts made before a decision that touched them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

import polars as pl

from koers.engine.replay import Frames
from koers.engine.work import initiatives
from koers.events.errors import InputError
from koers.events.model import ScenarioAdopted
from koers.scenarios.files import scenario_from_toml
from koers.scenarios.model import Lever, Scenario


class Decision(NamedTuple):
    """A scenario that was adopted; None if this version of koers cannot read its text."""

    name: str
    adopted_on: date
    scenario: Scenario | None


class Reach(NamedTuple):
    """The key results and teams a decision touches; `everyone`: all teams."""

    key_results: frozenset[str]
    teams: frozenset[str]
    everyone: bool = False


def decisions(frames: Frames) -> list[Decision]:
    """The decisions that stand in a log, in the order they were taken."""
    rows = frames.of(ScenarioAdopted).sort("effective_on", "position").select("name", "effective_on", "scenario")
    return [Decision(name, day, _read(text)) for name, day, text in rows.iter_rows()]


def _read(text: str) -> Scenario | None:
    try:
        return scenario_from_toml(text)
    except InputError:
        return None


def reach(scenario: Scenario | None, homes: Mapping[str, tuple[str, str]]) -> Reach:
    """What the levers of a scenario touch; `homes`: team and key result of each initiative.

    An assumption about the elasticity decides nothing, so it touches nothing; a key result touched alone is one whose
    target, end or existence is decided on: dropping one, or adding one, touches its team as well.
    """
    levers: Iterable[Lever] = scenario.lever if scenario else ()
    goals: set[str] = set()
    teams: set[str] = set()
    everyone = False
    for lever in levers:
        if lever.kind == "elasticity":
            continue
        if lever.kind == "initiative":
            team, goal = homes.get(lever.initiative, ("", ""))
            goals, teams = goals | {goal}, teams | {team}
        elif lever.kind == "add":
            goals, teams = goals | {lever.name}, teams | {lever.goal.team}
        elif lever.kind in ("retarget", "drop"):
            goals.add(lever.key_result)
        else:
            found = {getattr(lever, "team", None), getattr(lever, "to_team", None)} - {None}
            teams, everyone = teams | {str(name) for name in found}, everyone or not found
    return Reach(frozenset(goals - {""}), frozenset(teams - {""}), everyone)


def homes(frames: Frames) -> dict[str, tuple[str, str]]:
    """Team and key result of each initiative."""
    rows = initiatives(frames).select("initiative", "team", "key_result")
    return {name: (team, goal) for name, team, goal in rows.iter_rows()}


def forecast_before(rows: pl.DataFrame, adopted_on: date, touched: Reach) -> pl.Series:
    """Which rows of a backtest (columns key_result, team, as_of, due) were said before a decision touched them.

    So the origin lies before the day of the decision, and that not after the key result was due.
    """
    theirs = pl.col("key_result").is_in(list(touched.key_results)) | pl.col("team").is_in(list(touched.teams))
    during = (pl.col("as_of") < adopted_on) & (pl.col("due") >= adopted_on)
    return rows.select(marked=during & (theirs | pl.lit(touched.everyone)))["marked"]
