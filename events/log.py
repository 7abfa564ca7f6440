"""The append-only log: what every storage promises, and how a batch is admitted.

Positions are 1, 2, 3, without gaps and in commit order. A batch is stored whole or not at all. An event whose id the
log already holds adds nothing if it says the same, and is refused if it does not.
"""

from __future__ import annotations

import json
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from types import NoneType
from typing import NamedTuple, Self

from pydantic import ValidationError

from koers.events.batches import Batch, batches_of
from koers.events.chain import GENESIS, body, digest_note, iso, link, timestamp
from koers.events.errors import ConflictError, LogError, MissingError, VersionError
from koers.events.model import PAYLOADS, Event, NoteRedacted, Row, data_text
from koers.events.rules import STORED
from koers.events.upcast import current
from koers.events.urls import on_server, shown

NOTE_REDACTED: str = NoteRedacted.model_fields["type"].default

Clock = Callable[[], datetime]
Salt = Callable[[], str]


class Head(NamedTuple):
    """The last event of a log: its position (0: none yet) and hash."""

    position: int
    hash: str


EMPTY = Head(0, GENESIS)


def notes_of(events: Iterable[Event | Row]) -> dict[int, str]:
    """Notes by position; events that no log has given one yet count on from the one before."""
    position, found = 0, {}
    for event in events:
        position = event.position or position + 1
        if event.note is not None:
            found[position] = event.note
    return found


class EventLog(ABC):
    """A log of events. Subclasses store; admission and decoding are the same for all.

    `as_of` is the log's own date, if it carries one: commands use it where none is given. `path` is the file of a log
    that is one.
    """

    log_id: uuid.UUID
    as_of: date | None
    path: Path | None = None

    @abstractmethod
    def append(self, events: Sequence[Event], expected: Mapping[str, int] | None = None) -> list[int]:
        """Store a batch, whole or not at all, and return each event's position, in the order given.

        A note-redacted event blanks the note, and its salt, of the event it names, in the same transaction.
        `expected` maps a subject to the position of the last event it is thought to have (0: none).
        Once this returns, the events are durable. Raises ConflictError if an id is known with other content,
        VersionError if a subject has another version than expected; then nothing was stored. Raises LogError if the
        storage fails: the batch may be stored, whole, and can be appended again.
        """

    @abstractmethod
    def append_rows(self, batches: Iterable[Sequence[Row]]) -> int:
        """Store rows that a log holds, or held, whole or not at all, and return how many are new.

        Batches are taken one at a time; what raises while they are made leaves the log as it was. A row that follows
        the same rows as where it comes from stays as it is, `appended_at` included; any other is placed anew. Raises
        ConflictError, with the event's id, if an id is known with other content, LogError if the storage fails.
        """

    @abstractmethod
    def rows(self, after: int = 0, until: int | None = None) -> Iterator[Row]:
        """The stored rows with ``after < position <= until``, in order, as of the moment of the first `next`."""

    @abstractmethod
    def head(self) -> Head:
        """Position and hash of the last event."""

    @abstractmethod
    def find(self, event_id: str) -> Event | None:
        """The event with this id, if the log holds it."""

    def positions(self, ids: Sequence[str], until: int) -> dict[str, int]:
        """The positions, up to `until`, of the events with these ids; ids that are not there are left out."""
        found = {event.id: event.position or 0 for event in map(self.find, ids) if event is not None}
        return {event_id: position for event_id, position in found.items() if position <= until}

    def notes(self) -> dict[int, str]:
        """Notes by position, those taken out left out. Raises LogError."""
        return notes_of(self.rows())

    def batches(self, after: int, until: int) -> Iterator[Batch]:
        """What `rows` gives, by column: what a replay needs of it, read fast."""
        return batches_of(self.rows(after, until))

    def purge(self) -> None:  # noqa: B027 - most storages keep nothing behind
        """Free the storage of what it may still hold of blanked notes. Raises LogError if it cannot."""

    def storage(self) -> str:
        """What stores the log, with its version and how it is set, in a few words. Raises LogError."""
        return "memory"

    def close(self) -> None:  # noqa: B027 - most logs hold nothing open
        """Release what the log holds open."""

    def read(self, after: int = 0, until: int | None = None) -> Iterator[Event]:
        """The events with ``after < position <= until``, in order. Raises LogError for one that cannot be read."""
        return map(decode, self.rows(after, until))

    def verify(self) -> Head:
        """Walk the chain, read every event, and return the head. Raises LogError naming the first position at fault.

        A note that is missing must have been redacted (see `koers.events.redaction`).
        """
        from koers.events.redaction import redacted

        head = walk(self.rows())
        for _ in self.read(until=head.position):
            pass
        redacted(self.rows(until=head.position))
        return head

    def __iter__(self) -> Iterator[Event]:
        return self.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_log(
    url: str | Path,
    *,
    create: bool = False,
    clock: Clock | None = None,
    salt: Salt | None = None,
) -> EventLog:
    """Open the log in a file, or in the PostgreSQL database of a URL; with `create`, make it if it is not there.

    `clock` gives `appended_at`, `salt` the salts of notes (default: the system's). Raises LogError if the log is
    missing or cannot be reached, is not a koers log, or was written by a newer koers; it is then left untouched.
    """
    if not on_server(url):
        from koers.events.sqlite import SqliteLog

        return SqliteLog(Path(url), create=create, clock=clock, salt=salt)
    try:
        from koers.events.postgres import PostgresLog
    except ImportError as error:
        raise LogError(f"{shown(url)}: logs on a server need psycopg: pip install 'koers[postgres]'") from error
    return PostgresLog(str(url), create=create, clock=clock, salt=salt)


def is_there(url: str | Path) -> bool:
    """Whether there is something at `url`, be it a log or not. Raises LogError if a server cannot be reached."""
    if not on_server(url):
        return Path(url).exists()
    try:
        open_log(url).close()
    except MissingError:
        return False
    return True


class Stored(NamedTuple):
    """What a storage knows that a batch depends on."""

    head: Head
    by_id: Mapping[str, Row]
    versions: Mapping[str, int]


def admit(
    events: Sequence[Event],
    stored: Stored,
    expected: Mapping[str, int] | None,
    clock: Clock,
    salt: Salt,
) -> tuple[list[Row], list[int]]:
    """Decide what a batch adds: the new rows, and every event's position. Raises ConflictError."""
    moment = timestamp(clock())
    known = dict(stored.by_id)
    rows: list[Row] = []
    positions = []
    position, previous = stored.head
    for event in events:
        row = known.get(event.id)
        if row is None:
            position += 1
            row = encode(event, position, previous, moment, salt)
            known[event.id] = row
            rows.append(row)
            previous = row.hash
        elif not _says_the_same(event, row):
            raise ConflictError(f"event {event.id} is already at position {row.position} with other content")
        positions.append(row.position)
    if rows:  # a retry of what is already stored conflicts with nothing
        _check_versions(expected or {}, stored.versions)
    return rows, positions


def adopt(rows: Iterable[Row], stored: Stored, clock: Clock, salt: Salt) -> list[Row]:
    """Place rows that come from another log after what is stored; those that are new. Raises ConflictError."""
    moment = timestamp(clock())
    known = dict(stored.by_id)
    last, placed = stored.head, []
    for row in rows:
        found = known.get(row.id)
        if found is None:
            found = known[row.id] = _place(row, last, moment, salt)
            placed.append(found)
            last = Head(found.position, found.hash)
        elif row[1:8] != found[1:8] or (row.note != found.note and not _without_note(row, found)):
            what = f"event {row.id} is already at position {found.position} with other content"
            raise ConflictError(what, event_id=row.id)
    return placed


def _place(row: Row, previous: Head, appended_at: str, salt: Salt) -> Row:
    """`row` after `previous`; one that comes from that very place stays as it is."""
    if row.note is not None:
        note_salt = row.note_salt or salt()
        row = row._replace(note_salt=note_salt, note_digest=digest_note(note_salt, row.note))
    linked = link(previous.hash, _body_of(row))
    if linked == row.hash:
        return row
    return row._replace(position=previous.position + 1, appended_at=appended_at, hash=linked)


def _without_note(row: Row, found: Row) -> bool:
    """Whether two copies of an event differ because the note was redacted in one of them."""
    return None in (row.note, found.note) and (row.note_digest == found.note_digest or _is_redacted(found))


def _is_redacted(row: Row) -> bool:
    return row.note is None and row.note_digest is not None


def _check_versions(expected: Mapping[str, int], actual: Mapping[str, int]) -> None:
    for subject, version in expected.items():
        found = actual.get(subject, 0)
        if found != version:
            raise VersionError(subject, version, found)


def encode(event: Event, position: int, previous: str, appended_at: str, salt: Salt) -> Row:
    """`event` as the row at `position`, which follows the hash `previous`."""
    note, note_salt, digest = event.note, None, event.note_digest
    if note is not None:
        note_salt = event.note_salt or salt()
        digest = digest_note(note_salt, note)
    data, recorded_at, day = data_text(event.data), timestamp(event.recorded_at), iso(event.effective_on)
    name, kind, subject, actor = event.id, event.data.type, event.subject, event.actor
    found = link(previous, body(name, kind, subject, day, recorded_at, actor, data, digest))
    return Row(
        position, name, kind, subject, day, recorded_at, actor, data, note, note_salt, digest, appended_at, found
    )


def redacted_by(rows: Iterable[Row]) -> list[str]:
    """The ids of the events whose notes these rows blank."""
    return [json.loads(row.data)["redacts"] for row in rows if row.type == NOTE_REDACTED]


def decode(row: Row) -> Event:
    """The event in a stored row, in its current version. Raises LogError, with the position, if it cannot be read."""
    try:
        said = current(row)
        envelope = {
            "position": said.position,
            "id": said.id,
            "subject": said.subject,
            "effective_on": date.fromisoformat(said.effective_on),
            "recorded_at": datetime.fromisoformat(said.recorded_at),
            "actor": said.actor,
            "data": PAYLOADS[said.type].model_validate_json(said.data, context=STORED),
            "note": said.note,
            "note_salt": said.note_salt,
            "note_digest": said.note_digest,
            "appended_at": datetime.fromisoformat(said.appended_at),
            "hash": said.hash,
        }
        return Event.model_validate(envelope, context=STORED)
    except (ValidationError, ValueError) as error:
        raise LogError(f"position {row.position}: event {row.id} cannot be read: {_why(error)}") from error


def _why(error: ValidationError | ValueError) -> str:
    """What is wrong, on one line."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False)[0]
    return ": ".join([*map(str, first["loc"]), first["msg"]])


def walk(rows: Iterator[Row], previous: Head = EMPTY) -> Head:
    """Check positions, note digests and hashes that follow `previous`; the last head. Raises LogError."""
    for row in rows:
        if not set(map(type, row[1:])) <= {str, NoneType} or None in row[1:6] or row.data is None:
            raise LogError(f"position {row.position}: event {row.id!r} holds what is not text")
        if row.position != previous.position + 1:
            raise LogError(f"position {row.position}: follows {previous.position}; events are missing or out of order")
        if row.note is not None and digest_note(row.note_salt or "", row.note) != row.note_digest:
            raise LogError(f"position {row.position}: the note of event {row.id} was changed")
        if link(previous.hash, _body_of(row)) != row.hash:
            raise LogError(f"position {row.position}: event {row.id} does not fit its hash")
        previous = Head(row.position, row.hash)
    return previous


def _body_of(row: Row) -> str:
    return body(row.id, row.type, row.subject, row.effective_on, row.recorded_at, row.actor, row.data, row.note_digest)


def _says_the_same(event: Event, row: Row) -> bool:
    """Whether a retried event is the stored one. A redacted note can no longer be compared and is taken as the same."""
    redacted = row.note is None and row.note_digest is not None
    return (
        event.type == row.type
        and event.subject == row.subject
        and event.effective_on.isoformat() == row.effective_on
        and timestamp(event.recorded_at) == row.recorded_at
        and event.actor == row.actor
        and data_text(event.data) == row.data
        and (event.note == row.note or redacted)
    )
