"""CloudEvents: out and back without loss, in from elsewhere, and what is refused in which line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from koers.events import interchange
from koers.events.cloudevents import own_date, read_cloudevents
from koers.events.errors import InputError
from koers.events.interchange import ImportedEvents, export_events, import_events
from koers.events.log import EMPTY, EventLog
from koers.events.memory import MemoryLog
from koers.events.model import CheckedIn, CycleClosed, Event, ScenarioAdopted
from koers.events.sqlite import SqliteLog
from tests.small import demo_events

AT = datetime(2026, 1, 8, 12, tzinfo=UTC)
FOREIGN: dict[str, Any] = {
    "specversion": "1.0",
    "id": "a-1",
    "source": "https://okr.example/board",
    "type": "koers.checked-in.v1",
    "subject": "kr/growth",
    "time": "2026-01-08T13:00:00+01:00",
    "traceparent": "00-1-2-03",
    "data": {"value": 3, "note": "by phone"},
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(params=["memory", "sqlite"])
def empty(request: pytest.FixtureRequest) -> Iterator[EventLog]:
    """An empty log with a clock of its own."""
    in_memory = request.param == "memory"
    with MemoryLog(clock=later) if in_memory else SqliteLog(Path("b.db"), create=True, clock=later) as log:
        yield log


def later() -> datetime:
    return datetime(2026, 3, 1, tzinfo=UTC)


def check_in(name: str, value: float = 1.0, note: str | None = None) -> Event:
    said = CheckedIn(value=value)
    return Event(id=name, subject="kr/growth", effective_on=AT.date(), recorded_at=AT, data=said, note=note)


def exported(*events: Event, path: str = "a.jsonl", as_of: date | None = None) -> MemoryLog:
    log = MemoryLog(as_of=as_of, clock=lambda: AT)
    log.append(events)
    export_events(log, Path(path))
    return log


def lines(path: str = "a.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def write(*found: dict[str, Any] | str, path: str = "a.jsonl") -> Path:
    text = "".join((one if isinstance(one, str) else json.dumps(one, ensure_ascii=False)) + "\n" for one in found)
    Path(path).write_text(text, encoding="utf-8")
    return Path(path)


def take(log: EventLog, path: str = "a.jsonl") -> ImportedEvents:
    return import_events(log, [Path(path)])


def refused(log: EventLog, path: str = "a.jsonl") -> str:
    """What an import says that stores nothing."""
    before = log.head()
    with pytest.raises(InputError) as caught:
        take(log, path)
    assert log.head() == before
    return str(caught.value)


def test_a_copy_in_an_empty_log_is_the_log(empty: EventLog) -> None:
    log = exported(*demo_events(), as_of=date(2026, 11, 13))
    done = take(empty)
    assert done == ImportedEvents(log.head().position, 0, log.head())
    assert list(empty.rows()) == list(log.rows())
    assert empty.verify() == log.head()
    export_events(empty, Path("b.jsonl"))
    fixed = re.compile(r'"source":"[^"]+"|,"asof":"2026-11-13"')
    texts = [fixed.sub("", Path(path).read_text(encoding="utf-8")) for path in ("a.jsonl", "b.jsonl")]
    assert texts[0] == texts[1]
    assert own_date(Path("a.jsonl")) == date(2026, 11, 13)


def test_the_sdk_of_cloudevents_reads_every_line() -> None:
    log = exported(*demo_events())
    raw = Path("a.jsonl").read_bytes().splitlines()
    assert len(raw) == log.head().position > 200
    for line, row in zip(raw, log.rows(), strict=True):
        event = JSONFormat().read(CloudEvent, line)
        assert event.get_source() == f"urn:uuid:{log.log_id}"
        assert (event.get_id(), event.get_type(), event.get_subject()) == (row.id, row.type, row.subject)
        assert event.get_time() == datetime.fromisoformat(row.recorded_at)
        assert event.get_extension("position") == row.position
        assert event.get_data() == json.loads(row.data) | ({"note": row.note} if row.note is not None else {})


def test_the_sdk_of_cloudevents_refuses_what_is_none() -> None:
    exported(check_in("a"))
    with pytest.raises(Exception, match="lowercase"):
        JSONFormat().read(CloudEvent, Path("a.jsonl").read_bytes().replace(b'"effectiveon"', b'"effective_on"'))


def test_a_second_import_adds_nothing_and_a_longer_copy_only_what_is_new(empty: EventLog) -> None:
    events = [check_in(str(n), n, f"note {n}") for n in range(9)]
    log = exported(*events[:6])
    assert take(empty).added == 6
    assert take(empty) == ImportedEvents(0, 6, log.head())
    log.append(events[6:])
    export_events(log, Path("longer.jsonl"))
    assert take(empty, "longer.jsonl") == ImportedEvents(3, 6, log.head())
    assert list(empty.rows()) == list(log.rows())


def test_a_copy_in_another_log_is_appended_there_with_its_salts(empty: EventLog) -> None:
    empty.append([check_in("mine")])
    exported(check_in("a", 2.0, "kept"), check_in("b"))
    assert take(empty).added == 2
    found = list(empty.rows())
    assert [row.id for row in found] == ["mine", "a", "b"]
    assert found[1].note_salt == lines()[0]["notesalt"]
    assert found[1].appended_at != lines()[0]["appendedat"]
    empty.verify()


def test_a_copy_written_anew_by_another_tool_is_the_same_copy(empty: EventLog) -> None:
    log = exported(*demo_events())
    text = "".join(json.dumps(found, sort_keys=True) + "\r\n" for found in lines())
    Path("sorted.jsonl").write_text(text, encoding="utf-8")
    assert take(empty, "sorted.jsonl").head == log.head()
    assert list(empty.rows()) == list(log.rows())


def test_a_redacted_note_stays_blank_and_its_digest_in_the_chain(empty: EventLog) -> None:
    log = exported(check_in("a", note="a name"), check_in("b"))
    blank = lines()
    del blank[0]["data"]["note"], blank[0]["notesalt"]
    write(*blank, path="blank.jsonl")
    assert take(empty, "blank.jsonl").head == log.head()
    assert take(empty).added == 0
    assert next(empty.rows()).note is None


def test_an_id_with_other_content_is_refused_with_its_line(empty: EventLog) -> None:
    empty.append([check_in("b", 7.0)])
    exported(check_in("a"), check_in("b"), check_in("c"))
    assert refused(empty) == "a.jsonl:2: event b is already at position 1 with other content"
    write(FOREIGN, "", FOREIGN | {"data": {"value": 4}})
    assert refused(empty) == "a.jsonl:3: event a-1 is already at position 2 with other content"


def test_events_of_another_source_are_taken(empty: EventLog) -> None:
    write(FOREIGN, FOREIGN | {"id": "a-2", "actor": "ann", "effectiveon": "2026-01-07", "data": {"value": 4.0}})
    assert take(empty).added == 2
    first, second = empty.read()
    assert (first.recorded_at, first.effective_on, first.actor) == (AT, AT.date(), "https://okr.example/board")
    assert (first.note, first.data) == ("by phone", CheckedIn(value=3.0))
    assert first.note_salt is not None
    assert (second.actor, second.effective_on) == ("ann", date(2026, 1, 7))
    assert take(empty) == ImportedEvents(0, 2, empty.head())


def changed(number: int, **said: Any) -> Callable[[], None]:  # noqa: ANN401 - any JSON value
    def change() -> None:
        found = lines()
        found[number - 1] = {name: value for name, value in (found[number - 1] | said).items() if value is not ...}
        write(*found)

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (changed(2, data={"value": 9.0}), "2: position 2: event b does not fit its hash"),
        (changed(2, subject="kr/other"), "2: position 2: event b does not fit its hash"),
        (changed(2, actor="eve"), "2: position 2: event b does not fit its hash"),
        (changed(2, hash="0" * 64), "2: position 2: event b does not fit its hash"),
        (changed(2, hash=...), "2: position 2: event b does not fit its hash"),
        (changed(1, data={"value": 1.0, "note": "other"}), "1: position 1: the note of event a was changed"),
        (changed(1, notesalt="00"), "1: position 1: the note of event a was changed"),
        (lambda: write(*lines()[1:]), "1: position 2: follows 0; events are missing or out of order"),
        (lambda: write(lines()[0], lines()[2]), "2: position 3: follows 1;"),
        (lambda: write(*lines()[::-1]), "1: position 3: follows 0;"),
        (changed(2, position="2"), "2: position is no whole number but 2"),
        (changed(2, position=...), "2: position is no whole number but None"),
        (changed(2, effectiveon=...), "2: effectiveon is missing or no text"),
        (changed(2, type=["koers.checked-in.v1"]), "2: type is missing or no text"),
        (changed(2, appendedat="20260108T000000Z"), "2: effectiveon, time or appendedat is not written as koers does"),
        (changed(2, id=7), "2: id does not fit: Input should be a valid string"),
        (changed(2, data={"value": "1"}), "2: data.value does not fit"),
        (changed(2, data={"value": 1.0, "worth": 2}), "2: data.worth does not fit: Extra inputs are not permitted"),
        (
            changed(2, type="koers.checked-in.v9"),
            "2: position 2: event type koers.checked-in.v9 is not",
        ),
        (changed(2, specversion="0.3"), "2: specversion is 0.3: this is no CloudEvent 1.0"),
        (changed(2, data=[1]), "2: data is no JSON object"),
        (changed(1, data={"value": 1.0, "note": 5}), "1: note is no text"),
        (lambda: Path("a.jsonl").write_bytes(Path("a.jsonl").read_bytes()[:-40]), "3:"),
    ],
)
def test_a_copy_that_was_changed_is_refused_at_its_line(change: Callable[[], None], told: str) -> None:
    exported(check_in("a", note="as it was"), check_in("b"), check_in("c"))
    change()
    assert refused(MemoryLog()).startswith(f"a.jsonl:{told}")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "a.jsonl: there are no events in this file"),
        ("[1]", "a.jsonl:1: this is no JSON object"),
        ("{", "a.jsonl:1:2: this is no JSON"),
        ("[" * 100_000, "a.jsonl:1: this JSON cannot be taken: "),
        ('{"data":{"value":NaN}}', "a.jsonl:1: this JSON cannot be taken: NaN is no finite number"),
        ('{"a":' + "9" * 5_000 + "}", "a.jsonl:1: this JSON cannot be taken: "),
        (json.dumps(FOREIGN)[:-1] + ',"id":"x"}', "a.jsonl:1: this JSON cannot be taken: 'id' stands twice"),
        ({"data": {"value": 1e999}}, "a.jsonl:1: this JSON cannot be taken: Infinity is no finite number"),
        (json.dumps(FOREIGN).replace('": 3,', '": 1e999,'), "a.jsonl:1: data cannot be taken: Out of range float"),
        ({"type": "koers.check-in.v1"}, "a.jsonl:1: event type 'koers.check-in.v1' is not known; did you mean"),
        ({"type": ["x"]}, "a.jsonl:1: event type"),
        ({"time": ...}, "a.jsonl:1: time 'None' is no time: when was this recorded?"),
        ({"time": "2026-01-08T13:00:00"}, "a.jsonl:1: time '2026-01-08T13:00:00' needs its zone"),
        ({"effectiveon": "soon"}, "a.jsonl:1: effectiveon 'soon' is no date"),
        ({"effectiveon": "2026-01-09"}, "a.jsonl:1: 2026-01-09 lies after its recording on 2026-01-08"),
        ({"subject": "growth"}, "a.jsonl:1: koers.checked-in.v1 needs a subject kr/NAME"),
        ({"subject": "kr/\0"}, "a.jsonl:1: subject does not fit: text holds a NUL character"),
        ({"data": {"value": 1.0, "note": "\ud800"}}, "a.jsonl:1: note does not fit"),
        ({"id": "x" * 201}, "a.jsonl:1: id does not fit"),
        ({"source": "x" * 201}, "a.jsonl:1: actor does not fit"),
        ({"data": "text"}, "a.jsonl:1: data is no JSON object"),
        ({"data": ...}, "a.jsonl:1: data is no JSON object"),
    ],
)
def test_a_line_that_is_no_event_is_refused(line: dict[str, Any] | str, told: str) -> None:
    found = {k: v for k, v in (FOREIGN | line).items() if v is not ...} if isinstance(line, dict) else line
    Path("a.jsonl").write_text(found if isinstance(found, str) else json.dumps(found), encoding="utf-8")
    assert refused(MemoryLog()).startswith(told)


def test_files_of_another_kind_are_told_apart() -> None:
    for raw, told in (
        (b"\xff\xfe{\0", "a.jsonl:1:1: this is UTF-16"),
        (b'{"a":"\xff"}', "a.jsonl:1:7: this is not UTF-8 from here on"),
        (b" " * 4_000_001, "a.jsonl:1: the line is longer than 4,000,000 bytes"),
    ):
        Path("a.jsonl").write_bytes(raw)
        assert refused(MemoryLog()).startswith(told)
    assert refused(MemoryLog(), "none.jsonl") == "none.jsonl: cannot be read: No such file or directory"
    Path("a.jsonl").write_bytes(b"\xef\xbb\xbf" + json.dumps(FOREIGN).encode() + b"\r\n\r\n")
    assert take(MemoryLog()).added == 1


def test_copies_and_events_of_another_source_do_not_mix() -> None:
    exported(check_in("a"))
    write(FOREIGN, *lines())
    assert (
        refused(MemoryLog()) == "a.jsonl:2: this line has a position or a hash, the first has none: import them apart"
    )


def test_what_goes_wrong_in_a_later_batch_takes_the_earlier_ones_back(
    empty: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interchange, "BATCH", 2)
    exported(*(check_in(str(n)) for n in range(9)))
    changed(8, actor="eve")()
    assert refused(empty).startswith("a.jsonl:8: position 8: event 7 does not fit its hash")
    assert empty.head() == EMPTY
    changed(8, actor=...)()
    assert take(empty).added == 9


def test_an_export_is_whole_or_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    log = exported(check_in("a"))
    before = Path("a.jsonl").read_bytes()
    with pytest.raises(InputError, match=r"a\.jsonl: there is a file here already"):
        export_events(log, Path("a.jsonl"))
    assert Path("a.jsonl").read_bytes() == before
    monkeypatch.setattr(interchange, "MOST_BYTES", 600)
    log.append([check_in("b", note="x" * 300)])
    with pytest.raises(InputError, match="position 2 is longer than 600 bytes"):
        export_events(log, Path("b.jsonl"))
    assert not Path("b.jsonl").exists()


def test_data_without_fields_keeps_its_note(empty: EventLog) -> None:
    closed = Event(
        id="c", subject="cycle/q1", effective_on=AT.date(), recorded_at=AT, data=CycleClosed(), note='done\n"well"'
    )
    log = exported(closed)
    take(empty)
    assert list(empty.rows()) == list(log.rows())


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
rows = st.tuples(texts, st.none() | texts, st.none() | texts.filter(bool), st.floats(-1e15, 1e15))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(texts, st.none() | texts, st.none() | texts.filter(bool), st.floats(-1e15, 1e15)), max_size=6)
)
def test_any_text_survives(found: list[tuple[str, str | None, str | None, float]]) -> None:
    events = []
    for number, (name, note, actor, value) in enumerate(found):
        scenario = number % 2 == 0
        events.append(
            Event(
                id=f"{number}{name}",
                subject=f"{'scenario' if scenario else 'kr'}/x{name}",
                effective_on=AT.date(),
                recorded_at=AT,
                actor=actor,
                data=ScenarioAdopted(scenario=name) if scenario else CheckedIn(value=value),
                note=note,
            )
        )
    log, again = MemoryLog(), MemoryLog()
    log.append([check_in("first"), *events])
    Path("a.jsonl").unlink(missing_ok=True)
    export_events(log, Path("a.jsonl"))
    take(again)
    assert list(again.rows()) == list(log.rows())
    assert [row for _, row in read_cloudevents(Path("a.jsonl"))] == list(log.rows())
