"""What futures draw for the weeks of a team: compiled and with NumPy the same, to the bit."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from koers.engine import luck, mill_luck
from koers.engine.capacity import Organisation
from koers.engine.groups import WIDTH
from koers.engine.luck import Fill, Known, Luck, at_rest, common, draw_for, rates
from tests.engine.worlds import random_organisation

ANY = st.integers(0, 2**32 - 1)


def drawn(org: Organisation, seed: int, futures: range, fill: Fill) -> Luck:
    """The draws of every team."""
    teams, none = np.arange(len(org.teams.key)), np.arange(0)
    size, rest = np.ones((len(teams), len(futures))), at_rest(org, len(futures))
    known = Known(size, rates(org, seed, futures), rest, common(org, seed, futures))
    return draw_for(org, teams, none, none, seed, futures, known, fill)


def assert_same_draws(org: Organisation, seed: int, futures: range) -> None:
    compiled, plain = (drawn(org, seed, futures, fill) for fill in (mill_luck.fill, luck.fill))
    for name in ("word", "bin", "scale"):
        np.testing.assert_array_equal(getattr(compiled, name), getattr(plain, name), name)


def in_weeks(world: int, first: int, weeks: int, now: int) -> Organisation:
    """An organisation in so many weeks from the one numbered `first`, with a belief about one of them."""
    org = random_organisation(world)
    return replace(org, calendar=replace(org.calendar, weeks=7 * (first + np.arange(weeks)) - 3, now=now))


@given(ANY, ANY, st.integers(0, 3_000), st.integers(1, 2 * WIDTH + 37), st.integers(0, 4_000), st.integers(0, 9))
@settings(max_examples=60)
@example(3, 1, 7, WIDTH + 1, 2_900, 5)
def test_compiled_and_plain_draws_are_the_same(
    world: int, seed: int, first: int, futures: int, week: int, now: int
) -> None:
    org = in_weeks(world, week, now + 1 + world % 6, now)
    assert_same_draws(org, seed, range(first, first + futures))


def test_weeks_in_the_wrong_order_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a level that goes on from the wrong one of two weeks."""
    org = in_weeks(3, 2_900, 9, 4)
    assert_same_draws(org, 1, range(9))
    monkeypatch.setattr(luck, "pairwise", lambda level: [(after, before) for before, after in pairwise(level)])
    with pytest.raises(AssertionError):
        assert_same_draws(org, 1, range(9))
