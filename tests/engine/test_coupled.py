"""Progress and capacity together: what was there all along changes nothing, what changes shows, and nothing leaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koers.engine import elasticity, pace
from koers.engine.backtest import KOERS, backtest
from koers.engine.capacity import Floats
from koers.engine.coupled import couple
from koers.engine.elasticity import GRID
from koers.engine.forecast import Forecast
from koers.engine.futures import grouped, reached
from koers.engine.outlook import QUANTILES, outlook
from koers.engine.projections import goals, readings
from koers.engine.replay import typed, view
from koers.engine.standing import under_way
from koers.events.model import end_of
from tests.engine.organisations import Fact, day, log_of, organisations
from tests.engine.staffed import (
    BEFORE,
    MID,
    coupled,
    effort,
    errors,
    guardrail,
    incidents,
    people,
    policy,
    probabilities,
    record,
    seen,
    tickets,
)

ALONG = 2 * BEFORE  # long before anything else


def staffed(team: str, size: float = 6.0, on: int = ALONG) -> list[Fact]:
    return [people(team, on, size)]


# Without capacity


@given(organisations(), st.integers(0, 90))
@settings(max_examples=15, deadline=None)
def test_without_capacity_the_forecast_is_bit_for_bit_that_of_progress(facts: list[Fact], as_of: int) -> None:
    said = seen(facts, as_of=as_of)
    frames = view(typed(log_of(facts)), day(as_of), end_of(day(as_of)))
    table, values = goals(frames), readings(frames)
    names = under_way(table, day(as_of))["key_result"]
    expected = {row["key_result"]: row for row in outlook(table, values, day(as_of), names, None).to_dicts()}
    assert {kr.key_result for kr in said.key_results} == expected.keys()
    for kr in said.key_results:
        row = expected[kr.key_result]
        for name in ("probability", "probability_counts", "mean", "expected_score", "reach_on"):
            assert getattr(kr, name) == row[name]
        assert kr.quantiles == {name: row[name] for name in QUANTILES}
        assert (kr.probability_se, kr.lost_to_run_work) == (0.0, None)
    assert (said.overall, said.capacity, said.guardrails) == (None, (), ())


def test_run_work_alone_changes_no_bit_and_neither_do_seed_and_samples() -> None:
    facts = record("ab", kinds="idb")
    alone = seen(facts).key_results
    assert seen(facts, effort("a", 18.0, 12.0), tickets("b", 1, 2.0, 1.0)).key_results == alone
    assert seen(facts, policy("a", ALONG, "ring_fence", share=0.4)).key_results == alone
    assert seen(facts, seed=5, samples=7).key_results == alone


# What was there all along

SAME: dict[str, Callable[[str], list[Fact]]] = {
    "run first": staffed,
    "from the start of the cycle": lambda team: staffed(team, on=0),
    "one person": lambda team: staffed(team, 1.0),
    "ring fence": lambda team: [*staffed(team), policy(team, ALONG, "ring_fence", share=0.4)],
    "fixed split": lambda team: [*staffed(team), policy(team, ALONG, "fixed_split", share=0.5)],
    "rotation": lambda team: [*staffed(team), policy(team, ALONG, "rotation", people=3.0)],
    "buffer": lambda team: [*staffed(team), policy(team, ALONG, "buffer", share=0.4, days=3)],
    "threshold": lambda team: [*staffed(team), policy(team, ALONG, "threshold", share=0.4, upper=2.0, lower=0.5)],
    "effort logged": lambda team: [*staffed(team), *effort(team, 18.0, 12.0)],
    "switching": lambda team: [*staffed(team), policy(team, ALONG, "run_first", switch_loss=0.5, failure_demand=0.5)],
}
WHENS = {"mid-cycle": ("iii", MID), "young": ("ii", 10), "old": ("ii", 80), "all kinds": ("idb", MID)}


def off(facts: list[Fact], declared: list[Fact], as_of: int, seed: int) -> list[float]:
    """Per key result that moves: how far capacity takes its probability from that of Progress, in standard errors."""
    said, alone = seen(facts, declared, as_of=as_of, seed=seed), probabilities(seen(facts, as_of=as_of))
    found = [(kr.probability - alone[kr.key_result], kr.probability_se) for kr in said.key_results]
    assert all(difference == 0.0 for difference, se in found if se == 0.0)
    return [difference / se for difference, se in found if se > 1e-6]


def test_declaring_the_capacity_that_was_there_all_along_moves_nothing_beyond_the_noise() -> None:
    """Twenty teams with draws of their own; of each, the key result that is furthest off, since they move together.

    With sound errors one in twenty is beyond two of them: five or more happen in 0.3 % of seeds, one beyond four in
    0.2 %.
    """
    worst = []
    for n, (name, declare) in enumerate((name, declare) for name, declare in SAME.items() for _ in range(2)):
        kinds, as_of = list(WHENS.values())[(n // 2 + n) % len(WHENS)]
        team = f"t{n}-{name[0]}"
        found = off(record([team], n, kinds=kinds, until=as_of), declare(team), as_of, seed=n)
        worst.append(max(found, key=abs))
    assert max(map(abs, worst)) < 4.0, worst
    assert sum(abs(z) > 2.0 for z in worst) <= 4, worst


def test_people_that_go_or_come_tomorrow_move_every_probability_far_beyond_the_noise() -> None:
    """The control of the test above: it must see half as many people, and twice as many."""
    facts, declared = record("a", kinds="idb"), staffed("a")
    steady = seen(facts, declared)
    for size, way in ((3.0, -1.0), (12.0, 1.0)):
        other = probabilities(seen(facts, declared, people("a", MID + 1, size, recorded=MID)))
        for name, se in errors(steady).items():
            assert way * (other[name] - probabilities(steady)[name]) > 4.0 * se


def test_tickets_as_they_always_were_move_nothing_on_average() -> None:
    """A ticket log says how much run work there was, which differs by chance: the mean over 24 logs is what counts.

    Within 3.5 standard errors: a right model fails in 0.2 % of seeds. Incidents on top are the control.
    """
    facts = record("a", kinds="i")
    alone = probabilities(seen(facts))["a10"]

    def mean_move(*more: Fact | Iterable[Fact]) -> float:
        found = [seen(facts, staffed("a"), tickets("a", n, 2.0, 1.5), *more, samples=500) for n in range(24)]
        moves = np.array([probabilities(said)["a10"] for said in found]) - alone
        return float(moves.mean() / (moves.std(ddof=1) / np.sqrt(len(moves))))

    assert abs(mean_move()) < 3.5
    assert mean_move(incidents("a", 20, 3.0)) < -3.5


# What changes shows


def test_incidents_lower_what_is_expected_and_are_what_it_is_lost_to() -> None:
    facts = [*record("ab"), *staffed("a"), *staffed("b"), *tickets("a", 1, 2.0, 1.0), *tickets("b", 1, 2.0, 1.0)]
    calm, hit = seen(facts), seen(facts, incidents("a", 20, 2.0))
    for before, after in zip(calm.key_results, hit.key_results, strict=True):
        if before.team == "b":  # teams only lend each other a little of what they know of demand
            assert after.probability == pytest.approx(before.probability, abs=0.005)
            continue
        assert after.probability < before.probability - 4 * before.probability_se
        assert after.lost_to_run_work is not None
        assert after.lost_to_run_work > 0.5 * (before.probability - after.probability)


def test_where_run_work_is_as_usual_nothing_is_lost_to_it() -> None:
    """Eight teams: within four Monte Carlo errors, and no more than .02."""
    for n in range(8):
        said = seen(record([f"t{n}"], n), staffed(f"t{n}"), seed=n)
        for kr in said.key_results:
            assert kr.lost_to_run_work == pytest.approx(0.0, abs=min(4 * kr.probability_se + 1e-4, 0.02))


def test_of_two_teams_alike_the_one_that_gets_twice_the_run_work_is_less_likely_to_get_there() -> None:
    """By four standard errors of the paired difference; with the same run work within four."""
    facts = [f for team in "ab" for f in record([team], kinds="i")]
    found = coupled(facts, [*staffed("a"), *staffed("b")])
    org = found.setting.organisation

    def chances(factor: float) -> Floats:
        teams = replace(org.teams, factor=np.array([[1.0], [factor]]) * np.ones_like(org.teams.factor))
        chunk = range(2000)
        _, gain = found.run(chunk, found.start(chunk), replace(org, teams=teams))
        return reached(found.setting, gain)

    one, twice = chances(1.0), chances(2.0)
    se = float((one[1] - twice[1]).std() / np.sqrt(2000))
    assert (one[1] - twice[1]).mean() > 4 * se + 0.01
    assert (one[0] == twice[0]).all()


def test_where_effort_is_known_to_have_no_effect_people_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    facts, fewer = record("a", kinds="idb"), [*staffed("a"), people("a", MID + 1, 1.0, recorded=MID)]
    alone = probabilities(seen(facts))
    assert probabilities(seen(facts, fewer)) != pytest.approx(alone, abs=1e-3)
    monkeypatch.setattr(elasticity, "posterior", lambda *_: np.eye(len(GRID))[0])
    assert probabilities(seen(facts, fewer)) == pytest.approx(alone, abs=1e-5)


# Answers that belong together

RICH: list[Fact] = [
    *record("a", 4, kinds="idb"),
    *record("b", 5, kinds="iii"),
    *record("c", 6, kinds="ii"),
    *(f for team in "ab" for f in staffed(team)),
    policy("b", ALONG, "freeze", share=0.4, guardrail="wait-b"),
    guardrail("wait-a", "a", 4.0),
    guardrail("wait-b", "b", 6.0),
    guardrail("age-a", "a", 5.0, "backlog age days"),
    guardrail("nps", "a", 5.0, "points"),
]


@pytest.fixture(scope="module")
def rich() -> Forecast:
    """Two staffed teams and one that is not."""
    return seen(RICH)


def test_all_key_results_together_are_no_likelier_than_the_least_and_hang_together(rich: Forecast) -> None:
    found = probabilities(rich)
    for objective in rich.objectives:
        own = [p for name, p in found.items() if name.startswith(objective.objective[0])]
        assert objective.probability_all <= min(own) + 1e-9
        assert objective.probability_all >= np.prod(own) - 1e-9
    apart = next(o for o in rich.objectives if o.objective == "c-all")  # no capacity, no common draws
    assert apart.probability_all == pytest.approx(found["c10"] * found["c11"])


def test_a_key_result_and_a_guardrail_are_no_likelier_than_either(rich: Forecast) -> None:
    found = probabilities(rich)
    simulated = [rail for rail in rich.guardrails if rail.risk is not None]
    assert [rail.guardrail for rail in simulated] == ["age-a", "wait-a", "wait-b"]
    assert any(0.05 < rail.risk < 0.95 for rail in simulated if rail.risk is not None)
    for rail in simulated:
        assert rail.risk is not None
        assert rail.both.keys() == {name for name in found if name.startswith(rail.team)}
        for name, both in rail.both.items():
            assert both <= found[name] + 1e-9
            assert both <= 1 - rail.risk + 1e-9
            assert both >= found[name] - rail.risk - 1e-9


def test_the_number_reached_is_the_sum_of_probabilities_and_scores_are_scores(rich: Forecast) -> None:
    assert rich.overall is not None
    assert rich.overall.key_results == len(rich.key_results)
    assert rich.overall.expected_reached == pytest.approx(sum(probabilities(rich).values()), abs=1e-9)
    assert 0 <= rich.overall.reached_low <= rich.overall.reached_high <= len(rich.key_results)
    assert 0 <= rich.overall.score_low <= rich.overall.expected_score <= rich.overall.score_high <= 1
    scores = [kr.expected_score for kr in rich.key_results]
    assert all(0 <= score <= 1 for score in scores)
    assert rich.overall.expected_score == pytest.approx(np.mean(scores), abs=0.02)  # noise is drawn: 2,000 futures


def test_quantiles_ascend_and_what_counts_is_no_less_likely(rich: Forecast) -> None:
    for kr in rich.key_results:
        ends = [value for value in kr.quantiles.values() if value is not None]
        assert ends == sorted(ends)
        assert kr.probability_counts >= kr.probability
    for team in rich.capacity:
        for week in team.weeks:
            assert 0 <= week.run_share_low <= week.run_share <= week.run_share_high <= 1
            assert 0 <= week.backlog_low <= week.backlog_high


# Noise


def test_the_error_shrinks_with_the_square_root_of_the_samples() -> None:
    """Six teams: four times as many futures, half the error, give or take a quarter: errors are noisy too."""
    facts = [f for n in range(6) for f in [*record([f"t{n}"], n, kinds="i"), *staffed(f"t{n}")]]
    few, many = (np.array(list(errors(seen(facts, samples=n)).values())) for n in (2500, 10_000))
    assert 1.5 < float(np.exp(np.log(few / many).mean())) < 2.7


def test_seeds_differ_by_the_noise_that_is_said() -> None:
    """Six teams, four seeds: mean square of the deviation from the mean over seeds, in errors, is 1.

    Eighteen degrees of freedom: beyond 2.4 in 0.1 % of cases; a model that drew with half the futures would be at 2.
    """
    facts = [f for n in range(6) for f in [*record([f"t{n}"], n, kinds="i"), *staffed(f"t{n}")]]
    said = [seen(facts, seed=seed) for seed in range(4)]
    found, se = (np.array([list(of(one).values()) for one in said]) for of in (probabilities, errors))
    assert 0.2 < float((found.var(axis=0, ddof=1) / (se**2).mean(axis=0)).mean()) < 2.4


@pytest.mark.parametrize("futures", [1, 49, 51, 99, 700, 1024, 8192])
def test_groups_of_futures_weigh_the_same_whatever_their_number(futures: int) -> None:
    gain = np.random.default_rng(futures).standard_exponential((2, futures))
    for groups in (50, 500):
        found = grouped(gain, groups)
        assert found.shape[1] <= max(groups, futures)
        np.testing.assert_allclose(found.mean(axis=1), gain.mean(axis=1), rtol=1e-9)
        assert (np.diff(found, axis=1) >= 0).all()


def test_the_same_question_gets_the_same_answer_to_the_last_bit(rich: Forecast) -> None:
    assert seen(RICH) == rich


def renamed(facts: Iterable[Fact], names: dict[str, str]) -> list[Fact]:
    """The same facts with other keys for teams, and for all that is called after them."""

    def other(value: Any) -> Any:  # noqa: ANN401
        return names[value[0]] + value[1:] if isinstance(value, str) and value[:1] in names else value

    found = []
    for f in facts:
        kind, _, name = f.subject.partition("/")
        said = {key: other(getattr(f.data, key)) for key in ("team", "objective") if hasattr(f.data, key)}
        found.append(replace(f, subject=f"{kind}/{other(name)}", data=f.data.model_copy(update=said)))
    return found


def test_other_keys_change_the_forecast_by_noise_alone() -> None:
    """Keys name the draws. Eight key results of two teams that move together: within four joint errors, 1 in 10,000."""
    facts = [f for f in RICH if "kpi" not in f.subject and "freeze" not in str(f.data)]
    one, other = seen(facts), seen(renamed(facts, {"a": "zeta", "b": "alpha", "c": "mu"}))
    moved = probabilities(other)
    for kr in one.key_results:
        name = {"a": "zeta", "b": "alpha", "c": "mu"}[kr.key_result[0]] + kr.key_result[1:]
        se = np.hypot(kr.probability_se, errors(other)[name])
        assert moved[name] == pytest.approx(kr.probability, abs=4 * se + 1e-9)


def test_display_titles_change_no_bit(rich: Forecast) -> None:
    facts = [replace(f, data=f.data.model_copy(update={"title": "T"})) if hasattr(f.data, "title") else f for f in RICH]
    said = seen(facts)
    assert probabilities(said) == probabilities(rich)
    assert [kr.quantiles for kr in said.key_results] == [kr.quantiles for kr in rich.key_results]
    assert said.overall == rich.overall


def test_a_decrease_is_an_increase_in_the_mirror() -> None:
    up, down = (seen(record("a", kinds=kind * 2), staffed("a")) for kind in "id")
    for one, other in zip(up.key_results, down.key_results, strict=True):
        assert other.probability == pytest.approx(one.probability, abs=1e-9)
        assert other.expected_score == pytest.approx(one.expected_score, abs=1e-9)
        for low, high in zip(QUANTILES, reversed(QUANTILES), strict=True):
            assert other.quantiles[low] == pytest.approx(100 - one.quantiles[high], abs=1e-6)  # type: ignore[operator]


# As of a day

LATER = MID + 9


def lively() -> list[Fact]:
    """Capacity that goes on changing after the as-of day, and what is known of it only then."""
    return [
        *record("a", kinds="id", until=80),
        *staffed("a"),
        *tickets("a", 3, 2.0, 1.0, last=80),
        *effort("a", 18.0, 12.0, last=70),
        people("a", MID - 2, 1.0, recorded=LATER),  # recorded late
        people("a", MID + 5, 2.0),
        policy("a", MID + 3, "ring_fence", share=0.8),
        *incidents("a", 30, 4.0, on=MID + 2),
        guardrail("wait-a", "a", 4.0),
    ]


def test_what_is_recorded_after_the_day_is_not_seen() -> None:
    facts = lively()
    known = [f for f in facts if f.recorded_at <= end_of(day(MID))]
    cut, whole = seen(known), seen(facts)
    assert whole.key_results == cut.key_results
    assert (whole.capacity, whole.guardrails, whole.overall) == (cut.capacity, cut.guardrails, cut.overall)
    later = seen(facts, as_of=MID, known_at=end_of(day(LATER)))
    assert probabilities(later) != probabilities(whole)


def test_a_backtest_says_what_the_forecast_of_the_day_said() -> None:
    facts = lively()
    rows = backtest(log_of(facts), day(400), start=day(MID - 10), end=day(MID + 10))
    rows = rows.filter(rows["method"] == KOERS)
    assert rows.height >= 4
    for origin in rows["as_of"].unique():
        on = (origin - day(0)).days
        said = probabilities(seen([f for f in facts if f.recorded_at <= end_of(origin)], as_of=on, samples=10_000))
        told = dict(rows.filter(rows["as_of"] == origin).select("key_result", "probability").iter_rows())
        assert told == {name: said[name] for name in told}
        alone = probabilities(seen([f for f in facts if f.subject.startswith("kr/")], as_of=on))
        assert told != {name: alone[name] for name in told}


def test_what_all_trends_share_may_be_handed_in() -> None:
    facts = [*record("a"), *staffed("a")]
    frames = view(typed(log_of(facts)), day(MID), end_of(day(MID)))
    found = couple(frames, goals(frames), readings(frames), day(MID), pace.DEFAULT, samples=500)
    assert found is not None
    assert found.hyper == pace.DEFAULT
