"""The whole pipeline on logs of a known model: coverage of its 80 % intervals, and whether what it says comes true.

Measured on 1,440 key results (seeds 0-5, the second of three cycles, 40 teams), forecast at each check-in, messy logs
every 14 days. Coverage +- standard error over key results; then, for forecasts in each fifth of probability, what was
said -> what came true.

    world, settings           coverage     0-.2         .2-.4        .4-.6        .6-.8        .8-1
    defaults', default        .762 +-.006  .051->.051   .287->.261   .493->.456   .696->.651   .932->.913
    defaults', learnt         .774 +-.006  .053->.050   .286->.252   .493->.466   .699->.639   .932->.920
    the same messy, learnt    .774 +-.007  .067->.073   .282->.284   .494->.510   .695->.638   .919->.906
    steady, default           .840 +-.005  .050->.034   .287->.273   .494->.463   .698->.705   .937->.966
    steady, learnt            .815 +-.005  .045->.036   .288->.282   .493->.456   .698->.710   .937->.963
    keen, default             .868 +-.004  .095->.181   .298->.364   .501->.546   .700->.707   .903->.905
    keen, learnt              .803 +-.007  .092->.112   .299->.340   .498->.521   .697->.693   .907->.900
    keen, scrambled, learnt   .918 +-.005  .101->.134   .303->.511   .493->.686   .666->.871   .837->.969

So it is not exact. Under its own model intervals are too narrow: one shock to sigma is forecast where every reading to
come brings its own (test_calibration_of_pace). Where a key result keeps its sigma (steady) they are a little too wide
and forecasts too timid at both ends, by 4 to 5 standard errors. The bands below are around what was measured, not
around .80: they notice a change, for better or worse.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from koers.engine import pace
from koers.engine.backtest import KOERS, backtest
from koers.engine.draws import generator
from koers.engine.simulate import METRICS, Settings, simulate
from koers.events.model import CheckedIn, Event

TEAMS = tuple(f"t{i}" for i in range(30))
MESSY = Settings(teams=TEAMS, cycles=3, key_results=6, measures=METRICS)
CALM = replace(MESSY, lumpy=0.0, late=0.0, forgotten=0.0, wrong=0.0, retargeted=0.0, silent=0.0)
KEEN = replace(
    CALM,
    teams=tuple(f"t{i}" for i in range(48)),
    hyper=pace.Hyper(drift=1.0, reversion=1.5, spread=2.0, wander=3.0, reading=0.1, scale=0.25, df=6.0),
)
"""Another world than the defaults': paces differ less and last less, half of the key results are reached."""
WIDE = 3.9  # standard errors of coverage: false_fail 1e-4
DEVIATION = 4.1  # standard errors: 2e-4 / 5 for each of five bands of probability
ENOUGH = 30  # goals, for a band of probability to be judged
SEED = 6  # not among those measured


def rows(events: Iterable[Event], settings: Settings, **how: int) -> pl.DataFrame:
    """What koers would have said in the second cycle, having seen the first."""
    first, _ = settings.cycle_days(1)
    return backtest(events, settings.as_of, cycle="cycle-02", start=first, **how).filter(  # type: ignore[arg-type]
        pl.col("method") == KOERS
    )


def coverage(table: pl.DataFrame) -> tuple[float, float]:
    """Share of outcomes inside the 80 % intervals, each goal counting once, and its standard error over goals."""
    inside = pl.col("outcome").is_between("q10", "q90").cast(pl.Float64)
    each = table.group_by("key_result").agg(inside=inside.mean())["inside"].to_numpy()
    return float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each)))


def deviations(table: pl.DataFrame) -> dict[float, float]:
    """Of each fifth of probability: what came true less what was said, in standard errors clustered by goal.

    A row counts once here: were the forecasts true, each row's error would have mean 0 given that it fell in the fifth.
    """
    off = (
        table.with_columns(fifth=(pl.col("probability") * 5).floor().clip(0, 4) / 5)
        .group_by("fifth", "key_result")
        .agg(off=(pl.col("attained").cast(pl.Float64) - pl.col("probability")).sum())
        .group_by("fifth")
        .agg(goals=pl.len(), z=pl.col("off").sum() / (pl.col("off") ** 2).sum().sqrt())
        .filter(pl.col("goals") >= ENOUGH)
        .sort("fifth")
    )
    return dict(off.select("fifth", "z").iter_rows())


def covers(table: pl.DataFrame, measured: float, error: float) -> bool:
    """Whether coverage is as measured, given the errors of both; false_fail 1e-4."""
    found, own = coverage(table)
    return abs(found - measured) <= WIDE * math.hypot(own, error)


def comes_true(table: pl.DataFrame) -> bool:
    """Whether every fifth of probability comes true; were forecasts true, false_fail 2e-4 as far as sums are normal."""
    return max(map(abs, deviations(table).values())) <= DEVIATION


def scrambled(events: list[Event]) -> list[Event]:
    """The log with the values of each key result's check-ins dealt out anew over their days; outcomes stay."""
    found = list(events)
    own: dict[str, list[int]] = {}
    for i, event in enumerate(events):
        if isinstance(event.data, CheckedIn):
            own.setdefault(event.subject, []).append(i)
    for subject, places in own.items():
        for here, there in zip(places, generator(0, "scramble", subject).permutation(places), strict=True):
            data = found[here].data.model_copy(update={"value": events[there].data.value})
            found[here] = events[here].model_copy(update={"data": data})
    return found


def test_with_the_defaults_in_the_world_they_describe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coverage .762 where .80 is said: short by six standard errors of what was measured."""
    monkeypatch.setattr(pace, "fit", lambda _readings: pace.DEFAULT)
    table = rows(simulate(CALM, SEED), CALM)
    assert covers(table, 0.762, 0.006)
    assert comes_true(table)


def test_learning_where_key_results_keep_their_sigma() -> None:
    """Coverage .815. What is said is too timid, too little for a log of this size to show each time: not judged."""
    settings = replace(CALM, steady=True)
    assert covers(rows(simulate(settings, SEED), settings), 0.815, 0.005)


def test_learning_from_late_forgotten_lumpy_corrected_and_retargeted_key_results() -> None:
    table = rows(simulate(MESSY, SEED), MESSY, every=14)
    assert covers(table, 0.774, 0.007)
    assert comes_true(table)


@pytest.fixture(scope="module")
def keen() -> list[Event]:
    return simulate(KEEN, SEED)


def test_what_is_learnt_covers_as_said_in_a_world_unlike_the_defaults(keen: list[Event]) -> None:
    """Coverage .803, where the defaults cover .868 and say .10 of what happens in .18."""
    table = rows(keen, KEEN)
    assert covers(table, 0.8, 0.0)
    assert comes_true(table)


def test_check_ins_scrambled_in_time_are_caught_by_coverage(keen: list[Event]) -> None:
    """What was said still comes true: how goals ended is learnt, whatever their readings are worth."""
    assert not covers(rows(scrambled(keen), KEEN), 0.8, 0.0)


def test_bolder_probabilities_are_caught_by_reliability(keen: list[Event]) -> None:
    """Three times as bold, in log odds: on a log of this size less may pass."""
    table = rows(keen, KEEN)
    odds = (pl.col("probability") / (1 - pl.col("probability"))) ** 3
    assert not comes_true(table.with_columns(probability=odds / (1 + odds)))
