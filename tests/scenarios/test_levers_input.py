"""Levers that do not fit are refused where they stand: file, line and what to do."""

from __future__ import annotations

import re

import pytest

from koers.events.errors import InputError
from koers.scenarios.files import scenario_from_toml
from tests.engine.organisations import day
from tests.scenarios.decided import (
    ADDED,
    compare_text,
    scenario,
    world,
)

REFUSED = {
    'hire team = "d"; people = 1': r"s.toml:6:1: lever 1 \(hire\): 'd' is no team",
    'hire team = "aa"; people = 1': r"s.toml:6:1: .*did you mean a\?",
    'move_capacity team = "a"; to_team = "bb"; people = 1; to = "run"': r"s.toml:7:1: .*did you mean b\?",
    'drop key_result = "a1O"': r"s.toml:6:1: lever 1 \(drop\): 'a1O' is no key result.*did you mean a1",
    'retarget key_result = "a1"; target = 3': r"s.toml:6:1: .*did you mean a1",
    'elasticity key_result = "zz"; value = 0.5': r"s.toml:6:1: ",
    'initiative initiative = "rebild"; drop = true': r"s.toml:6:1: .*did you mean rebuild\?",
    f'hire team = "a"; people = 1; from = {day(400)}': r"s.toml:8:1: .*no morning of those to come",
    f'drop key_result = "a10"; from = {day(400)}': r"s.toml:7:1: .*no morning of those to come",
    f"run_demand factor = 2; until = {day(3)}": r"s.toml:7:1: .*no morning of those to come",
    f'retarget key_result = "a10"; target = 3; due = {day(3)}': r"s.toml:8:1: .*outside the days to come",
    f'retarget key_result = "a10"; target = 3; from = {day(400)}': r"s.toml:8:1: .*no morning of those to come",
    f'initiative initiative = "rebuild"; drop = true; from = {day(400)}': r"s.toml:8:1: .*no morning of those to",
    'leave team = "b"; people = 5.5': r"s.toml:7:1: .*5.5 people, but b has 5",
    'move_capacity team = "c"; people = 7; to = "change"': r"s.toml:7:1: .*7 people, but c has 6",
    'set_policy team = "a"; policy = "freeze"; parameters = { share = 0.4, guardrail = "wait" }': r"s.toml:8:1: ",
    f'automation team = "a"; cost_days = 4; run_demand_factor = 0.5; after = {day(10)}': r"s.toml:9:1: .*no time to",
    'retarget key_result = "a10"': r"s.toml:\d+.*target is missing",
    'hire team = "a"; people = -1': r"s.toml:7:1: .*people -1 is not above 0",
    'hire team = "a"; pepole = 1': r"s.toml:7:1: .*did you mean people\?",
    'fire team = "a"; people = 1': r"s.toml:5:1: .*hire",
}


@pytest.mark.parametrize(("lever", "said"), REFUSED.items())
def test_what_does_not_fit_is_refused_where_it_stands(lever: str, said: str) -> None:
    with pytest.raises(InputError) as refusal:
        world(lever)
    assert re.match(said, str(refusal.value)), str(refusal.value)


def test_a_lever_is_refused_for_what_those_before_it_have_done() -> None:
    with pytest.raises(InputError, match=r"s.toml:12:1: lever 2 \(leave\): 5 people, but b has 4"):
        world('leave team = "b"; people = 1', 'leave team = "b"; people = 5')


CONTRADICTING = (
    ('drop key_result = "a10"', 'retarget key_result = "a10"; target = 50'),
    (
        'set_policy team = "a"; policy = "run_first"',
        'set_policy team = "a"; policy = "ring_fence"; parameters = { share = 0.5 }',
    ),
    ("elasticity value = 0.1", "elasticity value = 0.2"),
    ('initiative initiative = "rebuild"; drop = true', 'initiative initiative = "rebuild"; delay = 3'),
)


@pytest.mark.parametrize("levers", CONTRADICTING)
def test_levers_that_contradict_each_other_are_refused_with_both_their_lines(levers: tuple[str, str]) -> None:
    with pytest.raises(InputError, match=r"s.toml:\d+:\d+: lever 1 \(\w+, line 4\) and lever 2 "):
        scenario(*levers)


@pytest.mark.parametrize(
    ("text", "place"), [('name = "x"\nwhy = y\n', "s.toml:2:7"), ('name = "x"\nwhy = "y"\n[[lever]\n', "s.toml:3:8")]
)
def test_what_is_no_toml_is_refused_with_line_and_column(text: str, place: str) -> None:
    with pytest.raises(InputError) as refusal:
        scenario_from_toml(text, "s.toml")
    assert refusal.value.where == place


def test_a_key_result_that_is_there_cannot_be_added_and_none_for_an_unknown_team() -> None:
    for old, new, said in (('"a13"', '"a10"', "is a key result already"), ('"a"', '"zz"', "is no team")):
        with pytest.raises(InputError, match=rf"s.toml:\d+(:\d+)?: lever 1 \(add\): .*{said}"):
            compare_text(ADDED.replace(old, new))
