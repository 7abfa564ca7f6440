"""A check-in or a correction from the command line, checked against what the log knows."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from koers.events.errors import InputError
from koers.events.model import CheckedIn, CheckInCorrected, CycleClosed, Event

if TYPE_CHECKING:
    from koers.events.log import EventLog


def check_in(
    log: EventLog, key_result: str, now: datetime, on: date | None, note: str | None, said: dict[str, Any]
) -> Event:
    """Append a check-in; `said` holds value, confidence and projection. Raises InputError."""
    day = on or now.date()
    if day > now.date():
        raise InputError(f"--on {day} lies in the future (today is {now.date()}): a check-in says what is")
    _must_be_open(log, key_result, day)
    return _append(log, f"kr/{key_result}", day, now, CheckedIn, note, said)


def correct(log: EventLog, event_id: str, value: float, now: datetime) -> Event:
    """Append a correction of a check-in: another value, all else as it was. Raises InputError."""
    found = log.find(event_id)
    if found is not None and isinstance(found.data, CheckInCorrected):
        found = log.find(found.data.corrects)
    if found is None or not isinstance(found.data, CheckedIn):
        raise InputError(
            f"there is no check-in with event id {event_id!r}: `koers status --json` lists the latest ones"
        )
    corrections = [e for e in log.read() if isinstance(e.data, CheckInCorrected) and e.data.corrects == found.id]
    latest = max(corrections, key=lambda e: (e.recorded_at, e.position or 0), default=found)
    said = latest.data.model_dump(include={"confidence", "projection", "status"})
    said |= {"value": value, "corrects": found.id}
    return _append(log, found.subject, latest.effective_on, now, CheckInCorrected, latest.note, said)


def _append(
    log: EventLog,
    subject: str,
    day: date,
    now: datetime,
    payload: type[CheckedIn] | type[CheckInCorrected],
    note: str | None,
    said: dict[str, Any],
) -> Event:
    try:
        event = Event(
            id=str(uuid.uuid4()),
            subject=subject,
            effective_on=day,
            recorded_at=now,
            actor="cli",
            data=payload(**said),
            note=note,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{first['loc'][-1] if first['loc'] else 'check-in'}: {first['msg']}") from error
    log.append([event])
    return event


def _must_be_open(log: EventLog, key_result: str, day: date) -> None:
    from koers.engine.projections import goals
    from koers.engine.replay import replay

    frames = replay(log.rows())
    closed = set(frames.of(CycleClosed)["name"])
    known = {row["key_result"]: row for row in goals(frames).iter_rows(named=True)}
    why = {name: _closed(row, day, closed) for name, row in known.items()}
    if key_result in known and why[key_result] is None:
        return
    reason = why.get(key_result) or "is not known"
    near = _near(key_result, [name for name, told in why.items() if told is None])
    raise InputError(f"key result {key_result!r} {reason}{near}")


def _closed(goal: dict[str, Any], day: date, closed: set[str]) -> str | None:
    """Why a key result takes no check-in for `day` any more, or None."""
    if goal["dropped_on"] is not None and goal["dropped_on"] <= day:
        return f"was dropped on {goal['dropped_on']}"
    if day > goal["due"]:
        return f"was due on {goal['due']}"
    if goal["outcome_on"] is not None:
        return f"ended on {goal['outcome_on']}: its outcome is recorded"
    return f"belongs to cycle {goal['cycle']}, which is closed" if goal["cycle"] in closed else None


def _near(name: str, others: Iterable[str]) -> str:
    by_fold = {other.casefold(): other for other in sorted(others)}
    near = [by_fold[fold] for fold in difflib.get_close_matches(name.casefold(), by_fold, n=3, cutoff=0.6)]
    return f"; did you mean {', '.join(near)}?" if near else "; `koers status` lists those that are open"
