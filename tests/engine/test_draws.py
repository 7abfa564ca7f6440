"""Named draws: against the definition in whole numbers of Python, and the laws of what is drawn.

False alarms, were the seed drawn anew: below 1e-4 for each test that asks a statistic.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from koers.engine.draws import FIRST, FUTURE, MOMENT, SECOND, normals, stream, successive_normals, words

FUTURES = np.arange(40_000)
KEY = stream(7, "level", "team")
COUNTERS = st.integers(0, 2**40)


def mixed(z: int) -> int:
    """The finalizer of SplitMix64."""
    for shift, factor in ((30, FIRST), (27, SECOND)):
        z = (z ^ z >> shift) * factor % 2**64
    return z ^ z >> 31


def test_the_finalizer_is_that_of_splitmix64() -> None:
    """The first outputs from seed 0, as published with the reference implementation."""
    assert [f"{mixed(n * FUTURE % 2**64):x}" for n in (1, 2)] == ["e220a8397b1dcdaf", "6e789e6aa1b965f4"]


@given(st.integers(0, 2**64 - 1), COUNTERS, COUNTERS)
def test_words_are_the_definition(key: int, replication: int, when: int) -> None:
    base = mixed((key + replication * FUTURE) % 2**64)
    assert int(words(key, replication, when)) == mixed((base + when * MOMENT) % 2**64)


@given(st.integers(0, 5_000), st.integers(1, 12), st.integers(0, 11))
def test_a_draw_does_not_depend_on_what_is_drawn_with_it(first: int, count: int, at: int) -> None:
    at %= count
    some = np.array([3, 900])
    together = successive_normals(KEY, np.arange(1_000), first + np.arange(count))
    np.testing.assert_array_equal(together[at, some], successive_normals(KEY, some, np.array([first + at]))[0])


def test_successive_normals_are_normal() -> None:
    found = successive_normals(KEY, FUTURES, np.arange(50, 58))
    assert [stats.kstest(row, "norm").pvalue > 1e-6 for row in found] == [True] * 8
    assert found.mean() == pytest.approx(0.0, abs=4.5 / np.sqrt(found.size))
    assert found.var() == pytest.approx(1.0, abs=4.5 * np.sqrt(2 / found.size))
    assert stats.kstest(normals(KEY, FUTURES, 0) * 1.05, "norm").pvalue < 1e-6  # the control


def correlated(rows: NDArray[np.float64]) -> float:
    """The largest correlation of two rows, in standard errors."""
    found = np.corrcoef(rows) * np.sqrt(rows.shape[1])
    return float(np.abs(found[~np.eye(len(rows), dtype=np.bool_)]).max())


def test_weeks_do_not_know_of_each_other() -> None:
    rows = successive_normals(KEY, FUTURES, np.arange(50, 62))
    other = successive_normals(stream(7, "level", "other"), FUTURES, np.arange(50, 62))
    assert correlated(np.concatenate([rows, other, rows**2 - 1])) < 5.5
    assert correlated(np.concatenate([rows, rows[:1] + 0.06 * rows[1:2]])) > 5.5  # the control


def test_successive_normals_have_mean_0_and_variance_1_exactly() -> None:
    """All 65,536 values, as often as another: from so many draws that none is left out."""
    values, seen = np.unique(successive_normals(KEY, np.arange(400_000), np.arange(8)), return_counts=True)
    assert len(values) == 1 << 16
    assert values.mean() == pytest.approx(0.0, abs=1e-12)
    assert values.var() == pytest.approx(1.0, abs=1e-12)
    assert stats.chisquare(seen).pvalue > 1e-6
