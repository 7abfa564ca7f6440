"""Rows edited since the last import: corrections, re-targets and facts set anew, recorded now."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from koers.events.errors import InputError
from koers.events.log import EventLog
from koers.events.memory import MemoryLog
from koers.events.model import (
    CapacitySet,
    CheckedIn,
    CheckInCorrected,
    CycleOpened,
    Event,
    EventRetracted,
    InitiativeEstimated,
    InitiativePlanned,
    KeyResultRetargeted,
    KeyResultSet,
    KpiObserved,
    NoteRedacted,
    ObjectiveSet,
    OutcomeRecorded,
    RunWorkArrived,
    RunWorkDone,
    TeamFormed,
    end_of,
)
from koers.events.tables import Imported, import_tables

NOW = datetime(2026, 2, 10, 9, tzinfo=UTC)
DAY = timedelta(days=1)
GOALS = (
    "key_result,title,team,cycle,unit,kind,direction,baseline,target,start,due\n"
    "growth,Grow,red,q1,%,metric,increase,0,10,2026-01-01,2026-03-31\n"
)
READINGS = "key_result,effective_on,value,confidence,note\n"


class Desk:
    """A folder of tables, a log, and a clock that moves a day with every import."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log, self.now = folder, MemoryLog(), NOW

    def take(self, **tables: str) -> Imported:
        for name, text in tables.items():
            (self.folder / f"{name}.csv").write_text(text)
        self.now += DAY
        return import_tables(self.log, [self.folder], now=self.now)

    def news(self, **tables: str) -> list[Event]:
        before = self.log.head().position
        self.take(**tables)
        return list(self.log.read(before))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.take(key_results=GOALS)
    return desk


def readings(*rows: str) -> str:
    return READINGS + "".join(f"growth,2026-01-08,{row}\n" for row in rows)


def in_force(log: EventLog) -> list[Any]:
    """The check-ins after corrections and retractions, in the order of the log."""
    events = list(log.read())
    gone = {e.data.retracts for e in events if isinstance(e.data, EventRetracted)}
    found = {}
    for event in events:
        if event.id in gone:
            continue
        if isinstance(event.data, CheckedIn):
            found[event.id] = (event.effective_on, event.data.value, event.data.confidence, event.note)
        if isinstance(event.data, CheckInCorrected) and event.data.corrects in found:
            said = (event.effective_on, event.data.value, event.data.confidence, event.note)
            found[event.data.corrects] = said
    return [said[1:] for said in found.values()]


def test_an_edited_check_in_becomes_a_correction_of_the_original_recorded_now(desk: Desk) -> None:
    (first,) = desk.news(check_ins=readings("3,,"))
    (fixed,) = desk.news(check_ins=readings("4,0.5,typo"))
    assert fixed.data == CheckInCorrected(value=4.0, confidence=0.5, corrects=first.id)
    assert (fixed.recorded_at, fixed.effective_on, fixed.note) == (desk.now, first.effective_on, "typo")
    (again,) = desk.news(check_ins=readings("5,,"))
    assert again.data == CheckInCorrected(value=5.0, corrects=first.id)


@pytest.mark.parametrize("edited", ["4,,", "3,0.5,", "3,,note"])
def test_editing_a_check_in_back_and_forth_works_every_time(desk: Desk, edited: str) -> None:
    desk.take(check_ins=readings("3,,"))
    for row in (edited, "3,,", edited, "3,,"):
        assert desk.take(check_ins=readings(row)).corrected == 1
        value, confidence, note = row.split(",")
        assert in_force(desk.log) == [(float(value), float(confidence) if confidence else None, note or None)]
        assert desk.take().corrected == 0


def test_only_the_edited_of_several_rows_of_a_day_is_corrected(desk: Desk) -> None:
    desk.take(check_ins=readings("1,,", "2,,", "2,,", "3,,"))
    done = desk.take(check_ins=readings("1,,", "2,,", "2.5,,", "3,,", "4,,"))
    assert (done.added, done.already, done.corrected) == (1, 1 + 3, 1)
    assert [value for value, *_ in in_force(desk.log)] == [1.0, 2.0, 2.5, 3.0, 4.0]


def test_a_row_like_one_edited_away_comes_in_as_a_new_check_in(desk: Desk) -> None:
    desk.take(check_ins=readings("1,,"))
    desk.take(check_ins=readings("2,,"))
    assert desk.take(check_ins=readings("2,,", "1,,")).added == 1
    assert [value for value, *_ in in_force(desk.log)] == [2.0, 1.0]
    assert desk.take().already == 3


def test_a_row_that_is_left_out_is_no_deletion(desk: Desk) -> None:
    desk.take(check_ins=readings("1,,", "2,,"))
    assert desk.news(check_ins=readings("2,,")) == []
    assert desk.news(check_ins=READINGS) == []


def test_rows_in_another_order_are_the_same_rows(desk: Desk) -> None:
    desk.take(check_ins=READINGS + "growth,2026-01-08,1,,\ngrowth,2026-01-09,2,,\n")
    assert desk.news(check_ins=READINGS + "growth,2026-01-09,2,,\ngrowth,2026-01-08,1,,\n") == []


def test_another_recording_date_alone_corrects_nothing(desk: Desk) -> None:
    desk.take(check_ins="key_result,effective_on,value,recorded_on\ngrowth,2026-01-08,1,2026-01-09\n")
    assert desk.news(check_ins="key_result,effective_on,value,recorded_on\ngrowth,2026-01-08,1,2026-01-10\n") == []
    assert desk.news(check_ins="key_result,effective_on,value\ngrowth,2026-01-08,1\n") == []


def by_hand(desk: Desk, data: Any, note: str | None = None) -> None:  # noqa: ANN401
    name = f"hand-{desk.log.head().position}"
    desk.now += DAY
    day = date(2026, 1, 8)
    desk.log.append(
        [Event(id=name, subject="kr/growth", effective_on=day, recorded_at=desk.now, actor="ann", data=data, note=note)]
    )


def test_a_correction_by_hand_stands_until_the_row_changes(desk: Desk) -> None:
    (first,) = desk.news(check_ins=readings("1,,"))
    by_hand(desk, CheckInCorrected(value=5.0, corrects=first.id))
    assert desk.news() == [], "the row is as it was"
    assert desk.news(check_ins=readings("5,,")) == [], "the row says what holds already"
    (fixed,) = desk.news(check_ins=readings("6,,"))
    assert fixed.data == CheckInCorrected(value=6.0, corrects=first.id)


def test_a_retracted_row_stays_retracted_and_is_not_corrected(desk: Desk) -> None:
    first, _ = desk.news(check_ins=readings("1,,", "2,,"))
    by_hand(desk, EventRetracted(retracts=first.id))
    assert desk.news() == []
    assert desk.take(check_ins=readings("1,,", "3,,")).corrected == 1
    assert [value for value, *_ in in_force(desk.log)] == [3.0]


def test_a_row_is_matched_with_what_holds_before_what_was_retracted(desk: Desk) -> None:
    first, _ = desk.news(check_ins=readings("1,,", "1,,"))
    by_hand(desk, EventRetracted(retracts=first.id))
    done = desk.take(check_ins=readings("1,,", "3,,"))
    assert (done.added, done.corrected) == (1, 0)
    assert [value for value, *_ in in_force(desk.log)] == [1.0, 3.0]


def test_a_row_whose_event_was_retracted_comes_in_anew_once_it_is_edited(desk: Desk) -> None:
    (first,) = desk.news(check_ins=readings("1,,"))
    by_hand(desk, EventRetracted(retracts=first.id))
    (new,) = desk.news(check_ins=readings("2,,"))
    assert isinstance(new.data, CheckedIn)


def test_a_redacted_note_is_no_edit(desk: Desk) -> None:
    (first,) = desk.news(check_ins=readings("1,,secret"))
    by_hand(desk, NoteRedacted(redacts=first.id))
    assert desk.news() == []
    assert desk.news(check_ins=readings("1,,")) == []
    position = first.position or 0
    row = desk.log._rows[position - 1]
    desk.log._rows[position - 1] = row._replace(note=None, note_salt=None)
    assert desk.news(check_ins=readings("1,,secret")) == []
    (fixed,) = desk.news(check_ins=readings("2,,secret"))
    assert isinstance(fixed.data, CheckInCorrected)


@pytest.mark.parametrize(
    ("edit", "data"),
    [
        ((",10,", ",12,"), KeyResultRetargeted(target=12.0)),
        (("2026-03-31", "2026-04-30"), KeyResultRetargeted(target=10.0, due=date(2026, 4, 30))),
    ],
)
def test_a_key_result_with_another_target_or_due_date_is_retargeted_today(
    desk: Desk, edit: tuple[str, str], data: KeyResultRetargeted
) -> None:
    edited = GOALS.replace(*edit)
    (event,) = desk.news(key_results=edited)
    assert (event.data, event.effective_on, event.recorded_at) == (data, desk.now.date(), desk.now)
    assert desk.news() == []
    (back,) = desk.news(key_results=GOALS)
    assert isinstance(back.data, KeyResultRetargeted)
    assert back.data.target == 10.0
    assert isinstance(desk.news(key_results=edited)[0].data, KeyResultRetargeted)
    assert desk.news() == []


def test_a_key_result_edited_otherwise_is_set_anew_today(desk: Desk) -> None:
    edited = GOALS.replace("Grow,", "Grow faster,").replace(",10,", ",20,")
    (event,) = desk.news(key_results=edited)
    assert isinstance(event.data, KeyResultSet)
    assert (event.data.title, event.data.target, event.data.recorded_assumed) == ("Grow faster", 20.0, None)
    assert (event.effective_on, event.recorded_at) == (desk.now.date(), desk.now)
    assert desk.news() == []
    assert len(desk.news(key_results=GOALS)) == 1
    assert desk.news() == []


def test_a_retarget_in_its_own_table_is_no_edit_of_the_key_result(desk: Desk) -> None:
    assert len(desk.news(targets="key_result,effective_on,target\ngrowth,2026-02-01,8\n")) == 1
    assert desk.news() == []


TABLES: dict[str, tuple[str, str, str, type]] = {
    "teams": ("team,title\nred,%s\n", "Red", "Crimson", TeamFormed),
    "cycles": ("cycle,start,end\nq2,2026-04-01,%s\n", "2026-06-30", "2026-07-01", CycleOpened),
    "objectives": ("objective,title,team,cycle\nwin,%s,red,q1\n", "Win", "Win more", ObjectiveSet),
    "outcomes": ("key_result,effective_on,value\ngrowth,2026-02-01,%s\n", "7", "8", OutcomeRecorded),
    "capacity": ("team,from,people\nred,2026-03-01,%s\n", "5", "6", CapacitySet),
    "kpi_values": ("kpi,effective_on,value\nnps,2026-02-01,%s\n", "7", "8", KpiObserved),
    "run_work": ("item,team,opened\n1,red,%s\n", "2026-02-01", "2026-02-02", RunWorkArrived),
}


@pytest.mark.parametrize("name", TABLES)
def test_any_other_edited_row_is_said_anew_recorded_now_and_back(desk: Desk, name: str) -> None:
    text, first, second, kind = TABLES[name]
    desk.take(kpis="kpi,title,team,unit\nnps,NPS,red,points\n", **{name: text % first})
    for cell in (second, first, second):
        (event,) = desk.news(**{name: text % cell})
        assert isinstance(event.data, kind)
        assert (event.recorded_at, event.data.recorded_assumed, event.actor) == (desk.now, None, f"import/{name}")
        assert cell in f"{event.effective_on} {event.data.model_dump(mode='json')}"
        assert desk.news() == []


def test_an_outcome_with_another_date_is_the_same_outcome_edited(desk: Desk) -> None:
    desk.take(outcomes="key_result,effective_on,value\ngrowth,2026-02-01,7\n")
    for day in ("2026-02-02", "2026-02-01", "2026-02-02"):
        done = desk.take(outcomes=f"key_result,effective_on,value\ngrowth,{day},7\n")
        assert (done.added, done.corrected) == (0, 1)
        assert desk.news() == []


def test_a_history_of_plans_for_one_date_is_kept_and_its_last_row_edited(desk: Desk) -> None:
    text = "team,from,people,recorded_on\nred,2026-03-01,5,2026-01-05\nred,2026-03-01,%s,2026-01-20\n"
    assert desk.take(capacity=text % 6).added == 2
    (event,) = desk.news(capacity=text % 7)
    assert (event.data, event.recorded_at) == (CapacitySet(people=7.0), desk.now)
    assert desk.take(capacity=text % 6).corrected == 1


def test_a_new_estimate_alone_is_an_initiative_estimated(desk: Desk) -> None:
    text = "initiative,title,team,key_result,low,mode,high,start\na,%s,red,growth,1,%s,9,2026-02-01\n"
    desk.take(initiatives=text % ("A", 3))
    for mode in (4, 3, 4):
        (event,) = desk.news(initiatives=text % ("A", mode))
        assert (event.data, event.effective_on) == (InitiativeEstimated(low=1.0, mode=mode, high=9.0), desk.now.date())
        assert desk.news() == []
    (event,) = desk.news(initiatives=text % ("B", 5))
    assert isinstance(event.data, InitiativePlanned)
    assert (event.data.title, event.data.mode, event.recorded_at) == ("B", 5.0, desk.now)


def test_an_item_that_was_closed_since_adds_its_closing_at_its_own_date(desk: Desk) -> None:
    text = "item,team,opened,closed,effort_days\n1,red,2026-02-01,%s\n"
    desk.take(run_work=text % ",2")
    (event,) = desk.news(run_work=text % "2026-02-04,3")
    assert event.data == RunWorkDone(effort_days=3.0, recorded_assumed=True)
    assert event.recorded_at == end_of(date(2026, 2, 4))
    assert desk.news() == []
    (event,) = desk.news(run_work=text % "2026-02-05,3")
    assert (event.data, event.recorded_at) == (RunWorkDone(effort_days=3.0), desk.now)


def test_an_item_edited_to_close_before_it_opens_is_refused_and_nothing_is_taken(desk: Desk) -> None:
    text = "item,team,opened,closed\n1,red,%s,%s\n"
    desk.take(run_work=text % ("2026-01-05", "2026-01-08"))
    head = desk.log.head()
    for opened, closed, where, what in (
        ("2026-01-05", "2026-01-04", "2:4", "closed 2026-01-04 lies before opened 2026-01-05: correct one of them"),
        ("2026-01-09", "2026-01-08", "2:4", "closed 2026-01-08 lies before opened 2026-01-09: correct one of them"),
        ("2026-01-09", "", "2:3", "opened 2026-01-09 lies after its closing on 2026-01-08, which the log knows: corr"),
    ):
        with pytest.raises(InputError) as caught:
            desk.take(run_work=text % (opened, closed))
        assert f"run_work.csv:{where}: {what}" in str(caught.value)
        assert desk.log.head() == head
    assert len(desk.news(run_work=text % ("2026-01-09", "2026-01-09"))) == 2
    assert desk.news(run_work=text % ("2026-01-07", ""))[0].effective_on == date(2026, 1, 7)


def test_an_item_may_be_repeated_as_it_is_and_edited_in_a_later_import(desk: Desk) -> None:
    row = "1,red,2026-01-05,2026-01-08\n"
    assert [type(event.data) for event in desk.news(run_work="item,team,opened,closed\n" + row + row)] == [
        RunWorkArrived,
        RunWorkDone,
    ]
    (event,) = desk.news(run_work="item,team,opened,closed\n" + 2 * row.replace("05,", "06,"))
    assert (event.effective_on, event.recorded_at) == (date(2026, 1, 6), desk.now)


def test_an_item_told_twice_must_say_when_each_was_known(desk: Desk) -> None:
    text = "item,team,opened,recorded_on\n1,red,2026-01-05,%s\n1,red,2026-01-06,%s\n"
    for first, second in (("", ""), ("2026-01-10", ""), ("2026-01-10", "2026-01-10")):
        with pytest.raises(
            InputError, match=r"run_work\.csv:3:1: '1' stands here and, with other content, in line 2: keep"
        ):
            desk.take(run_work=text % (first, second))
    assert desk.take(run_work=text % ("", "2026-01-10")).added == 2


def test_a_team_made_from_key_results_is_edited_by_its_own_table(desk: Desk) -> None:
    assert desk.news(teams="team\nred\n") == []
    (event,) = desk.news(teams="team,title\nred,Red\n")
    assert (event.data, event.recorded_at) == (TeamFormed(title="Red"), desk.now)
