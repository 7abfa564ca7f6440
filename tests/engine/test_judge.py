"""The judge by hand: tables made here, small enough to score on paper, and methods planted to be better or worse."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl
import pytest

from koers.engine.backtest import KOERS, SCHEMA, backtest
from koers.engine.judge import CLIP, Score, Verdict, clusters, judge, said_of
from koers.engine.outlook import QUANTILES
from koers.engine.projections import goals, readings
from koers.engine.replay import typed
from koers.engine.scoring import Interval
from tests.engine.organisations import CONTROL, Fact, check_ins, dropped, key_result, log_of
from tests.engine.organisations import day as on

LAST = on(400)
Row = dict[str, Any]


def said(name: str, n: int, p: float, attained: bool, method: str = KOERS, **fields: Any) -> Row:  # noqa: ANN401
    """A row of a backtest; koers' 80 % interval is 0-10."""
    ladder = dict(zip(QUANTILES, (-1.0, 0.0, 2.0, 3.0, 4.0, 10.0, 12.0), strict=True))
    spread = ladder if method == KOERS else {}
    usual = {"key_result": name, "team": "t", "cycle": "q", "as_of": on(n), "due": on(64), "elapsed": n / 64}
    grade = {"probability": p, "attained": attained, "attained_original": attained, "outcome": 5.0, "method": method}
    return dict.fromkeys(SCHEMA) | usual | spread | grade | fields


def judged(rows: Iterable[Row], *facts: Fact | Iterable[Fact]) -> Verdict:
    table = pl.DataFrame(list(rows), schema=SCHEMA, orient="row")
    known = facts or [
        key_result(name, team=team) for name, team in sorted({(r["key_result"], r["team"]) for r in rows})
    ]
    return judge(table, typed(log_of(*known)), LAST)


def score_of(verdict: Verdict, method: str) -> Score:
    (found,) = [score for score in verdict.scores if score.method == method]
    return found


def test_scores_by_hand_and_each_goal_counts_once() -> None:
    """Goal a, reached: .8 and .6, Brier .04 and .16, mean .10; goal b, missed: .3, .09. Together .095."""
    own = score_of(judged([said("a", 7, 0.8, True), said("a", 14, 0.6, True), said("b", 7, 0.3, False)]), KOERS)
    assert (own.goals, own.origins) == (2, 3)
    assert own.brier == pytest.approx(0.095, abs=1e-12)
    log = ((-math.log(0.8) - math.log(0.6)) / 2 - math.log(0.7)) / 2
    assert own.log == pytest.approx(log, abs=1e-12)
    assert (own.skill, own.gain, own.verdict) == (None, None, "")


def test_probabilities_are_scored_within_the_clip() -> None:
    own = score_of(judged([said("a", 7, 0.0, True), said("b", 7, 1.0, True)]), KOERS)
    assert own.log == pytest.approx((-math.log(CLIP) - math.log(1 - CLIP)) / 2)


def test_coverage_counts_goals_once_and_only_where_there_is_an_interval_and_an_outcome() -> None:
    rows = [
        said("a", 7, 0.5, True),
        said("a", 14, 0.5, True, q75=4.0, q90=4.5),
        said("b", 7, 0.5, True, outcome=11.0),
        said("c", 7, 0.5, True, outcome=None),
        said("a", 7, 0.5, True, "base_rate"),
    ]
    verdict = judged(rows)
    assert score_of(verdict, KOERS).coverage80 == pytest.approx(0.25)
    assert score_of(verdict, "base_rate").coverage80 is None


def test_koers_comes_first_then_the_best_log_score() -> None:
    rows = [said("a", 7, p, True, method) for method, p in (("x", 0.6), (KOERS, 0.1), ("y", 0.9))]
    assert [score.method for score in judged(rows).scores] == [KOERS, "y", "x"]


def test_a_method_that_speaks_of_some_goals_is_compared_on_those_alone() -> None:
    """On a and b koers has Brier .04 and the other .16: skill .75; what koers says of c would spoil it."""
    rows = [said(name, 7, p, True) for name, p in (("a", 0.8), ("b", 0.8), ("c", 0.05))]
    rows += [said(name, 7, 0.6, True, "owner_confidence") for name in "ab"]
    rows += [said("a", 14, 0.01, True, "owner_confidence")]  # koers says nothing that day
    found = score_of(judged(rows), "owner_confidence")
    assert (found.goals, found.origins) == (2, 3)
    assert found.skill is not None
    assert found.gain is not None
    assert found.skill.mid == pytest.approx(0.75)
    assert found.gain.mid == pytest.approx(math.log(0.8 / 0.6))
    assert (found.skill.low, found.verdict) == (None, "too few goals to tell")


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        (Interval(0.01, 0.1, 0.2), "koers is better"),
        (Interval(-0.2, -0.1, -0.01), "koers is worse"),
        (Interval(-0.1, 0.1, 0.2), "no detectable difference"),
        (Interval(0.0, 0.0, 0.0), "no detectable difference"),
        (Interval(None, 0.1, None), "too few goals to tell"),
        (Interval(None, None, None), "too few goals to tell"),
        (None, "too few goals to tell"),
    ],
)
def test_the_verdict_says_what_the_interval_allows(gain: Interval | None, words: str) -> None:
    assert said_of(gain) == words


def many(seed: int, n: int = 120) -> list[Row]:
    """Goals whose fate is a coin of the probability that koers says, at two origins."""
    rng = np.random.default_rng(seed)
    chances = rng.uniform(0.1, 0.9, n)
    ends = rng.random(n) < chances
    return [
        said(f"g{i}", origin, float(p), bool(end))
        for i, (p, end) in enumerate(zip(chances, ends, strict=True))
        for origin in (7, 14)
    ]


def other(rows: list[Row], p: dict[str, float] | None = None) -> list[Row]:
    """The rows under another name, with other probabilities."""
    return rows + [r | {"method": "other", "probability": p[r["key_result"]] if p else r["probability"]} for r in rows]


@pytest.mark.parametrize("seed", range(3))
def test_koers_under_another_name_is_neither_better_nor_worse(seed: int) -> None:
    found = score_of(judged(other(many(seed))), "other")
    assert found.skill == found.gain == Interval(0.0, 0.0, 0.0)
    assert found.verdict == "no detectable difference"


def shifted(rows: list[Row], by: float) -> dict[str, float]:
    """Probabilities a step in logits towards (by > 0) or away from what happened."""
    moved = {}
    for r in rows:
        logit = math.log(r["probability"] / (1 - r["probability"])) + (by if r["attained"] else -by)
        moved[r["key_result"]] = 1 / (1 + math.exp(-logit))
    return moved


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("by", "words"), [(-0.7, "koers is better"), (0.7, "koers is worse")])
def test_a_method_planted_to_be_worse_or_better_is_found_out(seed: int, by: float, words: str) -> None:
    """Every one of 120 goals is .7 logits worse or better: about .3 in log score, sd .1, 20 standard errors or more."""
    rows = many(seed)
    found = score_of(judged(other(rows, shifted(rows, by))), "other")
    assert found.verdict == words
    assert found.skill is not None
    assert found.skill.mid is not None
    assert found.skill.mid * by < 0


def test_the_planted_difference_may_lie_in_few_goals_and_is_then_not_told() -> None:
    """The control: a difference in one goal of 120 is no evidence of a difference."""
    rows = many(0)
    p = {r["key_result"]: r["probability"] for r in rows} | {"g0": 0.5}
    assert score_of(judged(other(rows, p)), "other").verdict == "no detectable difference"


def test_equal_methods_are_told_apart_no_more_often_than_the_level_allows() -> None:
    """Two methods as far off in random directions: false alarms at 95 %. Of 60 seeds, more than 9 has P < .2 %."""
    alarms = 0
    for seed in range(60):
        rows, rng = many(seed, 40), np.random.default_rng(1000 + seed)
        names = sorted({r["key_result"] for r in rows})
        noise = dict(zip(names, rng.normal(0.0, 0.15, (len(names), 2)), strict=True))
        own = [
            r | {"probability": float(np.clip(r["probability"] + noise[r["key_result"]][0], 0.02, 0.98))} for r in rows
        ]
        theirs = {
            r["key_result"]: float(np.clip(r["probability"] + noise[r["key_result"]][1], 0.02, 0.98)) for r in rows
        }
        alarms += score_of(judged(other(own, theirs)), "other").verdict != "no detectable difference"
    assert alarms <= 9


def clusters_of(*facts: Fact | Iterable[Fact]) -> dict[str, str | None]:
    frames = typed(log_of(*facts))
    return dict(clusters(goals(frames), readings(frames)).iter_rows())


def test_goals_of_a_team_that_share_their_readings_stand_or_fall_together() -> None:
    same = [3.0, 5.0, 9.0, 11.0]
    goals_ = [key_result("a", team="t"), key_result("b", team="t", target=8.0), key_result("c", team="t")]
    alone = [check_ins([1.0, 2.0, 4.0], "c")]
    assert clusters_of(goals_, check_ins(same, "a"), check_ins(same, "b"), *alone) == dict.fromkeys("abc", "t")
    assert clusters_of(goals_, check_ins(same, "a"), check_ins(same[:3], "b")) == dict.fromkeys("abc", "t")
    assert clusters_of(goals_, check_ins(same, "a"), check_ins(same[:2], "b")) == dict.fromkeys("abc")
    assert clusters_of(goals_, check_ins(same, "a"), check_ins(same, "b", first=8)) == dict.fromkeys("abc")


def test_standing_still_together_is_no_shared_series() -> None:
    still = [0.0] * 6
    two = [key_result("a"), key_result("b")]
    assert clusters_of(two, check_ins(still, "a"), check_ins(still, "b")) == dict.fromkeys("ab")


def test_teams_with_the_same_numbers_do_not_share_a_series() -> None:
    same = [3.0, 5.0, 9.0, 11.0]
    two = [key_result("a", team="t"), key_result("b", team="u")]
    assert clusters_of(two, check_ins(same, "a"), check_ins(same, "b")) == dict.fromkeys("ab")


def test_shared_series_make_intervals_wider() -> None:
    """Eight teams of five goals that share a series and a fate, against forty goals that do not."""
    rng = np.random.default_rng(3)
    rows: list[Row] = []
    facts: list[Fact] = []
    for team in range(8):
        end = bool(rng.random() < 0.5)
        for n in range(5):
            name = f"{team}-{n}"
            facts += [key_result(name, team=f"t{team}"), *check_ins([1.0, 2.0, 3.0 + team], name)]
            rows += [said(name, 7, 0.6, end, team=f"t{team}"), said(name, 7, 0.4, end, "other", team=f"t{team}")]
    together = score_of(judged(rows, facts), "other").gain
    apart = score_of(judged(rows), "other").gain
    assert together is not None
    assert apart is not None
    assert together.mid == pytest.approx(apart.mid)
    assert width(together) > 1.5 * width(apart)


def width(interval: Interval) -> float:
    assert interval.low is not None
    assert interval.high is not None
    return interval.high - interval.low


def test_slices_by_elapsed_share_kind_and_team() -> None:
    rows = [said(f"g{n}", 0, 0.5, True, elapsed=elapsed) for n, elapsed in enumerate((0.0, 0.249, 0.25, 0.5, 0.75))]
    rows += [said("g4", 60, 0.8, True, elapsed=0.99), said("u", 7, 0.8, True, team="u", elapsed=0.3)]
    rows += [said("g0", 0, 0.75, True, "straight_line", elapsed=0.0)]
    facts = [key_result(f"g{n}") for n in range(5)] + [key_result("u", team="u", **CONTROL)]
    found = judged(rows, facts).slices
    assert {s.name: s.goals for s in found["elapsed"]} == {"0-25%": 2, "25-50%": 2, "50-75%": 1, "75-100%": 1}
    assert {s.name: s.goals for s in found["kind"]} == {"control": 1, "metric": 5}
    assert {s.name: s.goals for s in found["team"]} == {"t": 5}, "a team of one goal is no slice"
    first, last = found["elapsed"][0], found["elapsed"][3]
    assert last.brier == pytest.approx((0.25 + 0.04) / 2)
    assert first.skill is not None
    assert first.skill.mid == pytest.approx(1 - 0.25 / 0.0625)
    assert last.skill is None, "the straight line says nothing there"


def test_goals_dropped_before_due_are_counted_and_scored_apart() -> None:
    rows = [said("a", 7, 0.8, True), said("b", 7, 0.8, False)]
    verdict = judged(rows, key_result("a"), key_result("b"), dropped(30, "b"), dropped(64, "a"))
    assert verdict.dropped == 1
    assert verdict.kept is not None
    assert verdict.kept.goals == 1
    assert verdict.kept.brier == pytest.approx(0.04)
    assert score_of(verdict, KOERS).brier == pytest.approx((0.04 + 0.64) / 2)
    assert judged(rows).kept is None
    assert judged(rows[:1], key_result("a"), dropped(30, "a")).kept is None, "nothing is left to score"


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [said("a", 7, 0.5, True)],
        [said("a", 7, 0.5, True), said("b", 7, 0.5, False)],
        [said("a", 7, 0.5, True), said("b", 7, 0.8, True)],
    ],
    ids=["nothing", "one", "one forecast", "one ending"],
)
def test_there_is_no_slope_where_nothing_can_be_learnt_of_it(rows: list[Row]) -> None:
    verdict = judged(rows, key_result("a"), key_result("b"))
    assert verdict.slope is None
    assert verdict.slope_by_row is None


def test_the_slope_counts_goals_once_and_the_other_every_forecast() -> None:
    """Sharp and right on two goals, often wrong on a third that was forecast six times."""
    rows = [said("a", 7, 0.9, True), said("b", 7, 0.1, False)]
    rows += [said("c", n, 0.8, False) for n in range(10, 16)] + [said("d", 7, 0.3, True)]
    verdict = judged(rows)
    assert verdict.slope is not None
    assert verdict.slope_by_row is not None
    assert verdict.slope_by_row.intercept < verdict.slope.intercept
    once = judged([r for r in rows if r["as_of"] <= on(10)])
    assert verdict.slope == pytest.approx(once.slope)
    assert once.slope_by_row == pytest.approx(once.slope)


def strict(verdict: Verdict) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(verdict.to_dict(), allow_nan=False))
    return found


def test_a_verdict_is_strict_json() -> None:
    rows = many(1)
    found = strict(judged(other(rows, shifted(rows, -0.5))))
    assert [s["method"] for s in found["scores"]] == [KOERS, "other"]
    assert found["scores"][1]["verdict"] == "koers is better"
    low, mid, high = found["scores"][1]["skill"]
    assert low < mid < high
    assert found["slope"].keys() == {"slope", "intercept"}
    assert all(part["band_low"] <= part["band_high"] for part in found["reliability"])


def test_nothing_to_judge_is_an_empty_verdict() -> None:
    verdict = judged([], key_result("a"))
    assert (verdict.scores, verdict.reliability, verdict.kept, verdict.dropped) == ((), (), None, 0)
    assert verdict.slices == {"elapsed": (), "kind": (), "team": ()}
    assert strict(verdict)["scores"] == []
    assert strict(judge(backtest([], LAST), typed([]), LAST))["scores"] == []


def test_names_and_the_order_of_rows_change_no_number() -> None:
    rows = many(2)
    table = other(rows, shifted(rows, -0.1))
    renamed = [r | {"key_result": f"z{999 - int(r['key_result'][1:])}"} for r in reversed(table)]
    found, again = judged(table), judged(renamed)
    assert found.scores == again.scores
    assert found.reliability == again.reliability
    assert found.slices == again.slices
    assert found.slope == pytest.approx(again.slope)
