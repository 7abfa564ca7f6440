"""The tables of capacity, run work and change work: what is refused where, and out and in again with the same facts."""

from __future__ import annotations

import csv
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from pydantic import ValidationError

from koers.engine import work
from koers.engine.replay import replay, typed, view
from koers.events.errors import InputError
from koers.events.export import export_tables
from koers.events.log import EventLog
from koers.events.memory import MemoryLog
from koers.events.model import (
    AbsencePlanned,
    Event,
    GuardrailSet,
    InitiativePlanned,
    Payload,
    RunWorkArrived,
    RunWorkDone,
    end_of,
)
from koers.events.rules import STORED
from koers.events.tables import Imported, import_tables

NOW = datetime(2026, 2, 10, 9, tzinfo=UTC)
MUCH_LATER = NOW + timedelta(days=300)
JAN1 = date(2026, 1, 1)

BASE = {
    "key_results": (
        "key_result,title,team,cycle,unit,kind,direction,baseline,target,start,due\n"
        "growth,Grow,red,q1,%,metric,increase,0,10,2026-01-01,2026-03-31\n"
    ),
    "kpis": "kpi,title,team,unit\nnps,NPS,red,points\n",
    "capacity": "team,from,people\nred,2026-01-01,5\nred,2026-06-01,8\n",
}
ABSENCES = "team,from,until,days\n"
WORK = "item,team,opened,closed\n"
POLICIES = "team,from,policy,parameters\n"
PLANS = "initiative,title,team,key_result,low,mode,high,depends_on\n"


def take(log: EventLog, tables: dict[str, str], now: datetime = NOW) -> Imported:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in tables.items():
            Path(folder, f"{name}.csv").write_text(text, encoding="utf-8")
        try:
            return import_tables(log, [Path(folder)], now=now)
        except InputError as error:
            raise InputError(str(error).removeprefix(f"{folder}/")) from None


@pytest.fixture
def log() -> MemoryLog:
    log = MemoryLog()
    take(log, BASE)
    return log


def policy(name: str, parameters: str) -> str:
    quoted = parameters.replace('"', '""')
    return f'{POLICIES}red,2026-01-01,{name},"{quoted}"\n'


def plans(*waits: str) -> str:
    """Initiatives a, b, c, ..., each with what it waits for."""
    return PLANS + "".join(f"{n},{n},red,growth,1,2,3,{w}\n" for n, w in zip("abcdef", waits, strict=False))


BAD: list[tuple[str, str, str, str]] = [
    ("capacity", "team,from,people\nred,2026-01-01,100001\n", "2:3", "people 100,001 is above 100,000"),
    ("capacity", "team,from,people\nred,2026-01-01,-1\n", "2:3", "people '-1' is below 0"),
    ("effort", "team,week_start,run_days,change_days\nred,2026-01-05,1,1e6\n", "2:4", "change_days 1,000,000 is above"),
    ("effort", "team,week_start,run_days,change_days\nred,2026-01-05,-1,1\n", "2:3", "is below 0"),
    (
        "run_work",
        "item,team,opened,effort_days\n1,red,2026-01-05,10000.5\n",
        "2:4",
        "effort_days 10,000.5 is above 10,000",
    ),
    ("run_work", "item,team,opened,closed,effort_days\n1,red,2026-01-05,2026-01-06,2e4\n", "2:5", "is it in another"),
    ("run_work", "item,team,opened,effort_days\n1,red,2026-01-05,-1\n", "2:4", "is below 0"),
    (
        "run_work",
        WORK + "1,red,2026-01-06,2026-01-05\n",
        "2:4",
        "closed 2026-01-05 lies before opened 2026-01-06: corr",
    ),
    (
        "run_work",
        WORK + "1,red,2026-01-05,\n2,red,2026-01-05,\n1,red,2026-02-02,\n",
        "4:1",
        "'1' stands here and, with other content, in line 2: keep one",
    ),
    ("run_work", WORK + "1,red,2026-01-05,\n1,red,2026-01-05,2026-01-07\n", "3:1", "in line 2: keep one"),
    (
        "absences",
        ABSENCES + "red,2026-03-07,2026-03-08,1\n",
        "2:2",
        "2026-03-08 holds no morning, only a weekend: name",
    ),
    ("absences", ABSENCES + "red,2026-03-08,2026-03-08,1\n", "2:2", "holds no morning"),
    ("absences", ABSENCES + "red,2026-03-02,2026-03-01,1\n", "2:3", "until 2026-03-01 lies before the first day"),
    ("absences", ABSENCES + "red,2026-03-01,2026-03-02,17\n", "2:4", "more than 8 people can miss from 2026-03-01 to"),
    ("absences", ABSENCES + "red,2026-03-01,2026-03-02,-1\n", "2:4", "is below 0"),
    ("absences", ABSENCES + 2 * "red,2026-03-01,2026-03-02,1\n", "3:4", "line 2 has an absence of red"),
    ("initiatives", plans("").replace("3,", "1000001,"), "2:7", "high 1,000,001 is above 1,000,000"),
    ("initiatives", plans("").replace("growth", "grwth"), "2:4", "did you mean growth?"),
    ("initiatives", plans("a"), "2:8", "depends_on goes round in a circle: a -> a;"),
    ("initiatives", plans("b", "a"), "2:8", "in a circle: a -> b -> a; take one of them out"),
    ("initiatives", plans("d", "c", "d", "b"), "3:8", "in a circle: b -> c -> d -> b;"),
    ("policies", policy("threshold", '{"share": 0.3, "upper": 1, "lower": 2}'), "2:4", "upper 1 is below lower 2"),
    ("policies", policy("ring_fence", ""), "2:4", "ring_fence needs share: share is missing"),
    ("policies", policy("rotation", '{"n": 2}'), "2:4", "did you mean people?"),
    ("policies", policy("ring_fence", '{"share": 30}'), "2:4", "share 30.0 does not fit: write a number from 0 to 1"),
    (
        "policies",
        policy("freeze", '{"share": 0.3, "guardrail": "npm"}'),
        "2:4",
        "guardrail 'npm' is not known; did you",
    ),
    ("policies", policy("freeze", '{"share": 0.3, "guardrail": "zzz"}'), "2:4", "add it to kpis.csv"),
    ("kpi_values", "kpi,effective_on,value\nnps,2026-02-01,\n", "2:3", "value is empty"),
]


@pytest.mark.parametrize(("name", "text", "where", "what"), BAD)
def test_bad_rows_are_refused_where_they_stand_over_tables_and_log(
    log: MemoryLog, name: str, text: str, where: str, what: str
) -> None:
    head = log.head()
    for whole, tables in ((log, {name: text}), (MemoryLog(), {**BASE, name: text})):
        with pytest.raises(InputError) as caught:
            take(whole, tables)
        assert str(caught.value).startswith(f"{name}.csv:{where}: ")
        assert what in str(caught.value)
    assert log.head() == head


@pytest.mark.parametrize(
    ("row", "where", "what"),
    [
        ("red,2026-03-02,2026-03-01,1\n", "2:3", "until 2026-03-01 lies before the first day 2026-03-02"),
        ("red,2026-03-07,2026-03-08,1\n", "2:2", "from 2026-03-07 until 2026-03-08 holds no morning, only a weekend"),
        ("red,2026-03-01,2026-03-02,200001\n", "2:4", "days 200,001 are more than 100,000 people can miss"),
    ],
)
def test_an_absence_is_checked_where_the_size_of_the_team_is_not_known(row: str, where: str, what: str) -> None:
    with pytest.raises(InputError, match=f"absences.csv:{where}: {what}"):
        take(MemoryLog(), {"key_results": BASE["key_results"], "absences": ABSENCES + row})


def test_a_circle_is_found_over_rows_and_log_and_named_from_a_row(log: MemoryLog) -> None:
    take(log, {"initiatives": plans("", "a", "b")})
    closes = PLANS + "a,a,red,growth,1,2,3,c\n"
    with pytest.raises(InputError, match=r"initiatives\.csv:2:8: depends_on goes .* a -> c -> b -> a; take one"):
        take(log, {"initiatives": closes})
    assert take(log, {"initiatives": PLANS + "a,a,red,growth,1,2,3,\nb,b,red,growth,1,2,3,c\nc,c,red,growth,1,2,3,\n"})


def test_a_circle_that_the_log_holds_already_stops_no_other_row(log: MemoryLog) -> None:
    for name, other in ("ab", "ba"):
        plan = InitiativePlanned(
            title=name, team="red", key_result="growth", low=1.0, mode=1.0, high=1.0, depends_on=(other,)
        )
        log.append([Event(id=name, subject=f"initiative/{name}", effective_on=JAN1, recorded_at=NOW, data=plan)])
    assert take(log, {"initiatives": PLANS + "c,c,red,growth,1,2,3,a\n"}).added == 1
    with pytest.raises(InputError, match="a -> b -> a"):
        take(log, {"initiatives": PLANS + "a,again,red,growth,1,2,3,b\n"})


def test_an_absence_may_take_all_the_people_a_team_ever_has(log: MemoryLog) -> None:
    assert take(log, {"absences": ABSENCES + "red,2026-03-01,2026-03-02,16\n"}).added == 1
    grown = {"absences": ABSENCES + "red,2026-03-03,2026-03-03,9\n", "capacity": "team,from,people\nred,2026-09-01,9\n"}
    assert take(log, grown).added == 2


@pytest.mark.parametrize(
    "row", ["2026-03-06,2026-03-07,1", "2026-03-07,2026-03-09,1", "2026-03-08,2026-03-09,1", "2026-03-07,2026-03-08,0"]
)
def test_an_absence_may_touch_a_weekend_and_be_none_at_all(log: MemoryLog, row: str) -> None:
    assert take(log, {"absences": f"{ABSENCES}red,{row}\n"}).added == 1


def test_a_stored_absence_on_a_weekend_stays_readable() -> None:
    data = AbsencePlanned(until=date(2026, 3, 8), days=1.0)
    event = {"id": "a", "subject": "team/red", "effective_on": date(2026, 3, 7), "recorded_at": NOW, "data": data}
    assert Event.model_validate(event, context=STORED).data == data
    with pytest.raises(ValidationError, match="holds no morning"):
        Event.model_validate(event)


def test_a_guardrail_may_be_a_kpi_of_the_log_or_of_the_import(log: MemoryLog) -> None:
    assert take(log, {"policies": policy("freeze", '{"share": 0.3, "guardrail": "nps"}')}).added == 1
    tables = {"kpis": "kpi,title,team,unit\nage,Age,red,days\n"}
    assert take(log, tables | {"policies": policy("freeze", '{"share": 0.3, "guardrail": "age"}')}).corrected == 1


def missing(log: EventLog) -> list[tuple[Any, ...]]:
    return [row[1:] for row in work.absences(replay(log.rows())).rows() if row[-1]]


def test_an_absence_moved_to_another_last_day_calls_off_the_one_before(log: MemoryLog) -> None:
    rows = "red,2026-07-01,2026-07-10,{}\nred,2026-07-01,{},{}\n"
    spring = [(5, "2026-07-31", 30), (5, "2026-08-15", 40), (6, "2026-08-15", 40), (5, "2026-07-31", 30)]
    for n, (first, until, days) in enumerate(spring):
        now = NOW + timedelta(days=n)
        take(log, {"absences": ABSENCES + rows.format(first, until, days)}, now)
        last = date.fromisoformat(until)
        first_day = date(2026, 7, 1)
        assert missing(log) == [(first_day, date(2026, 7, 10), first), (first_day, last, days)]
        head = log.head()
        take(log, {"absences": ABSENCES + rows.format(first, until, days)}, now + timedelta(hours=1))
        assert log.head() == head, "and a second import adds nothing"
    with tempfile.TemporaryDirectory() as folder:
        assert_known_alike(log, again(log, Path(folder)))
    recorded = [event.recorded_at for event in log.read() if isinstance(event.data, AbsencePlanned)]
    assert recorded == sorted(recorded)


PROJECTIONS = (
    *(work.capacity, work.absences, work.policies, work.effort),
    *(work.run_work, work.initiatives, work.kpis, work.kpi_values),
)
DEFINED = (work.initiatives, work.kpis)
"""An export gives the latest version only, as if it had been so from the first."""


def again(log: EventLog, folder: Path) -> MemoryLog:
    """Another log, made from this one's tables."""
    export_tables(log, folder)
    other = MemoryLog()
    import_tables(other, [folder], now=MUCH_LATER)
    return other


def assert_known_alike(log: EventLog, other: EventLog) -> None:
    """Every projection says the same of both logs, at every time something was recorded."""
    first, second = list(log.read()), list(other.read())
    recorded = typed(first), typed(second)
    for known in sorted({event.recorded_at for event in first + second} | {MUCH_LATER}):
        one, two = (view(frames, known_until=known) for frames in recorded)
        for of in PROJECTIONS:
            if known == MUCH_LATER or of not in DEFINED:
                assert_frame_equal(_undated(of(one)), _undated(of(two)))


def _undated(frame: pl.DataFrame) -> pl.DataFrame:
    """Without the days of the plan itself: a table keeps that of the first, and no estimate's own."""
    return frame.drop("planned_on", "estimated_on", strict=False)


DAY = st.integers(0, 12).map(lambda n: JAN1 + timedelta(days=n))
LATE = st.none() | st.integers(0, 20)
AMOUNT = st.integers(0, 40).map(lambda n: n / 4) | st.floats(0, 20)
TEAM = st.sampled_from(["red", "=blue"])
NAME = st.sampled_from(["a", "=b", "c;d", "é, ü"])
PARAMETERS = st.sampled_from(
    [
        ("run_first", ""),
        ("run_first", '{"wip_limit": 2}'),
        ("ring_fence", '{"share": 0.3, "switch_loss": 0}'),
        ("buffer", '{"days": 3, "share": 0.125}'),
        ("freeze", '{"guardrail": "nps", "share": 1}'),
    ]
)
ROWS: dict[str, tuple[str, st.SearchStrategy[tuple[Any, ...]]]] = {
    "capacity": ("team,from,people,recorded_on", st.tuples(TEAM, DAY, AMOUNT.map(lambda n: n + 20), LATE)),
    "absences": ("team,from,until,days,recorded_on", st.tuples(TEAM, DAY, st.integers(0, 9), AMOUNT, LATE)),
    "policies": ("team,from,policy,parameters,recorded_on", st.tuples(TEAM, DAY, PARAMETERS, LATE)),
    "effort": ("team,week_start,run_days,change_days,recorded_on", st.tuples(TEAM, DAY, AMOUNT, AMOUNT, LATE)),
    "run_work": (
        "item,team,opened,closed,effort_days,recorded_on",
        st.tuples(NAME, TEAM, DAY, st.none() | st.integers(0, 9), st.none() | AMOUNT, st.none()),
    ),
    "initiatives": (
        "initiative,title,team,key_result,low,mode,high,impact,lag,depends_on,start,recorded_on",
        st.tuples(NAME, NAME, TEAM, AMOUNT, AMOUNT, AMOUNT, st.none() | AMOUNT, st.integers(0, 9), DAY, LATE),
    ),
    "kpis": (
        "kpi,title,team,unit,lower,upper,recorded_on",
        st.tuples(st.sampled_from(["nps", "-1"]), NAME, TEAM, NAME, st.none() | AMOUNT, st.none() | AMOUNT, LATE),
    ),
    "kpi_values": ("kpi,effective_on,value,recorded_on", st.tuples(st.just("nps"), DAY, AMOUNT, LATE)),
}


def cells(name: str, row: tuple[Any, ...]) -> list[Any]:
    """A drawn row as cells: what depends on another cell is made to fit it."""
    *said, late = row
    if name == "policies":
        said = [*said[:2], *said[2]]
    if name == "absences":
        said[2] = said[1] + timedelta(days=max(said[2], 2 if said[1].weekday() > 4 else 0))
        said[3] = min(said[3], 20.0)
    if name == "run_work" and said[3] is not None:
        said[3] = said[2] + timedelta(days=said[3])
    if name == "initiatives":
        said[3:6] = ["growth", *sorted(said[3:6])]
        said.insert(9, "z" if said[0] != "z" else "")
    if name == "kpis" and said[4] is not None and said[5] is not None:
        said[5] += said[4] + 1
    day = said[{"capacity": 1, "absences": 1, "policies": 1, "effort": 1, "kpi_values": 1}.get(name, 0)]
    recorded = (day if isinstance(day, date) else JAN1) + timedelta(days=late or 0)
    return [*said, None if late is None else recorded]


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, list[list[Any]]]:
    """Sound tables of everything about capacity, with versions, late rows and names that need quoting."""
    found: dict[str, list[list[Any]]] = {}
    for name, (header, row) in ROWS.items():
        rows = [cells(name, r) for r in draw(st.lists(row, max_size=4))]
        if name in ("run_work", "initiatives", "kpis"):
            rows = list({r[0]: r for r in rows}.values())
        if name == "absences":
            rows = list({tuple(r[:3]): r for r in rows}.values())
        found[name] = [header.split(","), *rows]
    if all(r[0] != "nps" for r in found["kpis"][1:]):
        found["kpis"].append(["nps", "NPS", "red", "points", None, None, None])
    found["initiatives"].append(["z", "Z", "red", "growth", 1, 1, 1, None, None, None, None, None])
    found["key_results"] = [line.split(",") for line in BASE["key_results"].splitlines()]
    found["teams"] = [["team"], ["red"], ["'=blue"]]
    return found


def taken(log: EventLog, found: dict[str, list[list[Any]]], now: datetime) -> Imported:
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in found.items():
            with Path(folder, f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(rows)
        return import_tables(log, [Path(folder)], now=now)


@settings(max_examples=25)
@given(found=worlds())
def test_what_came_in_goes_out_and_comes_in_again_the_same(found: dict[str, list[list[Any]]]) -> None:
    log = MemoryLog()
    first = taken(log, found, NOW)
    assert taken(log, found, NOW + timedelta(days=9)).head == first.head, "twice is once"
    with tempfile.TemporaryDirectory() as folder:
        other = again(log, Path(folder, "a"))
        assert_known_alike(log, other)
        for name, count in export_tables(other, Path(folder, "b")).items():
            one, two = (Path(folder, part, f"{name}.csv").read_bytes() for part in "ab")
            assert one == two
            assert count == len(list(csv.reader(one.decode().splitlines()))) - 1


@settings(max_examples=15)
@given(before=worlds(), after=worlds())
def test_whatever_is_edited_what_is_known_when_survives_export_and_import(
    before: dict[str, list[list[Any]]], after: dict[str, list[list[Any]]]
) -> None:
    work = [*before["run_work"][1:], *after["run_work"][1:]]
    ends = {row[0]: row[3] for row in work if row[3] is not None}
    for row in work:
        if row[3] is None:
            row[2] = min(row[2], ends.get(row[0], row[2]))  # an item said to be open again was opened before it closed
        elif row[4] is None:
            row[4] = 0.5  # an effort told only after a closing without one is beyond what a row can say
    log = MemoryLog()
    for n, found in enumerate((before, after, before)):
        taken(log, found, NOW + timedelta(days=n))
        head = log.head()
        assert taken(log, found, NOW + timedelta(days=n, hours=1)).head == head
    with tempfile.TemporaryDirectory() as folder:
        assert_known_alike(log, again(log, Path(folder)))


def log_of_item(*facts: tuple[Payload, date, datetime]) -> MemoryLog:
    """A log of one item of run work: what was said of it, for which day, and when."""
    log = MemoryLog()
    take(log, BASE)
    for n, (data, on, when) in enumerate(facts):
        said = {"id": str(n), "subject": "item/1", "effective_on": on, "recorded_at": when, "data": data}
        log.append([Event.model_validate(said)])
    return log


def rows_of_item(log: EventLog, folder: Path) -> list[tuple[str, ...]]:
    """The rows that an export tells it in: days and effort. What comes in again is known alike."""
    assert_known_alike(log, again(log, folder))
    rows = csv.DictReader((folder / "run_work.csv").read_text().splitlines())
    return [tuple(row[name] for name in ("opened", "closed", "effort_days")) for row in rows]


def test_what_became_known_of_an_item_at_one_time_is_one_row(tmp_path: Path) -> None:
    """Both days edited in one import: nobody ever said the new opening with the old closing."""
    days = [JAN1 + timedelta(days=n) for n in range(6)]
    log = log_of_item(
        (RunWorkArrived(team="red", effort_days=1.0), days[0], end_of(days[0])),
        (RunWorkDone(effort_days=2.0), days[1], end_of(days[1])),
        (RunWorkArrived(team="red"), days[3], NOW),
        (RunWorkDone(effort_days=2.0), days[4], NOW),
    )
    assert rows_of_item(log, tmp_path) == [
        ("2026-01-01", "", "1"),
        ("2026-01-01", "2026-01-02", "2"),
        ("2026-01-04", "2026-01-05", "2"),
    ]


def test_an_item_that_came_and_went_at_one_time_keeps_the_effort_told_on_arrival(tmp_path: Path) -> None:
    log = log_of_item((RunWorkArrived(team="red", effort_days=3.0), JAN1, NOW), (RunWorkDone(), JAN1, NOW))
    assert rows_of_item(log, tmp_path) == [("2026-01-01", "2026-01-01", "3")]


def test_an_item_that_an_older_koers_took_in_twice_comes_out_as_it_was_told(tmp_path: Path) -> None:
    """Opened in January and closed, and opened in February under the same name."""
    days = date(2026, 1, 5), date(2026, 1, 7), date(2026, 2, 2)
    came, done = RunWorkArrived(team="red", recorded_assumed=True), RunWorkDone(recorded_assumed=True)
    log = log_of_item(*((data, day, end_of(day)) for data, day in zip((came, done, came), days, strict=True)))
    head = log.head()
    assert rows_of_item(log, tmp_path) == [
        ("2026-01-05", "", ""),
        ("2026-01-05", "2026-01-07", ""),
        ("2026-02-02", "", ""),
    ]
    assert import_tables(log, [tmp_path], now=MUCH_LATER).head == head, "and its own export adds nothing"


def test_a_guardrail_has_no_table_so_it_does_not_come_out(log: MemoryLog) -> None:
    limit = GuardrailSet(upper=5.0)
    log.append([Event(id="g", subject="kpi/nps", effective_on=JAN1, recorded_at=NOW, data=limit)])
    with tempfile.TemporaryDirectory() as folder:
        other = again(log, Path(folder))
    assert work.kpis(replay(log.rows()))["upper"].to_list() == [5.0]
    assert work.kpis(replay(other.rows()))["upper"].to_list() == [None]
