"""Goals, readings and what is really running the business, by hand; the fold in test_replay.py does the rest."""

from __future__ import annotations

from typing import Any

import pytest

from koers.engine.projections import goals, objectives, readings, running
from koers.engine.replay import replay
from koers.events.model import Aligned, Ambition, CycleOpened, KpiDefined, ObjectiveSet, RunWorkArrived, RunWorkDone
from tests.engine.organisations import (
    CONTROL,
    Fact,
    check_in,
    check_ins,
    day,
    dropped,
    fact,
    key_result,
    log_of,
    retarget,
)


def goal(*facts: Fact, known: int | None = None, effective: int | None = None) -> dict[str, Any]:
    events = [e for e in log_of(*facts) if known is None or e.recorded_at.date() <= day(known)]
    (row,) = goals(replay(events, None if effective is None else day(effective))).iter_rows(named=True)
    return row


def test_a_planned_re_target_holds_from_when_it_is_known_not_from_when_it_takes_effect() -> None:
    facts = key_result(), retarget(40, 20.0, recorded=10)
    assert goal(*facts, known=9)["target"] == 16.0
    assert goal(*facts, known=10, effective=10)["target"] == 20.0


def test_a_re_target_that_takes_effect_after_due_changes_nothing() -> None:
    assert goal(key_result(), retarget(65, 20.0, recorded=10))["target"] == 16.0
    assert goal(key_result(), retarget(64, 20.0))["target"] == 20.0


def test_re_targets_follow_the_days_they_take_effect_and_each_may_move_due() -> None:
    moved = goal(key_result(), retarget(60, 24.0, recorded=5), retarget(50, 20.0, due=58))
    assert (moved["target"], moved["due"]) == (20.0, day(58))
    assert (moved["first_target"], moved["first_due"]) == (16.0, day(64))


def test_of_two_re_targets_on_one_day_the_latest_recorded_holds() -> None:
    assert goal(key_result(), retarget(9, 1.0, recorded=12), retarget(9, 2.0, recorded=11))["target"] == 1.0


def test_setting_anew_changes_what_it_says_and_keeps_the_first_target_on_that_scale() -> None:
    again = goal(key_result(), key_result(on=9, target=20.0, weight=3.0))
    assert (again["target"], again["first_target"], again["weight"]) == (20.0, 16.0, 3.0)
    rebased = goal(key_result(), key_result(on=9, baseline=16.0, target=32.0))
    assert (rebased["target"], rebased["first_target"]) == (32.0, 32.0)


def test_setting_anew_with_the_same_target_leaves_a_re_target_in_force() -> None:
    assert goal(key_result(), retarget(5, 12.0), key_result(on=9, weight=2.0))["target"] == 12.0


def test_the_first_drop_counts() -> None:
    assert goal(key_result(), dropped(30), dropped(20, recorded=31))["dropped_on"] == day(20)


def test_the_latest_word_on_objective_and_cycle_holds() -> None:
    def set_to(ambition: Ambition, on: int) -> Fact:
        return fact("objective/o", on, ObjectiveSet(title=ambition, team="t", cycle="q", ambition=ambition))

    cycle = fact("cycle/q", 0, CycleOpened(start=day(0), end=day(89)))
    row = goal(key_result(objective="o"), set_to("aspirational", 0), set_to("committed", 3), cycle)
    assert (row["ambition"], row["objective_title"], row["cycle_end"]) == ("committed", "committed", day(89))


def test_without_its_own_event_a_cycle_ends_with_its_last_key_result() -> None:
    table = goals(replay(log_of(key_result(), key_result("b", due=day(80)), key_result("c", cycle="other"))))
    assert table["cycle_end"].to_list() == [day(80), day(80), day(64)]


def test_readings_come_by_key_result_and_day() -> None:
    seen = readings(replay(log_of(check_in(9, 1.0, "b"), check_in(8, 2.0), check_in(7, 3.0))))
    assert seen["value"].to_list() == [3.0, 2.0, 1.0]


def said_of(*facts: Fact | list[Fact]) -> dict[str, str]:
    frames = replay(log_of(*facts))
    return running(frames, goals(frames), readings(frames))


def kpi(name: str, title: str) -> Fact:
    return fact(f"kpi/{name}", 0, KpiDefined(title=title, team="t", unit="%"))


def test_change_is_not_called_running() -> None:
    assert said_of(key_result(), kpi("uptime", "Uptime"), check_ins([1.0, 2.0, 3.0]), tickets(3)) == {}


def test_a_control_kind_is_running() -> None:
    assert "control" in said_of(key_result(**CONTROL))["a"]


@pytest.mark.parametrize(("name", "title"), [("A", "?"), ("?", "lead Time")])
def test_a_kpi_under_the_same_name_or_title_is_running(name: str, title: str) -> None:
    assert "KPI" in said_of(key_result(title="Lead time"), kpi(name, title))["a"]


def tickets(done: int, team: str = "t") -> list[Fact]:
    """Ten arrive, on days 1 to 10; the first `done` are closed ten days later."""
    came = [fact(f"item/{team}{i}", i, RunWorkArrived(team=team)) for i in range(1, 11)]
    return came + [fact(f"item/{team}{i}", i + 10, RunWorkDone()) for i in range(1, done + 1)]


ARRIVED, DONE, OPEN = [3.0, 7.0, 10.0, 10.0], [0.0, 0.0, 1.0, 5.0], [3.0, 7.0, 9.0, 5.0]


@pytest.mark.parametrize("counted", [ARRIVED, DONE, OPEN])
def test_a_value_that_counts_the_teams_run_work_is_running(counted: list[float]) -> None:
    said = [check_in(on, value) for on, value in zip((3, 7, 11, 15), counted, strict=True)]
    assert said_of(key_result(), said, tickets(8)) == {"a": "it counts run work"}
    assert said_of(key_result(), said, tickets(8, "other")) == {}
    assert said_of(key_result(), said[:-1], check_in(15, counted[-1] + 1.0), tickets(8)) == {}


def test_two_matching_values_are_too_few_to_call_it_running() -> None:
    assert said_of(key_result(), check_in(3, 3.0), check_in(7, 7.0), tickets(8)) == {}


def test_an_empty_log_has_no_goals_and_runs_nothing() -> None:
    assert said_of() == {}


def test_an_objective_has_its_own_parent_or_else_the_one_it_is_aligned_to() -> None:
    own = ObjectiveSet(title="Own", why="because", team="t", cycle="c", parent="year")
    bare = ObjectiveSet(title="Bare", team="t", cycle="c")
    events = log_of(
        fact("objective/a", 0, own),
        fact("objective/b", 0, bare),
        fact("objective/c", 0, bare),
        fact("objective/a", 1, Aligned(parent="objective/other", relation="supports")),
        fact("objective/b", 1, Aligned(parent="objective/first", relation="supports")),
        fact("objective/b", 2, Aligned(parent="objective/last", relation="contributes")),
        fact("objective/c", 1, Aligned(parent="kr/x", relation="contributes")),
    )
    table = objectives(replay(events))
    assert table.select("objective", "parent").rows() == [("a", "year"), ("b", "last"), ("c", None)]
    assert table.row(0, named=True)["why"] == "because"
