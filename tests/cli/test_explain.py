"""`koers explain`: one sentence, the parts in points, and errors people can act on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.world import check_ins, goal, koers, objective, refused, shown, told, write_log


@pytest.fixture
def moved(here: Path) -> Path:
    return write_log(here / "koers.db", [objective(), goal("calls"), *check_ins("calls", 1, 2, 3, 4, 5, 9)])


def test_json_adds_up(moved: Path) -> None:
    found = told("explain", "calls", "--until", "2026-11-06", "--since", "2026-10-30", "--json")
    assert set(found) == {"key_result", "since", "until", "before", "after", "parts"}
    assert all(set(part) == {"cause", "text", "on", "delta"} for part in found["parts"])
    assert sum(part["delta"] for part in found["parts"]) == pytest.approx(found["after"] - found["before"], abs=1e-9)


def test_people_read_a_sentence_and_points(moved: Path) -> None:
    text = shown("explain", "calls", "--since", "2026-10-01", "--until", "2026-11-20")
    first, *lines = text.splitlines()
    assert first.startswith(("Calls: rose from ", "Calls: fell from "))
    assert any("check-in of" in line for line in lines)
    assert all(len(line) <= 80 for line in text.splitlines())


def test_a_week_is_looked_back_on_unless_told_otherwise(moved: Path) -> None:
    found = told("explain", "calls", "--until", "2026-11-06", "--json")
    assert found["since"] == "2026-10-30"


def test_a_name_mistyped_is_met_with_the_one_that_was_meant(moved: Path) -> None:
    assert refused("explain", "cals") == "no key result cals in the log; did you mean calls?"


def test_days_outside_the_life_are_said_to_be(moved: Path) -> None:
    assert "has no forecast on both 2025-01-01 and" in refused("explain", "calls", "--since", "2025-01-01")
    assert "must come after" in refused("explain", "calls", "--since", "2026-11-20", "--until", "2026-11-20")


def test_control_characters_do_not_reach_the_terminal(here: Path) -> None:
    write_log(here / "koers.db", [objective(), goal("calls", title="[red]\x1b[2J"), *check_ins("calls", 1, 2, 3)])
    result = koers("explain", "calls", "--until", "2026-11-06", "--since", "2026-10-09")
    assert "\x1b" not in result.stdout
    assert result.exit_code == 0
