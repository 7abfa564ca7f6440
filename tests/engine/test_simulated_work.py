"""Run work in the synthetic log: what is declared happens, nothing is lost, and change effort moves progress."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from koers.engine import elasticity, known_work, work
from koers.engine.capacity import Policy
from koers.engine.known_model import path
from koers.engine.known_work import WEEKDAY, Work, told
from koers.engine.local_trend import Hyper
from koers.engine.mornings import mornings
from koers.engine.projections import goals, readings
from koers.engine.replay import replay
from koers.engine.simulate import METRICS, Settings, run_work, simulate, truths
from koers.events.memory import MemoryLog
from koers.events.model import EVIDENCE, CapacitySet, CycleOpened, Event

Floats = NDArray[np.float64]
FIRST, UNTIL = date(2025, 1, 1), date(2026, 12, 31)
SETTINGS = Settings(teams=("a", "b"), cycles=3, key_results=2, work=Work())
WORKING = simulate(SETTINGS, 5)


def test_run_work_without_an_effect_moves_nothing_else_in_the_log() -> None:
    still = simulate(replace(SETTINGS, work=Work(elasticity=0.0)), 5)
    by_id = {event.id: event for event in still}
    assert all(by_id[event.id] == event for event in simulate(replace(SETTINGS, work=None), 5))
    assert len(still) > len(simulate(replace(SETTINGS, work=None), 5))


def test_further_teams_and_cycles_move_nothing_that_was_there() -> None:
    more = {event.id: event for event in simulate(replace(SETTINGS, teams=("z", "b", "a"), cycles=4), 5)}
    assert all(more[event.id] == event for event in WORKING)


def test_the_log_is_valid_and_capacity_is_known_before_the_first_cycle() -> None:
    log = MemoryLog(as_of=SETTINGS.as_of)
    log.append(WORKING)
    log.verify()
    first = next(event for event in WORKING if isinstance(event.data, CycleOpened))
    known = [event for event in WORKING if isinstance(event.data, CapacitySet)]
    assert {event.subject for event in known} == {"team/a", "team/b"}
    assert all(event.recorded_at < first.recorded_at for event in known)


def test_the_tables_read_back_are_those_of_the_model() -> None:
    frames = replay(WORKING, SETTINGS.as_of)
    assert work.run_work(frames).sort("item").equals(run_work(SETTINGS, 5))
    people = dict(work.capacity(frames).select("team", "people").iter_rows())
    assert people == {team: own.people for team, own in truths(SETTINGS, 5).items()}
    effort = work.effort(frames)
    want = told(SETTINGS.work or Work(), 5, "a", SETTINGS.first_day, SETTINGS.as_of).weeks()
    for week, run, change in effort.filter(pl.col("team") == "a").drop("team").iter_rows():
        assert (run, change) == tuple(round(days, 2) for days in want[week])
    assert effort["week_start"].max() == SETTINGS.as_of - timedelta(days=7 + SETTINGS.as_of.weekday())


def test_without_work_there_is_no_truth_and_no_run_work() -> None:
    bare = replace(SETTINGS, work=None)
    assert truths(bare, 5) == {}
    assert run_work(bare, 5).is_empty()


@pytest.mark.parametrize("policy", [Policy(), Policy("ring_fence", 0.5), Policy("fixed_split", 0.4)], ids=str)
def test_work_in_is_work_done_and_work_left_every_morning(policy: Policy) -> None:
    """To 1e-9 person-days; nobody works more than a day a day, nor into the protected share."""
    found = told(Work(policy=policy, load=(0.7, 0.9)), 1, "t", FIRST, UNTIL)
    done = 0.0
    for morning in found.mornings:
        done += morning.run
        came = sum(item.effort for item in found.items if item.opened <= morning.day)
        assert came == pytest.approx(done + morning.backlog, abs=1e-9)
        assert 0 <= morning.run <= (1 - policy.share) * found.truth.people + 1e-12
        assert 0 <= morning.change <= found.truth.people - morning.run + 1e-12
    assert [m.day for m in found.mornings] == mornings(date(2024, 12, 29), date(2027, 1, 3))


def test_items_are_closed_in_the_order_they_came_once_their_effort_is_spent() -> None:
    found = told(Work(load=(0.8, 0.8)), 2, "t", FIRST, UNTIL)
    closed = [item.closed for item in found.items if item.closed is not None]
    assert closed == sorted(closed)
    assert all(item.closed is None or item.closed >= item.opened for item in found.items)
    spent = sum(morning.run for morning in found.mornings)
    assert spent - sum(item.effort for item in found.items if item.closed is not None) >= -1e-9
    assert max(m.backlog for m in found.mornings) > found.truth.people


def counts(work: Work, seed: int) -> tuple[known_work.Truth, Floats, Floats]:
    """The truth, arrivals by morning over two years, and their declared means at the usual level."""
    found = told(work, seed, "t", FIRST, UNTIL)
    days = [item.opened for item in found.items]
    n = np.array([days.count(morning.day) for morning in found.mornings], dtype=np.float64)
    mean = np.array([found.truth.rate * WEEKDAY[morning.day.weekday()] for morning in found.mornings])
    return found.truth, n, mean


def test_arrivals_are_negative_binomial_by_weekday() -> None:
    """Ranks of 520 mornings, ties broken by chance: uniform (false_fail 1e-4), not so in a Poisson law (control)."""
    truth, n, mean = counts(Work(level_sd=0.0, size=(0.5, 0.5), people=(8, 8)), 3)
    rng = np.random.default_rng(1)
    own = stats.nbinom(truth.shape, truth.shape / (truth.shape + mean))
    ranks = {
        name: law.cdf(n - 1) + rng.random(len(n)) * law.pmf(n)
        for name, law in {"own": own, "poisson": stats.poisson(mean)}.items()
    }
    assert len(n) > 500
    assert stats.kstest(ranks["own"], "uniform").pvalue > 1e-4
    assert stats.kstest(ranks["poisson"], "uniform").pvalue < 1e-4


def test_the_level_of_a_week_has_mean_one_and_lasts() -> None:
    """Over 20 teams and two years: the mean of arrivals over their rate, and the correlation of weeks, as declared.

    false_fail 1e-4 each, from the spread over teams.
    """
    ratios, lag = [], []
    for seed in range(20):
        truth, n, mean = counts(Work(size=(0.2, 0.2), scatter=1.01), seed)
        ratios.append(n.sum() / mean.sum())
        level = np.log(np.maximum(n, 0.5) / mean)[: len(n) // 5 * 5].reshape(-1, 5).mean(axis=1)
        level -= -(truth.level_sd**2) / 2
        lag.append((level[1:] @ level[:-1]) / (level @ level))
    assert abs(np.mean(ratios) - 1) < 3.9 * np.std(ratios) / np.sqrt(20)
    assert 0.6 < np.mean(lag) < 0.72  # .7 less what counting adds


@given(st.floats(1e-6, 1 - 1e-6), st.floats(0.01, 300), st.floats(0.05, 200))
def test_a_count_is_the_quantile_of_its_law(u: float, mean: float, shape: float) -> None:
    law = stats.nbinom(shape, shape / (shape + mean))
    found = known_work.negative_binomial(u, mean, shape)
    assert law.cdf(found) >= u - 1e-9
    assert found == 0 or law.cdf(found - 1) <= u + 1e-9


def test_progress_follows_change_effort_by_the_declared_elasticity() -> None:
    """With next to no noise each week's rise is drift dt (1 + e (effort / usual - 1)), and the whole is drift."""
    sure = Hyper(drift=1.0, reversion=1e-6, spread=1e-9, wander=1e-9, reading=1e-9, scale=1e-9, df=30.0)
    settings = Settings(days=29, hyper=sure, measures=METRICS, work=Work(elasticity=0.6))
    start = date(2025, 3, 3)
    change = np.repeat([1.0, 2.0, 0.0, 5.0], 7)
    found = path(settings, 1, "k", start, start + timedelta(days=28), change)
    steps = np.diff([0.0, *(point.x for point in found)])
    np.testing.assert_allclose(steps, 0.25 * (1 + 0.6 * (np.array([0.5, 1.0, 0.0, 2.5]) - 1)), atol=1e-6)
    assert found[-1].x == pytest.approx(1.0, abs=1e-6)
    without = path(replace(settings, work=None), 1, "k", start, start + timedelta(days=28))
    np.testing.assert_allclose(np.diff([0.0, *(point.x for point in without)]), 0.25, atol=1e-6)


share = st.floats(0.0, 1.0)
anything = st.builds(
    Work,
    people=st.just((1.0, 12.0)),
    load=st.sampled_from([(0.1, 1.0), (0.9, 1.0)]),
    size=st.sampled_from([(0.5, 2.0), (3.0, 20.0)]),
    spread=st.floats(0.0, 2.0),
    scatter=st.floats(1.01, 20.0),
    level_keep=st.floats(0.0, 0.99),
    level_sd=st.floats(0.0, 1.0),
    policy=st.sampled_from([Policy(), Policy("ring_fence", 1.0), Policy("fixed_split", 0.3)]),
    switch_loss=share,
    elasticity=share,
    sized=share,
    logged=share,
)


@tried(max_examples=20)
@given(anything, st.dates(date(1971, 1, 1), date(2200, 1, 1)), st.integers(2, 60), st.integers(0, 2**32))
def test_any_work_gives_a_valid_log_that_replays(made: Work, first: date, days: int, seed: int) -> None:
    settings = Settings(teams=("a", "b/é"), cycles=2, first_day=first, days=days, work=made, measures=METRICS)
    events = simulate(settings, seed)
    log = MemoryLog(as_of=settings.as_of)
    log.append(events)
    log.verify()
    assert all(on_time(event) and event.recorded_at.date() <= settings.as_of for event in events)
    frames = replay(log.rows(), settings.as_of)
    assert work.run_work(frames).sort("item").equals(run_work(settings, seed))
    found = elasticity.posterior(goals(frames), readings(frames), work.effort(frames), settings.hyper, settings.as_of)
    assert found.sum() == pytest.approx(1.0)
    assert np.all(found >= 0)


def on_time(event: Event) -> bool:
    return not isinstance(event.data, EVIDENCE) or event.effective_on <= event.recorded_at.date()


@pytest.mark.parametrize(
    "wrong",
    [
        {"people": (0.0, 3.0)},
        {"people": (0.5, 3.0)},
        {"people": (5.0, 3.0)},
        {"load": (0.0, 0.5)},
        {"load": (0.5, 1.5)},
        {"size": (0.0, 1.0)},
        {"size": (0.001, 1.0)},
        {"spread": -0.1},
        {"scatter": 1.0},
        {"level_keep": 1.0},
        {"level_sd": -1.0},
        {"elasticity": 1.1},
        {"logged": float("nan")},
        {"policy": Policy("threshold", 0.3)},
    ],
    ids=str,
)
def test_work_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"^[a-z]"):
        replace(Work(), **wrong)  # type: ignore[arg-type]
