"""`koers play`: one future, told so that a person can follow it and a program can add it up."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest

from koers.engine.mornings import mornings
from tests.cli.staffed import KNOWN, TABLES, TODAY, staffed_log
from tests.cli.world import DUE, refused, shown, told

DAY = {"team", "date", "people", "run", "change", "lost", "idle", "arrived", "backlog", "policy_share"}


def test_json_has_a_row_per_team_and_morning_and_the_moves(staffed: Path) -> None:
    found = told("play", "--json")
    assert list(found) == ["days", "moves"]
    assert all(set(day) == DAY for day in found["days"])
    assert all(set(move) == {"date", "team", "what", "why"} for move in found["moves"])
    days = mornings(TODAY, DUE)
    assert [(day["date"], day["team"]) for day in found["days"]] == [
        (str(day), team) for day in days for team in ("intake", "platform")
    ]
    backlog: dict[str, float] = {}
    for day in found["days"]:
        there = day["run"] + day["change"] + day["lost"] + day["idle"]
        assert there <= day["people"] + 1e-9
        assert day["run"] <= (1 - day["policy_share"]) * there + 1e-9
        if day["team"] in backlog:
            assert day["backlog"] == pytest.approx(backlog[day["team"]] + day["arrived"] - day["run"], abs=1e-8)
        backlog[day["team"]] = day["backlog"]


def test_the_same_seed_tells_the_same_future_and_another_another(staffed: Path) -> None:
    assert told("play", "--seed", "7", "--json") == told("play", "--seed", "7", "--json")
    assert told("play", "--seed", "7", "--json") != told("play", "--seed", "8", "--json")


def test_plans_that_lie_ahead_are_told_on_their_day(staffed: Path) -> None:
    moves = [(move["date"], move["team"], move["what"]) for move in told("play", "--json")["moves"]]
    assert ("2026-12-07", "intake", "one person comes: 6 before, 7 now") in moves
    assert ("2026-12-14", "platform", "one person leaves: 4 before, 3 now") in moves
    assert ("2026-12-01", "platform", "2 person-days a morning are missed until 2026-12-04") in moves


def test_a_future_is_told_week_by_week_with_moves_as_sentences(staffed: Path) -> None:
    text = shown("play", "--seed", "1")
    assert "one future of many, seed 1" in text
    weeks = re.findall(r"^  (2026-1[12]-\d\d) +[\d.]+( +[\d.]+){6} *$", text, re.M)
    assert len(weeks) == 12
    assert len(re.findall(r"^  > [\d.]+ ", text, re.M)) >= 6
    flat = re.sub(r"\n {10}", " ", text)
    sentences = re.findall(r"^    \d\d-\d\d ([A-Z0-9].*: .*\.)$", flat, re.M)
    assert "One person comes: 6 before, 7 now: as planned from 2026-12-07 on." in sentences
    assert len(re.findall(r"^  in all", text, re.M)) == 2
    assert len(re.findall(r"^  run \d+%, change \d+%", text, re.M)) == 2


def test_weeks_add_up_to_what_the_days_say(staffed: Path) -> None:
    found, text = told("play", "--json"), shown("play")
    sums: dict[str, float] = defaultdict(float)
    for day in found["days"]:
        sums[day["team"]] += day["change"]
    printed = [float(row) for row in re.findall(r"^  in all +[\d.]+ +[\d.]+ +([\d.]+)", text, re.M)]
    assert printed == [pytest.approx(sums[team], abs=0.051) for team in ("intake", "platform")]


def test_only_some_mornings_and_only_one_team(staffed: Path) -> None:
    found = told("play", "--days", "3", "--team", "platform", "--json")
    assert [(day["team"], day["date"]) for day in found["days"]] == [
        ("platform", "2026-11-25"),
        ("platform", "2026-11-26"),
        ("platform", "2026-11-27"),
    ]
    assert all(move["team"] == "platform" and move["date"] <= "2026-11-27" for move in found["moves"])
    assert found["days"] == [
        day for day in told("play", "--json")["days"] if day["team"] == "platform" and day["date"] <= "2026-11-27"
    ]
    assert "intake" not in shown("play", "--team", "platform")


def test_a_team_without_capacity_is_refused_by_name(staffed: Path) -> None:
    assert (
        refused("play", "--team", "itnake") == "--team: team 'itnake' declares no capacity; these do: intake, platform"
    )


def test_a_log_without_capacity_gets_a_sentence(demo: Path) -> None:
    text = " ".join(shown("--log", demo, "play").split())
    assert "No capacity is declared in this log" in text
    assert "one future of many" not in text
    assert told("--log", demo, "play", "--json") == {"days": [], "moves": []}


def test_two_key_results_of_one_title_are_told_apart(here: Path) -> None:
    same = [line.replace("Calls that are repeats", "Questions answered by chat") for line in TABLES["key_results"]]
    staffed_log(here / "koers.db", key_results=same)
    text = shown("play", columns=130)
    assert "chat (Questions answered by chat)" in text
    assert "repeat (Questions answered by chat)" in text


def test_a_day_before_capacity_is_known_gets_a_sentence(staffed: Path) -> None:
    text = " ".join(shown("play", "--as-of", date(2026, 6, 1)).split())
    assert f"Capacity is declared in this log, but known only from {KNOWN}" in text
    assert "one future of many" not in text
