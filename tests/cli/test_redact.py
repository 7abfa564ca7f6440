"""`koers redact`, and commands that go on from a log's columnar copy."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from koers.events import cache
from koers.events.log import open_log
from koers.events.model import CheckedIn
from tests.cli.world import event, goal, koers, shown, told, write_log

SECRET = "de directeur gaat weg"  # noqa: S105


def files_with(folder: Path, text: str) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()}


def test_a_redacted_note_is_in_no_file_and_the_rest_stays(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LEAST", 1)
    first = event("kr/nps", date(2026, 11, 20), CheckedIn(value=4.0), note=SECRET)
    write_log(here / "koers.db", [goal("nps"), first])
    shown("correct", first.id, "5")
    before = shown("status")
    assert "koers.db" in files_with(here, SECRET)
    assert shown("redact", first.id) == "The note of 2 events is gone: it cannot be brought back.\n"
    assert files_with(here, SECRET) == set()
    assert shown("status") == before
    assert shown("redact", first.id) == "The note was gone already.\n"
    assert told("redact", first.id, "--json") == {"redacted": []}
    assert "The note of position 3 was redacted, at position 5.\n" in shown("verify")
    assert told("verify", "--json")["redacted"][0] == {"event": first.id, "position": 3, "by": 5}
    shown("export", "tables")
    assert files_with(here, SECRET) == set()
    with open_log("koers.db") as log:
        log.verify()


@pytest.mark.parametrize(("name", "said"), [("nothing", "there is no event 'nothing'"), ("kr/nps", "has no note")])
def test_what_cannot_be_redacted_is_one_line(here: Path, name: str, said: str) -> None:
    write_log(here / "koers.db", [goal("nps")])
    with open_log("koers.db") as log:
        known = next(log.read()).id
    done = koers("redact", known if name == "kr/nps" else name)
    assert done.exit_code == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_commands_say_the_same_with_a_copy_and_without(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LEAST", 10**9)
    asked = [
        ("status", "--json"),
        ("forecast", "--json", "--samples", "200"),
        ("status", "--json", "--as-of", "2026-10-01"),
    ]
    without = [shown("--log", str(demo), *command) for command in asked]
    assert not cache.copy_of(demo).exists()
    monkeypatch.setattr(cache, "LEAST", 1)
    made = [shown("--log", str(demo), *command) for command in asked]
    assert cache.copy_of(demo).exists()
    monkeypatch.setattr(type(open_log(demo)), "batches", None)  # the log itself is not read any more
    assert [shown("--log", str(demo), *command) for command in asked] == made == without
