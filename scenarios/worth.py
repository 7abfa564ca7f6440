"""Decisions worth taking: a few that are found by search, and what each of them changes.

Two kinds are tried per team. Moving people from running to changing: the fewest, in halves of a person, that make its
key result likely that is nearest to being so. And giving up its key result that is as good as lost, for the sake of
the others.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from koers.scenarios.compare import Comparison, Ground, compare
from koers.scenarios.model import Drop, MoveCapacity, Scenario
from koers.scenarios.search import reach

LIKELY = 0.7
"""A key result with this probability is likely to be reached."""
LOST = 0.1
"""One with a smaller probability is as good as lost."""
MOST = 0.5
"""Share of a team's people that may be moved."""
LOOK = 2_000
"""Futures in which a search looks; what it finds is then compared in all of them."""
TRIES = 12
"""Decisions of either kind that are tried at most: for the likeliest key results, against the most lost ones."""
WORTH = 0.1
"""Expected key results more that make a decision worth taking."""


@dataclass(frozen=True, slots=True)
class Option:
    """A decision that a search found, for the sake of a key result, and what it changes."""

    key_result: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Options:
    """Those worth taking, the most valuable first, and how many were tried in all."""

    worth: tuple[Option, ...]
    tried: int


def options(ground: Ground, chances: Mapping[str, float]) -> Options:
    """Search the decisions of every team; `chances`: the probability of each key result under way, as forecast."""
    found = [*_moves(ground, chances), *_drops(ground, chances)]
    known = ground.objectives, ground.others, ground.shown, ground.beside
    compared = compare(ground.coupled, [scenario for _, scenario in found], *known) if found else []
    tried = [Option(name, result) for (name, _), result in zip(found, compared, strict=True)]
    good = [option for option in tried if _gain(option) >= WORTH]
    return Options(tuple(sorted(good, key=_gain, reverse=True)), len(tried))


def _gain(option: Option) -> float:
    """Expected key results more; none where no difference can be detected."""
    reached = option.comparison.overall["reached"]
    return reached.delta if reached.detectable else 0.0


def _by_team(ground: Ground, chances: Mapping[str, float]) -> Iterator[tuple[str, list[str]]]:
    """The key results of each team that effort moves, the least likely first."""
    org = ground.coupled.setting.organisation
    for t, team in enumerate(org.teams.key):
        own = [key for key, of in zip(org.key_results.key, org.key_results.team, strict=True) if of == t]
        yield team, sorted((key for key in own if key in chances), key=lambda key: (chances[key], key))


def _moves(ground: Ground, chances: Mapping[str, float]) -> Iterator[tuple[str, Scenario]]:
    """Per team the key result nearest to being likely, and the move of people that makes it so."""
    nearest = [(team, key) for team, own in _by_team(ground, chances) for key in own if not _likely(chances[key])]
    last = dict(nearest)
    teams = ground.coupled.setting.organisation.teams
    for team in sorted(last, key=lambda team: (-chances[last[team]], team))[:TRIES]:
        there = float(teams.people[teams.key.index(team)].min(initial=math.inf)) if ground.coupled.days else 0.0
        most = math.floor(2 * MOST * there) / 2
        if most <= 0.0:
            continue
        lever = MoveCapacity(team=team, people=most, to="change")
        found = reach(ground, last[team], LIKELY, lever, futures=LOOK)
        if found.amount is not None and found.moves:
            people = min(math.ceil(2 * found.amount - 1e-9) / 2, most)
            yield last[team], _scenario(lever.model_copy(update={"people": people}))


def _likely(chance: float) -> bool:
    """As people read it, in whole per cents."""
    return round(100 * chance) >= 100 * LIKELY


def _drops(ground: Ground, chances: Mapping[str, float]) -> Iterator[tuple[str, Scenario]]:
    """Per team with several key results the one that is as good as lost."""
    lost = [own[0] for _, own in _by_team(ground, chances) if len(own) > 1 and chances[own[0]] < LOST]
    for key in sorted(lost, key=lambda key: (chances[key], key))[:TRIES]:
        yield key, _scenario(Drop(key_result=key))


def _scenario(lever: MoveCapacity | Drop) -> Scenario:
    return Scenario(name="search", why="search", lever=(lever,))
