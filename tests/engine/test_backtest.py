"""Rolling origins: which they are, how they are graded, and that nothing recorded later leaks into them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from koers.engine import backtest as module
from koers.engine.backtest import KOERS, SCHEMA, backtest
from koers.engine.forecast import forecast
from koers.engine.outlook import QUANTILES
from koers.engine.replay import Frames, view
from koers.events.model import CheckedIn, CheckInCorrected, EventRetracted, ForecastIssued, KeyResultSet, end_of
from tests.engine.organisations import (
    BINARY,
    CONTROL,
    DECREASE,
    Fact,
    at,
    changed,
    check_in,
    check_ins,
    dropped,
    fact,
    key_result,
    log_of,
    organisations,
    outcome,
    retarget,
    retraction,
)
from tests.engine.organisations import day as on

LAST = on(400)
SAID = ("as_of", "due", "elapsed", "value", "baseline", "target", "probability", "mean", *QUANTILES)
KEY = ("method", "key_result", "as_of")


def rows(*facts: Fact | Iterable[Fact], method: str = KOERS, **how: Any) -> pl.DataFrame:  # noqa: ANN401
    return backtest(log_of(*facts), LAST, **how).filter(pl.col("method") == method)


def origins(*facts: Fact | Iterable[Fact], **how: Any) -> list[int]:  # noqa: ANN401
    return [(day - on(0)).days for day in rows(*facts, **how)["as_of"]]


def test_an_origin_is_a_day_on_which_a_check_in_was_recorded_from_start_to_before_due() -> None:
    said = [check_in(n, 1.0) for n in (-7, 0, 7, 63, 64, 70)]
    assert origins(key_result(on=-9), said) == [0, 7, 63]
    assert origins(key_result(), check_in(7, 1.0, recorded=9), check_in(8, 2.0, recorded=9)) == [9]


def test_origins_can_be_narrowed_down() -> None:
    facts = [key_result(), *check_ins([1.0, 2.0, 3.0]), key_result("b", cycle="other"), check_in(5, 1.0, "b")]
    assert origins(facts) == [7, 14, 21, 5]
    assert origins(facts, start=on(14)) == [14, 21]
    assert origins(facts, cycle="other") == [5]


def test_a_goal_not_yet_resolved_has_no_rows() -> None:
    facts = [key_result(), check_in(7, 1.0)]
    assert backtest(log_of(facts), on(63)).is_empty()
    assert backtest(log_of(facts), on(64)).height > 0
    assert backtest(log_of(facts, outcome(30, 2.0)), on(30)).height > 0


def test_there_is_no_origin_after_what_is_known_of_the_end() -> None:
    facts = [key_result(), *check_ins([1.0, 2.0, 3.0, 4.0])]
    assert origins(facts, outcome(20, 2.0)) == [7, 14]
    assert origins(facts, dropped(15)) == [7, 14]
    assert origins(facts, retarget(15, 16.0, due=18)) == [7, 14]


def test_an_origin_stays_when_the_due_date_is_moved_before_it_later() -> None:
    assert origins(key_result(), check_ins([1.0, 2.0, 3.0]), retarget(10, 16.0, due=12, recorded=40)) == [7, 14, 21]


def test_a_row_says_what_was_known_and_how_it_ended() -> None:
    facts = [key_result(), *check_ins([2.0, 4.0]), check_in(60, 17.0)]
    first = rows(facts).row(0, named=True)
    assert (first["as_of"], first["due"], first["elapsed"]) == (on(7), on(64), 7 / 64)
    assert (first["value"], first["baseline"], first["target"]) == (2.0, 0.0, 16.0)
    assert (first["outcome"], first["attained"], first["attained_original"]) == (17.0, True, True)
    assert (first["key_result"], first["team"], first["cycle"]) == ("a", "t", "q")


def grades(*facts: Fact | Iterable[Fact]) -> list[tuple[bool, bool]]:
    return list(
        rows(key_result(), check_in(7, 1.0), check_in(40, 12.0), *facts)["attained", "attained_original"].rows()
    )


def test_each_row_is_graded_on_the_target_known_then_and_on_the_first() -> None:
    assert grades() == [(False, False)] * 2
    assert grades(retarget(20, 12.0)) == [(False, False), (True, False)]
    assert grades(retarget(20, 12.0, recorded=5)) == [(True, False)] * 2


def test_a_row_is_graded_at_the_due_date_known_then() -> None:
    moved = check_in(70, 16.0), retarget(30, 16.0, due=80)
    assert grades(*moved) == [(False, False), (True, True), (True, True)]


def test_dropped_before_due_is_not_attained_and_dropped_after_it_changes_nothing() -> None:
    assert grades(check_in(50, 16.0)) == [(True, True)] * 3
    assert grades(check_in(50, 16.0), dropped(55)) == [(False, False)] * 3
    assert grades(check_in(50, 16.0), dropped(70)) == [(True, True)] * 3
    assert grades(check_in(50, 16.0), dropped(55), outcome(64, 16.0)) == [(True, True)] * 3


def test_an_outcome_flag_grades_only_the_target_it_was_recorded_for() -> None:
    assert grades(outcome(64, 15.0, attained=True)) == [(True, True)] * 2
    moved = retarget(20, 12.0), outcome(64, 15.0, attained=False)
    assert grades(*moved) == [(False, False), (False, False)]
    assert grades(retarget(20, 12.0), outcome(64, 17.0, attained=False)) == [(True, True), (False, True)]


def test_rows_are_the_forecasts_of_their_origins() -> None:
    facts = [
        key_result(),
        key_result("down", **DECREASE),
        key_result("kept", **CONTROL),
        key_result("done", **BINARY),
        *(check_in(n, n / 6 + (n % 4), name) for n in (5, 19, 33, 40) for name in ("a", "down", "kept", "done")),
        retarget(20, 12.0),
    ]
    table = rows(facts)
    assert table.height == 16
    for row in table.iter_rows(named=True):
        (said,) = [kr for kr in forecast(log_of(facts), row["as_of"]).key_results if kr.key_result == row["key_result"]]
        assert row["probability"] == pytest.approx(said.probability, abs=1e-12)
        assert row["mean"] == pytest.approx(said.mean, rel=1e-12)
        assert [row[q] for q in QUANTILES] == pytest.approx([said.quantiles[q] for q in QUANTILES], rel=1e-12)


def planted(facts: list[Fact], recorded: int) -> list[Fact]:
    """Everything that could change the past, recorded `recorded` or later."""
    names = sorted({f.name for f in facts if isinstance(f.data, KeyResultSet)})
    new: list[Fact] = []
    for f in facts:
        if isinstance(f.data, CheckedIn):
            new.append(replace(f, data=CheckInCorrected(corrects=f.id, value=77.0)))
        if not isinstance(f.data, KeyResultSet):
            new.append(replace(f, data=EventRetracted(retracts=f.id)))
    for name in names:
        flipped = [outcome(0, v, attained, name) for v, attained in ((99.0, True), (-99.0, False))]
        new += [*flipped, retarget(0, 1.0, 30, name), check_in(0, 55.0, name), check_in(3, 44.0, name)]
    new += [key_result("new", start=on(-70), due=on(-6), on=-70), check_in(-9, 20.0, "new"), dropped(5, names[0])]
    moments = [max(f.recorded_at, at(recorded + i % 20)) for i, f in enumerate(new)]
    return [
        replace(f, recorded_at=moment, id=f"planted{i}") for i, (f, moment) in enumerate(zip(new, moments, strict=True))
    ]


def forecasts_before(facts: list[Fact], recorded: int) -> pl.DataFrame:
    table = backtest(log_of(facts), LAST).filter(pl.col("as_of") < on(recorded))
    return table.select("method", "key_result", *SAID).sort(KEY)


ORIGINAL = [
    key_result(),
    key_result("down", **DECREASE),
    key_result("kept", **CONTROL),
    key_result("done", **BINARY),
    *(check_in(n, n / 6 + (n % 4), name) for n in (5, 19, 33, 40) for name in ("a", "down", "kept", "done")),
]
ORIGINAL = [replace(f, id=f"e{i}") for i, f in enumerate(ORIGINAL)]


def test_nothing_recorded_after_an_origin_changes_its_forecast() -> None:
    before = forecasts_before(ORIGINAL, 38)
    assert before["as_of"].n_unique() == 3
    assert_frame_equal(before, forecasts_before([*ORIGINAL, *planted(ORIGINAL, 38)], 38), check_exact=True)


@pytest.mark.parametrize("kind", ["CheckedIn", "CheckInCorrected", "EventRetracted", "OutcomeRecorded"])
def test_a_backtest_that_reads_what_is_recorded_later_is_caught(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above: a view that forgets when things became known, one sort of plant at a time."""

    def leaky(recorded: Frames, effective_until: date | None = None, known_until: object = None) -> Frames:
        return view(recorded, effective_until)

    before = forecasts_before(ORIGINAL, 38)
    plants = [f for f in planted(ORIGINAL, 38) if type(f.data).__name__ == kind]
    monkeypatch.setattr(module, "view", leaky)
    with pytest.raises(AssertionError):
        assert_frame_equal(before, forecasts_before([*ORIGINAL, *plants], 38), check_exact=True)


@given(organisations(), st.integers(5, 60))
@settings(max_examples=12)
def test_no_log_leaks_what_is_recorded_later(facts: list[Fact], recorded: int) -> None:
    """Every row there was stays, bit for bit; a plant may resolve a goal and so add rows, of other goals."""
    before = forecasts_before(facts, recorded)
    after = forecasts_before([*facts, *planted(facts, recorded)], recorded)
    assert_frame_equal(before, after.join(before.select(KEY), on=KEY, how="semi"), check_exact=True)


@given(organisations())
@settings(max_examples=12)
def test_every_row_is_complete_and_in_its_range(facts: list[Fact]) -> None:
    table = backtest(log_of(facts), LAST)
    assert table.schema == pl.Schema(SCHEMA)
    assert table["probability"].is_between(0.0, 1.0).all()
    assert table["elapsed"].is_between(0.0, 1.0, closed="left").all()
    assert (
        table.select("attained", "attained_original", "probability", "target").null_count().sum_horizontal().sum() == 0
    )
    numbers = table.select("outcome", "value", "mean", *QUANTILES)
    assert all(column.drop_nulls().is_finite().all() for column in numbers)
    assert table.select(KEY).is_duplicated().sum() == 0


def baseline(method: str, *facts: Fact | Iterable[Fact]) -> list[float]:
    return rows(*facts, method=method).filter(pl.col("key_result") == "a")["probability"].to_list()


def test_the_straight_line_by_hand() -> None:
    facts = [check_in(16, 4.0), check_in(32, 7.9), check_in(48, 12.1)]
    assert baseline("straight_line", key_result(), facts) == [0.9, 0.1, 0.9]
    falling = [check_in(16, 16.0), check_in(32, 12.1)]
    assert baseline("straight_line", key_result(**DECREASE), falling) == [0.9, 0.1]
    assert baseline("straight_line", key_result(**CONTROL), facts) == []


def test_the_straight_line_holds_on_a_target_there_is_no_way_to() -> None:
    assert baseline("straight_line", key_result(), retarget(0, 0.0), check_in(16, 1.0), check_in(32, -1.0)) == [
        0.9,
        0.1,
    ]
    assert baseline("straight_line", key_result(), retarget(0, -4.0), check_in(16, -1.0)) == [0.9]


def test_the_drift_by_hand() -> None:
    """Steps 0 and .5 in 8 days each: pace 1/32, variance 1/64 a day, 48 days ahead; 1 / sqrt(3), one degree: 2/3."""
    said = [check_in(8, 0.0), check_in(16, 8.0)]
    assert baseline("drift", key_result(), said) == [0.5, pytest.approx(2 / 3)]
    twice = [changed(f, value=2.0 * f.data.value) for f in said if isinstance(f.data, CheckedIn)]
    assert baseline("drift", key_result(target=32.0), twice) == [0.5, pytest.approx(2 / 3)]


def test_the_base_rate_is_learnt_from_what_has_ended_by_then() -> None:
    old = [key_result("old", start=on(-70), due=on(10), on=-70), check_in(-8, 16.0, "old")]
    now = [key_result(), check_in(9, 1.0), check_in(10, 1.0)]
    assert baseline("base_rate", old, now) == [0.5, pytest.approx(2 / 3)]
    assert baseline("base_rate", old, now, dropped(0, "old")) == [0.5, pytest.approx(1 / 3)]


@pytest.mark.parametrize("facts", [[], [key_result()], [check_in(7, 1.0)]])
def test_an_empty_backtest_is_an_empty_table(facts: list[Fact]) -> None:
    table = backtest(log_of(facts), LAST)
    assert table.schema == pl.Schema(SCHEMA)
    assert table.is_empty()


def test_parts_are_shown_to_whoever_watches() -> None:
    seen: list[int] = []

    def watch(parts: Iterable[list[Any]], total: int) -> Iterable[list[Any]]:
        for part in parts:
            seen.append(total)
            yield part

    backtest(log_of(key_result(), check_ins([1.0, 2.0])), LAST, watch=watch)
    assert seen == [2, 2]


def real_sprints(folder: Path, most: int) -> tuple[list[Fact], dict[str, bool]]:
    """The first sprints of the data, and whether each was reached as the data says."""
    goals, said, ends = (
        pl.read_csv(folder / "sprints-jira" / f"{name}.csv", try_parse_dates=True)
        for name in ("key_results", "check_ins", "outcomes")
    )
    goals = goals.filter(pl.col("target") > 0).sort("start", "key_result").head(most)
    facts = [
        fact(f"kr/{row.pop('key_result')}", (row["start"] - on(0)).days, KeyResultSet(**row))
        for row in goals.iter_rows(named=True)
    ]
    chosen = goals.select("key_result")
    for name, day, value in (
        said.join(chosen, on="key_result").select("key_result", "effective_on", "value").iter_rows()
    ):
        facts.append(check_in((day - on(0)).days, value, name))
    kept = ends.join(chosen, on="key_result").select("key_result", "effective_on", "value", "attained")
    facts += [outcome((day - on(0)).days, value, None, name) for name, day, value, _ in kept.iter_rows()]
    return facts, {name: bool(reached) for name, _, _, reached in kept.iter_rows()}


def test_real_sprints_are_graded_as_the_data_says_and_forecast_from_what_was_known(shared_data: Path) -> None:
    facts, reached = real_sprints(shared_data, 60)
    first = max(f.data.start for f in facts if isinstance(f.data, KeyResultSet)) - timedelta(days=4)
    events = log_of(facts)
    table = backtest(events, max(f.on for f in facts), start=first)
    assert table["as_of"].n_unique() >= 3
    assert table["attained"].to_list() == [reached[name] for name in table["key_result"]]
    own = table.filter(pl.col("method") == KOERS)
    for row in own.head(3).iter_rows(named=True):
        (said,) = [kr for kr in forecast(events, row["as_of"]).key_results if kr.key_result == row["key_result"]]
        assert row["probability"] == pytest.approx(said.probability, abs=1e-12)


def issued(at: int, probability: float, name: str = "a", recorded: int | None = None) -> Fact:
    said = ForecastIssued(
        as_of=on(at),
        known_at=end_of(on(at)),
        log_position=1,
        log_head="0",
        seed=0,
        samples=1,
        config_hash="c",
        probability=probability,
        quantiles={name: float(index) for index, name in enumerate(QUANTILES)},
    )
    return fact(f"kr/{name}", at, said, recorded)


def test_issued_forecasts_are_scored_as_people_saw_them_beside_the_baselines_of_that_day() -> None:
    facts = [
        key_result(),
        *check_ins([2.0, 4.0, 6.0]),
        issued(10, 0.2),
        issued(10, 0.3),
        issued(20, 0.6),
        outcome(64, 16.0),
    ]
    table = backtest(log_of(facts), LAST, issued=True)
    own = table.filter(pl.col("method") == KOERS)
    assert own.select("as_of", "probability", "q50", "attained").rows() == [
        (on(10), 0.3, 3.0, True),
        (on(20), 0.6, 3.0, True),
    ]
    assert table.filter(pl.col("method") == "straight_line").height == 2


def test_a_forecast_issued_for_a_day_gone_by_or_taken_back_is_not_what_people_saw() -> None:
    late, wrong = issued(10, 0.2, recorded=30), replace(issued(20, 0.6), id="wrong")
    facts = [key_result(), *check_ins([2.0, 4.0]), late, wrong, retraction("wrong", 21), outcome(64, 16.0)]
    assert backtest(log_of(facts), LAST, issued=True).is_empty()
