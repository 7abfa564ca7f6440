"""What a scenario changes: the same futures drawn twice, with its levers pulled and without, and the difference.

Futures are paired, so the interval of a difference is narrow (`low`, `high`: 95 % for the Monte Carlo error). How much
it hangs on what is not known of the organisation is told apart (`model_low`, `model_high`: 95 % over the elasticity and
the size of run work).
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

import numpy as np
import polars as pl

from koers.engine.caveats import about_capacity
from koers.engine.coupled import Coupled, couple
from koers.engine.learning import learn
from koers.engine.outlook import CEILING, FLOOR, outlook
from koers.engine.projections import goals, readings
from koers.engine.prospect import SAMPLES
from koers.engine.replay import Frames, view
from koers.engine.staffing import PLAN_AHEAD, capacity_from
from koers.engine.standing import under_way
from koers.events.errors import KoersError
from koers.events.model import end_of
from koers.scenarios.levers import pulled
from koers.scenarios.model import Scenario
from koers.scenarios.pairs import SURE, Pair, pair
from koers.scenarios.redone import base
from koers.scenarios.world import baseline

LEAST = 100  # futures that a difference is told from
TOO_SMALL = 0.01
"""A smaller difference of probabilities is nothing to decide by."""
CHANCES = ("key_result/", "objective/", "guardrail/")
LIMIT = 10
"""Chunks of futures that are drawn at most."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One number with and without a scenario. `detectable`: the Monte Carlo interval excludes 0, and it matters."""

    baseline: float
    scenario: float
    delta: float
    low: float
    high: float
    model_low: float
    model_high: float
    detectable: bool

    @property
    def rests_on_the_model(self) -> bool:
        """Whether there is a difference, but for some of what may be true of the organisation none or the opposite."""
        return self.detectable and self.model_low <= 1e-9 and self.model_high >= -1e-9


@dataclass(frozen=True, slots=True)
class Running:
    """What it means for running the business in a team: backlog on the last morning and days lost to switching."""

    team: str
    backlog: Effect
    lost: float  # person-days more that are lost to switching
    people: float  # more, on average


@dataclass(frozen=True, slots=True)
class Comparison:
    """A scenario against the baseline; `nothing` if it changes none of the inputs."""

    scenario: Scenario
    key_results: dict[str, Effect]
    objectives: dict[str, Effect]
    guardrails: dict[str, Effect]
    overall: dict[str, Effect]
    running: tuple[Running, ...]
    nothing: bool
    futures: int


class Compared(NamedTuple):
    """Scenarios against the baseline, and what a forecast says of the capacity that it rests on, a sentence each."""

    comparisons: list[Comparison]
    warnings: list[str]


def what_if(
    recorded: Frames,
    as_of: date,
    known_at: datetime | None,
    scenarios: Sequence[Scenario],
    *,
    samples: int = SAMPLES,
    seed: int = 0,
    precision: float = 0.01,
) -> Compared:
    """Scenarios against what is forecast at the end of `as_of`; `recorded` is a log read by `replay.typed`.

    Raises KoersError where the log declares no capacity, InputError where a lever does not fit, as `compare` does.
    """
    ground = at(recorded, as_of, known_at, samples=samples, seed=seed, until=last_due(scenarios))
    known = ground.objectives, ground.others, ground.shown, ground.beside
    return Compared(compare(ground.coupled, scenarios, *known, precision=precision), ground.warnings)


@dataclass(frozen=True, slots=True)
class Ground:
    """What scenarios are compared on: the futures, the key results of each objective, and those no effort moves."""

    coupled: Coupled
    objectives: dict[str, tuple[str, ...]]
    others: dict[str, float]
    shown: frozenset[str]  # the key results that are under way
    warnings: list[str]  # see `Compared`
    beside: tuple[float, float] = (0.0, 0.0)  # weight of those no effort moves, and their weight x expected score


def at(
    recorded: Frames,
    as_of: date,
    known_at: datetime | None,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
    until: date | None = None,
    coupled: Coupled | None = None,
) -> Ground:
    """The ground at the end of `as_of`, as known; futures end with the last key result, or on a later day `until`.

    `coupled`: what a forecast as of then was drawn from, with these samples and seed; it serves where its futures reach
    `until`. Raises KoersError where the log declares no capacity.
    """
    known_at = known_at or end_of(as_of)
    frames = view(recorded, effective_until=as_of, known_until=known_at)
    table, values = goals(frames), readings(frames)
    if coupled is None or (until is not None and until > coupled.until):
        learnt = learn(table, values, as_of)
        coupled = couple(frames, table, values, as_of, learnt, samples=samples, seed=seed, until=until)
    if samples < LEAST:
        raise KoersError(f"{samples} samples: a difference needs at least {LEAST} futures")
    if coupled is None:
        raise _nothing_to_act_on(capacity_from(recorded, known_at))
    wanted = under_way(table, as_of)
    beside = wanted.filter(~pl.col("key_result").is_in(coupled.goals["key_result"].implode()))
    seen = outlook(table, values, as_of, beside["key_result"], coupled.taught)
    known = seen.join(beside, on="key_result").select("weight", "expected_score")
    weight, scored = (column.to_numpy() for column in known)
    groups = wanted.filter(pl.col("objective").is_not_null()).group_by("objective", maintain_order=True)
    return Ground(
        coupled=coupled,
        objectives={str(key[0]): tuple(group["key_result"]) for key, group in groups},
        others=dict(zip(seen["key_result"], seen["probability"], strict=True)),
        shown=frozenset(wanted["key_result"]),
        warnings=about_capacity(coupled, set(wanted["team"])),
        beside=(float(weight.sum()), float((weight * scored).sum())),
    )


def _nothing_to_act_on(known_from: date | None) -> KoersError:
    if known_from:
        return KoersError(f"capacity is known only from {known_from}: {PLAN_AHEAD}")
    return KoersError("no capacity is declared: a scenario needs capacity.csv (team, from, people) to act on")


def last_due(scenarios: Sequence[Scenario]) -> date | None:
    """The last due date that a lever sets: futures must reach it."""
    levers = [lever for scenario in scenarios for lever in scenario.lever]
    moved = [lever.due for lever in levers if lever.kind == "retarget" and lever.due is not None]
    return max([*moved, *(lever.goal.due for lever in levers if lever.kind == "add")], default=None)


def compare(
    coupled: Coupled,
    scenarios: Sequence[Scenario],
    objectives: dict[str, tuple[str, ...]],
    others: dict[str, float] | None = None,
    shown: Container[str] | None = None,
    beside: tuple[float, float] = (0.0, 0.0),
    *,
    precision: float = 0.01,
) -> list[Comparison]:
    """Each scenario against the baseline; for `objectives`, `others`, `shown` and `beside` see `pairs.pair`.

    Chunks of futures are added until all intervals of probabilities are narrower than `precision` to either side, up
    to LIMIT. Raises InputError where a lever does not fit.
    """
    asked = coupled.chunks()
    found: list[list[Pair]] = [[] for _ in scenarios]
    worlds = [pulled(baseline(coupled), scenario) for scenario in scenarios]
    for n in range(max(LIMIT, len(asked))):
        more = coupled.samples + (n - len(asked)) * len(asked[0])
        chunk = asked[n] if n < len(asked) else range(more, more + len(asked[0]))
        some = coupled.at(chunk)
        stands = base(some, chunk)
        for scenario, world, pairs in zip(scenarios, worlds, found, strict=True):
            again = world if n == 0 else pulled(baseline(some), scenario)
            pairs.append(pair(stands, again, objectives, others or {}, shown, beside))
        if n + 1 >= len(asked) and all(_narrow(pairs, precision) for pairs in found):
            break
    return [_comparison(scenario, pairs) for scenario, pairs in zip(scenarios, found, strict=True)]


def _narrow(pairs: Sequence[Pair], precision: float) -> bool:
    chances = {name for p in pairs for name in p.error if name.startswith(CHANCES)}
    return max((_half(pairs, name) for name in chances), default=0.0) <= precision


def _half(pairs: Sequence[Pair], name: str) -> float:
    """Half the width of the interval of a mean difference."""
    weights = np.array([p.futures for p in pairs]) / sum(p.futures for p in pairs)
    return SURE * float(np.sqrt(((weights * [p.error.get(name, 0.0) for p in pairs]) ** 2).sum()))


def _comparison(scenario: Scenario, pairs: Sequence[Pair]) -> Comparison:
    first = pairs[0]
    return Comparison(
        scenario=scenario,
        key_results={name: _probability(pairs, f"key_result/{name}") for name in first.named("key_result")},
        objectives={name: _probability(pairs, f"objective/{name}") for name in first.named("objective")},
        guardrails={name: _probability(pairs, f"guardrail/{name}") for name in first.named("guardrail")},
        overall={name: _effect(pairs, f"overall/{name}", TOO_SMALL) for name in first.named("overall")},
        running=tuple(
            Running(team, _effect(pairs, f"backlog/{team}", TOO_SMALL), first.lost[team], first.people[team])
            for team in first.named("backlog")
        ),
        nothing=first.nothing,
        futures=sum(p.futures for p in pairs),
    )


def _probability(pairs: Sequence[Pair], name: str) -> Effect:
    """The effect on a probability, both within the bounds that forecasts keep."""
    plain = _effect(pairs, name, TOO_SMALL)
    bounds = (0.0, 1.0) if name.startswith("guardrail") else (FLOOR, CEILING)
    before, after = (float(np.clip(value, *bounds)) for value in (plain.baseline, plain.scenario))
    clipped = (before != plain.baseline, after != plain.scenario)
    half = (plain.high - plain.low) / 2
    if any(clipped):  # a bound has no error
        half = 0.0 if all(clipped) else SURE * _error_of(pairs, name, "before" if clipped[1] else "after")
    delta = after - before
    detectable = abs(delta) >= TOO_SMALL and abs(delta) > half
    return Effect(before, after, delta, delta - half, delta + half, plain.model_low, plain.model_high, detectable)


def _error_of(pairs: Sequence[Pair], name: str, side: str) -> float:
    """The standard error of one side alone."""
    variance = np.mean([p.variance[name][side == "after"] for p in pairs])
    return float(np.sqrt(variance / sum(p.futures for p in pairs)))


def _effect(pairs: Sequence[Pair], name: str, least: float) -> Effect:
    before = float(np.average([p.before[name] for p in pairs], weights=[p.futures for p in pairs]))
    apart = np.concatenate([p.difference.get(name, np.zeros(p.futures)) for p in pairs])
    delta, half = float(apart.mean()), _half(pairs, name)
    model_low, model_high = np.mean([p.model.get(name, (0.0, 0.0)) for p in pairs], axis=0).tolist()
    detectable = abs(delta) >= least and abs(delta) > half
    return Effect(before, before + delta, delta, delta - half, delta + half, model_low, model_high, detectable)
