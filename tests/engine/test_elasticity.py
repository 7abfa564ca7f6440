"""The effort elasticity: by hand, against a slow oracle, unmoved by what says nothing; and what counts as effort."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy import stats

from koers.engine import pace, work
from koers.engine.elasticity import GRID, NONE, PRIOR, Evidence, alone, evidence, log_likelihood, posterior, quantile
from koers.engine.known_work import Work
from koers.engine.local_trend import Readings, Table, tabulate
from koers.engine.projections import goals, readings
from koers.engine.replay import replay
from koers.engine.simulate import Settings, simulate
from koers.events.model import EffortLogged, Event, end_of
from tests.engine.elasticity_trials import step_of

Floats = NDArray[np.float64]
HYPER = pace.Hyper(drift=0.7, reversion=1.3, spread=5.0, wander=11.0, reading=0.3, scale=0.2, df=3.0)
SETTINGS = Settings(teams=("a", "b", "c"), cycles=3, work=Work(size=(2.0, 3.0)))
EVENTS = simulate(SETTINGS, 11)
FRAMES = replay(EVENTS, SETTINGS.as_of)
GOALS, SEEN, EFFORT = goals(FRAMES), readings(FRAMES), work.effort(FRAMES)
FOUND = posterior(GOALS, SEEN, EFFORT, HYPER, SETTINGS.as_of)
START = date(2026, 1, 7)  # a Wednesday


def table_of(*series: tuple[list[float], list[float]]) -> Table:
    """Times and progress of each."""
    n = np.repeat(np.arange(len(series)), [len(time) for time, _ in series])
    time, x = (np.concatenate([one[part] for one in series]) for part in (0, 1))
    return tabulate(Readings(n, time, x, len(series)))


def since_none(found: Floats) -> Floats:
    """Log likelihood over that of no effect: constants fall out."""
    return found - found[..., :1]


@pytest.mark.parametrize(("ratio", "best"), [(2.0, 10), (0.5, 10), (1.5, 10)])
def test_one_reading_just_where_proportional_progress_puts_it(ratio: float, best: int) -> None:
    """A first step of dt: mean drift dt (1 + e (ratio - 1)), variance reading + dt + spread dt^2 + wander dt^3 / 3."""
    h, dt = replace(HYPER, reversion=1e-9), 0.25
    x = h.drift * dt * ratio
    found = log_likelihood(table_of(([0.0, dt], [0.0, x])), np.array([[1.0, ratio]]), h)[0]
    variance = 2 * h.reading + dt + h.spread * dt**2 + h.wander * dt**3 / 3
    mean = h.drift * dt * (1 + GRID * (ratio - 1))
    want = stats.t.logpdf(x, h.df, mean, h.scale * np.sqrt(variance))
    np.testing.assert_allclose(since_none(found), since_none(want), atol=1e-8)
    assert np.argmax(found) == best


def test_a_second_reading_is_expected_from_what_the_first_left() -> None:
    """Known scale, no slope to learn: level and gain by hand."""
    h = pace.Hyper(drift=1.0, reversion=1e-9, spread=1e-12, wander=1e-12, reading=0.5, scale=0.1, df=1e9)
    found = log_likelihood(table_of(([0.0, 0.5, 1.0], [0.0, 0.9, 1.1])), np.array([[1.0, 1.6, 0.4]]), h)[0]
    first = 0.5 * (1 + GRID * 0.6)
    gain = (0.5 + 0.5) / (0.5 + 0.5 + 0.5)  # of a level with variance reading + dt, read with variance reading
    level = first + gain * (0.9 - first)
    second = level + 0.5 * (1 - GRID * 0.6)
    left = gain * 0.5 + 0.5 + 0.5
    want = stats.norm.logpdf(0.9, first, 0.1 * np.sqrt(1.5)) + stats.norm.logpdf(1.1, second, 0.1 * np.sqrt(left))
    np.testing.assert_allclose(since_none(found), since_none(want), atol=1e-5)


def slow(time: Floats, x: Floats, ratio: Floats, e: float, h: pace.Hyper) -> float:
    """Log density of the readings after the first under one elasticity: one number at a time."""
    level, slope, scale2, total = x[0], h.drift, h.scale**2, 0.0
    cov = np.diag([h.reading, h.spread])
    for j in range(1, len(time)):
        dt = time[j] - time[j - 1]
        move, noise = step_of(h, float(dt))
        ahead = level + h.drift * dt + move[0, 1] * (slope - h.drift)
        ahead += e * max(ahead - level, 0.0) * (ratio[j] - 1)
        slope = h.drift + move[1, 1] * (slope - h.drift)
        cov = move @ cov @ move.T + noise
        variance = cov[0, 0] + h.reading
        off = x[j] - ahead
        total += float(stats.t.logpdf(off, h.df, 0, np.sqrt(variance * scale2)))
        level, slope = ahead + cov[0, 0] / variance * off, slope + cov[0, 1] / variance * off
        cov = cov - np.outer(cov[0], cov[0]) / variance
        scale2 = (h.df * scale2 + off**2 / variance) / (h.df + 1)
    return total


@pytest.mark.parametrize("hyper", [HYPER, pace.DEFAULT])
def test_it_is_the_slow_filter_with_its_student_t_at_every_elasticity(hyper: pace.Hyper) -> None:
    rng = np.random.default_rng(4)
    series = [(np.sort(rng.uniform(-0.2, 1.2, n)), rng.normal(0, 0.3, n).cumsum()) for n in (9, 7, 3, 2, 1)]
    ratio = rng.lognormal(0, 0.7, (5, 9))
    table = table_of(*((time.tolist(), x.tolist()) for time, x in series))
    assert table.length.tolist() == [9, 7, 3, 2, 1]
    found = log_likelihood(table, ratio, hyper)
    want = np.array([[slow(*one, r, e, hyper) for e in GRID] for one, r in zip(series, ratio, strict=True)])
    np.testing.assert_allclose(since_none(found), since_none(want), atol=1e-9)


def test_where_a_fall_is_expected_effort_says_nothing() -> None:
    found = log_likelihood(table_of(([0.0, 0.5], [0.0, 0.9])), np.array([[1.0, 3.0]]), replace(HYPER, drift=-1.0))
    assert not since_none(found).any()


def test_the_prior_is_wide_and_has_no_effect_in_it() -> None:
    assert PRIOR.sum() == pytest.approx(1.0)
    assert PRIOR[0] == NONE
    assert np.all(PRIOR > 0.05)
    assert quantile(PRIOR, [0.0, 0.1, 0.2]).tolist() == [0.0, 0.0, 0.0]
    assert quantile(PRIOR, np.linspace(0, 1, 100_001)).mean() == pytest.approx(PRIOR @ GRID, abs=0.005)


def test_what_is_not_in_the_posterior_is_not_drawn_from_it() -> None:
    sure = np.zeros(len(GRID))
    sure[0] = 1.0
    assert not quantile(sure, np.linspace(0, 1, 11)).any()


def test_without_effort_it_is_the_prior() -> None:
    for effort in (EFFORT.clear(), EFFORT.with_columns(team=pl.lit("nobody")), EFFORT.with_columns(change_days=0.0)):
        np.testing.assert_array_equal(posterior(GOALS, SEEN, effort, HYPER, SETTINGS.as_of), PRIOR)
    np.testing.assert_array_equal(posterior(GOALS.clear(), SEEN, EFFORT, HYPER), PRIOR)


@pytest.mark.parametrize("days", [7.0, 0.1, 1 / 3, 19.7])
def test_effort_that_never_varies_gives_back_the_prior(days: float) -> None:
    still = EFFORT.with_columns(change_days=pl.lit(days))
    np.testing.assert_array_equal(posterior(GOALS, SEEN, still, HYPER, SETTINGS.as_of), PRIOR)
    assert not np.allclose(FOUND, PRIOR, atol=0.01)


@pytest.mark.parametrize("factor", [0.01, 3.0, 1e6])
def test_another_unit_of_effort_changes_nothing(factor: float) -> None:
    scaled = EFFORT.with_columns(pl.col("change_days") * factor)
    np.testing.assert_allclose(posterior(GOALS, SEEN, scaled, HYPER, SETTINGS.as_of), FOUND, rtol=1e-9)


def test_other_names_and_another_order_change_no_bit() -> None:
    def renamed(column: str) -> pl.Expr:
        return ("x" + pl.col(column).str.reverse()).alias(column)

    other = posterior(
        GOALS.with_columns(renamed("key_result"), renamed("team")).reverse(),
        SEEN.with_columns(renamed("key_result")).sort("key_result", "effective_on"),
        EFFORT.with_columns(renamed("team")).reverse(),
        HYPER,
        SETTINGS.as_of,
    )
    np.testing.assert_array_equal(other, FOUND)


def test_binary_and_control_key_results_say_nothing() -> None:
    kept = GOALS.filter(pl.col("kind").is_in(["metric", "milestone"]))["key_result"]
    assert len(kept) < GOALS.height
    moved = SEEN.with_columns(
        value=pl.when(pl.col("key_result").is_in(kept.implode())).then("value").otherwise(pl.col("value") + 1)
    )
    np.testing.assert_array_equal(posterior(GOALS, moved, EFFORT, HYPER, SETTINGS.as_of), FOUND)


def test_what_was_logged_later_or_for_a_week_not_yet_over_does_not_matter() -> None:
    """With every event of later weeks changed, and a last week told in part."""
    as_of = SETTINGS.as_of - timedelta(days=40)
    known = datetime.combine(as_of, datetime.max.time(), UTC)
    monday = as_of - timedelta(days=as_of.weekday())
    part = Event(
        id="part",
        subject="team/a",
        effective_on=monday,
        recorded_at=end_of(as_of),
        data=EffortLogged(run_days=0.0, change_days=99.0),
    )

    def told(events: list[Event]) -> Floats:
        frames = replay(events, as_of, known)
        return posterior(goals(frames), readings(frames), work.effort(frames), HYPER, as_of)

    late = [e.recorded_at > known and isinstance(e.data, EffortLogged) for e in EVENTS]
    assert sum(late) > 10
    shaken = [
        e.model_copy(update={"data": EffortLogged(run_days=0.0, change_days=500.0)}) if is_late else e
        for e, is_late in zip(EVENTS, late, strict=True)
    ]
    early = [e for e in EVENTS if e.recorded_at <= known]
    np.testing.assert_array_equal(told(shaken), told(early))
    np.testing.assert_array_equal(told([*early, part]), told(early))


def goal(key: str, start: date, days: int, weight: float = 1.0, team: str = "t") -> dict[str, object]:
    due = start + timedelta(days=days)
    return {
        "key_result": key,
        "team": team,
        "kind": "metric",
        "weight": weight,
        "start": start,
        "due": due,
        "first_due": due,
        "baseline": 0.0,
        "first_target": 10.0,
        "dropped_on": None,
        "outcome_on": None,
        "outcome_value": None,
    }


def efforts(*days: float | None, team: str = "t") -> pl.DataFrame:
    """Weeks from Monday 5 January 2026 on."""
    rows = [(team, date(2026, 1, 5) + timedelta(weeks=n), 1.0, d) for n, d in enumerate(days) if d is not None]
    return pl.DataFrame(rows, schema=dict.fromkeys(EFFORT.columns) | dict(EFFORT.schema), orient="row")


def seen(*goals_: dict[str, object], effort: pl.DataFrame, every: int = 7, checks: int = 2) -> Evidence:
    """The evidence of goals that are checked in on every so many days."""
    schema = {name: GOALS.schema[name] for name in goals_[0]}
    rows = [
        (g["key_result"], g["start"] + timedelta(days=every * (n + 1)), float(n))  # type: ignore[operator]
        for g in goals_
        for n in range(checks)
    ]
    said = pl.DataFrame(rows, schema={c: SEEN.schema[c] for c in ("key_result", "effective_on", "value")}, orient="row")
    return evidence(pl.DataFrame(list(goals_), schema=schema), said, effort)


def test_weeks_count_by_the_days_of_them_that_lie_between_two_readings() -> None:
    """From a Wednesday: 4 days of week one and 3 of week two, then 4 of week two and 3 of week three."""
    found = seen(goal("k", START, 90), effort=efforts(7.0, 14.0, 21.0))
    np.testing.assert_allclose(found.ratio, [[1.0, 20 / 27, 34 / 27]])


def test_a_stretch_of_which_less_than_half_is_logged_is_left_out_of_it() -> None:
    """Of the second, 3 days of 7 are, of the first and the third 4: known efforts are 1 and 4 a day."""
    found = seen(goal("k", START, 90), effort=efforts(7.0, None, 28.0), checks=3)
    np.testing.assert_allclose(found.ratio, [[1.0, 0.4, 1.0, 1.6]])


def test_effort_is_shared_by_weight_while_others_are_under_way() -> None:
    """A second key result, twice as heavy, starts when half of the first one's days are over."""
    found = seen(
        goal("k", START, 28), goal("heavy", START + timedelta(days=14), 90, weight=2.0), effort=efforts(*[7.0] * 9),
        checks=4,
    )  # fmt: skip
    np.testing.assert_allclose(found.ratio, [[1.0, 0.8, 0.8, 1.2, 1.2], [1.0, 1.5, 1.5, 0.5, 0.5]])


def test_effort_before_the_start_is_not_the_key_results_own() -> None:
    """Readings a week before the start are history: their stretch is as usual."""
    late = goal("k", START + timedelta(days=14), 90)
    said = pl.DataFrame(
        [("k", START + timedelta(days=7 * n), float(n)) for n in range(5)],
        schema={c: SEEN.schema[c] for c in ("key_result", "effective_on", "value")},
        orient="row",
    )
    schema = {name: GOALS.schema[name] for name in late}
    found = evidence(pl.DataFrame([late], schema=schema), said, efforts(700.0, 700.0, 0.0, 7.0, 14.0, 14.0))
    assert found.ratio[0, 1] == found.ratio[0, 2] == 1.0
    assert found.ratio[0, 3] < 1.0 < found.ratio[0, 4]


def test_the_mean_of_effort_over_usual_effort_is_one_in_time() -> None:
    found = evidence(GOALS, SEEN, EFFORT.filter(pl.col("week_start").dt.ordinal_day() % 3 > 0), SETTINGS.as_of)
    assert len(found.power) > 10
    for time, ratio, n in zip(found.table.time, found.ratio, found.table.length, strict=True):
        dt = np.diff(time[:n])
        known = ratio[1:n] != 1.0
        assert dt[known] @ ratio[1:n][known] == pytest.approx(dt[known].sum(), rel=1e-9)


def test_key_results_side_by_side_share_their_evidence_those_one_after_another_do_not() -> None:
    """Kish's design effect: of three at a time each keeps 1 / (1 + 2 SHARED), of one at a time all."""
    three = seen(*(goal(f"k{n}", START, 90) for n in range(3)), effort=efforts(7.0, 14.0, 21.0, 3.0))
    np.testing.assert_allclose(three.power, [0.5] * 3)
    then = START + timedelta(days=14)
    apart = seen(goal("k", START, 14), goal("l", then, 90), effort=efforts(7.0, 14.0, 21.0, 3.0, 9.0))
    np.testing.assert_allclose(apart.power, [1.0, 1.0])
    elsewhere = seen(
        goal("k", START, 90), goal("l", START, 90, team="u"),
        effort=pl.concat([efforts(7.0, 14.0, 21.0, 3.0), efforts(1.0, 14.0, 2.0, 3.0, team="u")]),
    )  # fmt: skip
    np.testing.assert_allclose(elsewhere.power, [1.0, 1.0])
    assert alone(1) == 1.0
