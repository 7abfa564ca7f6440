"""Whole paths of key results: compiled as in SimPy, and in distribution as the probabilities that are given out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from koers.engine.capacity import Floats, Organisation
from koers.engine.coupled import Coupled, couple
from koers.engine.elasticity import PRIOR
from koers.engine.futures import KNOTS, AtDue, Setting, elasticities, own_scale, reached, usual_effort
from koers.engine.local_trend import Settings, State, Step, advance, step
from koers.engine.luck import at_rest, draw, sizes
from koers.engine.motion import KNOTS as SIGMAS
from koers.engine.motion import Motion, motion, noise
from koers.engine.pace import DEFAULT
from koers.engine.paths import paths
from koers.engine.projections import goals, readings
from koers.engine.reference import play
from koers.engine.reference_paths import Walk
from koers.engine.replay import replay
from koers.engine.student import distribution
from koers.events.model import CapacitySet, CheckedIn, CycleOpened, Event, KeyResultSet, Payload, TeamFormed, end_of
from tests.engine.worlds import random_organisation

START, DUE, AS_OF = date(2025, 7, 1), date(2025, 9, 30), date(2025, 8, 15)


def made_up(org: Organisation, rng: np.random.Generator) -> tuple[Setting, Motion]:
    """Beliefs about key results that fit nothing, for comparing two executions."""
    count, days = len(org.key_results.key), len(org.calendar.day)
    ones = np.ones(count)
    mean, scale, threshold = rng.uniform(0.5, 1, (3, count))
    at = AtDue(mean, scale, 4 * ones, threshold, threshold, np.nan * ones, 0 * ones)
    setting = Setting(
        organisation=org,
        at_due=at,
        usual=rng.uniform(0.1, 3, (len(KNOTS), count)),
        typical=rng.uniform(0.1, 3, count),
        elasticity=PRIOR,
        most=rng.uniform(0.3, 1, count),
        assumed=np.nan * ones,
        own=np.linspace(1, 0.5, len(PRIOR))[:, None] * at.scale,
        shift=np.zeros((2, len(PRIOR), count)),
        scatter=np.zeros((count, 1)),
    )
    steps = step(rng.uniform(0, 0.05, (count, days + 1)), Settings.of(DEFAULT))
    moving = Motion(
        on_trend=np.ones(count, dtype=np.bool_),
        level=rng.normal(0.4, 0.2, count),
        slope=rng.normal(1, 0.5, count),
        first=rng.uniform(0, 1, (count, 3)),
        sigma=np.log(0.1) + 0.1 * np.tile(SIGMAS, (count, 1)),
        drift=0.7,
        reading=0.1,
        step=steps,
    )
    return setting, moving


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_paths_in_simpy_and_compiled_agree(world: int, seed: int) -> None:
    org = random_organisation(world)
    setting, moving = made_up(org, np.random.default_rng(world))
    found = paths(setting, moving, seed, range(2, 4), at_rest(org, 2), keep=True)
    for n in (0, 1):
        own = range(2 + n, 3 + n)
        walk = Walk(
            setting,
            moving,
            noise(seed, org.key_results.key, org.calendar.day, org.key_results.due, own.start),
            float(elasticities(setting, seed, own)[0]),
            usual_effort(org, setting.usual, sizes(org, seed, own))[:, 0],
            own_scale(setting, elasticities(setting, seed, own))[:, 0] / setting.at_due.scale,
        )
        play(org, draw(org, seed, own), extra=[walk.process])
        np.testing.assert_allclose(found.end[:, n], walk.end, rtol=1e-9, atol=1e-9)
        told = np.reshape(walk.progress, (len(org.calendar.day), len(walk.end))).T
        np.testing.assert_allclose(found.progress[:, :, n], told, rtol=1e-9, atol=1e-9)


def small_log() -> list[Event]:
    """Two teams, three key results each, half-way, at paces that differ."""
    found: list[Event] = []

    def add(subject: str, day: date, data: Payload) -> None:
        at = min(end_of(day), datetime(2025, 8, 15, 12, tzinfo=UTC))
        found.append(
            Event(id=f"e{len(found)}", subject=subject, effective_on=day, recorded_at=at, actor="a", data=data)  # type: ignore[arg-type]
        )

    rng = np.random.default_rng(3)
    add("cycle/q", START, CycleOpened(start=START, end=DUE))
    for team in ("a", "b"):
        add(f"team/{team}", START, TeamFormed())
        add(f"team/{team}", START, CapacitySet(people=6.0))
        for n in range(3):
            name = f"{team}{n}"
            made = KeyResultSet(
                title=name, team=team, cycle="q", unit="count", kind="metric", direction="increase", baseline=0.0,
                target=100.0, start=START, due=DUE,
            )  # fmt: skip
            add(f"kr/{name}", START, made)
            for week in range(1, 7):
                value = float(week * (4 + 2 * n) + rng.normal(0, 3))
                add(f"kr/{name}", START + timedelta(weeks=week), CheckedIn(value=value))
    return found


@pytest.fixture(scope="module")
def coupled() -> tuple[Coupled, Motion]:
    frames = replay(small_log(), AS_OF, end_of(AS_OF))
    table, values = goals(frames), readings(frames)
    found = couple(frames, table, values, AS_OF, samples=10_000)
    assert found is not None
    bare = replace(found, setting=replace(found.setting, shift=np.zeros_like(found.setting.shift)))
    calendar = found.setting.organisation.calendar
    return bare, motion(found.goals, values, found.taught, found.staff.as_of, calendar)


def deviates(found: Coupled, moving: Motion) -> Floats:
    """How far the share of paths that reach the target is from the mean probability, in standard errors."""
    chunk = range(10_000)
    ends = paths(found.setting, moving, found.seed, chunk, found.now).end
    _, gain, e = found.futures(chunk)
    chance = reached(found.setting, gain, e)
    met = ends >= found.setting.at_due.threshold[:, None]
    # The same futures: what is left between the two is the key results' own noise.
    error = np.sqrt((chance * (1 - chance)).mean(axis=1) / len(chunk))
    return np.asarray((met.mean(axis=1) - chance.mean(axis=1)) / error)


def test_paths_reach_targets_as_often_as_the_probabilities_say(coupled: tuple[Coupled, Motion]) -> None:
    """false_fail 6e-5 (six key results, 4.4 standard errors each); the controls fail by far more."""
    found, moving = coupled
    assert np.abs(deviates(found, moving)).max() < 4.4
    slower = moving._replace(level=moving.level - 0.05)
    calmer = moving._replace(sigma=moving.sigma - 0.4)
    for wrong in (slower, calmer):
        assert np.abs(deviates(found, wrong)).max() > 8


def test_a_step_is_what_the_filter_expects() -> None:
    """Mean and variance of the state after a step, against `advance`."""
    h = Settings.of(DEFAULT)
    dt = np.array([0.0, 1e-4, 0.01, 0.3, 2.0])
    made: Step = step(dt, h)
    then = advance(State(*(np.full(5, x) for x in (0.2, 1.5, 0.0, 0.0, 0.0, 1.0))), dt, h)
    np.testing.assert_allclose(0.2 + made.ahead + made.reach * (1.5 - h.drift), then.level)
    np.testing.assert_allclose(h.drift + made.kept * (1.5 - h.drift), then.slope)
    np.testing.assert_allclose(made.noise_level**2, then.var_level, atol=1e-15)
    np.testing.assert_allclose(made.noise_level * made.noise_both, then.cov, atol=1e-15)
    np.testing.assert_allclose(made.noise_both**2 + made.noise_slope**2, then.var_slope, atol=1e-15)


def test_the_table_of_student_t_is_exact_enough() -> None:
    df = np.array([2.0, 4.0, 4.0, 9.5])
    t = np.random.default_rng(0).standard_t(2, (4, 5_000)) * 5
    inside = np.abs(t) < 40
    exact = special.stdtr(df[:, None], t)
    found, slope = distribution(df, t)
    assert np.abs(found - exact)[inside].max() < 2e-6
    assert np.abs(found - exact).max() < 1e-3
    rise = (special.stdtr(df[:, None], t + 1e-4) - special.stdtr(df[:, None], t - 1e-4)) / 2e-4
    assert np.abs(slope - rise)[inside].max() < 2e-3
