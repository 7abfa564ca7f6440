"""One future, told: the days add up, and what moved has a cause."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koers.engine.capacity import Organisation, Policy, protected
from koers.engine.luck import Luck, draw
from koers.engine.mornings import EPOCH
from koers.engine.moves import BESIDE
from koers.engine.reference import Simulation, play
from koers.engine.story import Story, tell
from tests.engine.worlds import goals, plain, plans, rails, random_organisation

MONDAY = date(2026, 1, 5)
BEFORE = MONDAY - timedelta(days=1)
ANY = st.integers(0, 2**32 - 1)


def given_work(org: Organisation, *arrives: float) -> Organisation:
    """The first team's run work, morning by morning; none after that."""
    work = np.zeros_like(org.teams.given)
    work[0, : len(arrives)] = arrives
    return replace(org, teams=replace(org.teams, given=work))


def told(org: Organisation, seed: int = 0, **said: Any) -> tuple[Simulation, Story]:  # noqa: ANN401
    sim = play(org, draw(org, seed, range(1)))
    return sim, tell(sim, BEFORE, **said)


def moved(story: Story) -> list[tuple[int, str, str]]:
    """Weekdays from the first Monday on, what moved and why."""
    return [((move.date - MONDAY).days, move.what, move.why) for move in story.moves]


def begun_elsewhere(org: Organisation, seed: int) -> Luck:
    """Draws of a future that begins with a backlog."""
    return draw(
        replace(org, teams=replace(org.teams, backlog=3.0 * org.teams.people[:, :1].sum(axis=1))), seed, range(1)
    )


@given(ANY, ANY)
@settings(max_examples=60)
def test_every_day_adds_up(world: int, seed: int) -> None:
    org = random_organisation(world)
    sim = play(org, begun_elsewhere(org, seed))
    story = tell(sim, BEFORE)
    assert len(story.days) == org.teams.people.size
    assert [(day.date, day.team) for day in story.days] == sorted((day.date, day.team) for day in story.days)
    for team, rows in groupby(sorted(story.days, key=lambda day: day.team), key=lambda day: day.team):
        t = org.teams.key.index(team)
        open_before = float(sim.luck.start.backlog[t, 0])
        for n, day in enumerate(rows):
            there = max(day.people - org.teams.away[t, n], 0.0) * (1.0 - sim.absent[t, n])
            assert day.run + day.change + day.lost + day.idle == pytest.approx(there, abs=1e-9)
            assert day.run <= (1.0 - day.policy_share) * there + 1e-9
            assert day.backlog == pytest.approx(open_before + day.arrived - day.run, abs=1e-8)
            open_before = day.backlog


@given(ANY, ANY)
@settings(max_examples=60)
def test_change_work_goes_to_what_there_is_to_work_on_and_no_further(world: int, seed: int) -> None:
    org = random_organisation(world)
    sim, story = told(org, seed)
    spent: dict[tuple[date, str], float] = {}
    for work in story.work:
        spent[work.date, work.team] = spent.get((work.date, work.team), 0.0) + work.days
    active = {
        (EPOCH + timedelta(days=int(org.calendar.day[n])), org.teams.key[org.key_results.team[k]])
        for k, n in zip(*np.nonzero(org.key_results.active), strict=True)
        if org.key_results.weight[k] > 0
    }
    for day in story.days:
        total = spent.get((day.date, day.team), 0.0)
        assert total <= day.change + 1e-8
        if (day.date, day.team) in active:
            assert total == pytest.approx(day.change, abs=1e-6)
    effort = sum(map(sum, sim.portfolio.effort))
    without_goal = [name for name, k in zip(org.initiatives.key, org.initiatives.key_result, strict=True) if k < 0]
    assert sum(work.days for work in story.work if work.on not in without_goal) == pytest.approx(effort, abs=1e-5)


@given(ANY, ANY)
@settings(max_examples=60)
def test_every_move_has_a_cause_in_the_model_and_every_trip_is_told(world: int, seed: int) -> None:
    org = random_organisation(world)
    sim = play(org, begun_elsewhere(org, seed))
    story = tell(sim, BEFORE)
    days = {day.date for day in story.days}
    assert all(move.what and move.why and move.why != BESIDE for move in story.moves)
    assert {move.date for move in story.moves} <= days
    told_on = {(move.date, move.team) for move in story.moves}
    for team in sim.teams:
        was = False
        for on, day, policy in zip(sorted(days), team.days, team.policies, strict=True):
            fell = day.share != protected(policy, day.people, tripped=False, broken=False)
            if fell != was:
                assert (on, team.key) in told_on
            was = fell
    finished = sum(on >= 0 for on in sim.portfolio.finished_on)
    assert sum(" is finished" in move.what for move in story.moves) == finished
    broken = [move for move in story.moves if move.what.startswith("rail-")]
    assert len(broken) == sum(on >= 0 for on in sim.broken_on)


def test_a_buffer_trips_after_its_mornings_and_is_released_when_backlog_has_cleared() -> None:
    org = given_work(plain(8, policy=Policy("buffer", 0.5, days=2)), 9.0, 9.0)
    _, story = told(org)
    assert moved(story) == [
        (2, "run work takes the 50% kept for change work", "backlog had not cleared for 2 mornings"),
        (3, "50% is kept for change work again", "backlog had cleared"),
    ]


def test_a_threshold_says_what_the_backlog_was() -> None:
    org = given_work(plain(8, policy=Policy("threshold", 0.8, upper=2.0, lower=0.5)), 25.0)
    assert moved(told(org)[1]) == [
        (0, "run work takes the 80% kept for change work", "backlog was 2.5 days per person, above 2"),
        (3, "80% is kept for change work again", "backlog was 0.0 days per person, below 0.5"),
    ]


def test_a_freeze_names_its_guardrail_and_that_is_told_when_it_breaks() -> None:
    org = plain(6, policy=Policy("freeze", 0.9, guardrail=0))
    org = replace(given_work(org, 12.0), guardrails=rails([(0, 0, 1.0)]))
    assert moved(told(org, names={"rail-0": "Queue"})[1]) == [
        (0, "Queue is broken", "backlog was 1.1 days per person in the evening, above 1"),
        (1, "run work takes the 90% kept for change work", "Queue was broken the evening before"),
        (2, "90% is kept for change work again", "Queue held again the evening before"),
    ]


def test_an_age_that_is_too_high_is_told_in_mornings() -> None:
    org = replace(given_work(plain(6), 100.0), guardrails=rails([(0, 1, 2.0)]))
    assert moved(told(org)[1]) == [(3, "rail-0 is broken", "work that came more than 2 mornings before is still open")]


def test_a_policy_that_takes_effect_is_told_with_what_it_does() -> None:
    org = plain(6)
    two = replace(org.teams, policies=(Policy(), Policy("ring_fence", 0.25)), policy=np.array([[0, 0, 1, 1, 1, 1]]))
    assert moved(told(replace(org, teams=two))[1]) == [
        (2, "the policy is now to keep 25% for change work", "as planned from this day on")
    ]


def test_people_come_and_leave_on_the_morning_after_the_weekend() -> None:
    rows = [(date(2025, 1, 1), 10.0), (date(2026, 1, 7), 12.0), (date(2026, 1, 10), 11.0), (date(2027, 1, 1), 0.0)]
    assert moved(told(plain(8), headcount={"team-0": rows})[1]) == [
        (2, "2 people come: 10 before, 12 now", "as planned from 2026-01-07 on"),
        (7, "one person leaves: 12 before, 11 now", "as planned from 2026-01-10 on"),
    ]


def test_absence_is_told_as_it_begins_and_weeks_in_which_many_are_away() -> None:
    org = plain(7)
    away = np.array([[0.0, 0.0, 1.5, 1.5, 0.0, 0.0, 0.0]])
    org = replace(org, teams=replace(org.teams, away=away, absence=np.full_like(org.teams.absence, 0.2)))
    assert moved(told(org)[1]) == [
        (0, "20% of the people are away this week", "illness and the like, as drawn"),
        (2, "1.5 person-days a morning are missed until 2026-01-08", "planned absence"),
        (7, "20% of the people are away this week", "illness and the like, as drawn"),
    ]


def test_initiatives_say_why_they_begin_what_they_took_and_when_they_show() -> None:
    org = given_work(plain(8))
    day = org.calendar.day
    rows: list[dict[str, Any]] = [
        {"effort": 10.0, "start": int(day[1]), "lag": 1},
        {"effort": 5.0, "needs": (0,), "lag": 90, "weight": 3.0},
        {"effort": 5.0, "impact": 0.0},
    ]
    one_at_a_time = replace(org.teams, wip_limit=np.array([1]))
    org = replace(org, teams=one_at_a_time, initiatives=plans(rows, 1))
    names = {"plan-0": "Bot", "plan-1": "Scripts", "plan-2": "Desk", "kr-0": "Chat"}
    sim, story = told(org, names=names)
    took = sim.luck.todo[:, 0]
    begins = [row for row in moved(story) if row[1].endswith(" begins")]
    assert begins[0] == (0, "work on Desk begins", "it may start from 1970-01-01 on")
    assert begins[1][1:] == ("work on Bot begins", "there is room: at most 1 at a time")
    assert begins[2][1:] == ("work on Scripts begins", "Bot is finished")
    ends = [row[1:] for row in moved(story) if " is finished" in row[1]]
    assert ends[0] == ("Desk is finished", f"its {took[2]:.1f} person-days are done")
    assert ends[1][0].startswith("Bot is finished and shows in Chat on 2026-01-")
    assert ends[2][0] == "Scripts is finished, too late to show in Chat"
    spent = {name: sum(work.days for work in story.work if work.on == name) for name in names.values()}
    assert spent["Bot"] >= took[0] - 1e-9
    assert sum(spent.values()) == pytest.approx(80.0)


def test_work_that_run_work_kept_waiting_begins_when_there_is_change_work_again() -> None:
    org = replace(given_work(plain(5), 20.0), initiatives=plans([{"effort": 50.0}], 1))
    assert moved(told(org)[1]) == [(2, "work on plan-0 begins", "there is change work again")]


def test_key_results_that_begin_and_end_are_told_with_their_day() -> None:
    org = plain(6)
    active = np.array([[True, True, False, False, False, False], [False, False, False, True, True, True]])
    day = org.calendar.day
    two = goals(org.calendar, [0, 0], active=active, due=np.array([day[1], day[5]]))
    assert moved(told(replace(org, key_results=two))[1]) == [
        (2, "kr-0 takes no more change work", "it was due on 2026-01-06"),
        (3, "kr-1 takes its part of change work", "it has begun"),
    ]


def test_what_a_process_of_your_own_does_is_told_as_its_doing() -> None:
    def reorganise(sim: Simulation) -> Generator[Any, Any, None]:
        yield sim.morning(2)
        sim.team("team-0").people = 7.0
        yield sim.morning(4)
        sim.team("team-0").policy = Policy("ring_fence", 0.5)

    org = plain(6)
    sim = play(org, draw(org, 0, range(1)), extra=[reorganise])
    assert moved(tell(sim, BEFORE)) == [
        (2, "7 people there", BESIDE),
        (4, "50% is kept for change work, not 0%", BESIDE),
    ]


def test_without_mornings_there_is_nothing_to_tell() -> None:
    assert told(plain(0))[1] == Story((), (), ())
