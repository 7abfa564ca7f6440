"""The columnar copy: it saves time and changes nothing, whatever happens to it."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from koers.engine.projections import goals, readings
from koers.engine.replay import replay, typed, view
from koers.engine.work import kpi_values, run_work
from koers.events import cache
from koers.events.cache import caught_up, copy_of, read_frames
from koers.events.errors import LogError
from koers.events.frames import Frames
from koers.events.log import EventLog
from koers.events.memory import MemoryLog
from koers.events.model import CheckedIn, Event, KpiObserved, Row, RunWorkArrived, RunWorkDone
from koers.events.sqlite import SqliteLog
from tests.engine.fold import fold
from tests.engine.organisations import Fact, at, check_in, day, fact, key_result, log_of, messy_facts
from tests.engine.test_replay import assert_same

UNTIL = st.none() | st.integers(-1, 90)
FACTS = [
    key_result(),
    key_result("b"),
    *(check_in(n % 60, n / 4, "ab"[n % 2], recorded=n % 60 + n % 3) for n in range(40)),
    *(fact(f"item/{n * 7 % 5}", n, RunWorkArrived(team=f"t{n}")) for n in range(8)),
    *(fact(f"item/{n * 3 % 7}", n, RunWorkDone(effort_days=n / 2)) for n in range(9)),
    *(fact(f"kpi/k{n % 3}", n, KpiObserved(value=float(n))) for n in range(12)),
]
EVENTS = [event.model_copy(update={"position": None, "hash": None}) for event in log_of(FACTS)]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies of small logs too, in more than one part."""
    monkeypatch.setattr(cache, "LEAST", 1)
    monkeypatch.setattr(cache, "ROWS", 7)


def log_in(folder: Path, events: list[Event], name: str = "log.db") -> SqliteLog:
    log = SqliteLog(folder / name, create=True, clock=lambda: at(0), salt=lambda: "00")
    log.append(events)
    return log


def assert_equal(found: Frames, expected: Frames) -> None:
    assert (found.log_position, found.log_head) == (expected.log_position, expected.log_head)
    for name, frame in expected.by_type.items():
        assert_frame_equal(found.by_type[name].sort("position"), frame.sort("position"))
    assert_frame_equal(run_work(view(found)), run_work(view(expected)))
    assert_frame_equal(kpi_values(view(found)), kpi_values(view(expected)))


def decoded(monkeypatch: pytest.MonkeyPatch, log: EventLog) -> list[int]:
    """How many events each reading decodes, from now on."""
    counts: list[int] = []
    plain = type(log).batches

    def counting(self: EventLog, after: int, until: int) -> object:
        counts.append(until - after)
        return plain(self, after, until)

    monkeypatch.setattr(type(log), "batches", counting)
    return counts


@settings(max_examples=25)
@given(messy_facts(), st.lists(st.integers(1, 30), max_size=3), UNTIL, UNTIL)
def test_a_replay_from_the_copy_equals_one_of_the_log_and_the_plain_fold(
    facts: list[Fact], cuts: list[int], effective: int | None, known: int | None
) -> None:
    """The copy is made at some prefixes, and caught up from there."""
    events = log_of(facts)
    until = None if effective is None else day(effective)
    moment = None if known is None else at(known, 10)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "LEAST", 3)
        log = log_in(Path(folder), [])
        for end in [*sorted(cuts), len(events)]:
            log.append(events[:end])
            found = read_frames(log)
            assert_equal(found, typed(log.read()))
        assert copy_of(log.path).exists() == (len(events) >= cache.LEAST)
        assert_same(view(found, until, moment), fold(events, until, moment))
        log.close()


@settings(max_examples=8)
@given(messy_facts(12))
def test_catching_up_event_by_event_agrees_with_the_plain_fold_at_every_prefix(facts: list[Fact]) -> None:
    events = log_of(facts)
    log = MemoryLog(clock=lambda: at(0), salt=lambda: "00")
    frames = read_frames(log)
    for end in range(1, len(events) + 1):
        log.append(events[:end])
        frames = caught_up(frames, log)
        assert_same(view(frames), fold(events[:end]))


def test_a_second_replay_decodes_nothing_and_a_third_only_what_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "LEAST", 10)
    with log_in(tmp_path, EVENTS[:40]) as log:
        counts = decoded(monkeypatch, log)
        read_frames(log)
        read_frames(log)
        log.append(EVENTS[40:43])
        read_frames(log)
        log.append(EVENTS[43:])
        read_frames(log)
        read_frames(log)
        assert counts == [40, 3, len(EVENTS) - 40]
        assert_equal(read_frames(log), typed(log.read()))


def test_a_small_log_has_no_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with log_in(tmp_path, EVENTS) as log:
        read_frames(log)
        assert not copy_of(log.path).exists()


def test_a_log_in_memory_is_replayed_without_a_copy() -> None:
    log = MemoryLog()
    log.append(EVENTS)
    assert_equal(read_frames(log), typed(log.read()))


def test_copies_of_two_processes_with_other_words_give_the_same_rows(tmp_path: Path) -> None:
    """Categories are numbered as they come up in a process; what is read back does not depend on it."""
    with log_in(tmp_path, EVENTS) as log:
        read_frames(log)
        code = (
            "import sys, polars as pl; pl.Series(['z', 'b', 'k2', 'a'], dtype=pl.Categorical)\n"
            "from koers.events.cache import read_frames\nfrom koers.events.log import open_log\n"
            "from koers.engine.replay import view\nfrom koers.engine.projections import readings\n"
            "print(readings(view(read_frames(open_log(sys.argv[1])))).write_json())"
        )
        done = subprocess.run([sys.executable, "-c", code, str(log.path)], capture_output=True, text=True, check=True)  # noqa: S603
        assert json.loads(done.stdout) == json.loads(readings(view(typed(log.read()))).write_json())


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "gone": lambda _: b"",
    "cut in the middle": lambda text: text[: len(text) // 2],
    "a byte short": lambda text: text[:-1],
    "a byte long": lambda text: text + b"\x00",
    "its end only": lambda text: text[-200:],
    "of zeros": lambda text: bytes(len(text)),
    "a huge size": lambda text: text[:-72] + b"\xff" * 8 + text[-64:],
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_copy_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    with log_in(tmp_path, EVENTS) as log:
        expected = typed(log.read())
        read_frames(log)
        whole = copy_of(log.path).read_bytes()
        copy_of(log.path).write_bytes(DAMAGE[how](whole))
        counts = decoded(monkeypatch, log)
        assert_equal(read_frames(log), expected)
        assert_equal(read_frames(log), expected)
        assert counts == [len(EVENTS)]


def damaged(whole: bytes, rng: random.Random) -> bytes:
    """A flipped bit, a zeroed, a swapped or a doubled stretch, somewhere in the parts or the index."""
    at, size = rng.randrange(len(cache.MAGIC), len(whole)), rng.randrange(1, 200)
    text = bytearray(whole)
    kind = rng.randrange(4)
    if kind == 0:
        text[at] ^= 1 << rng.randrange(8)
    elif kind == 1:
        text[at : at + size] = bytes(len(text[at : at + size]))
    elif kind == 2:
        other = rng.randrange(len(cache.MAGIC), len(whole) - size)
        at = min(at, len(whole) - size)
        text[at : at + size], text[other : other + size] = whole[other : other + size], whole[at : at + size]
    else:
        text[at:at] = text[at : at + size]
    return bytes(text)


def test_of_a_thousand_damaged_copies_none_gives_other_frames(tmp_path: Path) -> None:
    rng = random.Random(7)
    with log_in(tmp_path, EVENTS) as log:
        read_frames(log)
        whole = copy_of(log.path).read_bytes()
        expected = {name: frame.sort("position") for name, frame in typed(log.read()).by_type.items()}

        for _ in range(1_000):
            copy_of(log.path).write_bytes(damaged(whole, rng))
            found = cache._load(log, log.path)
            if found is not None:  # the stretch was the same before
                assert all(found.by_type[name].sort("position").equals(frame) for name, frame in expected.items())


def test_without_its_sums_a_changed_value_in_a_copy_would_be_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the trial above."""
    with log_in(tmp_path, EVENTS) as log:
        expected = kpi_values(view(read_frames(log)))
        whole = copy_of(log.path).read_bytes()
        changed = whole.replace(struct.pack("<d", 11.0), struct.pack("<d", 12.5))
        assert changed != whole
        copy_of(log.path).write_bytes(changed)
        assert kpi_values(view(read_frames(log))).equals(expected)
        copy_of(log.path).write_bytes(changed)
        monkeypatch.setattr("koers.events.cache.zlib.crc32", Anything)
        assert not kpi_values(view(read_frames(log))).equals(expected)


class Anything:
    """Equal to every sum."""

    def __init__(self, _: object) -> None: ...

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("which", ["log", "code", "hash", "position"])
def test_a_copy_of_another_log_history_or_version_is_not_taken(tmp_path: Path, which: str) -> None:
    with log_in(tmp_path, EVENTS) as log:
        read_frames(log)
        assert cache._load(log, log.path) is not None
        frames = read_frames(log)
        other = {"position": frames.log_position + 1, "hash": "0" * 64}
        if which in other:
            changed = {"log_position" if which == "position" else "log_head": other[which]}
            frames = Frames(**({n: getattr(frames, n) for n in Frames.__slots__} | changed))
        with pytest.MonkeyPatch.context() as patch:
            if which == "code":
                patch.setattr(cache, "_code", lambda: "another")
            if which == "log":
                patch.setattr(log, "log_id", "another")
            cache._save(log, log.path, frames)
        assert cache._load(log, log.path) is None
        assert_equal(read_frames(log), typed(log.read()))


def test_a_copy_of_a_history_that_was_cut_and_went_on_otherwise_is_not_taken(tmp_path: Path) -> None:
    with log_in(tmp_path, EVENTS) as log:
        read_frames(log)
    with log_in(tmp_path, [*EVENTS[:-1], check_ins_elsewhere()], "other.db") as other:
        other.log_id = log.log_id
        shutil.copy(copy_of(log.path), copy_of(other.path))
        assert_equal(read_frames(other), typed(other.read()))


def check_ins_elsewhere() -> Event:
    return EVENTS[-1].model_copy(update={"id": "other", "data": KpiObserved(value=77.0)})


def test_a_copy_that_others_may_write_is_not_taken(tmp_path: Path) -> None:
    with log_in(tmp_path, EVENTS) as log:
        log.path.chmod(0o600)
        read_frames(log)
        assert copy_of(log.path).stat().st_mode & 0o777 == 0o600
        copy_of(log.path).chmod(0o622)
        assert cache._load(log, log.path) is None
        log.path.chmod(0o622)
        assert cache._load(log, log.path) is not None


@pytest.mark.parametrize("error", [errno.EROFS, errno.EACCES, errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("at", ["open", "write", "replace"])
def test_without_room_or_leave_to_write_a_replay_goes_on_without_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int, at: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(error, os.strerror(error))

    with log_in(tmp_path, EVENTS) as log:
        patched = {"open": "koers.events.cache.os.open", "write": "koers.events.cache._write"}
        monkeypatch.setattr(patched.get(at, "koers.events.cache.Path.replace"), refuse)
        assert_equal(read_frames(log), typed(log.read()))
        assert [path.name for path in tmp_path.iterdir() if ".cache" in path.name] == []


def test_a_pipe_in_the_place_of_the_copy_is_not_waited_for(tmp_path: Path) -> None:
    with log_in(tmp_path, EVENTS) as log:
        os.mkfifo(copy_of(log.path))
        assert_equal(read_frames(log), typed(log.read()))


def test_a_link_in_the_place_of_a_new_copy_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    with log_in(tmp_path, EVENTS) as log:
        Path(f"{copy_of(log.path)}.new").symlink_to(tmp_path / "precious")
        assert_equal(read_frames(log), typed(log.read()))
    assert (tmp_path / "precious").read_text() == "kept"


def test_what_a_killed_writer_left_is_written_over(tmp_path: Path) -> None:
    with log_in(tmp_path, EVENTS) as log:
        left = Path(f"{copy_of(log.path)}.new")
        left.write_bytes(b"half a copy" * 100_000)
        read_frames(log)
        assert not left.exists()
        assert cache._load(log, log.path) is not None


def test_processes_that_write_the_copy_at_once_leave_a_whole_one(tmp_path: Path) -> None:
    with log_in(tmp_path, EVENTS) as log:
        code = (
            "import sys; from koers.events import cache; from koers.events.log import open_log\n"
            "cache.LEAST = 1; log = open_log(sys.argv[1])\n"
            "for n in range(60):\n"
            "    if n % 3 == 0: cache.copy_of(log.path).unlink(missing_ok=True)\n"
            "    frames = cache.read_frames(log)\n"
            "    assert sum(f.height for f in frames.by_type.values()) == log.head().position\n"
        )
        running = [subprocess.Popen([sys.executable, "-c", code, str(log.path)]) for _ in range(4)]  # noqa: S603
        assert [process.wait() for process in running] == [0] * 4
        copy_of(log.path).unlink(missing_ok=True)
        read_frames(log)
        assert_equal(read_frames(log), typed(log.read()))
        assert cache._load(log, log.path) is not None


BAD = {
    "a number as text": ("data", '{"value":"1.0"}'),
    "a truth value for a number": ("data", '{"value":true}'),
    "no value": ("data", '{"confidence":0.5}'),
    "null": ("data", '{"value":null}'),
    "another field": ("data", '{"value":1.0,"x":2.0}'),
    "the wrong case": ("data", '{"Value":1.0}'),
    "a list": ("data", '{"value":[1.0]}'),
    "infinity": ("data", '{"value":1e999}'),
    "not a number": ("data", '{"value":NaN}'),
    "half an object": ("data", '{"value":1.0'),
    "two objects": ("data", '{"value":1.0}{"value":2.0}'),
    "a number twice": ("data", '{"value":1.0,"value":2.0}'),
    "no JSON": ("data", "value"),
    "empty": ("data", ""),
    "no date": ("effective_on", "2026-02-30"),
    "half a date": ("effective_on", "2026-02"),
    "no time": ("recorded_at", "2026-01-05T25:00:00.000000Z"),
    "a time without a zone": ("recorded_at", "2026-01-05T10:00:00.000000"),
    "no kind": ("subject", "a"),
    "a type unheard of": ("type", "koers.checked-in.v9"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("place", [3, 30])
def test_a_row_that_is_not_what_its_type_says_raises_with_its_position(case: str, place: int) -> None:
    column, text = BAD[case]
    log = MemoryLog(clock=lambda: at(0))
    log.append(EVENTS)
    log._rows[place - 1] = Row._make({**log._rows[place - 1]._asdict(), column: text}.values())
    with pytest.raises(LogError, match=rf"^position {place}: "):
        read_frames(log)
    with pytest.raises(LogError, match=rf"^position {place}: "):
        replay(log.rows())


@pytest.mark.parametrize("column", ["type", "subject", "effective_on", "recorded_at", "data"])
@pytest.mark.parametrize("value", ["5", "5.5", "x'00ff'", "char(0)", "cast(x'ff' as text)"])
def test_a_cell_of_the_file_that_holds_what_is_not_text_raises(tmp_path: Path, column: str, value: str) -> None:
    with log_in(tmp_path, EVENTS) as log:
        log._db.execute("DROP TRIGGER events_stay")
        log._db.execute(f"UPDATE events SET {column} = {value} WHERE position = 5")  # noqa: S608
        with pytest.raises(LogError):
            read_frames(log)


@pytest.mark.parametrize("position", [1, 5, len(EVENTS) - 1])
def test_a_position_that_is_missing_raises(tmp_path: Path, position: int) -> None:
    with log_in(tmp_path, EVENTS) as log:
        log._db.execute("DROP TRIGGER events_keep")
        log._db.execute("DELETE FROM events WHERE position = ?", (position,))
        with pytest.raises(LogError, match="is missing"):
            read_frames(log)
    memory = MemoryLog()
    memory.append(EVENTS)
    del memory._rows[position - 1]
    with pytest.raises(LogError, match="is missing"):
        read_frames(memory)


@pytest.mark.parametrize(("size", "parts", "rows"), [(1, 2, 5), (1, 3, 2), (2, 20, 5), (7, 1, 1)])
def test_reading_in_several_batches_gives_every_event_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, parts: int, rows: int
) -> None:
    memory = MemoryLog(clock=lambda: at(0))
    memory.append(EVENTS)
    whole = typed(memory.read())
    monkeypatch.setattr("koers.events.sqlite.SIZE", size)
    monkeypatch.setattr("koers.events.batches.SIZE", size)
    monkeypatch.setattr("koers.events.frames.PARTS", parts)
    monkeypatch.setattr("koers.events.frames.ROWS", rows)
    with log_in(tmp_path, EVENTS) as log:
        assert_equal(read_frames(log), whole)
    assert_equal(read_frames(memory), whole)


def test_nothing_recorded_gives_empty_frames(tmp_path: Path) -> None:
    with log_in(tmp_path, []) as log:
        frames = read_frames(log)
        assert frames.log_position == 0
        assert frames.of(CheckedIn).is_empty()
        assert goals(view(frames, date.max, datetime.max.replace(tzinfo=at(0).tzinfo))).is_empty()
        assert not copy_of(log.path).exists()
