"""Levers and scenarios as values: what they are, what they refuse, what contradicts what."""

from __future__ import annotations

import pickle
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from koers.events.columns import TABLES
from koers.scenarios.added import NewKeyResult
from koers.scenarios.base import LeverBase, Place, refuse
from koers.scenarios.contradictions import contradiction
from koers.scenarios.files import scenario_from_toml
from koers.scenarios.model import KINDS, Add, Drop, Elasticity, Hire, MoveCapacity, Scenario, SetPolicy, WipLimit
from koers.scenarios.toml import to_toml
from tests.scenarios.drawn import SCENARIO

OCTOBER, NOVEMBER, DECEMBER = date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)
SAID: dict[str, dict[str, Any]] = {
    "move_capacity": {"team": "a", "people": 2, "to": "change"},
    "hire": {"team": "a", "people": 1},
    "leave": {"team": "a", "people": 1},
    "set_policy": {"team": "a", "policy": "run_first"},
    "run_demand": {"factor": 1.5},
    "absence": {"team": "a", "days": 3},
    "retarget": {"key_result": "x", "target": 4},
    "drop": {"key_result": "x"},
    "add": {
        "key_result": {
            "key_result": "n",
            "title": "New",
            "team": "a",
            "cycle": "c",
            "unit": "%",
            "kind": "metric",
            "direction": "increase",
            "baseline": 0,
            "target": 4,
            "start": OCTOBER,
            "due": DECEMBER,
        }
    },
    "initiative": {"initiative": "i", "delay": 7},
    "automation": {"team": "a", "cost_days": 5, "run_demand_factor": 0.8, "after": NOVEMBER},
    "wip_limit": {"team": "a", "limit": 2},
    "elasticity": {"value": 0.5},
}
"""The least that each kind says."""
ENDING = {"move_capacity", "hire", "leave", "set_policy", "run_demand", "absence", "automation", "wip_limit"}


def lever(kind: str, **more: object) -> LeverBase:
    return KINDS[kind](**SAID[kind] | more)


def scenario(*levers: LeverBase) -> Scenario:
    return Scenario(name="n", why="w", lever=levers)


def kind_of(lever: LeverBase) -> str:
    return str(dict(lever)["kind"])


def broken(kind: str, **more: object) -> str:
    with pytest.raises(ValidationError) as caught:
        lever(kind, **more)
    return str(caught.value)


def test_there_is_an_example_of_every_kind() -> None:
    assert set(SAID) == set(KINDS)


@pytest.mark.parametrize("kind", SAID)
def test_a_lever_of_every_kind_begins_where_it_says_and_has_an_end_or_none(kind: str) -> None:
    found: Any = lever(kind, since=OCTOBER)
    assert (found.kind, found.since, found.until) == (kind, OCTOBER, None)
    assert lever(kind) != found
    assert ("until" in KINDS[kind].model_fields) == (kind in ENDING)


@pytest.mark.parametrize("kind", SAID)
def test_a_lever_cannot_be_changed_and_takes_no_unknown_key(kind: str) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(lever(kind), "since", OCTOBER)  # noqa: B010 - mypy would not have it
    assert "Extra inputs" in broken(kind, colour="red")


@pytest.mark.parametrize("kind", sorted(ENDING))
def test_until_before_from_is_refused_and_one_day_is_a_day(kind: str) -> None:
    assert "until 2026-10-01 lies before" in broken(kind, since=NOVEMBER, until=OCTOBER, **after_of(kind))
    assert lever(kind, since=DECEMBER, until=DECEMBER) if kind != "automation" else True


def after_of(kind: str) -> dict[str, Any]:
    return {"after": DECEMBER} if kind == "automation" else {}


@pytest.mark.parametrize(
    ("kind", "said", "told"),
    [
        ("move_capacity", {"people": 0}, "greater than 0"),
        ("move_capacity", {"people": 100_001}, "less than or equal to 100000"),
        ("move_capacity", {"people": "2"}, "valid number"),
        ("move_capacity", {"people": True}, "valid number"),
        ("move_capacity", {"people": float("nan")}, "finite"),
        ("move_capacity", {"people": 10**400}, "valid number"),
        ("move_capacity", {"to": "changing"}, "'run' or 'change'"),
        ("move_capacity", {"to_team": "a"}, "their own team"),
        ("hire", {"ramp_up_days": 1001}, "1000"),
        ("hire", {"ramp_up_days": 1.5}, "valid integer"),
        ("leave", {"team": ""}, "at least 1"),
        ("leave", {"since": date(226, 1, 1)}, "outside the years 1900 to 2199"),
        ("set_policy", {"policy": "ring_fence"}, "share is missing"),
        ("set_policy", {"policy": "ring_fence", "parameters": {"share": 2}}, "a number from 0 to 1"),
        ("set_policy", {"policy": "ring_fence", "parameters": {"shar": 0.2}}, "did you mean share"),
        ("set_policy", {"policy": "ring_fence", "parameters": {"share": True}}, "neither a number nor text"),
        ("set_policy", {"policy": "ring_fence", "parameters": 3}, "no table"),
        ("set_policy", {"policy": "ringfence"}, "'ring_fence'"),
        ("run_demand", {"factor": -0.1}, "greater than or equal to 0"),
        ("run_demand", {"factor": 101}, "less than or equal to 100"),
        ("absence", {"days": -1}, "greater than or equal to 0"),
        ("absence", {"days": 200_001, "since": OCTOBER, "until": date(2026, 10, 2)}, "person-days of the whole team"),
        ("retarget", {"since": DECEMBER, "due": NOVEMBER}, "due 2026-11-01 lies before from"),
        ("initiative", {"delay": None}, "give start, delay or drop = true"),
        ("initiative", {"delay": None, "drop": False}, "give start, delay or drop = true"),
        ("initiative", {"start": OCTOBER}, "start and delay contradict each other"),
        ("initiative", {"delay": 0, "drop": True}, "delay and drop contradict each other"),
        ("automation", {"cost_days": -1}, "greater than or equal to 0"),
        ("automation", {"run_demand_factor": 1.1}, "less than or equal to 1"),
        ("automation", {"since": NOVEMBER}, "after 2026-11-01 does not lie after from"),
        ("automation", {"until": OCTOBER}, "it would never work"),
        ("wip_limit", {"limit": 0}, "greater than or equal to 1"),
        ("wip_limit", {"limit": 2.0}, "valid integer"),
        ("elasticity", {"value": 1.01}, "less than or equal to 1"),
    ],
)
def test_what_a_lever_cannot_mean_is_refused(kind: str, said: dict[str, Any], told: str) -> None:
    assert told in broken(kind, **said)


def test_a_new_key_result_has_the_columns_of_its_table_and_its_rules() -> None:
    assert list(NewKeyResult.model_fields) == [c for c in TABLES["key_results"].columns if c != "recorded_on"]
    row = SAID["add"]["key_result"]
    for said, told in [
        ({"target": -1}, "is no increase"),
        ({"target": None}, "a metric key result needs a target"),
        ({"baseline": None}, "needs a baseline"),
        ({"due": date(2026, 9, 1)}, "lies before start"),
        ({"kind": "control"}, "does not go with direction"),
        ({"cadence": "wekly"}, "did you mean weekly"),
        ({"cadence": 0}, "greater than or equal to 1"),
    ]:
        assert told in broken("add", key_result=row | said)


def test_a_new_key_result_is_filled_in_as_on_import() -> None:
    row = SAID["add"]["key_result"] | {"kind": "binary", "cadence": "monthly"}
    found = Add(key_result={name: value for name, value in row.items() if name not in ("baseline", "target")})  # type: ignore[arg-type]
    assert (found.name, found.goal.baseline, found.goal.target, found.goal.cadence) == ("n", 0.0, 1.0, 30)
    assert (found.goal.weight, found.goal.team) == (1.0, "a")


def policy(first: date | None = None, last: date | None = None, **more: object) -> LeverBase:
    return lever("set_policy", since=first, until=last, **more)


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (policy(), policy(), "both set the policy of team 'a'"),
        (policy(None, NOVEMBER), policy(NOVEMBER), "both set the policy"),
        (policy(DECEMBER), policy(OCTOBER), "both set the policy"),
        (lever("wip_limit"), lever("wip_limit", limit=3), "both set the wip_limit"),
        (lever("wip_limit"), policy(parameters={"wip_limit": 2}), "both set the wip_limit"),
        (lever("retarget"), lever("drop"), "both decide on key result 'x'"),
        (lever("drop"), lever("drop"), "both decide on key result 'x'"),
        (lever("retarget"), lever("retarget", since=DECEMBER), "both decide on key result 'x'"),
        (lever("add"), lever("drop", key_result="n"), "both decide on key result 'n'"),
        (lever("initiative"), lever("initiative", delay=None, drop=True), "both decide on initiative 'i'"),
        (lever("elasticity"), lever("elasticity"), "elasticity of every key result"),
        (lever("elasticity", key_result="x"), lever("elasticity", key_result="x"), "elasticity of key result 'x'"),
        (lever("move_capacity"), lever("move_capacity", to="run", people=1), "both ways on the same days"),
    ],
)
def test_levers_that_cannot_both_be_meant_are_refused_and_named(first: LeverBase, second: LeverBase, told: str) -> None:
    with pytest.raises(ValidationError, match=told) as caught:
        scenario(first, lever("run_demand"), second)
    assert f"lever 1 ({kind_of(first)}) and lever 3 ({kind_of(second)}) " in str(caught.value)


@pytest.mark.parametrize(
    "levers",
    [
        (policy(None, date(2026, 10, 31)), policy(NOVEMBER)),
        (policy(), policy(team="b")),
        (policy(), lever("wip_limit")),
        (lever("wip_limit", until=OCTOBER), lever("wip_limit", since=NOVEMBER)),
        (lever("hire"), lever("leave"), lever("hire")),
        (lever("run_demand"), lever("run_demand", team="a"), lever("automation"), lever("automation")),
        (lever("absence"), lever("absence")),
        (lever("elasticity"), lever("elasticity", key_result="x"), lever("elasticity", key_result="y")),
        (lever("move_capacity", since=OCTOBER), lever("move_capacity", to="run", since=NOVEMBER)),
        (lever("move_capacity", to_team="b"), lever("move_capacity", to="run")),
        (lever("move_capacity"), lever("move_capacity")),
        (lever("retarget"), lever("drop", key_result="y"), lever("add"), lever("elasticity", key_result="x")),
        (),
    ],
)
def test_levers_that_add_up_or_take_turns_do_not_contradict(levers: tuple[LeverBase, ...]) -> None:
    assert len(scenario(*levers).lever) == len(levers)


def test_an_overlap_is_found_however_many_levers_lie_around_it() -> None:
    days = [(date(2026, month, 1), date(2026, month, 28)) for month in range(1, 13)]
    levers: list[Any] = [policy(*span) for span in days]
    assert contradiction(levers) is None
    levers.insert(5, policy(date(2026, 11, 28), date(2026, 11, 30)))
    found = contradiction(levers)
    assert found is not None
    assert (found["first"], found["second"]) == (6, 12)


def test_where_a_lever_stands_is_no_part_of_what_it_says() -> None:
    here = lever("set_policy", policy="buffer", parameters={"days": 3, "share": 0.2})
    there = lever("set_policy", policy="buffer", parameters={"share": 0.2, "days": 3}).placed(Place(4, "f.toml", 12))
    assert here == there
    assert hash(here) == hash(there)
    assert {here} == {there}
    assert scenario(here) == scenario(there)
    assert len({scenario(here), scenario(there)}) == 1
    assert here != lever("wip_limit")
    assert pickle.loads(pickle.dumps(there)).place == there.place  # noqa: S301 - our own


def test_an_error_that_needs_the_log_names_the_lever_and_its_file_where_there_is_one() -> None:
    bare = Hire(team="a", people=2)
    assert str(refuse(bare, "team", "there is none")) == "lever (hire): there is none"
    ours = scenario(Drop(key_result="x"), bare)
    assert str(ours.refuse(ours.lever[1], "team", "there is none")) == "lever 2 (hire): there is none"
    text = to_toml(ours)
    read = scenario_from_toml(text, "f.toml")
    line = text.splitlines().index('team = "a"') + 1
    assert str(read.refuse(read.lever[1], "team", "no")) == f"f.toml:{line}:1: lever 2 (hire): no"
    assert str(read.refuse(read.lever[1], "from", "no")) == f"f.toml:{line - 2}: lever 2 (hire): no"


@settings(max_examples=100)
@given(SCENARIO)
def test_teams_by_another_name_make_the_same_scenario(drawn: Scenario) -> None:
    """Renamed and back is the same; no contradiction comes or goes with a name."""
    there = scenario(*(renamed(lever, {"intake": "team 1", "platform": "team 2"}) for lever in drawn.lever))
    back = tuple(renamed(lever, {"team 1": "intake", "team 2": "platform"}) for lever in there.lever)
    assert back == drawn.lever


def renamed(lever: LeverBase, names: dict[str, str]) -> LeverBase:
    said = dict(lever)
    return lever.model_copy(update={key: names.get(said[key], said[key]) for key in ("team", "to_team") if key in said})


def test_levers_given_as_python_objects_keep_their_types() -> None:
    found = scenario(MoveCapacity(team="a", people=1, to="run"), SetPolicy(team="a", policy="run_first"))
    assert [type(lever) for lever in found.lever] == [MoveCapacity, SetPolicy]
    assert found.lever[0] != WipLimit(team="a", limit=1) != Elasticity(value=1.0)
