"""What owners say, as a probability: by hand, and as laws of whole forecasts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit

from koers.engine import calibration
from koers.engine.calibration import CONFIDENT, DECLARED, HELD, PROJECTED, Owners
from koers.engine.forecast import forecast
from koers.engine.grading import endings
from koers.engine.hindsight import Hindsight
from koers.engine.projections import goals, readings
from koers.engine.replay import replay
from koers.events.model import KeyResultSet, end_of
from tests.engine.organisations import (
    BINARY,
    CONTROL,
    DECREASE,
    Fact,
    changed,
    check_in,
    check_ins,
    day,
    key_result,
    log_of,
    outcome,
    retarget,
)

GOAL = {"kind": "metric", "direction": "increase", "baseline": 0.0, "target": 16.0}


def chance(*facts: Fact | list[Fact], on: int = 30) -> float:
    return next(kr for kr in forecast(log_of(*facts), day(on)).key_results if kr.key_result == "a").probability


@pytest.mark.parametrize(
    ("projection", "rate"),
    [(16.0, PROJECTED[3]), (15.9, PROJECTED[2]), (11.0, PROJECTED[1]), (1.0, PROJECTED[0]), (-4.0, PROJECTED[0])],
)
def test_a_projection_is_worth_what_such_projections_were_worth(projection: float, rate: float) -> None:
    assert expit(DECLARED.logit(GOAL, None, projection)) == pytest.approx(rate)


def test_a_falling_goal_is_projected_downwards() -> None:
    falling = GOAL | DECREASE
    assert expit(DECLARED.logit(falling, None, 4.0)) == pytest.approx(PROJECTED[3])
    assert expit(DECLARED.logit(falling, None, 19.0)) == pytest.approx(PROJECTED[0])


def test_a_confidence_is_brought_down() -> None:
    assert DECLARED.logit(GOAL, 0.9, None) == pytest.approx(CONFIDENT[0] + CONFIDENT[1] * logit(0.9))
    assert expit(DECLARED.logit(GOAL, 1.0, None)) < 0.95


def test_both_words_are_averaged_and_no_word_is_none() -> None:
    both = DECLARED.logit(GOAL, 0.9, 16.0)
    assert both == pytest.approx((DECLARED.logit(GOAL, 0.9, None) + DECLARED.logit(GOAL, None, 16.0)) / 2)
    assert np.isnan(DECLARED.logit(GOAL, None, None))
    assert np.isnan(DECLARED.told(np.array([0.4]), np.array([np.nan]))[0])


def test_the_forecast_and_the_word_meet_by_the_weight_of_the_word() -> None:
    found = Owners(weight=0.25).told(np.array([0.2]), np.array([2.0]))[0]
    assert logit(found) == pytest.approx(0.75 * logit(0.2) + 0.5)


def past(reached: bool, n: int = 6, **said: Any) -> list[Fact]:  # noqa: ANN401 - any field of a check-in
    """Goals that ended on days of their own, each with one word at a check-in in the middle."""
    facts = []
    for k in range(n):
        first = -90 + 3 * k
        facts.append(key_result(f"old{k}", on=first, start=day(first), due=day(first + 40)))
        facts.append(check_in(first + 20, 8.0, f"old{k}", **said))
        facts.append(outcome(first + 40, 16.0 if reached else 9.0, name=f"old{k}"))
    return facts


def learnt(facts: list[Fact]) -> Owners:
    frames = replay(log_of(facts), day(0), end_of(day(0)))
    table, values = goals(frames), readings(frames)
    return calibration.fit(table, values, endings(table, values, day(0)))


@pytest.mark.parametrize("reached", [True, False])
def test_a_label_is_moved_by_how_such_goals_ended_and_held_by_what_is_declared(reached: bool) -> None:
    """By hand: 20 goals at the declared rate, and 6 that were reached or not."""
    found = expit(learnt(past(reached, confidence=0.9)).logit(GOAL, 0.9, None))
    declared = expit(CONFIDENT[0] + CONFIDENT[1] * logit(0.9))
    assert found == pytest.approx((HELD * declared + 6 * reached) / (HELD + 6))
    assert learnt(past(reached, confidence=0.9)).logit(GOAL, 0.1, None) == DECLARED.logit(GOAL, 0.1, None)


def test_projections_are_learnt_too() -> None:
    found = expit(learnt(past(reached=False, projection=16.0)).logit(GOAL, None, 16.0))
    assert found == pytest.approx(HELD * PROJECTED[3] / (HELD + 6))


@pytest.mark.parametrize("right", [True, False])
def test_words_that_came_true_weigh_more(right: bool) -> None:
    n = 30
    seen = Hindsight(
        *(np.arange(n),) * 3, counts=np.ones(n), made=np.full(n, right), by_trend=np.full(n, 0.5),
        by_pace=np.full(n, 0.5), by_class=np.zeros(n), rest=np.ones(n),
    )  # fmt: skip
    weighed = calibration.weigh(DECLARED, seen, np.full(n, 0.5), np.full(n, 2.0))
    assert (weighed.weight > DECLARED.weight) is right
    assert 0.0 <= weighed.weight <= 1.0
    silent = calibration.weigh(DECLARED, seen, np.full(n, 0.5), np.full(n, np.nan))
    assert silent.weight == pytest.approx(2 / 3)


@pytest.mark.parametrize("fields", [{}, BINARY, CONTROL, DECREASE])
def test_a_surer_owner_makes_for_a_likelier_target(fields: dict[str, Any]) -> None:
    values = {"increase": 6.0, "decrease": 14.0, "maintain_above": 6.0}
    value = 0.0 if fields == BINARY else values[fields.get("direction", "increase")]
    facts = [key_result(**fields), check_in(10, value - 2.0 if fields == CONTROL else value), check_in(14, value)]
    said = [chance(*facts, check_in(28, value, confidence=c)) for c in (0.05, 0.5, 0.95)]
    assert said == sorted(said)
    assert said[2] - said[0] > 0.05


def test_the_word_at_the_last_check_in_counts_and_one_withdrawn_does_not() -> None:
    facts = [key_result(), *check_ins([2.0, 4.0])]
    silent = chance(*facts, check_in(28, 6.0))
    assert chance(*facts, check_in(21, 5.0, confidence=0.95), check_in(28, 6.0)) == pytest.approx(
        chance(*facts, check_in(21, 5.0), check_in(28, 6.0))
    )
    assert chance(*facts, check_in(28, 6.0, confidence=0.95)) > silent


def test_nobody_is_known_by_name() -> None:
    """Owners that change places, with words good and bad, change no probability."""
    facts = [
        *past(True, 3, confidence=0.9),
        *past(False, 3, confidence=0.9)[:0],
        key_result(),
        check_in(20, 5.0, confidence=0.9),
    ]
    owned = [changed(f, owner=f"{n % 3}") if isinstance(f.data, KeyResultSet) else f for n, f in enumerate(facts)]
    swapped = [
        changed(f, owner=f"{(n + 1) % 3}") if isinstance(f.data, KeyResultSet) else f for n, f in enumerate(facts)
    ]
    assert chance(*owned) == chance(*swapped)


def test_quantiles_follow_the_word_and_a_further_target_is_no_likelier() -> None:
    facts = [key_result(), *check_ins([2.0, 4.0]), check_in(28, 6.0, confidence=0.95)]
    silent = [
        replace(f, data=f.data.model_copy(update={"confidence": None})) if hasattr(f.data, "confidence") else f
        for f in facts
    ]
    one, other = (forecast(log_of(*some), day(30)).key_results[0] for some in (facts, silent))
    assert one.quantiles["q50"] > other.quantiles["q50"]  # type: ignore[operator]
    assert one.expected_score > other.expected_score
    assert chance(*facts, retarget(29, 20.0)) <= chance(*facts)
