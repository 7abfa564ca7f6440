"""What koers refuses: one line on stderr and exit code 1, or usage and exit code 2; the log stays as it was."""

from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path

import pytest

from koers.events.log import open_log
from koers.events.model import EventRetracted, KeyResultDropped, OutcomeRecorded
from koers.events.sqlite import SqliteLog
from koers.scenarios.case.events import AS_OF
from tests.cli.world import NOW, START, check_ins, closed, event, goal, koers, misused, refused, shown, write_log

DEMO = ("--log", "koers-demo.db")
READERS = (("status",), ("forecast",), ("backtest",), ("checkin", "x", "1"), ("correct", "x", "1"), ("export", "out"))


@pytest.mark.parametrize("command", READERS)
def test_a_log_that_is_not_there_is_named_and_not_made(here: Path, command: tuple[str, ...]) -> None:
    assert refused("--log", "none.db", *command).startswith("none.db: there is no log here; make one with `koers init`")
    assert not Path("none.db").exists()


@pytest.mark.parametrize("command", [*READERS, ("init",), ("import", ".")])
def test_what_is_not_a_log_is_refused_and_left_as_it_is(here: Path, command: tuple[str, ...]) -> None:
    other = here / "other.db"
    for content in (b"key_result,value\n" * 99, b"SQLite format 3\0" + b"\xff" * 300):
        other.write_bytes(content)
        refused("--log", "other.db", *command)
        assert other.read_bytes() == content
    assert [path.name for path in here.iterdir()] == ["other.db"]


@pytest.mark.parametrize("command", READERS)
def test_a_folder_is_no_log(here: Path, command: tuple[str, ...]) -> None:
    assert refused("--log", here, *command) == f"{here}: this is a folder; name a file"


@pytest.mark.parametrize("command", READERS)
def test_a_log_of_a_newer_koers_says_to_upgrade(here: Path, command: tuple[str, ...]) -> None:
    path = write_log(here / "koers.db", [goal("nps")])
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    assert "written by a newer koers" in refused(*command)


def test_init_refuses_a_file_that_is_there(demo: Path) -> None:
    before = demo.read_bytes()
    assert "there is a file here already" in refused(*DEMO, "init")
    assert demo.read_bytes() == before


def test_the_demo_leaves_another_log_byte_for_byte_as_it_was(here: Path) -> None:
    path = here / "koers-demo.db"
    for as_of in (None, AS_OF):
        with SqliteLog(path, create=True, as_of=as_of) as log:
            log.append([goal("ours")])
        before = path.read_bytes()
        assert "holds another log; move it away" in refused("demo")
        assert path.read_bytes() == before
        path.unlink()


def test_the_demo_leaves_an_empty_log_of_ours_and_other_files_alone(here: Path) -> None:
    path = here / "koers-demo.db"
    shown("--log", "koers-demo.db", "init")
    before = path.read_bytes()
    refused("demo")
    assert path.read_bytes() == before
    path.write_bytes(b"not a log at all")
    refused("demo")
    assert path.read_bytes() == b"not a log at all"


def test_the_demo_of_another_version_is_another_log(here: Path) -> None:
    shown("demo", "--json")
    demo = here / "koers-demo.db"
    with sqlite3.connect(demo) as db:
        db.executescript("DROP TRIGGER events_stay; UPDATE events SET data = replace(data, 'Bram', 'Brum')")
    db.close()
    before = demo.read_bytes()
    assert "holds another log" in refused("demo")
    assert demo.read_bytes() == before


def test_a_mistyped_key_result_is_answered_with_near_ones_that_are_open(demo: Path) -> None:
    said = refused(*DEMO, "checkin", "q4-chatt", "5")
    assert said.startswith("key result 'q4-chatt' is not known; did you mean q4-chat")
    assert "q4-chat" in refused(*DEMO, "checkin", "Q4-CHAT", "5")
    assert "q3-" not in refused(*DEMO, "checkin", "q3-nigths", "5").split(" is not known")[1]


def test_an_unknown_key_result_without_near_ones_says_where_to_look(demo: Path) -> None:
    assert refused(*DEMO, "checkin", "zzzz", "5") == (
        "key result 'zzzz' is not known; `koers status` lists those that are open"
    )


def test_a_key_result_that_is_over_says_why(here: Path) -> None:
    ended = event("kr/ended", date(2026, 11, 2), OutcomeRecorded(value=3.0))
    dropped = event("kr/dropped", date(2026, 11, 3), KeyResultDropped())
    goals = [goal("ended"), goal("dropped"), goal("due", due=date(2026, 11, 4)), goal("open")]
    write_log(here / "koers.db", [*goals, ended, dropped])
    assert "'ended' ended on 2026-11-02: its outcome is recorded" in refused("checkin", "ended", "5")
    assert "'dropped' was dropped on 2026-11-03" in refused("checkin", "dropped", "5")
    assert "'due' was due on 2026-11-04" in refused("checkin", "due", "5")
    assert shown("checkin", "due", "5", "--on", "2026-11-04")
    assert shown("checkin", "dropped", "5", "--on", "2026-11-02")


def test_a_closed_cycle_takes_no_check_in(here: Path) -> None:
    write_log(here / "koers.db", [goal("nps"), closed()])
    assert "belongs to cycle 2026-Q4, which is closed" in refused("checkin", "nps", "5")
    assert "Nps" in shown("status")


def test_a_check_in_on_a_day_to_come_is_refused_with_the_day_it_is(demo: Path) -> None:
    assert refused(*DEMO, "checkin", "q4-chat", "5", "--on", "2026-11-14") == (
        "--on 2026-11-14 lies in the future (this log stands at 2026-11-13): a check-in says what is"
    )
    write_log(Path("koers.db"), [goal("nps")])
    assert "(today is 2026-11-24)" in refused("checkin", "nps", "5", "--on", "2026-11-25")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("5", "--confidence", "1.5"), "confidence 1.5 is above 1"),
        (("5", "--confidence", "-0.1"), "confidence -0.1 is below 0"),
        (("5", "--confidence", "nan"), "confidence nan is not a finite number"),
        (("5", "--projection", "inf"), "projection inf is not a finite number"),
        (("nan",), "value nan is not a finite number"),
        (("inf",), "value inf is not a finite number"),
        (("-inf",), "value -inf is not a finite number"),
        (("1e999",), "value inf is not a finite number"),
        (("1e16",), "value 1e+16 is above 1e+15"),
        (("5", "--note", "a\0b"), "note: text holds a NUL character"),
        (("5", "--note", "half \ud83d"), "note: text holds half a character (a lone surrogate)"),
    ],
)
def test_a_check_in_that_cannot_be_is_refused(demo: Path, options: tuple[str, ...], said: str) -> None:
    before = demo.read_bytes()
    assert refused(*DEMO, "checkin", "q4-chat", *options) == said
    assert demo.read_bytes() == before


@pytest.mark.parametrize("value", ["nan", "-inf", "1e16"])
def test_a_correction_to_what_cannot_be_is_refused(here: Path, value: str) -> None:
    first = check_ins("nps", 4.0)[0]
    write_log(here / "koers.db", [goal("nps"), first])
    assert refused("correct", first.id, value).startswith("value ")


def test_a_correction_of_what_is_no_check_in_says_where_the_ids_are(demo: Path) -> None:
    with open_log(demo) as log:
        other = next(log.read()).id
    for name in ("nope", other):
        said = refused(*DEMO, "correct", name, "5")
        assert said == f"there is no check-in with event id '{name}': `koers status --json` lists the latest ones"


def test_a_retracted_check_in_cannot_be_corrected(here: Path) -> None:
    first = check_ins("nps", 4.0)[0]
    write_log(here / "koers.db", [goal("nps"), first, event("kr/nps", START, EventRetracted(retracts=first.id))])
    assert "was retracted: check in anew" in refused("correct", first.id, "5")


@pytest.mark.parametrize("command", ["status", "forecast", "backtest"])
def test_a_table_goes_only_to_files_koers_knows_and_can_write(demo: Path, command: str) -> None:
    assert refused(*DEMO, command, "--out", "x.xlsx") == "x.xlsx: name a file that ends in .parquet, .csv or .json"
    for name in ("none/x.csv", "none/x.parquet", "none/x.json"):
        assert refused(*DEMO, command, "--out", name) == f"{name}: cannot be written: there is no folder none"
    Path("taken.csv").mkdir()
    if command == "status":  # one is enough: the others take longer to get there
        assert refused(*DEMO, command, "--out", "taken.csv").startswith("taken.csv: cannot be written: ")


def test_an_import_that_cannot_be_names_file_line_and_column(here: Path) -> None:
    Path("check_ins.csv").write_text("key_result,effective_on,value\nnps,2026-11-01,many\n")
    assert refused("import", "check_ins.csv").startswith("check_ins.csv:2:3: ")
    assert "missing.csv" in refused("import", "missing.csv")


def test_an_export_never_overwrites(demo: Path) -> None:
    shown(*DEMO, "export", "tables")
    assert "is there already: name another folder" in refused(*DEMO, "export", "tables")


def test_what_is_misused_shows_its_usage(demo: Path) -> None:
    for args in (
        ("forecast", "--known-at", "soon"),
        ("status", "--known-at", "2026-13-01"),
        ("forecast", "--known-at", ""),
        ("forecast", "--known-at", "0001-01-01T00:00:00+14:00"),
        ("forecast", "--as-of", "13-11-2026"),
        ("forecast", "--samples", "0"),
        ("forecast", "--seed", "-1"),
        ("checkin", "q4-chat", "abc"),
        ("checkin", "q4-chat", "5", "--on", "yesterday"),
        ("checkin", "q4-chat", "5", "--bogus"),
        ("checkin", "q4-chat"),
        ("export",),
        ("nonsense",),
    ):
        assert "Error: " in misused(*DEMO, *args)


def test_a_bad_known_at_says_how_to_write_one(here: Path) -> None:
    assert "'soon' is no time: write 2026-11-24T09:30:00Z" in misused(
        "--log", "none.db", "forecast", "--known-at", "soon"
    )


def test_koers_alone_shows_the_commands(here: Path) -> None:
    result = koers()
    assert result.exit_code == 2
    assert "forecast" in result.output


def test_a_message_passes_no_escape_sequence_on(demo: Path) -> None:
    for args in (("checkin", "\x1b[31mq4", "1"), ("status", "--out", "\x1b]0;t\x07x\n.doc")):
        assert "\x1b" not in refused(*DEMO, *args)
    assert "\x1b" not in refused("--log", "\x1b[2J.db", "status")


def test_the_clock_of_the_session_is_the_one_that_counts(here: Path) -> None:
    write_log(here / "koers.db", [goal("nps")])
    shown("checkin", "nps", "5")
    with open_log("koers.db") as log:
        last = list(log)[-1]
    assert (last.recorded_at, last.appended_at, last.effective_on) == (NOW, NOW, NOW.date())
