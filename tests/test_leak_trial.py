"""The leak trial, on real goals: (a) tables cut off on a day, (b) everything recorded after it made otherwise.

Both must leave the backtest's rows of that day as they are, and leaky copies of the backtest must not pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from koers.engine import backtest as module
from koers.engine.backtest import KOERS, METHODS, backtest
from koers.engine.forecast import forecast
from koers.engine.grading import endings
from koers.engine.learning import learn
from koers.engine.outlook import QUANTILES
from koers.engine.projections import goals, readings
from koers.engine.replay import Frames, typed, view
from koers.events.model import (
    CheckedIn,
    CheckInCorrected,
    EventRetracted,
    KeyResultDropped,
    KeyResultRetargeted,
    KeyResultSet,
    OutcomeRecorded,
    Row,
    end_of,
)
from tests.engine.organisations import Fact, rows_of
from tests.real_goals import cut, imported, teams_of

END = date(2100, 1, 1)
EVERY = 49
DAYS = [date(2021, 7, 18), date(2021, 9, 5), date(2021, 10, 24), date(2022, 1, 30), date(2022, 3, 20)]
"""Common origins every 49 days: before and after the first goals end (2021-09-30) and most have (2021-12-31)."""
FORECAST = ("as_of", "due", "elapsed", "value", "baseline", "target", "probability", "mean", *QUANTILES)
KEY = ("method", "key_result", "as_of")
GONE = 7
"""Every so many key results are retracted altogether: they lose their rows, nobody else moves."""


@pytest.fixture(scope="module")
def tables(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A third of the countries: the trial is about dates, not about size."""
    real = shared_data / "vaccination"
    return cut(real, END, tmp_path_factory.mktemp("real") / "third", teams_of(real)[::3])


@pytest.fixture(scope="module")
def facts(tables: Path) -> list[Fact]:
    return [Fact(e.subject, e.effective_on, e.recorded_at, e.data, e.id) for e in imported(tables).read()]


@pytest.fixture(scope="module")
def log(facts: list[Fact]) -> list[Row]:
    return rows_of(facts)


@pytest.fixture(scope="module")
def table(log: list[Row]) -> pl.DataFrame:
    return backtest(log, END, every=EVERY)


def as_cut(tables: Path, day: date, into: Path) -> pl.DataFrame:
    """What `forecast` says on tables cut off at `day`."""
    said = forecast(imported(cut(tables, day, into / "cut")).rows(), day).to_polars()
    return said.filter(pl.col("attained").is_null()).sort("key_result")


def trial_a(table: pl.DataFrame, tables: Path, day: date, into: Path) -> None:
    """Rows of `day` equal the forecast on tables cut off there, to 1e-12."""
    columns = ["key_result", "due", "value", "baseline", "target", "probability", "mean", *QUANTILES]
    mine = table.filter(pl.col("as_of") == day, pl.col("method") == KOERS).sort("key_result").select(columns)
    theirs = as_cut(tables, day, into).select(columns)
    assert theirs.height > 10
    assert_frame_equal(mine, theirs, check_exact=False, rel_tol=0.0, abs_tol=1e-12)


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_the_backtest_of_a_day_is_the_forecast_on_tables_cut_off_there(
    table: pl.DataFrame, tables: Path, day: date, tmp_path: Path
) -> None:
    trial_a(table, tables, day, tmp_path)


def otherwise(f: Fact) -> Fact:
    """The same fact telling the opposite: values mirrored, what was reached not reached."""
    if isinstance(f.data, OutcomeRecorded):
        return replace(
            f, data=f.data.model_copy(update={"value": 100.0 - f.data.value, "attained": not f.data.attained})
        )
    if isinstance(f.data, CheckedIn):
        return replace(f, data=f.data.model_copy(update={"value": 100.0 - f.data.value}))
    return f


def planted(facts: list[Fact], day: date) -> list[Fact]:
    """Recorded after `day`, about the time before it: corrections, retractions, re-targets, check-ins, ends, drops."""
    known = [f for f in facts if f.recorded_at <= end_of(day)]
    sets = [f for f in known if isinstance(f.data, KeyResultSet)]
    said = [f for f in known if isinstance(f.data, CheckedIn | OutcomeRecorded)]
    found = [replace(f, data=EventRetracted(retracts=f.id)) for f in [*said[::5], *sets[::GONE]]]
    found += [
        replace(f, data=CheckInCorrected(corrects=f.id, value=77.0)) for f in known if isinstance(f.data, CheckedIn)
    ]
    for n, f in enumerate(sets):
        found.append(replace(f, data=CheckedIn(value=55.0, confidence=0.9, projection=99.0)))
        found.append(replace(f, data=KeyResultRetargeted(target=60.0, due=f.on + timedelta(days=20 + n))))
        if n % 2:
            found.append(replace(f, data=OutcomeRecorded(value=90.0, attained=n % 4 == 1)))
            found.append(replace(f, data=KeyResultDropped()))
        found.append(replace(f, subject=f"{f.subject}-late"))
        found.append(replace(f, subject=f"{f.subject}-late", data=CheckedIn(value=50.0)))
        found.append(replace(f, subject=f"{f.subject}-late", data=OutcomeRecorded(value=99.0, attained=True)))
    first = end_of(day) + timedelta(microseconds=1)
    return [replace(f, id=f"p{n}", recorded_at=first + timedelta(hours=n % 99)) for n, f in enumerate(found)]


def meddled(facts: list[Fact], day: date) -> list[Fact]:
    """The log, everything recorded after `day` made otherwise, and lies about the past recorded then."""
    return [f if f.recorded_at <= end_of(day) else otherwise(f) for f in facts] + planted(facts, day)


def trial_b(table: pl.DataFrame, facts: list[Fact], day: date) -> None:
    """Not a bit moves of what any method said up to `day`."""
    sets = [f for f in facts if isinstance(f.data, KeyResultSet) and f.recorded_at <= end_of(day)]
    gone = {f.name for f in sets[::GONE]}
    after = backtest(rows_of(meddled(facts, day)), END, every=EVERY, end=day)
    mine = table.filter(pl.col("as_of") <= day, ~pl.col("key_result").is_in(gone))
    assert set(mine["method"]) == set(METHODS) - {"owner_confidence", "owner_projection"}
    assert_same_rows(mine, after)


def assert_same_rows(mine: pl.DataFrame, theirs: pl.DataFrame) -> None:
    """Every row of `mine` is in `theirs`, the same to the last bit; of rows that both have, values come first."""
    one, other = (frame.select(*KEY[:2], *FORECAST).sort(KEY) for frame in (mine, theirs))
    other = other.join(one.select(KEY), on=KEY, how="semi", maintain_order="left")
    assert_frame_equal(one.join(other, on=KEY, how="semi", maintain_order="left"), other, check_exact=True)
    assert one.height == other.height


@pytest.mark.parametrize("day", [DAYS[0], DAYS[3]], ids=str)
def test_nothing_recorded_after_a_day_moves_a_bit_of_what_any_method_said(
    table: pl.DataFrame, facts: list[Fact], day: date
) -> None:
    trial_b(table, facts, day)


def test_what_is_planted_moves_the_days_after_it(table: pl.DataFrame, facts: list[Fact]) -> None:
    """The control of the meddling."""
    day = DAYS[3]
    after = backtest(rows_of(meddled(facts, day - timedelta(days=1))), END, every=EVERY, end=day)
    with pytest.raises(AssertionError, match="value mismatch"):
        assert_same_rows(table.filter(pl.col("as_of") == day), after)


Leak = Callable[[pytest.MonkeyPatch, Frames], None]


def peek_a_week_ahead(patch: pytest.MonkeyPatch, _: Frames) -> None:
    def leaky(recorded: Frames, effective_until: date, known_until: datetime) -> Frames:
        week = timedelta(days=0 if effective_until == END else 7)
        return view(recorded, effective_until + week, known_until + week)

    patch.setattr(module, "view", leaky)


def forget_when_it_was_known(patch: pytest.MonkeyPatch, _: Frames) -> None:
    def leaky(recorded: Frames, effective_until: date | None = None, known_until: datetime | None = None) -> Frames:
        return view(recorded, effective_until)

    patch.setattr(module, "view", leaky)


def learn_from_all_endings(patch: pytest.MonkeyPatch, recorded: Frames) -> None:
    everything = view(recorded)
    ended = endings(goals(everything), readings(everything), END)
    patch.setattr(module, "endings", lambda *_: ended)


def fit_on_everything(patch: pytest.MonkeyPatch, recorded: Frames) -> None:
    everything = view(recorded)
    learnt = learn(goals(everything), readings(everything), END)
    patch.setattr(module, "learn", lambda *_: learnt)


LEAKS: list[tuple[Leak, str]] = [
    (peek_a_week_ahead, "a"),
    (forget_when_it_was_known, "b"),  # this data was recorded on the day itself: tables cut off cannot tell
    (learn_from_all_endings, "b"),  # `forecast` has no baselines
    (fit_on_everything, "a"),
    (fit_on_everything, "b"),
]


@pytest.mark.parametrize(("leak", "trial"), LEAKS, ids=[f"{leak.__name__}-{trial}" for leak, trial in LEAKS])
def test_a_leaky_backtest_is_caught(
    leak: Leak,
    trial: str,
    log: list[Row],
    facts: list[Fact],
    tables: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    day = DAYS[3]
    leak(monkeypatch, typed(log))
    leaky = backtest(log, END, every=EVERY, end=day)
    leak(monkeypatch, typed(rows_of(meddled(facts, day))))
    with pytest.raises(AssertionError, match="value mismatch"):
        trial_a(leaky, tables, day, tmp_path) if trial == "a" else trial_b(leaky, facts, day)
