"""What every storage promises: one abstract case, run on each; the memory log is the oracle."""

import hashlib
import itertools
import json
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koers.events import model
from koers.events.errors import ConflictError, VersionError
from koers.events.log import EMPTY, EventLog, notes_of, open_log
from koers.events.memory import MemoryLog
from koers.events.model import PAYLOADS, CheckedIn, Event, Payload
from koers.events.redaction import redact
from koers.events.sqlite import SqliteLog

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAY = date(2026, 1, 5)


def check_in(name: str, value: float = 1.0, *, subject: str = "kr/growth", note: str | None = None) -> Event:
    return Event(
        id=name, subject=subject, effective_on=DAY, recorded_at=NOW, actor="o", data=CheckedIn(value=value), note=note
    )


def ticking() -> Callable[[], datetime]:
    seconds = itertools.count()
    return lambda: NOW + timedelta(seconds=next(seconds))


def salting() -> Callable[[], str]:
    number = itertools.count()
    return lambda: f"{next(number):064x}"


class LogCase(ABC):
    """The promises."""

    @abstractmethod
    def make(self, folder: Path, as_of: date | None = None) -> EventLog: ...

    @pytest.fixture
    def log(self, tmp_path: Path) -> Iterator[EventLog]:
        with self.make(tmp_path) as log:
            yield log

    def test_an_empty_log_has_the_empty_head(self, log: EventLog) -> None:
        assert log.head() == EMPTY
        assert list(log.read()) == []
        assert log.verify() == EMPTY

    def test_what_stores_it_is_told(self, log: EventLog) -> None:
        told = log.storage()
        assert told.split(" ")[0] in ("memory", "SQLite", "PostgreSQL")
        assert "synchronous" in told or told == "memory"

    def test_positions_count_from_one_without_gaps_in_commit_order(self, log: EventLog) -> None:
        assert log.append([check_in("a"), check_in("b")]) == [1, 2]
        assert log.append([]) == []
        assert log.append([check_in("c")]) == [3]
        assert [(e.position, e.id) for e in log.read()] == [(1, "a"), (2, "b"), (3, "c")]
        assert log.head().position == 3
        assert log.verify() == log.head()

    def test_ranges_leave_out_their_start_and_hold_their_end(self, log: EventLog) -> None:
        log.append([check_in(name) for name in "abcde"])
        for after, until in itertools.product(range(-1, 7), [None, *range(-1, 7)]):
            expected = [p for p in range(1, 6) if p > after and (until is None or p <= until)]
            assert [row.position for row in log.rows(after, until)] == expected

    def test_notes_are_told_by_position_until_they_are_taken_out(self, log: EventLog) -> None:
        assert log.notes() == {}
        log.append([check_in("a", note="first"), check_in("b"), check_in("c", note="third")])
        assert log.notes() == {1: "first", 3: "third"} == notes_of(log.rows())
        redact(log, "a", NOW)
        assert log.notes() == {3: "third"} == notes_of(log.rows())

    @pytest.mark.parametrize("until", [None, 100])
    def test_reading_sees_the_log_as_it_was_when_it_began(self, log: EventLog, until: int | None) -> None:
        log.append([check_in("a"), check_in("b")])
        rows = log.rows(until=until)
        seen = [next(rows).position]
        log.append([check_in("c")])
        assert [*seen, *(row.position for row in rows)] == [1, 2]

    def test_an_error_in_the_middle_of_a_batch_stores_nothing_of_it(self, log: EventLog) -> None:
        log.append([check_in("a", 1.0)])
        head = log.head()
        with pytest.raises(ConflictError):
            log.append([check_in("b"), check_in("a", 2.0), check_in("c")])
        assert log.head() == head
        assert log.find("b") is None
        assert log.append([check_in("b")]) == [2]

    def test_an_event_appended_again_adds_nothing(self, log: EventLog) -> None:
        log.append([check_in("a", note="n"), check_in("b")])
        head = log.head()
        assert log.append([check_in("b"), check_in("a", note="n")]) == [2, 1]
        assert log.head() == head
        assert log.append([check_in("c"), check_in("b"), check_in("c")]) == [3, 2, 3]

    @pytest.mark.parametrize(
        "change",
        [
            {"data": CheckedIn(value=2.0)},
            {"data": model.OutcomeRecorded(value=1.0)},
            {"note": "other"},
            {"note": None},
            {"actor": None},
            {"subject": "kr/other"},
            {"effective_on": date(2026, 1, 4)},
            {"recorded_at": NOW + timedelta(microseconds=1)},
        ],
    )
    def test_the_same_id_with_other_content_is_a_conflict(self, log: EventLog, change: dict[str, Any]) -> None:
        log.append([check_in("a", note="n")])
        with pytest.raises(ConflictError, match="position 1 with other content"):
            log.append([check_in("a", note="n").model_copy(update=change)])

    def test_expected_versions_hold_or_nothing_is_stored(self, log: EventLog) -> None:
        log.append([check_in("a")], {"kr/growth": 0})
        log.append([check_in("b", subject="kr/other")], {"kr/growth": 1, "kr/other": 0})
        with pytest.raises(VersionError, match=r"kr/growth.*position 0, found 1") as caught:
            log.append([check_in("c")], {"kr/growth": 0})
        assert (caught.value.subject, caught.value.expected, caught.value.actual) == ("kr/growth", 0, 1)
        assert log.head().position == 2
        assert log.append([check_in("c")], {"kr/growth": 1}) == [3]

    def test_a_retry_of_what_is_stored_conflicts_with_no_version(self, log: EventLog) -> None:
        assert log.append([check_in("a")], {"kr/growth": 0}) == [1]
        assert log.append([check_in("a")], {"kr/growth": 0}) == [1]
        with pytest.raises(ConflictError):
            log.append([check_in("a"), check_in("b")], {"kr/growth": 0})

    def test_find_gives_the_event_or_nothing(self, log: EventLog) -> None:
        log.append([check_in("a", 7.0, note="why")])
        found = log.find("a")
        assert found is not None
        assert (found.position, found.note, found.data) == (1, "why", CheckedIn(value=7.0))
        assert log.find("z") is None

    def test_columns_say_what_rows_say_and_ids_give_positions(self, log: EventLog) -> None:
        log.append([check_in(name, note="n") for name in "abcde"])
        found = list(log.batches(1, 4))
        assert [position for batch in found for position in batch.positions] == [2, 3, 4]
        for name in ("type", "subject", "effective_on", "recorded_at", "data"):
            texts = [text for batch in found for text in json.loads(getattr(batch, name))]
            assert texts == [getattr(row, name) for row in log.rows(1, 4)]
        assert log.positions(["e", "b", "z", "a"], until=4) == {"a": 1, "b": 2}
        assert log.positions([], until=4) == {}

    def test_a_note_stays_outside_the_hash_and_its_digest_inside(self, log: EventLog) -> None:
        log.append([check_in("a", note="gevoelig")])
        row = next(log.rows())
        assert row.note == "gevoelig"
        assert row.note_digest == hashlib.sha256(f"{row.note_salt}gevoelig".encode()).hexdigest()

    def test_the_as_of_date_is_the_logs_own(self, tmp_path: Path) -> None:
        with self.make(tmp_path, date(2025, 6, 30)) as log:
            assert log.as_of == date(2025, 6, 30)

    @pytest.mark.parametrize("payload", PAYLOADS.values(), ids=lambda p: str(p.__name__))
    def test_every_payload_comes_back_as_it_was_given(self, log: EventLog, payload: type[Payload]) -> None:
        data = EXAMPLES[payload]
        event = check_in("a").model_copy(update={"data": data, "subject": f"{data.subject_kind or 'kr'}/x"})
        log.append([event])
        found = next(log.read())
        assert (found.data, found.type, found.name) == (data, data.model_dump()["type"], "x")
        assert log.append([found]) == [1]


class TestMemoryLog(LogCase):
    def make(self, folder: Path, as_of: date | None = None) -> EventLog:  # noqa: ARG002
        return MemoryLog(as_of=as_of, clock=ticking(), salt=salting())


class TestSqliteLog(LogCase):
    def make(self, folder: Path, as_of: date | None = None) -> EventLog:
        return SqliteLog(folder / "log.db", create=True, as_of=as_of, clock=ticking(), salt=salting())

    def test_what_was_acknowledged_is_there_when_the_file_is_opened_again(self, tmp_path: Path) -> None:
        with self.make(tmp_path, DAY) as log:
            log.append([check_in("a", note="n")])
            rows, log_id = list(log.rows()), log.log_id
        with open_log(tmp_path / "log.db") as again:
            assert (list(again.rows()), again.log_id, again.as_of) == (rows, log_id, DAY)
            assert again.append([check_in("a", note="n"), check_in("b")]) == [1, 2]
            assert again.verify().position == 2

    def test_reading_in_several_chunks_gives_every_row_once(
        self, log: EventLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("koers.events.sqlite.CHUNK", 2)
        log.append([check_in(name) for name in "abcde"])
        rows = log.rows(until=50)
        first = next(rows)
        log.append([check_in("late")])
        assert [row.id for row in (first, *rows)] == list("abcde")


EXAMPLES: dict[type[Payload], Payload] = {
    type(example): example
    for example in (
        model.CycleOpened(start=DAY, end=DAY, recorded_assumed=True),
        model.CycleClosed(),
        model.TeamFormed(title="Team É"),
        model.ObjectiveSet(title="o", why="w", team="t", cycle="q", ambition="committed", parent="p"),
        model.KeyResultSet(
            title="k",
            objective="o",
            team="t",
            owner="u",
            cycle="q",
            unit="%",
            kind="control",
            direction="maintain_between",
            target=0.9,
            start=DAY,
            due=DAY,
            commit=0.5,
            stretch=1.0,
            weight=2.5,
            lower=-1e-7,
            upper=1e15,
            cadence=14,
        ),
        model.KeyResultRetargeted(target=0.1 + 0.2, due=DAY),
        model.KeyResultDropped(),
        model.Aligned(parent="p", relation="supports"),
        model.OutcomeRecorded(value=-0.0, attained=False),
        model.CheckedIn(value=5e-324, confidence=0.3, projection=2.0, status="groen"),
        model.CheckInCorrected(value=1.0, corrects="e", confidence=1.0),
        model.EventRetracted(retracts="e"),
        model.NoteRedacted(redacts="e"),
        model.InitiativePlanned(
            low=1.0, mode=2.0, high=3.0, title="i", team="t", key_result="k", impact=2.0, lag=3, depends_on=("a", "b")
        ),
        model.InitiativeEstimated(low=0.0, mode=0.0, high=0.0),
        model.InitiativeStarted(),
        model.InitiativeFinished(),
        model.InitiativeDropped(),
        model.RunWorkArrived(team="t", effort_days=0.5),
        model.RunWorkDone(effort_days=1.5),
        model.KpiDefined(title="k", team="t", unit="u", lower=0.0, upper=1.0),
        model.KpiObserved(value=3.0),
        model.GuardrailSet(upper=3.0),
        model.CapacitySet(people=7.5),
        model.AbsencePlanned(until=DAY, days=3.0),
        model.PolicySet(policy="buffer", parameters={"share": 0.4, "days": 3}),
        model.EffortLogged(run_days=3.0, change_days=2.0),
        model.CapacityMoved(people=1.0, to="run", to_team="t"),
        model.ForecastIssued(
            as_of=DAY,
            known_at=NOW,
            log_position=1,
            log_head="h",
            seed=1,
            samples=2,
            config_hash="c",
            probability=0.5,
            quantiles={"q05": 1.0},
        ),
        model.ScenarioAdopted(scenario='name = "x"\n'),
    )
}


def test_there_is_an_example_of_every_payload() -> None:
    assert set(EXAMPLES) == set(PAYLOADS.values())


EVENTS = st.builds(
    check_in,
    st.sampled_from("abcdefgh"),
    st.floats(-1e15, 1e15) | st.integers(-5, 5).map(float),
    subject=st.sampled_from(["kr/a", "kr/é", "kr/a/b"]),
    note=st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8),
)
BATCHES = st.lists(st.tuples(st.lists(EVENTS, max_size=4), st.none() | st.integers(0, 4)), max_size=5)


@settings(max_examples=30)
@given(batches=BATCHES)
def test_memory_and_sqlite_hold_the_same_bytes_for_the_same_batches(
    batches: list[tuple[list[Event], int | None]],
) -> None:
    def said(log: EventLog, events: list[Event], version: int | None) -> object:
        try:
            return log.append(events, None if version is None else {"kr/a": version})
        except ConflictError as error:
            return str(error)

    with tempfile.TemporaryDirectory() as folder:
        memory = MemoryLog(clock=ticking(), salt=salting())
        with SqliteLog(Path(folder) / "log.db", create=True, clock=ticking(), salt=salting()) as sqlite:
            for events, version in batches:
                assert said(memory, events, version) == said(sqlite, events, version)
                assert memory.head() == sqlite.head()
            assert list(memory.rows()) == list(sqlite.rows())
            assert sqlite.verify() == memory.verify() == memory.head()


def test_the_format_of_the_hash_is_pinned() -> None:
    """Format 1, written out by hand: a change here breaks every log there is."""
    log = MemoryLog(salt=lambda: "ab" * 32)
    log.append(
        [
            check_in("first", 12.5, note="één"),
            Event(
                id="second",
                subject="team/b",
                effective_on=date(2026, 2, 1),
                recorded_at=datetime(2026, 1, 5, 10, 0, 0, 120, UTC),
                data=model.CapacitySet(people=7, recorded_assumed=True),
            ),
        ]
    )
    digest = hashlib.sha256(("ab" * 32 + "één").encode()).hexdigest()
    bodies = [
        '{"actor":"o","data":{"value":12.5},"effective_on":"2026-01-05","id":"first","note_digest":"' + digest + '",'
        '"recorded_at":"2026-01-05T09:00:00.000000Z","subject":"kr/growth","type":"koers.checked-in.v1"}',
        '{"actor":null,"data":{"people":7.0,"recorded_assumed":true},"effective_on":"2026-02-01","id":"second",'
        '"note_digest":null,"recorded_at":"2026-01-05T10:00:00.000120Z","subject":"team/b",'
        '"type":"koers.capacity-set.v1"}',
    ]
    previous = "0" * 64
    for row, body in zip(log.rows(), bodies, strict=True):
        assert json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False) == body
        previous = hashlib.sha256((previous + body).encode()).hexdigest()
        assert row.hash == previous
    assert previous == "62e9f1645432e3411dc3dca3f2ce2a676c292d78431c119c293ae53b3c193975"
