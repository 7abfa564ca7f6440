"""Redaction: the note is gone from every file, the chain holds, and what is said of it is true."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from koers.events.cache import copy_of, read_frames
from koers.events.edits import Ledger
from koers.events.errors import InputError, LogError
from koers.events.export import export_tables
from koers.events.interchange import export_events, import_events
from koers.events.log import EventLog, open_log
from koers.events.memory import MemoryLog
from koers.events.model import CheckedIn, CheckInCorrected, Event, NoteRedacted
from koers.events.redaction import Redacted, redact, redacted
from koers.events.sqlite import SqliteLog
from tests.events.server import Server

DAY = date(2026, 1, 5)
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
SECRET = "reorganisatie van de meldkamer, nog niet bekend"  # noqa: S105
SALT = "5a" * 32


def check_in(name: str, note: str | None = None, value: float = 1.0) -> Event:
    data = CheckedIn(value=value)
    salt = SALT if note == SECRET else None
    return Event(
        id=name,
        subject="kr/x",
        effective_on=DAY,
        recorded_at=NOW,
        actor="o",
        data=data,
        note=note,
        note_salt=salt,
    )


def correction(name: str, of: str, note: str | None) -> Event:
    data = CheckInCorrected(value=2.0, corrects=of)
    return Event(id=name, subject="kr/x", effective_on=DAY, recorded_at=NOW, actor="o", data=data, note=note)


def made(folder: Path, events: list[Event]) -> SqliteLog:
    log = SqliteLog(folder / "log.db", create=True, clock=lambda: NOW)
    log.append(events)
    return log


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EventLog]:
    if request.param == "postgres":
        made_log = open_log(request.getfixturevalue("database"), create=True, clock=lambda: NOW)
    else:
        made_log = MemoryLog(clock=lambda: NOW) if request.param == "memory" else made(tmp_path, [])
    with made_log as log:
        yield log


def found_in(folder: Path) -> set[str]:
    """The files of a folder that hold bytes of the note, or its salt."""
    parts = (SECRET.encode(), SECRET.encode()[:12], SECRET.encode()[-12:], SALT.encode())
    return {path.name for path in folder.iterdir() if any(part in path.read_bytes() for part in parts)}


def test_a_redacted_note_is_gone_and_the_chain_holds(log: EventLog) -> None:
    log.append([check_in("a", SECRET), check_in("b", "stays")])
    assert redact(log, "a", NOW) == ["a"]
    rows = {row.id: row for row in log.rows()}
    assert (rows["a"].note, rows["a"].note_salt, rows["b"].note) == (None, None, "stays")
    assert rows["a"].note_digest is not None
    assert log.verify().position == 3
    assert redacted(log.rows()) == [Redacted("a", 1, 3)]


def test_redacting_again_adds_nothing(log: EventLog) -> None:
    log.append([check_in("a", SECRET)])
    redact(log, "a", NOW)
    head = log.head()
    assert redact(log, "a", NOW + timedelta(hours=1)) == []
    assert log.head() == head


def test_a_note_that_a_correction_repeats_goes_with_it_and_another_stays(log: EventLog) -> None:
    log.append([check_in("a", SECRET), correction("b", "a", SECRET), correction("c", "a", "typing error")])
    log.append([check_in("d", SECRET)])
    assert redact(log, "b", NOW) == ["a", "b"]
    assert [row.note for row in log.rows()] == [None, None, "typing error", SECRET, None, None]
    log.verify()


@pytest.mark.parametrize(("name", "said"), [("z", "there is no event 'z'"), ("b", "event b has no note")])
def test_what_cannot_be_redacted_is_refused_in_one_line(log: EventLog, name: str, said: str) -> None:
    log.append([check_in("a", SECRET), check_in("b")])
    with pytest.raises(InputError, match=said) as refused:
        redact(log, name, NOW)
    assert "\n" not in str(refused.value)
    assert log.head().position == 2


def test_an_event_repeated_after_its_note_was_redacted_adds_nothing(log: EventLog) -> None:
    log.append([check_in("a", SECRET)])
    redact(log, "a", NOW)
    assert log.append([check_in("a", SECRET)]) == [1]
    assert [row.note for row in log.rows()] == [None, None]


def test_a_note_that_is_gone_without_a_redaction_is_found(tmp_path: Path) -> None:
    with made(tmp_path, [check_in("a", SECRET), check_in("b")]) as log:
        with closing(sqlite3.connect(log.path)) as db, db:
            db.execute("UPDATE events SET note = NULL, note_salt = NULL")
        with pytest.raises(LogError, match="position 1: the note of event a is gone, and no event redacts it"):
            log.verify()


def test_a_note_that_is_put_back_after_its_redaction_is_found(tmp_path: Path) -> None:
    with made(tmp_path, [check_in("a", SECRET)]) as log:
        redact(log, "a", NOW)
        with closing(sqlite3.connect(log.path)) as db, db:
            db.execute("UPDATE events SET note = ?, note_salt = ? WHERE id = 'a'", (SECRET, SALT))
        with pytest.raises(LogError, match="position 1: the note of event a is there, though redacted"):
            log.verify()


def test_a_log_rebuilt_from_its_rows_after_a_redaction_has_the_same_head(log: EventLog) -> None:
    log.append([check_in("a", SECRET), check_in("b", "stays")])
    redact(log, "a", NOW)
    again = MemoryLog(clock=lambda: NOW)
    again.append(list(log.read()))
    assert again.head() == log.head()
    assert again.verify() == log.head()


def test_a_backup_after_a_redaction_has_the_same_head_and_no_note(log: EventLog, tmp_path: Path) -> None:
    first = MemoryLog(clock=lambda: NOW)
    first.append([check_in("a", SECRET), check_in("b", "stays")])
    redact(first, "a", NOW)
    export_events(first, tmp_path / "first.jsonl")
    import_events(log, [tmp_path / "first.jsonl"])
    assert log.head() == first.head()
    export_events(log, tmp_path / "second.jsonl")
    again = MemoryLog()
    import_events(again, [tmp_path / "second.jsonl"])
    assert again.verify() == first.head()
    assert redacted(again.rows()) == redacted(log.rows()) == [Redacted("a", 1, 3)]
    assert found_in(tmp_path) == set()


def test_a_later_copy_that_redacts_a_note_blanks_it_where_it_still_is(log: EventLog, tmp_path: Path) -> None:
    other = MemoryLog(clock=lambda: NOW)
    other.append([check_in("a", SECRET), check_in("b", "stays")])
    export_events(other, tmp_path / "before.jsonl")
    import_events(log, [tmp_path / "before.jsonl"])
    redact(other, "a", NOW)
    export_events(other, tmp_path / "after.jsonl")
    assert import_events(log, [tmp_path / "after.jsonl"]).added == 1
    assert [row.note for row in log.rows()] == [None, "stays", None]
    assert log.verify() == other.head()
    assert found_in(tmp_path) == {"before.jsonl"}
    assert import_events(log, [tmp_path / "before.jsonl"]).added == 0


def test_an_import_that_could_not_clear_the_storage_says_so_and_does_it_when_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = MemoryLog(clock=lambda: NOW)
    other.append([check_in("a", SECRET)])
    redact(other, "a", NOW)
    export_events(other, tmp_path / "copy.jsonl")
    with open_log(tmp_path / "log.db", create=True) as log:
        purged: list[bool] = []
        monkeypatch.setattr(type(log), "purge", lambda _: refuse())
        with pytest.raises(LogError, match=r"no room; .* may still be in the storage: .* import again$"):
            import_events(log, [tmp_path / "copy.jsonl"])
        monkeypatch.setattr(type(log), "purge", lambda _: purged.append(True))
        assert import_events(log, [tmp_path / "copy.jsonl"]).added == 0
        assert purged == [True]


def refuse() -> None:
    raise LogError("no room")


@pytest.mark.parametrize("purged", [True, False], ids=["purged", "not purged: the control"])
def test_the_bytes_of_a_redacted_note_are_not_in_the_tables_of_a_server(
    server: Server, database: str, purged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_log(database, create=True, clock=lambda: NOW) as log:
        log.append([check_in("a"), check_in("b", SECRET), check_in("c")])
        assert server.files_with(SECRET.encode())
        if not purged:
            monkeypatch.setattr(type(log), "purge", lambda _: None)
        redact(log, "b", NOW)
        log.verify()
    assert bool(server.files_with(SECRET.encode())) is not purged


def test_an_export_after_a_redaction_has_no_note_and_the_old_table_is_known(log: EventLog, tmp_path: Path) -> None:
    log.append([check_in("a", SECRET), check_in("b", "stays", 2.0)])
    redact(log, "a", NOW)
    export_tables(log, tmp_path / "tables")
    assert found_in(tmp_path / "tables") == set()
    assert "stays" in (tmp_path / "tables/check_ins.csv").read_text(encoding="utf-8")
    ((first, _),) = Ledger.of(log.read()).slots.values()
    assert first.imported.redacted


def crowded(folder: Path, *, secure: bool) -> SqliteLog:
    """A log whose pages have been split and filled again, with secrets all over."""
    log = made(folder, [])
    if not secure:
        log._db.execute("PRAGMA secure_delete=OFF")
    for start in range(0, 400, 20):
        log.append([check_in(f"{n:032x}", SECRET if n % 7 == 3 else "n" * (n % 50)) for n in range(start, start + 20)])
    return log


@pytest.mark.parametrize("purged", [True, False], ids=["secure delete and a new file", "neither: the control"])
def test_the_bytes_of_a_redacted_note_are_in_no_file(tmp_path: Path, purged: bool) -> None:
    with crowded(tmp_path, secure=purged) as log:
        assert "log.db" in found_in(tmp_path)
        for n in range(3, 400, 7):
            if purged:
                redact(log, f"{n:032x}", NOW)
            else:
                event = check_in(f"{n:032x}")
                log.append([event.model_copy(update={"id": f"r{n}", "data": NoteRedacted(redacts=event.id)})])
        log.verify()
        assert all(row.note != SECRET for row in log.rows())
        assert found_in(tmp_path) == (set() if purged else {"log.db"})
    assert found_in(tmp_path) == (set() if purged else {"log.db"})


def test_the_columnar_copy_never_holds_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("koers.events.cache.LEAST", 1)
    with made(tmp_path, [check_in("a", SECRET)]) as log:
        read_frames(log)
        assert copy_of(log.path).name not in found_in(tmp_path)
        assert "log.db" in found_in(tmp_path)


@pytest.mark.parametrize("at", ["INSERT INTO events", "UPDATE events", "COMMIT"])
def test_a_redaction_that_is_broken_off_has_not_happened_and_can_be_done_again(tmp_path: Path, at: str) -> None:
    with made(tmp_path, [check_in("a", SECRET), correction("b", "a", SECRET)]) as log:
        head, whole = log.head(), log._db
        log._db = Breaking(whole, at)  # type: ignore[assignment]
        with pytest.raises(LogError, match="disk I/O error"):
            redact(log, "a", NOW)
        log._db = whole
        assert log.head() == head
        assert [row.note for row in log.rows()] == [SECRET, SECRET]
        assert redact(log, "a", NOW) == ["a", "b"]
        assert found_in(tmp_path) == set()
        log.verify()


def test_where_the_file_cannot_be_written_anew_the_message_says_so_and_redacting_again_clears_it(
    tmp_path: Path,
) -> None:
    with made(tmp_path, [check_in("a", SECRET)]) as log:
        whole = log._db
        log._db = Breaking(whole, "VACUUM")  # type: ignore[assignment]
        with pytest.raises(LogError, match="its bytes may still be in the storage: when this is put right"):
            redact(log, "a", NOW)
        log._db = whole
        assert log.verify().position == 2
        assert redact(log, "a", NOW) == []
        assert found_in(tmp_path) == set()


class Breaking:
    """A connection that fails at one statement."""

    def __init__(self, db: sqlite3.Connection, at: str) -> None:
        self._db, self._at = db, at

    def execute(self, statement: str, *rest: object) -> sqlite3.Cursor:
        if statement.startswith(self._at):
            raise sqlite3.OperationalError("disk I/O error")
        return self._db.execute(statement, *rest)  # type: ignore[arg-type]

    def executemany(self, statement: str, *rest: object) -> sqlite3.Cursor:
        if statement.startswith(self._at):
            raise sqlite3.OperationalError("disk I/O error")
        return self._db.executemany(statement, *rest)  # type: ignore[arg-type]

    @property
    def in_transaction(self) -> bool:
        return self._db.in_transaction
