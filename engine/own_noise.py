"""What is left of a key result's own noise: effort's usual scatter has been in it all along, and is taken out of it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from scipy import special

from koers.engine import elasticity
from koers.engine.capacity import Floats
from koers.engine.futures import GROUPS, AtDue, Setting, elasticity_of, grouped, some_rows
from koers.engine.roots import met
from koers.engine.student import distribution

RESIDUAL = 0.3  # of a key result's own scale that remains at least when effort's part is taken out
CORE = 1.2815516  # normal deviate of the 90th percentile
FINE, CALIBRATED = 1_000, 40_000
"""Groups (see `grouped`) that shifts are found from: at most, and for all key results together."""
NEAR = 1e-7  # of a span: how exactly a shift is found


def bounded(setting: Setting, relative: Floats) -> Setting:
    """`setting` with the largest elasticities that key results' noise leaves room for.

    `relative` (key_result, replication) is what effort does where nothing changes, if progress is proportional to it:
    scatter that a key result does not show cannot have been there.
    """
    room = np.sqrt(1 - RESIDUAL**2) * setting.at_due.scale
    scatter = _spread(relative) * _per_sd(setting.at_due)
    return replace(
        setting, most=np.minimum(np.divide(room, scatter, out=np.ones_like(room), where=scatter > room), 1.0)
    )


def _spread(gain: Floats) -> Floats:
    """The standard deviation of each key result's gain over the futures, (key_result,)."""
    found = np.empty(len(gain))
    for rows in some_rows(*gain.shape):
        found[rows] = gain[rows].std(axis=1)
    return found


def _per_sd(at: AtDue) -> Floats:
    """Scale of a Student-t by the standard deviation of a normal whose middle 80 % is that of the Student-t."""
    return np.asarray(CORE / special.stdtrit(at.df, 0.9))


def calibrated(setting: Setting, relative: Floats, e: Floats, probability: Floats) -> Setting:
    """`setting` with effort's usual scatter taken out of the key results' own noise, where it has been all along.

    `relative` (key_result, replication) is what `moved` says where nothing changes if progress were proportional to
    effort; only its scatter counts. `e` (replication,) are elasticities. `probability` (2, key_result) is what Progress
    says of the target, and of counting as reached.
    """
    at, usual = setting.at_due, np.empty((len(relative), min(len(e), GROUPS)))
    for rows in some_rows(*relative.shape):
        by_effort = elasticity_of(setting, e, rows) * relative[rows]
        usual[rows] = grouped(by_effort) - by_effort.mean(axis=1, keepdims=True)
    most = np.minimum(elasticity.GRID[:, None], setting.most)
    variance = (most * _spread(relative) * _per_sd(at)) ** 2
    own = np.sqrt(np.maximum(at.scale**2 - variance, (RESIDUAL * at.scale) ** 2))
    parts = grouped(relative, min(FINE, CALIBRATED // max(len(relative), 1) + GROUPS))
    parts -= relative.mean(axis=1, keepdims=True)
    shift = _shift(at, own, most, parts, probability[0], at.threshold)
    counts, other = shift.copy(), at.threshold != at.counts
    if other.any():
        some = AtDue._make(part[other] for part in at)
        counts[:, other] = _shift(some, own[:, other], most[:, other], parts[other], probability[1, other], some.counts)
    shift = np.stack([shift, counts])
    return replace(setting, own=own, shift=shift, scatter=usual)


def _shift(
    at: AtDue, own: Floats, elasticities_: Floats, parts: Floats, probability: Floats, threshold: Floats
) -> Floats:
    """What has to be added to progress for these probabilities on average over `parts`, (elasticity, key_result).

    The scatter is `parts` (key_result, group) times the elasticities (elasticity, key_result).
    """
    span = np.where(np.isnan(at.hazard), 10.0 * at.scale, 1.0) + np.abs(parts).max(axis=1, initial=0.0)

    found, at_first = np.empty_like(own), np.zeros(len(span))
    for n, (e, scale) in enumerate(zip(elasticities_, own, strict=True)):
        told = partial(_usually, at, e[:, None] * parts, scale, threshold)
        at_first = found[n] = met(told, probability, -span, span, NEAR * span, at_first)
    return found


def _usually(at: AtDue, scatter: Floats, own: Floats, threshold: Floats, shift: Floats) -> tuple[Floats, Floats]:
    """The probability on average over `scatter` (key_result, group) around `shift`, and its slope; (key_result,)."""
    lifted, found, slope = scatter + shift[:, None], np.empty(len(own)), np.empty(len(own))
    binary = ~np.isnan(at.hazard)
    trend = ~binary
    place = ((at.mean - threshold)[trend, None] + lifted[trend]) / own[trend, None]
    chance, rise = distribution(at.df[trend], place)
    found[trend], slope[trend] = chance.mean(axis=1), rise.mean(axis=1) / own[trend]
    left = at.hazard[binary, None] * np.maximum(1.0 + lifted[binary], 0.0)
    found[binary] = -np.expm1(-left).mean(axis=1)
    slope[binary] = (at.hazard[binary, None] * np.exp(-left) * (left > 0.0)).mean(axis=1)
    return found, slope
