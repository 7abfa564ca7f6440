"""What futures say together, how much noise there is in it, and that names do not matter."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from polars.testing import assert_frame_equal

from koers.engine.backtest import backtest
from koers.engine.forecast import Forecast
from koers.engine.futures import grouped
from koers.engine.outlook import QUANTILES
from koers.events.errors import KoersError
from tests.engine.organisations import Fact, day, log_of
from tests.engine.staffed import (
    BEFORE,
    MID,
    errors,
    guardrail,
    people,
    policy,
    probabilities,
    record,
    seen,
)

ALONG = 2 * BEFORE  # long before anything else
STEADY = [*record("a", kinds="idb"), people("a", ALONG, 5.0)]


def staffed(team: str) -> list[Fact]:
    return [people(team, ALONG, 6.0)]


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
    few, many = (np.array(list(errors(seen(facts, samples=n)).values())) for n in (5_000, 20_000))
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


def lowered(facts: Iterable[Fact]) -> list[Fact]:
    """The same on a scale that is 1,000 lower."""
    names = ("baseline", "target", "value")
    return [
        replace(f, data=f.data.model_copy(update={n: getattr(f.data, n) - 1000.0 for n in names if hasattr(f.data, n)}))
        for f in facts
    ]


def test_a_decrease_is_an_increase_in_the_mirror() -> None:
    """Away from 0, where values that count something end."""
    up, down = (seen(lowered(record("a", kinds=kind * 2)), staffed("a")) for kind in "id")
    for one, other in zip(up.key_results, down.key_results, strict=True):
        assert other.probability == pytest.approx(one.probability, abs=1e-9)
        assert other.expected_score == pytest.approx(one.expected_score, abs=1e-9)
        for low, high in zip(QUANTILES, reversed(QUANTILES), strict=True):
            assert other.quantiles[low] == pytest.approx(100 - 2000 - one.quantiles[high], abs=1e-6)  # type: ignore[operator]


def test_one_future_is_an_answer_that_knows_how_little_it_knows() -> None:
    """Its error is far larger than that of many."""
    one, many = seen(STEADY, samples=1), seen(STEADY)
    assert one.samples == 1
    assert errors(one)["a10"] > 3 * errors(many)["a10"] > 0


@pytest.mark.parametrize("samples", [0, -3])
def test_no_future_is_refused(samples: int) -> None:
    with pytest.raises(KoersError, match="at least one future"):
        seen(STEADY, samples=samples)


@pytest.mark.parametrize("samples", [2, 499, 501, 700, 999, 1001])
def test_odd_numbers_of_futures_are_not_off_by_more_than_their_error(samples: int) -> None:
    said, alone = seen(STEADY, samples=samples), probabilities(seen(record("a", kinds="idb")))
    for name, se in errors(said).items():
        assert probabilities(said)[name] == pytest.approx(alone[name], abs=4 * se + 1e-6)


def test_a_backtest_does_not_depend_on_the_executor() -> None:
    events = log_of(STEADY, guardrail("wait", "a", 4.0))
    alone = backtest(events, day(400), start=day(MID - 10), end=day(MID))
    with ThreadPoolExecutor(2) as executor:
        together = backtest(events, day(400), start=day(MID - 10), end=day(MID), executor=executor)
    assert_frame_equal(alone, together, check_exact=True)
