"""A comparison: paired, with intervals that hold, on the baseline that is forecast."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, t

from koers.engine.forecast import forecast
from koers.engine.outlook import CEILING, FLOOR
from koers.engine.replay import typed
from koers.events.errors import KoersError
from koers.scenarios.compare import TOO_SMALL, Comparison, Effect, what_if
from koers.scenarios.pairs import SURE, Pair, _learnt
from tests.engine.organisations import Fact, check_in, day, key_result, log_of
from tests.engine.staffed import MID, people, record
from tests.scenarios.decided import OBJECTIVES, all_compared, compared, facts, scenario

HIRE = 'hire team = "a"; people = 2; ramp_up_days = 0'
LITTLE = 'hire team = "a"; people = 0.2; ramp_up_days = 0'
BUSY = "run_demand factor = 1.3"
DROP = 'drop key_result = "b11"'
EASIER = 'retarget key_result = "a11"; target = 80'
SOME = {"hire": (HIRE,), "busy": (BUSY,), "drop": (DROP,), "easier": (EASIER,), "all": (HIRE, BUSY, DROP, EASIER)}


def chances(found: Comparison) -> dict[str, Effect]:
    return found.key_results | found.objectives | found.guardrails


def effects(found: Comparison) -> dict[str, Effect]:
    return chances(found) | found.overall | {f"backlog {row.team}": row.backlog for row in found.running}


@pytest.mark.parametrize("levers", SOME.values(), ids=SOME)
def test_a_difference_is_the_scenario_less_the_baseline_and_lies_within_its_interval(levers: tuple[str, ...]) -> None:
    found = compared(*levers)
    assert not found.nothing
    for name, effect in effects(found).items():
        assert effect.delta == pytest.approx(effect.scenario - effect.baseline, abs=1e-12), name
        assert effect.low <= effect.delta <= effect.high
        assert effect.model_low <= effect.model_high


# The baseline


def coming() -> list[Fact]:
    """A key result that starts next month, and a team without declared capacity."""
    later = key_result("c99", 0, team="c", objective="c-all", start=day(60), due=day(120), target=100.0)
    return [*facts(), *record(["z"], kinds="ib"), later, check_in(40, 3.0, "z10")]


@pytest.mark.parametrize("samples", [400, 10_001], ids=["one chunk", "two chunks"])
@pytest.mark.parametrize("seed", [0, 5])
def test_the_baseline_is_what_is_forecast_with_the_same_seed_and_samples(samples: int, seed: int) -> None:
    log = log_of(coming())
    said = forecast(log, day(MID), samples=samples, seed=seed)
    (found,) = what_if(
        typed(log), day(MID), None, [scenario(HIRE)], samples=samples, seed=seed, precision=1.0
    ).comparisons
    assert said.overall is not None
    for kr in said.key_results:
        if kr.key_result in found.key_results:
            assert found.key_results[kr.key_result].baseline == pytest.approx(kr.probability, abs=1e-12), kr.key_result
    assert found.objectives.keys() == {objective.objective for objective in said.objectives}
    for objective in said.objectives:
        assert found.objectives[objective.objective].baseline == pytest.approx(objective.probability_all, abs=1e-12)
    for rail in said.guardrails:
        assert found.guardrails[rail.guardrail].baseline == pytest.approx(rail.risk, abs=1e-12)
    assert found.overall["reached"].baseline == pytest.approx(said.overall.expected_reached, abs=1e-9)
    assert found.overall["score"].baseline == pytest.approx(said.overall.expected_score, abs=1e-9)


def test_the_same_seed_gives_the_same_comparison_and_another_one_nearly() -> None:
    one, same, other = (compared(HIRE, seed=seed) for seed in (0, 0, 1))
    assert one == same
    assert one != other
    assert other.key_results["a10"].delta == pytest.approx(one.key_results["a10"].delta, abs=0.03)


def test_scenarios_compared_together_are_as_compared_alone() -> None:
    alone = [compared(HIRE), compared(DROP)]
    together = all_compared([scenario(HIRE), scenario(DROP)])
    assert together == alone


def test_a_log_without_capacity_is_told_what_is_missing() -> None:
    with pytest.raises(KoersError, match=r"capacity\.csv"):
        what_if(typed(log_of(record("ab"))), day(MID), None, [scenario(BUSY)])
    later = typed(log_of(record("ab"), people("a", MID + 1, 5.0)))
    with pytest.raises(KoersError, match=f"known only from {day(MID + 1)}: .* add recorded_on"):
        what_if(later, day(MID), None, [scenario(BUSY)])


# What can be told


def test_an_effect_too_small_to_decide_by_is_not_called_detectable() -> None:
    found = compared('retarget key_result = "a11"; target = 99.9').key_results["a11"]
    assert 0 < found.low < found.delta < TOO_SMALL
    assert not found.detectable
    assert compared(EASIER).key_results["a11"].detectable


def test_an_effect_is_detectable_only_if_its_interval_excludes_zero() -> None:
    for levers in SOME.values():
        for name, effect in chances(compared(*levers)).items():
            outside = not effect.low <= 0 <= effect.high
            assert effect.detectable == (outside and abs(effect.delta) >= TOO_SMALL), name


def test_more_precision_takes_more_futures_and_gives_narrower_intervals() -> None:
    levers = [scenario(HIRE, BUSY)]
    rough, fine = (all_compared(levers, 2_000, precision=p)[0] for p in (1.0, 1e-9))
    assert (rough.futures, fine.futures) == (2_000, 20_000)
    for name in ("a10", "b10", "c10"):
        wide, narrow = (one.key_results[name].high - one.key_results[name].low for one in (rough, fine))
        assert narrow == pytest.approx(wide / np.sqrt(10), rel=0.35)
    asked = all_compared(levers, 2_000, precision=0.004)[0]
    assert rough.futures < asked.futures <= fine.futures
    if asked.futures < fine.futures:
        assert all(effect.high - effect.low <= 0.008 + 1e-12 for effect in chances(asked).values())


def test_expected_numbers_are_the_sums_of_what_they_are_made_of() -> None:
    for levers in SOME.values():
        found = compared(*levers)
        touched = [effect for effect in found.key_results.values() if effect.delta]
        if not any(effect.scenario in (FLOOR, CEILING) for effect in touched):  # bounds are not part of sums
            assert found.overall["reached"].delta == pytest.approx(sum(effect.delta for effect in touched), abs=1e-9)


def test_an_objective_of_one_key_result_is_that_key_result() -> None:
    single: dict[str, tuple[str, ...]] = {f"o{name}": (name,) for name in ("a10", "b11", "c12")}
    found = all_compared([scenario(HIRE, BUSY)], objectives=single)[0]
    for name, (key,) in single.items():
        one, other = found.objectives[name], found.key_results[key]
        for part in ("baseline", "scenario", "delta", "low", "high"):
            assert getattr(one, part) == pytest.approx(getattr(other, part), abs=1e-12), (name, part)


def test_an_objective_is_no_likelier_than_any_of_its_key_results() -> None:
    found = compared(HIRE, BUSY)
    for name, group in OBJECTIVES.items():
        assert found.objectives[name].scenario <= min(found.key_results[key].scenario for key in group) + 1e-12


# The model interval


@pytest.mark.parametrize("lever", [HIRE, BUSY, 'leave team = "c"; people = 2'], ids=["hire", "busy", "leave"])
@pytest.mark.parametrize("e", [0.25, 0.5, 0.75])
def test_the_model_interval_holds_the_difference_at_each_elasticity(lever: str, e: float) -> None:
    fixed = f"elasticity value = {e}"
    drawn, without, with_it = compared(lever), compared(fixed), compared(fixed, lever)
    for name, effect in drawn.key_results.items():
        delta = with_it.key_results[name].scenario - without.key_results[name].scenario
        assert effect.model_low - 0.01 <= delta <= effect.model_high + 0.01, name


def test_where_effort_may_not_matter_the_model_interval_reaches_zero_and_that_is_said() -> None:
    found = compared(HIRE).key_results["a10"]
    assert found.detectable
    assert found.model_low == pytest.approx(0, abs=1e-9)
    assert found.rests_on_the_model
    assert not compared(EASIER).key_results["a11"].rests_on_the_model


@pytest.mark.parametrize("levers", SOME.values(), ids=SOME)
def test_a_difference_lies_within_its_model_interval(levers: tuple[str, ...]) -> None:
    for name, effect in compared(*levers).key_results.items():
        if min(effect.baseline, effect.scenario) > FLOOR and max(effect.baseline, effect.scenario) < CEILING:
            assert effect.model_low - 0.005 <= effect.delta <= effect.model_high + 0.005, name


@pytest.mark.parametrize("count", [2, 5, 16])
def test_an_interval_from_fewer_batches_is_that_of_fewer(count: int) -> None:
    apart = np.random.default_rng(count).normal(size=64 * count)
    found = Pair(futures=64 * count, nothing=False, error={"key_result/a": 1.0})
    ground: Any = SimpleNamespace(batches=[slice(64 * n, 64 * n + 64) for n in range(count)])
    _learnt(found, ground, "key_result/a", np.zeros_like(apart), apart)
    means = apart.reshape(count, 64).mean(axis=1)
    low, high = t.interval(0.95, count - 1, loc=0.0, scale=means.std(ddof=1) / np.sqrt(count))
    assert found.error["key_result/a"] * SURE == pytest.approx((high - low) / 2, rel=1e-9)


# Coverage: each number below is told of another team, so that trials are independent of each other

TOLD = {"a10": HIRE, "b10": BUSY, "c10": BUSY}
SEEDS, FUTURES = 30, 1_024
FALSE_ALARM = 1e-3  # in a thousand runs of right intervals, this many are refused; halved ones pass once in 10^4


@cache
def trials() -> tuple[tuple[Effect, float], ...]:
    """What comparisons of few futures said, and what very many say."""
    return tuple(_trials())


def _trials() -> Iterator[tuple[Effect, float]]:
    levers = [scenario(HIRE), scenario(BUSY)]
    place = {HIRE: 0, BUSY: 1}
    long = all_compared(levers, 10_000, 10**6, precision=1e-9)
    for seed in range(SEEDS):
        short = all_compared(levers, FUTURES, seed)
        for name, lever in TOLD.items():
            yield short[place[lever]].key_results[name], long[place[lever]].key_results[name].delta


def covers(widen: float) -> bool:
    """Whether intervals `widen` times as wide hold as often as 95 % would, see FALSE_ALARM."""
    held = sum(abs(truth - one.delta) <= widen * (one.high - one.low) / 2 for one, truth in trials())
    return bool(held >= binom.ppf(FALSE_ALARM, len(trials()), 0.95))


def test_intervals_hold_what_very_many_futures_say() -> None:
    assert covers(1.0)


def test_intervals_of_half_the_width_are_found_out() -> None:
    assert binom.sf(binom.ppf(FALSE_ALARM, SEEDS * len(TOLD), 0.95) - 1, SEEDS * len(TOLD), 0.673) < 1e-4
    assert not covers(0.5)


@pytest.mark.parametrize("seed", range(4))
def test_what_only_some_chunks_of_futures_show_counts_as_much_as_in_one(seed: int) -> None:
    """A little more run work breaks a guardrail in one future of a hundred or so: most chunks of 40 do not know."""
    busier = scenario('run_demand team = "c"; factor = 1.01')
    (apart,) = all_compared([busier], 40, seed, precision=1e-9)
    (together,) = all_compared([busier], 400, seed)
    assert apart.futures == together.futures == 400
    one, other = (found.guardrails["wait-c"] for found in (apart, together))
    assert 0.0 < one.delta <= 0.02
    assert (one.baseline, one.scenario) == pytest.approx((other.baseline, other.scenario), abs=1e-12)
    assert 0.0 < one.high - one.low < 2 * (other.high - other.low)


def test_pairing_makes_intervals_narrower_than_independent_draws_would() -> None:
    """For a day a week more, some eight times. False alarm, were the seeds drawn anew: an sd of 12 is too small by
    three quarters, less than 1e-4; forty times would be more than pairing can do."""
    seen = [all_compared([scenario(LITTLE)], FUTURES, seed)[0].key_results["a10"] for seed in range(12)]
    apart = [one.scenario - other.baseline for one, other in zip(seen, [*seen[1:], seen[0]], strict=True)]
    narrower = np.std(apart) / ((seen[0].high - seen[0].low) / 2 / 1.96)
    assert 2 < narrower < 40
