"""What a log may say of capacity that is thin, odd or at its end: an answer, finite, that says what it rests on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, is_dataclass, replace
from typing import Any

import pytest

from koers.engine.forecast import Forecast, forecast
from koers.events.chain import canonical_json
from koers.events.model import EventRetracted, InitiativeDropped, InitiativeFinished, Row
from tests.engine.organisations import CONTROL, Fact, changed, check_in, day, fact, key_result, rows_of
from tests.engine.staffed import (
    BEFORE,
    CYCLE,
    MID,
    away,
    effort,
    errors,
    guardrail,
    incidents,
    initiative,
    moved,
    people,
    policy,
    probabilities,
    record,
    seen,
    ticket,
    tickets,
)

ALONG = 2 * BEFORE
RECORD = record("a", kinds="idb")
RAIL = guardrail("wait", "a", 4.0)
FIVE = people("a", ALONG, 5.0)
LAST = CYCLE - 1  # due, a Sunday


def numbers(value: Any) -> Iterator[float]:  # noqa: ANN401
    """Every number in an answer."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, float):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from numbers(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from numbers(part)


def sound(*facts: Fact | Iterable[Fact], **how: Any) -> Forecast:  # noqa: ANN401
    """The forecast, every number of it finite and every probability one."""
    said = seen(*facts, **how)
    assert all(math.isfinite(number) for number in numbers(said))
    assert all(0.01 <= p <= 0.99 for p in probabilities(said).values())
    assert all(rail.risk is None or 0 <= rail.risk <= 1 for rail in said.guardrails)
    return said


def as_without(said: Forecast, facts: list[Fact], as_of: int = MID) -> None:
    """Capacity has changed no probability, beyond four of its errors."""
    alone, se = probabilities(seen(facts, as_of=as_of)), errors(said)
    for name, p in probabilities(said).items():
        assert p == pytest.approx(alone[name], abs=4 * se[name] + 1e-6)


def test_a_log_without_capacity_falls_back_and_says_that_key_results_are_taken_as_independent() -> None:
    said = sound(RECORD)
    assert said.overall is None
    (warning,) = said.warnings
    assert warning.startswith("no capacity is declared: the forecast rests on progress alone, and ")
    assert "independent of each other" in warning


def test_a_log_whose_capacity_is_known_only_later_falls_back_and_says_from_when() -> None:
    later = people("a", MID + 10, 5.0)
    said = sound(RECORD, later, people("a", MID + 20, 6.0))
    assert said.key_results == sound(RECORD).key_results
    (warning,) = said.warnings
    assert warning.startswith(f"capacity is known only from {day(MID + 10)}: the forecast rests on progress alone")
    gone = fact("team/a", MID + 11, EventRetracted(retracts="later"))
    (warning,) = sound(RECORD, replace(later, id="later"), gone).warnings
    assert warning.startswith("no capacity is declared: ")


def test_a_team_of_nobody_all_along_changes_nothing() -> None:
    as_without(sound(RECORD, people("a", ALONG, 0.0), RAIL), RECORD)


def test_a_team_that_loses_everybody_gets_nowhere() -> None:
    gone = sound(RECORD, FIVE, people("a", MID + 1, 0.0, recorded=MID), RAIL)
    few = sound(RECORD, FIVE, people("a", MID + 1, 1.0, recorded=MID), RAIL)
    assert all(p <= probabilities(few)[name] + 1e-9 for name, p in probabilities(gone).items())
    assert gone.guardrails[0].risk == pytest.approx(1.0, abs=0.01)  # work comes, nobody is there


def test_demand_above_capacity_for_ever_is_finite_and_the_guardrail_says_it() -> None:
    """Eight person-days a morning for two people."""
    said = sound(RECORD, people("a", ALONG, 2.0), tickets("a", 1, 8.0, 1.0), RAIL)
    assert said.guardrails[0].risk == 1.0
    weeks = [week.backlog for week in said.capacity[0].weeks]
    assert weeks == sorted(weeks)
    assert said.capacity[0].run_share == pytest.approx(1.0)
    as_without(said, RECORD)  # as it has been all along


def test_absurd_backlog_overflows_nothing() -> None:
    said = sound(RECORD, FIVE, incidents("a", 30, 10_000.0), RAIL)
    assert said.guardrails[0].risk == 1.0
    assert said.capacity[0].backlog > 100_000


def test_what_is_open_is_what_the_log_counts() -> None:
    """The first tickets ever, many and large: more may be to come, but no months of them are open already."""
    first = sound(RECORD, FIVE, incidents("a", 20, 3.0, on=MID - 1), RAIL)
    assert first.capacity[0].backlog == pytest.approx(60.0, abs=1.0)
    done = sound(RECORD, people("a", ALONG, 2.0), tickets("a", 1, 8.0, 1.0), RAIL)
    assert done.capacity[0].backlog == 0.0
    unlogged = sound(RECORD, people("a", ALONG, 2.0), effort("a", 10.0, 0.0), RAIL)
    assert unlogged.capacity[0].backlog > 1.0  # the control: nothing is known of what is open


def test_a_flood_is_news_and_not_how_it_has_always_been() -> None:
    """Nothing has been changed for a fortnight, nor will it: the less likely what is to be changed."""
    usual = tickets("a", 1, 4.0, 0.5)
    calm, busy, flood = (
        sound(RECORD, FIVE, usual, tickets("a", 2, rate, 0.5, first=MID - 13)) for rate in (0.0, 12.0, 24.0)
    )
    for name in ("a10", "a11", "a12"):
        assert probabilities(calm)[name] > probabilities(busy)[name] > probabilities(flood)[name]
    assert probabilities(flood)["a11"] < 0.5 * probabilities(calm)["a11"]
    assert calm.overall is not None
    assert flood.overall is not None
    assert flood.overall.lost_to_run_work > 0.1 > calm.overall.lost_to_run_work


STANDING = [f for n in range(60) for f in ticket(f"a-old-{n}", "a", -150, 0.5, closed=False)]  # nobody gets to them


def test_what_is_open_all_along_counts_for_a_guardrail_and_takes_no_effort() -> None:
    """Thirty person-days wait for others, six for each of five people: no more is done of them than before."""
    flow = tickets("a", 1, 4.0, 0.5)
    few, many = sound(RECORD, FIVE, flow, RAIL), sound(RECORD, FIVE, flow, STANDING, RAIL)
    assert few.capacity[0].backlog == 0.0
    assert many.capacity[0].backlog == pytest.approx(30.0)
    assert min(week.backlog_low for week in many.capacity[0].weeks) > 20.0
    assert few.guardrails[0].risk == pytest.approx(0.0, abs=0.05)
    assert many.guardrails[0].risk == pytest.approx(1.0, abs=0.05)
    assert probabilities(many) == pytest.approx(probabilities(few), abs=0.02)


RING = policy("a", ALONG, "ring_fence", share=0.4)


@pytest.mark.parametrize(("upper", "same"), [(2.0, policy("a", ALONG, "run_first")), (60.0, RING)])
def test_a_policy_has_seen_what_is_open_all_along(upper: float, same: Fact) -> None:
    """Six person-days for each: above the limit on every morning, those gone by included, or on none."""
    limit = policy("a", ALONG, "threshold", share=0.4, upper=upper, lower=1.0)
    by_load, otherwise = (sound(RECORD, FIVE, tickets("a", 1, 4.0, 0.5), STANDING, given) for given in (limit, same))
    assert probabilities(by_load) == pytest.approx(probabilities(otherwise), abs=1e-9)


@pytest.mark.parametrize("on", [-20, 0, 20, MID])
def test_a_team_whose_capacity_is_declared_late_was_there_before_as_far_as_koers_knows(on: int) -> None:
    as_without(sound(RECORD, people("a", on, 5.0), RAIL), RECORD)


def test_a_team_that_is_to_start_tomorrow_has_no_backlog_of_months_waiting_for_it() -> None:
    said = sound(RECORD, people("a", MID + 1, 5.0, recorded=MID), RAIL)
    assert said.capacity[0].backlog < 60.0


def test_a_team_that_begins_later_has_nobody_no_run_work_and_no_backlog_now() -> None:
    to_come = people("a", MID + 12, 8.0, recorded=MID)
    said = sound(RECORD, to_come, RAIL)
    own = said.capacity[0]
    assert (own.people, own.run_share, own.backlog) == (0.0, 0.0, 0.0)
    first, *_, last = own.weeks
    assert (first.run_share_high, first.backlog_high) == (0.0, 0.0)
    assert last.run_share > 0.3
    assert said.overall is not None
    assert said.overall.lost_to_run_work == pytest.approx(0.0, abs=0.01)  # none arrives before, usual or not
    busy = sound(RECORD, to_come, effort("a", 20.0, 10.0)).capacity[0]
    assert (busy.people, busy.run_share, busy.backlog) == (0.0, 0.0, 0.0)
    there = sound(RECORD, people("a", MID, 8.0), RAIL).capacity[0]
    assert (there.people, there.run_share > 0.3) == (8.0, True)


def test_a_team_that_ends_in_mid_cycle_gets_less_far() -> None:
    stays, ends = sound(RECORD, FIVE), sound(RECORD, FIVE, people("a", MID + 14, 0.0, recorded=MID))
    assert all(ends.key_results[n].probability < stays.key_results[n].probability for n in range(3))
    assert [week.run_share for week in ends.capacity[0].weeks][-1] == 0.0


@pytest.mark.parametrize("as_of", [LAST, LAST + 1, LAST + 30])
def test_a_horizon_of_no_days_is_graded(as_of: int) -> None:
    said = sound(RECORD, FIVE, RAIL, as_of=as_of)
    assert all(kr.attained is not None for kr in said.key_results)
    assert all(kr.probability_se == 0.0 for kr in said.key_results)


def test_a_weekend_before_due_has_no_mornings_and_changes_nothing() -> None:
    friday = LAST - 2
    assert day(friday).weekday() == 4
    said = sound(record("a", until=friday), FIVE, RAIL, as_of=friday)
    assert said.capacity[0].weeks == ()
    assert said.guardrails[0].risk == 0.0
    assert probabilities(said) == pytest.approx(probabilities(seen(record("a", until=friday), as_of=friday)), abs=1e-6)


def test_public_holidays_are_no_mornings() -> None:
    """Easter Monday 2026 is day 91: only a holiday lies between Saturday and that due date."""
    facts = [key_result("k", team="a", due=day(91)), check_in(10, 3.0, "k"), check_in(80, 12.0, "k")]
    assert sound(facts, FIVE, as_of=89).capacity[0].weeks == ()
    later = [key_result("k", team="a", due=day(92)), *facts[1:]]
    assert len(sound(later, FIVE, as_of=89).capacity[0].weeks) == 1


def test_without_key_results_there_is_still_capacity_to_tell_of() -> None:
    said = sound([FIVE, RAIL])
    assert said.key_results == ()
    assert (said.capacity[0].team, len(said.capacity[0].weeks) > 10) == ("a", True)
    assert said.guardrails[0].risk is not None
    assert said.overall is not None
    assert (said.overall.key_results, said.overall.expected_reached) == (0, 0.0)


def test_control_key_results_alone_are_not_moved_by_effort() -> None:
    facts = [key_result("k", team="a", **CONTROL), check_in(9, 6.0, "k")]
    said = sound(facts, FIVE, RAIL)
    assert probabilities(said) == probabilities(seen(facts))
    assert said.key_results[0].lost_to_run_work is None


def test_key_results_of_a_team_without_capacity_are_left_alone_and_it_is_said() -> None:
    facts = [*RECORD, *record("b", 2)]
    said, alone = sound(facts, FIVE), seen(facts)
    for kr, before in zip(said.key_results, alone.key_results, strict=True):
        if kr.team == "b":
            assert kr == before
    assert "no capacity is declared for b: effort does not move their key results" in said.warnings
    only = sound(facts, people("z", ALONG, 5.0))
    assert only.key_results == alone.key_results


def test_a_key_result_that_has_yet_to_begin_takes_part_without_being_asked_for() -> None:
    coming = key_result("next", team="a", cycle="q2", start=day(60), due=day(150), recorded=1)
    said = sound(RECORD, FIVE, coming)
    assert "next" not in probabilities(said)
    assert said.overall is not None
    assert said.overall.key_results == 3


# Initiatives


def test_an_initiative_for_a_key_result_that_no_capacity_moves_takes_its_time_from_the_others() -> None:
    facts = [*RECORD, *record("b", 2)]
    without = sound(facts, FIVE)
    said = sound(facts, FIVE, initiative("i", "a", "b10", impact=50.0, low=100.0, mode=200.0, high=300.0))
    for kr, before in zip(said.key_results, without.key_results, strict=True):
        if kr.team == "b":
            assert kr.probability == before.probability
        else:
            assert kr.probability < before.probability


def test_an_initiative_of_a_team_without_capacity_is_nobodys_work() -> None:
    facts = [*RECORD, *record("b", 2)]
    assert sound(facts, FIVE, initiative("i", "b", "a10", impact=50.0)).key_results == sound(facts, FIVE).key_results


@pytest.mark.parametrize(
    "estimate", [(0.0, 0.0, 0.0), (0.0, 0.0, 1.0), (5.0, 5.0, 5.0), (0.001, 1.0, 1e6), (1e6, 1e6, 1e6)]
)
def test_odd_estimates_are_finite(estimate: tuple[float, float, float]) -> None:
    low, mode, high = estimate
    sound(RECORD, FIVE, initiative("i", "a", "a10", impact=20.0, lag=3, low=low, mode=mode, high=high))


def test_an_initiative_that_depends_on_an_unknown_one_waits_for_nothing() -> None:
    free, bound = (sound(RECORD, FIVE, initiative("i", "a", "a10", impact=60.0, depends_on=on)) for on in ((), ("x",)))
    assert probabilities(bound) == probabilities(free)
    assert probabilities(free)["a10"] > probabilities(sound(RECORD, FIVE))["a10"]


def test_an_initiative_that_depends_on_one_of_a_team_without_capacity_is_let_begin_and_it_is_said() -> None:
    facts = [*RECORD, FIVE, *record("b", 2)]
    other, own = initiative("x", "b", "b10"), initiative("i", "a", "a10", impact=60.0, depends_on=("x",))
    said = sound(facts, other, own)
    assert probabilities(said) == probabilities(sound(facts, changed(own, depends_on=())))
    sentence = "no capacity is declared for b: when x ends is not simulated, so i, which depends on it, is let begin"
    assert sentence in said.warnings
    over = [fact("initiative/x", 20, done) for done in (InitiativeFinished(), InitiativeDropped())]
    for quiet in ([other, over[0], own], [other, over[1], own], [other, people("b", ALONG, 5.0), own], [own], [other]):
        assert not [text for text in sound(facts, quiet).warnings if "is let begin" in text]


@pytest.mark.parametrize(("goal", "towards"), [("a10", 20.0), ("a11", -20.0)])
def test_an_impact_that_leads_away_from_the_target_is_taken_as_it_is_and_said(goal: str, towards: float) -> None:
    for impact, warned in ((towards, False), (-towards, True), (0.0, False), (None, False)):
        said = sound(RECORD, FIVE, initiative("i", "a", goal, impact=impact))
        assert [text for text in said.warnings if "impact of i" in text] == (
            [
                f"the impact of i is {-towards:+g}, away from its target: {goal} is to go from "
                + ("0 to 100" if goal == "a10" else "100 to 0")
            ]
            if warned
            else []
        )


def test_of_an_initiative_that_is_over_or_moves_nothing_no_impact_is_questioned() -> None:
    away_from_it = initiative("i", "a", "a10", impact=-20.0)
    over = (fact("initiative/i", 20, done()) for done in (InitiativeFinished, InitiativeDropped))
    elsewhere = [initiative("i", team, "b10", impact=-20.0) for team in "ab"]
    for facts in (*([away_from_it, end] for end in over), *([*record("b", 2), plan] for plan in elsewhere)):
        assert not [text for text in sound(RECORD, FIVE, facts).warnings if "impact" in text]


# Policies and moves


def stored(kind: str, parameters: dict[str, Any]) -> list[Row]:
    """A log of an older koers, that was not checked: its one policy says this."""
    rows = rows_of([*RECORD, FIVE, policy("a", ALONG, "run_first")])
    data = canonical_json({"policy": kind, "parameters": parameters})
    return [row._replace(data=data) if row.type == "koers.policy-set.v1" else row for row in rows]


def test_a_freeze_on_an_unknown_guardrail_never_freezes_and_it_is_said() -> None:
    said = sound(RECORD, FIVE, policy("a", ALONG, "freeze", share=0.4, guardrail="nope"))
    fenced = sound(RECORD, FIVE, policy("a", ALONG, "ring_fence", share=0.4))
    assert probabilities(said) == probabilities(fenced)
    assert [text for text in said.warnings if "nope is no KPI with an upper limit" in text]


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("threshold", {"share": 0.4, "upper": 1.0, "lower": 2.0}),
        ("threshold", {"share": 0.4}),
        ("ring_fence", {"share": 40.0}),
        ("ring_fence", {}),
        ("buffer", {"share": "much", "days": 2.0}),
        ("rotation", {"people": -2.0}),
    ],
)
def test_a_stored_policy_that_cannot_be_read_runs_first_and_it_is_said(kind: str, parameters: dict[str, Any]) -> None:
    said = forecast(stored(kind, parameters), day(MID), samples=2000)
    assert said.capacity[0].policy == "run_first"
    assert probabilities(said) == probabilities(sound(RECORD, FIVE))
    assert [text for text in said.warnings if text.startswith("the policy of a from ")]


@pytest.mark.parametrize(
    "said",
    [
        policy("a", ALONG, "ring_fence", share=1.0),
        policy("a", ALONG, "fixed_split", share=0.0),
        policy("a", ALONG, "fixed_split", share=1.0),
        policy("a", ALONG, "rotation", people=50.0),
        policy("a", ALONG, "rotation", people=0.0),
        policy("a", ALONG, "buffer", share=0.5, days=0),
        policy("a", ALONG, "threshold", share=0.5, upper=0.0, lower=0.0),
        policy("a", ALONG, "freeze", share=0.5, guardrail="wait"),
        away("a", ALONG, MID + 45, 900.0),
    ],
    ids=lambda fact: f"{getattr(fact.data, 'policy', 'absence')}",
)
def test_policies_and_absence_at_their_limits_change_nothing_where_they_held_all_along(said: Fact) -> None:
    as_without(sound(RECORD, FIVE, said, RAIL), RECORD)


def test_the_harshest_settings_are_finite() -> None:
    said = policy("a", ALONG, "run_first", switch_loss=1.0, failure_demand=10.0, overdue_after=1, wip_limit=1)
    sound(RECORD, FIVE, said, RAIL, initiative("i", "a", "a10"), initiative("j", "a", "a10", depends_on=("i",)))


def test_a_move_before_any_capacity_moves_nobody() -> None:
    said = sound(RECORD, people("b", ALONG, 5.0), moved("a", ALONG - 5, 2.0, "change", "b"), FIVE)
    assert [(team.team, team.people) for team in said.capacity] == [("a", 5.0), ("b", 5.0)]


def test_no_more_people_leave_than_are_there() -> None:
    said = sound(RECORD, FIVE, people("b", ALONG, 5.0), moved("a", 10, 50.0, "run", "b"))
    assert [(team.team, team.people) for team in said.capacity] == [("a", 0.0), ("b", 55.0)]


def test_people_may_move_to_a_team_that_declares_nothing() -> None:
    said = sound(RECORD, FIVE, moved("a", 10, 2.0, "run", "z"))
    assert [(team.team, team.people) for team in said.capacity] == [("a", 3.0)]


# Run work


def test_tickets_that_say_nothing_of_their_effort_and_one_ticket_are_enough() -> None:
    as_if = sound(RECORD, FIVE, tickets("a", 1, 1.0, None))
    assert as_if.capacity[0].rests_on == "tickets"
    sound(RECORD, FIVE, ticket("only", "a", MID, None), RAIL)


def test_tickets_of_nobody_we_know_are_left_alone() -> None:
    assert sound(RECORD, FIVE, tickets("z", 1, 3.0, 1.0)).key_results == sound(RECORD, FIVE).key_results
