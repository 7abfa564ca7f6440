"""What futures say of key results: rows of an outlook, and how many are reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from scipy import special

from koers.engine import kernel
from koers.engine.ahead import LEVELS, passages
from koers.engine.batches import error
from koers.engine.capacity import Floats
from koers.engine.coupled import Coupled
from koers.engine.draws import stream, uniforms
from koers.engine.futures import Setting, grouped, own_scale, reached
from koers.engine.organisation import as_usual
from koers.engine.outlook import CEILING, FLOOR, QUANTILES, binary_numbers
from koers.engine.pace import Predictive
from koers.engine.roots import met
from koers.engine.student import between, distribution
from koers.engine.trend import TRENDS, scale_of

NEAR = 1e-6  # of own noise: how exactly a quantile is found
SHARES = (0.1, 0.5, 0.9)
"""Levels of the quantiles of run shares, backlogs, scores and numbers reached."""
SCORED = 4_000  # futures in which every end is drawn, and in which run work is as usual
NOISE = 501  # quantiles that stand for Student-t noise where scores are drawn


@dataclass(frozen=True, slots=True)
class Overall:
    """The key results under way together: how many are reached, and their mean score, weighted; quantiles at SHARES."""

    key_results: int
    expected_reached: float
    reached_low: float
    reached_high: float
    expected_score: float
    score_low: float
    score_high: float
    lost_to_run_work: float  # expected number reached that unusual run work costs


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about: key results by name, with what Progress says of them, and their objectives."""

    probability: Mapping[str, float]
    score: Mapping[str, float]
    weight: Mapping[str, float]
    objectives: Mapping[str, tuple[str, ...]]  # per objective its key results


@dataclass(frozen=True, slots=True)
class Sums:
    """Added up over chunks of futures."""

    count: int
    chance: Floats  # (key_result,)
    counts: Floats  # (key_result,)
    gain: Floats  # (key_result,)
    score: Floats  # (key_result,)
    products: Floats  # (objective,)
    risk: Floats  # (guardrail,)
    both: Floats  # (guardrail, key_result)
    lost: Floats  # (team,)


class Read(NamedTuple):
    """The futures of a chunk, and what they say."""

    drawn: kernel.Futures
    gain: Floats  # (key_result, replication) progress
    e: Floats  # (replication,) elasticities
    chance: Floats  # (key_result, replication) P(target met)

    def up_to(self, count: int) -> Read:
        """The first of them."""
        return Read(self.drawn.up_to(count), self.gain[:, :count], self.e[:count], self.chance[:, :count])


def read(coupled: Coupled, chunk: range) -> Read:
    """The chunk that `coupled` holds."""
    drawn, gain, e = coupled.futures(chunk)
    return Read(drawn, gain, e, reached(coupled.setting, gain, e))


def key_result_rows(coupled: Coupled, total: Sums, first: Read, lost: Floats, seen: pl.DataFrame) -> pl.DataFrame:
    """Rows of an outlook for the key results that move, with probability_se and lost_to_run_work."""
    setting, goals, n = coupled.setting, coupled.goals, total.count
    chance, mean_gain = total.chance / n, total.gain / n
    groups = grouped(first.gain)
    numbers = goals.select("key_result").with_columns(
        pl.Series("probability", np.clip(chance, FLOOR, CEILING)),
        pl.Series("probability_counts", np.clip(total.counts / n, FLOOR, CEILING)),
        pl.Series("probability_se", error(coupled, total.count)),
        pl.Series("lost_to_run_work", lost),
        pl.Series("shifted", mean_gain),
    )
    before = goals.select("key_result").join(seen, on="key_result", how="left", maintain_order="left")
    table = before.drop("probability", "probability_counts", "probability_se", "lost_to_run_work").join(
        numbers, on="key_result", maintain_order="left"
    )
    on_trend = goals["kind"].is_in(TRENDS).to_numpy()
    rows = table.to_dicts()
    moved = _distribution(setting, groups, mean_gain)
    scale = scale_of(goals)
    dates = passages(coupled.ahead, coupled.staff.as_of, mean_gain[on_trend])
    passage = dict(zip(np.flatnonzero(on_trend).tolist(), dates, strict=True))
    for k, (row, goal) in enumerate(zip(rows, goals.iter_rows(named=True), strict=True)):
        if row["rests_on"] is None:  # not asked about
            continue
        if on_trend[k]:
            row |= _shifted(row, {name: values[k] for name, values in moved.items()}, float(scale.way[k]))
            row["reach_on"] = passage[k]
        elif coupled.movable[k]:
            row |= binary_numbers(goal, row["probability"])
    schema = dict(table.schema)
    return pl.DataFrame(rows, schema=schema, orient="row").drop("shifted")


def _distribution(setting: Setting, groups: Floats, mean_gain: Floats) -> dict[str, Floats]:
    """What futures add to mean, quantiles and expected score, progress: against effort's usual scatter alone."""
    found = {"mean": mean_gain}
    for name, level in zip(QUANTILES, LEVELS, strict=True):
        found[name] = _quantile(setting, groups, level) - _quantile(setting, setting.scatter, level)
    at = setting.at_due
    way = np.where(at.threshold > 0, at.threshold, 1.0)[:, None]
    for name, gain in (("score", groups), ("usual_score", setting.scatter)):
        of_way = Predictive((at.mean[:, None] + gain) / way, _own(setting)[:, None] / way, at.df[:, None])
        found[name] = of_way.expected_score().mean(axis=1)
    found["expected_score"] = found.pop("score") - found.pop("usual_score")
    return found


def _own(setting: Setting) -> Floats:
    """The scale of own noise over all elasticities, (key_result,): the root of its mean square."""
    return np.asarray(np.sqrt(setting.elasticity @ setting.own**2))


def _quantile(setting: Setting, groups: Floats, level: float) -> Floats:
    """Quantile of own noise around the `groups` of gains, progress beyond the mean of Progress."""
    own = _own(setting)
    reach = 40.0 * own
    low, high = groups.min(axis=1) - reach, groups.max(axis=1) + reach

    def told(at: Floats) -> tuple[Floats, Floats]:
        below, slope = distribution(setting.at_due.df, (at[:, None] - groups) / own[:, None])
        return below.mean(axis=1), slope.mean(axis=1) / own

    return met(told, level, low, high, NEAR * own, groups.mean(axis=1))


def _shifted(row: dict[str, Any], moved: dict[str, float], way: float) -> dict[str, Any]:
    """A trend's numbers with what the futures add; values that fall with progress swap the ends of their quantiles."""
    names = QUANTILES if way > 0 else tuple(reversed(QUANTILES))
    ends = [row[to] + way * float(moved[name]) for name, to in zip(names, QUANTILES, strict=True)]
    return {
        "mean": row["mean"] + way * float(moved["mean"]),
        "expected_score": min(max(row["expected_score"] + float(moved["expected_score"]), 0.0), 1.0),
        **dict(zip(QUANTILES, np.maximum.accumulate(ends).tolist(), strict=True)),
    }


def overall(coupled: Coupled, total: Sums, first: Read, lost: Floats, asked: Asked) -> Overall:
    """Key results together; of those that effort does not move, scores count by their expectation."""
    own = coupled.goals["key_result"].to_list()
    shown = np.array([name in asked.probability for name in own], dtype=np.bool_)
    rest = [name for name in asked.probability if name not in own]
    met, score = (part[shown] for part in _ends(coupled, first.up_to(SCORED)))
    weights, chance = coupled.goals["weight"].to_numpy()[shown], total.chance[shown]
    beside = float(sum(asked.probability[name] for name in rest))
    replication = np.arange(met.shape[1])
    others = [
        uniforms(stream(coupled.seed, "end", name), replication, 0) > 1 - asked.probability[name] for name in rest
    ]
    whole = float(weights.sum() + sum(asked.weight[name] for name in rest))
    fixed = float(sum(asked.weight[name] * asked.score[name] for name in rest))
    scores = (weights @ score + fixed) / max(whole, 1e-12)
    number = met.sum(axis=0) + np.sum(others, axis=0)
    return Overall(
        key_results=len(asked.probability),
        expected_reached=float(chance.sum()) / total.count + beside,
        reached_low=float(np.quantile(number, SHARES[0])),
        reached_high=float(np.quantile(number, SHARES[-1])),
        expected_score=(float(weights @ total.score[shown]) / total.count + fixed) / max(whole, 1e-12),
        score_low=float(np.quantile(scores, SHARES[0])),
        score_high=float(np.quantile(scores, SHARES[-1])),
        lost_to_run_work=float(lost[shown].sum()),
    )


def _ends(coupled: Coupled, some: Read) -> tuple[Floats, Floats]:
    """Whether each key result is reached in each future and its score, (key_result, replication), noise drawn."""
    setting, at = coupled.setting, coupled.setting.at_due
    gain, own = some.gain, own_scale(setting, some.e)
    met, score = np.zeros_like(gain), np.zeros_like(gain)
    quantiles = {df: special.stdtrit(df, (np.arange(NOISE) + 0.5) / NOISE) for df in np.unique(at.df)}
    replication = np.arange(gain.shape[1])
    for k, key in enumerate(setting.organisation.key_results.key):
        u = uniforms(stream(coupled.seed, "end", key), replication, 0)
        met[k] = u > 1 - some.chance[k]
        if np.isnan(at.hazard[k]):
            noise, _ = between(quantiles[at.df[k]], np.clip(u * NOISE - 0.5, 0.0, NOISE - 1.0))
            way = at.threshold[k] if at.threshold[k] > 0 else 1.0
            score[k] = np.clip((at.mean[k] + gain[k] + own[k] * noise) / way, 0.0, 1.0)
        else:
            score[k] = met[k]
    return met, score


def lost_to_run_work(coupled: Coupled, chunk: range, first: Read) -> Floats:
    """How much likelier each key result would be if run work were as usual from now on, on the same draws.

    Only what it does to expected progress counts: more run work also makes for more scatter, which raises the
    probability of what is unlikely.
    """
    setting, some = coupled.setting, first.up_to(SCORED)
    _, otherwise = coupled.run(chunk[:SCORED], coupled.usual.start, as_usual(setting.organisation))
    by_run_work = (otherwise - some.gain).mean(axis=1, keepdims=True)
    return np.asarray((reached(setting, some.gain + by_run_work, some.e) - some.chance).mean(axis=1))


def counts(setting: Setting, gain: Floats, e: Floats, chance: Floats) -> Floats:
    """P(counts as reached | future); `chance` itself where that is asked of everybody."""
    same = np.array_equal(setting.at_due.threshold, setting.at_due.counts)
    return chance if same else reached(setting, gain, e, 1)
