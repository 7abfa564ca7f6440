"""Simulation-based calibration (Talts et al. 2018, arXiv:1804.06788) of the posterior of pace, given its settings.

Lives are drawn from the model as the docstring of `local_trend` tells it, latent level, slope and precision included,
by code of its own (Van Loan's matrix exponential and a textbook Kalman filter). Ranks are taken in the exact law, which
is Talts' procedure with infinitely many posterior draws.

What is exact, with n = df, C the variances and S = scale2 just after a reading. The update leaves precision ~
Gamma((n+1)/2, (n+1) S/2) and state | precision ~ N(m, C / precision). So, until the next shock,

    (level - m) / sqrt(C S) ~ t(n+1), the slope alike      (state - m)' C^-1 (state - m) / (2 S) ~ F(2, n+1)
    (n+1) S precision ~ chi2(n+1)

The shock makes the precision Gamma(n/2, n S/2): from there on the state is t(n), and the next reading, however far,
t(n) around its mean. `Posterior.df` is this n: of what is predicted, one less than of the state as it stands.
A value past the next reading is not t(n): each reading on the way brings a shock of its own, which on average
multiplies sigma^2 by (n-1)/(n-2) n/(n+1), 1.2 at n = 4 and without bound at n <= 2. So forecasts for due are too narrow
under the model itself, the more readings lie between: the last test here says how much.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import linalg, stats

from koers.engine import pace

Floats = NDArray[np.float64]
N = 10_000  # lives
BINS = 20  # of ranks
FALSE_FAIL = 1e-4  # of each check: half of it the chi-square's, half the ECDF band's
WEEKLY = np.arange(14) / 13
UNEVEN = np.array([0.0, 0.03, 0.3, 0.32, 0.6, 1.0, 1.9])
WILD = pace.Hyper(drift=-0.4, reversion=1.3, spread=5.0, wander=11.0, reading=0.3, scale=0.2, df=1.5)
CASES = {"weekly": (pace.DEFAULT, WEEKLY), "uneven": (WILD, UNEVEN)}


@dataclass(frozen=True)
class Lives:
    """Readings x (life, reading) and the truth as each is taken; `h` and `times` are what they were drawn with."""

    h: pace.Hyper
    times: Floats
    x: Floats
    level: Floats  # (life, reading)
    slope: Floats
    precision: Floats

    def posterior(self, seen: int) -> pace.Posterior:
        """Belief after the first `seen` readings."""
        n = len(self.x)
        series = np.repeat(np.arange(n, dtype=np.int64), seen)
        return pace.posterior(pace.Readings(series, np.tile(self.times[:seen], n), self.x[:, :seen].ravel(), n), self.h)


def step_of(h: pace.Hyper, dt: float) -> tuple[Floats, Floats]:
    """Transition of (level, slope - drift) without drift, and its noise covariance in units of sigma^2: Van Loan."""
    a = np.array([[0.0, 1.0], [0.0, -h.reversion]])
    power = linalg.expm(dt * np.block([[-a, np.diag([1.0, h.wander])], [np.zeros((2, 2)), a.T]]))
    return power[2:, 2:].T, power[2:, 2:].T @ power[:2, 2:]


def lives(h: pace.Hyper, times: Floats, n: int, seed: int) -> Lives:
    """n lives of the model. A shock rescales what is unknown of the state, around what readings so far say of it."""
    rng = np.random.default_rng(seed)
    precision = rng.gamma((h.df + 1) / 2, 2 / ((h.df + 1) * h.scale**2), n)
    cov = np.diag([h.reading, h.spread])
    mean = np.zeros((n, 2))  # of (level, slope - drift)
    state = rng.standard_normal((n, 2)) * np.sqrt(np.diag(cov) / precision[:, None])
    told = [(np.zeros(n), *state.T, precision)]
    for dt in np.diff(times):
        shock = rng.beta(h.df / 2, 0.5, n) * (h.df + 1) / h.df
        precision = precision * shock
        move, noise = step_of(h, float(dt))
        usual = np.array([h.drift * dt, 0.0])
        state = (mean + (state - mean) / np.sqrt(shock)[:, None]) @ move.T + usual
        state += rng.standard_normal((n, 2)) @ linalg.cholesky(noise, lower=True).T / np.sqrt(precision)[:, None]
        x = state[:, 0] + rng.standard_normal(n) * np.sqrt(h.reading / precision)
        mean, cov = mean @ move.T + usual, move @ cov @ move.T + noise
        gain = cov[:, 0] / (cov[0, 0] + h.reading)
        mean, cov = mean + np.outer(x - mean[:, 0], gain), cov - np.outer(gain, cov[0])
        told.append((x, *state.T, precision))
    x, level, slope, precision = (np.stack(part, axis=1) for part in zip(*told, strict=True))
    return Lives(h, times, x, level, slope + h.drift, precision)


@pytest.fixture(scope="module")
def told() -> dict[str, Lives]:
    return {name: lives(*case, N, seed) for seed, (name, case) in enumerate(CASES.items(), start=20_241)}


def ranks(seen: Lives, readings: int, post: pace.Posterior) -> dict[str, Floats]:
    """Rank of each truth in its exact law after so many readings, (life,) each, uniform if the posterior is right."""
    at = readings - 1
    df = post.df + 1
    off = np.stack([seen.level[:, at] - post.level, seen.slope[:, at] - post.slope])
    cov = np.array([[post.var_level, post.cov], [post.cov, post.var_slope]]) * post.scale2
    far = np.einsum("il,ijl,jl->l", off, np.linalg.inv(cov.T).T, off)
    found = {
        "level": stats.t.cdf(off[0] / np.sqrt(cov[0, 0]), df),
        "slope": stats.t.cdf(off[1] / np.sqrt(cov[1, 1]), df),
        "level and slope": stats.f.cdf(far / 2, 2, df),
        "precision": stats.chi2.cdf(df * post.scale2 * seen.precision[:, at], df),
    }
    if readings < len(seen.times):
        ahead = pace.predict(post, np.full(len(off[0]), seen.times[readings]), seen.h)
        found["next reading"] = 1 - ahead.exceedance(seen.x[:, readings])
    return found


def uniform(rank: Floats) -> bool:
    """Chi-square over BINS and an ECDF band (Kolmogorov-Smirnov), together at FALSE_FAIL."""
    counts = np.bincount(np.minimum((rank * BINS).astype(int), BINS - 1), minlength=BINS)
    return bool(min(stats.chisquare(counts).pvalue, stats.kstest(rank, "uniform").pvalue) > FALSE_FAIL / 2)


@pytest.mark.parametrize("readings", [1, 2, 4, 6])
@pytest.mark.parametrize("case", CASES)
def test_level_slope_precision_and_next_reading_are_exactly_calibrated(
    told: dict[str, Lives], case: str, readings: int
) -> None:
    """40 checks: over seeds, at most .004 that any of them fails a right posterior; this seed is fixed."""
    seen = told[case]
    wrong = [name for name, rank in ranks(seen, readings, seen.posterior(readings)).items() if not uniform(rank)]
    assert not wrong


def narrower(post: pace.Posterior) -> pace.Posterior:
    return replace(post, scale2=post.scale2 * 0.8**2)


def biased(post: pace.Posterior) -> pace.Posterior:
    """Level and slope a fifth of their scale too high."""
    level, slope = (0.2 * np.sqrt(var * post.scale2) for var in (post.var_level, post.var_slope))
    return replace(post, level=post.level + level, slope=post.slope + slope)


@pytest.mark.parametrize("case", CASES)
def test_a_posterior_a_fifth_too_narrow_is_rejected_on_every_quantity(told: dict[str, Lives], case: str) -> None:
    """false_pass < 1e-25 each, by the chi-square alone: noncentrality 341 or more where 53 rejects."""
    seen = told[case]
    assert not any(uniform(rank) for rank in ranks(seen, 4, narrower(seen.posterior(4))).values())


@pytest.mark.parametrize("case", CASES)
def test_a_posterior_a_fifth_of_its_scale_too_high_is_rejected(told: dict[str, Lives], case: str) -> None:
    """false_pass < 1e-20 each, by the chi-square alone: noncentrality 253 or more where 53 rejects."""
    seen = told[case]
    found = ranks(seen, 4, biased(seen.posterior(4)))
    assert not uniform(found["level"])
    assert not uniform(found["slope"])


def test_the_degrees_of_freedom_of_a_forecast_are_not_those_of_the_state(told: dict[str, Lives]) -> None:
    seen = told["uneven"]
    post = seen.posterior(4)
    found = ranks(seen, 4, replace(post, df=post.df - 1))
    assert not any(uniform(found[name]) for name in ("level", "slope", "level and slope", "precision"))


def test_after_the_shock_the_state_has_the_degrees_of_freedom_of_a_forecast(told: dict[str, Lives]) -> None:
    """The next shock acts on what is unknown of the state, around the posterior's mean."""
    seen = told["uneven"]
    post = seen.posterior(4)
    shock = np.random.default_rng(3).beta(seen.h.df / 2, 0.5, N) * (seen.h.df + 1) / seen.h.df
    off = (seen.level[:, 3] - post.level) / np.sqrt(shock * post.var_level * post.scale2)
    assert uniform(stats.t.cdf(off, post.df))
    assert not uniform(stats.t.cdf(off, post.df + 1))


def test_ranks_of_posterior_draws_are_uniform_as_well(told: dict[str, Lives]) -> None:
    """Talts' own procedure: the rank of the true level among 99 draws, precision first, then level."""
    seen, rng = told["weekly"], np.random.default_rng(8)
    post = seen.posterior(6)
    df = (post.df + 1)[:, None]
    precision = rng.gamma(df / 2, 2 / (df * post.scale2[:, None]), (N, 99))
    draws = post.level[:, None] + rng.standard_normal((N, 99)) * np.sqrt(post.var_level[:, None] / precision)
    rank = (draws < seen.level[:, 5, None]).sum(axis=1)
    assert stats.chisquare(np.bincount(rank // 5, minlength=BINS)).pvalue > FALSE_FAIL


@pytest.mark.parametrize(("seen", "covered"), [(1, 0.727), (7, 0.755), (12, 0.787), (13, 0.797)])
def test_a_forecast_past_the_next_reading_is_too_narrow(seen: int, covered: float) -> None:
    """Known, and stated: of weekly lives under the defaults, the 80 % interval for due covers what stands here.

    Measured on 40,000 lives, error .002; here on 10,000 others, +- .017 at false_fail 1e-4. Only the reading that
    comes next is exact: 13 of 13 weeks in, nothing lies between.
    """
    told = lives(pace.DEFAULT, WEEKLY, N, seed=77)
    ahead = pace.predict(told.posterior(seen), np.ones(N), told.h)
    inside = (ahead.quantile(0.1) <= told.x[:, -1]) & (told.x[:, -1] <= ahead.quantile(0.9))
    assert inside.mean() == pytest.approx(covered, abs=0.017 + 0.002)
