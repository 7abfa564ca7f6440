"""The model in SimPy, compiled, and with NumPy: fed the same draws they agree path by path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from koers.engine import kernel, lanes
from koers.engine.capacity import POLICIES, Organisation
from koers.engine.groups import WIDTH, Group
from koers.engine.kernel import COLUMNS, Futures, Mill
from koers.engine.luck import Luck, Start, draw, fill
from koers.engine.reference import Simulation, play
from tests.engine.worlds import random_organisation

ANY = st.integers(0, 2**32 - 1)


def close(one_: ArrayLike, other: ArrayLike, what: str = "") -> None:
    np.testing.assert_allclose(np.asarray(one_, float), np.asarray(other, float), rtol=1e-9, atol=1e-9, err_msg=what)


def one(luck: Luck, n: int) -> Luck:
    """The draws of one future."""
    start = Start._make(part[..., n : n + 1] for part in luck.start)
    return Luck._make((start, *(part[..., n : n + 1] for part in luck[1:])))


def assert_same(futures: Futures, n: int, sim: Simulation, org: Organisation) -> None:
    shape = (len(org.teams.key), len(org.calendar.day))
    days = [day._asdict() for team in sim.teams for day in team.days]
    for q, name in enumerate(COLUMNS):
        close(futures.days[:, :, q, n], np.reshape([day[name] for day in days], shape), name)
    close(futures.shares[..., n], np.reshape([day["share"] for day in days], shape))
    effort = np.reshape(sim.portfolio.effort, (len(org.calendar.day), len(org.key_results.key))).T
    close(futures.goal_days[..., n], effort)
    close(futures.effort[:, n], (effort * org.key_results.pace).sum(axis=1))
    close(futures.landed[:, n], sim.portfolio.landed)
    assert futures.broken[:, n].tolist() == sim.broken_on
    assert futures.finished[:, n].tolist() == sim.portfolio.finished_on


def assert_equal(one_: Futures, other: Futures) -> None:
    for name in Futures._fields:
        close(getattr(one_, name), getattr(other, name), name)


def with_mill(mill: Mill, org: Organisation, luck: Luck) -> Futures:
    """As `kernel.follow`, through another mill."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "machine", lambda: (fill, mill))
        return kernel.follow(org, luck, weekly=1_000, detail=True)


@given(ANY, ANY)
@settings(max_examples=80)
@example(0, 0)
def test_reference_and_kernel_agree_path_by_path(world: int, seed: int) -> None:
    org = random_organisation(world)
    luck = draw(org, seed, range(3), begun_anywhere(org, world))
    compiled, plain = kernel.follow(org, luck, weekly=1_000, detail=True), with_mill(lanes.mill, org, luck)
    assert_equal(compiled, plain)
    for n in range(3):
        assert_same(compiled, n, play(org, one(luck, n)), org)


def begun_anywhere(org: Organisation, seed: int, futures: int = 3) -> Start:
    """Starts with some backlog, policies that have tripped or wait, and guardrails that are broken."""
    rng = np.random.default_rng([seed, 2])
    shape = (len(org.teams.key), futures)
    return Start(
        backlog=rng.choice([0.0, 2.0, 15.0], shape),
        run_share=rng.random(shape),
        tripped=rng.choice([0, POLICIES.index("buffer"), POLICIES.index("threshold")], shape),
        waiting=rng.integers(0, 4, shape),
        broken=rng.random((len(org.guardrails.key), futures)) < 0.5,
        standing=rng.choice([0.0, -4.0, 6.0], shape),
    )


@pytest.mark.parametrize("world", [3, 8, 21])
def test_compiled_and_plain_agree_over_full_and_broken_blocks_of_futures(world: int) -> None:
    org = random_organisation(world)
    luck = draw(org, 5, range(2 * WIDTH + 37))
    assert_equal(kernel.follow(org, luck, weekly=1_000, detail=True), with_mill(lanes.mill, org, luck))


def a_day_late(records: Any) -> Any:  # noqa: ANN401
    return np.concatenate([records[..., :1], records[..., :-1]], axis=-1)


def edited(records: Any, **fields: Callable[[Any], Any]) -> Any:  # noqa: ANN401
    """Records with some fields changed."""
    found = records.copy()
    for name, change in fields.items():
        found[name] = change(found[name])
    return found


DEFECTS: dict[str, Callable[[Group], Group]] = {
    "presence a day late": lambda g: g._replace(presence=a_day_late(g.presence)),
    "policy a day late": lambda g: g._replace(presence=edited(g.presence, kind=a_day_late, share=a_day_late)),
    "the calendar a day late": lambda g: g._replace(morning=a_day_late(g.morning)),
    "the weekday a day late": lambda g: g._replace(morning=edited(g.morning, weekday=a_day_late)),
    "claims a day late": lambda g: g._replace(claim=a_day_late(g.claim)),
    "pace a day late": lambda g: g._replace(pace=a_day_late(g.pace)),
    "initiatives begin a day late": lambda g: g._replace(plan=edited(g.plan, start=lambda day: day + 1)),
    "lag a day longer": lambda g: g._replace(plan=edited(g.plan, lag=lambda days: days + 1)),
    "overdue a day later": lambda g: g._replace(team=edited(g.team, overdue_after=lambda days: days + 1)),
    "buffer a day longer": lambda g: g._replace(presence=edited(g.presence, days=lambda days: days + 1)),
    "age a day longer": lambda g: g._replace(rail=edited(g.rail, upper=lambda upper: upper + 1)),
    "one initiative more at a time": lambda g: g._replace(team=edited(g.team, wip_limit=lambda limit: limit + 1)),
    "nobody waits for an initiative": lambda g: g._replace(needs=np.zeros_like(g.needs)),
}


@pytest.mark.parametrize("what", DEFECTS)
def test_a_planted_defect_makes_the_executions_differ(what: str) -> None:
    """Each must be seen in some of fifty worlds; the seeds are fixed."""
    spoilt = DEFECTS[what]
    assert any(differs(world, lambda g, luck, out, mark: lanes.mill(spoilt(g), luck, out, mark)) for world in range(50))


def test_without_a_planted_defect_the_same_worlds_agree() -> None:
    assert not any(differs(world, lanes.mill) for world in range(50))


def differs(world: int, mill: Mill) -> bool:
    """Whether this mill tells one future otherwise than the reference does."""
    org = random_organisation(world)
    luck = draw(org, world, range(1))
    try:
        assert_same(with_mill(mill, org, luck), 0, play(org, luck), org)
    except AssertionError:
        return True
    return False
