"""The append-only log: what every storage promises, and how a batch is admitted.

Positions are 1, 2, 3, without gaps and in commit order. A batch is stored whole or not at all. An event whose id the
log already holds adds nothing if it says the same, and is refused if it does not.
"""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from pydantic import ValidationError

from koers.events.chain import GENESIS, body, digest_note, link, timestamp
from koers.events.errors import ConflictError, LogError
from koers.events.model import PAYLOADS, Event, Row, data_text
from koers.events.rules import STORED

if TYPE_CHECKING:
    from koers.events.sqlite import SqliteLog

Clock = Callable[[], datetime]
Salt = Callable[[], str]


class Head(NamedTuple):
    """The last event of a log: its position (0: none yet) and hash."""

    position: int
    hash: str


EMPTY = Head(0, GENESIS)


class EventLog(ABC):
    """A log of events. Subclasses store; admission and decoding are the same for all.

    `as_of` is the log's own date, if it carries one: commands use it where none is given.
    """

    log_id: uuid.UUID
    as_of: date | None

    @abstractmethod
    def append(self, events: Sequence[Event], expected: Mapping[str, int] | None = None) -> list[int]:
        """Store a batch, whole or not at all, and return each event's position, in the order given.

        `expected` maps a subject to the position of the last event it is thought to have (0: none).
        Once this returns, the events are durable. Raises ConflictError if an id is known with other content or a
        subject has another version than expected, LogError if the storage fails; then nothing was stored.
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

    def close(self) -> None:  # noqa: B027 - most logs hold nothing open
        """Release what the log holds open."""

    def read(self, after: int = 0, until: int | None = None) -> Iterator[Event]:
        """The events with ``after < position <= until``, in order. Raises LogError for one that cannot be read."""
        return map(decode, self.rows(after, until))

    def verify(self) -> Head:
        """Walk the chain, read every event, and return the head. Raises LogError naming the first position at fault."""
        head = walk(self.rows())
        for _ in self.read(until=head.position):
            pass
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
) -> SqliteLog:
    """Open the log in the file `url`; with `create`, make it if it is not there.

    `clock` gives `appended_at`, `salt` the salts of notes (default: the system's). Raises LogError if the file is
    missing, not a koers log, or written by a newer koers; it is then left untouched.
    """
    from koers.events.sqlite import SqliteLog

    if str(url).startswith(("postgres://", "postgresql://")):
        raise LogError(f"{url}: PostgreSQL logs are not supported yet; name a file instead")
    return SqliteLog(Path(url), create=create, clock=clock, salt=salt)


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
    last = stored.head
    for event in events:
        row = known.get(event.id)
        if row is None:
            row = encode(event, last, moment, salt)
            known[event.id] = row
            rows.append(row)
            last = Head(row.position, row.hash)
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
        elif row[1:8] != found[1:8] or (row.note != found.note and not _is_redacted(found)):
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


def _is_redacted(row: Row) -> bool:
    return row.note is None and row.note_digest is not None


def _check_versions(expected: Mapping[str, int], actual: Mapping[str, int]) -> None:
    for subject, version in expected.items():
        found = actual.get(subject, 0)
        if found != version:
            raise ConflictError(
                f"{subject}: expected its last event at position {version}, found {found}: read again, then decide"
            )


def encode(event: Event, previous: Head, appended_at: str, salt: Salt) -> Row:
    """`event` as the row that follows `previous`."""
    note_salt = (event.note_salt or salt()) if event.note is not None else None
    digest = event.note_digest
    if event.note is not None and note_salt is not None:
        digest = digest_note(note_salt, event.note)
    row = Row(
        position=previous.position + 1,
        id=event.id,
        type=event.type,
        subject=event.subject,
        effective_on=event.effective_on.isoformat(),
        recorded_at=timestamp(event.recorded_at),
        actor=event.actor,
        data=data_text(event.data),
        note=event.note,
        note_salt=note_salt,
        note_digest=digest,
        appended_at=appended_at,
        hash="",
    )
    return row._replace(hash=link(previous.hash, _body_of(row)))


def decode(row: Row) -> Event:
    """The event in a stored row. Raises LogError, with the position, for one this version cannot read."""
    payload = PAYLOADS.get(row.type)
    if payload is None:
        raise LogError(f"position {row.position}: event type {row.type} is not known to this version of koers")
    try:
        envelope = row._asdict() | {
            "effective_on": date.fromisoformat(row.effective_on),
            "recorded_at": datetime.fromisoformat(row.recorded_at),
            "data": payload.model_validate_json(row.data, context=STORED),
            "appended_at": datetime.fromisoformat(row.appended_at),
        }
        del envelope["type"]
        return Event.model_validate(envelope, context=STORED)
    except (ValidationError, ValueError) as error:
        raise LogError(f"position {row.position}: event {row.id} cannot be read: {error}") from error


def walk(rows: Iterator[Row], previous: Head = EMPTY) -> Head:
    """Check positions, note digests and hashes that follow `previous`; the last head. Raises LogError."""
    for row in rows:
        if not all(isinstance(value, str | None) for value in row[1:]):
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
    return body(
        id=row.id,
        type=row.type,
        subject=row.subject,
        effective_on=row.effective_on,
        recorded_at=row.recorded_at,
        actor=row.actor,
        data=row.data,
        note_digest=row.note_digest,
    )


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
