"""A log in one SQLite file: durable, for one machine and a few writers.

`journal_mode=TRUNCATE` and `synchronous=FULL` survive power loss; WAL has a corruption bug before SQLite 3.51.3.
Writers queue on an flock of a sidecar file, which is fairer than SQLite's own retries. The log file itself is only
ever opened through SQLite: closing any other handle would drop this process's locks on it.
"""

from __future__ import annotations

import secrets
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from koers.events.errors import LogError
from koers.events.log import EMPTY, Clock, EventLog, Head, Salt, Stored, admit, adopt, decode
from koers.events.model import Event, Row

try:
    import fcntl
except ImportError:  # not a POSIX system: SQLite's own locking has to do
    fcntl = None  # type: ignore[assignment]

APPLICATION_ID = 0x6B6F6572  # "koer"
VERSION = 1
CHUNK = 10_000

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


class SqliteLog(EventLog):
    """An event log in the file `path`. See `koers.events.log.open_log`."""

    def __init__(
        self,
        path: Path,
        *,
        create: bool = False,
        as_of: date | None = None,
        clock: Clock | None = None,
        salt: Salt | None = None,
    ) -> None:
        self.path = path
        self._clock = clock or (lambda: datetime.now(UTC))
        self._salt = salt or secrets.token_hex
        if not create and not path.exists():
            raise LogError(f"{path}: there is no log here; make one with `koers init`, or name it with --log FILE")
        with self._told():
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
            stored = Stored(self.head(), self._known([e.id for e in events]), self._versions(expected or {}))
            rows, positions = admit(events, stored, expected, self._clock, self._salt)
            self._db.executemany(f"INSERT INTO events VALUES ({','.join('?' * len(Row._fields))})", rows)  # noqa: S608
        return positions

    def append_rows(self, batches: Iterable[Sequence[Row]]) -> int:
        """See EventLog.append_rows."""
        new = 0
        with self._told(), self._writing():
            for batch in batches:
                stored = Stored(self.head(), self._known([row.id for row in batch]), {})
                rows = adopt(batch, stored, self._clock, self._salt)
                self._db.executemany(f"INSERT INTO events VALUES ({','.join('?' * len(Row._fields))})", rows)  # noqa: S608
                new += len(rows)
        return new

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

    def head(self) -> Head:
        """See EventLog.head."""
        with self._told():
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
            raise LogError(f"{self.path}: the file is damaged: {found}")
        return super().verify()

    def close(self) -> None:
        """See EventLog.close."""
        self._db.close()

    def _refuse_foreign(self) -> None:
        """Look before opening to write: that alone would fold another program's leftover journal into its file."""
        with closing(_connect(self.path, "ro")) as probe:
            try:
                ours = probe.execute("PRAGMA application_id").fetchone()[0]
                tables = probe.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            except sqlite3.OperationalError:
                return  # a journal of ours to roll back, perhaps: only a writer can tell
        if ours != APPLICATION_ID and (ours, tables) != (0, 0):
            raise LogError(f"{self.path}: this is not a koers log; it was left untouched")

    def _prepare(self, *, create: bool, as_of: date | None) -> None:
        ours, version = self._pragma("application_id"), self._pragma("user_version")
        tables = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if (ours, version, tables) == (0, 0, 0) and create:
            self._create(as_of)
        elif ours != APPLICATION_ID:
            raise LogError(f"{self.path}: this is not a koers log; it was left untouched")
        elif version > VERSION:
            raise LogError(
                f"{self.path}: written by a newer koers (format {version}, this one reads {VERSION}): upgrade koers"
            )
        self._db.execute("PRAGMA journal_mode=TRUNCATE")
        self._db.execute("PRAGMA synchronous=FULL")
        meta = dict(self._db.execute("SELECT key, value FROM meta"))
        self.log_id = uuid.UUID(meta["log_id"])
        self.as_of = date.fromisoformat(meta["as_of"]) if "as_of" in meta else None

    def _create(self, as_of: date | None) -> None:
        with self._writing():
            if self._pragma("application_id") == APPLICATION_ID:  # another process was first
                return
            for script in MIGRATIONS:
                for statement in _statements(script):
                    self._db.execute(statement)
            meta = [("log_id", str(uuid.uuid4()))] + ([("as_of", as_of.isoformat())] if as_of else [])
            self._db.executemany("INSERT INTO meta VALUES (?, ?)", meta)
            self._db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version={VERSION}")

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])

    def _known(self, ids: Sequence[str]) -> dict[str, Row]:
        found = {}
        for start in range(0, len(ids), 500):
            part = ids[start : start + 500]
            marks = ",".join("?" * len(part))
            for row in self._db.execute(f"SELECT * FROM events WHERE id IN ({marks})", part):  # noqa: S608
                found[row[1]] = Row._make(row)
        return found

    def _versions(self, subjects: Iterable[str]) -> dict[str, int]:
        query = "SELECT coalesce(max(position), 0) FROM events WHERE subject = ?"
        return {subject: self._db.execute(query, (subject,)).fetchone()[0] for subject in subjects}

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One write transaction; the flock makes writers queue instead of poll."""
        with _flock(self.path.with_name(self.path.name + ".lock")):
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
        except sqlite3.Error as error:
            if "not a database" in str(error):
                raise LogError(f"{self.path}: this is not a koers log; it was left untouched") from error
            raise LogError(f"{self.path}: {error}") from error
        except OSError as error:
            raise LogError(f"{self.path}: {error.strerror or error}") from error


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    if path.is_dir():
        raise LogError(f"{path}: this is a folder; name a file")
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=60.0)


def _statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one: `executescript` would commit the transaction they belong to."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextmanager
def _flock(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
