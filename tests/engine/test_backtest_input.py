"""Backtests of poor logs, of every kind of goal, and of parts: sound numbers or a clear empty result, never a NaN."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from functools import cache

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from koers.engine.backtest import KOERS, METHODS, SCHEMA, backtest
from koers.engine.judge import judge
from koers.engine.outlook import QUANTILES
from koers.engine.replay import typed
from koers.events.model import Event, EventRetracted
from tests.engine.organisations import (
    BINARY,
    CONTROL,
    DECREASE,
    Fact,
    at,
    check_in,
    check_ins,
    fact,
    key_result,
    log_of,
    outcome,
    retarget,
)
from tests.engine.organisations import day as on

LAST = on(400)
VALUES = [1.0, 3.0, 6.0, 11.0]
NAMES = "abcdef"
KINDS = {"metric": {}, "falling": DECREASE, "milestone": {"kind": "milestone"}, "control": CONTROL, "binary": BINARY}


def each(values: list[float]) -> list[Fact]:
    """Six goals that follow one another at a distance of 15 days, all with these values."""
    facts = []
    for n, name in enumerate(NAMES):
        facts.append(key_result(name, 15 * n, start=on(15 * n), due=on(15 * n + 64)))
        facts += check_ins(values, name, first=15 * n + 7, every=15)
    return facts


def ended(values: list[float], reached: bool | None) -> list[Fact]:
    return each(values) + [outcome(15 * n + 64, 8.0, reached, name) for n, name in enumerate(NAMES)]


def daily(years: int) -> list[Fact]:
    days = 365 * years
    return [
        key_result(due=on(days), target=900.0),
        *(check_in(n, n / 4 + (n * 7) % 5) for n in range(days)),
    ]


INPUT: dict[str, tuple[list[Fact], int | None]] = {
    "no finished goals": ([key_result(due=on(900)), *check_ins(VALUES)], None),
    "one goal": ([key_result(), *check_ins(VALUES)], None),
    "all reached": (ended(VALUES, reached=True), None),
    "none reached": (ended(VALUES, reached=False), None),
    "identical check-ins": ([*each([4.0] * 4), *[check_in(15 * n + 7, 4.0, x) for n, x in enumerate(NAMES)]], None),
    "one check-in": (each([5.0]), None),
    "constant at the baseline": (each([0.0] * 4), None),
    "constant at the target": (each([16.0] * 4), None),
    "outcomes missing": (each(VALUES), None),
    "ties in time": (
        [
            key_result(),
            *(check_in(7, v, recorded=at(7)) for v in (1.0, 5.0, 3.0)),
            check_in(14, 4.0, recorded=at(7 + 7)),
        ],
        None,
    ),
    "target already met": (each([20.0] * 4), None),
    "due in the past": ([key_result(on=300, recorded=300), *(check_in(n, 3.0, recorded=300) for n in (7, 14))], None),
    "due on the day it starts": ([key_result(due=on(0)), check_in(0, 3.0)], None),
    "ten years of daily check-ins": (daily(10), 360),
    "huge and tiny numbers": (
        [*each([1e15, -1e15, 1e-300, 0.0]), key_result("g", target=1e-9), *check_ins([1e15, -1e15, 3.0], "g")],
        None,
    ),
    "nobody checks in": ([key_result(n) for n in NAMES], 7),
    "every kind": (
        [f for n, how in KINDS.items() for f in (key_result(n, **how), *check_ins([0.0, 1.0, 7.0], n))],
        None,
    ),
}
EMPTY = {"no finished goals", "due in the past", "due on the day it starts"}


@pytest.mark.parametrize("name", INPUT)
def test_poor_input_gives_sound_scores_or_a_clear_empty_result(name: str) -> None:
    facts, every = INPUT[name]
    events = log_of(facts)
    last = on(4000) if every == 360 else LAST
    table = backtest(events, last, every=every)
    assert table.schema == pl.Schema(SCHEMA)
    assert table.is_empty() == (name in EMPTY)
    assert table["probability"].is_between(0.0, 1.0).all()
    own = table.filter(pl.col("method") == KOERS)
    assert own.select("mean", *QUANTILES).null_count().sum_horizontal().sum() == 0
    for column in ("elapsed", "mean", *QUANTILES):
        assert own[column].is_finite().all()
    verdict = judge(table, typed(events), last)
    json.dumps(verdict.to_dict(), allow_nan=False)
    assert [score.method for score in verdict.scores][:1] == ([] if name in EMPTY else [KOERS])


def said_by(method: str, *facts: Fact | list[Fact]) -> dict[str, list[float]]:
    table = backtest(log_of(*facts), LAST).filter(pl.col("method") == method).sort("key_result", "as_of")
    return {name: part["probability"].to_list() for (name,), part in table.group_by("key_result", maintain_order=True)}


def test_what_owners_say_is_taken_at_their_word_whatever_the_kind() -> None:
    """A projection meets the target (16 up, 4 down, done), or of a control kind keeps its limits (5 and above)."""
    facts = [key_result(name, **how) for name, how in KINDS.items()]
    for n, (confidence, projection) in enumerate([(0.3, 16.0), (1.0, 3.0), (0.0, 0.5)]):
        facts += [check_in(7 * n + 7, 2.0, name, confidence=confidence, projection=projection) for name in KINDS]
    facts += [check_in(28, 3.0, name) for name in KINDS]  # nothing said: nothing to give
    assert said_by("owner_confidence", facts) == {name: [0.3, 1.0, 0.0] for name in sorted(KINDS)}
    assert said_by("owner_projection", facts) == {
        "metric": [0.9, 0.1, 0.1],
        "falling": [0.1, 0.9, 0.9],
        "milestone": [0.9, 0.1, 0.1],
        "control": [0.9, 0.1, 0.1],
        "binary": [0.9, 0.9, 0.1],
    }


def test_what_an_owner_said_is_as_corrected_and_on_the_target_known_then() -> None:
    facts = [key_result(), check_in(7, 2.0, projection=12.0), check_in(14, 3.0, projection=12.0), retarget(10, 12.0)]
    assert said_by("owner_projection", facts) == {"a": [0.1, 0.9]}


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_but_the_line_and_the_drift_speaks_of_every_kind(kind: str) -> None:
    facts = [key_result(**KINDS[kind]), check_in(7, 1.0, confidence=0.5, projection=2.0)]
    assert set(backtest(log_of(facts), LAST)["method"]) == set(METHODS) - (
        {"straight_line", "drift"} if kind == "control" else set()
    )


def test_the_line_is_met_on_it_whatever_the_rounding() -> None:
    """From 2 to 3 in 10 days: 2.3 after 3 days is on the line, though (2.3 - 2) / 1 is a hair below 3 / 10."""
    facts = [key_result(baseline=2.0, target=3.0, due=on(10)), check_in(3, 2.3)]
    assert 2.3 - 2.0 < 0.3
    assert said_by("straight_line", facts) == {"a": [0.9]}


def origins(table: pl.DataFrame) -> dict[str, list[date]]:
    own = table.filter(pl.col("method") == KOERS).sort("key_result", "as_of")
    return {name: part["as_of"].to_list() for (name,), part in own.group_by("key_result", maintain_order=True)}


def test_common_origins_are_sundays_from_start_to_before_due() -> None:
    """Start on Monday 2026-01-05, due on Sunday 2026-03-08; the other from Sunday 02-01 to Wednesday 02-11."""
    facts = [key_result(due=date(2026, 3, 8)), check_in(9, 1.0)]
    facts += [key_result("b", 27, start=date(2026, 2, 1), due=date(2026, 2, 11))]
    found = origins(backtest(log_of(facts), LAST, every=7))
    assert found["a"] == [date(2026, 1, 11) + timedelta(days=7 * n) for n in range(8)]
    assert found["b"] == [date(2026, 2, 1), date(2026, 2, 8)]


def test_a_common_origin_needs_no_check_in_and_knows_none_of_later() -> None:
    facts = [key_result(), check_in(9, 1.0)]
    values = backtest(log_of(facts), LAST, every=7).filter(pl.col("method") == KOERS)["value"].to_list()
    assert values == [None, *[1.0] * 8]


@cache
def two_cycles(every: int | None) -> tuple[list[Event], pl.DataFrame]:
    """Six goals of one cycle, three of which end early, and one of another; the log and its backtest."""
    facts = [*each(VALUES), key_result("r1", 30, cycle="r", start=on(30), due=on(100))]
    facts += [*check_ins(VALUES, "r1", 60), *(outcome(15 * n + 40, 8.0, n % 2 == 0, "abc"[n]) for n in range(3))]
    events = log_of(facts)
    return events, backtest(events, LAST, every=every)


@pytest.mark.parametrize("every", [None, 7])
@pytest.mark.parametrize(
    ("start", "end", "cycle"), [(on(50), None, None), (None, on(90), None), (None, None, "r"), (on(62), None, "r")]
)
def test_narrowing_changes_no_row_that_stays(
    start: date | None, end: date | None, cycle: str | None, every: int | None
) -> None:
    events, whole = two_cycles(every)
    expected = whole.filter(
        pl.col("as_of").is_between(start or date.min, end or date.max),
        pl.col("cycle").is_in([cycle or "q", cycle or "r"]),
    )
    part = backtest(events, LAST, every=every, start=start, end=end, cycle=cycle)
    assert 0 < expected.height < whole.height
    assert expected.filter(pl.col("method") == "viva")["probability"].n_unique() > 1, "something was learnt"
    assert_frame_equal(part, expected, check_exact=True)


@pytest.mark.parametrize("every", [None, 7])
def test_learners_do_not_know_which_goals_will_be_graded(every: int | None) -> None:
    """An ending known for a while and then taken back, of a goal that is never resolved, teaches while it is known."""
    facts = [
        key_result("x", due=on(999)),
        *check_ins(VALUES, "x"),
        key_result(),
        *check_ins([*VALUES, 12.0, 13.0], "a", 8),
    ]
    short = [*facts, replace(outcome(16, 16.0, attained=True, name="x"), id="end")]
    taken = [*short, fact("kr/x", 30, EventRetracted(retracts="end"))]
    kept, back = (
        backtest(log_of(f), LAST, every=every, end=on(64)).filter(pl.col("key_result") == "a") for f in (short, taken)
    )
    early = pl.col("as_of") < on(30)
    assert kept.filter(early, pl.col("method") == "base_rate")["probability"].n_unique() == 2
    columns = ["method", "as_of", "probability"]
    assert_frame_equal(kept.filter(early).select(columns), back.filter(early).select(columns), check_exact=True)
    late = back.filter(pl.col("as_of") >= on(31), pl.col("method") == "base_rate")["probability"]
    assert set(late) == {0.5}
