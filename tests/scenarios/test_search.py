"""Searches: laws that hold for any decision, cases a person can check, and what is refused."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from koers.events.errors import InputError
from koers.scenarios.compare import Ground, compare
from koers.scenarios.files import scenario_from_toml
from koers.scenarios.levers import pulled
from koers.scenarios.model import (
    Absence,
    Automation,
    Drop,
    Elasticity,
    Hire,
    Initiative,
    Leave,
    MoveCapacity,
    Retarget,
    RunDemand,
    Scenario,
    SetPolicy,
    WipLimit,
)
from koers.scenarios.search import _least, _until, reach
from koers.scenarios.search_deadline import deadline, delayed
from koers.scenarios.search_frontier import Point, frontier, marked
from koers.scenarios.search_futures import chance, error, odds, stage
from koers.scenarios.search_levers import lever_of, most_of
from koers.scenarios.world import baseline
from tests.engine.organisations import day
from tests.engine.staffed import MID
from tests.scenarios.decided import toml
from tests.scenarios.searched import ground

MOVE = MoveCapacity(team="b", people=4.0, to="change")
LEVERS: list[Any] = [
    MOVE,
    Hire(team="b", people=5.0, ramp_up_days=0),
    SetPolicy(team="b", policy="ring_fence", parameters={"share": 1.0}),
    SetPolicy(team="b", policy="threshold", parameters={"share": 1.0, "upper": 1.0, "lower": 0.5}),
    RunDemand(team="b", factor=0.0),
    Retarget(key_result="b10", target=0.0),
    Automation(team="b", cost_days=20.0, run_demand_factor=0.0, after=day(MID + 10)),
]


@pytest.fixture(scope="module")
def here() -> Ground:
    return ground()


def scenario(*levers: Any) -> Scenario:  # noqa: ANN401 - any lever
    return Scenario(name="s", why="to see", lever=levers)


def test_a_search_plays_the_futures_that_a_comparison_plays(here: Ground) -> None:
    told = compare(here.coupled, [scenario(MOVE)], {}, precision=0.5)[0].key_results["b10"]
    of, k = stage(here.coupled), here.coupled.setting.organisation.key_results.key.index("b10")
    plain = baseline(here.coupled)
    before, after = chance(of, plain, k), chance(of, pulled(plain, scenario(MOVE)), k)
    found = odds(after, error(of, pulled(plain, scenario(MOVE)), k))
    assert (found.probability, float(before.mean())) == pytest.approx((told.scenario, told.baseline), abs=1e-12)
    assert (found.low, found.high) == pytest.approx((told.baseline + told.low, told.baseline + told.high), abs=1e-12)
    assert chance(of, pulled(plain, scenario()), k).tolist() == before.tolist()


@pytest.mark.parametrize("lever", LEVERS, ids=lambda lever: f"{lever.kind}-{getattr(lever, 'policy', '')}")
def test_a_further_target_never_needs_less(here: Ground, lever: Any) -> None:  # noqa: ANN401
    most = lever.parameters["share"] if lever.kind == "set_policy" else None
    needed: list[float] = []
    for asked in np.linspace(0.05, 0.95, 7).tolist():
        found = reach(here, "b10", asked, lever)
        if found.already:
            assert found.odds.probability >= asked
            assert needed == []
        elif found.amount is None:
            assert found.odds.probability < asked
            needed.append(1.0)
        else:
            assert found.odds.probability >= asked
            assert found.odds.low <= found.odds.probability <= found.odds.high
            none = {"run_demand": 1.0, "automation": 1.0, "retarget": 100.0}.get(lever.kind, 0.0)
            span = (most if most is not None else found.most) - none
            needed.append((found.amount - none) / span)
    assert needed == sorted(needed)
    assert needed
    assert max(needed) > 0.0


def test_a_strength_below_the_least_does_not_do(here: Ground) -> None:
    found = reach(here, "b10", 0.6, Retarget(key_result="b10", target=0.0))
    assert found.amount is not None
    less = Retarget(key_result="b10", target=found.amount + 100.0 / 1_000)
    of, k = stage(here.coupled), here.coupled.setting.organisation.key_results.key.index("b10")
    worlds = (pulled(baseline(here.coupled), scenario(lever)) for lever in (less, found.lever))
    below, at = (float(chance(of, world, k).mean()) for world in worlds)
    assert below < 0.6 <= at
    assert found.odds.probability == pytest.approx(at)
    assert found.running == ()


def test_what_a_search_costs_in_running_is_what_a_comparison_says() -> None:
    here = ground(2_000)
    found = reach(here, "b10", 0.95, MOVE)
    told = compare(here.coupled, [scenario(found.lever)], {}, precision=0.5)[0]
    (row,) = found.running
    assert row.team == "b"
    backlog = next(own.backlog for own in told.running if own.team == "b")
    assert row.backlog == pytest.approx((backlog.baseline, backlog.scenario))
    rail = told.guardrails["wait-b"]
    assert row.guardrails["wait-b"] == pytest.approx((rail.baseline, rail.scenario))
    assert row.lost[1] - row.lost[0] == pytest.approx(next(own.lost for own in told.running if own.team == "b"))


def test_a_target_that_is_met_already_says_so(here: Ground) -> None:
    found = reach(here, "b10", 0.01, MOVE)
    assert (found.already, found.amount, found.running) == (True, None, ())
    assert found.odds.probability == found.without


def test_a_lever_on_another_team_does_not_touch_it(here: Ground) -> None:
    found = reach(here, "b10", 0.98, Hire(team="c", people=3.0))
    assert (found.moves, found.amount, found.odds.probability) == (False, None, found.without)
    assert reach(here, "b10", 0.98, MOVE).moves


def test_where_none_does_the_best_is_told(here: Ground) -> None:
    found = reach(here, "b10", 0.99, Hire(team="b", people=0.5))
    assert found.amount is None
    assert found.without < found.odds.probability < 0.99
    assert found.best == 0.5


def test_a_stretch_that_ends_is_told_and_bisection_keeps_to_the_first() -> None:
    def does(step: int) -> bool:
        return 130 <= step <= 320 or step >= 700

    good = [step for step in range(0, 1_001, 50) if does(step)]
    assert (_least(does, good[0]), _until(good)) == (130, 300)
    assert _until(list(range(200, 1_001, 50))) is None
    assert _least(lambda step: step >= 0, 0) == 0


def test_a_seed_gives_the_same_answer_again_and_another_seed_nearly_the_same() -> None:
    one, again, other = (reach(ground(2_000, seed), "b10", 0.6, MOVE) for seed in (1, 1, 2))
    assert one == again
    assert one.odds != other.odds
    assert one.amount == pytest.approx(other.amount, abs=0.4)


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.2, 1.5, 0.001, float("nan")])
def test_a_probability_that_cannot_be_aimed_at_is_refused(here: Ground, probability: float) -> None:
    with pytest.raises(InputError, match=r"name one from 0\.01 to 0\.99"):
        reach(here, "b10", probability, MOVE)
    with pytest.raises(InputError, match=r"name one from 0\.01 to 0\.99"):
        deadline(here, scenario(MOVE), probability)


@pytest.mark.parametrize(
    ("key_result", "lever", "said"),
    [
        ("b1O", MOVE, "'b1O' is no key result that effort moves from now on; did you mean b10?"),
        ("b10", MOVE.model_copy(update={"people": 50.0}), r"lever \(move_capacity\): 50 people, but b has 5"),
        ("b10", MOVE.model_copy(update={"team": "bb"}), "'bb' is no team with declared capacity"),
        ("b10", MOVE.model_copy(update={"since": date(2090, 1, 1)}), "2090-01-01"),
        ("b10", WipLimit(team="b", limit=1), "there is no more or less of it"),
        ("b10", Drop(key_result="b11"), "there is no more or less of it"),
        ("b10", SetPolicy(team="b", policy="run_first"), "there is no more or less of it"),
        ("b10", Retarget(key_result="zz", target=1.0), "'zz' is no key result"),
    ],
)
def test_what_does_not_fit_is_refused(here: Ground, key_result: str, lever: Any, said: str) -> None:  # noqa: ANN401
    with pytest.raises(InputError, match=said):
        reach(here, key_result, 0.5, lever)


def test_levers_are_made_of_words_and_limits_of_what_there_is(here: Ground) -> None:
    made = lever_of("set_policy", {"team": "b", "policy": "buffer", "parameters": {"days": 3}, "until": None}, 0.5)
    assert made == SetPolicy(team="b", policy="buffer", parameters={"days": 3, "share": 0.5})
    assert lever_of("leave", {"team": 'b"\n', "from": date(2026, 1, 5)}, 2.0).team == 'b"\n'
    assert most_of(here.coupled, "move_capacity", {"team": "b"}) == 5.0
    assert most_of(here.coupled, "retarget", {"key_result": "b10"}) == 0.0
    assert (most_of(here.coupled, "run_demand", {}), most_of(here.coupled, "set_policy", {})) == (0.0, 1.0)
    with pytest.raises(InputError, match="say how many person-days at most"):
        most_of(here.coupled, "absence", {"team": "b"})
    with pytest.raises(InputError, match=r"^lever \(hire\): team is missing"):
        lever_of("hire", {}, 1.0)
    with pytest.raises(InputError, match=r"'hirre' has no strength to search for; did you mean hire\?"):
        lever_of("hirre", {}, 1.0)


def test_a_frontier_marks_all_that_nothing_dominates_and_nothing_else(here: Ground) -> None:
    for own in frontier(here):
        best = [point for point in own.points if point.efficient]
        assert best
        for point in own.points:
            beaten = [
                other for other in own.points
                if other.reached >= point.reached and other.cost <= point.cost and other[1:5] != point[1:5]
            ]  # fmt: skip
            assert point.efficient != bool(beaten)
            assert point.efficient or any(other.efficient for other in beaten)


def test_points_are_marked_as_a_person_would() -> None:
    def point(reached: float, risk: float) -> Point:
        return Point(0.0, reached, 0.0, risk, 0.0)

    given = [point(1.0, 0.1), point(0.9, 0.1), point(2.0, 0.5), point(2.0, 0.6), point(1.0, 0.1), point(3.0, 0.9)]
    assert [one.efficient for one in marked(given)] == [True, False, True, False, True, True]


def test_a_frontier_runs_from_no_fence_to_all_and_knows_the_policy_in_force(here: Ground) -> None:
    a, b, c = frontier(here)
    assert (a.team, b.team, c.team) == ("a", "b", "c")
    assert [point.share for point in b.points] == pytest.approx([n / 20 for n in range(21)])
    assert b.now[1:5] == b.points[0][1:5]  # it runs first
    assert a.now[1:5] == a.points[5][1:5]  # its ring fence of a quarter
    assert (a.now.risk, a.guardrails, b.guardrails) == (None, (), ("wait-b",))
    assert a.now.cost == a.now.backlog
    assert b.points[-1].backlog > b.points[0].backlog
    assert b.points[-1].reached > b.points[0].reached
    assert frontier(here, "b") == [b]


@pytest.mark.parametrize(("team", "splits", "said"), [("d", 21, "'d' is no team"), ("b", 1, "two at least")])
def test_a_frontier_of_nothing_is_refused(here: Ground, team: str, splits: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        frontier(here, team, splits)


def test_the_last_morning_does_and_none_after_it(here: Ground) -> None:
    given = scenario(MOVE)
    plain, of = baseline(here.coupled), stage(here.coupled)
    k, days = here.coupled.setting.organisation.key_results.key.index("b10"), here.coupled.days
    by_day = [float(chance(of, pulled(plain, delayed(given, on, days[0])), k).mean()) for on in days]
    for asked in (by_day[0] - 0.01, by_day[5], by_day[12], (by_day[-1] + by_day[-4]) / 2):
        found = deadline(here, given, asked, "b10")
        last = max(n for n, p in enumerate(by_day) if p >= asked)
        assert found.last == days[last]
        assert found.odds.probability == pytest.approx(by_day[last])
        assert found.after is not None
        assert found.after[0] == days[last + 1]
        assert found.after[1] < asked


def test_a_later_move_does_less_and_an_earlier_deadline_keeps_more(here: Ground) -> None:
    found = deadline(here, scenario(MOVE), 0.5, "b10")
    chances = [p for _, p in found.series]
    assert all(later <= earlier + 0.005 for earlier, later in pairwise(chances))
    lasts = [deadline(here, scenario(MOVE), float(p), "b10").last for p in np.linspace(chances[-1], chances[0], 5)]
    assert lasts == sorted(lasts, reverse=True, key=lambda on: on or date.min)
    assert lasts[0] == here.coupled.days[-1]


def test_a_deadline_may_never_be_or_not_matter(here: Ground) -> None:
    never = deadline(here, scenario(Hire(team="b", people=0.5)), 0.98, "b10")
    assert (never.last, never.after, never.first) == (None, None, None)
    assert never.best == here.coupled.days[0]
    always = deadline(here, scenario(MOVE), 0.01, "b10")
    assert (always.last, always.after) == (here.coupled.days[-1], None)
    assert always.without >= always.asked


def test_without_a_key_result_the_one_that_gains_most_is_looked_at(here: Ground) -> None:
    told = compare(here.coupled, [scenario(MOVE)], {}, precision=0.5)[0].key_results
    assert deadline(here, scenario(MOVE), 0.5).key_result == max(told, key=lambda name: told[name].delta)
    with pytest.raises(InputError, match="'s' lifts no key result: name the one to look at"):
        deadline(here, scenario(Leave(team="b", people=2.0)), 0.5)


@pytest.mark.parametrize("levers", [(), (Elasticity(value=0.5),), (WipLimit(team="b", limit=1),)])
def test_a_scenario_without_a_day_has_no_deadline(here: Ground, levers: tuple[Any, ...]) -> None:
    with pytest.raises(InputError, match="no lever of it hangs on the day"):
        deadline(here, scenario(*levers), 0.5, "b10")


def test_levers_are_delayed_with_what_hangs_on_them(here: Ground) -> None:
    first = here.coupled.days[0]
    late = first + timedelta(days=14)
    given = scenario(
        Absence(team="a", days=3.0, until=first + timedelta(days=7)),
        Automation(team="b", cost_days=1.0, run_demand_factor=0.5, after=first + timedelta(days=5)),
        Leave(team="c", people=1.0, since=first + timedelta(days=21)),
        Initiative(initiative="rebuild", start=first),
    )
    found: tuple[Any, ...] = delayed(given, late, first).lever
    assert [lever.kind for lever in found] == ["automation", "leave", "initiative"]  # the absence is over
    assert found[0].after == late + timedelta(days=5)
    assert [lever.since for lever in found] == [late] * 3
    assert found[2].start == late


def test_a_scenario_from_a_file_keeps_its_place_in_messages(here: Ground) -> None:
    given = scenario_from_toml(toml('hire team = "bb"; people = 1'), "plan.toml")
    with pytest.raises(InputError, match=r"^plan\.toml:6:1: lever 1 \(hire\): 'bb' is no team"):
        deadline(here, given, 0.5, "b10")
