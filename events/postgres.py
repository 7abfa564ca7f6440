"""A log in PostgreSQL: durable, for many writers on many machines. The log of a database is its schema `koers`.

A sequence would number events in the order in which writers ask, not that in which they commit, and a reader that
polls would miss those that commit late. So one row counts: a writer locks it, reads what its batch depends on, and adds
the batch and moves the row in one statement. The next writer waits until that is committed.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import LiteralString

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from koers.events.errors import LogError, MissingError
from koers.events.log import EMPTY, Clock, EventLog, Head, Salt, Stored, admit, adopt, decode, redacted_by
from koers.events.model import Event, Row
from koers.events.urls import shown

VERSION = 1
CHUNK = 10_000
WAIT = 30  # seconds for another writer
MAKING = 0x6B6F6572  # the advisory lock of whoever makes a log

MIGRATIONS: tuple[LiteralString, ...] = (
    """
    CREATE SCHEMA koers;
    CREATE TABLE koers.meta (key text COLLATE "C" PRIMARY KEY, value text NOT NULL);
    CREATE TABLE koers.head (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), position bigint, hash text);
    CREATE TABLE koers.events (
        position bigint PRIMARY KEY,
        id text COLLATE "C" NOT NULL UNIQUE,
        type text NOT NULL,
        subject text COLLATE "C" NOT NULL,
        effective_on text NOT NULL,
        recorded_at text NOT NULL,
        actor text,
        data text NOT NULL,
        note text,
        note_salt text,
        note_digest text,
        appended_at text NOT NULL,
        hash text NOT NULL
    );
    CREATE INDEX events_by_subject ON koers.events (subject, position);
    CREATE FUNCTION koers.keep() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' THEN  -- a note and its salt may be blanked, nothing else
                OLD.note := NULL;
                OLD.note_salt := NULL;
                IF NEW *= OLD THEN
                    RETURN NEW;
                END IF;
            END IF;
            RAISE EXCEPTION 'events are never changed or deleted';
        END
    $$;
    CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON koers.events FOR EACH ROW EXECUTE FUNCTION koers.keep();
    CREATE TRIGGER keep_all BEFORE TRUNCATE ON koers.events FOR EACH STATEMENT EXECUTE FUNCTION koers.keep();
    """,
)

SETTINGS = "SELECT current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit')"
GUARDS = """
    SELECT count(*) FROM pg_trigger
    WHERE tgrelid = 'koers.events'::regclass AND tgname IN ('keep', 'keep_all') AND tgenabled IN ('O', 'A')
"""
TEXTS: LiteralString = ", %s::text[]" * (len(Row._fields) - 1)
ADD: LiteralString = f"""
    WITH moved AS (
        UPDATE koers.head SET position = %s, hash = %s WHERE position = %s AND hash = %s RETURNING position
    )
    INSERT INTO koers.events SELECT new.* FROM moved, unnest(%s::bigint[]{TEXTS}) AS new
"""  # noqa: S608 - nothing in it comes from outside
NOTES = "SELECT position, note FROM koers.events WHERE note IS NOT NULL ORDER BY position"
BLANK = "UPDATE koers.events SET note = NULL, note_salt = NULL WHERE id = ANY(%s)"


class PostgresLog(EventLog):
    """An event log on a server. See `koers.events.log.open_log`."""

    def __init__(
        self,
        url: str,
        *,
        create: bool = False,
        as_of: date | None = None,
        clock: Clock | None = None,
        salt: Salt | None = None,
    ) -> None:
        self.name = shown(url)
        self._clock = clock or (lambda: datetime.now(UTC))
        self._salt = salt or secrets.token_hex
        self._db = connect(url)
        try:
            with self._told():
                self._prepare(create=create, as_of=as_of)
        except BaseException:
            self._db.close()
            raise

    def append(self, events: Sequence[Event], expected: Mapping[str, int] | None = None) -> list[int]:
        """See EventLog.append."""
        with self._told(events), self._db.transaction():
            stored = Stored(self._locked(), self._known([e.id for e in events]), self._versions(expected or {}))
            rows, positions = admit(events, stored, expected, self._clock, self._salt)
            last = stored.head
            for start in range(0, len(rows), CHUNK):
                last = self._add(rows[start : start + CHUNK], last)
        return positions

    def append_rows(self, batches: Iterable[Sequence[Row]]) -> int:
        """See EventLog.append_rows."""
        new = 0
        with self._told(), self._db.transaction():
            last = self._locked()
            for batch in batches:
                rows = adopt(batch, Stored(last, self._known([row.id for row in batch]), {}), self._clock, self._salt)
                last = self._add(rows, last) if rows else last
                new += len(rows)
        return new

    def rows(self, after: int = 0, until: int | None = None) -> Iterator[Row]:
        """See EventLog.rows."""
        last = self.head().position
        end = last if until is None else min(until, last)
        while after < end:
            with self._told():
                query = "SELECT * FROM koers.events WHERE position > %s AND position <= %s ORDER BY position LIMIT %s"
                chunk = self._db.execute(query, (after, end, CHUNK)).fetchall()
            if not chunk:
                return
            yield from map(Row._make, chunk)
            after = chunk[-1][0]

    def head(self) -> Head:
        """See EventLog.head."""
        with self._told():
            query = "SELECT position, hash FROM koers.events ORDER BY position DESC LIMIT 1"
            row = self._db.execute(query).fetchone()
        return Head(*row) if row else EMPTY

    def find(self, event_id: str) -> Event | None:
        """See EventLog.find."""
        with self._told():
            row = self._db.execute("SELECT * FROM koers.events WHERE id = %s", (event_id,)).fetchone()
        return decode(Row._make(row)) if row else None

    def positions(self, ids: Sequence[str], until: int) -> dict[str, int]:
        """See EventLog.positions."""
        with self._told():
            query = "SELECT id, position FROM koers.events WHERE id = ANY(%s) AND position <= %s"
            return dict(self._db.execute(query, (list(ids), until)).fetchall())

    def purge(self) -> None:
        """Write the table anew, without the rows as they were before. See EventLog.purge."""
        warned: list[str] = []

        def warn(said: errors.Diagnostic) -> None:
            warned.append(said.message_primary or "")

        self._db.add_notice_handler(warn)
        with self._told():
            self._db.execute("VACUUM FULL koers.events")
        self._db.remove_notice_handler(warn)
        if warned:  # no error: whoever may not do it is told, and nothing is done
            raise LogError(f"{self.name}: {warned[0]}")

    def verify(self) -> Head:
        """See EventLog.verify; the row that counts must stand where the events end."""
        with self._told():
            row = self._db.execute("SELECT position, hash FROM koers.head").fetchone()
        head = super().verify()
        counted = Head(*row) if row else EMPTY
        if counted.position > head.position:
            raise LogError(f"position {head.position + 1}: gone; {counted.position} events were counted")
        if counted.position == head.position and counted.hash != head.hash:
            raise LogError(f"position {head.position}: not the event that was counted last")
        with self._told():
            row = self._db.execute(GUARDS).fetchone()
        if row != (2,):
            raise LogError(f"{self.name}: the events fit the chain, but the triggers that keep them are gone or off")
        return head

    def notes(self) -> dict[int, str]:
        """See EventLog.notes."""
        with self._told():
            return dict(self._db.execute(NOTES).fetchall())

    def storage(self) -> str:
        """See EventLog.storage."""
        with self._told():
            settings = self._db.execute(SETTINGS).fetchone() or ()
        return "PostgreSQL {}, fsync {}, synchronous_commit {}".format(*settings)

    def close(self) -> None:
        """See EventLog.close."""
        self._db.close()

    def _locked(self) -> Head:
        """The head, which from here to the end of the transaction is ours alone to move."""
        row = self._db.execute("SELECT position, hash FROM koers.head FOR UPDATE").fetchone()
        if row is None:
            raise LogError(f"{self.name}: the log has lost the row that counts its events: restore it from a backup")
        return Head(*row)

    def _add(self, rows: list[Row], previous: Head) -> Head:
        last = Head(rows[-1].position, rows[-1].hash)
        columns = [list(column) for column in zip(*rows, strict=True)]
        added = self._db.execute(ADD, [*last, *previous, *columns]).rowcount
        if added != len(rows):
            raise LogError(f"{self.name}: the row that counts the events moved under our lock; nothing was stored")
        if redacted := redacted_by(rows):
            self._db.execute(BLANK, (redacted,))
        return last

    def _known(self, ids: list[str]) -> dict[str, Row]:
        found = self._db.execute("SELECT * FROM koers.events WHERE id = ANY(%s)", (ids,))
        return {row[1]: Row._make(row) for row in found}

    def _versions(self, subjects: Iterable[str]) -> dict[str, int]:
        query = "SELECT subject, max(position) FROM koers.events WHERE subject = ANY(%s) GROUP BY subject"
        return dict(self._db.execute(query, (list(subjects),)).fetchall()) if subjects else {}

    def _prepare(self, *, create: bool, as_of: date | None) -> None:
        self._db.execute("SET synchronous_commit TO on")
        self._db.execute(f"SET lock_timeout TO '{WAIT}s'")
        if create:
            self._create(as_of)
        elif not is_made(self._db):
            raise MissingError(
                f"{self.name}: there is no log here; make one with `koers init`, or name another with --log"
            )
        meta: dict[str, str] = dict(self._db.execute("SELECT key, value FROM koers.meta").fetchall())
        try:
            version = int(meta["version"])
            self.log_id = uuid.UUID(meta["log_id"])
            self.as_of = date.fromisoformat(meta["as_of"]) if "as_of" in meta else None
        except (KeyError, ValueError) as error:
            raise LogError(f"{self.name}: the log has lost its version, id or as-of date") from error
        if version > VERSION:
            raise LogError(f"{self.name}: written by a newer koers (format {version}): upgrade koers")

    def _create(self, as_of: date | None) -> None:
        with self._db.transaction():
            self._db.execute("SELECT pg_advisory_xact_lock(%s)", (MAKING,))
            if is_made(self._db):
                return
            row = self._db.execute("SHOW server_encoding").fetchone()
            if row != ("UTF8",):
                raise LogError(f"{self.name}: a log needs a database in UTF8; this one was made in another encoding")
            for script in MIGRATIONS:
                self._db.execute(script)
            meta = [("log_id", str(uuid.uuid4())), ("version", str(VERSION))]
            meta += [("as_of", as_of.isoformat())] if as_of else []
            self._db.cursor().executemany("INSERT INTO koers.meta VALUES (%s, %s)", meta)
            self._db.execute("INSERT INTO koers.head (position, hash) VALUES (%s, %s)", EMPTY)

    @contextmanager
    def _told(self, events: Sequence[Event] = ()) -> Iterator[None]:
        """What the server says, as one line that names the log; `events` are being stored."""
        try:
            yield
        except psycopg.Error as error:
            if self._db.closed or self._db.broken:
                raise LogError(f"{self.name}: the server went away{_how_to_find_out(events)}") from error
            raise LogError(f"{self.name}: {_in_words(error)}") from error


def connect(url: str) -> psycopg.Connection:
    """A connection to the server. Raises LogError, which never holds the password."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error:  # its message would quote what may be part of a password
        given = {"host": "@"}
    if any("@" in str(given.get(part, "")) for part in ("host", "port", "dbname")):
        raise LogError(
            f"{shown(url)}: not a URL of PostgreSQL; write % @ / : and # in a password as %25 %40 %2F %3A %23"
        )
    usual = {"connect_timeout": 10, "tcp_user_timeout": WAIT * 1000, "application_name": "koers"}
    try:
        db = psycopg.connect("", autocommit=True, **{**usual, **given, "client_encoding": "utf8"})  # type: ignore[arg-type]
    except psycopg.Error as error:
        raise LogError(f"{shown(url)}: {_without(str(given.get('password', '')), _first_line(error))}") from error
    db.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    return db


def is_made(db: psycopg.Connection) -> bool:
    """Whether the database holds a log. Raises LogError if its schema `koers` is somebody else's."""
    row = db.execute("SELECT to_regnamespace('koers') IS NOT NULL, to_regclass('koers.head') IS NOT NULL").fetchone()
    if row == (True, False):
        raise LogError("the schema koers of this database is not a koers log; it was left untouched")
    return row == (True, True)


def _how_to_find_out(events: Sequence[Event]) -> str:
    if not events:
        return ": try again when it is back"
    return (
        f" while events were stored ({len(events):,}): all of them are in the log, or none. Append them again when it"
        f" is back (what is stored is not stored twice), or see whether koers.events holds id {events[0].id}"
    )


def _in_words(error: psycopg.Error) -> str:
    if isinstance(error, errors.LockNotAvailable):
        return f"another writer held the log for {WAIT} s; nothing was stored: try again when it is done"
    if isinstance(error, errors.ReadOnlySqlTransaction):
        return "this server, or this user, can only read; nothing was stored"
    if isinstance(error, errors.DiskFull):
        return "the server's disk is full; nothing was stored"
    return _first_line(error)


def _first_line(error: psycopg.Error) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _without(password: str, text: str) -> str:
    return text.replace(password, "***") if password else text
