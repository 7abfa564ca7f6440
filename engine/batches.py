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
from koers.engine.futures import beyond_usual, elasticities, reached, usual_effort, with_landed

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
    means, spread = apart(coupled)
    of_learnt, learnt = np.var(means, axis=0, ddof=1) / len(means), coupled.size.shape[1]
    if count >= learnt:
        return np.asarray(np.sqrt(of_learnt * learnt / count))
    return np.asarray(np.sqrt(of_learnt + spread * (1 / count - 1 / learnt)))


def apart(coupled: Coupled, first: int = 0) -> tuple[Floats, Floats]:
    """What sets futures apart from those where nothing changes: mean chances beyond theirs, (batch, key_result).

    The latter say what Progress says, whichever are drawn. Also the variance of chances, (key_result,). `first` is the
    number of the first future of the chunk that `coupled` holds.
    """
    setting, learnt = coupled.setting, coupled.size.shape[1]
    landed, effort = coupled.first.landed, coupled.first.effort
    e = elasticities(setting, coupled.seed, range(first, first + learnt))
    mean = np.full(learnt, float(setting.elasticity @ elasticity.GRID))
    beyond, said, spread, parts = [], [], [], batches(learnt)
    for n, own in enumerate(parts):
        usual, typical, unchanged = _of_batch(coupled, n, own)
        calm = coupled.of_movable(beyond_usual(setting, unchanged, usual.copy(), typical, mean[own]))
        calm -= calm.mean(axis=1, keepdims=True)
        gain = with_landed(setting, landed[:, own], beyond_usual(setting, effort[:, own], usual, typical, e[own]))
        chance = reached(setting, coupled.of_movable(gain), e[own])
        beyond.append((chance - reached(setting, calm, mean[own])).mean(axis=1))
        said.append(chance.mean(axis=1))
        spread.append(chance.var(axis=1))
    weight = np.array([own.stop - own.start for own in parts]) / learnt
    return np.array(beyond), weight @ (np.array(spread) + (said - weight @ np.array(said)) ** 2)


def _of_batch(coupled: Coupled, n: int, own: slice) -> tuple[Floats, Floats, Floats]:
    """Usual and typical effort, and that where nothing changes, as batch `n`, the futures `own`, has learnt them.

    (key_result, replication) each, or (key_result, 1).
    """
    org, size, learnt = coupled.setting.organisation, coupled.size[:, own], coupled.usual.by_batch
    usual = usual_effort(org, learnt.usual[n], size)
    return usual, learnt.typical[n][:, None], coupled.usual.unchanged(org, learnt.scale[n], own)
