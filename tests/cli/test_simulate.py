"""`koers simulate`: a synthetic log, new, said to be synthetic, that every other command can work on."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from koers.engine.simulate import Settings, simulate
from koers.events.log import open_log
from tests.cli.world import misused, refused, shown, told

SMALL = ("simulate", "--out", "made-up.db", "--teams", "2", "--cycles", "2")
AS_OF = Settings(cycles=2).as_of


def test_it_says_that_the_log_is_synthetic_how_long_it_is_and_where_it_stands(here: Path) -> None:
    text = shown(*SMALL)
    with open_log(here / "made-up.db") as log:
        assert f"synthetic log: {log.verify().position:,} events" in text
        assert log.as_of == AS_OF
    assert f"stands at {AS_OF}" in text


def test_the_log_holds_the_events_of_its_seed(here: Path) -> None:
    said = told(*SMALL, "--seed", "3", "--json")
    want = simulate(Settings(teams=("team-1", "team-2"), cycles=2), 3)
    with open_log(here / "made-up.db") as log:
        assert [event.id for event in log.read()] == [event.id for event in want]
    assert said == {
        "log": "made-up.db",
        "synthetic": True,
        "events": len(want),
        "as_of": AS_OF.isoformat(),
        "seed": 3,
    }


def test_the_other_commands_take_the_day_it_stands_at(here: Path) -> None:
    shown(*SMALL)
    assert date.fromisoformat(told("--log", "made-up.db", "forecast", "--json")["as_of"]) == AS_OF
    assert f"As of {AS_OF}" in shown("--log", "made-up.db", "status")


def test_a_file_that_is_there_stays_as_it_is(here: Path) -> None:
    (here / "made-up.db").write_text("mine")
    assert refused(*SMALL).startswith("made-up.db: there is a file here already")
    assert (here / "made-up.db").read_text() == "mine"


def test_a_log_without_a_name_or_a_team_is_a_slip_of_the_hand(here: Path) -> None:
    assert "--out" in misused("simulate")
    assert "--teams" in misused(*SMALL, "--teams", "0")
    assert not list(here.iterdir())
