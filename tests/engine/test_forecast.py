"""Forecasts of whole logs: laws that hold for any organisation, and facts by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from itertools import accumulate
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from koers.engine.forecast import Forecast, KeyResultForecast, forecast
from koers.events.model import (
    Ambition,
    CheckedIn,
    CycleOpened,
    EventRetracted,
    KeyResultSet,
    ObjectiveSet,
    end_of,
)
from tests.engine.organisations import (
    BINARY,
    CONTROL,
    DECREASE,
    QUARTERS,
    Fact,
    at,
    changed,
    check_in,
    check_ins,
    day,
    dropped,
    fact,
    key_result,
    log_of,
    organisations,
    outcome,
    retarget,
    retraction,
)

AS_OF = st.integers(0, 90)
LAW = settings(max_examples=20)
ALONE = "no capacity is declared: the forecast rests on progress alone"
NUMBERS = ("probability", "probability_counts", "expected_score")


def said(facts: Iterable[Fact], as_of: int, **how: Any) -> Forecast:  # noqa: ANN401
    return forecast(log_of(facts), day(as_of), **how)


def of(*facts: Fact | list[Fact], as_of: int = 30, **how: Any) -> KeyResultForecast:  # noqa: ANN401
    """The forecast of the one key result there is."""
    (item,) = forecast(log_of(*facts), day(as_of), **how).key_results
    return item


def numbers(seen: Forecast) -> dict[str, tuple[float, ...]]:
    return {kr.key_result: tuple(getattr(kr, name) for name in NUMBERS) for kr in seen.key_results}


def assert_close(one: Forecast, other: Forecast, tolerance: float) -> None:
    left, right = numbers(one), numbers(other)
    assert left.keys() == right.keys()
    for name, values in left.items():
        assert values == pytest.approx(right[name], rel=0, abs=tolerance), name


UNITS = ("value", "projection", "baseline", "target", "lower", "upper", "commit", "stretch")


def measured(f: Fact, change: Callable[[float], float]) -> Fact:
    """The fact with `change` made to every number in the key result's unit."""
    values = {name: getattr(f.data, name, None) for name in UNITS}
    return changed(f, **{name: change(value) for name, value in values.items() if value is not None})


def kinds(facts: list[Fact]) -> dict[str, set[str]]:
    """The kinds a key result was ever set as, by name."""
    found: dict[str, set[str]] = {}
    for f in facts:
        if isinstance(f.data, KeyResultSet):
            found.setdefault(f.name, set()).add(f.data.kind)
    return found


def without_control(facts: list[Fact]) -> list[Fact]:
    unit = {name for name, held in kinds(facts).items() if "control" not in held}
    return [f for f in facts if f.name in unit]


def mirrored(f: Fact, c: float) -> Fact:
    turned = measured(f, lambda value: c - value)
    if isinstance(f.data, KeyResultSet):
        turned = changed(turned, direction="decrease" if f.data.direction == "increase" else "increase")
    return turned


@given(organisations(), AS_OF, st.integers(-50, 50).map(float))
@LAW
def test_a_mirrored_goal_is_as_likely(facts: list[Fact], as_of: int, c: float) -> None:
    """value -> c - value, increase <-> decrease. Tolerance 1e-9; these numbers are exact in binary."""
    facts = without_control(facts)
    assert_close(said(facts, as_of), said([mirrored(f, c) for f in facts], as_of), 1e-9)


@given(organisations(), AS_OF, st.sampled_from([0.001, 0.1, 3.0, 1e6]), st.integers(-500, 500).map(float))
@LAW
def test_units_do_not_matter(facts: list[Fact], as_of: int, unit: float, zero: float) -> None:
    """value -> unit * value + zero, with 1e-9: progress may round to another last digit."""
    facts = without_control(facts)
    other = [measured(f, lambda value: unit * value + zero) for f in facts]
    assert_close(said(facts, as_of), said(other, as_of), 1e-9)


@given(organisations(), AS_OF, st.randoms(use_true_random=False))
@LAW
def test_the_order_of_recording_independent_facts_does_not_matter(
    facts: list[Fact], as_of: int, random: Random
) -> None:
    """Same times, other positions, bit for bit; what ties in time keeps its order, retractions follow their event."""
    retractions = [f for f in facts if isinstance(f.data, EventRetracted)]
    moments = sorted({f.recorded_at for f in facts})
    random.shuffle(moments)
    rest = sorted((f for f in facts if f not in retractions), key=lambda f: moments.index(f.recorded_at))
    assert said(facts, as_of).key_results == said(rest + retractions, as_of).key_results


@given(organisations(), AS_OF, st.permutations("abcxyz"), st.sampled_from(["t", "other"]))
@LAW
def test_names_do_not_matter(facts: list[Fact], as_of: int, names: list[str], team: str) -> None:
    """Bit for bit: key results are learnt from by content alone."""
    new = dict(zip("abcxyz", names, strict=True))
    renamed = [replace(f, subject=f"kr/{new[f.name]}") for f in facts]
    renamed = [changed(f, team=team) if isinstance(f.data, KeyResultSet) else f for f in renamed]
    before, after = numbers(said(facts, as_of)), numbers(said(renamed, as_of))
    assert {new[name]: values for name, values in before.items()} == after


def shifted(f: Fact, days: int) -> Fact:
    by = timedelta(days=days)
    moved = {n: getattr(f.data, n) + by for n in ("start", "due") if getattr(f.data, n, None) is not None}
    return replace(changed(f, **moved), on=f.on + by, recorded_at=f.recorded_at + by)


@given(organisations(), AS_OF, st.integers(-500, 500))
@LAW
def test_the_calendar_does_not_matter_by_whole_weeks(facts: list[Fact], as_of: int, weeks: int) -> None:
    """Bit for bit, and the expected first passage moves along."""
    before = said(facts, as_of)
    after = said([shifted(f, 7 * weeks) for f in facts], as_of + 7 * weeks)
    assert numbers(before) == numbers(after)
    for one, other in zip(before.key_results, after.key_results, strict=True):
        assert (one.reach_on and one.reach_on + timedelta(weeks=weeks)) == other.reach_on


@given(organisations(), AS_OF, QUARTERS, st.integers(1, 80).map(lambda n: n / 4))
@LAW
def test_a_target_moved_further_is_never_likelier(facts: list[Fact], as_of: int, target: float, more: float) -> None:
    """Exact: a re-target is another threshold on the same belief.

    Nor is more of the way expected, where owners do not say how likely that very target is.
    """
    goals = [kr for kr in said(facts, as_of).key_results if kr.kind in ("metric", "milestone")]
    assume(goals)
    name, further = goals[0].key_result, more if goals[0].direction == "increase" else -more
    moved = [replace(retarget(0, t, None, name, at(as_of, 13)), id="moved") for t in (target, target + further)]
    silent = [changed(f, confidence=None, projection=None) if isinstance(f.data, CheckedIn) else f for f in facts]
    for known, names in ((facts, ("probability",)), (silent, ("probability", "expected_score"))):
        near, far = (next(kr for kr in said([*known, m], as_of).key_results if kr.key_result == name) for m in moved)
        for each in names:
            assert getattr(far, each) <= getattr(near, each) + 1e-12 * (each == "expected_score")


@given(organisations(), AS_OF)
@LAW
def test_a_forecast_rests_on_nothing_recorded_later(facts: list[Fact], as_of: int) -> None:
    events = log_of(facts)
    known = [e for e in events if e.recorded_at <= end_of(day(as_of))]
    whole, cut = forecast(events, day(as_of)), forecast(known, day(as_of))
    assert replace(whole, log_position=0, log_head="") == replace(cut, log_position=0, log_head="")


@given(organisations(), AS_OF)
@LAW
def test_what_is_recorded_after_known_at_changes_nothing(facts: list[Fact], as_of: int) -> None:
    """Nor is anything lost that is known: the control moves each planted event to before `known_at`."""
    known_at = at(as_of, 18)
    later = [
        replace(f, recorded_at=at(as_of + 400))
        for name in kinds(facts)
        for f in (check_in(0, 99.0, name), outcome(0, 99.0, True, name), retarget(0, 1.0, None, name), dropped(0, name))
    ]
    later += [replace(retraction(f.id, 0), recorded_at=at(as_of + 400)) for f in facts]
    events = log_of(facts)
    before = forecast(events, day(as_of), known_at)
    after = forecast(log_of(facts, [replace(f, id="") for f in later]), day(as_of), known_at)
    assert replace(before, log_position=0, log_head="") == replace(after, log_position=0, log_head="")


@given(organisations(), AS_OF)
@LAW
def test_every_number_is_finite_and_in_its_range(facts: list[Fact], as_of: int) -> None:
    for kr in said(facts, as_of).key_results:
        assert_sane(kr, day(as_of))


def assert_sane(kr: KeyResultForecast, as_of: date) -> None:
    assert 0.01 <= kr.probability <= 0.99
    assert kr.probability <= kr.probability_counts <= 0.99
    assert 0.0 <= kr.expected_score <= 1.0
    given_numbers = [v for v in (kr.mean, kr.progress, kr.value, *kr.quantiles.values()) if v is not None]
    assert all(math.isfinite(v) for v in given_numbers)
    ends = [v for v in kr.quantiles.values() if v is not None]
    assert ends == sorted(ends)
    assert kr.reach_on is None or kr.reach_on >= as_of or kr.kind == "binary"


STRANGE = {
    "no check-in": [key_result()],
    "one check-in": [key_result(), check_in(7, 2.0)],
    "identical check-ins": [key_result(), *[check_in(7, 2.0) for _ in range(4)]],
    "never moving": [key_result(), *check_ins([0.0] * 4)],
    "constant": [key_result(), *check_ins([2.0] * 4)],
    "target met": [key_result(), *check_ins([17.0, 18.0, 20.0])],
    "due at the start": [key_result(due=day(0)), check_in(0, 1.0)],
    "due in the past": [key_result(due=day(10), cycle="q"), key_result("z", due=day(64)), *check_ins([4.0, 9.0])],
    "huge values": [key_result(baseline=-1e12, target=1e12), *check_ins([-9e11, 1e12, 3e11])],
    "far beyond the scale": [key_result(), *check_ins([1e12, -1e12, 1e12])],
    "target a hair off": [key_result(baseline=1e12, target=1e12 + 2e3), *check_ins([1e12, 1e12 + 1e3])],
    "re-targeted onto the baseline": [key_result(), *check_ins([0.0, 1.0, 0.0]), retarget(9, 0.0)],
    "re-targeted onto the baseline, unread": [key_result(), retarget(9, 0.0)],
    "re-targeted to the other side": [key_result(), *check_ins([1.0, -1.0, 2.0]), retarget(9, -5.0)],
    "decrease re-targeted to the other side": [key_result(**DECREASE), *check_ins([19.0, 21.0]), retarget(9, 30.0)],
    "set anew from its target": [key_result(), *check_ins([1.0]), key_result(on=9, baseline=16.0, target=32.0)],
    "set anew in the other direction": [key_result(), *check_ins([1.0]), key_result(on=9, **DECREASE)],
    "set anew a year on": [key_result(), key_result(on=9, start=day(-360), due=day(90)), *check_ins([1.0])],
    "from control to metric": [key_result(**CONTROL), *check_ins([1.0]), key_result(on=9)],
    "from metric to control": [key_result(), *check_ins([1.0]), key_result(on=9, **CONTROL)],
    "control, no days asked": [key_result(**CONTROL), *check_ins([1.0]), retarget(9, 0.0)],
    "control, fewer than no days": [key_result(**CONTROL), *check_ins([1.0]), retarget(9, -1.0)],
    "control, more than all days": [key_result(**CONTROL), *check_ins([7.0]), retarget(9, 2.0)],
    "binary to the other side": [key_result(**BINARY), check_in(7, 0.0), retarget(9, -1.0)],
}


@pytest.mark.parametrize("as_of", [-1, 30, 63, 64])
@pytest.mark.parametrize("name", STRANGE)
def test_strange_records_give_finite_numbers(name: str, as_of: int) -> None:
    known = at(99)
    facts = [changed(f, objective="o") if isinstance(f.data, KeyResultSet) else f for f in STRANGE[name]]
    seen = said([objective("o"), *facts], as_of, known_at=known, cycle="q")
    assert seen.key_results
    for kr in seen.key_results:
        assert_sane(kr, day(as_of))


def test_ten_years_of_daily_check_ins_give_finite_numbers() -> None:
    facts = [key_result(due=day(3653)), *(check_in(i, i / 250) for i in range(1, 3600))]
    kr = of(*facts, as_of=3599)
    assert_sane(kr, day(3599))
    assert kr.probability < 0.5


def objective(name: str, ambition: Ambition = "aspirational") -> Fact:
    return fact(f"objective/{name}", -9, ObjectiveSet(title=name.upper(), team="t", cycle="q", ambition=ambition))


def test_the_same_log_gives_the_same_forecast() -> None:
    facts = [key_result(), *check_ins([1.0, 3.0, 4.0]), key_result("b", **DECREASE), check_in(9, 12.0, "b")]
    assert said(facts, 30) == said(facts, 30)
    assert said(facts, 30).to_dict() == said(facts, 30, seed=0).to_dict()


def test_a_committed_goal_counts_at_its_target_and_an_aspirational_one_at_seven_tenths_of_the_way() -> None:
    facts = [key_result(objective="o"), *check_ins([1.0, 2.0, 3.0])]
    firm = of(objective("o", "committed"), *facts)
    assert firm.probability_counts == firm.probability
    hoped = of(objective("o"), *facts)
    assert hoped.probability == firm.probability
    assert hoped.probability_counts == of(*facts, retarget(30, 0.7 * 16.0)).probability > firm.probability


def test_an_ended_aspirational_goal_counts_from_seven_tenths_of_the_way() -> None:
    facts = [objective("o"), key_result(objective="o")]
    assert of(*facts, check_in(60, 11.3), as_of=64).probability_counts == 0.99
    assert of(*facts, check_in(60, 11.1), as_of=64).probability_counts == 0.01
    assert of(*facts, check_in(60, 11.3), as_of=64).probability == 0.01


@pytest.mark.parametrize(
    ("values", "rests_on"),
    [([], "prior"), ([1.0], "few check-ins"), ([1.0, 2.0], "few check-ins"), ([1.0, 2.0, 3.0], "trend")],
)
@pytest.mark.parametrize("fields", [{}, BINARY, CONTROL], ids=["metric", "binary", "control"])
def test_a_forecast_says_what_it_rests_on(fields: dict[str, Any], values: list[float], rests_on: str) -> None:
    assert of(key_result(**fields), check_ins(values)).rests_on == rests_on
    assert of(key_result(**fields), check_ins(values), as_of=64).rests_on == "finished"


def test_the_expected_first_passage_lies_ahead_or_is_today_or_never() -> None:
    steady = of(key_result(), check_ins([1.0, 2.0, 3.0, 4.0])).reach_on
    ahead = of(key_result(), check_ins([4.0, 8.0, 12.0, 14.0])).reach_on
    assert steady is not None
    assert ahead is not None
    assert day(30) < ahead < day(64) < steady
    assert of(key_result(), check_ins([4.0, 8.0, 14.0, 20.0])).reach_on == day(30)
    assert of(key_result(), check_ins([0.0, -4.0, -8.0, -12.0])).reach_on is None
    assert of(key_result(), check_in(60, 20.0), as_of=64).reach_on is None
    assert of(key_result(**BINARY), check_in(7, 1.0)).reach_on == day(7)


def test_faster_progress_is_likelier() -> None:
    slow, fast = (of(key_result(), check_ins([step * i for i in range(1, 5)])) for step in (0.5, 2.0))
    assert slow.probability < 0.5 < fast.probability
    assert slow.expected_score < fast.expected_score


def test_an_ended_goal_is_graded_and_stays_until_its_cycle_is_over() -> None:
    cycle = fact("cycle/q", 0, CycleOpened(start=day(0), end=day(80)))
    facts = [cycle, key_result(), check_in(60, 16.0)]
    ended = of(facts, as_of=64)
    assert (ended.attained, ended.probability, ended.expected_score, ended.mean) == (True, 0.99, 1.0, 16.0)
    assert of(facts, as_of=63).attained is None
    assert of(facts, as_of=80).attained
    assert said(facts, 81).key_results == ()
    assert of(facts, as_of=81, cycle="q").attained
    assert of(cycle, key_result(), check_in(60, 12.0), as_of=64).probability == 0.01


def test_an_outcome_ends_a_goal_early() -> None:
    ended = of(key_result(), check_in(20, 3.0), outcome(21, 5.0, attained=True))
    assert (ended.attained, ended.value, ended.rests_on) == (True, 5.0, "finished")
    assert of(key_result(), check_in(20, 3.0), outcome(31, 5.0), as_of=30).attained is None


def test_a_coming_cycle_is_spoken_of_only_when_asked_for() -> None:
    coming = key_result("b", cycle="next", start=day(70), due=day(130), recorded=1)
    facts = [key_result(), coming]
    assert [kr.key_result for kr in said(facts, 30).key_results] == ["a"]
    assert [kr.key_result for kr in said(facts, 30, cycle="next").key_results] == ["b"]
    assert said(facts, 99, cycle="next").key_results[0].attained is None


def test_a_goal_dropped_is_no_longer_forecast_and_one_to_be_dropped_still_is() -> None:
    facts = [key_result(), key_result("b"), dropped(30, "b", recorded=20)]
    assert [kr.key_result for kr in said(facts, 30).key_results] == ["a"]
    assert [kr.key_result for kr in said(facts, 29).key_results] == ["a", "b"]


def test_nothing_to_forecast_is_said() -> None:
    assert said([], 30).warnings == (f"no key result was under way on {day(30)}",)
    assert said([key_result(start=day(40), on=1)], 30).warnings == (
        f"no key result was under way on {day(30)}; the next one starts on {day(40)}",
    )
    assert said([key_result()], 30, cycle="x").warnings == (f"no key result of cycle x was known on {day(30)}",)


def test_a_goal_that_is_running_the_business_is_warned_of() -> None:
    seen = said([key_result(), key_result("up", **CONTROL), key_result("kpi")], 30)
    assert [kr.key_result for kr in seen.key_results if kr.warning] == ["up"]
    assert seen.warnings[1:] == (ALONE,)
    assert seen.warnings[0].startswith("up is really running the business")


def test_assumed_recording_dates_are_counted_as_far_as_known() -> None:
    facts = [key_result(), check_in(7, 1.0, recorded_assumed=True), check_in(14, 1.0, recorded_assumed=True)]
    assert said(facts, 30).warnings == (ALONE, "2 facts carry an assumed recording date")
    assert said(facts, 10).warnings == (ALONE, "1 fact carries an assumed recording date")


def test_a_goal_is_stale_when_its_last_check_in_is_older_than_its_cadence() -> None:
    facts = [key_result(cadence=7), check_in(10, 1.0)]
    assert not of(facts, as_of=17).stale
    assert of(facts, as_of=18).stale
    assert not of(key_result(), as_of=7).stale
    assert of(key_result(), as_of=8).stale
    assert not of(facts, as_of=64).stale


def test_an_objective_takes_its_key_results_together() -> None:
    facts = [
        objective("o"),
        key_result(objective="o"),
        key_result("b", objective="o", weight=3.0, **DECREASE),
        key_result("c"),
        *check_ins([2.0, 5.0, 7.0]),
        *check_ins([18.0, 12.0], "b"),
    ]
    seen = said(facts, 30)
    a, b, c = seen.key_results
    (whole,) = seen.objectives
    assert c.objective is None
    assert (whole.objective, whole.title) == ("o", "O")
    assert whole.probability_all == pytest.approx(a.probability * b.probability)
    assert whole.expected_score == pytest.approx((a.expected_score + 3.0 * b.expected_score) / 4.0)
    together = f"{ALONE}, and takes the key results of an objective as independent of each other"
    assert seen.warnings == (together,)
    assert said(facts[:2], 30).warnings == (ALONE,)


def test_a_control_forecast_is_certain_when_no_days_are_left_to_change_it() -> None:
    held = [key_result(**(CONTROL | {"target": 0.5})), check_in(0, 9.0)]
    lost = [key_result(**(CONTROL | {"target": 0.9})), check_in(0, 1.0)]
    assert of(held, as_of=63).probability == 0.99
    assert of(lost, as_of=63).probability == 0.01
    assert of(held, as_of=63).mean == pytest.approx(1.0, abs=0.001)


def test_a_binary_goal_learns_from_those_that_ended_and_a_dropped_one_was_not_reached() -> None:
    """By hand: 1 - (1 - whole) ** (half of life), whole = (.62 * 4 + reached) / (4 + ended), once more for the team."""
    ended = [key_result("old", start=day(-70), due=day(-6), on=-70, **BINARY), check_in(-10, 1.0, "old")]
    now = key_result(**BINARY)

    def probability(*past: Fact) -> float:
        return next(kr for kr in said([*past, now], 32).key_results if kr.key_result == "a").probability

    assert probability() == pytest.approx(1 - math.sqrt(1 - 0.62))
    assert probability(*ended) == pytest.approx(1 - math.sqrt(1 - (3.48 / 5 * 4 + 1) / 5))
    assert probability(*ended, dropped(-8, "old")) == pytest.approx(1 - math.sqrt(1 - (2.48 / 5 * 4) / 5))


def test_a_re_target_moves_the_threshold_and_not_the_belief() -> None:
    facts = [key_result(), *check_ins([1.0, 3.0, 4.0])]
    before, after = of(facts), of(facts, retarget(30, 12.0))
    assert before.quantiles == after.quantiles
    assert before.mean == after.mean
    assert before.probability < after.probability
    assert (after.progress, after.target) == (4.0 / 12.0, 12.0)


def test_a_further_first_target_was_never_likelier_in_thirty_advancing_records() -> None:
    """A measured fact, no law: the first target is the scale on which pooled numbers are learnt. Seed 20260105."""
    rng = Random(20260105)
    for _ in range(30):
        steps = [rng.randint(0, 8) / 4 for _ in range(rng.randint(2, 6))]
        facts = check_ins(accumulate(steps))
        near, far = (of(key_result(target=target), facts, as_of=45).probability for target in (16.0, 20.0))
        assert far <= near


@pytest.mark.parametrize("unit", [0.1, 0.3, 1 / 3, 1e-3, 1.1])
@pytest.mark.parametrize("zero", [0.0, 0.1, 37.3])
def test_units_do_not_matter_to_records_that_keep_to_the_straight_line(unit: float, zero: float) -> None:
    """Whether a line is met hangs on the last digit here, and another unit rounds it otherwise."""
    lines = {"a": [0.25] * 6, "b": [0.25, 0.0, 0.5, 0.25, 0.25, 0.1], "c": [0.1, 0.4, 0.25, 0.25, 0.0, 0.5]}
    facts = [key_result(name) for name in lines]
    for name, paces in lines.items():
        facts += check_ins([round(7 * n * pace, 2) for n, pace in enumerate(paces, 1)], name)
    other = [measured(f, lambda value: unit * value + zero) for f in facts]
    assert_close(said(facts, 44), said(other, 44), 1e-9)


OLD = [key_result("old", on=-70, start=day(-70), due=day(-6)), *check_ins([2.0, 5.0, 9.0], "old", first=-60)]


def taught_by(*past: Fact | list[Fact]) -> float:
    """The probability of a goal that learns from these."""
    seen = forecast(log_of(OLD, *past, key_result(), check_ins([1.0, 3.0, 4.0])), day(30))
    return next(kr for kr in seen.key_results if kr.key_result == "a").probability


def test_what_is_read_after_due_teaches_nothing() -> None:
    assert taught_by(check_in(-3, 90.0, "old")) == taught_by()
    assert taught_by(check_in(-9, 90.0, "old")) != taught_by()


def test_an_outcome_teaches_as_the_reading_at_due() -> None:
    assert taught_by(outcome(-6, 11.0, None, "old")) == taught_by(check_in(-6, 11.0, "old")) != taught_by()


def test_a_target_that_is_met_is_reached_today_whatever_the_length_of_the_goal() -> None:
    for as_of in (11, 14, 17, 23, 29, 31):
        facts = [key_result(due=day(49)), *check_ins([20.0, 40.0, 60.0, 80.0], first=1, every=2)]
        assert of(facts, as_of=as_of).reach_on == day(as_of)
