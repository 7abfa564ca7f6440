"""`koers whatif`: legible, whole, as JSON and as a table, and a sentence where nothing changes or fits."""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest

from koers.cli.effects import between, signed
from koers.engine.outlook import FLOOR
from tests.cli.staffed import TODAY
from tests.cli.world import cells, check_ins, goal, koers, misused, objective, refused, shown, told, write_log

FEW = ("--samples", "500", "--precision", "0.5")
EFFECT = ["baseline", "scenario", "delta", "low", "high", "model_low", "model_high", "detectable"]
SCENARIOS = {
    "hire": ('kind = "hire"\nteam = "platform"\npeople = 3\nramp_up_days = 0', "Three more people"),
    "busy": ('kind = "run_demand"\nfactor = 1.6', "Half as much again"),
    "drop": ('kind = "drop"\nkey_result = "repeat"', "Drop the repeats"),
    "same": ('kind = "run_demand"\nfactor = 1', "As it is"),
}
ADDED = """
[lever.key_result]
key_result = "forms"
title = "Forms that fill themselves"
team = "intake"
cycle = "2026-Q4"
unit = "forms"
kind = "milestone"
direction = "increase"
baseline = 0
target = 5
start = 2026-11-24
due = 2026-12-31
"""


@pytest.fixture
def files(staffed: Path) -> dict[str, Path]:
    """Scenarios in the working folder."""
    return {name: written(name, lever, title) for name, (lever, title) in SCENARIOS.items()}


def written(name: str, lever: str, title: str = "Test", why: str = "What does it bring?") -> Path:
    path = Path(f"{name}.toml")
    path.write_text(f'name = "{title}"\nwhy = "{why}"\n\n[[lever]]\n{lever}\n', encoding="utf-8")
    return path


def test_a_scenario_says_what_it_changes_and_what_that_costs(files: dict[str, Path]) -> None:
    text = shown("whatif", files["hire"], *FEW)
    assert text.startswith(f"As of {TODAY}, as known at")
    assert "\nThree more people\nWhat does it bring?\n" in text
    rows = re.findall(r"^E Guides .*?(\S+%) +(\S+%) +(\+\d+) +(\S+(?: to \S+)?) +(\S+(?: to \S+)?)$", text, re.M)
    assert len(rows) == 1
    assert re.search(r"and \d without a detectable difference", text)
    assert re.search(
        r"Expected: \d\.\d of 4 key results reached as planned, \d\.\d with it \(\+0\.\d\d; interval", text
    )
    assert re.search(r"^running +backlog at the end +switching +people\s*$", text, re.M)
    assert re.search(r"^platform +[\d.]+ > [\d.]+ ", text, re.M)
    assert "intake" not in text.split("running")[1]
    assert "Side by side" not in text


def test_a_what_if_says_what_a_forecast_says_of_capacity(files: dict[str, Path]) -> None:
    forecast = told("forecast", "--json")["warnings"]
    found = told("whatif", files["hire"], *FEW, "--json")["warnings"]
    assert any("prior of the effort elasticity" in warning for warning in found)
    assert [warning for warning in forecast if warning in found] == found
    text = " ".join(shown("whatif", files["hire"], *FEW).split())
    assert text.endswith(" ".join(f"Note: {warning}." for warning in found))


def test_what_rests_on_the_elasticity_is_marked_and_explained(files: dict[str, Path]) -> None:
    found = told("whatif", files["busy"], *FEW, "--json")["scenarios"][0]
    marked = [row["key_result"] for row in found["key_results"] if row["rests_on_elasticity"]]
    text = shown("whatif", files["busy"], *FEW)
    assert marked
    assert len(re.findall(r"^E (?!rests)", text, re.M)) >= len(marked)
    assert "E rests on the elasticity: " in text
    assert "rests on the elasticity" not in shown("whatif", files["same"], *FEW)


def test_gains_come_before_losses_and_a_dropped_key_result_is_called_that(files: dict[str, Path]) -> None:
    text = shown("whatif", files["drop"], *FEW)
    assert re.search(r"Calls that are repeats +\S+% +dropped +-\d+", text)
    assert text.index("Questions answered by") < text.index("Calls that are repeats")
    signs = re.findall(r"% +(?:\S+%|dropped) +([+-])\d", text.split("objective")[0])
    assert signs == sorted(signs)


def test_a_new_key_result_has_its_own_title_and_no_chance_as_planned(files: dict[str, Path]) -> None:
    path = written("add", f'kind = "add"\n{ADDED}')
    assert re.search(r"Forms that fill\S* .*new +\S+%", shown("whatif", path, *FEW))


def test_a_scenario_that_changes_nothing_is_said_to_and_is_no_error(files: dict[str, Path]) -> None:
    text = shown("whatif", files["same"], *FEW)
    assert "It changes nothing: with these levers all stays as planned." in text
    assert "points" not in text
    found = told("whatif", files["same"], *FEW, "--json")["scenarios"][0]
    assert found["nothing"]
    assert {row["delta"] for row in found["key_results"]} == {0.0}


def test_several_scenarios_stand_side_by_side_at_the_end(files: dict[str, Path]) -> None:
    text = shown("whatif", *files.values(), *FEW)
    end = text.split("Side by side")[1].splitlines()
    assert [line.split("  ")[0].strip() for line in end[1:7]] == [
        "scenario",
        "as planned",
        *(title for _, title in SCENARIOS.values()),
    ]
    assert re.search(r"Three more people +\+0\.\d\d ", text)
    assert re.search(r"As it is +no change", text)
    assert text.count("points: the difference in percentage points") == 1


@pytest.mark.parametrize("columns", [40, 60, 80, 130])
def test_no_line_is_longer_than_the_terminal(files: dict[str, Path], columns: int) -> None:
    text = shown("whatif", *files.values(), *FEW, columns=columns)
    assert [line for line in text.splitlines() if cells(line) > columns] == []


def test_nothing_is_coloured_without_a_terminal(files: dict[str, Path]) -> None:
    assert "\x1b" not in shown("whatif", *files.values(), *FEW)


def test_json_has_the_keys_that_were_promised(files: dict[str, Path]) -> None:
    found = told("whatif", *files.values(), *FEW, "--seed", "3", "--json")
    assert (found["as_of"], found["seed"], found["samples"]) == (str(TODAY), 3, 500)
    assert [one["name"] for one in found["scenarios"]] == [title for _, title in SCENARIOS.values()]
    for one in found["scenarios"]:
        for group, key in (("key_results", "key_result"), ("objectives", "objective"), ("guardrails", "guardrail")):
            assert one[group]
            for row in one[group]:
                assert list(row)[:9] == [key, *EFFECT]
                assert row["delta"] == pytest.approx(row["scenario"] - row["baseline"], abs=1e-12)
        assert set(one["overall"]) == {"reached", "score"}
        assert [row["team"] for row in one["running"]] == ["intake", "platform"]
    dropped = {row["key_result"]: row for row in found["scenarios"][2]["key_results"]}
    assert dropped["repeat"]["scenario"] == FLOOR


def test_the_table_has_a_row_per_scenario_and_key_result(files: dict[str, Path]) -> None:
    found = told("whatif", files["hire"], files["drop"], *FEW, "--out", "w.parquet", "--json")
    table = pl.read_parquet("w.parquet")
    assert table.columns == ["scenario_name", "key_result", "title", *EFFECT, "rests_on_elasticity"]
    rows = [(one["name"], row["key_result"], row["delta"]) for one in found["scenarios"] for row in one["key_results"]]
    assert table.select("scenario_name", "key_result", "delta").rows() == rows
    for name in ("w.csv", "w.json"):
        shown("whatif", files["hire"], *FEW, "--out", name)
    assert pl.read_csv("w.csv").height == len(json.loads(Path("w.json").read_text())) == 4


def test_the_baseline_is_what_is_forecast(files: dict[str, Path]) -> None:
    few = ("--samples", "500", "--seed", "2", "--json")
    forecast = {row["key_result"]: row["probability"] for row in told("forecast", *few)["key_results"]}
    found = told("whatif", files["hire"], *few, "--precision", "0.5")["scenarios"][0]
    for row in found["key_results"]:
        assert row["baseline"] == pytest.approx(forecast[row["key_result"]], abs=1e-12)


def test_another_day_and_time_known_can_be_asked_for(files: dict[str, Path]) -> None:
    asked = ("whatif", files["hire"], *FEW, "--as-of", "2026-11-02")
    assert shown(*asked).startswith("As of 2026-11-02: what if")
    assert told(*asked, "--known-at", "2026-10-20", "--json") != told(*asked, "--json")


def test_more_precision_takes_more_futures(files: dict[str, Path]) -> None:
    rough, fine = (
        told("whatif", files["busy"], "--samples", "1024", "--precision", p, "--json")["scenarios"][0]["futures"]
        for p in ("0.5", "0.002")
    )
    assert rough < fine


REFUSED = {
    'kind = "hire"\nteam = "intak"\npeople = 1': r"bad\.toml:6:1: lever 1 \(hire\): 'intak' .*did you mean intake\?",
    'kind = "drop"\nkey_result = "chats"': r"bad\.toml:6:1: .*did you mean chat\?",
    'kind = "leave"\nteam = "platform"\npeople = 9': r"bad\.toml:7:1: .*platform has",
    'kind = "hire"\nteam = "intake"\npeople = 1\nfrom = 2031-01-01': r"bad\.toml:8:1: .*no morning",
    'kind = "hire"\nteam = "intake"\npepole = 1': r"bad\.toml:7:1: .*did you mean people\?",
    'kind = "hire"\nteam = intake': r"bad\.toml:6:8: this is no TOML",
    'kind = "drop"\nkey_result = "chat"\n[[lever]]\nkind = "drop"\nkey_result = "chat"': r"bad\.toml:9:1: .*lever 2",
}


@pytest.mark.parametrize(("lever", "said"), REFUSED.items())
def test_what_does_not_fit_is_refused_with_file_and_line(staffed: Path, lever: str, said: str) -> None:
    assert re.match(said, refused("whatif", written("bad", lever)))


def test_two_scenarios_of_one_name_are_refused(files: dict[str, Path]) -> None:
    again = written("again", SCENARIOS["busy"][0], SCENARIOS["hire"][1])
    assert refused("whatif", files["hire"], again) == (
        "again.toml: is called 'Three more people' as hire.toml is: give each scenario a name of its own"
    )


def test_a_log_without_capacity_and_one_that_is_empty_say_what_is_missing(here: Path) -> None:
    path = written("hire", SCENARIOS["hire"][0])
    write_log(Path("koers.db"), [objective(), goal("a"), *check_ins("a", 1, 2)])
    assert "capacity.csv" in refused("whatif", path)
    shown("--log", "empty.db", "init")
    assert "capacity.csv" in refused("--log", "empty.db", "whatif", path)


def test_a_call_that_makes_no_sense_is_a_matter_of_usage(files: dict[str, Path]) -> None:
    misused("whatif")
    misused("whatif", files["hire"], "--precision", "0")
    misused("whatif", files["hire"], "--precision", "two")
    assert koers("whatif", files["hire"], "--out", "w.txt").exit_code == 1


def test_a_title_that_would_rule_the_terminal_is_made_harmless(staffed: Path) -> None:
    path = written("evil", SCENARIOS["same"][0], "Red \\u001b[31m [bold]alert[/]", "Why \\u0007 not?")
    text = shown("whatif", path, *FEW)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[bold]alert[/]" in text


def test_differences_read_as_people_say_them() -> None:
    assert [signed(x) for x in (0.4, -0.4, 1.0, -12.3)] == ["0", "0", "+1", "-12"]
    assert (between(1.1, 1.2), between(-3, 2), between(0.101, 0.109, 2)) == ("+1", "-3 to +2", "+0.10 to +0.11")
