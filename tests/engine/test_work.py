"""Projections of run and change work: by hand as of both times, and held against a fold over plain objects."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koers.engine import work
from koers.engine.replay import Frames, replay
from koers.events.model import (
    AbsencePlanned,
    CapacityMoved,
    CapacitySet,
    EffortLogged,
    Event,
    EventRetracted,
    GuardrailSet,
    InitiativeDropped,
    InitiativeEstimated,
    InitiativeFinished,
    InitiativePlanned,
    InitiativeStarted,
    KpiDefined,
    KpiObserved,
    PolicySet,
    RunWorkArrived,
    RunWorkDone,
)
from tests.engine.fold import holds
from tests.engine.organisations import Fact, at, day, fact, log_of, retraction

Rows = list[tuple[Any, ...]]
Projection = Callable[[Frames], pl.DataFrame]


def people(count: float, on: int = 0, recorded: int | None = None, team: str = "t", id: str = "") -> Fact:  # noqa: A002
    return fact(f"team/{team}", on, CapacitySet(people=count), recorded, id)


def logged(run: float, change: float, on: int = 0, recorded: int | None = None) -> Fact:
    return fact("team/t", on, EffortLogged(run_days=run, change_days=change), recorded)


def absence(days: float, until: int, on: int = 0, recorded: int | None = None) -> Fact:
    return fact("team/t", on, AbsencePlanned(until=day(until), days=days), recorded)


def arrived(item: str, on: int, effort: float | None = None, recorded: int | None = None, id: str = "") -> Fact:  # noqa: A002
    return fact(f"item/{item}", on, RunWorkArrived(team="t", effort_days=effort), recorded, id)


def done(item: str, on: int, effort: float | None = None, recorded: int | None = None) -> Fact:
    return fact(f"item/{item}", on, RunWorkDone(effort_days=effort), recorded)


def plan(name: str = "a", recorded: int | None = None, on: int = 0, **said: Any) -> Fact:  # noqa: ANN401
    usual: dict[str, Any] = {
        "title": name.upper(),
        "team": "t",
        "key_result": "k",
        "low": 1.0,
        "mode": 2.0,
        "high": 4.0,
    }
    return fact(f"initiative/{name}", on, InitiativePlanned(**usual | said), recorded)


def estimate(mode: float, on: int, recorded: int | None = None, id: str = "") -> Fact:  # noqa: A002
    return fact("initiative/a", on, InitiativeEstimated(low=1.0, mode=mode, high=50.0), recorded, id)


def seen(of: Projection, *facts: Fact, known: int | None = None, effective: int | None = None) -> Rows:
    moment = None if known is None else at(known)
    return of(replay(log_of(*facts), None if effective is None else day(effective), moment)).rows()


def test_of_capacity_set_anew_for_one_day_the_version_recorded_last_holds() -> None:
    facts = people(6.0, on=10, recorded=2), people(5.0, on=10, recorded=1), people(4.0, on=20, recorded=1)
    assert seen(work.capacity, *facts) == [("t", day(10), 6.0), ("t", day(20), 4.0)]
    assert seen(work.capacity, people(5.0), people(6.0)) == [("t", day(0), 6.0)]


def test_a_corrected_capacity_is_seen_only_from_when_it_was_known() -> None:
    facts = people(5.0, recorded=0), people(7.0, recorded=9)
    assert seen(work.capacity, *facts, known=8) == [("t", day(0), 5.0)]
    assert seen(work.capacity, *facts, known=9) == [("t", day(0), 7.0)]


def test_retracting_what_was_set_anew_uncovers_the_version_before() -> None:
    facts = people(5.0), people(7.0, recorded=3, id="second"), retraction("second", 6)
    assert seen(work.capacity, *facts) == [("t", day(0), 5.0)]
    assert seen(work.capacity, *facts, known=5) == [("t", day(0), 7.0)]


def test_plans_known_lie_ahead_and_evidence_does_not() -> None:
    facts = people(5.0, on=30, recorded=1), logged(3.0, 2.0, on=7), logged(4.0, 1.0, on=14)
    assert seen(work.capacity, *facts, effective=10) == [("t", day(30), 5.0)]
    assert seen(work.effort, *facts, effective=10) == [("t", day(7), 3.0, 2.0)]


def test_late_effort_is_unknown_until_it_is_recorded_and_replaces_its_week() -> None:
    facts = logged(3.0, 2.0, on=7, recorded=14), logged(4.0, 2.0, on=7, recorded=30)
    assert seen(work.effort, *facts, known=13) == []
    assert seen(work.effort, *facts, known=14) == [("t", day(7), 3.0, 2.0)]
    assert seen(work.effort, *facts, known=30) == [("t", day(7), 4.0, 2.0)]


def test_absences_of_one_beginning_stand_beside_each_other_and_one_said_anew_replaces_itself() -> None:
    facts = absence(5.0, 13), absence(9.0, 20), absence(3.0, 13, recorded=4)
    assert seen(work.absences, *facts) == [("t", day(0), day(13), 3.0), ("t", day(0), day(20), 9.0)]
    assert seen(work.absences, *facts, known=3) == [("t", day(0), day(13), 5.0), ("t", day(0), day(20), 9.0)]


def test_policies_keep_their_parameters_as_text_and_none_is_null() -> None:
    buffer = PolicySet(policy="buffer", parameters={"share": 0.25, "days": 3.0})
    facts = fact("team/t", 0, PolicySet(policy="run_first")), fact("team/t", 9, buffer, 1)
    assert seen(work.policies, *facts, effective=0) == [
        ("t", day(0), "run_first", None),
        ("t", day(9), "buffer", '{"days":3.0,"share":0.25}'),
    ]


def test_every_move_stands_until_it_is_retracted() -> None:
    to_run, to_other = CapacityMoved(people=1.0, to="run"), CapacityMoved(people=2.0, to="change", to_team="u")
    facts = fact("team/t", 5, to_other, 2), fact("team/t", 5, to_run, 1), fact("team/t", 5, to_run, 1, "again")
    moved = [("t", day(5), 1.0, "run", None)] * 2 + [("t", day(5), 2.0, "change", "u")]
    assert seen(work.moves, *facts) == moved
    assert seen(work.moves, *facts, retraction("again", 6)) == moved[1:]


def test_the_effort_told_with_the_closing_wins_over_that_told_on_arrival() -> None:
    facts = arrived("1", 1, 2.0), done("1", 4, 3.0), arrived("2", 1, 2.0), done("2", 4), arrived("3", 2)
    assert seen(work.run_work, *facts) == [
        ("1", "t", day(1), day(4), 3.0),
        ("2", "t", day(1), day(4), 2.0),
        ("3", "t", day(2), None, None),
    ]


def test_an_item_is_open_until_its_closing_holds_and_is_known() -> None:
    facts = arrived("1", 1, 2.0), done("1", 4, 3.0, recorded=9)
    item_open = [("1", "t", day(1), None, 2.0)]
    assert seen(work.run_work, *facts, known=8) == item_open
    assert seen(work.run_work, *facts, effective=3) == item_open
    assert seen(work.run_work, *facts, effective=4) == [("1", "t", day(1), day(4), 3.0)]


def test_a_closing_alone_is_of_no_team_and_a_retracted_arrival_takes_its_item_away() -> None:
    assert seen(work.run_work, done("1", 4)) == []
    assert seen(work.run_work, arrived("1", 1, id="came"), done("1", 4), retraction("came", 6)) == []


def initiative(*facts: Fact, known: int | None = None) -> dict[str, Any]:
    moment = None if known is None else at(known)
    (row,) = work.initiatives(replay(log_of(*facts), None, moment)).rows(named=True)
    return row


def test_the_estimate_recorded_last_holds_whether_with_a_plan_or_alone() -> None:
    facts = plan(), estimate(5.0, 8), plan(recorded=12, on=10, mode=3.0, title="again"), estimate(6.0, 15, id="last")
    modes = [initiative(*facts, known=n)["mode"] for n in (7, 8, 12, 15)]
    assert modes == [2.0, 5.0, 3.0, 6.0]
    assert (initiative(*facts)["title"], initiative(*facts)["high"]) == ("again", 50.0)
    assert (initiative(*facts)["planned_on"], initiative(*facts)["estimated_on"]) == (day(0), day(15))
    assert initiative(*facts, retraction("last", 20))["mode"] == 3.0


def test_an_initiative_keeps_all_it_says_and_what_became_of_it() -> None:
    said: dict[str, Any] = {"impact": 3.0, "lag": 14, "depends_on": ("b", "c"), "start": day(5)}
    steps = [
        fact("initiative/a", 6, InitiativeStarted()),
        fact("initiative/a", 20, InitiativeFinished()),
        fact("initiative/a", 7, InitiativeStarted(), 8),
        fact("initiative/b", 9, InitiativeDropped()),
    ]
    facts = [plan(**said), plan("b"), *steps]
    first, second = work.initiatives(replay(log_of(facts))).rows(named=True)
    assert {name: first[name] for name in said} == said | {"depends_on": ["b", "c"]}
    assert (first["started_on"], first["finished_on"], first["dropped_on"]) == (day(7), day(20), None)
    assert (second["depends_on"], second["started_on"], second["dropped_on"]) == ([], None, day(9))
    assert initiative(*facts[:1], *steps[:3], known=7)["started_on"] == day(6)


def test_a_guardrail_wins_over_the_limits_of_its_kpi_one_by_one_and_the_later_wins() -> None:
    facts = (
        fact("kpi/k", 0, KpiDefined(title="K", team="t", unit="%", lower=1.0, upper=9.0)),
        fact("kpi/k", 3, GuardrailSet(upper=5.0)),
        fact("kpi/k", 6, GuardrailSet(upper=6.0), id="later"),
        fact("kpi/k", 8, KpiDefined(title="K2", team="t", unit="%", lower=2.0, upper=9.0)),
        fact("kpi/alone", 8, GuardrailSet(upper=6.0)),
    )
    assert seen(work.kpis, *facts, known=2) == [("k", "K", "t", "%", 1.0, 9.0)]
    assert seen(work.kpis, *facts, known=3) == [("k", "K", "t", "%", 1.0, 5.0)]
    assert seen(work.kpis, *facts) == [("k", "K2", "t", "%", 2.0, 6.0)]
    assert seen(work.kpis, *facts, retraction("later", 9)) == [("k", "K2", "t", "%", 2.0, 5.0)]


def test_of_two_readings_of_a_kpi_on_one_day_the_latest_recorded_holds() -> None:
    facts = (
        fact("kpi/k", 3, KpiObserved(value=2.0), 9),
        fact("kpi/k", 3, KpiObserved(value=1.0), 4),
        fact("kpi/k", 5, KpiObserved(value=3.0)),
    )
    assert seen(work.kpi_values, *facts, known=8) == [("k", day(3), 1.0), ("k", day(5), 3.0)]
    assert seen(work.kpi_values, *facts, effective=4) == [("k", day(3), 2.0)]


EVERY: tuple[Projection, ...] = (
    *(work.capacity, work.absences, work.policies, work.moves, work.effort),
    *(work.run_work, work.initiatives, work.kpis, work.kpi_values),
)


@pytest.mark.parametrize("of", EVERY)
def test_nothing_known_gives_an_empty_frame_with_the_same_types(of: Projection) -> None:
    facts = (
        *(people(5.0), absence(1.0, 3), fact("team/t", 0, PolicySet(policy="run_first"))),
        *(fact("team/t", 0, CapacityMoved(people=1.0, to="run")), logged(1.0, 1.0), arrived("1", 0), plan()),
        *(fact("kpi/k", 0, KpiDefined(title="K", team="t", unit="%")), fact("kpi/k", 0, KpiObserved(value=1.0))),
    )
    one, none = of(replay(log_of(*facts))), of(replay([]))
    assert (one.height, none.height) == (1, 0)
    assert one.schema == none.schema


DAYS = st.integers(0, 3)
NUMBERS = st.integers(0, 8).map(lambda n: n / 2)
MAYBE = st.none() | NUMBERS
SAID = st.one_of(
    st.tuples(st.just("team"), st.builds(CapacitySet, people=NUMBERS)),
    st.tuples(st.just("team"), st.builds(EffortLogged, run_days=NUMBERS, change_days=NUMBERS)),
    st.tuples(st.just("team"), st.builds(AbsencePlanned, until=st.integers(3, 5).map(day), days=NUMBERS)),
    st.tuples(
        st.just("team"),
        st.builds(
            PolicySet,
            policy=st.just("ring_fence"),
            parameters=st.fixed_dictionaries({"share": NUMBERS.map(lambda n: n / 4)}),
        ),
    ),
    st.tuples(st.just("item"), st.builds(RunWorkArrived, team=st.sampled_from("tu"), effort_days=MAYBE)),
    st.tuples(st.just("item"), st.builds(RunWorkDone, effort_days=MAYBE)),
    st.tuples(st.just("kpi"), st.builds(KpiObserved, value=NUMBERS)),
    st.tuples(st.just("kpi"), st.builds(KpiDefined, title=st.just("K"), team=st.just("t"), unit=st.just("%"))),
    st.tuples(st.just("kpi"), st.builds(GuardrailSet, upper=MAYBE)),
    st.tuples(
        st.just("initiative"),
        st.builds(InitiativeEstimated, low=st.just(0.0), mode=NUMBERS, high=st.just(9.0)),
    ),
    st.tuples(
        st.just("initiative"),
        st.builds(
            InitiativePlanned,
            title=st.just("A"),
            team=st.sampled_from("tu"),
            key_result=st.just("k"),
            low=st.just(0.0),
            mode=NUMBERS,
            high=st.just(9.0),
            depends_on=st.sampled_from([(), ("b",)]),
        ),
    ),
    st.tuples(st.just("initiative"), st.builds(InitiativeStarted)),
)
HAPPENED = st.tuples(SAID, st.sampled_from("xy"), DAYS, DAYS, st.none() | st.integers(0, 20))


@st.composite
def happenings(draw: st.DrawFn) -> list[Event]:
    """Facts said again and again, late, in any order, and now and then retracted."""
    facts: list[Fact] = []
    for n, ((kind, data), name, on, late, gone) in enumerate(draw(st.lists(HAPPENED, max_size=20))):
        if gone is not None and gone < n:
            data = EventRetracted(retracts=f"e{gone}")
        facts.append(fact(f"{kind}/{name}", on, data, on + late, f"e{n}"))
    return log_of(facts)


def latest(events: list[Event], key: Callable[[Any], Any], *kinds: type) -> dict[Any, Any]:
    """The slow rule: walk by recording, then position; who comes last holds."""
    found = {}
    for event in sorted(events, key=lambda e: (e.recorded_at, e.position or 0)):
        if isinstance(event.data, kinds):
            found[key(event)] = event
    return dict(sorted(found.items()))


def expected(events: list[Event], effective: date, known: datetime) -> list[Rows]:
    told = [e for e in events if e.recorded_at <= known]
    plans = [e for e in told if holds(e, told)]
    past = [e for e in plans if e.effective_on <= effective]
    by_day = lambda e: (e.name, e.effective_on)  # noqa: E731
    name = lambda e: e.name  # noqa: E731
    of: Any = lambda found, *fields: [(*k, *(getattr(e.data, f) for f in fields)) for k, e in found.items()]  # noqa: E731
    absences = latest(plans, lambda e: (e.name, e.effective_on, e.data.until), AbsencePlanned)
    came, went = latest(past, name, RunWorkArrived), latest(past, name, RunWorkDone)
    kpis, limits = latest(plans, name, KpiDefined), latest(plans, name, GuardrailSet)
    plan, modes = latest(plans, name, InitiativePlanned), latest(plans, name, InitiativePlanned, InitiativeEstimated)
    begun = latest(plans, name, InitiativeStarted)
    return [
        of(latest(plans, by_day, CapacitySet), "people"),
        of(absences, "days"),
        [(*k, e.data.parameters["share"]) for k, e in latest(plans, by_day, PolicySet).items()],
        of(latest(past, by_day, EffortLogged), "run_days", "change_days"),
        [(k, e.data.team, e.effective_on, *closing(went.get(k), e)) for k, e in came.items()],
        [(k, limits[k].data.upper if k in limits else None) for k in kpis],
        of(latest(past, by_day, KpiObserved), "value"),
        [
            (k, e.data.team, modes[k].data.mode, list(e.data.depends_on), begun[k].effective_on if k in begun else None)
            for k, e in plan.items()
        ],
    ]


def closing(done: Any, came: Any) -> tuple[date | None, float | None]:  # noqa: ANN401 - events of one type each
    took = None if done is None else done.data.effort_days
    return done and done.effective_on, came.data.effort_days if took is None else took


def projected(frames: Frames) -> list[Rows]:
    share = pl.col("parameters").str.json_path_match("$.share").cast(pl.Float64)
    return [
        work.capacity(frames).rows(),
        work.absences(frames).rows(),
        work.policies(frames).select("team", "since", share).rows(),
        work.effort(frames).rows(),
        work.run_work(frames).rows(),
        work.kpis(frames).select("kpi", "upper").rows(),
        work.kpi_values(frames).rows(),
        work.initiatives(frames).select("initiative", "team", "mode", "depends_on", "started_on").rows(),
    ]


@given(happenings(), st.integers(-1, 7), st.integers(-1, 7))
@settings(max_examples=150)
def test_the_latest_version_known_holds_as_a_plain_fold_says(events: list[Event], effective: int, known: int) -> None:
    frames = replay(events, day(effective), at(known))
    assert projected(frames) == expected(events, day(effective), at(known))


def test_a_projection_that_let_the_first_version_hold_would_be_told_apart() -> None:
    first, second = log_of(people(1.0, on=3), people(2.0, on=3))
    assert projected(replay([first])) != expected([first, second], day(7), at(7))
