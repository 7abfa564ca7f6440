"""Tables in: what becomes of a row, when it counts as recorded, and what is refused where."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from koers.events import csvfile
from koers.events.errors import InputError
from koers.events.log import EMPTY, open_log
from koers.events.memory import MemoryLog
from koers.events.model import (
    AbsencePlanned,
    Aligned,
    CapacitySet,
    CheckedIn,
    CycleOpened,
    EffortLogged,
    Event,
    InitiativePlanned,
    KeyResultRetargeted,
    KeyResultSet,
    KpiDefined,
    KpiObserved,
    ObjectiveSet,
    OutcomeRecorded,
    PolicySet,
    RunWorkArrived,
    RunWorkDone,
    TeamFormed,
    end_of,
)
from koers.events.tables import Imported, import_tables

NOW = datetime(2026, 2, 10, 9, tzinfo=UTC)
KR = "key_result,title,team,cycle,unit,kind,direction,baseline,target,start,due\n"
GROWTH = KR + "growth,Grow,red,q1,%,metric,increase,0,10,2026-01-01,2026-03-31\n"

EVERY: dict[str, str] = {
    "cycles": "cycle,start,end\nq1,2026-01-01,2026-03-31\n",
    "teams": "team,title\nred,Team Red\n",
    "objectives": (
        "objective,title,why,team,cycle,ambition,parent\nwin,Win,because,red,q1,committed,\nmore,More,,red,q1,,win\n"
    ),
    "key_results": (
        "key_result,title,objective,team,owner,cycle,unit,kind,direction,baseline,target,start,due,"
        "commit,stretch,weight,lower,upper,cadence\n"
        "growth,Grow,win,red,ann,q1,%,metric,increase,0,10,2026-01-01,2026-03-31,7,12,2,,,monthly\n"
        "calm,Stay,,red,,q1,%,control,maintain_below,,,2026-01-01,2026-03-31,,,,,5,\n"
    ),
    "alignments": "child,parent,relation\ngrowth,win,contributes\nmore,win,supports\n",
    "targets": "key_result,effective_on,target,due\ngrowth,2026-02-01,8,2026-04-30\n",
    "check_ins": (
        "key_result,effective_on,value,confidence,projection,status,note\n"
        'growth,2026-01-08,1.5,0.7,9,on track,"two\nlines"\ncalm,2026-01-09,1,,,,\n'
    ),
    "outcomes": "key_result,effective_on,value,attained\ngrowth,2026-02-09,8,yes\n",
    "capacity": "team,from,people\nred,2026-01-01,7.5\n",
    "absences": "team,from,until,days\nred,2026-07-01,2026-07-31,30\n",
    "policies": 'team,from,policy,parameters\nred,2026-01-01,buffer,"{""share"": 0.4, ""days"": 3}"\n',
    "effort": "team,week_start,run_days,change_days\nred,2026-01-05,20,15\n",
    "run_work": (
        "item,team,opened,closed,effort_days\n1,red,2026-01-05,2026-01-07,0.5\n2,red,2026-01-06,,\n3,red,2026-01-06,,2\n"
    ),
    "initiatives": (
        "initiative,title,team,key_result,low,mode,high,impact,lag,depends_on,start\n"
        "a,A,red,growth,1,2,3,,,,\nb,B,red,growth,1,2,3,4,14,a,2026-01-15\nc,C,red,growth,1,2,3,4,,a; b,\n"
    ),
    "kpis": "kpi,title,team,unit,lower,upper\nnps,NPS,red,points,30,\n",
    "kpi_values": "kpi,effective_on,value\nnps,2026-01-31,41\n",
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(tables: Mapping[str, str | bytes], folder: str = "in") -> Path:
    Path(folder).mkdir(exist_ok=True)
    for name, text in tables.items():
        Path(folder, f"{name}.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return Path(folder)


def take(log: MemoryLog, tables: Mapping[str, str | bytes], now: datetime = NOW, **options: bool) -> Imported:
    return import_tables(log, [write(tables)], now=now, **options)


def taken(tables: Mapping[str, str | bytes], now: datetime = NOW, **options: bool) -> list[Event]:
    log = MemoryLog()
    take(log, tables, now, **options)
    return list(log.read())


def of(events: list[Event], kind: type, name: str | None = None) -> list[Any]:
    return [e for e in events if isinstance(e.data, kind) and (name is None or e.name == name)]


def test_every_table_of_the_design_becomes_events() -> None:
    log = MemoryLog()
    done = take(log, EVERY)
    assert (done.added, done.already, done.corrected, done.head) == (24, 0, 0, log.head())
    events = list(log.read())
    said = [
        (e.subject, e.effective_on.isoformat(), e.data.model_copy(update={"recorded_assumed": None})) for e in events
    ]
    first, last = date(2026, 1, 1), date(2026, 3, 31)
    for expected in (
        ("cycle/q1", "2026-01-01", CycleOpened(start=first, end=last)),
        ("team/red", "2026-01-01", TeamFormed(title="Team Red")),
        (
            "objective/win",
            "2026-01-01",
            ObjectiveSet(title="Win", why="because", team="red", cycle="q1", ambition="committed"),
        ),
        ("objective/more", "2026-01-01", ObjectiveSet(title="More", team="red", cycle="q1", parent="win")),
        ("kr/growth", "2026-01-01", Aligned(parent="win", relation="contributes")),
        ("objective/more", "2026-01-01", Aligned(parent="win", relation="supports")),
        ("kr/growth", "2026-02-01", KeyResultRetargeted(target=8.0, due=date(2026, 4, 30))),
        ("kr/growth", "2026-01-08", CheckedIn(value=1.5, confidence=0.7, projection=9.0, status="on track")),
        ("kr/growth", "2026-02-09", OutcomeRecorded(value=8.0, attained=True)),
        ("team/red", "2026-01-01", CapacitySet(people=7.5)),
        ("team/red", "2026-07-01", AbsencePlanned(until=date(2026, 7, 31), days=30.0)),
        ("team/red", "2026-01-01", PolicySet(policy="buffer", parameters={"days": 3.0, "share": 0.4})),
        ("team/red", "2026-01-05", EffortLogged(run_days=20.0, change_days=15.0)),
        ("item/1", "2026-01-05", RunWorkArrived(team="red")),
        ("item/1", "2026-01-07", RunWorkDone(effort_days=0.5)),
        ("item/3", "2026-01-06", RunWorkArrived(team="red", effort_days=2.0)),
        ("kpi/nps", "2026-01-31", KpiDefined(title="NPS", team="red", unit="points", lower=30.0)),
        ("kpi/nps", "2026-01-31", KpiObserved(value=41.0)),
    ):
        assert said.count(expected) == 1
    assert {e.actor for e in events} == {f"import/{name}" for name in EVERY}
    assert of(events, CheckedIn)[0].note == "two\nlines"
    plans = [e.data.depends_on for e in of(events, InitiativePlanned)]
    assert plans == [(), ("a",), ("a", "b")]


def test_a_key_result_keeps_all_its_columns() -> None:
    growth, calm = (e.data for e in of(taken(EVERY), KeyResultSet))
    assert (growth.objective, growth.owner, growth.commit, growth.stretch, growth.weight, growth.cadence) == (
        "win", "ann", 7.0, 12.0, 2.0, 30
    )  # fmt: skip
    assert (calm.target, calm.baseline, calm.upper, calm.weight, calm.cadence) == (1.0, None, 5.0, 1.0, 7)


@pytest.mark.parametrize(
    ("text", "days"), [("daily", 1), ("Weekly", 7), ("biweekly", 14), ("monthly", 30), ("10", 10), ("5.0", 5), ("", 7)]
)
def test_a_cadence_is_a_word_or_days(text: str, days: int) -> None:
    table = GROWTH.replace("due\n", "due,cadence\n").replace("03-31\n", f"03-31,{text}\n")
    assert of(taken({"key_results": table}), KeyResultSet)[0].data.cadence == days


@pytest.mark.parametrize(("text", "said"), [("1", True), ("TRUE", True), ("no", False), ("0", False), ("", None)])
def test_attained_is_yes_or_no_or_not_given(text: str, said: bool | None) -> None:
    outcomes = f"key_result,effective_on,value,attained\ngrowth,2026-02-01,3,{text}\n"
    assert of(taken({"key_results": GROWTH, "outcomes": outcomes}), OutcomeRecorded)[0].data.attained is said


def test_without_recorded_on_a_fact_counts_as_recorded_at_its_date_and_says_so() -> None:
    log = MemoryLog()
    done = take(log, EVERY)
    events = list(log.read())
    assert all(e.data.recorded_assumed for e in events)
    assert done.assumed == len(events)
    at = {(e.subject, type(e.data)): e.recorded_at for e in events}
    assert at["kr/growth", KeyResultSet] == end_of(date(2026, 1, 1))
    assert at["kr/growth", CheckedIn] == end_of(date(2026, 1, 8))
    assert at["item/1", RunWorkArrived] == end_of(date(2026, 1, 5))
    assert at["item/1", RunWorkDone] == end_of(date(2026, 1, 7))
    assert at["team/red", AbsencePlanned] == NOW
    assert at["kpi/nps", KpiDefined] == end_of(date(2026, 1, 31))
    assert at["initiative/a", InitiativePlanned] == end_of(date(2026, 1, 1))
    assert at["initiative/b", InitiativePlanned] == end_of(date(2026, 1, 15))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-09", end_of(date(2026, 1, 9))),
        ("2026-02-10", NOW),
        ("2026-02-11", NOW),
        ("2026-01-09T10:30:00Z", datetime(2026, 1, 9, 10, 30, tzinfo=UTC)),
        ("2026-01-09T10:30:00.25+02:00", datetime(2026, 1, 9, 8, 30, 0, 250_000, UTC)),
    ],
)
def test_recorded_on_is_the_end_of_a_day_or_a_time_but_never_after_now(text: str, moment: datetime) -> None:
    table = f"key_result,effective_on,value,recorded_on\ngrowth,2026-01-08,3,{text}\n"
    event = of(taken({"key_results": GROWTH, "check_ins": table}), CheckedIn)[0]
    assert (event.recorded_at, event.data.recorded_assumed) == (moment, None)


def test_a_cycle_and_a_team_that_only_key_results_name_are_made_from_them() -> None:
    table = (
        KR.replace("\n", ",recorded_on\n")
        + "a,A,red,q1,%,metric,increase,0,1,2026-01-05,2026-03-31,2026-01-09\n"
        + "b,B,red,q1,%,metric,increase,0,1,2026-01-07,2026-04-30,2026-01-08\n"
    )
    events = taken({"key_results": table})
    (cycle,), (team,) = of(events, CycleOpened), of(events, TeamFormed)
    assert cycle.data == CycleOpened(start=date(2026, 1, 5), end=date(2026, 4, 30), recorded_assumed=True)
    assert cycle.recorded_at == team.recorded_at == end_of(date(2026, 1, 8))
    assert team.effective_on == date(2026, 1, 5)
    assert [e.subject for e in events[:2]] == ["cycle/q1", "team/red"]


def test_a_cycle_made_from_key_results_grows_with_later_ones_recorded_then() -> None:
    log = MemoryLog()
    take(log, {"key_results": GROWTH})
    later = GROWTH + "late,Late,red,q1,%,metric,increase,0,10,2026-02-01,2026-04-30\n"
    for _ in range(2):
        take(log, {"key_results": later}, NOW + timedelta(days=1))
    first, grown = of(list(log.read()), CycleOpened)
    assert (grown.data.start, grown.data.end) == (first.data.start, date(2026, 4, 30))
    assert grown.recorded_at == NOW + timedelta(days=1)


def test_references_are_known_from_the_log_as_well() -> None:
    log = MemoryLog()
    take(log, {"key_results": GROWTH})
    Path("in/key_results.csv").unlink()
    done = take(log, {"check_ins": "key_result,effective_on,value\ngrowth,2025-12-01,3\n"})
    assert done.added == 1, "and a check-in before the start is history"


def test_two_rows_for_one_key_result_and_day_keep_the_order_of_the_file() -> None:
    table = "key_result,effective_on,value\ngrowth,2026-01-08,3\ngrowth,2026-01-08,2\ngrowth,2026-01-08,3\n"
    first, second, third = of(taken({"key_results": GROWTH, "check_ins": table}), CheckedIn)
    assert [e.data.value for e in (first, second, third)] == [3.0, 2.0, 3.0]
    assert first.recorded_at == second.recorded_at == third.recorded_at
    assert len({first.id, second.id, third.id}) == 3


def test_ids_follow_from_the_rows_and_not_from_the_clock() -> None:
    first, second = taken(EVERY), taken(EVERY, NOW + timedelta(days=400))
    assert [e.id for e in first] == [e.id for e in second]
    assert len({e.id for e in first}) == len(first)


@pytest.mark.parametrize("name", ["key_results", "teams", "cycles", "objectives", "kpis", "initiatives"])
def test_a_definition_may_be_repeated_as_it_is_but_not_otherwise(name: str) -> None:
    header, row, *rest = EVERY[name].splitlines(keepends=True)
    log = MemoryLog()
    assert take(log, {**EVERY, name: EVERY[name] + row}).already == 1
    assert log.head().position == len(taken(EVERY))
    changed = row.replace(",", ",x", 1) if name != "cycles" else row.replace("03-31", "03-30")
    with pytest.raises(InputError, match="line 2") as caught:
        taken({**EVERY, name: header + row + "".join(rest) + changed})
    assert caught.value.where == f"in/{name}.csv:{3 + len(rest)}:1"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.rstrip("\n"),
        lambda text: text + "\n,,\n\n",
        lambda text: text.replace(",", ";"),
        lambda text: text.replace("growth", " growth "),
        lambda text: text.replace("value", " value "),
        lambda text: text.replace("3", '"3"'),
        lambda text: text.replace("3", "'+3"),
    ],
)
def test_spellings_of_the_same_table_give_the_same_events(change: Callable[[str], str]) -> None:
    table = "key_result,effective_on,value\ngrowth,2026-01-08,3\n"
    plain = taken({"key_results": GROWTH, "check_ins": table})
    changed = taken({"key_results": GROWTH, "check_ins": change(table)})
    assert [(e.id, e.data) for e in changed] == [(e.id, e.data) for e in plain]


def test_a_header_alone_is_an_empty_table() -> None:
    assert taken({"check_ins": "key_result,effective_on,value\n"}) == []


def test_unknown_columns_can_be_allowed() -> None:
    table = GROWTH.replace("due\n", "due,colour,\n").replace("03-31\n", "03-31,green,x\n")
    assert len(of(taken({"key_results": table}, allow_extra=True), KeyResultSet)) == 1


def test_a_header_with_commas_is_not_taken_for_one_with_semicolons() -> None:
    table = GROWTH.replace("due\n", "due,a;b\n").replace("03-31\n", "03-31,x\n")
    assert len(of(taken({"key_results": table}, allow_extra=True), KeyResultSet)) == 1


def test_a_team_that_only_objectives_name_is_made_from_them() -> None:
    objectives = "objective,title,team,cycle\nwin,Win,red,q1\n"
    (team,) = of(taken({"cycles": EVERY["cycles"], "objectives": objectives}), TeamFormed)
    assert (team.name, team.recorded_at, team.actor) == ("red", end_of(date(2026, 1, 1)), "import/objectives")
    assert team.data.recorded_assumed


def test_what_nothing_dates_is_recorded_today() -> None:
    (team,) = taken({"teams": "team\nred\n"})
    assert (team.effective_on, team.recorded_at) == (NOW.date(), NOW)


def test_a_time_given_by_the_source_is_kept_with_facts_that_have_no_date(tmp_path: Path) -> None:
    tables = {"key_results": GROWTH, "teams": "team,recorded_on\nred,2025-12-20\n"}
    (team,) = of(taken(tables), TeamFormed)
    assert (team.effective_on, team.recorded_at) == (date(2026, 1, 1), end_of(date(2025, 12, 20)))


def test_files_may_be_named_one_by_one_and_each_counts_once() -> None:
    folder = write({"key_results": GROWTH, "teams": "team\nred\n"})
    log = MemoryLog()
    paths = [folder / "teams.csv", folder / "key_results.csv", folder, Path.cwd() / "in/teams.csv"]
    assert import_tables(log, paths, now=NOW).added == 2


def test_other_files_in_a_folder_are_left_alone() -> None:
    folder = write({"teams": "team\nred\n", ".hidden": "x"})
    (folder / "README.md").write_text("hello")
    assert import_tables(MemoryLog(), [folder], now=NOW).added == 1


CHECK = "key_result,effective_on,value\n"
BAD: list[tuple[str, str, str | bytes, str, str]] = [
    ("missing column", "check_ins", "key_result,value\n", ":1", "effective_on is missing"),
    ("misspelt column", "check_ins", "key_result,efective_on,value\n", ":1:2", "did you mean effective_on?"),
    ("unknown column", "check_ins", "key_result,effective_on,value,zzz\n", ":1:4", "'zzz' is not known"),
    ("column without name", "check_ins", "key_result,effective_on,value,\n", ":1:4", "'' is not known"),
    ("column twice", "check_ins", "key_result,effective_on,value,value\n", ":1:4", "stands twice"),
    ("too few fields", "check_ins", CHECK + "growth,2026-01-08\n", ":2:3", "2 fields, the header 3"),
    ("too many fields", "check_ins", CHECK + "growth,2026-01-08,1,5\n", ":2:4", "4 fields, the header 3"),
    ("no number", "check_ins", CHECK + "growth,2026-01-08,ten\n", ":2:3", "'ten' is no number"),
    ("decimal comma", "check_ins", CHECK + 'growth,2026-01-08,"1,5"\n', ":2:3", "no decimal comma"),
    ("decimal comma, semicolons", "check_ins", CHECK.replace(",", ";") + "growth;2026-01-08;1,5\n", ":2:3", "decimal"),
    ("thousands", "check_ins", CHECK + 'growth,2026-01-08,"1,234.5"\n', ":2:3", "no thousands separators"),
    ("thousands points", "check_ins", CHECK + "growth,2026-01-08,1.234.567\n", ":2:3", "no thousands separators"),
    ("underscore", "check_ins", CHECK + "growth,2026-01-08,1_000\n", ":2:3", "no thousands separators"),
    ("percent", "check_ins", CHECK + "growth,2026-01-08,45%\n", ":2:3", "leave the % sign out"),
    ("nan", "check_ins", CHECK + "growth,2026-01-08,NaN\n", ":2:3", "must be finite"),
    ("infinity", "check_ins", CHECK + "growth,2026-01-08,-inf\n", ":2:3", "must be finite"),
    ("overflow", "check_ins", CHECK + "growth,2026-01-08,1e999\n", ":2:3", "too large"),
    ("out of range", "check_ins", CHECK + "growth,2026-01-08,1e16\n", ":2:3", "is above 1000000000000000"),
    ("other digits", "check_ins", CHECK + "growth,2026-01-08,\u0663\n", ":2:3", "is no number"),
    ("hexadecimal", "check_ins", CHECK + "growth,2026-01-08,0x1F\n", ":2:3", "is no number"),
    ("no value", "check_ins", CHECK + "growth,2026-01-08,\n", ":2:3", "value is empty"),
    ("no key", "check_ins", CHECK + " ,2026-01-08,1\n", ":2:1", "key_result is empty"),
    ("dutch date", "check_ins", CHECK + "growth,08-01-2026,1\n", ":2:2", "year-month-day"),
    ("compact date", "check_ins", CHECK + "growth,20260108,1\n", ":2:2", "year-month-day"),
    ("date with time", "check_ins", CHECK + "growth,2026-01-08T00:00:00Z,1\n", ":2:2", "year-month-day"),
    ("no such day", "check_ins", CHECK + "growth,2026-02-30,1\n", ":2:2", "not in the calendar"),
    ("year before", "check_ins", CHECK + "growth,1899-12-31,1\n", ":2:2", "1900 to 2199"),
    ("year after", "check_ins", CHECK + "growth,2200-01-01,1\n", ":2:2", "1900 to 2199"),
    ("evidence ahead", "check_ins", CHECK + "growth,2026-02-11,1\n", ":2:2", "lies after its recording"),
    (
        "evidence after its recording",
        "check_ins",
        "recorded_on," + CHECK + "2026-01-07,growth,2026-01-08,1\n",
        ":2:3",
        "lies after its recording",
    ),
    (
        "recorded in the future",
        "check_ins",
        "recorded_on," + CHECK + "2026-02-12,growth,2026-01-08,1\n",
        ":2:1",
        "lies in the future",
    ),
    (
        "recorded at a time without zone",
        "check_ins",
        "recorded_on," + CHECK + "2026-01-08T10:00:00,growth,2026-01-08,1\n",
        ":2:1",
        "ISO date",
    ),
    ("unknown key result", "check_ins", CHECK + "grwth,2026-01-08,1\n", ":2:1", "did you mean growth?"),
    ("unknown by far", "check_ins", CHECK + "zzz,2026-01-08,1\n", ":2:1", "add it to key_results.csv"),
    (
        "confidence in percent",
        "check_ins",
        CHECK.replace("\n", ",confidence\n") + "growth,2026-01-08,1,60\n",
        ":2:4",
        "confidence '60' is above 1",
    ),
    (
        "negative confidence",
        "check_ins",
        CHECK.replace("\n", ",confidence\n") + "growth,2026-01-08,1,-0.1\n",
        ":2:4",
        "is below 0",
    ),
    (
        "line after quoted newlines",
        "check_ins",
        CHECK.replace("\n", ",note\n") + 'growth,2026-01-08,1,"a\nb\r\nc"\n\ngrowth,2026-01-09,"x\ny",\n',
        ":6:3",
        "is no number",
    ),
    ("quote left open", "check_ins", CHECK + 'growth,2026-01-08,1\ngrowth,2026-01-09,"1\n', ":3", "quote left open"),
    ("text after a quote", "check_ins", CHECK + 'growth,2026-01-08,"1"0\n', ":2", "no CSV record"),
    ("field too long", "check_ins", CHECK + f"growth,2026-01-08,{'1' * 140_000}\n", ":2", "field larger than"),
    ("utf-16 with mark", "check_ins", CHECK.encode("utf-16"), ":1:1", "UTF-16"),
    ("utf-16 without mark", "check_ins", CHECK.encode("utf-16-le"), ":1:1", "UTF-16"),
    ("latin-1", "check_ins", CHECK.encode() + b"gr\xf6wth,2026-01-08,1\n", ":2:1", "no UTF-8"),
    ("latin-1 header", "check_ins", b"key_result,effective_on,valu\xe9\n", ":1:3", "no UTF-8"),
    ("nul", "check_ins", CHECK + "growth,2026-01-08,1\n" + "growth,2026-01-09,1\0\n", ":3:3", "NUL"),
    ("empty file", "check_ins", "", ":1", "must name the columns: key_result,effective_on"),
    ("blank file", "check_ins", "\n\n", ":1", "must name the columns"),
    ("due before start", "key_results", GROWTH.replace("2026-03-31", "2025-12-31"), ":2:11", "lies before start"),
    ("nothing to change", "key_results", GROWTH.replace(",0,10,", ",10,10,"), ":2:9", "nothing to change"),
    ("no baseline", "key_results", GROWTH.replace(",0,10,", ",,10,"), ":2:8", "needs a baseline"),
    ("no target", "key_results", GROWTH.replace(",0,10,", ",0,,"), ":2:9", "target is empty"),
    ("direction", "key_results", GROWTH.replace("increase", "decrease"), ":2:7", "is no decrease"),
    ("misspelt kind", "key_results", GROWTH.replace("metric", "metrc"), ":2:6", "did you mean metric?"),
    ("control", "key_results", GROWTH.replace("metric", "control"), ":2:7", "control means maintain_*"),
    (
        "limit not there",
        "key_results",
        GROWTH.replace("metric,increase,0,10", "control,maintain_above,,1"),
        ":2",
        "needs a value for lower",
    ),
    (
        "cadence",
        "key_results",
        GROWTH.replace("due\n", "due,cadence\n").replace("03-31\n", "03-31,yearly\n"),
        ":2:12",
        "is no cadence",
    ),
    (
        "unknown objective",
        "key_results",
        GROWTH.replace("due\n", "due,objective\n").replace("03-31\n", "03-31,won\n"),
        ":2:12",
        "did you mean win?",
    ),
    ("long name", "key_results", GROWTH.replace("growth", "g" * 198), ":2:1", "at most 200"),
    ("cycle backwards", "cycles", "cycle,start,end\nq1,2026-01-01,2025-03-31\n", ":2:3", "lies before start"),
    ("unknown cycle", "objectives", "objective,title,team,cycle\nwin,W,red,q11\n", ":2:4", "did you mean q1?"),
    ("unknown parent", "objectives", "objective,title,team,cycle,parent\nwin,W,red,q1,no\n", ":2:5", "'no' is not"),
    ("ambition", "objectives", "objective,title,team,cycle,ambition\nwin,W,red,q1,x\n", ":2:5", "committed"),
    ("unknown child", "alignments", "child,parent,relation\nx,win,supports\n", ":2:1", "objectives.csv or key_results"),
    ("relation", "alignments", "child,parent,relation\ngrowth,win,support\n", ":2:3", "did you mean supports?"),
    ("target is baseline", "targets", "key_result,effective_on,target\ngrowth,2026-02-01,0\n", ":2:3", "nothing to"),
    (
        "target turned round",
        "targets",
        "key_result,effective_on,target\ngrowth,2026-02-01,-5\n",
        ":2:3",
        "is no increase",
    ),
    (
        "target due before start",
        "targets",
        "key_result,effective_on,target,due\ngrowth,2026-02-01,5,2025-01-01\n",
        ":2:4",
        "lies before start",
    ),
    (
        "attained",
        "outcomes",
        "key_result,effective_on,value,attained\ngrowth,2026-02-01,1,maybe\n",
        ":2:4",
        "yes nor no",
    ),
    ("unknown team", "capacity", "team,from,people\nrde,2026-01-01,7\n", ":2:1", "did you mean red?"),
    ("negative people", "capacity", "team,from,people\nred,2026-01-01,-1\n", ":2:3", "is below 0"),
    (
        "unknown policy",
        "policies",
        "team,from,policy,parameters\nred,2026-01-01,bufer,\n",
        ":2:3",
        "did you mean buffer?",
    ),
    ("no json", "policies", "team,from,policy,parameters\nred,2026-01-01,buffer,{share}\n", ":2:4", "is no JSON"),
    ("json list", "policies", "team,from,policy,parameters\nred,2026-01-01,buffer,[1]\n", ":2:4", "no JSON object"),
    ("json depth", "policies", f"team,from,policy,parameters\nred,2026-01-01,buffer,{'[' * 9999}\n", ":2:4", "no JSON"),
    (
        "json nan",
        "policies",
        'team,from,policy,parameters\nred,2026-01-01,buffer,"{""share"": NaN}"\n',
        ":2:4",
        "no finite number",
    ),
    (
        "json overflow",
        "policies",
        'team,from,policy,parameters\nred,2026-01-01,buffer,"{""share"": 1e999}"\n',
        ":2:4",
        "too large",
    ),
    (
        "json truth",
        "policies",
        'team,from,policy,parameters\nred,2026-01-01,buffer,"{""share"": true}"\n',
        ":2:4",
        "valid number",
    ),
    (
        "json surrogate",
        "policies",
        'team,from,policy,parameters\nred,2026-01-01,buffer,"{""share"": ""\\ud800""}"\n',
        ":2:4",
        "parameters",
    ),
    ("closed before now", "run_work", "item,team,opened,closed\n1,red,2026-01-05,2027-01-01\n", ":2:4", "lies after"),
    ("opened ahead", "run_work", "item,team,opened\n1,red,2026-05-05\n", ":2:3", "lies after its recording"),
    (
        "estimate",
        "initiatives",
        "initiative,title,team,key_result,low,mode,high\na,A,red,growth,3,2,1\n",
        ":2:6",
        "are not in order",
    ),
    (
        "depends on nothing known",
        "initiatives",
        "initiative,title,team,key_result,low,mode,high,depends_on\na,A,red,growth,1,2,3,a;zz\n",
        ":2:8",
        "depends_on 'zz' is not known",
    ),
    (
        "half a day of lag",
        "initiatives",
        "initiative,title,team,key_result,low,mode,high,lag\na,A,red,growth,1,2,3,0.5\n",
        ":2:8",
        "no whole number",
    ),
    ("kpi limits", "kpis", "kpi,title,team,unit,lower,upper\nnps,N,red,p,5,4\n", ":2:6", "is not above lower"),
    ("unknown kpi", "kpi_values", "kpi,effective_on,value\nnsp,2026-01-31,41\n", ":2:1", "did you mean nps?"),
]


@pytest.mark.parametrize(("name", "text", "where", "what"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_bad_input_is_refused_where_it_stands_and_nothing_is_stored(
    name: str, text: str | bytes, where: str, what: str
) -> None:
    log = MemoryLog()
    base = {n: EVERY[n] for n in ("cycles", "teams", "objectives", "key_results", "kpis")}
    with pytest.raises(InputError) as caught:
        take(log, {**base, name: text})
    assert caught.value.where == f"in/{name}.csv{where}"
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)
    assert log.head() == EMPTY


@pytest.mark.parametrize(
    ("make", "path", "what"),
    [
        (lambda: None, "none.csv", "'none' is not a table"),
        (lambda: None, "check_ins.csv", "No such file"),
        (lambda: None, "none", "not a CSV file or a folder"),
        (lambda: Path("data").mkdir(), "data", "no tables in this folder"),
        (lambda: Path("check_ins.csv").mkdir(), "check_ins.csv", "this is a folder"),
        (lambda: Path("checkins.csv").touch(), "checkins.csv", "did you mean check_ins?"),
        (lambda: Path("check_ins.xlsx").touch(), "check_ins.xlsx", "no .xlsx workbook"),
    ],
)
def test_a_path_that_is_no_table_is_refused(make: Callable[[], None], path: str, what: str) -> None:
    make()
    with pytest.raises(InputError) as caught:
        import_tables(MemoryLog(), [Path(path)], now=NOW)
    assert what in str(caught.value)
    assert caught.value.where == path


def test_a_folder_holds_known_tables_only() -> None:
    with pytest.raises(InputError, match="did you mean teams") as caught:
        taken({"teams": "team\nred\n", "tems": "team\nred\n"})
    assert caught.value.where == "in/tems.csv"


def test_a_file_that_cannot_be_read_or_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write({"teams": "team\nred\n"})
    with monkeypatch.context() as patched:
        patched.setattr(csvfile, "MAX_BYTES", 5)
        with pytest.raises(InputError, match="larger than"):
            import_tables(MemoryLog(), [folder], now=NOW)

    def denied(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(InputError, match=r"in/teams\.csv: cannot be read: Permission denied"):
        import_tables(MemoryLog(), [folder], now=NOW)


def test_an_error_in_the_last_table_leaves_the_log_as_it_was() -> None:
    log = MemoryLog()
    take(log, {"key_results": GROWTH})
    head = log.head()
    with pytest.raises(InputError):
        take(log, {**EVERY, "kpi_values": "kpi,effective_on,value\nnps,2026-01-31,41\nnps,2026-02-01,x\n"})
    assert log.head() == head


def test_nothing_is_stored_twice_in_memory_or_in_a_file(tmp_path: Path) -> None:
    folder = write(EVERY)
    with open_log(tmp_path / "log.db", create=True) as file:
        for log in (MemoryLog(), file):
            first = import_tables(log, [folder], now=NOW)
            again = import_tables(log, [folder], now=NOW + timedelta(days=30))
            assert again == Imported(0, first.added, 0, 0, first.head)
            assert log.verify() == first.head


def test_real_data_comes_in_whole_fast_and_once(shared_data: Path, tmp_path: Path) -> None:
    with open_log(tmp_path / "log.db", create=True) as log:
        begin = perf_counter()
        first = import_tables(log, [shared_data / "vaccination"], now=NOW)
        again = import_tables(log, [shared_data / "vaccination"], now=NOW)
        assert perf_counter() - begin < 10
        assert (first.added, again.added, again.head) == (327 + 11_573 + 327, 0, first.head)
        readings = [event for event in log.read() if isinstance(event.data, CheckedIn)]
    assert len(readings) == 11_573
    assert not any(event.data.recorded_assumed for event in readings)


def test_parameters_are_stored_with_sorted_keys() -> None:
    log = MemoryLog()
    take(log, EVERY)
    row = next(row for row in log.rows() if row.type == "koers.policy-set.v1")
    assert list(json.loads(row.data)["parameters"]) == ["days", "share"]
