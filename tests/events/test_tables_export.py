"""Tables out, and in again: what was known, and when, survives as far as tables can say it."""

import csv
import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koers.events.errors import InputError
from koers.events.export import export_tables
from koers.events.log import EventLog
from koers.events.memory import MemoryLog
from koers.events.model import (
    AbsencePlanned,
    CheckedIn,
    CheckInCorrected,
    CycleOpened,
    Event,
    EventRetracted,
    InitiativeEstimated,
    InitiativePlanned,
    KeyResultRetargeted,
    KeyResultSet,
    NoteRedacted,
    Payload,
    RunWorkArrived,
    RunWorkDone,
    TeamFormed,
    end_of,
)
from koers.events.tables import Imported, import_tables

NOW = datetime(2026, 2, 10, 9, tzinfo=UTC)
MUCH_LATER = NOW + timedelta(days=300)
JAN1, MAR31 = date(2026, 1, 1), date(2026, 3, 31)
GROWTH = KeyResultSet(
    title="Grow",
    team="red",
    cycle="q1",
    unit="%",
    kind="metric",
    direction="increase",
    baseline=0.0,
    target=10.0,
    start=JAN1,
    due=MAR31,
)


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 1, day, hour, tzinfo=UTC)


def log_of(*said: tuple[str, Payload, date, datetime], note: str | None = None) -> MemoryLog:
    """A log of a key result and what else is said; the ids are `e0`, `e1`, ..."""
    first: list[tuple[str, Payload, date, datetime]] = [
        ("cycle/q1", CycleOpened(start=JAN1, end=MAR31), JAN1, at(1)),
        ("team/red", TeamFormed(), JAN1, at(1)),
        ("kr/growth", GROWTH, JAN1, at(1)),
    ]
    log = MemoryLog()
    for n, (subject, data, day, recorded_at) in enumerate([*first, *said], -len(first)):
        event = Event(
            id=f"e{n}",
            subject=subject,
            effective_on=day,
            recorded_at=recorded_at,
            data=data,  # type: ignore[arg-type]
            note=note if isinstance(data, CheckedIn) else None,
        )
        log.append([event])
    return log


def reading(value: float, day: int, recorded_at: datetime) -> tuple[str, Payload, date, datetime]:
    return ("kr/growth", CheckedIn(value=value), date(2026, 1, day), recorded_at)


def corrected(event: str, value: float, day: int, recorded_at: datetime) -> tuple[str, Payload, date, datetime]:
    return ("kr/growth", CheckInCorrected(value=value, corrects=event), date(2026, 1, day), recorded_at)


def retracted(event: str, recorded_at: datetime) -> tuple[str, Payload, date, datetime]:
    return ("kr/growth", EventRetracted(retracts=event), JAN1, recorded_at)


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def exported(log: EventLog, folder: Path, name: str) -> list[dict[str, str]]:
    export_tables(log, folder)
    return [{column: text for column, text in row.items() if text} for row in table(folder, name)]


def holding(log: EventLog, known: datetime) -> dict[tuple[str, date], object]:
    """The check-in in force per key result and day, as known at a time: the slow definition."""
    events = [event for event in log.read() if event.recorded_at <= known]
    gone = {e.data.retracts for e in events if isinstance(e.data, EventRetracted)}
    fixes = [e for e in events if isinstance(e.data, CheckInCorrected) and e.id not in gone]
    found: dict[tuple[str, date], object] = {}
    for event in sorted(events, key=lambda e: (e.recorded_at, e.position or 0)):
        if isinstance(event.data, CheckedIn) and event.id not in gone:
            own = [e for e in fixes if isinstance(e.data, CheckInCorrected) and e.data.corrects == event.id]
            last = max(own, key=lambda e: (e.recorded_at, e.position or 0), default=event)
            said = last.data.model_dump(exclude={"type", "corrects", "recorded_assumed"})
            found[event.subject, last.effective_on] = (said, last.note)
    return found


def again(log: EventLog, folder: Path) -> MemoryLog:
    """Another log, made from this one's tables."""
    export_tables(log, folder)
    other = MemoryLog()
    import_tables(other, [folder], now=MUCH_LATER)
    return other


def assert_known_alike(log: EventLog, other: EventLog) -> None:
    times = {event.recorded_at for event in [*log.read(), *other.read()]}
    for known in sorted(times | {MUCH_LATER}):
        assert holding(log, known) == holding(other, known), known


def test_an_export_says_how_many_rows_each_table_has(tmp_path: Path) -> None:
    log = log_of(reading(1.0, 5, at(6)), reading(2.0, 7, end_of(date(2026, 1, 7))))
    assert export_tables(log, tmp_path / "new/out") == {"cycles": 1, "teams": 1, "key_results": 1, "check_ins": 2}
    assert sorted(p.stem for p in (tmp_path / "new/out").iterdir()) == ["check_ins", "cycles", "key_results", "teams"]
    rows = table(tmp_path / "new/out", "check_ins")
    assert [(row["value"], row["recorded_on"]) for row in rows] == [
        ("1", "2026-01-06T12:00:00.000000Z"),
        ("2", "2026-01-07"),
    ]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    export_tables(log_of(), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InputError, match=r"cycles\.csv: is there already"):
        export_tables(log_of(reading(1.0, 5, at(6))), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    with pytest.raises(InputError, match="cannot be made a folder"):
        export_tables(log_of(), tmp_path / "notes.txt")


def test_an_empty_log_has_no_tables(tmp_path: Path) -> None:
    assert export_tables(MemoryLog(), tmp_path) == {}


def test_a_correction_is_a_later_row_for_the_same_day(tmp_path: Path) -> None:
    log = log_of(reading(1.0, 5, at(6)), corrected("e0", 2.0, 5, at(8)), corrected("e0", 3.0, 5, at(9)))
    assert [row["value"] for row in exported(log, tmp_path / "a", "check_ins")] == ["1", "2", "3"]
    assert_known_alike(log, again(log, tmp_path / "b"))


def test_a_corrected_row_that_did_not_hold_does_not_come_to_hold(tmp_path: Path) -> None:
    log = log_of(reading(1.0, 5, at(6)), reading(2.0, 5, at(7)), corrected("e0", 9.0, 5, at(8)))
    assert_known_alike(log, again(log, tmp_path))


def test_a_correction_that_moved_the_date_is_a_row_there(tmp_path: Path) -> None:
    log = log_of(reading(1.0, 5, at(6)), corrected("e0", 2.0, 6, at(8)))
    (row,) = exported(log, tmp_path, "check_ins")
    assert (row["effective_on"], row["value"]) == ("2026-01-06", "2")


def test_what_was_retracted_has_no_row(tmp_path: Path) -> None:
    log = log_of(
        reading(1.0, 5, at(6)),
        reading(2.0, 6, at(6)),
        corrected("e1", 3.0, 6, at(7)),
        corrected("e1", 4.0, 6, at(8)),
        retracted("e0", at(9)),
        retracted("e3", at(9)),
    )
    assert [row["value"] for row in exported(log, tmp_path / "a", "check_ins")] == ["2", "3"]
    assert holding(log, MUCH_LATER) == holding(again(log, tmp_path / "b"), MUCH_LATER)


def test_a_redacted_note_is_not_written(tmp_path: Path) -> None:
    redaction = ("kr/growth", NoteRedacted(redacts="e0"), JAN1, at(9))
    log = log_of(reading(1.0, 5, at(6)), reading(2.0, 6, at(6)), redaction, note="secret")
    assert [row.get("note") for row in exported(log, tmp_path, "check_ins")] == [None, "secret"]


def test_a_key_result_set_anew_keeps_its_first_recording_and_target(tmp_path: Path) -> None:
    anew = GROWTH.model_copy(update={"title": "Grow more", "target": 20.0})
    log = log_of(
        ("kr/growth", KeyResultRetargeted(target=15.0), date(2026, 1, 10), at(10)),
        ("kr/growth", anew, date(2026, 1, 20), at(20)),
    )
    (row,) = exported(log, tmp_path, "key_results")
    assert (row["title"], row["target"], row["recorded_on"]) == ("Grow more", "10", "2026-01-01T12:00:00.000000Z")
    targets = [(row["effective_on"], row["target"]) for row in table(tmp_path, "targets")]
    assert targets == [("2026-01-10", "15"), ("2026-01-20", "20")]
    assert len(list(again(log, tmp_path / "b").read())) == 5


def test_a_key_result_turned_round_leaves_targets_that_no_longer_fit(tmp_path: Path) -> None:
    turned = GROWTH.model_copy(update={"baseline": 50.0, "direction": "decrease", "target": 5.0})
    log = log_of(
        ("kr/growth", KeyResultRetargeted(target=60.0), date(2026, 1, 10), at(10)),
        ("kr/growth", turned, date(2026, 1, 20), at(20)),
    )
    (row,) = exported(log, tmp_path / "a", "key_results")
    assert (row["direction"], row["target"]) == ("decrease", "10")
    assert [row["target"] for row in table(tmp_path / "a", "targets")] == ["5"]
    assert len(list(again(log, tmp_path / "b").read())) == 4


def test_an_initiative_has_its_latest_estimate(tmp_path: Path) -> None:
    plan = InitiativePlanned(low=1.0, mode=2.0, high=3.0, title="A", team="red", key_result="growth")
    log = log_of(
        ("initiative/a", plan, JAN1, at(2)),
        ("initiative/a", InitiativeEstimated(low=4.0, mode=5.0, high=6.0), JAN1, at(4)),
        ("initiative/a", InitiativeEstimated(low=0.0, mode=0.0, high=0.0), JAN1, at(3)),
    )
    (row,) = exported(log, tmp_path, "initiatives")
    assert (row["low"], row["mode"], row["high"], row["recorded_on"][:10]) == ("4", "5", "6", "2026-01-02")


@pytest.mark.parametrize(
    ("opened", "closed", "rows"),
    [
        ((at(5), None, True), None, 1),
        ((end_of(date(2026, 1, 5)), None, True), (end_of(date(2026, 1, 7)), 2.0, True), 1),
        ((at(9), None, None), (at(9), 2.0, None), 1),
        ((at(5), None, None), (at(9), 2.0, None), 2),
        ((at(5), 1.0, None), (at(9), None, None), 2),
        ((end_of(date(2026, 1, 5)), 1.0, True), (end_of(date(2026, 1, 7)), 2.0, True), 2),
    ],
)
def test_run_work_takes_as_many_rows_as_say_what_was_known_when(
    tmp_path: Path, opened: tuple[Any, ...], closed: tuple[Any, ...] | None, rows: int
) -> None:
    work: list[tuple[str, Payload, date, datetime]] = [
        (
            "item/1",
            RunWorkArrived(team="red", effort_days=opened[1], recorded_assumed=opened[2]),
            date(2026, 1, 5),
            opened[0],
        )
    ]
    if closed:
        done = RunWorkDone(effort_days=closed[1], recorded_assumed=closed[2])
        work.append(("item/1", done, date(2026, 1, 7), closed[0]))
    log = log_of(*work)
    other = again(log, tmp_path)
    assert len(table(tmp_path, "run_work")) == rows

    def said(log: EventLog) -> list[object]:
        kinds = RunWorkArrived | RunWorkDone
        found = [e for e in log.read() if isinstance(e.data, kinds)]
        return [(e.effective_on, e.recorded_at, e.data.model_copy(update={"recorded_assumed": None})) for e in found]

    assert said(other) == said(log)


NASTY = [
    *("=1+1", "+x", "-x", "@cmd", "\tx", "\rx", "'=x", "''@", "'x", "-5", "+1e3", "=", "-inf"),
    *('"', 'a"b,c', "a\r\nb", "a\rb", " x ", "é\u2028", "\ufeff", "\x0b", " "),
]


@pytest.mark.parametrize("text", NASTY)
def test_any_text_comes_back_and_none_is_run_as_a_formula(tmp_path: Path, text: str) -> None:
    log = log_of(("kr/growth", CheckedIn(value=1.0, status=text), date(2026, 1, 5), at(6)), note=text)
    other = again(log, tmp_path)
    (row,) = table(tmp_path, "check_ins")
    assert row["note"][0] not in "=+-@\t\r" or text in ("-5", "+1e3")
    assert holding(other, MUCH_LATER) == holding(log, MUCH_LATER)


def test_an_item_said_again_after_its_closing_adds_no_row(tmp_path: Path) -> None:
    day = date(2026, 1, 5)
    log = log_of(
        ("item/1", RunWorkArrived(team="red"), day, at(6)),
        ("item/1", RunWorkDone(effort_days=1.0), day, at(7)),
        ("item/1", RunWorkArrived(team="red", effort_days=1.0), day, at(8)),
        ("item/1", RunWorkArrived(team="red"), date(2026, 1, 4), at(9)),
    )
    rows = exported(log, tmp_path, "run_work")
    assert [row["recorded_on"][:10] for row in rows] == ["2026-01-06", "2026-01-07", "2026-01-09"]


def test_an_absence_called_off_and_planned_anew_comes_back(tmp_path: Path) -> None:
    day, assumed = date(2026, 1, 6), date(2026, 1, 6)
    planned, off = (AbsencePlanned(until=day, days=days, recorded_assumed=True) for days in (0.25, 0.0))
    log = log_of(*(("team/red", said, day, end_of(assumed)) for said in (planned, off, planned)))
    rows = exported(log, tmp_path / "a", "absences")
    assert [row["days"] for row in rows] == ["0.25", "0", "0.25"]
    assert ["recorded_on" in row for row in rows] == [False, True, True]
    assert exported(again(log, tmp_path / "b"), tmp_path / "c", "absences") == rows


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=6) | (
    st.sampled_from(NASTY)
)
NUMBER = st.integers(-20, 20).map(float) | st.floats(-1e14, 1e14)
STEP = st.tuples(
    st.sampled_from(["read", "read", "correct", "retract"]),
    st.integers(0, 5),
    st.integers(2, 6),
    st.integers(0, 3),
    st.builds(
        CheckedIn,
        value=NUMBER,
        confidence=st.none() | st.floats(0, 1),
        projection=st.none() | NUMBER,
        status=st.none() | TEXT,
    ),
)


def told(steps: Sequence[tuple[str, int, int, int, CheckedIn]], *, retract: bool) -> MemoryLog:
    """A log of check-ins, corrections of them and, with `retract`, retractions; times never run back."""
    said: list[tuple[str, Payload, date, datetime]] = []
    now = at(7)
    origins: list[tuple[str, int]] = []
    for what, which, day, hours, data in steps:
        now += timedelta(hours=hours)
        origin = origins[which % len(origins)] if origins else None
        if what == "read" or origin is None:
            origins.append((f"e{len(said)}", day))
            said.append(("kr/growth", data, date(2026, 1, day), now))
        elif what == "correct":
            fields = data.model_dump(exclude={"type"})
            said.append(("kr/growth", CheckInCorrected(corrects=origin[0], **fields), date(2026, 1, origin[1]), now))
        elif retract:
            said.append(retracted(f"e{which % len(said)}", now))
    return log_of(*said)


@settings(max_examples=60)
@given(steps=st.lists(STEP, max_size=8), retract=st.booleans())
def test_export_and_import_give_the_same_check_ins_in_force(
    steps: list[tuple[str, int, int, int, CheckedIn]], retract: bool
) -> None:
    log = told(steps, retract=retract)
    with tempfile.TemporaryDirectory() as folder:
        other = again(log, Path(folder) / "a")
        export_tables(other, Path(folder) / "b")
        for path in (Path(folder) / "a").iterdir():
            assert (Path(folder) / "b" / path.name).read_bytes() == path.read_bytes()
    if retract:
        assert holding(log, MUCH_LATER) == holding(other, MUCH_LATER)
    else:
        assert_known_alike(log, other)


GROWTH_COLUMNS = "key_result,title,team,cycle,unit,kind,direction,baseline,target,start,due".split(",")  # noqa: SIM905
KEYS = st.sampled_from(["growth", "=kr", "-1", "a/b", "é, ü", 'q"', "+x"])
GOAL_ROW = st.tuples(
    TEXT.map(lambda text: text.lstrip("'") or "x"),
    st.sampled_from(["red", "@blue"]),
    st.sampled_from(["q1", "q2"]),
    NUMBER,
    st.integers(0, 40),
    st.integers(0, 90),
    st.none() | st.integers(0, 38),
)
READING_ROW = st.tuples(st.integers(0, 30), NUMBER, st.none() | st.integers(0, 9), st.none() | st.floats(0, 1))


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[list[object]]]:
    """Sound tables of key results, check-ins and run work."""
    goals = draw(st.dictionaries(KEYS, GOAL_ROW, min_size=1, max_size=4))
    found: dict[str, list[list[object]]] = {
        "key_results": [
            [*GROWTH_COLUMNS, "recorded_on"],
        ],
        "check_ins": [["key_result", "effective_on", "value", "recorded_on", "confidence"]],
        "run_work": [["item", "team", "opened", "closed", "effort_days"]],
    }
    for name, (title, team, cycle, target, begin, length, late) in goals.items():
        start = JAN1 + timedelta(days=begin - 40)
        baseline = target - max(1.0, abs(target))
        ends = [start, start + timedelta(days=length), start + timedelta(days=late) if late is not None else ""]
        found["key_results"].append(
            [name, title, team, cycle, "%", "metric", "increase", repr(baseline), repr(target), *ends]
        )
    for name in goals:
        for day, value, late, confidence in draw(st.lists(READING_ROW, max_size=4)):
            on = JAN1 + timedelta(days=day)
            recorded_on = "" if late is None else on + timedelta(days=late)
            found["check_ins"].append([name, on, repr(value), recorded_on, "" if confidence is None else confidence])
    team = next(iter(goals.values()))[1]
    for item, (opened, closed) in enumerate(
        draw(st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 9))))
    ):
        on = JAN1 + timedelta(days=opened)
        found["run_work"].append([item, team, on, "" if closed is None else on + timedelta(days=closed), item or ""])
    return found


def taken(log: EventLog, found: dict[str, list[list[object]]], now: datetime = NOW) -> Imported:
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in found.items():
            with (Path(folder) / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(rows)
        return import_tables(log, [Path(folder)], now=now)


@settings(max_examples=40)
@given(found=tables(), days=st.integers(0, 400))
def test_importing_twice_is_importing_once(found: dict[str, list[list[object]]], days: int) -> None:
    log = MemoryLog()
    first = taken(log, found)
    second = taken(log, found, NOW + timedelta(days=days))
    assert second == Imported(0, first.added + first.already, 0, 0, first.head)


@settings(max_examples=30)
@given(found=tables(), data=st.data())
def test_the_order_of_rows_for_different_days_does_not_matter(
    found: dict[str, list[list[object]]], data: st.DataObject
) -> None:
    one, other = MemoryLog(), MemoryLog()
    header, *rows = found["check_ins"]
    found["check_ins"] = [header, *{(row[0], row[1]): row for row in rows}.values()]
    taken(one, found)
    shuffled = {name: [rows[0], *data.draw(st.permutations(rows[1:]))] for name, rows in found.items()}
    taken(other, shuffled)
    assert_known_alike(one, other)
    assert {e.id for e in one.read()} == {e.id for e in other.read()}
    assert taken(one, shuffled).head == one.head()


@settings(max_examples=40)
@given(before=tables(), after=tables())
def test_whatever_is_edited_a_second_import_of_it_adds_nothing_and_its_export_comes_back(
    before: dict[str, list[list[object]]], after: dict[str, list[list[object]]]
) -> None:
    work: list[list[Any]] = [*before["run_work"][1:], *after["run_work"][1:]]
    ends = {row[0]: row[3] for row in work if row[3]}
    for row in work:
        if not row[3]:
            row[2] = min(row[2], ends.get(row[0], row[2]))  # an item said to be open again was opened before it closed
    log = MemoryLog()
    for n, found in enumerate((before, after, before, after)):
        taken(log, found, NOW + timedelta(days=n))
        head = log.head()
        assert taken(log, found, NOW + timedelta(days=n, hours=1)).head == head
    with tempfile.TemporaryDirectory() as folder:
        other = again(log, Path(folder) / "a")
        assert_known_alike(log, other)
        counts = export_tables(other, Path(folder) / "b")
        for name in counts:
            first, second = ((Path(folder) / part / f"{name}.csv").read_bytes() for part in "ab")
            assert first == second, name


def test_real_data_goes_out_and_comes_in_again_the_same(shared_data: Path, tmp_path: Path) -> None:
    log = MemoryLog()
    import_tables(log, [shared_data / "sprints-jira"], now=NOW)
    other = again(log, tmp_path / "a")
    assert holding(other, MUCH_LATER) == holding(log, MUCH_LATER)
    assert [
        (e.recorded_at, e.effective_on, e.subject, e.data) for e in other.read() if isinstance(e.data, CheckedIn)
    ] == [(e.recorded_at, e.effective_on, e.subject, e.data) for e in log.read() if isinstance(e.data, CheckedIn)]
    export_tables(other, tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert (tmp_path / "b" / path.name).read_bytes() == path.read_bytes()
