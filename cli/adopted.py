"""Decisions in the log: adopting a scenario, and what a backtest says of those adopted within its span."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from koers.cli.text import plain
from koers.events.model import Event, ScenarioAdopted, end_of
from koers.scenarios.decisions import Decision, Reach, decisions, forecast_before, homes, reach

if TYPE_CHECKING:
    import polars as pl

    from koers.engine.replay import Frames
    from koers.events.log import EventLog
    from koers.scenarios.model import Scenario


TRIED = 100
"""Futures that show whether levers fit: what is refused is refused before any is drawn."""


class Adopted(NamedTuple):
    """The event of a decision, whether the log held it before, and how many decisions it holds now."""

    event: Event
    already: bool
    held: int


def adopt(log: EventLog, scenario: Scenario, now: datetime) -> Adopted:
    """Append that a scenario was decided on, once; comments and layout of its file do not count.

    Raises InputError where a lever does not fit what the log holds, KoersError where it declares no capacity.
    """
    from koers.engine.replay import view
    from koers.events.cache import read_frames
    from koers.scenarios.compare import what_if
    from koers.scenarios.toml import to_toml

    recorded = read_frames(log)
    text = to_toml(scenario)
    name = str(uuid.uuid5(uuid.NAMESPACE_OID, f"koers.scenario-adopted {text}"))
    found = log.find(name)
    if found is not None:
        return Adopted(found, already=True, held=len(decisions(view(recorded))))
    what_if(recorded, now.date(), now, [scenario], samples=TRIED)
    event = Event(
        id=name,
        subject=f"scenario/{scenario.name}",
        effective_on=now.date(),
        recorded_at=now,
        actor="cli",
        data=ScenarioAdopted(scenario=text),
    )
    log.append([event])
    return Adopted(event, already=False, held=len(decisions(view(read_frames(log)))))


class Taken(NamedTuple):
    """A decision within the span of a backtest, and its forecasts that were made before it touched them."""

    decision: Decision
    before: int
    key_results: tuple[str, ...]


def taken(table: pl.DataFrame, recorded: Frames, until: date) -> tuple[list[Taken], int]:
    """Decisions within the span of a backtest, from its first origin to `until`, and the forecasts made before any.

    `table` is the backtest, of whose methods koers' own rows count.
    """
    import polars as pl

    from koers.engine.backtest import KOERS
    from koers.engine.replay import view

    rows = table.filter(pl.col("method") == KOERS)
    if rows.is_empty():
        return [], 0
    frames = view(recorded, effective_until=until, known_until=end_of(until))
    first, known = rows["as_of"].min(), homes(frames)
    found, any_of = [], pl.Series([False] * rows.height)
    for decision in decisions(frames):
        if isinstance(first, date) and first <= decision.adopted_on <= until:
            marked = forecast_before(rows, decision.adopted_on, _reach(decision, known))
            any_of = any_of | marked
            names = rows.filter(marked)["key_result"].unique().sort()
            found.append(Taken(decision, int(marked.sum()), tuple(names)))
    return found, int(any_of.sum())


def _reach(decision: Decision, known: dict[str, tuple[str, str]]) -> Reach:
    return reach(decision.scenario, known)


def taken_json(found: list[Taken], before: int) -> dict[str, Any]:
    """The same as plain JSON values."""
    listed = [
        {
            "name": one.decision.name,
            "adopted_on": one.decision.adopted_on.isoformat(),
            "forecasts_before": one.before,
            "key_results": list(one.key_results),
        }
        for one in found
    ]
    return {"decisions": listed, "forecasts_before_a_decision": before}


def taken_lines(found: list[Taken], before: int) -> Iterator[str]:
    """The same as sentences; none without decisions."""
    if not found:
        return
    yield "Decisions taken in this time:"
    for one in found:
        yield f"{one.decision.adopted_on} {plain(one.decision.name)}"
    were = "forecast was" if before == 1 else "forecasts were"
    yield f"{before:,} {were} made before a decision that touched them: judge those with that in mind."
