"""What matters, and what is worth finding out: the share of a forecast's variance that each unknown accounts for.

First-order and total effects of Sobol (2001, Mathematics and Computers in Simulation 55), estimated as by Saltelli et
al. (2010, Computer Physics Communications 181) from points of a Sobol sequence, shifted by named draws.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from koers.engine.capacity import Floats
from koers.engine.draws import stream, uniforms
from koers.engine.futures import alone
from koers.engine.groups import Bools, Members
from koers.events.errors import InputError
from koers.scenarios.compare import Ground
from koers.scenarios.levers import pulled
from koers.scenarios.model import Scenario
from koers.scenarios.search_futures import Stage, group_with, key_result_of, stage
from koers.scenarios.search_inputs import Bench, Case, Input, inputs, middle
from koers.scenarios.world import World, baseline

ALL = "reached"
"""The name for the expected number of key results that are reached."""
POINTS, POINTS_OF_ALL, FUTURES = 512, 128, 128
"""Points of the sequence (a power of 2), for one key result and for all; and futures that the mean is over."""
ENDS, LOOKS = (0.1, 0.9), 64
"""Where an input counts as low and as high, and the points at which that is looked at."""


class Sobol(NamedTuple):
    """Effects (input,) on a function of inputs from 0 to 1, its mean and standard deviation.

    `first_se`, `total_se`: their standard errors. `low`, `high`: the mean of the function with each input at .1 and at
    .9, over the same points of the others.
    """

    first: Floats
    total: Floats
    first_se: Floats
    total_se: Floats
    low: Floats
    high: Floats
    mean: float
    sd: float


def sobol(function: Callable[[Floats], float], count: int, points: int = POINTS, seed: int = 0) -> Sobol:
    """Effects of `count` inputs on `function`, which is given one point (input,); points x (count + 2) calls, and some.

    `points` is a power of 2. Where nothing varies, all effects are 0. Raises ValueError for a count without inputs.
    """
    from scipy.stats import qmc, sobol_indices

    if count < 1:
        raise ValueError("sobol: at least one input is needed")
    sequence = qmc.Sobol(2 * count, scramble=False).random(points)
    shift = uniforms(stream(seed, "sensitivity", ""), np.arange(2 * count), 0)
    both = np.clip((sequence + shift) % 1.0, 1e-9, 1.0 - 1e-9)
    a, b = both[:, :count], both[:, count:]
    at_a, at_b = _each(function, a), _each(function, b)
    mixed = np.array([[_each(function, _with(a, i, b[:, i]))] for i in range(count)])
    low, high = (np.array([_each(function, _with(a[:LOOKS], i, end)).mean() for i in range(count)]) for end in ENDS)
    values = np.concatenate([at_a, at_b])
    if np.ptp(values) < 1e-12:
        none = np.zeros(count)
        return Sobol(none, none, none, none, low, high, float(values.mean()), 0.0)
    found = sobol_indices(func={"f_A": at_a[None], "f_B": at_b[None], "f_AB": mixed}, n=points)
    first, total = (np.reshape(part, count) for part in (found.first_order, found.total_order))
    apart, scale = mixed[:, 0] - at_a, float(values.var()) * np.sqrt(points)
    first_se, total_se = (part.std(axis=1) / scale for part in ((at_b - values.mean()) * apart, apart**2 / 2))
    return Sobol(first, total, first_se, total_se, low, high, float(values.mean()), float(values.std()))


def _each(function: Callable[[Floats], float], points: Floats) -> Floats:
    return np.array([function(point) for point in points])


def _with(points: Floats, i: int, values: Floats | float) -> Floats:
    """The points with other values of input i."""
    found = points.copy()
    found[:, i] = values
    return found


class Influence(NamedTuple):
    """How much one thing matters. `first`: the share of the variance that goes once it is known; `total`: with all it
    has a part in; both with standard errors. `low`, `high`: the forecast where it is low and where it is high (a lever:
    not pulled, and pulled).
    """

    name: str
    range: str
    first: float
    total: float
    first_se: float
    total_se: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What a forecast hangs on, most important first; `sd` is how far it moves with all of it."""

    of: str  # a key result, or ALL
    scenario: str | None
    mean: float
    sd: float
    influences: tuple[Influence, ...]
    futures: int
    points: int


def sensitivity(
    ground: Ground,
    of: str = ALL,
    scenario: Scenario | None = None,
    *,
    points: int | None = None,
    futures: int = FUTURES,
) -> Sensitivity:
    """What the probability of key result `of`, or the expected number reached, hangs on: see `search_inputs`.

    Levers of `scenario` are inputs as well, pulled or not, in the order written; one that cannot be pulled without
    another is left out with it. A key result's own luck is no input: what is varied is what it is a chance of. Raises
    InputError where the key result or a lever does not fit.
    """
    coupled = ground.coupled
    org, k = coupled.setting.organisation, None if of == ALL else key_result_of(coupled, of)
    if not org.key_results.key:
        raise InputError("there is no key result that effort moves from now on")
    team = None if k is None else int(org.key_results.team[k])
    worlds = _Worlds(stage(coupled, futures), scenario, team)
    row = None if k is None else int(np.searchsorted(worlds.own.key_results, k))
    bench, known = Bench(worlds.of, worlds.full, worlds.own), inputs(worlds.case(worlds.every)[0].setting, row)

    def forecast(point: Floats) -> float:
        case, movable = worlds.case(tuple(bool(u >= 0.5) for u in point[len(known) :]))
        for one, u in zip(known, point.tolist(), strict=False):
            case = one.pull(case, u)
        chances = bench.chances(case, movable)
        return float((chances.sum(axis=0) if row is None else chances[row]).mean())

    levers = scenario.lever if scenario else ()
    if points is not None and (points < 1 or points & (points - 1)):
        raise InputError(f"{points} points: name a power of 2, such as {POINTS}")
    count = points or (POINTS if k is not None else POINTS_OF_ALL)
    found = sobol(forecast, len(known) + len(levers), count, coupled.seed)
    named = [*known, *(Input(f"lever {n}: {lever.kind}", "pulled, or not", _same) for n, lever in enumerate(levers, 1))]
    beside = sum(ground.others.values()) if k is None else 0.0
    return Sensitivity(
        of=of,
        scenario=scenario.name if scenario else None,
        mean=found.mean + beside,
        sd=found.sd,
        influences=_ordered(named, found, beside),
        futures=len(worlds.of.chunk),
        points=count,
    )


def _ordered(named: list[Input], found: Sobol, beside: float) -> tuple[Influence, ...]:
    rows = [
        Influence(
            name=one.name,
            range=one.range,
            first=float(np.clip(found.first[n], 0.0, 1.0)),
            total=float(np.clip(found.total[n], 0.0, 1.0)),
            first_se=float(found.first_se[n]),
            total_se=float(found.total_se[n]),
            low=float(found.low[n]) + beside,
            high=float(found.high[n]) + beside,
        )
        for n, one in enumerate(named)
    ]
    return tuple(sorted(rows, key=lambda row: (-row.total, row.name)))


def _same(case: Case, _: float) -> Case:
    return case


class _Worlds:
    """What the levers of a scenario, each pulled or not, make of the teams that go with `team`, or of all."""

    def __init__(self, of: Stage, scenario: Scenario | None, team: int | None) -> None:
        self.of, self.scenario = of, scenario
        self.every = (True,) * len(scenario.lever if scenario else ())
        self.full = pulled(baseline(of.coupled), scenario) if scenario else baseline(of.coupled)
        self.own = self._together(team)
        self.cases: dict[tuple[bool, ...], tuple[Case, Bools]] = {}

    def _together(self, team: int | None) -> Members:
        """The group of a team; all teams if levers tie other teams together than now."""
        plain, full = baseline(self.of.coupled), self.full
        if team is not None:
            before, after = group_with(plain, team), group_with(full, team)
            if np.array_equal(before.teams, after.teams):
                return after
        org = full.organisation
        return Members(
            *(np.arange(len(part.key)) for part in (org.teams, org.guardrails, org.key_results, org.initiatives))
        )

    def case(self, chosen: tuple[bool, ...]) -> tuple[Case, Bools]:
        """The teams with the chosen levers pulled, and which of their key results effort moves."""
        if chosen not in self.cases:
            world = self._world(chosen)
            goals = np.flatnonzero(np.isin(world.organisation.key_results.team, self.own.teams))
            own = self.own._replace(key_results=goals)
            self.cases[chosen] = middle(self.of, alone(world.setting, own), own), world.movable[goals]
        return self.cases[chosen]

    def _world(self, chosen: tuple[bool, ...]) -> World:
        world = baseline(self.of.coupled)
        if self.scenario is None or all(chosen):
            return self.full
        for lever, is_pulled in zip(self.scenario.lever, chosen, strict=True):
            if is_pulled:
                with suppress(InputError):  # it needs another that is not pulled
                    world = pulled(world, self.scenario.model_copy(update={"lever": (lever,)}))
        return world
