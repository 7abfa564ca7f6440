"""Tickets of a help desk: what becomes of a row, what a later export adds, and what is refused where."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from polars.testing import assert_frame_equal

from koers.engine import work
from koers.engine.replay import replay
from koers.events.errors import InputError
from koers.events.export import export_tables
from koers.events.log import EMPTY, EventLog
from koers.events.memory import MemoryLog
from koers.events.model import Event, RunWorkArrived, RunWorkDone, TeamFormed, end_of
from koers.events.tables import import_tables
from koers.events.tickets import ImportedTickets, import_tickets
from tests.cli.world import NOW, refused, shown, told

HEADER = "ticket_id,opened,resolved,priority\n"
TWO = HEADER + "A-1,2026-01-05 08:40:25,2026-01-07 09:00:00,high\nA-2,2026-01-06,,low\n"
Rows = list[tuple[Any, ...]]


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


def take(log: EventLog, text: str, team: str = "ops", now: datetime = NOW) -> ImportedTickets:
    Path("tickets.csv").write_text(text, encoding="utf-8")
    return import_tickets(log, Path("tickets.csv"), team, now=now)


def news(log: EventLog, text: str, team: str = "ops", now: datetime = NOW) -> list[Event]:
    before = log.head().position
    take(log, text, team, now)
    return list(log.read(before))


def items(log: MemoryLog) -> Rows:
    return work.run_work(replay(log.rows())).rows()


def test_a_ticket_arrives_when_it_was_opened_and_is_done_when_it_was_resolved(log: MemoryLog) -> None:
    team, came, went, still_open = news(log, TWO)
    opened, resolved = datetime(2026, 1, 5, 8, 40, 25, tzinfo=UTC), datetime(2026, 1, 7, 9, tzinfo=UTC)
    assert (came.subject, came.effective_on, came.recorded_at) == ("item/A-1", date(2026, 1, 5), opened)
    assert (went.subject, went.effective_on, went.recorded_at) == ("item/A-1", date(2026, 1, 7), resolved)
    assert came.data == RunWorkArrived(team="ops", recorded_assumed=True)
    assert went.data == RunWorkDone(recorded_assumed=True)
    assert (still_open.subject, still_open.recorded_at) == ("item/A-2", end_of(date(2026, 1, 6)))
    assert (team.subject, team.data, team.recorded_at) == ("team/ops", TeamFormed(recorded_assumed=True), opened)


def test_a_second_import_adds_nothing_and_a_later_export_just_the_closings(log: MemoryLog) -> None:
    assert take(log, TWO) == ImportedTickets(2, 1, 0, 0, formed=True, head=log.head())
    again = take(log, TWO, now=NOW + timedelta(days=9))
    assert again == ImportedTickets(0, 0, 2, 0, formed=False, head=log.head())
    (closed,) = news(log, TWO.replace("A-2,2026-01-06,", "A-2,2026-01-06,2026-01-09 10:00:00"))
    assert (closed.subject, closed.effective_on) == ("item/A-2", date(2026, 1, 9))
    assert closed.recorded_at == datetime(2026, 1, 9, 10, tzinfo=UTC)


def test_a_changed_day_is_a_correction_recorded_now(log: MemoryLog) -> None:
    take(log, TWO)
    (fixed,) = news(log, TWO.replace("2026-01-07", "2026-01-08"))
    assert (fixed.data, fixed.effective_on, fixed.recorded_at) == (RunWorkDone(), date(2026, 1, 8), NOW)
    assert news(log, TWO.replace("2026-01-07", "2026-01-08")) == []


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-05", end_of(date(2026, 1, 5))),
        ("2026-01-05 08:40:25", datetime(2026, 1, 5, 8, 40, 25, tzinfo=UTC)),
        ("2026-01-05T08:40:25Z", datetime(2026, 1, 5, 8, 40, 25, tzinfo=UTC)),
        ("2026-01-05 08:40", datetime(2026, 1, 5, 8, 40, tzinfo=UTC)),
        ("2026-01-05T00:10:00.5+01:00", datetime(2026, 1, 4, 23, 10, 0, 500_000, UTC)),
        (f"{NOW:%Y-%m-%d}", NOW),
        (f"{NOW + timedelta(hours=2):%Y-%m-%d %H:%M:%S}", NOW),
    ],
)
def test_a_time_is_in_utc_unless_it_says_otherwise_and_recorded_by_now(
    log: MemoryLog, text: str, moment: datetime
) -> None:
    event = news(log, f"id,opened,resolved\n1,{text},\n")[-1]
    assert (event.recorded_at, event.effective_on) == (moment, moment.date())


def test_a_ticket_opened_again_stays_closed_but_not_with_an_opening_after_its_closing(log: MemoryLog) -> None:
    take(log, TWO)
    assert news(log, TWO.replace("2026-01-07 09:00:00", "")) == []
    with pytest.raises(
        InputError, match=r"tickets\.csv:2:2: opened 2026-01-08 lies after its closing on 2026-01-07, wh"
    ):
        take(log, HEADER + "A-1,2026-01-08 08:40:25,,high\n")


def test_effort_is_told_with_the_closing_or_while_open_with_the_arrival(log: MemoryLog) -> None:
    header = "key,opened,resolved,effort_days\n"
    take(log, header + "1,2026-01-05,2026-01-06,0.5\n2,2026-01-05,,2\n3,2026-01-05,,\n")
    assert [row[-1] for row in items(log)] == [0.5, 2.0, None]
    take(log, header + "2,2026-01-05,2026-01-08,3\n")
    assert [row[-1] for row in items(log)] == [0.5, 3.0, None]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("id,ticket_id", "second"),
        ("number,key", "second"),
        ("id,number", "first"),
        ("reference,key", "second"),
        ("reference,title", "ops/2026-01-05/1"),
    ],
)
def test_a_ticket_is_named_by_the_first_column_that_may_name_it(log: MemoryLog, header: str, name: str) -> None:
    take(log, f"{header},opened,resolved\nfirst,second,2026-01-05,\n")
    assert [row[0] for row in items(log)] == [name]


UNNAMED = "opened,resolved\n"


def test_tickets_without_names_are_told_apart_by_their_opening_and_number(log: MemoryLog) -> None:
    first = UNNAMED + "2026-01-05,\n2026-01-05,2026-01-06\n2026-01-05,\n2026-01-07 08:00:00,\n"
    assert take(log, first).arrived == 4
    assert take(log, first).already == 4
    later = UNNAMED + "2026-01-05,2026-01-09\n2026-01-07 08:00:00,\n2026-01-05,2026-01-06\n2026-01-05,\n2026-01-05,\n"
    done = take(log, later)
    assert (done.arrived, done.done, done.corrected) == (1, 1, 0), "in whatever order the rows come"
    ends = sorted(str(row[3]) for row in items(log) if row[2] == date(2026, 1, 5))
    assert ends == ["2026-01-06", "2026-01-09", "None", "None"]
    assert take(log, later).head == log.head()


def test_unnamed_tickets_of_two_teams_do_not_meet(log: MemoryLog) -> None:
    log.append([formed("ops"), formed("web")])
    for team in ("ops", "web"):
        assert take(log, UNNAMED + "2026-01-05,\n", team).arrived == 1


def formed(team: str) -> Event:
    day = date(2026, 1, 1)
    return Event(id=team, subject=f"team/{team}", effective_on=day, recorded_at=end_of(day), data=TeamFormed())


def test_a_team_is_formed_only_where_the_log_knows_none(log: MemoryLog) -> None:
    log.append([formed("operations")])
    with pytest.raises(InputError, match="--team 'operatons' is not known; did you mean operations"):
        take(log, TWO, "operatons")
    with pytest.raises(InputError, match=r"--team 'web' is not known; add it to teams\.csv"):
        take(log, TWO, "web")
    assert not take(log, TWO, "operations").formed
    assert take(MemoryLog(), HEADER).formed is False, "and not for an export without tickets"


def test_an_item_of_another_team_is_not_taken_over(log: MemoryLog) -> None:
    log.append([formed("ops"), formed("web")])
    take(log, TWO)
    with pytest.raises(InputError, match=r"tickets\.csv:2:1: 'A-1' is an item of team ops already"):
        take(log, TWO, "web")


BAD = [
    ("resolved before opened", "1,2026-01-05 08:00:00,2026-01-05 07:59:59,\n", ":2:3", "before opened 2026-01-05 08"),
    ("resolved a day before", "1,2026-01-05,2026-01-04 23:59:59,\n", ":2:3", "lies before opened 2026-01-05"),
    ("no opening", "1,,2026-01-05,\n", ":2:2", "opened is empty"),
    ("no name", ",2026-01-05,,\n", ":2:1", "ticket_id is empty"),
    ("no date", "1,05-01-2026,,\n", ":2:2", "is no ISO date"),
    ("no such day", "1,2026-02-30 10:00:00,,\n", ":2:2", "is not in the calendar"),
    ("no such hour", "1,2026-02-03 25:00:00,,\n", ":2:2", "is no time: write it like"),
    ("year", "1,1899-02-03 05:00:00,,\n", ":2:2", "outside the years"),
    ("opened ahead", "1,2026-11-25,,\n", ":2:2", "lies in the future (today is 2026-11-24, UTC)"),
    ("resolved ahead", "1,2026-11-23,2026-11-25 09:30:00,\n", ":2:3", "lies in the future"),
    ("twice", "1,2026-01-05,,\n2,2026-01-05,,\n1,2026-01-06,,\n", ":4:1", "with other content, in line 2"),
    ("ragged", "1,2026-01-05\n", ":2:3", "2 fields, the header 4"),
    ("long name", "x" * 300 + ",2026-01-05,,\n", ":2:1", "at most 200"),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "where", "what"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_row_is_refused_where_it_stands_and_nothing_is_taken(
    log: MemoryLog, rows: str, where: str, what: str
) -> None:
    with pytest.raises(InputError, match=r"^tickets\.csv") as caught:
        take(log, HEADER + rows)
    assert str(caught.value).startswith(f"tickets.csv{where}: ")
    assert what in str(caught.value)
    assert log.head() == EMPTY


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("id,opened\n1,2026-01-05\n", ":1", "column resolved is missing"),
        ("id,Opened,resolved\n", ":1", "column opened is missing; did you mean Opened?"),
        ("id,opened,resolved,effort_days\n1,2026-01-05,,-1\n", ":2:4", "effort_days '-1' is below 0"),
        ("id,opened,resolved,effort_days\n1,2026-01-05,,20000\n", ":2:4", "effort_days 20,000 is above 10,000"),
        ("id,opened,resolved,effort_days\n1,2026-01-05,,two\n", ":2:4", "'two' is no number"),
        ("", ":1", "must name the columns: ticket_id,id,key,number,opened,resolved"),
    ],
)
def test_a_column_that_is_missing_or_does_not_fit_is_named(log: MemoryLog, text: str, where: str, what: str) -> None:
    with pytest.raises(InputError, match=r"^tickets\.csv") as caught:
        take(log, text)
    assert str(caught.value).startswith(f"tickets.csv{where}: ")
    assert what in str(caught.value)


def test_a_row_repeated_as_it_is_counts_once(log: MemoryLog) -> None:
    assert take(log, TWO + TWO.splitlines()[1] + "\n").arrived == 2


def test_tickets_go_out_as_run_work_and_come_in_again_known_at_the_same_times(log: MemoryLog) -> None:
    take(log, TWO + "A-3,2026-01-06 09:00:00,2026-01-06 17:00:00,low\n")
    take(log, TWO.replace("2026-01-07", "2026-01-08"), now=NOW - timedelta(days=1))
    export_tables(log, Path("out"))
    other = MemoryLog()
    import_tables(other, [Path("out")], now=NOW)
    for known in sorted({event.recorded_at for event in log.read()}):
        frames = [work.run_work(replay(each.rows(), known_until=known)) for each in (log, other)]
        assert_frame_equal(*frames)
    import_tables(log, [Path("out/run_work.csv")], now=NOW)
    assert items(log) == items(other)


def test_the_command_says_what_it_took() -> None:
    Path("tickets.csv").write_text(TWO)
    said = shown("import-tickets", "tickets.csv", "--team", "ops")
    assert "Tickets: 2 arrived, 1 resolved; 0 known already, 0 edited since." in said
    assert "The log knew no team: ops is one now." in said
    again = told("import-tickets", "tickets.csv", "--team", "ops", "--json")
    counts = ("arrived", "done", "already", "corrected", "formed", "log_position")
    assert [again[name] for name in counts] == [0, 0, 2, 0, False, 4]


def test_the_command_refuses_in_one_line_and_leaves_no_log_behind() -> None:
    Path("tickets.csv").write_text(HEADER + "1,2026-01-05,soon,\n")
    assert refused("import-tickets", "tickets.csv", "--team", "ops").startswith("tickets.csv:2:3: resolved 'soon'")
    assert "No such file" in refused("import-tickets", "none.csv", "--team", "ops")
    Path("tickets.csv").write_text(TWO)
    assert "--team is empty" in refused("import-tickets", "tickets.csv", "--team", " ")
    assert not Path("koers.db").exists()


def test_real_tickets_come_in_whole_fast_and_once(shared_data: Path) -> None:
    path = shared_data / "tickets/tickets.csv"
    begin = perf_counter()
    first = told("import-tickets", path, "--team", "desk", "--json")
    again = told("import-tickets", path, "--team", "desk", "--json")
    assert perf_counter() - begin < 10
    assert (first["arrived"], first["done"], first["log_position"]) == (4580, 4569, 9150)
    assert (again["already"], again["log_head"]) == (4580, first["log_head"])
