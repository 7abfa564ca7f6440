"""Every command, end to end: what it prints, what it writes, and what stays as it was."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from koers.events.log import open_log
from koers.events.model import CheckedIn, CheckInCorrected, Event, EventRetracted
from koers.scenarios.case.events import case_events
from tests.cli.world import NOW, check_ins, event, goal, koers, objective, refused, shown, told, write_log
from tests.small import AS_OF, demo_events

DEMO = ("--log", "koers-demo.db")
RECENT = ("backtest", "--from", "2026-09-15")
"""A quick backtest."""
KEY_RESULT = {
    "key_result": str,
    "objective": str,
    "team": str,
    "value": float,
    "target": float,
    "due": str,
    "probability": float,
    "probability_se": float,
    "probability_counts": float,
    "rests_on": str,
    "quantiles": dict,
    "expected_score": float,
}
"""What design.md promises of a key result in `forecast --json`, and its types; `reach_on` may be null."""


def events(path: str = "koers-demo.db") -> list[Event]:
    with open_log(path) as log:
        return list(log)


def test_the_demo_writes_its_log_and_forecasts_it(here: Path) -> None:
    text = shown("demo")
    assert "synthetic" in text
    assert "Colleagues coached" in text
    assert [e.id for e in events()] == [e.id for e in case_events()]


def test_a_second_demo_says_the_same_and_adds_nothing(here: Path) -> None:
    assert shown("demo") == shown("demo")
    assert len(events()) == len(case_events())


def test_the_demo_goes_on_with_check_ins_made_to_it_since(here: Path) -> None:
    shown("demo")
    shown(*DEMO, "checkin", "26q4-chat", "29")
    assert "29/30" in shown("demo")
    assert len(events()) == len(case_events()) + 1


def test_what_the_demo_proposes_next_works(here: Path) -> None:
    lines = shown("demo").split("Go on with:\n")[1].splitlines()
    assert len(lines) == 9
    for line in lines:
        assert shown(*line.split()[1:])


def test_init_makes_an_empty_log_that_says_how_to_go_on(here: Path) -> None:
    assert "koers import" in shown("init")
    for command in ("status", "forecast"):
        assert "The log is empty: `koers import FOLDER` takes in tables." in shown(command)
    assert "nothing to judge by" in shown("backtest")
    empty = told("backtest", "--json")
    assert (empty["as_of"], empty["scores"]) == ("2026-11-24", [])


def test_the_log_is_named_by_an_option_or_by_the_environment(demo: Path) -> None:
    assert shown("status", KOERS_LOG="koers-demo.db") == shown(*DEMO, "status")


def test_every_output_says_as_of_when_it_holds_and_that_the_log_carries_that_date(demo: Path) -> None:
    for command in (("status",), ("forecast",), RECENT):
        assert shown(*DEMO, *command).startswith(f"As of {AS_OF}, the log's own date")
        assert told(*DEMO, *command, "--json")["as_of"] == AS_OF.isoformat()


def test_another_as_of_date_is_said_without_that(demo: Path) -> None:
    assert shown(*DEMO, "forecast", "--as-of", "2026-10-23").startswith("As of 2026-10-23\n")


def test_without_a_date_of_its_own_a_log_is_read_as_of_now(here: Path) -> None:
    write_log(here / "koers.db", [goal("nps")])
    assert shown("status").startswith("As of 2026-11-24, as known at 2026-11-24 09:30 UTC\n")


def test_as_of_a_day_a_later_check_in_is_not_there_yet(demo: Path) -> None:
    values = {
        row["key_result"]: row["value"]
        for row in told(*DEMO, "status", "--json", "--as-of", "2026-10-23")["key_results"]
    }
    latest = {row["key_result"]: row["value"] for row in told(*DEMO, "status", "--json")["key_results"]}
    assert values != latest
    assert values.keys() == latest.keys()


def test_known_at_a_later_time_shows_a_correction_of_the_same_day(demo: Path) -> None:
    def value(*more: str) -> object:
        rows = told(*DEMO, "status", "--json", "--as-of", "2026-10-23", *more)["key_results"]
        return next(row["value"] for row in rows if row["key_result"] == "q4-repeat")

    before, after = value(), value("--known-at", "2026-10-28T18:00:00+02:00")
    assert before != after
    assert value("--known-at", "2026-10-28T16:00:00") == after
    assert value("--known-at", "2026-10-28T15:59:59Z") == before
    assert value("--known-at", "2026-10-28") == after


def test_a_known_at_of_another_zone_is_said_in_utc(demo: Path) -> None:
    args = ("status", "--as-of", "2026-10-23", "--known-at", "2026-10-28T18:00:00+02:00")
    assert shown(*DEMO, *args).startswith("As of 2026-10-23, as known at 2026-10-28 16:00 UTC\n")


@pytest.mark.parametrize("command", ["status", "forecast"])
def test_before_the_first_event_there_is_one_sentence(demo: Path, command: str) -> None:
    lines = shown(*DEMO, command, "--as-of", "2020-01-01").splitlines()
    assert lines == ["As of 2020-01-01", "Nothing was recorded by 2020-01-01: the log begins on 2026-04-01."]
    assert told(*DEMO, command, "--as-of", "2020-01-01", "--json")["key_results"] == []


@pytest.mark.parametrize("command", ["status", "forecast"])
def test_an_unknown_cycle_is_named_in_one_sentence(demo: Path, command: str) -> None:
    lines = shown(*DEMO, command, "--cycle", "2027-Q1").splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("No key result of cycle 2027-Q1 was ")


def test_the_extremes_of_the_calendar_are_dates_like_others(demo: Path) -> None:
    for command in ("status", "forecast"):
        for day in ("0001-01-01", "9999-12-31"):
            assert shown(*DEMO, command, "--as-of", day).startswith(f"As of {day}")


def test_forecast_json_has_what_the_design_promises_for_every_open_goal(demo: Path) -> None:
    said = told(*DEMO, "forecast", "--json", "--seed", "7", "--samples", "50")
    assert said["log_position"] == len(demo_events())
    assert (said["seed"], said["samples"], said["known_at"]) == (7, 50, "2026-11-13T23:59:59.999999Z")
    assert len(said["log_head"]) == 64
    assert isinstance(said["config_hash"], str)
    assert [said[part] for part in ("guardrails", "capacity")] == [[], []]
    assert all(isinstance(warning, str) for warning in said["warnings"])
    open_goals = {e.name for e in demo_events() if e.type == "koers.key-result-set.v1" and e.name.startswith("q4")}
    assert {row["key_result"] for row in said["key_results"]} == open_goals
    for row in said["key_results"]:
        assert {name: type(row[name]) for name in KEY_RESULT} == KEY_RESULT
        assert list(row["quantiles"]) == ["q05", "q10", "q25", "q50", "q75", "q90", "q95"]
        assert sorted(row["quantiles"].values()) == list(row["quantiles"].values())
        assert row["reach_on"] is None or date.fromisoformat(row["reach_on"]) > AS_OF
    for row in said["objectives"]:
        assert {name: type(row[name]) for name in ("objective", "probability_all", "expected_score")} == {
            "objective": str,
            "probability_all": float,
            "expected_score": float,
        }


def test_status_json_has_what_the_design_promises(demo: Path) -> None:
    said = told(*DEMO, "status", "--json")
    names = {"key_result", "objective", "team", "owner", "value", "progress", "stale", "warning"}
    assert all(row.keys() >= names for row in said["key_results"])
    assert {row["key_result"] for row in said["key_results"] if row["stale"]} == {"q4-docs"}
    assert {row["key_result"] for row in said["key_results"] if row["warning"]} == {"q4-answer"}


def test_a_goal_without_objective_owner_or_check_ins_is_strict_json_as_well(here: Path) -> None:
    write_log(here / "koers.db", [goal("alone", objective=None, owner=None)])
    (row,) = told("forecast", "--json")["key_results"]
    assert (row["objective"], row["owner"], row["value"], row["rests_on"]) == (None, None, None, "prior")
    assert told("status", "--json")["key_results"][0]["progress"] is None
    assert "Without an objective" in shown("forecast")


def test_backtest_scores_koers_against_the_rules_of_thumb(demo: Path) -> None:
    text = shown(*DEMO, "backtest")
    assert all(name in text for name in ("koers", "base rate", "straight line", "lower is better"))
    scores = told(*DEMO, "backtest", "--json")["scores"]
    assert {score["method"] for score in scores} >= {"koers", "base_rate", "straight_line"}
    assert [score["log"] for score in scores] == sorted(score["log"] for score in scores)
    assert all(score["goals"] == 12 and 0 <= score["brier"] <= 1 for score in scores)


def test_backtest_narrows_down_to_a_cycle_and_from_a_day(demo: Path) -> None:
    table = _written("backtest", "--cycle", "2026-Q3", "--from", "2026-08-01", "--out", "b.parquet")
    assert set(table["cycle"]) == {"2026-Q3"}
    assert min(table["as_of"]) >= date(2026, 8, 1)


def _written(*args: str) -> pl.DataFrame:
    shown(*DEMO, *args)
    return pl.read_parquet(args[-1])


def test_a_table_is_written_by_the_ending_of_its_file_and_the_same_each_way(demo: Path) -> None:
    for command in (("status",), ("forecast",), RECENT):
        frame = _written(*command, "--out", "t.parquet")
        shown(*DEMO, *command, "--out", "t.csv")
        shown(*DEMO, *command, "--out", "t.json")
        rows = _csv("t.csv")
        listed = json.loads(Path("t.json").read_text(encoding="utf-8"))
        assert frame.height == len(rows) == len(listed) > 0
        assert frame.columns == list(rows[0]) == list(listed[0])
        assert [row["key_result"] for row in rows] == frame["key_result"].to_list()


def _csv(path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(Path(path).read_bytes().decode(), newline="")))


def test_out_and_json_go_together(demo: Path) -> None:
    assert told(*DEMO, "forecast", "--json", "--out", "f.csv")["key_results"]
    assert Path("f.csv").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.json"])
def test_a_table_that_does_not_fit_on_the_disk_is_an_error(demo: Path, name: str) -> None:
    Path(name).symlink_to("/dev/full")
    assert refused(*DEMO, "status", "--out", name) == f"{name}: cannot be written: No space left on device"


def test_a_formula_in_a_csv_is_defused_and_numbers_stay_numbers(here: Path) -> None:
    bad = ["=1+1", "+cmd", "-2", "@SUM(A1)", "\t=1", "\r=1"]
    goals = [goal(f"g{n}", title=title, baseline=0.0, target=-5.0, direction="decrease") for n, title in enumerate(bad)]
    write_log(here / "koers.db", [*goals, *check_ins("g0", -3.0)])
    for command in ("status", "forecast"):
        shown(command, "--out", "t.csv")
        rows = _csv("t.csv")
        assert [row["title"] for row in rows] == [f"'{title}" for title in bad]
        assert float(rows[0]["value"]) == -3.0


def test_a_check_in_moves_the_status_and_the_forecast(demo: Path) -> None:
    before = {row["key_result"]: row["probability"] for row in told(*DEMO, "forecast", "--json")["key_results"]}
    assert "q4-chat is at 34.5 on 2026-11-13. Event " in shown(*DEMO, "checkin", "q4-chat", "34.5")
    after = {row["key_result"]: row["probability"] for row in told(*DEMO, "forecast", "--json")["key_results"]}
    assert after["q4-chat"] > before["q4-chat"] + 0.3
    assert "34.5" in shown(*DEMO, "status")


def test_a_check_in_keeps_all_that_was_said(here: Path) -> None:
    write_log(here / "koers.db", [goal("nps")])
    options = ("--on", "2026-11-20", "--confidence", "0.6", "--projection", "9", "--note", "survey, wave 2")
    said = told("checkin", "nps", "4.5", *options, "--json")
    assert said.keys() >= {"event", "subject", "effective_on"}
    last = events("koers.db")[-1]
    assert (last.id, last.subject, str(last.effective_on)) == (said["event"], said["subject"], said["effective_on"])
    assert last.data == CheckedIn(value=4.5, confidence=0.6, projection=9.0)
    assert (last.note, last.recorded_at) == ("survey, wave 2", NOW)


@pytest.mark.parametrize(
    "order", [("-5", "--on", "2026-11-20"), ("--on", "2026-11-20", "-5"), ("--on", "2026-11-20", "--", "-5")]
)
def test_a_negative_value_is_a_value_wherever_it_stands(here: Path, order: tuple[str, ...]) -> None:
    write_log(here / "koers.db", [goal("nps")])
    assert "nps is at -5 on 2026-11-20" in shown("checkin", "nps", *order)
    assert "-1,234,567.5" in shown("checkin", "nps", "-1234567.5")


def test_a_correction_changes_the_value_and_keeps_the_rest(here: Path) -> None:
    first = event("kr/nps", date(2026, 11, 20), CheckedIn(value=4.0, confidence=0.7, projection=8.0), note="wave 2")
    write_log(here / "koers.db", [goal("nps"), first])
    assert "nps was at 5 on 2026-11-20" in shown("correct", first.id, "5")
    last = events("koers.db")[-1]
    assert last.data == CheckInCorrected(corrects=first.id, value=5.0, confidence=0.7, projection=8.0)
    assert (last.note, last.effective_on, last.recorded_at) == ("wave 2", date(2026, 11, 20), NOW)
    assert told("status", "--json")["key_results"][0]["value"] == 5.0


def test_a_correction_of_a_correction_names_the_original(here: Path) -> None:
    first = check_ins("nps", 4.0)[0]
    write_log(here / "koers.db", [goal("nps"), first])
    again = told("correct", first.id, "5", "--json")["event"]
    shown("correct", again, "-6")
    last = events("koers.db")[-1].data
    assert isinstance(last, CheckInCorrected)
    assert (last.corrects, last.value) == (first.id, -6.0)
    assert told("status", "--json")["key_results"][0]["value"] == -6.0


def test_a_correction_goes_on_from_the_one_before_unless_that_was_retracted(here: Path) -> None:
    first = event("kr/nps", date(2026, 11, 20), CheckedIn(value=4.0, confidence=0.7))
    second = event("kr/nps", date(2026, 11, 20), CheckInCorrected(corrects=first.id, value=5.0, confidence=0.2))
    write_log(here / "koers.db", [goal("nps"), first, second])
    shown("correct", first.id, "6")
    assert _confidence() == 0.2
    with open_log("koers.db") as log:
        log.append([event("kr/nps", date(2026, 11, 21), EventRetracted(retracts=e.id)) for e in list(log)[-1:]])
        gone = event("kr/nps", date(2026, 11, 22), EventRetracted(retracts=second.id))
        log.append([gone])
    shown("correct", first.id, "7")
    assert _confidence() == 0.7


def _confidence() -> float | None:
    last = events("koers.db")[-1].data
    assert isinstance(last, CheckInCorrected)
    return last.confidence


def test_status_lists_the_event_id_that_a_correction_needs(demo: Path) -> None:
    row = next(r for r in told(*DEMO, "status", "--json")["key_results"] if r["key_result"] == "q4-train")
    shown(*DEMO, "correct", row["check_in"], "9")
    row = next(r for r in told(*DEMO, "status", "--json")["key_results"] if r["key_result"] == "q4-train")
    assert row["value"] == 9.0


def test_export_then_import_into_a_new_log_gives_the_same_forecast(demo: Path) -> None:
    assert "check_ins.csv" in shown(*DEMO, "export", "tables")
    done = told("--log", "again.db", "import", "tables", "--json")
    assert (done["already"], done["corrected"]) == (0, 0)
    for day in ("2026-11-13", "2026-10-23", "2026-08-14"):
        assert _forecast("koers-demo.db", day) == _forecast("again.db", day)


def _forecast(path: str, day: str) -> dict[str, object]:
    said = told("--log", path, "forecast", "--json", "--as-of", day)
    return {part: said[part] for part in ("key_results", "objectives", "config_hash", "known_at")}


def test_a_second_import_adds_nothing_and_one_table_can_come_alone(demo: Path) -> None:
    written = told(*DEMO, "export", "tables", "--json")
    first = told("import", "tables", "--json")
    again = told("import", "tables", "--json")
    assert (again["added"], again["corrected"], again["log_head"]) == (0, 0, first["log_head"])
    assert again["already"] == first["added"] == sum(written.values())
    alone = told("import", "tables/check_ins.csv", "tables/outcomes.csv", "--json")
    assert (alone["added"], alone["already"]) == (0, written["check_ins"] + written["outcomes"])
    assert "known already" in shown("import", "tables")


def test_a_refused_import_leaves_the_log_as_it_was(demo: Path) -> None:
    shown(*DEMO, "export", "tables")
    before = told("import", "tables", "--json")["log_head"]
    with Path("tables/check_ins.csv").open("a", encoding="utf-8") as file:
        file.write("nobody,2026-11-13,3\n")
    assert koers("import", "tables").exit_code == 1
    with open_log("koers.db") as log:
        assert log.head().hash == before


def test_objectives_stand_in_the_order_of_their_ids_with_their_key_results(here: Path) -> None:
    names = [goal("b", objective="o2"), goal("a", objective="o1"), goal("c", objective=None)]
    write_log(here / "koers.db", [objective("o2", "Second"), objective("o1", "First"), *names])
    text = shown("forecast")
    places = [text.index(word) for word in ("First", " A ", "Second", " B ", "Without an objective", " C ")]
    assert places == sorted(places)
