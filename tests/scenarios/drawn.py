"""Scenarios drawn by Hypothesis: every kind of lever, every key, nothing that contradicts another lever."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import strategies as st

from koers.events.policies import POLICIES
from koers.scenarios.base import LeverBase
from koers.scenarios.contradictions import contradiction
from koers.scenarios.model import KINDS, Initiative, Scenario

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)
NAME = st.one_of(st.sampled_from(["intake", "platform", 'say "so"', "a.b", "ploeg ☕", "#1"]), TEXT.filter(bool))
DAY = st.dates(date(2026, 1, 1), date(2027, 12, 31))
LATER = st.dates(date(2028, 1, 1), date(2029, 12, 31))
PEOPLE = st.floats(0, 1e5, exclude_min=True) | st.integers(1, 9)
NUMBER = st.floats(-1e15, 1e15)
SHARE = st.floats(0, 1)
SETTINGS: dict[str, st.SearchStrategy[Any]] = {
    "switch_loss": SHARE,
    "wip_limit": st.integers(1, 9),
    "ramp_up_days": st.floats(0, 1000),
}
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "share": SHARE,
    "days": PEOPLE,
    "upper": st.floats(5, 9),
    "lower": st.floats(0, 5),
    "people": PEOPLE,
}
VALUES["guardrail"] = NAME.filter(lambda name: bool(name.strip()))
ENDING = {"since": DAY, "until": LATER}
STAFF = {**ENDING, "ramp_up_days": st.integers(0, 1000)}


def policy(name: str) -> st.SearchStrategy[dict[str, Any]]:
    parameters = st.fixed_dictionaries({key: VALUES[key] for key in POLICIES[name]}, optional=SETTINGS)
    return st.fixed_dictionaries({"team": NAME, "policy": st.just(name), "parameters": parameters}, optional=ENDING)


def _levers(kind: str, needed: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[LeverBase]:
    return st.fixed_dictionaries(needed, optional=optional).map(lambda given: KINDS[kind](**given))


NEW = st.fixed_dictionaries(
    {
        **dict.fromkeys(("key_result", "team", "cycle"), NAME),
        **dict.fromkeys(("title", "unit"), TEXT),
        "kind": st.sampled_from(["metric", "milestone"]),
        "direction": st.just("increase"),
        "baseline": st.floats(-9, 0),
        "target": st.floats(1, 9),
        "start": DAY,
        "due": LATER,
    },
    optional={
        "objective": NAME,
        "owner": TEXT,
        "commit": NUMBER,
        "weight": st.floats(0.1, 9),
        "cadence": st.integers(1, 366) | st.sampled_from(["daily", "weekly", "biweekly", "monthly"]),
    },
)
FATE = st.one_of(
    st.fixed_dictionaries({"start": DAY}),
    st.fixed_dictionaries({"delay": st.integers(0, 3660)}),
    st.just({"drop": True}),
)
LEVER: st.SearchStrategy[LeverBase] = st.one_of(
    _levers(
        "move_capacity",
        {"team": NAME, "people": PEOPLE, "to": st.sampled_from(["run", "change"])},
        {**ENDING, "to_team": st.just("elsewhere")},
    ),
    _levers("hire", {"team": NAME, "people": PEOPLE}, STAFF),
    _levers("leave", {"team": NAME, "people": PEOPLE}, STAFF),
    st.sampled_from(sorted(POLICIES)).flatmap(policy).map(lambda given: KINDS["set_policy"](**given)),
    _levers("run_demand", {"factor": st.floats(0, 100)}, {**ENDING, "team": NAME}),
    _levers("absence", {"team": NAME, "days": st.floats(0, 1e5)}, ENDING),
    _levers("retarget", {"key_result": NAME, "target": NUMBER}, {"since": DAY, "due": LATER}),
    _levers("drop", {"key_result": NAME}, {"since": DAY}),
    _levers("add", {"key_result": NEW}, {"since": DAY}),
    st.tuples(NAME, FATE).map(lambda given: Initiative(initiative=given[0], **given[1])),
    _levers(
        "automation",
        {"team": NAME, "cost_days": st.floats(0, 1e6), "run_demand_factor": SHARE, "after": LATER},
        {"since": DAY},
    ),
    _levers("wip_limit", {"team": NAME, "limit": st.integers(1, 1_000_000_000)}, ENDING),
    _levers("elasticity", {"value": SHARE}, {"since": DAY, "key_result": NAME}),
)


def _meant(levers: list[LeverBase]) -> tuple[LeverBase, ...]:
    """Those that contradict none before them."""
    kept: list[Any] = []
    for lever in levers:
        if contradiction([*kept, lever]) is None:  # type: ignore[list-item]
            kept.append(lever)
    return tuple(kept)


SCENARIO: st.SearchStrategy[Scenario] = st.builds(
    lambda name, why, levers: Scenario(name=name, why=why, lever=_meant(levers)),
    NAME,
    TEXT | st.just('Two lines,\nand \'quotes\' """ \\ \r\n\tof all sorts \x7f\x1b'),
    st.lists(LEVER, max_size=6),
)
