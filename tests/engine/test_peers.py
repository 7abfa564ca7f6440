"""Status rules by hand, and baselines that learn against a slow reading of what they promise."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from koers.engine import peers
from koers.engine.peers import LOGISTIC, RIDGE, RULES, features, learnt, statuses

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
NAMES = (*RULES, LOGISTIC)

BY_HAND = {
    "viva": [(0.999, 0), (1.0, 1), (1.5, 1)],  # behind if below the line
    "ally": [(0.749, 0), (0.75, 1), (1.0, 1)],  # 25 % off the expected flips it
    "upraise": [(0.749, 0), (0.75, 1), (0.949, 1), (0.95, 2)],  # >= .95 on track, .75-.95 lagging
    "tability": [(0.499, 0), (0.5, 1), (0.7, 1), (0.701, 2)],  # > 70 / 50-70 / < 50 %
    "oboard": [(0.399, 0), (0.4, 1), (0.699, 1), (0.7, 2)],  # 70 / 40 %
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("elapsed", [0.2, 0.5, 0.9])
def test_a_status_is_what_the_product_prints(rule: str, elapsed: float) -> None:
    shares, expected = zip(*BY_HAND[rule], strict=True)
    ways = np.array(shares) * elapsed
    assert statuses(ways, np.full(len(ways), elapsed))[rule].tolist() == list(expected)


def test_rounding_in_the_last_place_decides_no_status() -> None:
    progress, elapsed = np.array([0.3, 1.3 - 1.0, 0.1 + 0.2]), np.array([0.4, 0.3, 0.3])
    assert progress[0] / elapsed[0] < 0.75, "the control: plain division falls short"
    found = statuses(progress, elapsed)
    assert found["ally"].tolist() == [1, 1, 1]
    assert found["viva"].tolist() == [0, 1, 1]


def test_at_the_very_start_all_are_as_expected_but_who_fell_back() -> None:
    found = statuses(np.array([0.0, 0.5, -0.1]), np.zeros(3))
    for rule, limits in RULES.items():
        assert found[rule].tolist() == [len(limits), len(limits), 0]


def test_further_is_never_a_worse_status() -> None:
    found = statuses(np.linspace(-1.0, 2.0, 301), np.full(301, 0.6))
    assert all((np.diff(status) >= 0).all() for status in found.values())


@dataclass(frozen=True)
class Past:
    """Forecasts, (forecast,), and what was known of endings on each day."""

    progress: Floats
    elapsed: Floats
    goal: Ints
    day: Ints
    endings: dict[int, dict[int, bool]]

    def learnt(self) -> dict[str, Floats]:
        return learnt(self.progress, self.elapsed, self.goal, self.day, self.endings)


def random_past(seed: int, goals: int = 12, days: int = 9) -> Past:
    """Goals forecast on some of the days, that end, are taken back (an outcome retracted), and end otherwise."""
    rng = np.random.default_rng(seed)
    day, goal = np.nonzero(rng.random((days, goals)) < 0.6)
    known = {d: {g: bool(rng.random() < 0.5) for g in range(goals) if rng.random() < d / days} for d in range(days)}
    return Past(rng.normal(0.5, 0.5, len(day)), rng.choice([0.0, 0.25, 0.5, 0.75], len(day)), goal, day, known)


def slowly(past: Past) -> dict[str, list[float]]:
    """The definition, forecast by forecast, over every earlier forecast of a goal known to have ended."""
    found: dict[str, list[float]] = {name: [] for name in NAMES}
    status, seen = statuses(past.progress, past.elapsed), features(past.progress, past.elapsed)
    for i, today in enumerate(past.day):
        known = past.endings[int(today)]
        rows = [j for j in range(len(past.day)) if past.day[j] < today and past.goal[j] in known]
        weights = [1.0 / sum(past.goal[k] == past.goal[j] for k in rows) for j in rows]
        ends = [known[int(past.goal[j])] for j in rows]
        for rule in RULES:
            alike = [n for n, j in enumerate(rows) if status[rule][j] == status[rule][i]]
            reached = sum(weights[n] * ends[n] for n in alike)
            found[rule].append((reached + 1.0) / (sum(weights[n] for n in alike) + 2.0))
        if len(set(ends)) == 2:
            fit = by_sklearn(seen[rows], np.array(ends), np.array(weights))
            found[LOGISTIC].append(float(expit(seen[i] @ fit)))
        else:
            found[LOGISTIC].append(float("nan"))  # scikit-learn takes no single class
    return found


def by_sklearn(x: Floats, y: NDArray[np.generic], weight: Floats) -> Floats:
    model = LogisticRegression(C=1.0 / RIDGE, fit_intercept=False, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    return np.asarray(model.fit(x, y, sample_weight=weight).coef_[0])


@pytest.mark.parametrize("seed", range(6))
def test_what_is_learnt_is_what_its_slow_definition_says(seed: int) -> None:
    past = random_past(seed)
    found, slow = past.learnt(), slowly(past)
    for rule in RULES:
        assert found[rule] == pytest.approx(slow[rule], abs=1e-12)
    checked = ~np.isnan(slow[LOGISTIC])
    assert checked.sum() > 15
    assert found[LOGISTIC][checked] == pytest.approx(np.array(slow[LOGISTIC])[checked], abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_that_comes_later_teaches(seed: int) -> None:
    """Later forecasts of a goal, its later ending and other goals' change nothing said before."""
    past = random_past(seed)
    until = 5
    before = past.day < until
    cut = Past(past.progress[before], past.elapsed[before], past.goal[before], past.day[before], past.endings)
    flipped = {d: known if d < until else {g: not y for g, y in known.items()} for d, known in past.endings.items()}
    for name in NAMES:
        whole = past.learnt()[name][before]
        assert np.array_equal(whole, cut.learnt()[name])
        assert np.array_equal(whole, replace(past, endings=flipped).learnt()[name][before])
        assert len(np.unique(whole)) > 1


def test_only_goals_known_to_have_ended_that_day_teach() -> None:
    """Goal 0 has ended as far as is known on day 2, but no longer on day 3: its outcome was retracted."""
    past = Past(
        progress=np.full(3, 0.1),
        elapsed=np.full(3, 0.5),
        goal=np.array([0, 1, 1]),
        day=np.array([1, 2, 3]),
        endings={1: {}, 2: {0: True}, 3: {}},
    )
    for rule in RULES:
        assert past.learnt()[rule].tolist() == pytest.approx([0.5, 2 / 3, 0.5])
    assert past.learnt()[LOGISTIC][2] == 0.5


def test_a_goal_counts_once_however_often_it_was_forecast() -> None:
    """One goal forecast nine times and reached, one forecast once and not: (1 + 1) / (2 + 2) either way."""
    past = Past(
        progress=np.full(11, 0.1),
        elapsed=np.full(11, 0.5),
        goal=np.array([0] * 9 + [1, 2]),
        day=np.array([*range(9), 3, 10]),
        endings={d: {} for d in range(10)} | {10: {0: True, 1: False}},
    )
    assert {name: p[-1] for name, p in past.learnt().items()} == pytest.approx(dict.fromkeys(NAMES, 0.5), abs=1e-12)


def test_before_anything_has_ended_one_half_is_said() -> None:
    past = replace(random_past(0), endings={d: {} for d in range(9)})
    for p in past.learnt().values():
        assert (p == 0.5).all()


@pytest.mark.parametrize("end", [True, False])
def test_where_all_ended_alike_probabilities_stay_between_the_ends(end: bool) -> None:
    past = random_past(1)
    alike = {d: dict.fromkeys(known, end) for d, known in past.endings.items()}
    for p in replace(past, endings=alike).learnt().values():
        assert ((p > 0.0) & (p < 1.0)).all()
        assert (p >= 0.5 if end else p <= 0.5).all()
        assert (p != 0.5).any()


def test_no_forecasts_are_no_probabilities() -> None:
    nothing, no_one = np.zeros(0), np.zeros(0, dtype=np.int64)
    assert {name: len(p) for name, p in learnt(nothing, nothing, no_one, no_one, {}).items()} == dict.fromkeys(NAMES, 0)


@pytest.mark.parametrize("goals", [5, 300, 3000])
@pytest.mark.parametrize("sharp", [0.0, 2.0, 1e3], ids=["noise", "some", "separable"])
def test_the_logistic_reference_class_is_scikit_learns(goals: int, sharp: float) -> None:
    """Also where a line parts the reached from the rest, and the ridge alone keeps the coefficients finite."""
    rng = np.random.default_rng(7)
    progress, elapsed = rng.normal(0.6, 0.5, goals), rng.random(goals)
    x = features(progress, elapsed)
    y = (rng.random(goals) < expit(sharp * (progress - elapsed))).astype(np.float64)
    y[:2] = 0.0, 1.0
    weight = rng.choice([0.2, 0.5, 1.0], goals)
    found = peers._logistic(x, y, weight)
    assert expit(x @ found) == pytest.approx(expit(x @ by_sklearn(x, y, weight)), abs=1e-6)
    assert found == pytest.approx(by_sklearn(x, y, weight), rel=1e-5, abs=1e-5)


def test_numbers_far_out_are_features_like_any_other() -> None:
    far = np.array([-1e24, 1e24])
    assert np.array_equal(features(far, np.full(2, 0.5)), features(np.array([-1.0, 2.0]), np.full(2, 0.5)))
    assert statuses(far, np.full(2, 0.5))["viva"].tolist() == [0, 1]
