"""Person-days per item: from efforts on tickets, from effort logged while they arrived, or from the usual run share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from koers.engine.capacity import Floats
from koers.engine.demand_evidence import WORKDAYS, Evidence, by_team

RUN_SHARE = 0.60
RUN_SHARE_SD = 0.12
"""Share of capacity for run work: GAO 68-77 %, Deloitte 55 %, Jellyfish 56-64 %; the centre is our inference."""
USUAL_SPREAD = 0.485
"""Sigma of the lognormal size of work: the middle of .43 to .54 (Little 2006)."""
SPREAD_WEIGHT = 10.0  # items that this is worth
WEEK_SCATTER = 0.4  # sd of the log of a week's run work done over that of the items which arrived in it (our inference)


class Sizes(NamedTuple):
    """Beliefs about sizes, (team,) each: log of the mean size, its sd, the sigma of items; sd infinite: not seen."""

    log_mean: Floats
    sd: Floats
    spread: Floats


def of_items(items: pl.DataFrame, teams: Sequence[str]) -> Sizes:
    """From items whose effort is known: the mean of a lognormal, its sigma shrunk to the usual one."""
    rows = [_of_team(own) for own in by_team(items, teams)]
    return Sizes(*(np.array(part) for part in np.array(rows).reshape(-1, 3).T))


def _of_team(own: pl.DataFrame) -> tuple[float, float, float]:
    effort = own["effort_days"].drop_nulls().to_numpy().astype(np.float64)
    logs = np.log(effort[effort > 0.0])
    n = len(logs)
    if n == 0:
        return 0.0, np.inf, USUAL_SPREAD
    known = SPREAD_WEIGHT * USUAL_SPREAD**2
    variance = (known + ((logs - logs.mean()) ** 2).sum()) / (SPREAD_WEIGHT + n - 1)
    sd = np.sqrt(variance / n + variance**2 / (2 * (SPREAD_WEIGHT + n - 1)))
    return float(logs.mean() + variance / 2), float(sd), float(np.sqrt(variance))


def of_effort(evidence: Evidence, people: Floats) -> tuple[Floats, Floats]:
    """Log of person-days per item, and its sd, from run work logged in weeks whose tickets are known; (team,) each.

    A week's run work is its run share x people x 5. sd infinite where there is no such week.
    """
    both = (evidence.logged > 0.0) & (evidence.known.sum(axis=2) > 0)
    share = np.divide(evidence.run, evidence.logged, out=np.zeros_like(evidence.run), where=both)
    done = (share * both).sum(axis=1) * people * WORKDAYS
    arrived = (evidence.counts.sum(axis=2) * both).sum(axis=1)
    some = (done > 0.0) & (arrived > 0.0)
    log_size = np.log(np.where(some, done, 1.0)) - np.log(np.where(some, arrived, 1.0))
    sd = np.sqrt((WEEK_SCATTER**2 + 0.0 * arrived) / np.maximum(both.sum(axis=1), 1) + 1.5 / np.maximum(arrived, 1.0))
    return log_size, np.where(some, sd, np.inf)


def weighed(*beliefs: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Independent beliefs (mean, sd) about one thing, by their precision."""
    precision = np.array([1.0 / sd**2 for _, sd in beliefs])
    mean = (precision * np.array([m for m, _ in beliefs])).sum(axis=0) / precision.sum(axis=0)
    return np.asarray(mean), np.asarray(1.0 / np.sqrt(precision.sum(axis=0)))
