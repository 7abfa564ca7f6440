"""The futures that every try of a search meets: drawn once, and played again for the teams that are asked about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from koers.engine import kernel
from koers.engine.capacity import NEVER, Floats, Organisation
from koers.engine.coupled import Coupled
from koers.engine.futures import alone, elasticities, gained, reached, scores
from koers.engine.groups import Members, members
from koers.engine.luck import Known, Luck, Start, draw_for, known
from koers.engine.outlook import CEILING, FLOOR
from koers.events.columns import near
from koers.events.errors import InputError
from koers.scenarios.pairs import SURE, pair
from koers.scenarios.redone import base
from koers.scenarios.world import World


@dataclass(frozen=True, slots=True)
class Stage:
    """Draws that do not hang on what is decided; those of teams are kept once they have been asked for."""

    coupled: Coupled
    chunk: range
    elasticity: Floats  # (replication,)
    known: Known
    drawn: dict[tuple[int, ...], Luck] = field(default_factory=dict)

    def luck(self, org: Organisation, own: Members) -> Luck:
        """The draws of one group of teams."""
        teams = tuple(own.teams.tolist())
        if teams not in self.drawn:
            rows = own.teams, own.guardrails, own.initiatives
            self.drawn[teams] = draw_for(org, *rows, self.coupled.seed, self.chunk, self.known, kernel.machine()[0])
        return self.drawn[teams]


class Played(NamedTuple):
    """What becomes of one group of teams; arrays (key_result, guardrail or team of `own`, replication)."""

    own: Members
    chance: Floats
    score: Floats  # empty unless asked for
    broken: NDArray[np.bool_]
    backlog: Floats  # person-days on the last evening
    lost: Floats  # (team,) person-days lost to switching, on average

    def of(self, k: int) -> Floats:
        """The chance of key result k in each future."""
        found: Floats = self.chance[int(np.searchsorted(self.own.key_results, k))]
        return found


def stage(coupled: Coupled, most: int | None = None) -> Stage:
    """The first futures of `coupled`, at most so many: as in its first chunk, so they are those of `pairs.base`."""
    first = coupled.chunks()[0]
    chunk, org = range(min(len(first), most or len(first))), coupled.setting.organisation
    start = Start._make(part[:, : len(chunk)] for part in coupled.now)
    e = elasticities(coupled.setting, coupled.seed, chunk)
    return Stage(coupled, chunk, e, known(org, coupled.seed, chunk, start))


def group_with(world: World, team: int) -> Members:
    """The group of teams that `team` (an index) is one of."""
    return next(own for own in members(world.organisation) if team in own.teams)


def played(ground: Stage, world: World, own: Members, *, scored: bool = False) -> Played:
    """One group of teams in `world`, in the futures of `ground`."""
    setting = alone(world.setting, own)
    drawn = kernel.follow(setting.organisation, ground.luck(world.organisation, own), means=kernel.LOST + 1)
    size, e = ground.known.size[own.teams], ground.elasticity
    gain = np.where(world.movable[own.key_results, None], gained(setting, drawn, size, e), 0.0)
    score = scores(setting, gain, e) if scored else np.zeros((0, len(e)))
    lost = drawn.mean[:, :, kernel.LOST].sum(axis=1)
    backlog = np.maximum(drawn.backlog + ground.known.start.standing[own.teams], 0.0)
    return Played(own, reached(setting, gain, e), score, drawn.broken != NEVER, backlog, lost)


def chance(ground: Stage, world: World, k: int) -> Floats:
    """The chance of key result k in each future of `world`."""
    own = group_with(world, int(world.organisation.key_results.team[k]))
    return played(ground, world, own).of(k)


class Odds(NamedTuple):
    """A probability, and the middle 95 % for the Monte Carlo error of what was changed; all within what koers says."""

    probability: float
    low: float
    high: float


def error(ground: Stage, world: World, k: int) -> float:
    """Standard error of what `world` does to the mean chance of key result k, as a comparison tells it."""
    stands = base(ground.coupled, ground.chunk)
    return pair(stands, world, {}, {}).error.get(f"key_result/{world.organisation.key_results.key[k]}", 0.0)


def odds(values: Floats, error: float = 0.0) -> Odds:
    """The mean of `values`, known as well as its difference from the baseline is: to within `error`."""
    half = SURE * error
    mean = float(values.mean())
    return Odds(*(float(np.clip(value, FLOOR, CEILING)) for value in (mean, mean - half, mean + half)))


def asked_for(probability: float) -> float:
    """`probability` if a search can aim at it. Raises InputError."""
    if FLOOR <= probability <= CEILING:
        return probability
    sure = "nothing is certain, so no change gets there; " if probability in (0, 1) else ""
    raise InputError(f"probability {probability:.6g}: {sure}name one from {FLOOR:g} to {CEILING:g}")


def key_result_of(coupled: Coupled, name: str) -> int:
    """The index of a key result that effort moves. Raises InputError."""
    known = coupled.setting.organisation.key_results.key
    if name in known:
        return known.index(name)
    raise InputError(f"{name!r} is no key result that effort moves from now on{near(name, known)}")


def team_of(coupled: Coupled, name: str) -> int:
    """The index of a team with declared capacity. Raises InputError."""
    known = coupled.setting.organisation.teams.key
    if name in known:
        return known.index(name)
    raise InputError(f"{name!r} is no team with declared capacity{near(name, known)}")
