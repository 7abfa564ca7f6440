"""Scores by hand, and what makes them proper."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from koers.engine.backtest import KOERS, SCHEMA, Score, scores
from koers.engine.scoring import brier, log_score, per_goal

CHANCE = st.floats(0.01, 0.99)


def test_scores_of_single_forecasts_by_hand() -> None:
    p, y = np.array([0.8, 0.8, 0.0]), np.array([1.0, 0.0, 0.0])
    assert brier(p, y) == pytest.approx([0.04, 0.64, 0.0])
    assert log_score(p, y) == pytest.approx([-math.log(0.8), -math.log(0.2), 0.0])


def test_the_impossible_that_happened_scores_infinitely_badly() -> None:
    assert log_score(np.array([0.0, 1.0]), np.array([1.0, 0.0])).tolist() == [math.inf, math.inf]


@given(CHANCE, CHANCE)
def test_no_other_probability_beats_the_true_one_on_average(true: float, said: float) -> None:
    for score in (brier, log_score):

        def expected(p: float) -> float:
            won, lost = score(np.array([p, p]), np.array([1.0, 0.0]))  # noqa: B023
            return float(true * won + (1.0 - true) * lost)

        assert expected(true) <= expected(said) + 1e-12


def test_a_goal_counts_once_however_often_it_was_forecast() -> None:
    assert per_goal(pl.Series(["a", "a", "a", "b"]), np.array([0.0, 0.0, 0.3, 0.5])) == pytest.approx(0.3)


def test_no_goals_have_no_score() -> None:
    assert math.isnan(per_goal(pl.Series([], dtype=pl.String), np.array([])))


def row(key_result: str, probability: float, attained: bool, outcome: float, method: str = KOERS) -> dict[str, object]:
    ends = {"q10": 2.0, "q90": 8.0} if method == KOERS else {}
    said = {"probability": probability, "attained": attained, "outcome": outcome}
    return dict.fromkeys(SCHEMA) | {"key_result": key_result, "method": method} | said | ends


def test_a_backtest_is_scored_by_method_and_goal() -> None:
    table = pl.DataFrame(
        [
            row("a", 0.8, True, 5.0),
            row("a", 0.6, True, 9.0),
            row("b", 0.3, False, 2.0),
            row("a", 0.0, True, 5.0, "rule"),
        ],
        schema=SCHEMA,
    )
    best, worst = scores(table)
    log = (-(math.log(0.8) + math.log(0.6)) / 2 - math.log(0.7)) / 2
    assert best == Score(KOERS, 2, 3, pytest.approx(0.095), pytest.approx(log), pytest.approx(0.75))
    assert (worst.method, worst.goals, worst.log) == ("rule", 1, pytest.approx(-math.log(0.005)))
    assert worst.coverage80 is None


def test_an_empty_backtest_has_no_scores() -> None:
    assert scores(pl.DataFrame(schema=SCHEMA)) == []
