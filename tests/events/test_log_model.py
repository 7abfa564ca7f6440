"""One model, three storages: whatever is done, memory, SQLite and PostgreSQL hold the same bytes and hashes."""

from __future__ import annotations

import tempfile
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from pydantic import ValidationError

from koers.events.errors import ConflictError
from koers.events.log import EventLog, open_log
from koers.events.memory import MemoryLog
from koers.events.model import CheckedIn, Event
from koers.events.postgres import PostgresLog
from koers.events.sqlite import SqliteLog
from tests.events.test_log import EVENTS, salting

AMSTERDAM_SUMMER, AMSTERDAM_WINTER = timezone(timedelta(hours=2)), timezone(timedelta(hours=1))
CLOCK = [
    datetime(2026, 10, 25, 2, 30, tzinfo=AMSTERDAM_SUMMER),
    datetime(2026, 10, 25, 2, 30, tzinfo=AMSTERDAM_WINTER),  # an hour later, the same on the wall
    datetime(2026, 3, 29, 3, 0, tzinfo=AMSTERDAM_SUMMER),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2099, 12, 31, 23, 59, 59, 999_999, UTC),
]
BATCH = st.lists(EVENTS, max_size=5)
VERSIONS = st.none() | st.dictionaries(st.sampled_from(["kr/a", "kr/é"]), st.integers(0, 6), max_size=2)


class Storages(RuleBasedStateMachine):
    """The same done to all three, with a clock that jumps."""

    url: str

    @initialize()
    def start(self) -> None:
        """Three empty logs."""
        self.time = CLOCK[0]
        self.folder = tempfile.TemporaryDirectory()
        with psycopg.connect(self.url, autocommit=True) as db:
            db.execute("SET client_min_messages TO error")
            db.execute("DROP SCHEMA IF EXISTS koers CASCADE")
        path = Path(self.folder.name) / "log.db"
        self.logs: list[EventLog] = [
            MemoryLog(clock=self.now, salt=salting()),
            SqliteLog(path, create=True, clock=self.now, salt=salting()),
            PostgresLog(self.url, create=True, clock=self.now, salt=salting()),
        ]

    def now(self) -> datetime:
        """The clock of all three."""
        return self.time

    @rule(time=st.sampled_from(CLOCK))
    def jump(self, time: datetime) -> None:
        """The clock is set, forwards or back."""
        self.time = time

    @rule(events=BATCH, expected=VERSIONS)
    def append(self, events: list[Event], expected: dict[str, int] | None) -> None:
        """A batch, which all take or all refuse."""
        said = {str(_said(log, events, expected)) for log in self.logs}
        assert len(said) == 1

    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        """What is stored already is appended again: nothing changes."""
        stored = list(self.logs[0].read())
        if stored:
            again = data.draw(st.lists(st.sampled_from(stored), min_size=1, max_size=4))
            for log in self.logs:
                head = log.head()
                assert log.append(again, {"kr/a": 99}) == [event.position for event in again]
                assert log.head() == head

    @rule()
    def reopen(self) -> None:
        """The two that last are opened anew."""
        salts = [log._salt for log in self.logs[1:]]  # type: ignore[attr-defined]
        for log in self.logs[1:]:
            log.close()
        places: list[str | Path] = [Path(self.folder.name) / "log.db", self.url]
        self.logs[1:] = [open_log(u, clock=self.now, salt=salt) for u, salt in zip(places, salts, strict=True)]

    @invariant()
    def alike(self) -> None:
        """The same rows, in the order in which they came."""
        if not hasattr(self, "logs"):
            return
        memory, *others = (list(log.rows()) for log in self.logs)
        assert [row.position for row in memory] == list(range(1, len(memory) + 1))
        assert all(rows == memory for rows in others)
        assert len({log.verify() for log in self.logs}) == 1

    def teardown(self) -> None:
        """Nothing stays open."""
        for log in getattr(self, "logs", []):
            log.close()
        if hasattr(self, "folder"):
            self.folder.cleanup()


def _said(log: EventLog, events: list[Event], expected: dict[str, int] | None) -> object:
    try:
        return log.append(events, expected)
    except ConflictError as error:
        return error


def test_memory_sqlite_and_a_server_hold_the_same_bytes_whatever_is_done(database: str) -> None:
    machine = type("Machine", (Storages,), {"url": database})
    checks = settings(max_examples=12, stateful_step_count=15, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=checks)


@pytest.mark.parametrize("zone", [AMSTERDAM_SUMMER, AMSTERDAM_WINTER, UTC])
def test_a_recording_time_is_stored_in_utc_whatever_its_zone(zone: timezone) -> None:
    log = MemoryLog()
    moment = datetime(2026, 10, 25, 0, 30, tzinfo=UTC).astimezone(zone)
    log.append([_event(moment)])
    assert log._rows[0].recorded_at == "2026-10-25T00:30:00.000000Z"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="a time needs its zone"):
        _event(datetime(2026, 10, 25, 2, 30))  # noqa: DTZ001 - which of the two half past twos of that night?


def _event(moment: datetime) -> Event:
    return Event(id="a", subject="kr/a", effective_on=date(2026, 10, 24), recorded_at=moment, data=CheckedIn(value=1.0))
