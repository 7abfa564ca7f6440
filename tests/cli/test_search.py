"""`koers search` at the terminal: what it says, in 80 columns and as JSON, and what it refuses."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from koers.cli.search_chart import chart
from tests.cli.world import cells, koers, misused, refused, shown, told

COMMANDS = ("reach", "frontier", "deadline", "sensitivity")
HIRE = 'name = "Hire two"\nwhy = "to see"\n\n[[lever]]\nkind = "hire"\nteam = "intake"\npeople = 2\nramp_up_days = 0\n'
REACH = ("search", "reach", "repeat", "--lever", "hire", "--team", "intake", "--ramp-up-days", 0)
FEW = ("--samples", 400)


@pytest.fixture
def plan(staffed: Path) -> Path:
    """A scenario beside the log."""
    path = staffed.parent / "plan.toml"
    path.write_text(HIRE, encoding="utf-8")
    return path


def narrow(text: str, columns: int = 80) -> bool:
    return all(cells(line) <= columns for line in text.splitlines())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_search_explains_itself(command: str) -> None:
    text = shown("search", command, "--help")
    assert text.startswith("Usage: ")
    assert "--json" in text
    assert narrow(text)


def test_search_lists_what_it_searches_for() -> None:
    text = shown("search", "--help")
    assert re.findall(r"^  ([a-z]+) ", text.split("Commands:")[1], re.MULTILINE) == list(COMMANDS)


def test_reach_tells_the_least_its_chance_and_its_cost(staffed: Path) -> None:
    best = told(*REACH, *FEW, "--probability", 0.99, "--json")
    asked = (best["without"] + best["odds"]["probability"]) / 2
    said = told(*REACH, *FEW, "--probability", asked, "--json")
    people = said["amount"]
    assert 0.0 < people < best["most"]
    assert said["lever"] == {"kind": "hire", "team": "intake", "people": people, "ramp_up_days": 0}
    assert asked <= said["odds"]["probability"] <= said["odds"]["high"]
    assert (said["as_of"], said["seed"], said["futures"], said["asked"]) == ("2026-11-24", 0, 400, asked)
    text = shown(*REACH, *FEW, "--probability", asked)
    assert narrow(text)
    assert "Calls that are repeats" in text
    assert f"hire: team intake, people {people:.4g}, ramp_up_days 0" in text


def test_a_search_says_what_a_forecast_says_of_capacity(staffed: Path) -> None:
    warnings = told(*REACH, *FEW, "--probability", 0.5, "--json")["warnings"]
    assert any("prior of the effort elasticity" in warning for warning in warnings)
    text = " ".join(shown(*REACH, *FEW, "--probability", 0.5).split())
    assert text.endswith(" ".join(f"Note: {warning}." for warning in warnings))


def test_reach_says_that_it_is_there_or_that_none_does(staffed: Path) -> None:
    assert "It needs no change" in shown(*REACH, *FEW, "--probability", 0.02)
    best = shown(*REACH, *FEW, "--probability", 0.99, "--at-most", 0.01)
    assert "No strength of this lever does, up to 0.01 people. At best, at" in best
    elsewhere = ("search", "reach", "guides", "--lever", "hire", "--team", "intake")
    assert "it does not touch this key result" in shown(*elsewhere, *FEW, "--probability", 0.98)


@pytest.mark.parametrize(
    "said",
    [
        ("--lever", "move_capacity", "--team", "intake", "--from", "2026-12-01"),
        ("--lever", "set_policy", "--team", "intake", "--policy", "buffer", "--parameters", '{"days": 3}'),
        ("--lever", "run_demand"),
        ("--lever", "retarget", "--due", "2027-01-15"),
        ("--lever", "automation", "--team", "intake", "--cost-days", 5, "--after", "2026-12-01"),
        ("--lever", "leave", "--team", "intake"),
        ("--lever", "absence", "--team", "intake", "--at-most", 10),
    ],
    ids=lambda said: said[1],
)
def test_reach_takes_every_lever_with_a_strength(staffed: Path, said: tuple[object, ...]) -> None:
    command = ("search", "reach", "repeat", *said, "--samples", 100, "--probability", 0.97)
    assert told(*command, "--json")["lever"]["kind"] == said[1]
    assert narrow(shown(*command))


def test_frontier_draws_one_team_and_lists_several(staffed: Path) -> None:
    text = shown("search", "frontier", *FEW, "--team", "platform")
    assert narrow(text)
    assert text.count("|") >= 12
    assert re.search(r"^ +now ", text, re.MULTILINE)
    listed = shown("search", "frontier", *FEW)
    assert narrow(listed)
    assert re.findall(r"^(intake|platform) ", listed, re.MULTILINE) == ["intake", "platform"]
    said = told("search", "frontier", *FEW, "--splits", 5, "--json")
    assert [own["team"] for own in said["teams"]] == ["intake", "platform"]
    assert [point["share"] for point in said["teams"][0]["points"]] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert said["teams"][0]["now"]["risk"] is None
    assert said["teams"][1]["guardrails"] == ["waiting"]


def test_deadline_tells_the_last_morning(plan: Path) -> None:
    command = ("search", "deadline", plan, *FEW, "--key-result", "repeat")
    series = told(*command, "--probability", 0.5, "--json")["series"]
    asked = (series[0]["probability"] + series[-1]["probability"]) / 2
    said = told(*command, "--probability", asked, "--json")
    assert date.fromisoformat(series[0]["from"]) <= date.fromisoformat(said["last"]) < date(2026, 12, 31)
    assert said["odds"]["probability"] >= asked > said["after"]["probability"]
    text = shown(*command, "--probability", asked)
    assert narrow(text)
    assert f"last morning to begin: {said['last']}" in text
    assert "no morning is early enough" in shown(*command, "--probability", 0.99)
    assert "Clients" not in shown("search", "deadline", plan, *FEW, "--probability", 0.5)


def test_sensitivity_tells_what_matters_of_one_and_of_all(plan: Path) -> None:
    said = told("search", "sensitivity", "repeat", "--scenario", plan, "--samples", 16, "--points", 16, "--json")
    names = [row["name"] for row in said["influences"]]
    assert {"effort elasticity", "lever 1: hire", "planned comings, goings", "size of initiatives"} <= set(names)
    assert said["scenario"] == "Hire two"
    text = shown("search", "sensitivity", "--samples", 16, "--points", 16)
    assert narrow(text)
    assert "Expected number of key results reached" in text
    assert narrow(shown("search", "sensitivity", "--samples", 16, "--points", 16, columns=60), 60)


def test_the_same_seed_says_the_same_and_the_log_stays_as_it_is(staffed: Path) -> None:
    before = staffed.read_bytes()
    command = (*REACH, *FEW, "--probability", 0.8, "--json")
    assert told(*command) == told(*command)
    assert told(*command) != told(*command, "--seed", 1)
    assert staffed.read_bytes() == before


@pytest.mark.parametrize("probability", ["0", "1", "1.2", "-1", "nan"])
@pytest.mark.parametrize("command", [REACH, ("search", "deadline", "plan.toml")], ids=["reach", "deadline"])
def test_a_probability_that_cannot_be_aimed_at_is_refused(
    plan: Path, command: tuple[Any, ...], probability: str
) -> None:
    assert "name one from 0.01 to 0.99" in refused(*command, f"--probability={probability}")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (("reach", "repaet", "--lever", "hire", "--team", "intake"), "did you mean repeat?"),
        (("reach", "repeat", "--lever", "hire", "--team", "intakes"), "did you mean intake?"),
        (("reach", "repeat", "--lever", "hire"), "lever (hire): team is missing"),
        (("reach", "repeat", "--lever", "drop"), "lever 'drop' has no strength to search for"),
        (("reach", "repeat", "--lever", "move_capacity", "--team", "intake", "--at-most", 99), "99 people, but intake"),
        (("reach", "repeat", "--lever", "hire", "--team", "intake", "--at-most", -1), "people -1 is not above 0"),
        (("reach", "repeat", "--lever", "hire", "--team", "intake", "--from", "2031-01-01"), "2031-01-01"),
        (("reach", "repeat", "--lever", "set_policy", "--team", "intake", "--parameters", "3"), "is no JSON object"),
        (("reach", "repeat", "--lever", "automation", "--team", "intake"), "is missing"),
        (("deadline", "none.toml"), "none.toml: cannot be read"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(plan: Path, said: tuple[Any, ...], why: str) -> None:
    assert why in refused("search", *said, "--probability", "0.5")


def test_a_team_without_people_is_refused_and_a_missing_option_is_usage(staffed: Path) -> None:
    assert "'x' is no team with declared capacity" in refused("search", "frontier", "--team", "x")
    assert "--probability" in misused("search", "reach", "repeat", "--lever", "hire")


def test_a_log_without_capacity_has_nothing_to_search(here: Path) -> None:
    koers("init")
    for command in (("frontier",), ("sensitivity",), (*REACH[1:], "--probability", 0.5)):
        assert "no capacity is declared" in refused("search", *command)


def test_a_chart_places_its_ends_and_keeps_to_its_width() -> None:
    lines = list(chart([(1.0, 0.0, "."), (2.0, 1.0, "o"), (2.0, 1.0, "N")], str, str, width=40))
    assert lines[0] == f"1.0 |{' ' * 33}N"
    assert lines[11] == "0.0 |."
    assert lines[13] == f"     1.0{'2.0':>31}"
    assert max(map(len, lines)) <= 40
    flat = list(chart([(1.0, 1.0, "o")], str, str, width=10))
    assert sum(line.count("o") for line in flat) == 1


def test_json_is_strict(staffed: Path) -> None:
    for command in (("frontier",), ("sensitivity", "--points", "16")):
        json.loads(shown("search", *command, "--json"), parse_constant=pytest.fail)
