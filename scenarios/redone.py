"""A chunk of futures with a decision: those groups of teams that it touches, played again on the same draws."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from koers.engine import kernel
from koers.engine.batches import apart, batches
from koers.engine.capacity import Floats, Ints, Organisation
from koers.engine.coupled import Coupled
from koers.engine.elasticity import GRID
from koers.engine.futures import Setting, alone, gained, reached, scores
from koers.engine.groups import Bools, Members, members
from koers.engine.luck import start_of
from koers.scenarios.learning import Learnt, Side, relearnt
from koers.scenarios.same import same_beliefs, same_inputs
from koers.scenarios.world import World

SOME = 2_000
"""Futures that speak for all where a difference is worked out for one elasticity and size of run work after another."""


@dataclass(frozen=True, slots=True)
class Base:
    """The baseline of a chunk of futures, all that scenarios are held against; arrays (key_result, replication)."""

    coupled: Coupled
    chunk: range
    size: Floats  # (team, replication)
    elasticity: Floats  # (replication,)
    gain: Floats
    chance: Floats
    score: Floats
    given: Floats  # (elasticity, key_result, SOME) chance at each elasticity of the grid
    batches: list[slice]
    apart: Floats  # (batch, key_result): see `batches.apart`
    totals: dict[tuple[str, bytes], Floats] = field(default_factory=dict)  # worked out once for all scenarios

    def total(self, name: str, weight: Floats, rows: Ints) -> Floats:
        """The weighted sum of `name` (chance or score) over key results `rows`, (replication,)."""
        key = (name, weight[rows].tobytes() + rows.tobytes())
        if key not in self.totals:
            self.totals[key] = np.asarray(weight[rows] @ getattr(self, name)[rows])
        return self.totals[key]


def base(coupled: Coupled, chunk: range) -> Base:
    """The baseline of a chunk that `coupled` holds."""
    setting = coupled.setting
    _, gain, e = coupled.futures(chunk)
    size = coupled.size[:, : len(chunk)]
    given = _given(setting, coupled.first.up_to(min(SOME, len(chunk))), size[:, :SOME], coupled.movable)
    return Base(
        coupled,
        chunk,
        size,
        e,
        gain,
        reached(setting, gain, e),
        scores(setting, gain, e),
        given,
        _batches(coupled, chunk),
        apart(coupled, chunk.start)[0],
    )


def _batches(coupled: Coupled, chunk: range) -> list[slice]:
    """The batches in which a chunk of futures learnt what is usual, as far as it goes."""
    count = len(chunk)
    return [slice(own.start, min(own.stop, count)) for own in batches(coupled.size.shape[1]) if own.start < count]


def _given(setting: Setting, drawn: kernel.Futures, size: Floats, movable: Bools) -> Floats:
    """(elasticity, key_result, replication) chance at each elasticity."""
    found = []
    for e in (np.full(size.shape[1], value) for value in GRID):
        gain = np.where(movable[:, None], gained(setting, drawn, size, e), 0.0)
        found.append(reached(setting, gain, e))
    return np.stack(found)


@dataclass(slots=True)
class After:
    """The futures of a scenario: arrays as in Base, rows of new key results last."""

    world: World
    touched: set[int]
    groups: list[tuple[Members, kernel.Futures | None]]  # those touched; with what was drawn anew
    chance: Floats
    score: Floats
    given: Floats
    given_before: Floats
    size: Floats
    relearnt: dict[int, tuple[Floats, Floats]] = field(default_factory=dict)  # chance before and after, by key result

    @property
    def nothing(self) -> bool:
        """Whether the decision changes none of the inputs."""
        return not self.groups

    def size_of(self, k: int) -> Floats:
        """Sizes of run work of a key result's team, (SOME,)."""
        return self.size[self.world.organisation.key_results.team[k], : self.given.shape[2]]

    @classmethod
    def of(cls, ground: Base, world: World) -> After:
        """The futures of `ground` with the decision of `world`."""
        was, org = ground.coupled.setting, world.organisation
        more = len(org.key_results.key) - len(ground.chance)
        pad = [(0, more), (0, 0)]
        chance, score = (np.pad(part, pad) if more else part.copy() for part in (ground.chance, ground.score))
        given = np.pad(ground.given, [(0, 0), *pad]) if more else ground.given
        after = cls(world, set(), [], chance, score, given, given, ground.size)
        for own in members(org):
            drawn_anew = not same_inputs(was.organisation, org, own)
            if drawn_anew or not same_beliefs(ground.coupled, world, own.key_results):
                after._redo(ground, own, anew=drawn_anew)
        return after

    def _redo(self, ground: Base, own: Members, *, anew: bool) -> None:
        """One group of teams again."""
        coupled, setting = ground.coupled, alone(self.world.setting, own)
        drawn = _play(ground, setting.organisation, own) if anew else _of(coupled.first, own, len(ground.chunk))
        size, movable = ground.size[own.teams], self.world.movable[own.key_results]
        gain = np.where(movable[:, None], gained(setting, drawn, size, ground.elasticity), 0.0)
        rows, some = own.key_results, self.given.shape[2]
        self.chance[rows], self.score[rows] = (
            reached(setting, gain, ground.elasticity),
            scores(setting, gain, ground.elasticity),
        )
        if self.given is self.given_before:
            self.given = self.given_before.copy()
        self.given[:, rows] = _given(setting, drawn.up_to(some), size[:, :some], movable)
        self.touched |= set(rows.tolist())
        self._learn_again(ground, own, Side(setting, drawn, movable))
        self.groups.append((own, drawn if anew else None))

    def _learn_again(self, ground: Base, own: Members, after: Side) -> None:
        """The same, each batch of futures by what it has learnt."""
        coupled = ground.coupled
        old = own._replace(key_results=own.key_results[own.key_results < len(ground.chance)])
        before = Side(
            alone(coupled.setting, old), _of(coupled.first, old, len(ground.chunk)), coupled.movable[old.key_results]
        )
        parts = coupled.usual.by_batch.usual, coupled.usual.by_batch.typical, ground.apart - ground.apart.mean(axis=0)
        learnt = Learnt(*(part[..., old.key_results] for part in parts))
        size = ground.size[own.teams]
        one, other = relearnt(before, after, learnt, ground.batches, size, ground.elasticity)
        self.relearnt |= {k: (one[n], other[n]) for n, k in enumerate(old.key_results.tolist())}


def _play(ground: Base, org: Organisation, own: Members) -> kernel.Futures:
    start = start_of(ground.coupled.now, own.teams, own.guardrails)
    some = type(start)._make(part[:, : len(ground.chunk)] for part in start)
    size, told = ground.size[own.teams], kernel.LOST + 1
    return kernel.run(org, ground.coupled.seed, ground.chunk, size=size, start=some, means=told)


def _of(drawn: kernel.Futures, own: Members, count: int) -> kernel.Futures:
    """The effort of one group among all."""
    k = own.key_results
    return drawn.up_to(count)._replace(effort=drawn.effort[k, :count], landed=drawn.landed[k, :count])
