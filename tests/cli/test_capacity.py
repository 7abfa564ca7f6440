"""`koers capacity`, and what a forecast shows of it: legible, whole, and a sentence where there is nothing to say."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from koers.cli.capacity import band
from koers.cli.text import run_of
from koers.engine.joint import Week
from koers.events.model import KpiDefined
from tests.cli.staffed import KNOWN, TABLES, TODAY, staffed_log
from tests.cli.world import cells, check_ins, event, goal, koers, objective, refused, shown, told, write_log

FEW = ("--samples", "500")
HIRE = 'name = "Three more"\nwhy = "Chat"\n\n[[lever]]\nkind = "hire"\nteam = "intake"\npeople = 3\n'


def test_each_team_stands_with_its_people_policy_and_basis(staffed: Path) -> None:
    text = shown("capacity", *FEW)
    assert "intake · 6 people · buffer · run work from tickets and effort" in text
    assert "platform · 4 people · threshold · run work from tickets and effort" in text
    rows = re.findall(r"  run share +(\d+)%  ([▁-█]+) +(\d+)% \((\d+)-(\d+)%\) +(\d+)% \((\d+)-(\d+)%\)", text)
    assert len(rows) == 2
    for _, drawn, *numbers in rows:
        next_week, low, high, *_ = map(int, numbers)
        assert low <= next_week <= high
        assert len(drawn) == 6
    assert len(re.findall(r"  backlog +[\d.]+  [▁-█]{6}", text)) == 2
    assert len(re.findall(r"  switching costs [\d.]+ person-days until the week of 2026-12-28", text)) >= 1


def test_weeks_shows_a_line_per_week_with_its_range_drawn(staffed: Path) -> None:
    text = shown("capacity", "--weeks", *FEW)
    assert (
        len(re.findall(r"^  2026-1[12]-\d\d  +\d+%  \d+-\d+% +[·─]*█[·─]*  +[\d.]+  [\d.]+-[\d.]+", text, re.M)) == 12
    )


def test_guardrails_are_listed_with_their_limits_and_those_not_simulated_say_so(staffed: Path) -> None:
    text = shown("capacity", *FEW)
    assert re.search(r"Phone answered.* · intake · at least 80, last 78\.5, broken · not simulated", text)
    assert re.search(r"Backlog of the platform · platform · at most 2, no value yet · breaks \S+%", text)
    assert re.search(r"    Guides written by their users: reached, and it holds \S+%", text)


@pytest.mark.parametrize("columns", [40, 60, 80, 130])
@pytest.mark.parametrize("command", ["capacity", "capacity --weeks", "forecast", "play"])
def test_no_line_is_longer_than_the_terminal(staffed: Path, command: str, columns: int) -> None:
    few = () if command == "play" else FEW
    text = shown(*command.split(), *few, columns=columns)
    assert [line for line in text.splitlines() if cells(line) > columns] == []


def test_json_is_what_the_forecast_says(staffed: Path) -> None:
    found, forecast = told("capacity", *FEW, "--json"), told("forecast", *FEW, "--json")
    assert list(found) == ["as_of", "known_at", "seed", "samples", "teams", "guardrails"]
    assert (found["teams"], found["guardrails"]) == (forecast["capacity"], forecast["guardrails"])
    assert found["teams"][0]["weeks"][0]["week_start"] == "2026-11-23"
    assert told("capacity", *FEW, "--seed", "1", "--json")["teams"] != found["teams"]
    assert told("capacity", *FEW, "--as-of", TODAY, "--json")["teams"] == found["teams"]


def test_the_table_has_a_row_per_team_and_week(staffed: Path) -> None:
    shown("capacity", *FEW, "--out", "capacity.csv")
    table = pl.read_csv("capacity.csv")
    assert table.height == 12
    assert table.columns[:7] == ["team", "people", "policy", "run_share_now", "backlog_now", "rests_on", "lost"]
    assert table["week_start"].n_unique() == 6
    assert (table["run_share"] <= 1).all()


def test_a_log_without_capacity_gets_a_sentence(demo: Path) -> None:
    text = " ".join(shown("--log", demo, "capacity").split())
    assert "No capacity is declared in this log" in text
    assert "import capacity.csv (team,from,people)" in text
    found = told("--log", demo, "capacity", "--json")
    assert (found["teams"], found["guardrails"]) == ([], [])
    shown("--log", demo, "capacity", "--out", "none.parquet")
    assert pl.read_parquet("none.parquet").height == 0


def test_capacity_that_is_not_known_yet_is_said_to_be_and_recorded_on_makes_it_known(here: Path) -> None:
    before = ("--as-of", "2026-11-13")
    (here / "hire.toml").write_text(HIRE, encoding="utf-8")
    staffed_log(here / "koers.db", capacity=["team,from,people", "intake,2026-11-16,6"], absences=[])
    for command in ("capacity", "play"):
        text = " ".join(shown(command, *before).split())
        assert "Capacity is declared in this log, but known only from 2026-11-16" in text
        assert "to plan ahead, add recorded_on to capacity.csv" in text
    assert refused("whatif", "hire.toml", *before).startswith("capacity is known only from 2026-11-16: to plan ahead")
    assert "Note: capacity is known only from 2026-11-16: the forecast rests on" in shown("forecast", *before)
    planned = ["team,from,people,recorded_on", f"intake,2026-11-16,6,{KNOWN}"]
    log = staffed_log(here / "planned.db", capacity=planned, absences=[])
    assert "intake · nobody · buffer" in shown("--log", log, "capacity", *before, *FEW)
    assert koers("--log", log, "whatif", "hire.toml", *before, *FEW).exit_code == 0


def test_an_empty_log_says_how_to_fill_it(here: Path) -> None:
    shown("init")
    for command in ("capacity", "play"):
        assert "The log is empty: `koers import FOLDER` takes in tables." in shown(command)


def test_the_forecast_shows_everything_together_guardrails_at_risk_and_a_line_per_team(staffed: Path) -> None:
    text = shown("forecast", *FEW)
    expected = re.search(r"Expected: ([\d.]+) of 4 key results reached \(([\d.]+) to ([\d.]+) in 80 of 100", text)
    assert expected is not None
    assert 0 <= float(expected[2]) <= float(expected[1]) <= float(expected[3]) <= 4
    assert re.search(r"score\s0\.\d\d\s\(0\.\d\d to [01]\.\d\d\)\.", text)
    assert re.search(r"^Phone answered.* \(intake\): at least 80, last 78\.5, broken, not simulated$", text, re.M)
    lines = re.findall(r"^(intake|platform) +\d+% > \d+%  [\d.]+ > [\d.]+ *$", text, re.M)
    assert lines == ["intake", "platform"]
    assert text.index("Expected:") < text.index("progress: start to due")


def test_what_run_work_costs_is_marked_only_from_a_point_on(staffed: Path) -> None:
    lost = {item["title"]: item["lost_to_run_work"] for item in told("forecast", *FEW, "--json")["key_results"]}
    text = shown("forecast", *FEW)
    for title, points in lost.items():
        said = re.search(rf"^W {title}: run work beyond what is usual costs (\d+) points?$", text, re.M)
        assert (said is not None) == (points >= 0.01)
        assert (re.search(rf"^!?W {title[:12]}.*%", text, re.M) is not None) == (points >= 0.01)


def test_a_forecast_without_capacity_says_so_and_shows_none(demo: Path) -> None:
    text = shown("--log", demo, "forecast")
    assert "run share" not in text
    assert "Expected:" not in text
    assert text.count("Note: no capacity is declared: the forecast rests on progress alone") == 1


NOBODY = ["team,from,people,recorded_on", f"intake,{KNOWN},0,{KNOWN}", f"platform,{KNOWN},0,{KNOWN}"]
FEWER = ["team,from,people,recorded_on", f"intake,{KNOWN},0.5,{KNOWN}", f"platform,{KNOWN},0.1,{KNOWN}"]
LATE = [
    *("team,from,people,recorded_on", f"intake,2026-12-07,6,{KNOWN}"),
    *(f"platform,{KNOWN},4,{KNOWN}", f"platform,2026-12-07,0,{KNOWN}"),
]
FROZEN = [
    "team,from,policy,parameters,recorded_on",
    f'intake,{KNOWN},freeze,"{{""share"":0.4,""guardrail"":""phone""}}",{KNOWN}',
]
NO_TICKETS: list[str] = []
SUNDAY = [line.replace("2026-12-31", "2026-11-29") for line in TABLES["key_results"]]
CASES = {
    "nobody": ({"capacity": NOBODY, "absences": []}, TODAY, "intake · nobody"),
    "demand above capacity for ever": ({"capacity": FEWER, "absences": []}, TODAY, "platform · 0.1 people"),
    "no run work": ({"run_work": NO_TICKETS}, TODAY, "run work as assumed"),
    "a team that starts, one that ends": ({"capacity": LATE, "absences": []}, TODAY, "0% (0-0%)"),
    "a guardrail that is not simulated": ({"policies": FROZEN}, TODAY, "phone is no KPI with an upper limit"),
    "no morning to come": ({"key_results": SUNDAY}, "2026-11-27", "No morning is to come"),
}


@pytest.mark.parametrize(("instead", "day", "said"), CASES.values(), ids=CASES.keys())
def test_an_odd_organisation_gets_a_sentence_and_no_traceback(
    here: Path, instead: dict[str, list[str]], day: object, said: str
) -> None:
    staffed_log(here / "koers.db", **instead)
    text = shown("capacity", "--as-of", day, *FEW)
    assert said in " ".join(text.split())
    for command in ("capacity", "forecast", "play"):
        few = () if command == "play" else FEW
        assert shown(command, "--as-of", day, *few)
        assert told(command, "--as-of", day, *few, "--json")


def test_a_team_that_begins_later_has_nobody_and_nothing_to_run_now(here: Path) -> None:
    staffed_log(here / "koers.db", capacity=LATE, absences=[], run_work=NO_TICKETS)
    text = shown("capacity", *FEW)
    assert "intake · nobody · buffer" in text
    assert re.search(r"intake · nobody.*\n.*\n  run share +0% .*\n  backlog +0\.0 ", text)
    assert re.search(r"^intake +0% > [1-9]\d*%  0\.0 > ", shown("forecast", *FEW), re.M)
    own = next(team for team in told("forecast", *FEW, "--json")["capacity"] if team["team"] == "intake")
    assert (own["people"], own["run_share"], own["backlog"]) == (0.0, 0.0, 0.0)
    assert own["weeks"][-1]["run_share"] > 0
    assert next(row["people"] for row in told("play", "--team", "intake", "--json")["days"]) == 0.0


def test_titles_that_a_terminal_would_obey_are_made_harmless(here: Path) -> None:
    ugly = "[/foo] \x1b[31mred\x1b[0m " + "漢字" * 60
    rail = [*TABLES["kpis"], f"ugly,{ugly},intake,backlog age days,,1"]
    titled = [line.replace("Questions answered by chat", ugly) for line in TABLES["key_results"]]
    staffed_log(here / "koers.db", kpis=rail, key_results=titled)
    for command in (("capacity", *FEW), ("forecast", *FEW), ("play",)):
        text = shown(*command)
        assert "\x1b" not in text
        assert "[/foo] red" in text
        assert [line for line in text.splitlines() if cells(line) > 80] == []


def test_a_kpi_with_limits_in_a_log_without_capacity_changes_nothing(here: Path) -> None:
    rail = event("kpi/phone", TODAY, KpiDefined(title="Phone", team="t", unit="%", lower=80.0))
    write_log(here / "koers.db", [objective(), goal("a"), *check_ins("a", 1, 2, 3), rail])
    assert "Phone" not in shown("forecast")
    assert koers("capacity").exit_code == 0


def test_a_band_marks_the_mean_within_its_range() -> None:
    week = Week(TODAY, 0.5, 0.25, 1.0, 0.0, 0.0, 0.0)
    assert band(week) == "·····─────█─────────"
    assert band(Week(TODAY, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)) == "█" + "·" * 19


def test_a_run_of_values_is_averaged_into_the_width_there_is() -> None:
    assert run_of([0.0, 0.5, 1.0], 1.0, 13) == "▁▅█"
    assert run_of([0.0, 0.0, 1.0, 1.0], 1.0, 2) == "▁█"
    assert run_of([], 1.0, 5) == ""
    assert run_of([0.0, 0.0], 0.0, 5) == "▁▁"
