"""`koers adopt`: a decision in the log, once, if it fits; and a backtest that knows of it."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from koers.cli.adopted import taken, taken_lines
from koers.engine.backtest import SCHEMA
from koers.engine.outlook import INSIDE
from koers.engine.replay import typed
from koers.events.log import open_log
from koers.events.model import Event, ScenarioAdopted
from koers.scenarios.decisions import Reach, decisions, forecast_before, reach
from koers.scenarios.files import load_scenario, scenario_from_toml
from tests.cli.staffed import TODAY, staffed_log
from tests.cli.world import event, refused, shown, told

HIRE = 'name = "Three more"\nwhy = "Guides"\n\n[[lever]]\nkind = "hire"\nteam = "platform"\npeople = 3\n'
LEVER = '\n[[lever]]\nkind = "{}"\n{}\n'


def written(text: str = HIRE, name: str = "hire.toml") -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def adopted(path: str = "koers.db") -> list[Event]:
    with open_log(path) as log:
        return [one for one in log.read() if isinstance(one.data, ScenarioAdopted)]


def test_a_decision_is_kept_with_the_scenario_as_it_was(staffed: Path) -> None:
    text = shown("adopt", written())
    (kept,) = adopted()
    assert isinstance(kept.data, ScenarioAdopted)
    assert scenario_from_toml(kept.data.scenario) == load_scenario("hire.toml")
    assert (kept.subject, kept.effective_on, kept.actor) == ("scenario/Three more", TODAY, "cli")
    assert text.startswith(f"Three more: adopted on {TODAY}.\nEvent {kept.id}\n")
    assert f"koers.db is at position {kept.position:,} and holds one decision.\n" in text
    assert "The forecast follows when capacity.csv, policies.csv or targets.csv say so." in text
    with open_log("koers.db") as log:
        assert log.verify().position == kept.position


def test_the_same_decision_is_kept_once_whatever_the_layout_of_its_file(staffed: Path) -> None:
    first = told("adopt", written(), "--json")
    again = told("adopt", written("# as decided\n" + HIRE.replace("\n\n", "\n\n\n"), "again.toml"), "--json")
    assert (first["already"], again["already"]) == (False, True)
    assert first | {"already": True} == again
    assert "adopted already, on" in shown("adopt", "hire.toml")
    assert len(adopted()) == 1


def test_another_decision_of_that_name_is_kept_beside_it(staffed: Path) -> None:
    shown("adopt", written())
    text = shown("adopt", written(HIRE.replace("people = 3", "people = 2")))
    assert "holds 2 decisions" in text
    assert [one.name for one in adopted()] == ["Three more"] * 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HIRE.replace('"platform"', '"platfrom"'), r"hire\.toml:6:1: lever 1 \(hire\): .*did you mean platform\?"),
        (HIRE.replace("people = 3", "people = 0"), r"hire\.toml:7:1: "),
        (HIRE.replace("people = 3", "people = 3\nfrom = 2030-01-01"), r"hire\.toml:8:1: "),
        (HIRE.replace('"hire"', '"leave"').replace("people = 3", "people = 30"), r"hire\.toml:7:1: .*platform has"),
        ("name = 1", r"hire\.toml:"),
        ("", r"hire\.toml: this is empty"),
    ],
)
def test_what_does_not_load_or_fit_is_refused_and_leaves_the_log_as_it_was(staffed: Path, text: str, said: str) -> None:
    with open_log("koers.db") as log:
        before = log.head()
    assert re.match(said, refused("adopt", written(text)))
    with open_log("koers.db") as log:
        assert log.head() == before


def test_a_decision_leaves_the_forecast_as_it_was(staffed: Path) -> None:
    few = ("forecast", "--samples", "500", "--json")
    before = told(*few)
    shown("adopt", written())
    after = told(*few)
    assert after["key_results"] == before["key_results"]


# What it touches


def scenario_of(*levers: tuple[str, str]) -> Reach:
    text = 'name = "x"\nwhy = "y"\n' + "".join(LEVER.format(*lever) for lever in levers)
    return reach(scenario_from_toml(text), {"bot": ("intake", "chat")})


def test_a_decision_touches_the_teams_and_key_results_of_its_levers() -> None:
    move = ("move_capacity", 'team = "a"\nto_team = "b"\npeople = 1\nto = "run"')
    assert scenario_of(move) == Reach(frozenset(), frozenset("ab"))
    assert scenario_of(("run_demand", "factor = 2")) == Reach(frozenset(), frozenset(), everyone=True)
    assert scenario_of(("initiative", 'initiative = "bot"\ndrop = true')) == Reach(
        frozenset({"chat"}), frozenset({"intake"})
    )
    assert scenario_of(("drop", 'key_result = "k"'), ("elasticity", "value = 0")) == Reach(frozenset("k"), frozenset())
    assert reach(None, {}) == Reach(frozenset(), frozenset())


def test_a_forecast_counts_if_it_was_made_before_the_decision_and_due_after_it() -> None:
    day = [date(2026, 10, n) for n in range(1, 32)]
    rows = pl.DataFrame(
        {
            "key_result": ["k", "k", "k", "other", "mate"],
            "team": ["t", "t", "t", "u", "t"],
            "as_of": [day[4], day[9], day[10], day[4], day[4]],
            "due": [day[20], day[9], day[20], day[20], day[20]],
        }
    )
    marked = [
        forecast_before(rows, day[10], touched).to_list()
        for touched in (
            Reach(frozenset("k"), frozenset()),
            Reach(frozenset(), frozenset("t")),
            Reach(frozenset(), frozenset(), everyone=True),
            Reach(frozenset(), frozenset()),
        )
    ]
    assert marked == [
        [True, False, False, False, False],
        [True, False, False, False, True],
        [True, False, False, True, True],
        [False] * 5,
    ]


# The backtest


@pytest.fixture
def decided(here: Path) -> Path:
    """A log of a quarter that has ended, with a decision on platform halfway, and one about nobody's work."""
    early = ["key_result,title,objective,team,owner,cycle,unit,kind,direction,baseline,target,start,due,weight"]
    held = "2026-10-01,2026-11-20"
    early += [
        f"chat,Questions by chat,help,intake,Bram,2026-Q4,%,metric,increase,10,20,{held},2",
        f"guides,Guides written,ship,platform,Fleur,2026-Q4,guides,milestone,increase,0,15,{held},1",
    ]
    checks = ["key_result,effective_on,value"]
    checks += [f"{name},2026-10-{day:02},{day / 2}" for name in ("chat", "guides") for day in (5, 12, 19, 26)]
    path = staffed_log(here / "koers.db", key_results=early, check_ins=checks, initiatives=[])
    assume = 'name = "Suppose"\nwhy = "To see"\n' + LEVER.format("elasticity", "value = 0.5")
    with open_log(path) as log:
        for name, text, on in (("Three more", HIRE, 20), ("Suppose", assume, 21)):
            log.append([event(f"scenario/{name}", date(2026, 10, on), ScenarioAdopted(scenario=text))])
    return path


def test_the_backtest_lists_decisions_and_counts_the_forecasts_made_before_them(decided: Path) -> None:
    found = told("backtest", "--json")
    assert found["decisions"] == [
        {
            "name": "Three more",
            "adopted_on": "2026-10-20",
            "forecasts_before": 3,
            "key_results": ["guides"],
        },
        {"name": "Suppose", "adopted_on": "2026-10-21", "forecasts_before": 0, "key_results": []},
    ]
    assert found["forecasts_before_a_decision"] == 3
    text = shown("backtest")
    assert "Decisions taken in this time:\n2026-10-20 Three more\n2026-10-21 Suppose\n" in text
    assert "3 forecasts were made before a decision that touched them" in text


def test_a_decision_outside_the_span_of_the_backtest_is_not_listed(decided: Path) -> None:
    assert told("backtest", "--from", "2026-10-20", "--json")["decisions"] == []
    assert "Decisions" not in shown("backtest", "--from", "2026-10-20")


def test_the_columns_of_the_table_stay_as_they_are(decided: Path) -> None:
    shown("backtest", "--out", "b.parquet")
    assert pl.read_parquet("b.parquet").columns == [name for name in SCHEMA if name not in INSIDE]


def test_a_backtest_of_nothing_lists_no_decision(staffed: Path) -> None:
    found, before = taken(pl.DataFrame(schema=SCHEMA), typed([]), TODAY)
    assert (found, before, list(taken_lines(found, before))) == ([], 0, [])


def test_a_decision_that_this_version_cannot_read_is_listed_and_touches_nothing(decided: Path) -> None:
    with open_log(decided) as log:
        strange = ScenarioAdopted(scenario='name = "N"\nwhy = "?"\n[[lever]]\nkind = "teleport"\n')
        log.append([event("scenario/N", date(2026, 10, 22), strange)])
        assert [one.scenario is None for one in decisions(typed(log.rows()))] == [False, False, True]
    assert told("backtest", "--json")["decisions"][-1]["forecasts_before"] == 0
