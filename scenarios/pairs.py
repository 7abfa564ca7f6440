"""The same futures with a decision and without it: per future, what it changes. Only teams it touches are redone."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from scipy import special

from koers.engine import kernel
from koers.engine.capacity import NEVER, Floats, Ints
from koers.scenarios.redone import After, Base
from koers.scenarios.world import World

SIZES = 5  # equally likely groups of futures by the size of a team's run work
ENDS = (0.025, 0.975)
SURE = 2.131449545559323  # 97.5th percentile of a Student-t: errors come from sixteen batches


@dataclass(slots=True)
class Pair:
    """What one scenario does in a chunk, by name: `key_result/...`, `objective/...`, `guardrail/...`, `overall/...`,
    `backlog/...`. A name without a difference is not touched in these futures; it may be in others."""

    futures: int
    nothing: bool
    before: dict[str, float] = field(default_factory=dict)
    difference: dict[str, Floats] = field(default_factory=dict)  # (replication,)
    error: dict[str, float] = field(default_factory=dict)  # of the mean difference: 95 % lie within SURE times it
    variance: dict[str, tuple[float, float]] = field(default_factory=dict)  # before and after
    model: dict[str, tuple[float, float]] = field(default_factory=dict)
    lost: dict[str, float] = field(default_factory=dict)  # person-days more lost to switching, by team
    people: dict[str, float] = field(default_factory=dict)  # more people on average, by team

    def named(self, kind: str) -> list[str]:
        """The names of one kind."""
        return [name.removeprefix(f"{kind}/") for name in self.before if name.startswith(f"{kind}/")]


def pair(
    ground: Base,
    world: World,
    objectives: dict[str, tuple[str, ...]],
    others: dict[str, float],
    shown: Container[str] | None = None,
    beside: tuple[float, float] = (0.0, 0.0),
) -> Pair:
    """What the decision of `world` changes in the futures of `ground`.

    `objectives`: the key results of each; `others`: probabilities of key results that effort does not move; `shown`:
    the key results asked about (None: all), beside which only those that the decision adds count; `beside`: weight of
    those that effort does not move, and the sum of weight times expected score.
    """
    after = After.of(ground, world)
    found = Pair(futures=len(ground.chunk), nothing=after.nothing)
    keys, old = world.organisation.key_results.key, len(ground.chance)
    weights = ground.coupled.setting.elasticity
    asked = [k for k, key in enumerate(keys) if shown is None or key in shown or k >= old]
    for k in asked:
        before = ground.chance[k] if k < old else np.zeros(len(ground.chunk))
        now = after.chance[k] if k in after.touched else before
        _note(found, f"key_result/{keys[k]}", before, now, partial(_of_goal, after, k, weights))
        if k in after.relearnt:
            _learnt(found, ground, f"key_result/{keys[k]}", *after.relearnt[k])
    _objectives(found, ground, after, objectives, others, weights)
    _overall(found, ground, after, others, weights, np.array(asked, dtype=np.int64), beside)
    _running(found, ground, after, world)
    return found


def _of_goal(after: After, k: int, weights: Floats) -> tuple[float, float]:
    return _spread(after.given[:, k] - after.given_before[:, k], weights, after.size_of(k))


def _spread(apart: Floats, weights: Floats, size: Floats) -> tuple[float, float]:
    """The middle 95 % of a difference (elasticity, replication) over the elasticity and the size of run work."""
    order = np.argsort(size, kind="stable")
    cells = np.stack([apart[:, own].mean(axis=1) for own in np.array_split(order, min(SIZES, len(order)))], axis=1)
    values, mass = cells.ravel(), np.repeat(weights / cells.shape[1], cells.shape[1])
    by_value = np.argsort(values)
    below = np.cumsum(mass[by_value])
    low, high = (values[by_value][min(int(np.searchsorted(below, level)), len(values) - 1)] for level in ENDS)
    return float(low), float(high)


def _note(found: Pair, name: str, before: Floats, after: Floats, model: Callable[[], tuple[float, float]]) -> None:
    """What is known of one name; `model` is asked only where there is a difference."""
    variance = float(before.var())
    found.before[name], found.variance[name] = float(before.mean()), (variance, variance)
    if before is not after and not np.array_equal(before, after):
        found.difference[name], found.model[name] = after - before, model()
        found.variance[name] = variance, float(after.var())
        found.error[name] = float((after - before).std() / np.sqrt(len(before)))


def _learnt(found: Pair, ground: Base, name: str, before: Floats, after: Floats) -> None:
    """The error of a difference by batches that each learnt what is usual: futures are not as apart as they look.

    Few futures make up fewer than sixteen batches, whose spread says less: the error is larger, so that SURE holds.
    """
    if name in found.error and (count := len(ground.batches)) > 1:
        means = [float((after[own] - before[own]).mean()) for own in ground.batches]
        sure = float(special.stdtrit(count - 1, ENDS[1]))
        found.error[name] = float(np.std(means, ddof=1) / np.sqrt(count)) * sure / SURE


def _objectives(
    found: Pair,
    ground: Base,
    after: After,
    objectives: dict[str, tuple[str, ...]],
    others: dict[str, float],
    weights: Floats,
) -> None:
    place = {key: k for k, key in enumerate(after.world.organisation.key_results.key)}
    old = len(ground.chance)
    for name, group in objectives.items():
        rows = [place[key] for key in group if key in place and place[key] < old]
        beside = float(np.prod([others.get(key, 1.0) for key in group if key not in place]))
        before, now = (beside * part[rows].prod(axis=0) for part in (ground.chance, after.chance))
        _note(found, f"objective/{name}", before, now, partial(_of_all, after, rows, beside, weights))
        if after.touched & set(rows):
            pairs = [after.relearnt.get(k, (ground.chance[k], ground.chance[k])) for k in rows]
            _learnt(
                found,
                ground,
                f"objective/{name}",
                *(beside * np.prod(side, axis=0) for side in zip(*pairs, strict=True)),
            )


def _of_all(after: After, rows: list[int], beside: float, weights: Floats) -> tuple[float, float]:
    apart = beside * (after.given[:, rows].prod(axis=1) - after.given_before[:, rows].prod(axis=1))
    return _spread(apart, weights, after.size_of(rows[0]))


def _overall(
    found: Pair,
    ground: Base,
    after: After,
    others: dict[str, float],
    weights: Floats,
    asked: Ints,
    beside: tuple[float, float],
) -> None:
    """Expected number reached, and the expected weighted score."""
    goals, number = after.world.organisation.key_results, sum(others.values())
    old = asked[asked < len(ground.chance)]
    changed = np.array(sorted(after.touched & set(asked.tolist())), dtype=np.int64)
    size = ground.size.mean(axis=0)

    def model() -> tuple[float, float]:
        apart = (after.given[:, changed] - after.given_before[:, changed]).sum(axis=1)
        return _spread(apart, weights, size[: apart.shape[1]])

    for name, own, weight, extra, whole in (
        ("reached", "chance", np.ones(len(goals.key)), number, (1.0, 1.0)),
        ("score", "score", goals.weight, beside[1], _whole(goals.weight, old, asked, beside[0])),
    ):
        before, one, other = ground.total(own, weight, old) + extra, getattr(ground, own), getattr(after, own)
        known = changed[changed < len(one)]
        more = weight[changed] @ other[changed] - weight[known] @ one[known]
        now = (before + more) / whole[1] if after.touched else before / whole[0]
        spread = model if name == "reached" else partial(_apart, before / whole[0], now, size)
        _note(found, f"overall/{name}", before / whole[0], now, spread)
    asked_again = [after.relearnt[k] for k in changed.tolist() if k in after.relearnt]
    if asked_again and "overall/reached" in found.error:
        plain = found.error["overall/reached"]
        _learnt(found, ground, "overall/reached", *(np.sum(side, axis=0) for side in zip(*asked_again, strict=True)))
        if "overall/score" in found.error and plain > 0:
            found.error["overall/score"] *= found.error["overall/reached"] / plain


def _whole(weight: Floats, old: Ints, asked: Ints, beside: float) -> tuple[float, float]:
    one, other = (max(float(weight[rows].sum()) + beside, 1e-12) for rows in (old, asked))
    return one, other


def _by_size(apart: Floats, size: Floats) -> tuple[float, float]:
    """The spread of a difference (replication,) over the size of run work."""
    means = [float(apart[own].mean()) for own in np.array_split(np.argsort(size, kind="stable"), min(SIZES, len(size)))]
    return min(means), max(means)


def _apart(before: Floats, after: Floats, size: Floats) -> tuple[float, float]:
    return _by_size(after - before, size)


def _running(found: Pair, ground: Base, after: After, world: World) -> None:
    """Guardrails, backlog and switching of the teams."""
    org, first, n = world.organisation, ground.coupled.first, len(ground.chunk)
    broken = (first.broken[:, :n] != NEVER).astype(np.float64)
    standing = ground.coupled.now.standing[:, :n]
    backlog, mean = np.maximum(first.backlog[:, :n] + standing, 0.0), first.mean
    now_broken, now_backlog, now_mean = broken.copy(), backlog.copy(), mean.copy()
    for own, drawn in after.groups:
        if drawn is not None:
            now_broken[own.guardrails] = drawn.broken != NEVER
            now_backlog[own.teams] = np.maximum(drawn.backlog + standing[own.teams], 0.0)
            now_mean[own.teams] = drawn.mean
    for g, key in enumerate(org.guardrails.key):
        apart = partial(_apart, broken[g], now_broken[g], ground.size[org.guardrails.team[g]])
        _note(found, f"guardrail/{key}", broken[g], now_broken[g], apart)
    was = ground.coupled.setting.organisation.teams.people
    for t, key in enumerate(org.teams.key):
        _note(
            found,
            f"backlog/{key}",
            backlog[t],
            now_backlog[t],
            partial(_apart, backlog[t], now_backlog[t], ground.size[t]),
        )
        found.lost[key] = float((now_mean[t, :, kernel.LOST] - mean[t, :, kernel.LOST]).sum())
        found.people[key] = float((org.teams.people[t] - was[t]).mean()) if org.teams.people.shape[1] else 0.0
