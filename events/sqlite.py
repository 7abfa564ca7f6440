"""A log in one SQLite file: durable, for one machine and a few writers.

`journal_mode=TRUNCATE` and `synchronous=FULL` survive power loss; WAL has a corruption bug before SQLite 3.51.3.
Writers queue on an flock of a sidecar file, which is fairer than SQLite's own retries. The log file itself is only
ever opened through SQLite: closing any other handle would drop this process's locks on it.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from koers.events.batches import SIZE, Batch
from koers.events.errors import LogError, MissingError
from koers.events.log import (
    EMPTY,
    Clock,
    EventLog,
    Head,
    Salt,
    Stored,
    admit,
    adopt,
    decode,
    redacted_by,
    walk,
)
from koers.events.model import Event, Row
from koers.events.mounts import MOUNTS, over_network
from koers.events.told import in_words
from koers.events.waiting import WAIT, Queue

APPLICATION_ID = 0x6B6F6572  # "koer"
VERSION = 1
CHUNK = 10_000
CACHE = 32_000  # KiB: a batch that outgrows it is written to the disk twice

MIGRATIONS = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE events (
        position INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        type TEXT NOT NULL,
        subject TEXT NOT NULL,
        effective_on TEXT NOT NULL,
        recorded_at TEXT NOT NULL,
        actor TEXT,
        data TEXT NOT NULL,
        note TEXT,
        note_salt TEXT,
        note_digest TEXT,
        appended_at TEXT NOT NULL,
        hash TEXT NOT NULL
    );
    CREATE INDEX events_by_subject ON events (subject, position);
    CREATE TRIGGER events_keep BEFORE DELETE ON events
        BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;
    CREATE TRIGGER events_stay BEFORE UPDATE OF
        position, id, type, subject, effective_on, recorded_at, actor, data, note_digest, appended_at, hash ON events
        BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
    """,
)


MARKS = """
    SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master)
    FROM pragma_application_id, pragma_user_version
"""
"""Whose file it is, its format, and how much is in it: in one look, as another process may be making it."""


SETTINGS = "SELECT journal_mode, synchronous FROM pragma_journal_mode, pragma_synchronous"
SYNCHRONOUS = ("off", "normal", "full", "extra")
GIVEN = "FROM json_each(?) AS given CROSS JOIN events ON events.id = given.value"
KNOWN = f"SELECT events.* {GIVEN}"
POSITIONS = f"SELECT events.id, events.position {GIVEN} WHERE events.position <= ?"
NOTES = "SELECT position, note FROM events WHERE note IS NOT NULL ORDER BY position"
BLANK = "UPDATE events SET note = NULL, note_salt = NULL WHERE id = ?"
ADD = f"INSERT INTO events VALUES ({','.join('?' * len(Row._fields))})"  # noqa: S608


class SqliteLog(EventLog):
    """An event log in the file `path`. See `koers.events.log.open_log`."""

    path: Path

    def __init__(
        self,
        path: Path,
        *,
        create: bool = False,
        as_of: date | None = None,
        clock: Clock | None = None,
        salt: Salt | None = None,
    ) -> None:
        if not path.name:  # the working folder, or the root
            raise LogError(f"{path}: this is a folder; name a file")
        self.path = path
        self._queue = Queue(path.with_name(path.name + ".lock"))
        self._clock = clock or (lambda: datetime.now(UTC))
        self._salt = salt or secrets.token_hex
        if not create and not path.exists():
            raise MissingError(f"{path}: there is no log here; make one with `koers init`, or name it with --log FILE")
        with self._told():
            self._refuse_network()
            if path.exists():
                self._refuse_foreign()
            self._db = _connect(path, "rwc" if create else "rw")
            try:
                self._prepare(create=create, as_of=as_of)
            except BaseException:
                self._db.close()
                raise

    def append(self, events: Sequence[Event], expected: Mapping[str, int] | None = None) -> list[int]:
        """See EventLog.append."""
        with self._told(), self._writing():
            stored = Stored(self._last(), self._known([e.id for e in events]), self._versions(expected or {}))
            rows, positions = admit(events, stored, expected, self._clock, self._salt)
            self._add(rows)
        return positions

    def append_rows(self, batches: Iterable[Sequence[Row]]) -> int:
        """See EventLog.append_rows."""
        new = 0
        with self._told(), self._writing():
            for batch in batches:
                stored = Stored(self._last(), self._known([row.id for row in batch]), {})
                rows = adopt(batch, stored, self._clock, self._salt)
                self._add(rows)
                new += len(rows)
        return new

    def purge(self) -> None:
        """Write the file anew: pages may hold copies of rows that were moved. See EventLog.purge."""
        with self._told(), self._queue.turn(WAIT):
            self._db.execute("VACUUM")

    def rows(self, after: int = 0, until: int | None = None) -> Iterator[Row]:
        """See EventLog.rows. Read in chunks: an open cursor would hold writers up."""
        last = self.head().position
        end = last if until is None else min(until, last)
        while after < end:
            with self._told():
                chunk = self._db.execute(
                    "SELECT * FROM events WHERE position > ? AND position <= ? ORDER BY position LIMIT ?",
                    (after, end, CHUNK),
                ).fetchall()
            if not chunk:
                return
            yield from map(Row._make, chunk)
            after = chunk[-1][0]

    def batches(self, after: int, until: int) -> Iterator[Batch]:
        """See EventLog.batches. SQLite writes the columns: no Python object per row."""
        columns = ", ".join(f"json_group_array({name})" for name in Batch._fields[1:])
        query = f"SELECT min(position), max(position), count(*), {columns} FROM events WHERE position BETWEEN ? AND ?"  # noqa: S608
        for start in range(after + 1, until + 1, SIZE):
            with self._told():
                first, last, count, *texts = self._db.execute(query, (start, min(start + SIZE - 1, until))).fetchone()
            positions = range(first, last + 1) if count else range(0)
            if not count or count != len(positions):
                raise LogError(f"{self.path}: an event from position {start} on is missing: `koers verify` says more")
            yield Batch(positions, *texts)

    def positions(self, ids: Sequence[str], until: int) -> dict[str, int]:
        """See EventLog.positions."""
        with self._told():
            return dict(self._db.execute(POSITIONS, (json.dumps(ids), until)).fetchall())

    def head(self) -> Head:
        """See EventLog.head."""
        with self._told():
            return self._last()

    def _last(self) -> Head:
        row = self._db.execute("SELECT position, hash FROM events ORDER BY position DESC LIMIT 1").fetchone()
        return Head(*row) if row else EMPTY

    def find(self, event_id: str) -> Event | None:
        """See EventLog.find."""
        with self._told():
            row = self._db.execute("SELECT * FROM events WHERE id = ?", (event_id,)).fetchone()
        return decode(Row._make(row)) if row else None

    def verify(self) -> Head:
        """See EventLog.verify; the file itself is checked first."""
        with self._told():
            found = self._db.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise LogError(f"{self._first_bad()}; the file is damaged: {' '.join(found.split())}")
        head = super().verify()
        if altered := self._altered():
            raise LogError(
                f"{self.path}: the events fit the chain, but the file is not as koers made it: {', '.join(altered)}"
            )
        return head

    def notes(self) -> dict[int, str]:
        """See EventLog.notes."""
        with self._told():
            return dict(self._db.execute(NOTES))

    def storage(self) -> str:
        """See EventLog.storage."""
        with self._told():
            journal, synced = self._db.execute(SETTINGS).fetchone()
        return f"SQLite {sqlite3.sqlite_version}, journal {journal}, synchronous {SYNCHRONOUS[synced]}"

    def _first_bad(self) -> str:
        """The first position at fault in a damaged file, in words."""
        head = EMPTY
        try:
            while row := self._at(head.position + 1):
                head = walk(iter([row]), head)
            with self._told():
                (held,) = self._db.execute("SELECT count(*) FROM events INDEXED BY events_by_subject").fetchone()
        except LogError as error:
            return str(error) if str(error).startswith("position") else f"position {head.position + 1}: unreadable"
        if held > head.position:
            return f"position {head.position + 1}: unreadable"
        return f"{self.path}: events up to position {head.position} are whole"

    def _at(self, position: int) -> Row | None:
        with self._told():
            row = self._db.execute("SELECT * FROM events WHERE position = ?", (position,)).fetchone()
        return Row._make(row) if row else None

    def close(self) -> None:
        """See EventLog.close."""
        self._db.close()
        self._queue.close()

    def _refuse_network(self) -> None:
        found = over_network(self.path.resolve(), MOUNTS.read_text()) if MOUNTS.exists() else None
        if found:
            raise LogError(
                f"{self.path}: lies on a network file system ({found}), where locks and syncs cannot be relied on; it"
                " was left untouched: keep the log on a disk of this machine, or on a server (postgresql://...)"
            )

    def _refuse_foreign(self) -> None:
        """Look before opening to write: that alone would fold another program's leftover journal into its file."""
        with closing(_connect(self.path, "ro", 0)) as probe:
            try:
                ours, _, tables = probe.execute(MARKS).fetchone()
            except (sqlite3.OperationalError, UnicodeDecodeError):
                return  # a journal of ours to roll back, perhaps: only a writer can tell
        if ours != APPLICATION_ID and (ours, tables) != (0, 0):
            raise LogError(f"{self.path}: this is not a koers log; it was left untouched")

    def _prepare(self, *, create: bool, as_of: date | None) -> None:
        ours, version, tables = self._db.execute(MARKS).fetchone()
        new = create and (ours, version, tables) == (0, 0, 0)
        if ours != APPLICATION_ID and not new:
            raise LogError(f"{self.path}: this is not a koers log; it was left untouched")
        if version > VERSION:
            raise LogError(
                f"{self.path}: written by a newer koers (format {version}, this one reads {VERSION}): upgrade koers"
            )
        self._db.execute("PRAGMA journal_mode=TRUNCATE")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA secure_delete=ON")
        if new:
            self._create(as_of)
        if damaged := {"events", "meta"}.intersection(self._altered()):
            raise LogError(f"{self.path}: the file is damaged: its table {min(damaged)} is not one that koers made")
        meta = dict(self._db.execute("SELECT key, value FROM meta"))
        try:
            self.log_id = uuid.UUID(str(meta["log_id"]))
            self.as_of = date.fromisoformat(str(meta["as_of"])) if "as_of" in meta else None
        except (KeyError, ValueError) as error:
            raise LogError(f"{self.path}: the file is damaged: its log id or as-of date cannot be read") from error

    def _create(self, as_of: date | None) -> None:
        with self._writing():
            if self._db.execute(MARKS).fetchone()[0] == APPLICATION_ID:  # another process was first
                return
            for script in MIGRATIONS:
                for statement in _statements(script):
                    self._db.execute(statement)
            meta = [("log_id", str(uuid.uuid4()))] + ([("as_of", as_of.isoformat())] if as_of else [])
            self._db.executemany("INSERT INTO meta VALUES (?, ?)", meta)
            self._db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version={VERSION}")

    def _altered(self) -> list[str]:
        """Tables, indexes and triggers that are missing, changed or not ours."""
        found = self._db.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
        return sorted({str(name) for name, _ in _schema() ^ set(found)})

    def _add(self, rows: Sequence[Row]) -> None:
        self._db.executemany(ADD, map(tuple, rows))
        if redacted := redacted_by(rows):
            self._db.executemany(BLANK, [(event_id,) for event_id in redacted])

    def _known(self, ids: Sequence[str]) -> dict[str, Row]:
        found = self._db.execute(KNOWN, (json.dumps(ids),))
        return {row[1]: Row._make(row) for row in found}

    def _versions(self, subjects: Iterable[str]) -> dict[str, int]:
        query = "SELECT coalesce(max(position), 0) FROM events WHERE subject = ?"
        return {subject: self._db.execute(query, (subject,)).fetchone()[0] for subject in subjects}

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One write transaction; the flock makes writers queue instead of poll."""
        with self._queue.turn(WAIT):
            self._db.execute(f"PRAGMA cache_size=-{CACHE}")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Storage errors as one line that names the file."""
        try:
            yield
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:  # the last from what is no text any more
            raise LogError(f"{self.path}: {in_words(error)}") from error


def _connect(path: Path, mode: str, wait: float = WAIT) -> sqlite3.Connection:
    if path.is_dir():
        raise LogError(f"{path}: this is a folder; name a file")
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=wait)


def _statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one: `executescript` would commit the transaction they belong to."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@cache
def _schema() -> frozenset[tuple[str, str]]:
    """Name and statement of everything in the file."""
    with closing(sqlite3.connect(":memory:")) as db:
        for script in MIGRATIONS:
            db.executescript(script)
        return frozenset(db.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"))
