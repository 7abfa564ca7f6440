"""What is believed of a team's long-run rate and present level, from weekly evidence: exact on a grid."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from koers.engine.capacity import Floats
from koers.engine.demand_density import Counts, Shares, chunks
from koers.engine.demand_level import forward, grid, stationary, transition
from koers.engine.demand_settings import Settings
from koers.engine.softmax import softmax

LEVELS, RATES = 41, 13
RATE_REACH = 4.0  # sd of the long-run log mean that the grid spans, to either side


class Joint(NamedTuple):
    """Posterior of the long-run log mean and of this week's level, for each point of a team's settings."""

    mean: Floats  # (team, point, rate) long-run log means at level 0
    probability: Floats  # (team, point, rate), 1 in all per point
    eta: Floats  # (team, point, rate, level) log intensities
    now: Floats  # (team, point, rate, level) probability of each together, in this week
    later: Floats  # and in the next one


class Belief(NamedTuple):
    """About the log intensity of each team in the long run, this week and next week; (team,) each."""

    mean: Floats
    mean_var: Floats
    now: Floats
    now_var: Floats
    both: Floats  # covariance of the two
    later: Floats  # next week's
    later_var: Floats
    level_var: Floats  # of weeks in the long run, around `mean`


def joint(evidence: Counts | Shares, given: Settings, prior: Floats, prior_sd: Floats) -> Joint:
    """The posterior, exact on the grid, for each point of a team's settings.

    `prior` and `prior_sd` (team,): of the log of the mean of weeks in the long run, exp(variance of the level / 2) of
    which comes from the level.
    """
    x = grid(LEVELS)
    at_zero = prior[:, None] - given.spread**2 / 2
    middle, sd = _around(evidence, given, at_zero, prior_sd[:, None])
    mean = middle[..., None] + sd[..., None] * np.linspace(-RATE_REACH, RATE_REACH, RATES)
    eta = mean[..., None] + given.spread[..., None, None] * x
    move = transition(x, given.keep.ravel())
    noise = np.broadcast_to(given.noise[..., None, None], (*mean.shape, 1))
    density = evidence.log_density(_rows(eta), _rows(noise))
    seen = forward(density.reshape(len(density), len(move), RATES, LEVELS), move, stationary(x))
    off = (mean - at_zero[..., None]) / prior_sd[:, None, None]
    probability = softmax(seen.log_likelihood.reshape(mean.shape) - 0.5 * off**2, axis=-1)
    now = probability[..., None] * seen.level.reshape(eta.shape)
    return Joint(mean, probability, eta, now, now @ move.reshape(*given.keep.shape, LEVELS, LEVELS))


def belief(evidence: Counts | Shares, given: Settings, prior: Floats, prior_sd: Floats) -> Belief:
    """Means and (co)variances of `joint` over the points of a team's settings, which are as likely."""
    parts = [
        _belief(evidence.of(part), Settings(*(value[part] for value in given)), prior[part], prior_sd[part])
        for part in chunks(len(prior))
    ]
    return Belief(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def _belief(evidence: Counts | Shares, given: Settings, prior: Floats, prior_sd: Floats) -> Belief:
    found = joint(evidence, given, prior, prior_sd)
    points = given.keep.shape[1]

    def mean(weight: Floats, value: Floats) -> Floats:
        return np.asarray((weight * value).sum(axis=(1, 2, 3)) / points)

    long = found.mean[..., None]
    m, now, later = mean(found.now, long), mean(found.now, found.eta), mean(found.later, found.eta)
    far, near, ahead = (
        value - middle[:, None, None, None] for value, middle in ((long, m), (found.eta, now), (found.eta, later))
    )
    return Belief(
        mean=m,
        mean_var=mean(found.now, far**2),
        now=now,
        now_var=mean(found.now, near**2),
        both=mean(found.now, far * near),
        later=later,
        later_var=mean(found.later, ahead**2),
        level_var=(given.spread**2).mean(axis=1),
    )


def _rows(value: Floats) -> Floats:
    """(team, point, rate, level) -> (team, row, level)."""
    return value.reshape(len(value), value.shape[1] * value.shape[2], value.shape[3])


def _around(evidence: Counts | Shares, given: Settings, prior: Floats, prior_sd: Floats) -> tuple[Floats, Floats]:
    """Where the long-run log mean must lie, roughly: what is seen, and the prior, weighed; (team, point) each."""
    seen = evidence.centre()[:, None] - given.spread**2 / 2
    error2 = long_run_error(evidence, given) ** 2
    precision = 1.0 / error2 + 1.0 / prior_sd**2
    return (seen / error2 + prior / prior_sd**2) / precision, np.sqrt(1.0 / precision)


def long_run_error(evidence: Counts | Shares, given: Settings) -> Floats:
    """sd of a long-run mean as seen in a finite stretch of an AR(1), (team, point)."""
    held = np.minimum((1 + given.keep) / (1 - given.keep) / np.maximum(evidence.weeks(), 0.2)[:, None], 1.0)
    return np.asarray(np.sqrt(given.spread**2 * held + evidence.error()[:, None] ** 2))
