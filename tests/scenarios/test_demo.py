"""The demo organisation: made from a seed alone, with everything its docstring promises."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest

from koers.engine.forecast import Forecast, forecast
from koers.engine.replay import replay
from koers.engine.standing import standing
from koers.events.log import EventLog
from koers.events.memory import MemoryLog
from koers.events.model import (
    EVIDENCE,
    CheckedIn,
    CheckInCorrected,
    CycleClosed,
    CycleOpened,
    Event,
    KeyResultRetargeted,
    KeyResultSet,
    KpiDefined,
    OutcomeRecorded,
    TeamFormed,
)
from koers.scenarios.case.demo import AS_OF, CORRECTED, CUT, LATE, STALE, demo_events

EVENTS = demo_events()


def of(*types: type) -> list[Event]:
    return [event for event in EVENTS if isinstance(event.data, types)]


@pytest.fixture(scope="module")
def log() -> EventLog:
    made = MemoryLog(as_of=AS_OF)
    made.append(EVENTS)
    return made


@pytest.fixture(scope="module")
def said(log: EventLog) -> Forecast:
    return forecast(log, AS_OF)


def test_the_same_seed_gives_the_same_events_and_another_one_others() -> None:
    assert demo_events() == EVENTS
    other = demo_events(1)
    assert [e.id for e in other] != [e.id for e in EVENTS]
    values, others = ([e.data.value for e in events if isinstance(e.data, CheckedIn)] for events in (EVENTS, other))
    assert values[:20] != others[:20]


def test_no_two_events_share_an_id_and_all_stand_in_the_order_of_their_recording() -> None:
    assert len({event.id for event in EVENTS}) == len(EVENTS)
    assert [event.recorded_at for event in EVENTS] == sorted(event.recorded_at for event in EVENTS)


def test_nothing_is_recorded_after_the_as_of_day_and_no_evidence_before_it_held() -> None:
    assert max(event.recorded_at.date() for event in EVENTS) <= AS_OF
    assert all(event.effective_on <= event.recorded_at.date() for event in of(*EVIDENCE))


def test_every_event_comes_back_from_a_log_as_it_was(log: EventLog) -> None:
    given = {"position", "appended_at", "hash", "note_salt", "note_digest"}
    assert [e.model_dump(exclude=given) for e in log] == [e.model_dump(exclude=given) for e in EVENTS]
    assert log.verify().position == len(EVENTS)
    log.append(EVENTS)
    assert log.head().position == len(EVENTS)


def test_two_teams_and_two_finished_cycles_and_one_open() -> None:
    assert {e.name for e in of(TeamFormed)} == {"intake", "platform"}
    assert {e.name for e in of(CycleOpened)} - {e.name for e in of(CycleClosed)} == {"2026-Q4"}
    assert len(of(CycleOpened)) == 3
    past = {e.name for e in of(KeyResultSet) if isinstance(e.data, KeyResultSet) and e.data.cycle != "2026-Q4"}
    assert {e.name for e in of(OutcomeRecorded)} == past


def test_some_check_ins_are_late_and_some_forgotten() -> None:
    late = [e for e in of(CheckedIn) if e.recorded_at.date() > e.effective_on]
    assert {e.name for e in late} == {LATE}
    counts = Counter(e.name for e in of(CheckedIn) if e.name.startswith("q3"))
    assert min(counts.values()) < max(counts.values()) == 13


def test_one_check_in_is_corrected_days_later_with_a_note_that_says_why() -> None:
    (right,) = of(CheckInCorrected)
    assert isinstance(right.data, CheckInCorrected)
    wrong = next(e for e in EVENTS if e.id == right.data.corrects)
    assert (right.name, right.effective_on, right.note) == CORRECTED
    assert isinstance(wrong.data, CheckedIn)
    assert wrong.data.value != right.data.value
    assert wrong.recorded_at < right.recorded_at


def test_one_target_is_cut_halfway_with_a_note_that_says_why() -> None:
    (cut,) = of(KeyResultRetargeted)
    assert isinstance(cut.data, KeyResultRetargeted)
    assert (cut.name, cut.effective_on, cut.data.target, cut.note) == CUT
    first = next(e.data for e in of(KeyResultSet) if e.name == cut.name)
    assert isinstance(first, KeyResultSet)
    assert first.baseline is not None
    assert first.target < cut.data.target < first.baseline


def test_one_owner_has_gone_quiet_and_only_that_one(log: EventLog) -> None:
    rows = standing(replay(log), AS_OF).to_dicts()
    assert {row["key_result"] for row in rows if row["stale"]} == {STALE[0]}


def test_a_hockey_stick_does_most_of_its_way_in_the_last_half() -> None:
    values = {
        e.effective_on: e.data.value for e in of(CheckedIn) if e.name == "q3-restore" and isinstance(e.data, CheckedIn)
    }
    halfway = max(value for day, value in values.items() if day <= date(2026, 8, 15))
    assert halfway < 0.4 * max(values.values())


def test_a_kpi_is_dressed_up_as_a_key_result_and_is_called_that(log: EventLog, said: Forecast) -> None:
    titles = {e.data.title for e in of(KpiDefined) if isinstance(e.data, KpiDefined)}
    (dressed,) = [item for item in said.key_results if item.title in titles]
    assert dressed.warning is not None
    assert [item.key_result for item in said.key_results if item.warning] == [dressed.key_result]


def test_every_kind_of_key_result_is_there_and_both_ways() -> None:
    kinds = Counter(e.data.kind for e in of(KeyResultSet) if isinstance(e.data, KeyResultSet))
    assert set(kinds) == {"metric", "milestone", "binary", "control"}
    ways = {e.data.direction for e in of(KeyResultSet) if isinstance(e.data, KeyResultSet)}
    assert ways == {"increase", "decrease", "maintain_above"}


def test_past_key_results_ended_both_ways(log: EventLog) -> None:
    ended = [
        item.attained for cycle in ("2026-Q2", "2026-Q3") for item in forecast(log, AS_OF, cycle=cycle).key_results
    ]
    assert len(ended) == 12
    assert 3 <= sum(bool(attained) for attained in ended) <= 9


def test_the_forecast_is_spread_and_not_all_at_the_ends(said: Forecast) -> None:
    chances = sorted(item.probability for item in said.key_results)
    assert len(chances) == 8
    assert chances[0] >= 0.01
    assert chances[-1] <= 0.99
    assert chances[-1] - chances[0] > 0.3
    assert sum(0.05 < chance < 0.95 for chance in chances) >= 4


def test_the_quarter_under_way_has_weeks_to_go() -> None:
    (end,) = {e.data.end for e in of(CycleOpened) if e.name == "2026-Q4" and isinstance(e.data, CycleOpened)}
    assert timedelta(weeks=4) < end - AS_OF < timedelta(weeks=9)
