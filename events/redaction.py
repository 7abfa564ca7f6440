"""Taking a note out of a log for good, and saying what was taken out.

A note and its salt stand beside their event, whose hash covers a salted digest only: both can be blanked and the chain
still holds. Without the salt the digest does not tell what the note was, not even to who guesses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from koers.events.edits import name_id
from koers.events.errors import ConflictError, InputError, LogError
from koers.events.log import EventLog, decode, redacted_by
from koers.events.model import CheckInCorrected, Event, NoteRedacted, Row


class Redacted(NamedTuple):
    """A note that was taken out: of which event, where that stands, and the position of the event that says so."""

    event_id: str
    position: int
    by: int


def redact(log: EventLog, event_id: str, now: datetime, actor: str = "cli") -> list[str]:
    """Blank the note of an event, and of those that repeat it word for word: a check-in's corrections, or what they
    correct. The ids of these events, none if that was done before.

    All or nothing, and durable once it returns; nothing of the note is then left in the storage. Done again, it adds
    nothing, and clears the storage again. Raises InputError if there is no such event or it never had a note, LogError
    if the storage fails: done again, it then goes on.
    """
    found = log.find(event_id)
    if found is None:
        raise InputError(f"there is no event {event_id!r}: `koers status --json` lists the latest check-ins")
    if found.note_digest is None:
        raise InputError(f"event {event_id} has no note: there is nothing to redact")
    noted = [event for event in _same_note(log, found) if event.note is not None]
    try:
        log.append([_redaction(event, now, actor) for event in noted])
    except ConflictError:  # somebody else redacted it at this very moment
        if any(event.note is not None for event in _same_note(log, found)):
            raise
    clear(log, "redact it again")
    return [event.id for event in noted]


def clear(log: EventLog, again: str) -> None:
    """Free the storage of what it may still hold of blanked notes. Raises LogError, with what to do `again`."""
    try:
        log.purge()
    except LogError as error:
        left = "the note is out of the log, but its bytes may still be in the storage"
        raise LogError(f"{error}; {left}: when this is put right, {again}") from error


def redacted(rows: Iterable[Row]) -> list[Redacted]:
    """The notes that were taken out of a log, by its rows in order.

    Raises LogError for a note that is gone though no event redacts it, and for one that is there though one does.
    """
    noted: dict[str, Row] = {}
    found = []
    for row in rows:
        if row.note_digest is not None:
            noted[row.id] = row
        for event_id in redacted_by([row]):
            if named := noted.pop(event_id, None):
                if named.note is not None:
                    raise LogError(f"position {named.position}: the note of event {named.id} is there, though redacted")
                found.append(Redacted(named.id, named.position, row.position))
    for row in noted.values():
        if row.note is None:
            raise LogError(f"position {row.position}: the note of event {row.id} is gone, and no event redacts it")
    return found


def _same_note(log: EventLog, found: Event) -> Iterator[Event]:
    """The event, and the others of its check-in and corrections with that very note."""
    origin = found.data.corrects if isinstance(found.data, CheckInCorrected) else found.id
    for row in log.rows():
        if row.id == found.id or (row.note is not None and row.note == found.note):
            event = decode(row)
            repeats = isinstance(event.data, CheckInCorrected) and event.data.corrects == origin
            if event.id in (found.id, origin) or repeats:
                yield event


def _redaction(event: Event, now: datetime, actor: str) -> Event:
    return Event(
        id=name_id("note-redacted", event.id),
        subject=event.subject,
        effective_on=now.date(),
        recorded_at=now,
        actor=actor,
        data=NoteRedacted(redacts=event.id),
    )
