"""How goals like this one ended: against the slow reading of the definition, and by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koers.engine import reference_class as module
from koers.engine.lives import Lives
from koers.engine.local_trend import Floats, Table
from koers.engine.reference_class import (
    ABOVE,
    ABOVE_TEAM,
    ALIKE,
    AS_FAR,
    FURTHEST,
    NEAR,
    NEAR_IN_TEAM,
    NONE,
    PACE,
    SPAN,
    discounted,
    ends,
    references,
)

TIMES = np.array([0.0, 0.25, 0.5, 0.75])


def goals(x: Floats, end: Floats, way: Floats, team: list[str], unit: list[str], ended: Floats) -> Lives:
    n = len(end)
    one = np.ones(n)
    return Lives(
        table=Table(np.broadcast_to(TIMES, (n, 4)).copy(), x, np.full(n, 4)),
        start=ended - 64, life=64 * one, due=one, baseline=0 * one, way=way, threshold=one,
        percent=np.zeros(n, dtype=np.bool_), bounded=np.zeros(n, dtype=np.bool_),
        team=np.array(team, dtype=np.object_), unit=np.array(unit, dtype=np.object_),
        ended=ended, end=end, attained=end >= 1.0,
    )  # fmt: skip


@st.composite
def pasts(draw: st.DrawFn) -> Lives:
    n = draw(st.integers(1, 8))
    progress = st.floats(-0.5, 3.0)
    return goals(
        x=np.array(draw(st.lists(st.lists(progress, min_size=4, max_size=4), min_size=n, max_size=n))),
        end=np.array(draw(st.lists(progress, min_size=n, max_size=n))),
        way=np.array(draw(st.lists(st.sampled_from([-5.0, 1.0, 8.0]), min_size=n, max_size=n))),
        team=draw(st.lists(st.sampled_from("ab"), min_size=n, max_size=n)),
        unit=draw(st.lists(st.sampled_from(["points", "calls"]), min_size=n, max_size=n)),
        ended=np.array(draw(st.lists(st.sampled_from([100.0, 110.0, 120.0]), min_size=n, max_size=n))),
    )


def bump(z: float) -> float:
    return math.exp(-0.5 * z * z)


def slowly(past: Lives, asked: Lives, column: int, before: float, threshold: float) -> tuple[float, float]:
    """P(reached) that references speak for, and what they leave: one goal and one past goal at a time."""
    x = asked.table.x[0, column]
    then = next((v for t, v in zip(TIMES[::-1], asked.table.x[0, ::-1], strict=True) if t <= TIMES[column] - SPAN), 0.0)
    near: list[tuple[float, float, float, float, float]] = []
    for k in range(len(past.end)):
        there, back = past.table.x[k, column], past.table.x[k, max(column - 1, 0)]
        if past.ended[k] > before:
            continue
        apart = min(max(x, -1), FURTHEST) - min(max(there, -1), FURTHEST)
        alike = bump(apart / NEAR) * bump(((x - then) - (there - back)) / PACE)
        ratio = past.way[k] / asked.way[0]
        in_unit = past.unit[k] == asked.unit[0] and ratio > 0
        own = float(past.team[k] == asked.team[0])
        own *= bump((x - there * ratio if in_unit else apart) / NEAR_IN_TEAM)
        own *= bump(math.log(ratio) / AS_FAR) if in_unit else 1.0
        still = past.end[k] - there
        brought = x + still * (ratio if in_unit else 1.0)
        if brought > asked.threshold[0]:
            brought = min(brought, max(x + still, asked.threshold[0]))
        near.append((past.ended[k], alike, own, x + still, brought))
    for nth in (1, 2):
        for day in {row[0] for row in near}:
            rows = [row for row in near if row[0] == day]
            total, squares = sum(r[nth] for r in rows), sum(r[nth] ** 2 for r in rows)
            factor = 1 + ALIKE * max((total**2 / squares if squares > 0 else 0) - 1, 0)
            near = [
                (*r[:nth], r[nth] / factor, *r[nth + 1 :]) if r[0] == day else r  # type: ignore[misc]
                for r in near
            ]
    everybody, team = sum(r[1] for r in near) + ABOVE, sum(r[2] for r in near) + ABOVE_TEAM
    by_all = sum(r[1] for r in near if r[3] >= threshold - 1e-9) / everybody
    by_team = sum(r[2] for r in near if r[4] >= threshold - 1e-9) / team
    return by_team + ABOVE_TEAM / team * by_all, ABOVE_TEAM / team * ABOVE / everybody


@given(pasts(), pasts(), st.integers(0, 3), st.sampled_from([90.0, 105.0, 130.0]), st.floats(-0.5, 3.0))
@settings(max_examples=80)
def test_it_is_the_slow_reading_of_the_definition(
    past: Lives, now: Lives, column: int, before: float, threshold: float
) -> None:
    asked = now.take(np.zeros(1, dtype=np.int64))
    found = ends(references(past, 200.0), asked, np.array([column]), TIMES[[column]], np.array([before]))
    by_class, rest = slowly(past, asked, column, before, threshold)
    assert found.exceedance(np.array([threshold]))[0] == pytest.approx(by_class, abs=1e-9)
    assert found.rest[0] == pytest.approx(rest, abs=1e-9)
    assert found.weight.sum() + found.rest[0] == pytest.approx(1.0, abs=1e-12)


def test_where_nothing_has_ended_everything_is_left_to_the_readings() -> None:
    now = goals(np.zeros((2, 4)), np.zeros(2), np.ones(2), ["a", "b"], ["u", "u"], np.full(2, 300.0))
    assert ends(NONE, now, np.zeros(2, dtype=np.int64), np.zeros(2)).rest.tolist() == [1.0, 1.0]
    assert len(references(now, 200.0).end) == 0


def test_a_team_brings_what_it_brings_however_far_the_target() -> None:
    """Ten sprints brought 30 points of 30; now 60 are asked, and the same points are half the way."""
    past = goals(
        np.zeros((10, 4)), np.ones(10), np.full(10, 30.0), ["a"] * 10, ["points"] * 10, np.arange(100.0, 110.0)
    )
    now = goals(np.zeros((1, 4)), np.zeros(1), np.array([60.0]), ["a"], ["points"], np.array([300.0]))
    known = references(past, 200.0)
    own = ends(known, now, np.zeros(1, dtype=np.int64), np.zeros(1))
    assert own.exceedance(np.array([0.5]))[0] - own.exceedance(np.array([0.51]))[0] > 0.5
    other = ends(known, replace(now, team=np.array(["b"], dtype=np.object_)), np.zeros(1, dtype=np.int64), np.zeros(1))
    assert other.exceedance(np.array([1.0]))[0] == pytest.approx(10 / (10 + ABOVE))


@pytest.mark.parametrize(("end", "brought"), [(0.9, 1.0), (1.0, 1.0), (1.2, 1.2), (0.3, 0.9)])
def test_past_its_target_a_team_goes_on_as_far_as_it_went_past_others(end: float, brought: float) -> None:
    """30 points were asked, now 10 are: what is brought beyond is no more than that share beyond 30."""
    past = goals(
        np.zeros((10, 4)), np.full(10, end), np.full(10, 30.0), ["a"] * 10, ["points"] * 10, np.arange(100.0, 110.0)
    )
    now = goals(np.zeros((1, 4)), np.zeros(1), np.array([10.0]), ["a"], ["points"], np.array([300.0]))
    own = ends(references(past, 200.0), now, np.zeros(1, dtype=np.int64), np.zeros(1))
    assert own.point[0, :10].tolist() == pytest.approx([brought] * 10)


def test_goals_that_end_on_one_day_count_as_few() -> None:
    same, apart = (discounted(np.ones((1, 8)), days).sum() for days in (np.full(8, 5.0), np.arange(8.0)))
    assert same == pytest.approx(8 / (1 + ALIKE * 7))
    assert apart == 8.0


def test_the_latest_speak_and_those_of_one_day_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 4)
    n = 12
    past = goals(
        np.zeros((n, 4)), np.arange(n) / n, np.ones(n), ["a"] * n, ["u"] * n, np.repeat([100.0, 110.0, 120.0], 4)
    )
    assert references(past, 200.0).ended.tolist() == [120.0] * 4
    assert references(past, 115.0).ended.tolist() == [110.0] * 4
