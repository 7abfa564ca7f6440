"""The SQLite file: what it refuses, how it shows tampering, and writers side by side."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from koers.events.errors import LogError
from koers.events.log import open_log
from koers.events.model import CheckedIn, Event, NoteRedacted, Row
from koers.events.sqlite import SqliteLog

DAY = date(2026, 1, 5)
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def check_in(name: str, note: str | None = None) -> Event:
    data = CheckedIn(value=1.0)
    return Event(id=name, subject="kr/x", effective_on=DAY, recorded_at=NOW, actor="o", data=data, note=note)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of three events, the second with a note."""
    with open_log(tmp_path / "log.db", create=True, clock=lambda: NOW) as log:
        log.append([check_in("a"), check_in("b", "note"), check_in("c")])
    return tmp_path / "log.db"


def run(path: Path, *statements: str) -> None:
    db = sqlite3.connect(path)
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()


def untriggered(path: Path, *statements: str) -> None:
    """Change a log as somebody would who knows how, and leave its triggers as they were."""
    with closing(sqlite3.connect(path)) as db, db:
        triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for statement in (*(f"DROP TRIGGER {name}" for name, _ in triggers), *statements):
            db.execute(statement)
        for _, sql in triggers:
            db.execute(sql)


@pytest.mark.parametrize("create", [False, True])
def test_the_database_of_another_program_is_refused_and_left_as_it_is(tmp_path: Path, create: bool) -> None:
    path = tmp_path / "theirs.db"
    run(path, "CREATE TABLE theirs (x)", "INSERT INTO theirs VALUES (1)")
    before = path.read_bytes()
    with pytest.raises(LogError, match="not a koers log"):
        open_log(path, create=create)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["theirs.db"]


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("content", [b"key_result,value\n" * 200, b"SQLite format 3\0" + b"\xff" * 500])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes, create: bool) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(content)
    with pytest.raises(LogError, match=r"x\.db: "):
        open_log(path, create=create)
    assert path.read_bytes() == content


def test_an_empty_file_is_no_log_until_it_is_made_one(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.touch()
    with pytest.raises(LogError, match="not a koers log"):
        open_log(path)
    assert path.read_bytes() == b""
    with open_log(path, create=True) as log:
        assert log.append([check_in("a")]) == [1]


def test_a_log_of_a_newer_koers_is_refused_and_left_as_it_is(path: Path) -> None:
    run(path, "PRAGMA user_version=2")
    before = path.read_bytes()
    with pytest.raises(LogError, match="written by a newer koers"):
        open_log(path, create=True)
    assert path.read_bytes() == before


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="no log here"):
        open_log(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []
    for create in (False, True):
        with pytest.raises(LogError, match="this is a folder"):
            open_log(tmp_path, create=create)
    with pytest.raises(LogError):
        open_log(tmp_path / "none" / "x.db", create=True)


def test_making_a_log_that_is_there_keeps_it(path: Path) -> None:
    with open_log(path, create=True) as log:
        assert log.head().position == 3


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM events",
        *(f"UPDATE events SET {c} = {c}" for c in Row._fields if c not in ("note", "note_salt")),  # noqa: S608
    ],
)
def test_events_can_be_neither_deleted_nor_changed(path: Path, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="events are never"):
        run(path, statement)


def test_a_note_can_be_blanked_without_breaking_the_chain(path: Path) -> None:
    run(path, "UPDATE events SET note = NULL, note_salt = NULL WHERE position = 2")
    with open_log(path) as log:
        assert log.append([check_in("d").model_copy(update={"data": NoteRedacted(redacts="b")})]) == [4]
        assert log.verify() == log.head()
        assert log.append([check_in("b", "note")]) == [2]


TAMPERED = {
    "position": "22",
    "id": "'z'",
    "type": "'koers.checked-in.v2'",
    "subject": "'kr/y'",
    "effective_on": "'2026-01-04'",
    "recorded_at": "'2026-01-05T09:00:00.000001Z'",
    "actor": "'p'",
    "data": """'{"value":1.1}'""",
    "note": "'other'",
    "note_salt": "'00'",
    "note_digest": "'00'",
    "appended_at": "'yesterday'",
    "hash": "'00'",
}


@pytest.mark.parametrize("column", Row._fields)
def test_verify_names_the_position_whatever_column_was_changed(path: Path, column: str) -> None:
    untriggered(path, f"UPDATE events SET {column} = {TAMPERED[column]} WHERE position = 2")  # noqa: S608
    with open_log(path) as log, pytest.raises(LogError, match=r"position (2|3|22)\b") as caught:
        log.verify()
    expected = "position 3" if column == "position" else "position 2"
    assert str(caught.value).startswith(expected)


@pytest.mark.parametrize("column", [c for c in Row._fields if c not in ("position", "note_salt")])
def test_verify_stands_bytes_where_text_belongs(path: Path, column: str) -> None:
    untriggered(path, f"UPDATE events SET {column} = x'ff00' WHERE position = 2")  # noqa: S608
    with open_log(path) as log, pytest.raises(LogError, match="position 2"):
        log.verify()


def test_verify_finds_a_missing_event_and_an_exported_head_a_cut_tail(path: Path) -> None:
    with open_log(path) as log:
        head = log.verify()
    untriggered(path, "DELETE FROM events WHERE position = 3")
    with open_log(path) as log:
        assert log.verify() != head
    untriggered(path, "DELETE FROM events WHERE position = 1")
    with open_log(path) as log, pytest.raises(LogError, match="position 2: follows 0"):
        log.verify()


@pytest.mark.parametrize(
    ("statement", "altered"),
    [
        ("DROP TRIGGER events_keep", "events_keep"),
        ("DROP INDEX events_by_subject", "events_by_subject"),
        ("CREATE TRIGGER more AFTER INSERT ON events BEGIN SELECT 1; END", "more"),
    ],
)
def test_verify_says_what_of_the_file_koers_did_not_make(path: Path, statement: str, altered: str) -> None:
    run(path, statement)
    with open_log(path) as log, pytest.raises(LogError, match=f"not as koers made it: {altered}$"):
        log.verify()


@pytest.mark.parametrize(
    "statement", ["DELETE FROM meta", "UPDATE meta SET value = 'x'", "UPDATE meta SET value = x'00'"]
)
def test_a_log_that_lost_its_own_id_is_refused(path: Path, statement: str) -> None:
    run(path, statement)
    with pytest.raises(LogError, match="its log id or as-of date cannot be read"):
        open_log(path)


def test_a_table_that_koers_did_not_make_is_refused(path: Path) -> None:
    run(path, "ALTER TABLE events ADD COLUMN theirs")
    with pytest.raises(LogError, match="its table events is not one that koers made"):
        open_log(path)


def test_damage_is_told_on_one_line_with_the_first_bad_position(path: Path) -> None:
    content = bytearray(path.read_bytes())
    with closing(sqlite3.connect(path)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events'").fetchone()
    content[(page - 1) * 4096 + 12 : (page - 1) * 4096 + 14] = b"\xff\xff"
    path.write_bytes(content)
    with (
        open_log(path) as log,
        pytest.raises(LogError, match=r"^position 3: unreadable; the file is damaged: .*") as caught,
    ):
        log.verify()
    assert "\n" not in str(caught.value)


def test_verify_finds_damage_of_the_file_itself(path: Path) -> None:
    untriggered(path, "PRAGMA writable_schema=ON", "DELETE FROM sqlite_master WHERE name = 'events_by_subject'")
    with open_log(path) as log, pytest.raises(LogError, match="damaged"):
        log.verify()


APPEND = """
import sys
from contextlib import closing
from datetime import UTC, date, datetime
from koers.events.log import open_log
from koers.events.model import CheckedIn, Event

path, name = sys.argv[1:]
now = datetime(2026, 1, 5, 9, tzinfo=UTC)
with open_log(path, create=True) as log:
    for i in range(15):
        ids = (f"{name}-{i}", f"{name}-{i}-b", f"shared-{i}")
        log.append([Event(id=x, subject="kr/x", effective_on=now.date(), recorded_at=now, data=CheckedIn(value=1.0))
                    for x in ids])
"""


def test_several_processes_append_at_once_without_gaps_or_losses(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    running = [subprocess.Popen([sys.executable, "-c", APPEND, str(path), name]) for name in "pqr"]  # noqa: S603
    assert [process.wait(60) for process in running] == [0, 0, 0]
    with SqliteLog(path) as log:
        events = list(log.read())
        assert log.verify().position == len(events) == 3 * 15 * 2 + 15
    assert [e.position for e in events] == list(range(1, len(events) + 1))
    for name in "pqr":
        own = [e for e in events if e.id.startswith(name)]
        assert [e.id for e in own] == [f"{name}-{i}{b}" for i in range(15) for b in ("", "-b")]
        assert all(b.position == (a.position or 0) + 1 for a, b in zip(own[::2], own[1::2], strict=True))


def test_a_foreign_file_with_a_leftover_write_ahead_log_is_left_byte_for_byte_as_it_was(tmp_path: Path) -> None:
    busy, left = tmp_path / "busy.db", tmp_path / "left.db"
    with closing(sqlite3.connect(busy)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE theirs (x)")
        db.commit()
        db.execute("INSERT INTO theirs VALUES (1)")
        db.commit()
        for end in ("", "-wal"):
            (tmp_path / f"left.db{end}").write_bytes((tmp_path / f"busy.db{end}").read_bytes())
    before = [(tmp_path / f"left.db{end}").read_bytes() for end in ("", "-wal")]
    with pytest.raises(LogError, match="not a koers log"):
        open_log(left, create=True)
    assert [(tmp_path / f"left.db{end}").read_bytes() for end in ("", "-wal")] == before


def test_a_log_whose_writer_died_in_mid_commit_is_rolled_back_and_opened(tmp_path: Path) -> None:
    path, dead = tmp_path / "koers.db", tmp_path / "dead.db"
    with open_log(path, create=True):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA cache_size=1")
        db.execute("BEGIN IMMEDIATE")
        for number in range(2_000):
            db.execute("INSERT INTO meta VALUES (?, ?)", (f"k{number}", "x" * 500))
        for end in ("", "-journal"):
            dead.with_name(f"dead.db{end}").write_bytes(path.with_name(f"koers.db{end}").read_bytes())
    assert dead.with_name("dead.db-journal").stat().st_size > 0
    with open_log(dead) as log:
        assert log.head().position == 0
    with closing(sqlite3.connect(dead)) as db:
        assert db.execute("SELECT count(*) FROM meta").fetchone()[0] == 1
