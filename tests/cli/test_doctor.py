"""`koers doctor`: one line for each thing, exit code 1 if the log is at fault."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from koers import __version__
from koers.events import sqlite
from koers.events.cache import copy_of
from koers.events.log import EventLog
from koers.events.memory import MemoryLog
from tests.cli.world import koers, shown, told


def found(path: Path | str) -> dict[str, tuple[str, str]]:
    """What is found with a log that is well."""
    said = told("--log", path, "doctor", "--json")
    assert said["well"]
    return {one["what"]: (one["state"], one["said"]) for one in said["findings"]}


def fault(path: Path | str) -> str:
    """The one line on the log, where it is at fault."""
    result = koers("--log", path, "doctor")
    assert (result.exit_code, result.stderr) == (1, "")
    lines = result.stdout.splitlines()
    assert [line for line in lines if line.startswith("fault")] == lines[-1:]
    return lines[-1]


def test_a_log_that_is_well_is_said_to_be(demo: Path) -> None:
    said = found(demo)
    assert said["koers"] == ("fine", __version__)
    assert said["storage"] == ("fine", f"SQLite {sqlite3.sqlite_version}, journal truncate, synchronous full")
    assert said["place"][1].startswith(f"{demo.parent}: on this machine, can be written")
    assert "events, every one as it was appended" in said["log"][1]
    assert {"numpy", "polars", "numba", "psycopg"} <= said.keys()
    assert len(shown("--log", demo, "doctor").splitlines()) == len(said)


def test_the_state_of_the_copy_is_told(demo: Path) -> None:
    assert "not there" in found(demo)["cache"][1]
    copy_of(demo).write_bytes(b"nothing of ours")
    assert found(demo)["cache"] == (
        "advice",
        "koers-demo.db.cache: does not fit and is not used; the next forecast writes it anew",
    )


def test_a_place_without_a_log_is_a_fault_only_where_one_was_named(here: Path) -> None:
    said = told("doctor", "--json")
    assert said["well"]
    assert said["findings"][-1]["state"] == "advice"
    assert "there is no log here" in fault("none.db")
    assert koers("doctor", KOERS_LOG="none.db").exit_code == 1


def test_a_changed_event_is_a_fault_with_its_position(demo: Path) -> None:
    with sqlite3.connect(demo) as db:
        db.execute("DROP TRIGGER events_stay")
        db.execute("UPDATE events SET actor = 'somebody' WHERE position = 7")
    db.close()
    assert "position 7: " in fault(demo)


def test_a_file_that_is_no_log_is_a_fault(here: Path) -> None:
    (here / "notes.db").write_text("not a log, but the notes of a meeting, long enough to be looked at" * 20)
    assert "notes.db: " in fault("notes.db")


@pytest.mark.parametrize("name", ["", ".", "/", "..", "folder"])
def test_a_folder_is_no_log(here: Path, name: str) -> None:
    (here / "folder").mkdir()
    assert fault(name).endswith(": this is a folder; name a file")


def test_a_server_that_is_not_there_is_a_fault_without_the_password(here: Path) -> None:
    line = fault("postgresql://ann:secret@127.0.0.1:1/okr")
    assert "127.0.0.1" in line
    assert "secret" not in line


def test_a_log_over_a_network_is_a_fault(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = demo.parent / "mountinfo"
    mounts.write_text(f"22 1 0:20 / {demo.parent} rw - nfs4 server:/share rw\n")
    monkeypatch.setattr(sqlite, "MOUNTS", mounts)
    assert "network file system (nfs4)" in fault(demo)


def test_a_disk_that_is_nearly_full_and_a_server_that_does_not_sync_are_told(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("koers.cli.doctor._free", lambda _: 5_000_000)
    assert found(demo)["place"] == ("advice", f"{demo.parent}: the disk is nearly full, 5 MB are left")

    class Careless(MemoryLog):
        def storage(self) -> str:
            return "PostgreSQL 17.1, fsync off, synchronous_commit on"

    def careless(*_: Any, **__: Any) -> EventLog:  # noqa: ANN401
        return Careless()

    monkeypatch.setattr("koers.events.log.open_log", careless)
    assert found("any")["storage"][0] == "advice"
