"""How futures are read: Student-t from a table, and where rising functions are 0."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from scipy.optimize import brentq

from koers.engine.capacity import Floats
from koers.engine.futures import root, student


def test_the_table_of_student_t_is_exact_enough() -> None:
    df = np.array([2.0, 4.0, 4.0, 9.5])
    t = np.random.default_rng(0).standard_t(2, (4, 5_000)) * 5
    inside = np.abs(t) < 40
    found, slope = student(df, t)
    exact = special.stdtr(df[:, None], t)
    assert np.abs(found - exact)[inside].max() < 2e-6
    assert np.abs(found - exact).max() < 1e-3
    assert np.abs(slope - stats.t.pdf(t, df[:, None]))[inside].max() < 2e-3


def _odds(places: Floats, asked: Floats, tried: Floats) -> tuple[Floats, Floats]:
    """Of mixtures of logistic distributions around `places` (row, part): how far beyond `asked`, and the slope."""
    chance = special.expit(tried[:, None] - places)
    return chance.mean(axis=1) - asked, (chance * (1 - chance)).mean(axis=1)


@settings(max_examples=60, deadline=None)
@given(
    places=st.lists(st.lists(st.floats(-30, 30), min_size=3, max_size=3), min_size=1, max_size=5),
    level=st.floats(0.001, 0.999),
    data=st.data(),
)
def test_a_root_is_that_of_a_published_solver_whatever_else_is_asked(
    places: list[list[float]], level: float, data: st.DataObject
) -> None:
    parts = np.array(places)
    asked = np.full(len(parts), level)
    low, high = np.full(len(parts), -60.0), np.full(len(parts), 60.0)
    start = np.array(data.draw(st.lists(st.floats(-59, 59), min_size=len(parts), max_size=len(parts))))
    found = root(lambda x: _odds(parts, asked, x), start, low, high)
    assert np.abs(_odds(parts, asked, found)[0]).max() < 1e-7
    for n, row in enumerate(parts):
        one = slice(n, n + 1)
        alone = root(lambda x, one=one: _odds(parts[one], asked[one], x), start[one], low[one], high[one])  # type: ignore[misc]
        assert alone[0] == found[n]
        exact = brentq(lambda x, row=row: special.expit(x - row).mean() - level, -60, 60, xtol=1e-12)
        assert abs(special.expit(exact - row).mean() - special.expit(found[n] - row).mean()) < 1e-7


def test_what_does_not_get_to_nought_is_at_the_nearer_end() -> None:
    found = root(
        lambda x: (np.tanh(x) + np.array([2.0, -2.0]), 1 - np.tanh(x) ** 2), np.zeros(2), -np.ones(2), np.ones(2)
    )
    np.testing.assert_allclose(found, [-1.0, 1.0], atol=1e-6)
