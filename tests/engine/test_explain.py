"""Why forecasts moved: parts that add up, in the order things became known, with the right names."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from koers.engine.explain import explain
from koers.engine.explained import Explanation
from koers.engine.forecast import forecast
from koers.engine.replay import typed
from koers.events.errors import KoersError
from koers.events.model import Event, end_of
from tests.engine.organisations import (
    Fact,
    check_in,
    check_ins,
    correction,
    day,
    key_result,
    log_of,
    organisations,
    outcome,
    retarget,
)
from tests.engine.staffed import MID, incidents, people, record, tickets

SINCE, UNTIL = 30, 37


def staffed(*teams: str) -> list[Fact]:
    """Six people in each team all along."""
    return [people(team, -200, 6.0) for team in teams]


def explained(facts: list[Fact], since: int = SINCE, until: int = UNTIL) -> dict[str, Explanation]:
    return explain(typed(log_of(facts)), day(since), day(until))


def chances(rows: list[Event], on: int) -> dict[str, float]:
    return {kr.key_result: kr.probability for kr in forecast(rows, day(on)).key_results}


def causes(found: Explanation) -> list[str]:
    return [part.cause for part in found.parts]


@given(organisations(), st.integers(0, 60), st.integers(1, 30))
@settings(max_examples=25)
def test_the_parts_add_up_to_the_change_between_two_forecasts(facts: list[Fact], since: int, days: int) -> None:
    log = log_of(facts)
    assume(facts)
    found = explain(typed(log), day(since), day(since + days))
    before, after = (chances(log, on) for on in (since, since + days))
    assert found.keys() == before.keys() & after.keys()
    for name, one in found.items():
        assert (one.before, one.after) == (before[name], after[name])
        assert sum(part.delta for part in one.parts) == pytest.approx(one.after - one.before, abs=1e-9)


def test_a_check_in_that_disappoints_is_told_as_such() -> None:
    facts = [key_result(), *check_ins([2.0, 4.0, 6.0, 8.0]), check_in(35, 8.0)]
    found = explained(facts)["a"]
    news = found.parts[0]
    assert (news.cause, news.text, news.on) == ("check-in", "check-in of 9 Feb: 8", day(35))
    assert news.delta < 0


def ended(outcomes: list[float], due: int = 0) -> list[Fact]:
    """Goals that had 8 of 16 in mid-life, and ended."""
    facts: list[Fact] = []
    for k, value in enumerate(outcomes):
        facts += [
            key_result(f"old{k}", on=due - 64, start=day(due - 64), due=day(due)),
            check_in(due - 32, 8.0, f"old{k}"),
        ]
        facts += [outcome(due, value, name=f"old{k}")]
    return facts


def test_time_without_news_counts_where_it_counted_for_goals_that_ended() -> None:
    """They had all gone on from 8 to 16; who is still at 8 when little time is left, is behind them."""
    facts = [*ended([16.0] * 6), key_result(), check_in(28, 8.0)]
    found = explained(facts, 30, 60)["a"]
    assert set(causes(found)) <= {"time", "relearning"}
    assert sum(part.delta for part in found.parts if part.cause == "time") != 0.0


def test_what_became_known_comes_in_its_order_and_bears_the_day_it_was_recorded() -> None:
    facts = [
        key_result(), *check_ins([2.0, 4.0, 6.0]), check_in(28, 7.0, id="late"),
        check_in(32, 9.0), correction("late", 28, 5.0, recorded=33), retarget(35, 20.0), check_in(36, 9.5),
    ]  # fmt: skip
    found = explained(facts)["a"]
    known = [part for part in found.parts if part.on is not None]
    assert [part.on for part in known] == [day(32), day(33), day(35), day(36)]
    assert [part.cause for part in known] == ["check-in", "check-in", "target", "check-in"]
    assert known[1].text == "corrected for 2 Feb: 5"
    assert known[2].text == "target 20"
    assert known[2].delta < 0


def test_other_goals_that_end_move_a_forecast_by_relearning_alone() -> None:
    facts = [*ended([16.0] * 6, due=33), key_result(), *check_ins([2.0, 4.0, 6.0, 8.0])]
    found = explained(facts)["a"]
    assert "outcome" not in causes(found)
    (learnt,) = [part for part in found.parts if part.cause == "relearning"]
    assert learnt.delta > 0.01


def test_people_that_leave_are_named_as_the_cause() -> None:
    declared = [*record("a"), *staffed("a"), people("a", MID + 2, 2.0, recorded=MID + 2)]
    found = explain(typed(log_of(declared)), day(MID), day(MID + 4))
    for one in found.values():
        (left,) = [part for part in one.parts if part.cause == "capacity"]
        assert left.text.startswith("2 people from ")
        assert left.delta < 0.0
        assert sum(part.delta for part in one.parts) == pytest.approx(one.after - one.before, abs=1e-9)
    assert min(part.delta for one in found.values() for part in one.parts if part.cause == "capacity") < -0.02


def test_incidents_are_told_by_their_number() -> None:
    usual = tickets("a", 1, 4.0, 0.5)
    declared = [*record("a", kinds="i"), *staffed("a"), *usual, *incidents("a", 20, 3.0, on=MID + 1)]
    found = explain(typed(log_of(declared)), day(MID), day(MID + 3))
    (one,) = [one for name, one in found.items() if name.startswith("a1")]
    (came,) = [part for part in one.parts if part.cause == "run work"]
    assert "items of run work came in" in came.text
    assert came.delta < 0


def test_one_key_result_is_explained_as_among_all_but_for_what_is_told_of_others() -> None:
    facts = [
        *record("a", kinds="ii"),
        *staffed("a", "b"),
        *record("b", kinds="i"),
        *incidents("a", 9, 2.0, on=MID + 1),
    ]
    recorded = typed(log_of(facts))
    name = next(name for name in explain(recorded, day(MID), day(MID + 3)) if name.startswith("a1"))
    every = explain(recorded, day(MID), day(MID + 3))[name]
    alone = explain(recorded, day(MID), day(MID + 3), about={name})
    assert list(alone) == [name]
    assert (alone[name].before, alone[name].after) == (every.before, every.after)
    own = [[part for part in one.parts if part.cause == "run work"] for one in (alone[name], every)]
    assert [part.delta for part in own[0]] == pytest.approx([part.delta for part in own[1]], abs=1e-6)


def test_what_was_recorded_after_known_at_is_no_cause() -> None:
    facts = [key_result(), *check_ins([2.0, 4.0, 6.0, 8.0]), check_in(35, 1.0), check_in(36, 0.0)]
    found = explain(typed(log_of(facts)), day(SINCE), day(UNTIL), end_of(day(35)))["a"]
    assert [part.on for part in found.parts if part.cause == "check-in"] == [day(35)]


@pytest.mark.parametrize("until", [day(SINCE), day(SINCE - 1)])
def test_the_second_day_comes_after_the_first(until: date) -> None:
    with pytest.raises(KoersError, match="must come after"):
        explain(typed(log_of([key_result()])), day(SINCE), until)


def test_a_key_result_that_has_no_forecast_on_one_of_the_days_is_left_out() -> None:
    facts = [key_result(), key_result("new", on=33, start=day(33))]
    assert set(explained(facts)) == {"a"}
