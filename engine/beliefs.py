"""What Progress says of the key results that effort goes to: beliefs about them at due, and their pace until then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from koers.engine.ahead import Ahead, expected, look_ahead
from koers.engine.capacity import Floats
from koers.engine.futures import AtDue
from koers.engine.learning import Learnt
from koers.engine.mornings import number_of
from koers.engine.outlook import counts_at, outlook
from koers.engine.trend import TRENDS


@dataclass(frozen=True, slots=True)
class Beliefs:
    """Of some goals, in their order."""

    at_due: AtDue
    probability: Floats  # (2, key_result) of the target, and of counting as reached
    movable: NDArray[np.bool_]  # (key_result,) not what is done already
    ahead: Ahead  # of those on a trend


def beliefs(own: pl.DataFrame, goals: pl.DataFrame, readings: pl.DataFrame, learnt: Learnt, as_of: date) -> Beliefs:
    """What Progress says of `own`, some of the `goals`, at the end of `as_of`."""
    count = own.height
    at = AtDue(*(np.full(count, fill) for fill in (0.0, 1.0, 3.0, 1.0, 1.0, np.nan, 0.0)))
    probability, movable = np.zeros((2, count)), np.ones(count, dtype=np.bool_)
    on_trend = own["kind"].is_in(TRENDS).to_numpy()
    rows = own.filter(on_trend)
    share = np.array([counts_at(ambition) for ambition in rows["ambition"]])
    ahead = look_ahead(rows, readings, learnt, as_of, share)
    at.mean[on_trend], at.scale[on_trend], at.df[on_trend] = ahead.middle, ahead.spread, ahead.df
    at.threshold[on_trend] = ahead.threshold
    at.counts[on_trend] = np.where(ahead.threshold > 0, share, 1.0) * ahead.threshold
    at.lift[on_trend] = ahead.score - ahead.plain_score()
    probability[:, on_trend] = ahead.probability, ahead.counts
    binary = own.filter(~on_trend)
    seen = outlook(goals, readings, as_of, binary["key_result"], learnt).select("key_result", "probability", "reach_on")
    said = binary.select("key_result").join(seen, on="key_result", how="left", maintain_order="left")
    probability[:, ~on_trend] = said["probability"].to_numpy()
    at.hazard[~on_trend] = -np.log1p(-probability[0, ~on_trend])
    movable[~on_trend] = said["reach_on"].is_null().to_numpy()
    return Beliefs(at, probability, movable, ahead)


def paces(own: pl.DataFrame, ahead: Ahead, as_of: date, days: Sequence[date]) -> Floats:
    """Progress expected over the days up to each morning (key_result, day), where it is a rise; `ahead`: see Beliefs.

    The last morning before due also takes the days up to due; a binary key result gains shares of the life it has left.
    """
    start, due = (np.array([number_of(day) for day in own[c]], dtype=np.float64)[:, None] for c in ("start", "due"))
    edge = np.array([number_of(day) for day in (as_of, *days)], dtype=np.float64)
    last = np.append(edge[1:], np.inf)[None, 1:] > due  # no later morning before due
    until = np.clip(np.where(last, due, edge[1:]), start, due)
    edges = np.hstack([np.maximum(start, edge[0]), until])
    on_trend = own["kind"].is_in(TRENDS).to_numpy()
    found = np.diff(edges, axis=1) / np.maximum(due - edges[:, :1], 1.0)
    found[on_trend] = np.diff(expected(ahead, edges[on_trend]), axis=1)
    return np.asarray(np.maximum(found, 0.0))
