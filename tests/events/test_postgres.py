"""The log on a PostgreSQL server: the promises, what its triggers refuse, and what people are told when it fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest

from koers.events.errors import LogError, MissingError
from koers.events.log import EventLog, is_there, open_log, walk
from koers.events.memory import MemoryLog
from koers.events.model import CheckedIn, Row
from koers.events.postgres import PostgresLog
from koers.events.redaction import redact
from koers.events.urls import shown
from tests.cli import world
from tests.cli.world import misused, refused
from tests.events.server import IN_MEMORY, Server
from tests.events.test_log import DAY, NOW, LogCase, check_in, salting, ticking


class TestPostgresLog(LogCase):
    @pytest.fixture(autouse=True)
    def _given(self, database: str) -> None:
        self.url = database

    def make(self, folder: Path, as_of: date | None = None) -> EventLog:  # noqa: ARG002
        return PostgresLog(self.url, create=True, as_of=as_of, clock=ticking(), salt=salting())

    def test_what_was_acknowledged_is_there_when_the_log_is_opened_again(self, tmp_path: Path) -> None:
        with self.make(tmp_path, DAY) as log:
            log.append([check_in("a", note="n")])
            rows, log_id = list(log.rows()), log.log_id
        with open_log(self.url, create=True) as again:
            assert (list(again.rows()), again.log_id, again.as_of) == (rows, log_id, DAY)
            assert again.append([check_in("a", note="n"), check_in("b")]) == [1, 2]
            assert again.verify().position == 2

    def test_batches_and_reads_of_several_chunks_are_whole(
        self, log: EventLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("koers.events.postgres.CHUNK", 2)
        assert log.append([check_in(name) for name in "abcde"]) == [1, 2, 3, 4, 5]
        rows = log.rows(until=50)
        first = next(rows)
        log.append([check_in("late")])
        assert [row.id for row in (first, *rows)] == list("abcde")


@pytest.fixture
def log(database: str) -> Iterator[EventLog]:
    """A log of three events, the second with a note."""
    with PostgresLog(database, create=True, clock=ticking(), salt=salting()) as log:
        log.append([check_in("a"), check_in("b", note="note"), check_in("c")])
        yield log


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        for statement in statements:
            db.execute(statement.encode())


UNTRIGGERED = "ALTER TABLE koers.events DISABLE TRIGGER USER"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM koers.events",
        "TRUNCATE koers.events",
        *(f"UPDATE koers.events SET note = NULL, note_salt = NULL, {c} = {c} || '1'" for c in ("id", "data", "hash")),  # noqa: S608
        "UPDATE koers.events SET position = position + 10",
        "UPDATE koers.events SET note = 'other' WHERE position = 2",
        "UPDATE koers.events SET note = NULL WHERE position = 2",
    ],
)
def test_events_can_be_neither_deleted_nor_changed(log: EventLog, database: str, statement: str) -> None:
    rows = list(log.rows())
    with pytest.raises(psycopg.errors.RaiseException, match="never changed or deleted"):
        run(database, statement)
    assert list(log.rows()) == rows


def test_a_note_can_be_blanked_without_breaking_the_chain(log: EventLog, database: str) -> None:
    run(database, "UPDATE koers.events SET note = NULL, note_salt = NULL WHERE position = 2")
    assert walk(log.rows()) == log.head()
    with pytest.raises(LogError, match=r"^position 2: the note of event b is gone, and no event redacts it"):
        log.verify()
    assert [row.note for row in log.rows()] == [None, None, None]


@pytest.mark.parametrize("column", [c for c in Row._fields if c not in ("position", "appended_at")])
def test_verify_names_the_position_whatever_column_was_changed(log: EventLog, database: str, column: str) -> None:
    run(database, UNTRIGGERED, f"UPDATE koers.events SET {column} = 'x' WHERE position = 2")  # noqa: S608
    with pytest.raises(LogError, match=r"^position 2: "):
        log.verify()


def test_who_may_not_write_the_table_anew_is_told_that_bytes_may_be_left(log: EventLog, database: str) -> None:
    run(database, "DROP ROLE IF EXISTS clerk", "CREATE ROLE clerk", "GRANT USAGE ON SCHEMA koers TO clerk")
    run(database, "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA koers TO clerk")
    log._db.execute("SET ROLE clerk")  # type: ignore[attr-defined]
    with pytest.raises(LogError, match=r"permission denied.*its bytes may still be in the storage"):
        redact(log, "b", NOW)
    run(database, "DROP OWNED BY clerk", "DROP ROLE clerk")
    log._db.execute("RESET ROLE")  # type: ignore[attr-defined]
    assert redact(log, "b", NOW) == []
    assert log.verify().position == 4


def test_verify_finds_a_cut_tail_by_the_row_that_counts(log: EventLog, database: str) -> None:
    run(database, UNTRIGGERED, "DELETE FROM koers.events WHERE position = 3")
    with pytest.raises(LogError, match=r"^position 3: gone; 3 events were counted"):
        log.verify()
    run(database, "UPDATE koers.head SET position = 2")
    with pytest.raises(LogError, match=r"^position 2: not the event that was counted last"):
        log.verify()


def test_verify_says_that_the_triggers_are_off(log: EventLog, database: str) -> None:
    run(database, UNTRIGGERED)
    with pytest.raises(LogError, match="the triggers that keep them are gone or off"):
        log.verify()


def test_a_log_that_lost_its_own_id_is_refused(log: EventLog, database: str) -> None:
    for statement in ("UPDATE koers.meta SET value = 'x' WHERE key = 'log_id'", "DELETE FROM koers.meta"):
        run(database, statement)
        with pytest.raises(LogError, match="lost its version, id or as-of date"):
            open_log(database)


def test_a_log_that_lost_its_counting_row_takes_nothing_more(log: EventLog, database: str) -> None:
    run(database, "DELETE FROM koers.head")
    with pytest.raises(LogError, match="lost the row that counts"):
        log.append([check_in("d")])
    assert log.head().position == 3


def test_a_database_without_a_log_is_left_as_it_is(database: str) -> None:
    assert not is_there(database)
    with pytest.raises(MissingError, match="no log here"):
        open_log(database)
    run(database, "CREATE SCHEMA koers", "CREATE TABLE koers.theirs (x int)")
    for create in (False, True):
        with pytest.raises(LogError, match="not a koers log; it was left untouched"):
            open_log(database, create=create)


def test_a_log_of_a_newer_koers_is_refused(log: EventLog, database: str) -> None:
    run(database, "UPDATE koers.meta SET value = '2' WHERE key = 'version'")
    with pytest.raises(LogError, match="written by a newer koers"):
        open_log(database)


def test_a_database_in_another_encoding_takes_no_log(database: str) -> None:
    run(database, "DROP DATABASE IF EXISTS latin", "CREATE DATABASE latin ENCODING 'SQL_ASCII' TEMPLATE template0")
    with pytest.raises(LogError, match="UTF8"):
        open_log(database.replace("/postgres?", "/latin?"), create=True)


def test_a_writer_that_holds_the_log_too_long_is_not_waited_for(
    log: EventLog, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("koers.events.postgres.WAIT", 1)
    with psycopg.connect(database) as other, open_log(database) as ours:
        other.execute("SELECT * FROM koers.head FOR UPDATE")
        with pytest.raises(LogError, match=r"held the log for 1 s; nothing was stored"):
            ours.append([check_in("d")])
    assert log.append([check_in("d")]) == [4]


def test_a_user_who_can_only_read_is_told_so(log: EventLog, database: str) -> None:
    run(database, "ALTER DATABASE postgres SET default_transaction_read_only TO on")
    try:
        with open_log(database) as ours, pytest.raises(LogError, match="can only read; nothing was stored"):
            ours.append([check_in("d")])
    finally:
        run(database, "SET default_transaction_read_only TO off", "ALTER DATABASE postgres RESET ALL")
    assert log.head().position == 3


def test_a_server_that_goes_away_in_mid_append_leaves_all_or_nothing_and_says_how_to_find_out() -> None:
    with Server(IN_MEMORY) as mortal:
        events = [check_in("a"), check_in("b")]

        def dying() -> str:
            """A salt, drawn while the log is locked."""
            mortal.kill()
            return "00"

        log = PostgresLog(mortal.url, create=True, clock=ticking(), salt=dying)
        log.append([check_in("first")])
        with pytest.raises(LogError, match=r"all of them are in the log, or none.*holds id a") as caught:
            log.append([check_in("a", note="n"), check_in("b")])
        assert "\n" not in str(caught.value)
        with pytest.raises(LogError, match="went away: try again when it is back"):
            log.head()
        with pytest.raises(
            LogError, match=r"^postgresql://postgres@/postgres.*connection to server on socket .* failed"
        ):
            open_log(mortal.url)
        mortal.start()
        with open_log(mortal.url) as again:
            assert again.verify().position == 1
            assert again.append(events) == [2, 3]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:s3cret@localhost:1/x",
        "postgresql://u:s3@cret@localhost:1/x",
        "postgresql://u:s3/cret@localhost:1/x",
        "postgresql://u:s3:cret@localhost:1/x",
        "postgresql://u:s3#cret@localhost:1/x",
        "postgresql://u:s3cret@localhost:port/x",
        "postgresql://u:%zz-s3cret@localhost:1/x",
        "postgresql://localhost:1/x?user=u&password=s3cret",
        "postgres://u:s3cret@[::1/x",
    ],
)
def test_a_password_is_never_printed(url: str) -> None:
    said = [refused("--log", url, command) for command in ("status", "init", "verify")]
    said.append(refused("--log", url, "import", "."))
    said += [refused("simulate", "--out", url), refused("import", url), refused("verify", "--head", url)]
    said += [refused("export", url), refused("report", "--out", url), refused("forecast", "--out", f"{url}.csv")]
    assert "this is the address of a server" in said[4]
    assert "this is the address of a server" in said[7]
    said += [misused(url), misused("status", url), misused("forecast", "--as-of", url), misused("--bogus", url)]
    for text in (*said, shown(url)):
        assert "s3" not in text
        assert "cret" not in text


def test_the_commands_work_on_a_server(database: str, tmp_path: Path) -> None:
    (tmp_path / "cycles.csv").write_text("cycle,start,end\n2026q1,2026-01-01,2026-03-31\n")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "cycles.csv").write_text("cycle,start,end\n2026q1,2026-01-01,soon\n")
    there = ("--log", database)
    assert "no log here" in refused(*there, "status")
    assert "soon" in refused(*there, "import", tmp_path / "bad")
    assert not is_there(database), "bad input leaves no empty log behind"
    assert "1 row added" in world.shown(*there, "import", tmp_path / "cycles.csv")
    assert "0 rows added, 1 known" in world.shown("import", tmp_path / "cycles.csv", KOERS_LOG=database)
    assert "a log here already" in refused(*there, "init")
    head = tmp_path / "head.json"
    assert "1 event, and" in world.shown(*there, "verify", "--export-head", head)
    assert "position 1, stands" in world.shown(*there, "verify", "--head", head)


def test_a_backup_restored_on_a_server_answers_as_the_file_does(database: str, tmp_path: Path) -> None:
    day = date(2026, 11, 20)
    said = [
        world.event("kr/nps", day, CheckedIn(value=4.0), note="a secret"),
        world.event("kr/nps", DAY, CheckedIn(value=2.0)),
    ]
    world.write_log(tmp_path / "koers.db", [world.goal("nps"), *said])
    copy, bad = tmp_path / "copy.jsonl", tmp_path / "bad.jsonl"
    here, there = ("--log", tmp_path / "koers.db"), ("--log", database)
    world.shown(*here, "export", copy)
    bad.write_text(copy.read_text(encoding="utf-8") + "{}\n", encoding="utf-8")
    assert "specversion" in refused(*there, "import", bad)
    assert not is_there(database), "bad input leaves no empty log behind"
    world.shown(*there, "import", copy)
    for command in ("status", "forecast"):
        assert world.shown(*there, command, "--json") == world.shown(*here, command, "--json")
    for log in (here, there):
        world.shown(*log, "redact", said[0].id)
    heads = [world.told(*log, "verify", "--json") for log in (here, there)]
    assert heads[0]["hash"] == heads[1]["hash"]
    assert heads[0]["redacted"] == heads[1]["redacted"] != []


def test_without_psycopg_one_line_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from koers.events.log import open_log\nfrom koers.events.errors import LogError\n"
        "try:\n    open_log('postgresql://u:s3cret@host/db')\nexcept LogError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == "postgresql://u@host/db: logs on a server need psycopg: pip install 'koers[postgres]'\n"


def test_the_server_holds_the_same_bytes_as_memory(log: EventLog) -> None:
    memory = MemoryLog(clock=ticking(), salt=salting())
    memory.append([check_in("a"), check_in("b", note="note"), check_in("c")])
    assert list(memory.rows()) == list(log.rows())
