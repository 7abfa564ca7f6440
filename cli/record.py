"""What the command line adds to a log: a check-in or a correction, checked against what it knows; the demo."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from koers.events.errors import ConflictError, InputError, LogError
from koers.events.model import CheckedIn, CheckInCorrected, CycleClosed, Event, EventRetracted, ForecastIssued

if TYPE_CHECKING:
    from koers.cli.session import Session
    from koers.engine.forecast import Forecast
    from koers.events.log import EventLog


def check_in(
    log: EventLog, key_result: str, now: datetime, on: date | None, note: str | None, said: dict[str, Any]
) -> Event:
    """Append a check-in; `said` holds value, confidence and projection. Raises InputError."""
    day = on or now.date()
    if day > now.date():
        today = "this log stands at" if log.as_of else "today is"
        raise InputError(f"--on {day} lies in the future ({today} {now.date()}): a check-in says what is")
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
    latest = _last_said(log, found)
    said = latest.data.model_dump(include={"confidence", "projection", "status"})
    said |= {"value": value, "corrects": found.id}
    return _append(log, found.subject, latest.effective_on, now, CheckInCorrected, latest.note, said)


def _last_said(log: EventLog, check_in: Event) -> Event:
    """The latest correction of a check-in that still stands, else itself. Raises InputError if it was retracted."""
    events = list(log.read())
    gone = {event.data.retracts for event in events if isinstance(event.data, EventRetracted)}
    if check_in.id in gone:
        raise InputError(f"check-in {check_in.id} was retracted: check in anew")
    said = [e for e in events if isinstance(e.data, CheckInCorrected) and e.data.corrects == check_in.id]
    standing = [event for event in said if event.id not in gone]
    return max(standing, key=lambda event: (event.recorded_at, event.position or 0), default=check_in)


def issue(log: EventLog, forecast: Forecast, now: datetime) -> int:
    """Append what a forecast says of each key result that has not ended; how many that are."""
    whole = {name: getattr(forecast, name) for name in _ISSUED}
    events = [
        Event(
            id=str(uuid.uuid4()),
            subject=f"kr/{item.key_result}",
            effective_on=forecast.as_of,
            recorded_at=now,
            actor="cli",
            data=ForecastIssued(
                probability=item.probability,
                quantiles={name: value for name, value in item.quantiles.items() if value is not None},
                **whole,
            ),
        )
        for item in forecast.key_results
        if item.attained is None
    ]
    log.append(events)
    return len(events)


_ISSUED = ("as_of", "known_at", "log_position", "log_head", "seed", "samples", "config_hash")


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
        raise InputError(_wrong(error)) from error
    log.append([event])
    return event


def _wrong(error: ValidationError) -> str:
    """The first thing that is wrong, in words."""
    first = error.errors()[0]
    field = str(first["loc"][-1]) if first["loc"] else "check-in"
    limits = first.get("ctx", {})
    for limit, words in (("ge", "is below"), ("le", "is above")):
        if limit in limits:
            return f"{field} {first['input']:g} {words} {limits[limit]:g}"
    if first["type"] == "finite_number":
        return f"{field} {first['input']} is not a finite number"
    return f"{field}: {first['msg']}"


def _must_be_open(log: EventLog, key_result: str, day: date) -> None:
    from koers.engine.projections import goals
    from koers.engine.replay import view
    from koers.events.cache import read_frames

    frames = view(read_frames(log))
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


def write_demo(session: Session, events: list[Event], as_of: date) -> None:
    """Make the demo's log, or find it as it was made. Raises LogError for another log, which stays as it is."""
    from koers.events.sqlite import SqliteLog

    another = LogError(f"{session.url}: holds another log; move it away, or run the demo in another folder")
    with SqliteLog(Path(session.url), create=True, as_of=as_of, clock=session.clock) as log:
        first = next(log.rows(), None)
        if log.as_of != as_of or (first is not None and first.id != events[0].id):
            raise another
        try:
            log.append(events)
        except ConflictError as error:  # the demo of another version
            raise another from error
