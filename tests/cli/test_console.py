"""What the terminal shows: legible at 40, 80 and 130 columns, whatever people write."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from koers.events.model import CheckedIn, Event, OutcomeRecorded
from tests.cli.world import DUE, START, cells, check_ins, event, goal, objective, shown, write_log

DEMO = ("--log", "koers-demo.db")
TITLES = (
    "[/foo]",
    "[red]x[/red] [link=http://x]y[/link]",
    ":smile: {{7*7}} `id` $(id)",
    "🎯" * 60,
    "漢字" * 200,
    "\u202eevil\u202c אב",
    "\x1b[31mred\x1b[0m\x1b]0;own\x07 \x1b[2J",
    "x" * 5000,
    "one\ntwo\r\nthree\tfour",
    "",
    "e\u0301" * 100,
    "\u200b\u2028\ufeff",
)
SCALES = (
    (0.0, 1e15, 1e14),
    (-1e15, 1e15, -1e15),
    (1e-9, 2e-9, 1.5e-9),
    (0.0, 1.0, -1e15),
    (5.0, -5.0, -0.001),
    (0.0, 1e-9, 1e9),
    (1e15, -1e15, 1.0),
    (0.0, -12345.678, -9999.99),
)


@pytest.fixture
def ugly(here: Path) -> Path:
    """A log of everything that could break a table, in `koers.db`."""
    events: list[Event] = []
    for n, title in enumerate(TITLES):
        name = f"{n}{title}"[:150]
        team = (title or "t")[:40]
        events.append(objective(name, title, team))
        for m, (baseline, target, value) in enumerate((SCALES[n % 8], SCALES[(n + 3) % 8])):
            direction = "increase" if target > baseline else "decrease"
            scale = {"baseline": baseline, "target": target, "direction": direction}
            goal_name = f"{m}{name}"
            events.append(goal(goal_name, title=title, objective=name, team=team, owner=title[:90] or None, **scale))
            events += check_ins(goal_name, *(value * (week + 1) / 4 for week in range(4 * m)))
    return write_log(here / "koers.db", events)


@pytest.mark.parametrize("columns", [40, 80, 130])
@pytest.mark.parametrize("command", ["status", "forecast"])
def test_no_line_is_longer_than_the_terminal_whatever_people_write(ugly: Path, command: str, columns: int) -> None:
    text = shown(command, columns=columns)
    assert text.count("\n") > 2 * len(TITLES)
    assert [line for line in text.splitlines() if cells(line) > columns] == []


def test_no_column_is_pushed_out_by_what_people_write(ugly: Path, demo: Path) -> None:
    for command in ("status", "forecast"):
        for columns in (40, 130):
            (heads,) = [
                line for line in shown(*DEMO, command, columns=columns).splitlines() if line.startswith("  key result")
            ]
            (found,) = [
                line for line in shown(command, columns=columns).splitlines() if line.startswith("  key result")
            ]
            assert found.split() == heads.split()


@pytest.mark.parametrize("columns", [40, 130])
@pytest.mark.parametrize("command", ["status", "forecast"])
def test_nothing_that_a_terminal_obeys_gets_through(ugly: Path, command: str, columns: int) -> None:
    for env in ({}, {"FORCE_COLOR": "1", "TERM": "xterm-256color", "NO_COLOR": "1"}):
        text = shown(command, columns=columns, **env)
        assert not set(text) & {chr(code) for code in (*range(10), *range(11, 32), *range(127, 160), 0x202E, 0x2028)}
        assert "31mred" not in text
        assert ";own" not in text


def test_markup_is_text(ugly: Path) -> None:
    text = shown("status", columns=130)
    assert "[/foo]" in text
    assert "[red]x[/red] [link=http" in text
    assert ":smile: {{7*7}} `id` $(id)" in text
    assert "one two three four" in text


def test_at_80_columns_nothing_of_what_steers_is_cut(demo: Path) -> None:
    lines = shown(*DEMO, "forecast").splitlines()
    heads = lines[1].split()
    assert heads == ["key", "result", "owner", "progress", "now/target", "chance", "week", "rests", "on"]
    (line,) = [line for line in lines if line.startswith("! ") and "Guides" in line]
    for part in ("Guides written by their u", "Fleur", "▂▂▂▂····", "3/15", "%", "█", "trend"):
        assert part in line
    (head,) = [line for line in lines if line.startswith("Teams ship")]
    for part in ("Teams ship without asking us · platform · all reached ", "%, score 0."):
        assert part in head
    assert any(line.startswith("R Phone answered within a m") for line in lines)


def test_key_results_have_at_least_25_characters_at_80_columns(demo: Path) -> None:
    head = shown(*DEMO, "forecast").splitlines()[1]
    assert head.index("owner") - head.index("key result") > 25


def test_columns_stand_straight_through_all_objectives(demo: Path) -> None:
    lines = shown(*DEMO, "forecast").splitlines()
    rows = [line for line in lines if "····" in line and not line.startswith("progress")]
    assert len(rows) == 8
    assert len({line.index("····") for line in rows}) == 1
    assert len({len(line.rstrip()) for line in rows}) == 1


def test_at_130_columns_every_title_is_whole(demo: Path) -> None:
    text = shown(*DEMO, "forecast", columns=130)
    assert "…" not in text
    assert "Colleagues trained in first-time-right" in text


def test_at_40_columns_the_title_the_value_and_the_chance_remain(demo: Path) -> None:
    lines = shown(*DEMO, "forecast", columns=40).splitlines()
    assert lines[1].split() == ["key", "result", "now/target", "chance"]
    assert any(line.startswith("! Guides written by") and "3/15" in line and "%" in line for line in lines)


@pytest.mark.parametrize("columns", [40, 80, 130])
def test_the_scores_of_a_backtest_fit(demo: Path, columns: int) -> None:
    lines = shown(*DEMO, "backtest", "--from", "2026-09-20", columns=columns).splitlines()
    assert [line for line in lines if cells(line) > columns or "…" in line] == []
    assert any("method" in line and "Brier" in line for line in lines)
    assert any("a straight line" in line for line in lines)


def test_a_team_is_named_with_its_objective_or_else_in_a_column(here: Path) -> None:
    write_log(here / "koers.db", [objective(), goal("a", team="north"), goal("b", team="north")])
    assert "Better · north · all reached" in shown("forecast")
    write_log(here / "two.db", [objective(), goal("a", team="north"), goal("b", team="south")])
    text = shown("--log", "two.db", "forecast")
    assert "Better · all reached" in text
    assert "owner team" in " ".join(text.split())
    assert "north" in text
    assert "south" in text


def test_a_long_objective_gives_way_and_its_numbers_stay(here: Path) -> None:
    write_log(here / "koers.db", [objective(title="Long " * 300), goal("a")])
    (head,) = [line for line in shown("forecast").splitlines() if line.startswith("Long")]
    assert "… · t · all reached " in head
    assert "score" in head


def test_a_key_result_without_a_title_goes_by_its_id(here: Path) -> None:
    write_log(here / "koers.db", [goal("nps", title="\u200b\n")])
    assert " nps " in shown("forecast")


def test_an_overdue_check_in_is_marked_until_it_is_made(here: Path) -> None:
    write_log(here / "koers.db", [goal("nps"), event("kr/nps", date(2026, 11, 16), CheckedIn(value=5.0))])
    for command in ("status", "forecast"):
        assert "! Nps" in shown(command).replace("nps ", "Nps ")
        assert "! check-in overdue" in shown(command)
        assert "!" not in shown(command, "--as-of", "2026-11-23")
    shown("checkin", "nps", "6")
    assert "!" not in shown("forecast")


def test_running_the_business_is_marked_and_explained_by_title(here: Path) -> None:
    control = {"kind": "control", "direction": "maintain_above", "baseline": None, "target": 0.9, "lower": 80.0}
    write_log(here / "koers.db", [goal("sla", title="Answered in time", **control), goal("nps")])
    for command in ("status", "forecast"):
        text = shown(command)
        assert text.count("really running the business") == 1
        assert "R Answered in time: really running the business; it keeps a level (control): a" in text
    assert "–/90%in" in shown("forecast")
    assert "90%in: inside its limits on 90% of days" in " ".join(shown("forecast").split())


def test_the_change_since_last_week_is_the_difference_of_the_two_forecasts(demo: Path) -> None:
    def chances(day: str) -> dict[str, int]:
        rows = [line for line in shown(*DEMO, "forecast", "--as-of", day, columns=130).splitlines() if "····" in line]
        found = {}
        for row in rows:
            if "%" in row and not row.startswith("progress"):
                found[row[2:40].strip()] = int(row.split("%")[-2].split()[-1].lstrip("<>"))
        return found

    now, was = chances("2026-11-13"), chances("2026-11-06")
    row = next(line for line in shown(*DEMO, "forecast", columns=130).splitlines() if "Requests to the" in line)
    name = "Requests to the platform per week"
    assert int(row.split()[-2]) == now[name] - was[name] != 0


def test_in_the_first_week_there_is_no_change_yet(demo: Path) -> None:
    row = next(r for r in shown(*DEMO, "forecast", "--as-of", "2026-10-02").splitlines() if "Guides" in r)
    assert row.rstrip().endswith("few")
    assert not any(char in row for char in "+")
    assert "few: under three check-ins" in " ".join(shown(*DEMO, "forecast", "--as-of", "2026-10-02").split())


def test_what_has_ended_says_reached_or_missed_and_no_percentage(here: Path) -> None:
    goals = [goal("made", due=date(2026, 11, 10)), goal("failed", due=date(2026, 11, 10)), goal("overruled")]
    said = [event("kr/overruled", date(2026, 11, 12), OutcomeRecorded(value=3.0, attained=True))]
    write_log(here / "koers.db", [*goals, *check_ins("made", 4.0, 10.0), *check_ins("failed", 4.0, 9.9), *said])
    lines = shown("forecast").splitlines()
    for name, ending in (("Made", "reached"), ("Failed", "missed"), ("Overruled", "reached")):
        (line,) = [line for line in lines if line.startswith(name)]
        assert line.split()[-2:] == [ending, "ended"]
        assert "%" not in line


def test_an_objective_that_has_ended_counts_what_was_reached(demo: Path) -> None:
    text = shown(*DEMO, "forecast", "--cycle", "2026-Q3")
    assert "A request is handled without calling · intake · 2 of 3 reached, score " in text
    assert "all reached" not in text


def test_progress_is_read_whatever_the_direction(here: Path) -> None:
    down = {"direction": "decrease", "baseline": 20.0, "target": -20.0}
    write_log(here / "koers.db", [goal("down", **down), goal("up"), *check_ins("down", 0.0), *check_ins("up", -2.5)])
    lines = {line.split()[1]: line for line in shown("status").splitlines() if "2026-10-01" in line}
    assert " 50% " in lines["down"]
    assert " -25% " in lines["up"]


def test_a_pipe_gets_no_escape_codes_and_a_terminal_gets_colour(demo: Path) -> None:
    for command in (("status",), ("forecast",), ("backtest", "--from", "2026-09-15")):
        assert "\x1b" not in shown(*DEMO, *command)
    coloured = shown(*DEMO, "forecast", FORCE_COLOR="1", TERM="xterm-256color")
    assert "\x1b[31m" in coloured
    assert "\x1b[1m" in coloured
    assert "\x1b" not in shown(*DEMO, "forecast", FORCE_COLOR="1", NO_COLOR="1", TERM="xterm-256color")
    assert "\x1b" not in shown(*DEMO, "forecast", "--json", FORCE_COLOR="1", TERM="xterm-256color")


@pytest.mark.parametrize(("value", "colour"), [(9.9, "32"), (0.0, "31")])
def test_green_is_likely_and_red_is_not(here: Path, value: float, colour: str) -> None:
    steady = [event("kr/nps", START + timedelta(weeks=w), CheckedIn(value=value)) for w in range(8)]
    write_log(here / "koers.db", [goal("nps", target=9.5), *steady])
    text = shown("forecast", "--as-of", "2026-12-20", FORCE_COLOR="1", TERM="xterm-256color")
    assert f"\x1b[{colour}m" in text
    assert DUE.isoformat() not in text
