"""Looking back: what would have been said then, of what was known then; and the weights that follow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from koers.engine import pace, pace_ahead, reference_class, weights
from koers.engine.hindsight import Hindsight, look_back
from koers.engine.lives import Lives, lives_of
from koers.engine.projections import goals, readings
from koers.engine.replay import replay
from koers.engine.trend import EPOCH, to_readings
from koers.engine.weights import CLASS, RATE, READINGS, UNSCORED, Weights
from koers.events.model import OutcomeRecorded, end_of
from tests.engine.organisations import Fact, check_ins, day, key_result, log_of, outcome

TODAY = 200


def quarters(n: int = 8) -> list[Fact]:
    """Goals of 64 days that began a week after one another, and ended."""
    facts = []
    for k in range(n):
        name, first = f"g{k}", 7 * k
        facts.append(key_result(name, on=first, start=day(first), due=day(first + 64)))
        facts += check_ins([1.5 * w + (k % 3) for w in range(1, 9)], name, first=first + 7)
        facts.append(outcome(first + 64, 13.0 + k, name=name))
    return facts


def known(facts: list[Fact], on: int = TODAY) -> tuple[Lives, pace.Readings, float]:
    frames = replay(log_of(facts), day(on), end_of(day(on)))
    table, values = goals(frames), readings(frames)
    return lives_of(table, values, day(on)), to_readings(table, values), float((day(on) - EPOCH).days)


def past_of(facts: list[Fact]) -> tuple[Hindsight, Lives]:
    lives, _, today = known(facts)
    return look_back(lives, reference_class.references(lives, today), pace.DEFAULT, pace_ahead.FIRST, today), lives


def test_a_look_back_says_what_was_said_on_that_day() -> None:
    """Each look against a log that ends on its day: bit for bit the trend's and the pace's chance."""
    facts = quarters()
    past, lives = past_of(facts)
    for i in range(len(past.row)):
        k = past.row[i]
        on = round(lives.start[k] + lives.table.time[k, past.column[i]] * lives.life[k]) - (day(0) - EPOCH).days
        then, series, _ = known([f for f in facts if f.recorded_at <= end_of(day(on))], on)
        own = int(np.flatnonzero(then.start == lives.start[k])[0])
        trend = pace.predict(pace.posterior(series, pace.DEFAULT), then.due, pace.DEFAULT).exceedance(then.threshold)
        ahead = pace_ahead.gain(then, pace_ahead.FIRST, then.last(), then.due).exceedance(then.threshold)
        assert past.by_trend[i] == pytest.approx(trend[own], rel=1e-12)
        assert past.by_pace[i] == pytest.approx(ahead[own], rel=1e-12)


def test_goals_that_had_not_ended_by_a_look_say_nothing_at_it() -> None:
    facts = quarters()
    past, _ = past_of(facts)
    other, _ = past_of([*facts[:-1], replace(facts[-1], data=facts[-1].data.model_copy(update={"value": 99.0}))])
    np.testing.assert_array_equal(past.by_class, other.by_class)  # g7 ended last: nobody's look could know how
    assert (past.rest < 1.0).any()


def test_looks_are_spread_over_the_life_and_none_is_after_the_end() -> None:
    past, lives = past_of(quarters())
    time = lives.table.time[past.row, past.column]
    assert ((time >= 0.0) & (time < 1.0)).all()
    assert np.bincount(past.goal).tolist() == [6] * 8


def test_the_last_to_end_count_most() -> None:
    past, _ = past_of(quarters())
    assert (np.diff(past.counts) > 0).all()
    assert past.counts[-1] == pytest.approx(0.5 ** ((TODAY - 49 - 64) / 180))


def test_nothing_has_been_scored_before_anything_has_ended() -> None:
    facts = [f for f in quarters(1) if not isinstance(f.data, OutcomeRecorded)]
    lives, _, today = known(facts, 30)
    past = look_back(lives, reference_class.references(lives, today), pace.DEFAULT, pace_ahead.FIRST, today)
    assert weights.fit(past) == UNSCORED


def test_without_scores_the_pace_counts_by_its_readings_and_the_class_its_default() -> None:
    found = UNSCORED.of(np.array([0, 1, 2, 20]))
    np.testing.assert_allclose(found.sum(axis=0), 1.0)
    np.testing.assert_allclose(found[2], CLASS)
    np.testing.assert_allclose(
        found[1] / found[:2].sum(axis=0), np.array([0, 1, 4, 400]) / (READINGS**2 + np.array([0, 1, 4, 400])), atol=1e-8
    )


def hindsight(trend: float, ahead: float, by_class: float, made: bool) -> Hindsight:
    """Forty goals with one look each, at which each way of forecasting said the same."""
    n = 40
    return Hindsight(
        row=np.arange(n), column=np.full(n, 2), goal=np.arange(n), counts=np.ones(n), made=np.full(n, made),
        by_trend=np.full(n, trend), by_pace=np.full(n, ahead), by_class=np.full(n, by_class), rest=np.zeros(n),
    )  # fmt: skip


def test_weights_are_the_default_times_what_losses_make_of_them() -> None:
    """By hand: 40 goals of loss log(1/.9) against log(1/.6)."""
    found = weights.fit(hindsight(0.6, 0.9, 0.9, made=True))
    assert found.ahead == pytest.approx(RATE * 40 * np.log(0.9 / 0.6))
    ahead = 1 / (1 + np.exp(-found.ahead))
    mixed = 0.6 * (1 - ahead) + 0.9 * ahead
    assert found.reference == pytest.approx(RATE * 40 * np.log(0.9 / mixed))


@pytest.mark.parametrize("made", [True, False])
def test_what_forecast_better_gains_and_what_forecast_worse_loses(made: bool) -> None:
    found = weights.fit(hindsight(0.7, 0.3, 0.5, made=made))
    assert (found.ahead < 0) is made
    weight = found.of(np.array([2]))[:, 0]
    assert bool(weight[0] > weight[1]) is made


def test_weights_move_continuously_and_stay_weights() -> None:
    for shift in (-50.0, 0.0, 50.0):
        found = Weights(shift, -shift).of(np.array([0, 3, 100]))
        assert ((found >= 0) & (found <= 1)).all()
        np.testing.assert_allclose(found.sum(axis=0), 1.0)


def test_a_goal_that_ends_weeks_later_changes_no_look_before() -> None:
    facts = quarters(8)
    more = [key_result("late", on=60, start=day(60), due=day(124)), outcome(124, 0.0, name="late")]
    past, _ = past_of(facts)
    other, _ = past_of([*facts, *more])
    assert other.by_class[: len(past.row)].tolist() == past.by_class.tolist()
