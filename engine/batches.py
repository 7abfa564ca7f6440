"""How sure a probability is, by batches of futures that each learn what is usual for themselves.

What is usual effort, and where a key result's own noise is centred, is learnt from the futures that then speak: an
error that all of them share, and that only the spread of such batches shows.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from koers.engine import elasticity
from koers.engine.capacity import Floats
from koers.engine.futures import beyond_usual, by_size, elasticities, reached, with_landed
from koers.engine.groups import rows_by_team

if TYPE_CHECKING:
    from koers.engine.coupled import Coupled

BATCHES = 16


def batches(count: int) -> list[slice]:
    """So many futures, cut into batches."""
    each, more = divmod(count, BATCHES)
    edges = [n * each + min(n, more) for n in range(BATCHES + 1)]
    return [slice(low, high) for low, high in pairwise(edges)]


def error(coupled: Coupled, count: int) -> Floats:
    """Monte Carlo error of the probabilities from `count` futures, (key_result,)."""
    means, chance = apart(coupled)
    of_learnt, learnt = np.var(means, axis=0, ddof=1) / len(means), chance.shape[1]
    if count >= learnt:
        return np.asarray(np.sqrt(of_learnt * learnt / count))
    return np.asarray(np.sqrt(of_learnt + chance.var(axis=1) * (1 / count - 1 / learnt)))


def apart(coupled: Coupled, first: int = 0) -> tuple[Floats, Floats]:
    """What sets futures apart from those where nothing changes: mean chances beyond theirs, (batch, key_result).

    The latter say what Progress says, whichever are drawn. Also the chances, (key_result, replication). `first` is the
    number of the first future of the chunk that `coupled` holds.
    """
    setting, learnt = coupled.setting, coupled.size.shape[1]
    parts, (usual, typical, unchanged) = batches(learnt), _of_batches(coupled)
    mean = np.full(learnt, float(setting.elasticity @ elasticity.GRID))
    calm = coupled.of_movable(beyond_usual(setting, unchanged, usual.copy(), typical, mean))
    for own in parts:
        calm[:, own] -= calm[:, own].mean(axis=1, keepdims=True)
    e = elasticities(setting, coupled.seed, range(first, first + learnt))
    gain = with_landed(setting, coupled.first, beyond_usual(setting, coupled.first.effort, usual, typical, e))
    chance = reached(setting, coupled.of_movable(gain), e)
    beyond = chance - reached(setting, calm, mean)
    return np.array([beyond[:, own].mean(axis=1) for own in parts]), chance


def _of_batches(coupled: Coupled) -> tuple[Floats, Floats, Floats]:
    """Usual and typical effort, and that where nothing changes, as the batch of each future has learnt them.

    (key_result, replication) each.
    """
    org, size, learnt = coupled.setting.organisation, coupled.size, coupled.learnt
    later, way = coupled.usual.played[1], org.key_results.pace.sum(axis=1)
    usual, typical, unchanged = np.empty((3, *later.shape))
    parts = batches(size.shape[1])
    for t, rows in rows_by_team(org.key_results.team):
        near = by_size(org, t, size[t])
        for n, own in enumerate(parts):
            usual[rows, own] = learnt.usual[n][:, rows].T @ near[:, own]
    for n, own in enumerate(parts):
        typical[:, own] = learnt.typical[n][:, None]
        np.multiply(later[:, own], (learnt.scale[n] * way)[:, None], out=unchanged[:, own])
    return usual, typical, unchanged
