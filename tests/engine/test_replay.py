"""Replay: what held and what was known, held against a fold over plain objects."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from koers.engine.projections import goals, readings
from koers.engine.replay import Frames, replay, typed, view
from koers.events.model import CheckedIn, PolicySet
from tests.engine.fold import Held, fold
from tests.engine.organisations import (
    Fact,
    at,
    check_in,
    correction,
    day,
    fact,
    key_result,
    log_of,
    messy_facts,
    retraction,
    rows_of,
)

UNTIL = st.none() | st.integers(-1, 90)


def held(frames: Frames) -> Held:
    seen = {
        (name, on): (value, confidence, own)
        for name, on, value, confidence, own in readings(frames)
        .select("key_result", "effective_on", "value", "confidence", "position")
        .iter_rows()
    }
    stand = {row.pop("key_result"): row for row in goals(frames).iter_rows(named=True)}
    return Held(seen, stand)


def assert_same(frames: Frames, expected: Held) -> None:
    found = held(frames)
    assert found.readings == expected.readings
    assert {n: {k: row[k] for k in expected.goals[n]} for n, row in found.goals.items()} == expected.goals


def cut(effective: int | None, known: int | None) -> tuple[date | None, datetime | None]:
    return None if effective is None else day(effective), None if known is None else at(known, 10)


@given(messy_facts(), UNTIL, UNTIL)
@settings(max_examples=100)
def test_replay_agrees_with_a_plain_fold_as_of_any_two_times(
    facts: list[Fact], effective: int | None, known: int | None
) -> None:
    events = log_of(facts)
    assert_same(replay(events, *cut(effective, known)), fold(events, *cut(effective, known)))


@given(messy_facts(16))
@settings(max_examples=12)
def test_replay_agrees_with_a_plain_fold_at_every_prefix(facts: list[Fact]) -> None:
    events = log_of(facts)
    for end in range(len(events) + 1):
        assert_same(replay(events[:end]), fold(events[:end]))


@given(messy_facts(), UNTIL, UNTIL)
@settings(max_examples=40)
def test_a_view_equals_a_replay_of_only_what_was_recorded_by_then(
    facts: list[Fact], effective: int | None, known: int | None
) -> None:
    events = log_of(facts)
    until, moment = cut(effective, known)
    there = view(typed(events), until, moment)
    then = replay([e for e in events if moment is None or e.recorded_at <= moment], until)
    for name, frame in there.by_type.items():  # the whole log knows of targets that were not recorded by then
        assert_frame_equal(frame.drop("target", strict=False), then.by_type[name].drop("target", strict=False))


@given(messy_facts())
@settings(max_examples=20)
def test_stored_rows_and_events_replay_alike(facts: list[Fact]) -> None:
    from_events, from_rows = replay(log_of(facts)), replay(rows_of(facts))
    for name, frame in from_events.by_type.items():
        assert_frame_equal(frame, from_rows.by_type[name])
    assert (from_events.log_position, from_events.log_head) == (from_rows.log_position, from_rows.log_head)


READ = (key_result(), check_in(7, 3.0, id="first"))
MENDED = (*READ, correction("first", 7, 4.0, recorded=10), correction("first", 8, 5.0, recorded=20))


def values(*facts: Fact, known: int | None = None, effective: int | None = None) -> dict[date, float]:
    frames = replay(log_of(*facts), *cut(effective, known))
    return dict(readings(frames).select("effective_on", "value").iter_rows())


def test_a_corrected_check_in_is_seen_only_from_when_it_was_known() -> None:
    assert values(*MENDED, known=9) == {day(7): 3.0}
    assert values(*MENDED, known=11) == {day(7): 4.0}
    assert values(*MENDED) == {day(8): 5.0}


def test_a_correction_may_move_a_check_in_beyond_what_is_asked_for() -> None:
    assert values(*MENDED, effective=7) == {}
    assert values(*MENDED, effective=7, known=11) == {day(7): 4.0}


def test_retracting_a_correction_uncovers_the_one_before() -> None:
    assert values(*MENDED, retraction("e3", 30)) == {day(7): 4.0}
    assert values(*MENDED, retraction("e3", 30), retraction("e2", 31)) == {day(7): 3.0}


def test_retracting_a_check_in_hides_its_corrections_too() -> None:
    assert values(*MENDED, retraction("first", 30)) == {}
    assert values(*MENDED, retraction("first", 30), known=29) == {day(8): 5.0}


def test_a_retracted_retraction_retracts_nothing() -> None:
    assert values(*MENDED, retraction("first", 30), retraction("e4", 31)) == {day(8): 5.0}


def test_of_two_check_ins_on_one_day_the_later_recorded_holds_whatever_its_position() -> None:
    late, early = check_in(7, 1.0, recorded=9), check_in(7, 2.0, recorded=8)
    assert values(key_result(), late, early) == {day(7): 1.0}
    assert values(key_result(), check_in(7, 1.0), check_in(7, 2.0)) == {day(7): 2.0}


def test_nothing_recorded_gives_empty_frames_with_their_columns() -> None:
    frames = replay([])
    assert frames.log_position == 0
    assert frames.of(CheckedIn).is_empty()
    assert {"name", "effective_on", "value"} <= set(frames.of(CheckedIn).columns)
    assert goals(frames).is_empty()
    assert readings(frames).is_empty()


def test_numbers_text_and_mappings_survive_the_way_into_frames() -> None:
    value, note = 0.1 + 0.2, 'a "quoted" café, \\ and \n'
    policy = PolicySet(policy="buffer", parameters={"share": 0.2, "days": 5.0})
    frames = replay(log_of(key_result(), check_in(7, value, status=note), fact("team/t", 0, policy)))
    row = frames.of(CheckedIn).row(0, named=True)
    assert (row["value"], row["status"], row["name"]) == (value, note, "a")
    assert frames.of(PolicySet)["parameters"].to_list() == ['{"days":5.0,"share":0.2}']


def test_what_is_recorded_at_the_very_time_asked_for_is_known() -> None:
    events = log_of(key_result(), check_in(7, 3.0, recorded=at(7)))
    assert readings(replay(events, known_until=at(7))).height == 1
    assert readings(replay(events, known_until=at(7) - timedelta(microseconds=1))).is_empty()
