"""The filter against independent oracles: matrix exponentials, one dense Gaussian, one integral over the precision."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate, linalg, stats

from koers.engine import pace
from koers.engine.local_trend import KEPT, RESOLUTION, Readings, Settings, State, advance, run, start, tabulate, update

Floats = NDArray[np.float64]
HYPER = pace.Hyper(drift=0.7, reversion=1.3, spread=5.0, wander=11.0, reading=0.3, scale=0.2, df=3.0)
TIMES = np.array([-0.4, -0.4, -0.1, 0.0, 0.25, 0.3, 0.8, 1.0])
PROGRESS = np.array([-0.1, 0.0, 0.02, 0.05, 0.1, 0.5, 0.4, 0.9])


def one(time: Floats, x: Floats) -> Readings:
    return Readings(np.zeros(len(time), dtype=np.int64), time, x, 1)


def step_of(h: pace.Hyper, dt: float) -> tuple[Floats, Floats]:
    """Transition matrix of (level, slope - drift) and its noise covariance, by Van Loan's matrix exponential."""
    a = np.array([[0.0, 1.0], [0.0, -h.reversion]])
    block = np.zeros((4, 4))
    block[:2, :2], block[:2, 2:], block[2:, 2:] = -a, np.diag([1.0, h.wander]), a.T
    power = linalg.expm(block * dt)
    return power[2:, 2:].T, power[2:, 2:].T @ power[:2, 2:]


def dense(h: pace.Hyper, times: Floats) -> tuple[Floats, Floats]:
    """Mean and unit-scale covariance of (level, slope) at all times, (2 time,) and (2 time, 2 time).

    The level starts at 0 with the variance of a reading: what a flat prior leaves after a first reading of 0.
    """
    n = len(times)
    mean, cov = np.zeros(2 * n), np.zeros((2 * n, 2 * n))
    mean[:2], cov[:2, :2] = [0.0, h.drift], np.diag([h.reading, h.spread])
    for j in range(1, n):
        move, noise = step_of(h, float(times[j] - times[j - 1]))
        before, here = slice(2 * j - 2, 2 * j), slice(2 * j, 2 * j + 2)
        usual = h.drift * np.array([times[j] - times[j - 1], 1.0])
        mean[here] = usual + move @ (mean[before] - np.array([0.0, h.drift]))
        cov[here, : 2 * j] = move @ cov[before, : 2 * j]
        cov[: 2 * j, here] = cov[here, : 2 * j].T
        cov[here, here] = move @ cov[before, before] @ move.T + noise
    return mean, cov


def test_the_filter_agrees_with_one_dense_gaussian_when_the_scale_is_known() -> None:
    known = replace(HYPER, df=1e12)
    mean, cov = dense(known, np.append(TIMES, 1.7))
    seen = np.arange(2, 2 * len(TIMES), 2)
    gain = cov[:, seen] @ np.linalg.inv(cov[np.ix_(seen, seen)] + known.reading * np.eye(len(seen)))
    want = mean + gain @ (PROGRESS[1:] - PROGRESS[0] - mean[seen])
    left = cov - gain @ cov[seen]
    found = pace.posterior(one(TIMES, PROGRESS), known)
    last = 2 * len(TIMES) - 2
    np.testing.assert_allclose([found.level[0] - PROGRESS[0], found.slope[0]], want[last : last + 2], rtol=1e-9)
    np.testing.assert_allclose(
        [found.var_level[0], found.cov[0], found.var_slope[0]],
        [left[last, last], left[last, last + 1], left[last + 1, last + 1]],
        rtol=1e-9,
    )
    ahead = pace.predict(found, np.array([1.7]), known)
    assert ahead.mean[0] - PROGRESS[0] == pytest.approx(want[last + 2])
    assert ahead.scale[0] == pytest.approx(known.scale * np.sqrt(left[last + 2, last + 2] + known.reading), rel=1e-5)


def test_the_scale_is_a_fading_mean_of_squared_surprises() -> None:
    mean, cov = dense(HYPER, TIMES)
    seen = np.arange(2, 2 * len(TIMES), 2)
    root = np.linalg.cholesky(cov[np.ix_(seen, seen)] + HYPER.reading * np.eye(len(seen)))
    surprises = np.linalg.solve(root, PROGRESS[1:] - PROGRESS[0] - mean[seen]) ** 2
    kept = HYPER.df / (HYPER.df + 1)
    fading = kept ** np.arange(len(surprises) - 1, -1, -1)
    want = kept ** len(surprises) * HYPER.scale**2 + (1 - kept) * fading @ surprises
    assert pace.posterior(one(TIMES, PROGRESS), HYPER).scale2[0] == pytest.approx(want)


def test_a_forecast_is_the_gaussian_integrated_over_the_gamma_precision() -> None:
    found = pace.posterior(one(TIMES, PROGRESS), HYPER)
    ahead = pace.predict(found, np.array([1.2]), HYPER)
    variance = ahead.scale[0] ** 2 / found.scale2[0]
    precision = stats.gamma(HYPER.df / 2, scale=2 / (HYPER.df * found.scale2[0]))

    def reached(p: float) -> float:
        return float(stats.norm.sf(1.0, ahead.mean[0], np.sqrt(variance / p)) * precision.pdf(p))

    want, _ = integrate.quad(reached, 0, float(precision.ppf(1 - 1e-12)), limit=200)
    assert ahead.exceedance(1.0)[0] == pytest.approx(want, abs=1e-7)


@pytest.mark.parametrize("reversion", [1e-9, 0.0199, 0.0201, 0.5, 3.0, 400.0])
def test_two_half_steps_make_one_whole_step(reversion: float) -> None:
    h = Settings.of(replace(HYPER, reversion=reversion))
    here = State(*(np.array([v]) for v in (0.1, 2.0, 0.3, 0.2, 1.5, 0.04)))
    half = np.array([0.5])
    for once, twice in zip(advance(here, 2 * half, h), advance(advance(here, half, h), half, h), strict=True):
        np.testing.assert_allclose(once, twice, rtol=1e-8)


def test_a_step_of_no_time_changes_nothing() -> None:
    here = State(*(np.array([v]) for v in (0.1, 2.0, 0.3, 0.2, 1.5, 0.04)))
    assert advance(here, np.zeros(1), Settings.of(HYPER)) == here


def test_an_update_never_raises_a_variance() -> None:
    h = Settings.of(HYPER)
    before = advance(start(np.zeros((1, 1)), h), np.full((1, 1), 0.3), h)
    after = update(before, np.ones((1, 1)), h)
    assert after.var_level < before.var_level
    assert after.var_slope < before.var_slope


def test_candidates_side_by_side_are_the_candidates_alone() -> None:
    hypers = [HYPER, pace.DEFAULT]
    both = Settings._make(np.array([Settings.of(h) for h in hypers]).T)
    table = tabulate(one(TIMES, PROGRESS))
    *_, together = run(table, both)
    for k, hyper in enumerate(hypers):
        alone = pace.posterior(one(TIMES, PROGRESS), hyper)
        assert together.level[0, k] == pytest.approx(alone.level[0], rel=1e-12)
        assert together.scale2[0, k] == pytest.approx(alone.scale2[0], rel=1e-12)


def test_of_readings_close_together_the_last_one_counts() -> None:
    close = np.array([0.0, 0.5 + 0.1 / RESOLUTION, 0.5 + 0.4 / RESOLUTION])
    table = tabulate(one(close, np.array([0.0, 9.0, 0.4])))
    assert table.length.tolist() == [2]
    assert table.x.tolist() == [[0.0, 0.4]]


def test_of_a_long_history_the_latest_readings_count() -> None:
    time = np.arange(-300, 10) / RESOLUTION
    table = tabulate(one(time, time))
    assert table.length.tolist() == [KEPT]
    np.testing.assert_array_equal(table.time[0], time[-KEPT:])
