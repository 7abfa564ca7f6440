"""Decisions that a search finds: the least that does, worth what is asked, and none where nothing can be done."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from koers.engine.outlook import CEILING, FLOOR
from koers.scenarios.compare import Ground
from koers.scenarios.levers import pulled
from koers.scenarios.model import Drop, MoveCapacity, Scenario
from koers.scenarios.search_futures import chance, key_result_of, odds, stage
from koers.scenarios.world import baseline
from koers.scenarios.worth import LOOK, LOST, MOST, WORTH, Options, _moves, options
from tests.scenarios.searched import ground


@cache
def here() -> Ground:
    return ground()


@cache
def chances() -> dict[str, float]:
    """As forecast, but for one that is as good as lost."""
    of = stage(here().coupled)
    known = here().coupled.setting.organisation.key_results.key
    plain = baseline(here().coupled)
    found = {key: float(np.clip(chance(of, plain, k).mean(), FLOOR, CEILING)) for k, key in enumerate(known)}
    return found | {"b10": 0.02}


@cache
def found() -> Options:
    return options(here(), chances())


@pytest.mark.parametrize("worth", [0.02, WORTH])
def test_what_is_shown_is_worth_what_is_asked_and_the_best_comes_first(
    monkeypatch: pytest.MonkeyPatch, worth: float
) -> None:
    monkeypatch.setattr("koers.scenarios.worth.LIKELY", 0.35)
    monkeypatch.setattr("koers.scenarios.worth.WORTH", worth)
    shown = options(here(), chances())
    gains = [option.comparison.overall["reached"] for option in shown.worth]
    assert gains or worth == WORTH
    assert all(gain.detectable and gain.delta >= worth for gain in gains)
    assert [gain.delta for gain in gains] == sorted((gain.delta for gain in gains), reverse=True)
    assert len(gains) <= shown.tried


@pytest.mark.parametrize("likely", [0.25, 0.35])
def test_a_move_is_the_fewest_people_in_halves_that_make_a_key_result_likely(
    monkeypatch: pytest.MonkeyPatch, likely: float
) -> None:
    monkeypatch.setattr("koers.scenarios.worth.LIKELY", likely)
    of, teams = stage(here().coupled, LOOK), here().coupled.setting.organisation.teams
    moves = [(name, lever) for name, made in _moves(here(), chances()) for lever in made.lever]
    assert moves
    for name, lever in moves:
        assert isinstance(lever, MoveCapacity)
        k = key_result_of(here().coupled, name)

        def after(people: float, lever: MoveCapacity = lever, k: int = k) -> float:
            moved = lever.model_copy(update={"people": people})
            return odds(chance(of, pulled(baseline(here().coupled), _only(moved)), k)).probability

        assert chances()[name] < likely <= after(lever.people)
        assert 2 * lever.people == round(2 * lever.people)
        assert lever.people == 0.5 or after(lever.people - 0.5) < likely
        assert lever.people <= MOST * teams.people[teams.key.index(lever.team)].min()


def _only(lever: MoveCapacity) -> Scenario:
    return Scenario(name="s", why="to see", lever=(lever,))


def test_only_a_key_result_as_good_as_lost_is_given_up() -> None:
    lost = {name for name, probability in chances().items() if probability < LOST}
    dropped = {
        lever.key_result
        for one in options(here(), chances()).worth
        for lever in one.comparison.scenario.lever
        if isinstance(lever, Drop)
    }
    assert dropped <= lost
    assert "b10" in lost


def test_where_all_are_likely_there_is_nothing_to_try() -> None:
    assert options(here(), dict.fromkeys(chances(), 0.9)) == Options((), 0)
    assert options(here(), {}) == Options((), 0)


def test_of_two_people_one_is_the_most_that_moves() -> None:
    one = here().coupled
    teams = one.setting.organisation.teams
    few = replace(teams, people=np.full_like(teams.people, 0.9))
    small = replace(one, setting=replace(one.setting, organisation=replace(one.setting.organisation, teams=few)))
    tried = options(replace(here(), coupled=small), {"b10": 0.5})
    assert tried.tried == 0


@pytest.mark.parametrize("name", ["worth", "tried"])
def test_the_same_ground_gives_the_same_decisions(name: str) -> None:
    assert getattr(options(here(), chances()), name) == getattr(found(), name)
