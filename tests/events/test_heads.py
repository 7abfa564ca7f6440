"""`koers verify`, and heads kept elsewhere: what they show that the chain alone cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from koers.events.errors import InputError, LogError
from koers.events.heads import ExportedHead, export_head, hold, read_head
from koers.events.log import EMPTY, EventLog, encode, open_log
from koers.events.memory import MemoryLog
from tests.cli import world
from tests.events.test_log import NOW, check_in, salting, ticking
from tests.events.test_sqlite import untriggered


def memory(*names: str) -> MemoryLog:
    log = MemoryLog(clock=ticking(), salt=salting())
    log.append([check_in(name) for name in names])
    return log


def exported(log: EventLog, folder: Path) -> ExportedHead:
    path = folder / "head.json"
    path.write_text(export_head(log, log.verify(), NOW))
    return read_head(path)


def test_a_head_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    log = memory("a", "b")
    head = exported(log, tmp_path)
    assert (head.log, head.position, head.hash, head.time) == (log.log_id, 2, log.head().hash, NOW)


def test_a_log_that_went_on_holds_its_earlier_heads(tmp_path: Path) -> None:
    log = memory()
    heads = []
    for name in "abc":
        heads.append(exported(log, tmp_path))
        log.append([check_in(name)])
    for head in (*heads, exported(log, tmp_path)):
        hold(log, head)
    assert heads[0].hash == EMPTY.hash


def test_a_cut_tail_is_named_by_the_first_position_that_is_gone(tmp_path: Path) -> None:
    log = memory("a", "b", "c")
    head = exported(log, tmp_path)
    del log._rows[1:]
    log.verify()
    with pytest.raises(LogError, match=r"^position 2: gone; the log ends at 1, and at position 3 on 2026-01-05"):
        hold(log, head)


def test_a_past_written_anew_with_a_sound_chain_shows_against_the_head(tmp_path: Path) -> None:
    log = memory("a", "b", "c")
    head = exported(log, tmp_path)
    forged = encode(check_in("b", 2.0), 2, log._rows[0].hash, log._rows[1].appended_at, salting())
    follower = encode(check_in("c"), 3, forged.hash, log._rows[2].appended_at, salting())
    log._rows[1:] = [forged, follower]
    log.verify()
    with pytest.raises(LogError, match=r"^position 3: not the event it was on 2026-01-05 09:00 UTC"):
        hold(log, head)


def test_the_head_of_another_log_does_not_hold_for_this_one(tmp_path: Path) -> None:
    head = exported(memory("a", "b"), tmp_path)
    for other in (memory("a", "c"), memory("a"), memory()):
        with pytest.raises(
            LogError, match=rf"neither log {head.log}, whose head that is, nor a whole copy of it, as at pos"
        ):
            hold(other, head)


def test_the_head_of_an_empty_log_proves_nothing_of_another_one(tmp_path: Path) -> None:
    head = exported(memory(), tmp_path)
    for other in (memory(), memory("a")):
        with pytest.raises(LogError, match="nor a whole copy of it, as at position 0"):
            hold(other, head)


def test_the_head_of_a_log_holds_for_a_backup_of_it_until_that_is_cut_or_changed(tmp_path: Path) -> None:
    log = memory("a", "b", "c")
    head = exported(log, tmp_path)
    assert hold(log, head)
    copy = MemoryLog(clock=ticking(), salt=salting())
    copy.append_rows([list(log.rows())])
    assert not hold(copy, head)
    copy.append([check_in("d")])
    assert not hold(copy, head)
    del copy._rows[2:]
    copy.verify()
    with pytest.raises(
        LogError, match="nor a whole copy of it, as at position 3 it does not hold what that one held on 2026"
    ):
        hold(copy, head)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        '{"position": 1}',
        '{"koers_head":1,"log":"x","position":1,"hash":"0","time":"2026-01-05T09:00:00Z"}',
        '{"koers_head":1,"log":"29c51539-2047-49fe-9c61-0a5acdf8ab29","position":NaN,"hash":"00","time":"2026"}',
        "\x00" * 100,
        "[" * 100_000,
    ],
)
def test_what_is_no_head_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "head.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"head\.json: this is no exported head"):
        read_head(path)


def test_the_command_says_what_it_found_and_exits_with_one_at_the_first_bad_position(tmp_path: Path) -> None:
    path = tmp_path / "koers.db"
    with open_log(path, create=True, clock=ticking()) as log:
        log.append([check_in("a"), check_in("b"), check_in("c")])
        head = log.head()
    there, kept = ("--log", path, "verify"), tmp_path / "head.json"
    assert "3 events, and every one is as it was appended" in world.shown(*there, "--export-head", kept)
    assert json.loads(kept.read_text())["hash"] == head.hash
    assert "position 3, stands" in world.shown(*there, "--head", kept)
    said = world.told(*there, "--head", kept, "--json")
    assert (said["position"], said["hash"], said["held"]["position"]) == (3, head.hash, 3)
    untriggered(path, "DELETE FROM events WHERE position = 3")
    assert "2 events" in world.shown(*there)
    assert world.refused(*there, "--head", kept, "--export-head", kept).startswith("position 3: gone")
    assert json.loads(kept.read_text())["position"] == 3, "a head that is not held is not overwritten"
    untriggered(path, "DELETE FROM events WHERE position = 1")
    assert world.refused(*there).startswith("position 2: follows 0")
    assert "cannot be read" in world.refused(*there, "--head", tmp_path / "none.json")


def test_a_backup_restored_by_import_is_told_to_be_a_copy_when_held_against_the_head_of_the_log(tmp_path: Path) -> None:
    with open_log(tmp_path / "koers.db", create=True, clock=ticking()) as log:
        log.append([check_in("a"), check_in("b")])
        known, head = log.log_id, log.head()
    kept, copy = tmp_path / "head.json", tmp_path / "copy.jsonl"
    there, again = ("--log", tmp_path / "koers.db"), ("--log", tmp_path / "again.db")
    world.shown(*there, "verify", "--export-head", kept)
    world.shown(*there, "export", copy)
    world.shown(*again, "import", copy)
    text = world.shown(*again, "verify", "--head", kept)
    assert "position 2, stands" in text
    assert f"taken of log {known}, of which this log" in text
    said = world.told(*again, "verify", "--head", kept, "--json")
    assert (said["copy"], said["hash"], said["held"]["log"]) == (True, head.hash, str(known))
    assert not world.told(*there, "verify", "--head", kept, "--json")["copy"]
    untriggered(tmp_path / "again.db", "DELETE FROM events WHERE position = 2")
    assert "nor a whole copy of it" in world.refused(*again, "verify", "--head", kept)
