"""Reached or not, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from koers.engine.grading import days_inside, days_of, ending, in_force, progress
from koers.engine.projections import goals, readings
from koers.engine.replay import replay
from tests.engine.organisations import (
    BINARY,
    CONTROL,
    DECREASE,
    Fact,
    check_in,
    check_ins,
    correction,
    day,
    dropped,
    key_result,
    log_of,
    outcome,
    retarget,
)


def ended(*facts: Fact | list[Fact]) -> tuple[float | None, bool]:
    """How the one key result ended, on all that is known."""
    frames = replay(log_of(*facts))
    (goal,) = goals(frames).iter_rows(named=True)
    return ending(goal, days_of(readings(frames)).get("a", []))


GOAL = key_result()
BELOW_ZERO = {"baseline": -8.0, "target": -2.5}
DECIMAL = {"baseline": 0.1, "target": 0.3}


@pytest.mark.parametrize(
    ("fields", "value", "reached"),
    [
        ({}, 16.0, True),
        ({}, 15.999, False),
        (DECREASE, 4.0, True),
        (DECREASE, 4.001, False),
        (DECREASE, -1.0, True),
        (BELOW_ZERO, -2.5, True),
        (BELOW_ZERO, -2.6, False),
        (DECIMAL, 0.3, True),
        (DECIMAL, 0.29999999, False),
        (BINARY, 1.0, True),
        (BINARY, 0.0, False),
    ],
)
def test_the_value_at_due_is_held_against_the_target(fields: dict[str, Any], value: float, reached: bool) -> None:
    assert ended(key_result(**fields), check_in(60, value)) == (value, reached)


def test_crossing_the_target_and_falling_back_is_not_reached() -> None:
    assert ended(GOAL, check_ins([10.0, 17.0, 15.0])) == (15.0, False)


def test_nothing_read_is_not_reached() -> None:
    assert ended(GOAL) == (None, False)
    assert ended(key_result(**DECREASE)) == (None, False)


def test_the_day_of_due_counts_and_the_day_after_does_not() -> None:
    assert ended(GOAL, check_in(64, 16.0)) == (16.0, True)
    assert ended(GOAL, check_in(60, 3.0), check_in(65, 16.0)) == (3.0, False)


def test_the_latest_day_holds_even_if_it_was_recorded_first() -> None:
    assert ended(GOAL, check_in(60, 16.0, recorded=60), check_in(50, 3.0, recorded=64)) == (16.0, True)


def test_of_one_day_the_latest_recorded_holds_and_of_one_moment_the_latest_position() -> None:
    assert ended(GOAL, check_in(60, 16.0, recorded=62), check_in(60, 3.0, recorded=61)) == (16.0, True)
    assert ended(GOAL, check_in(60, 16.0), check_in(60, 3.0)) == (3.0, False)


def test_a_correction_is_what_is_graded() -> None:
    assert ended(GOAL, check_in(60, 3.0, id="c"), correction("c", 60, 16.0, recorded=70)) == (16.0, True)


def test_an_outcome_overrides_what_the_check_ins_say() -> None:
    assert ended(GOAL, check_in(60, 3.0), outcome(64, 16.5)) == (16.5, True)
    assert ended(GOAL, check_in(60, 17.0), outcome(64, 17.0, attained=False)) == (17.0, False)
    assert ended(GOAL, check_in(60, 17.0), outcome(64, 1.0, True), outcome(64, 2.0, recorded=70)) == (2.0, False)


def test_dropped_before_due_is_not_reached_unless_an_outcome_says_so() -> None:
    assert ended(GOAL, check_in(20, 17.0), dropped(30)) == (17.0, False)
    assert ended(GOAL, check_in(20, 17.0), dropped(64)) == (17.0, True)
    assert ended(GOAL, check_in(20, 17.0), dropped(30), outcome(40, 18.0)) == (18.0, True)


def test_a_re_target_is_what_is_graded() -> None:
    assert ended(GOAL, check_in(60, 12.0), retarget(30, 12.0)) == (12.0, True)
    assert ended(GOAL, check_in(60, 12.0), check_in(70, 16.0), retarget(30, 16.0, due=80)) == (16.0, True)


@pytest.mark.parametrize(
    ("fields", "share"),
    [
        ({"direction": "maintain_above", "lower": 5.0}, 0.6),
        ({"direction": "maintain_below", "lower": None, "upper": 5.0}, 0.8),
        ({"direction": "maintain_between", "lower": 4.0, "upper": 6.0}, 0.4),
    ],
)
def test_a_control_goal_is_graded_on_its_share_of_days_inside(fields: dict[str, Any], share: float) -> None:
    """Ten days of values: 5 on four days, 9 on two, 3 on two, 0 on two; limits belong to the inside."""
    held = key_result(**(CONTROL | fields | {"due": day(9), "target": share}))
    said = [check_in(i, v) for i, v in ((0, 5.0), (4, 9.0), (6, 3.0), (8, 0.0))]
    assert ended(held, said) == (share, True)
    assert ended(held, said, retarget(0, share + 0.01)) == (share, False)


def test_days_of_a_control_goal_count_from_the_first_value_and_from_the_start() -> None:
    held = key_result(**(CONTROL | {"start": day(5), "due": day(9)}))
    (goal,) = goals(replay(log_of(held))).iter_rows(named=True)
    assert days_inside(goal, [(day(0), 1.0), (day(7), 6.0)], day(9)).tolist() == [False, False, True, True, True]
    assert days_inside(goal, [(day(8), 6.0)], day(8)).tolist() == [True]
    assert days_inside(goal, [], day(9)).tolist() == []


def test_a_control_goal_without_a_reading_is_not_kept() -> None:
    assert ended(key_result(**CONTROL)) == (None, False)


def test_the_value_in_force_is_the_latest_up_to_the_day() -> None:
    held = [(day(1), 1.0), (day(3), 3.0)]
    assert [in_force(held, day(n)) for n in range(5)] == [None, 1.0, 1.0, 3.0, 3.0]


@pytest.mark.parametrize(
    ("fields", "target", "value", "expected"),
    [
        ({}, 16.0, 4.0, 0.25),
        ({}, 8.0, 4.0, 0.5),
        ({}, 16.0, -4.0, -0.25),
        (DECREASE, 4.0, 12.0, 0.5),
        ({}, 0.0, 1.0, 1.0),
        ({}, 0.0, -1.0, 0.0),
        ({}, -4.0, -3.0, 1.0),
        (DECREASE, 30.0, 31.0, 0.0),
    ],
)
def test_progress_is_the_share_of_the_way_and_whether_it_is_met_where_there_is_none(
    fields: dict[str, Any], target: float, value: float, expected: float
) -> None:
    (goal,) = goals(replay(log_of(key_result(**fields), retarget(0, target)))).iter_rows(named=True)
    assert progress(goal, value) == expected
