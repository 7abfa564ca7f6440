"""The oracle of replay and projections: a fold over plain Python objects, written from docs/design.md."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from itertools import pairwise
from typing import Any, NamedTuple

from koers.events.model import (
    CheckedIn,
    CheckInCorrected,
    Event,
    EventRetracted,
    KeyResultDropped,
    KeyResultRetargeted,
    KeyResultSet,
    OutcomeRecorded,
)

SCALE = ("kind", "direction", "baseline", "start")


class Held(NamedTuple):
    """What held: per (key result, day) value, confidence and position; per key result what stands of it."""

    readings: dict[tuple[str, date], tuple[float, float | None, int | None]]
    goals: dict[str, dict[str, Any]]


def fold(events: Iterable[Event], effective: date | None = None, known: datetime | None = None) -> Held:
    seen = [e for e in events if known is None or e.recorded_at <= known]
    alive = sorted((e for e in seen if holds(e, seen)), key=lambda e: (e.recorded_at, e.position or 0))
    readings = {}
    for original in alive:
        if isinstance(original.data, CheckedIn):
            said = corrected(original, alive)
            if effective is None or said.effective_on <= effective:
                value, confidence = said.data.value, said.data.confidence  # type: ignore[union-attr]
                readings[original.name, said.effective_on] = (value, confidence, original.position)
    names = {e.name for e in alive if isinstance(e.data, KeyResultSet)}
    return Held(readings, {name: goal([e for e in alive if e.name == name], effective) for name in names})


def holds(event: Event, seen: list[Event]) -> bool:
    """An event holds unless a later event that itself holds retracts it."""
    return not any(
        isinstance(r.data, EventRetracted)
        and r.data.retracts == event.id
        and (r.position or 0) > (event.position or 0)
        and holds(r, seen)
        for r in seen
    )


def corrected(original: Event, alive: list[Event]) -> Event:
    found = [e for e in alive if isinstance(e.data, CheckInCorrected) and e.data.corrects == original.id]
    return found[-1] if found else original


def goal(alive: list[Event], effective: date | None) -> dict[str, Any]:
    sets = [(e, e.data) for e in alive if isinstance(e.data, KeyResultSet)]
    last = sets[-1][1]
    first_alike = next(d for _, d in sets if all(getattr(d, f) == getattr(last, f) for f in SCALE))
    moves = [(e, e.data.target, e.data.due) for e in alive if isinstance(e.data, KeyResultRetargeted)]
    for (_, was), (e, now) in pairwise(sets):
        target, due = (b if a != b else None for a, b in ((was.target, now.target), (was.due, now.due)))
        moves.append((e, target, due))  # type: ignore[arg-type]
    target, due = sets[0][1].target, sets[0][1].due
    for e, new_target, new_due in sorted(moves, key=lambda m: (m[0].effective_on, m[0].recorded_at, m[0].position)):
        if e.effective_on <= due:
            target, due = target if new_target is None else new_target, new_due or due
    ends = [
        e for e in alive if isinstance(e.data, OutcomeRecorded) and (effective is None or e.effective_on <= effective)
    ]
    end = ends[-1] if ends else None
    return {
        **{name: getattr(last, name) for name in (*SCALE, "team", "cycle", "lower", "upper", "weight")},
        "target": target,
        "due": due,
        "first_target": first_alike.target,
        "first_due": first_alike.due,
        "dropped_on": min((e.effective_on for e in alive if isinstance(e.data, KeyResultDropped)), default=None),
        "outcome_on": end and end.effective_on,
        "outcome_value": end and end.data.value,  # type: ignore[union-attr]
        "outcome_attained": end and end.data.attained,  # type: ignore[union-attr]
    }
