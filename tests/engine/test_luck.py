"""What futures draw for the weeks of a team: compiled and with NumPy the same, to the bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from koers.engine import luck, mill_luck
from koers.engine.capacity import Organisation
from koers.engine.groups import WIDTH
from koers.engine.luck import Fill, Known, Luck, at_rest, common, draw_for
from tests.engine.worlds import random_organisation

ANY = st.integers(0, 2**32 - 1)


def drawn(org: Organisation, seed: int, futures: range, fill: Fill) -> Luck:
    """The draws of every team."""
    teams, none = np.arange(len(org.teams.key)), np.arange(0)
    known = Known(np.ones((len(teams), len(futures))), at_rest(org, len(futures)), common(org, seed, futures))
    return draw_for(org, teams, none, none, seed, futures, known, fill)


@given(ANY, ANY, st.integers(0, 3_000), st.integers(1, 2 * WIDTH + 37), st.integers(0, 4_000), st.lists(st.none()))
@settings(max_examples=60)
@example(3, 1, 7, WIDTH + 1, 2_900, [None] * 5)
def test_compiled_and_plain_draws_are_the_same(
    world: int, seed: int, first: int, futures: int, monday: int, before: list[None]
) -> None:
    org, weeks = random_organisation(world), len(before) + 1 + world % 6
    org = replace(org, calendar=replace(org.calendar, weeks=7 * (monday + np.arange(weeks)) - 3, now=len(before)))
    compiled, plain = (drawn(org, seed, range(first, first + futures), fill) for fill in (mill_luck.fill, luck.fill))
    for name in ("word", "bin", "scale"):
        np.testing.assert_array_equal(getattr(compiled, name), getattr(plain, name), name)


def test_a_week_in_the_wrong_order_would_be_seen() -> None:
    """The control: were weeks before the first drawn from those after it, levels would differ."""
    org = random_organisation(3)
    weeks = 7 * (2_900 + np.arange(9)) - 3
    here, later = (replace(org, calendar=replace(org.calendar, weeks=weeks, now=now)) for now in (4, 5))
    one, other = (drawn(org, 1, range(9), mill_luck.fill).scale for org in (here, later))
    assert not np.array_equal(one, other)
