"""Where rising functions meet a value: against halving alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from koers.engine.capacity import Floats
from koers.engine.roots import met

LOW, HIGH = np.full(3, -50.0), np.full(3, 50.0)
NEAR = np.full(3, 1e-9)
values = st.floats(1e-6, 1.0 - 1e-6)


def curve(at: Floats) -> tuple[Floats, Floats]:
    """Three distribution functions, around 0, 5 and -20: a steep one, one with tails, and one that is flat at first."""
    z = (at - [0.0, 5.0, -20.0]) / [0.01, 3.0, 1.0]
    said = np.array([special.ndtr(z[0]), special.stdtr(3.0, z[1]), max(z[2], 0.0) / (1.0 + max(z[2], 0.0))])
    slope = [np.exp(-0.5 * z[0] ** 2) / np.sqrt(2 * np.pi) / 0.01]
    slope += [2.0 / (np.pi * np.sqrt(3.0) * (1.0 + z[1] ** 2 / 3.0) ** 2) / 3.0]
    return said, np.array([*slope, (z[2] > 0.0) / (1.0 + max(z[2], 0.0)) ** 2])


def halved(value: Floats) -> Floats:
    low, high = LOW, HIGH
    for _ in range(60):
        middle = (low + high) / 2
        below = curve(middle)[0] < value
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray((low + high) / 2)


@given(values, values, values, st.floats(-50.0, 50.0))
def test_it_finds_what_halving_finds_wherever_it_begins(a: float, b: float, c: float, begin: float) -> None:
    value = np.array([a, b, c])
    found = met(curve, value, LOW, HIGH, NEAR, np.full(3, begin))
    assert curve(found)[0] == pytest.approx(np.clip(value, curve(LOW)[0], curve(HIGH)[0]), abs=1e-6)
    assert found == pytest.approx(halved(value), abs=1e-3)


def test_it_needs_far_fewer_looks_than_halving() -> None:
    looks = []

    def counted(at: Floats) -> tuple[Floats, Floats]:
        looks.append(at)
        return special.stdtr(4.0, at), special.gamma(2.5) / np.sqrt(4 * np.pi) * (1 + at**2 / 4) ** -2.5

    found = met(counted, np.array([0.1, 0.5, 0.9]), LOW, HIGH, NEAR, np.zeros(3))
    assert found == pytest.approx(special.stdtrit(4.0, [0.1, 0.5, 0.9]), abs=1e-9)
    assert len(looks) < 10


def test_a_value_out_of_reach_is_told_by_the_end_that_is_nearer() -> None:
    found = met(curve, np.array([2.0, 2.0, -1.0]), LOW, HIGH, NEAR, np.zeros(3))
    assert found == pytest.approx([50.0, 50.0, -50.0], abs=1e-6)


@given(values, values, values)
def test_rows_know_nothing_of_each_other(a: float, b: float, c: float) -> None:
    """Bit for bit: how long another row takes changes nothing."""
    value = np.array([a, b, c])
    together = met(curve, value, LOW, HIGH, NEAR, np.zeros(3))
    for row in range(3):

        def alone(at: Floats, row: int = row) -> tuple[Floats, Floats]:
            said, slope = curve(np.full(3, at[0]))
            return said[row : row + 1], slope[row : row + 1]

        found = met(alone, value[row : row + 1], LOW[:1], HIGH[:1], NEAR[:1], np.zeros(1))
        assert found[0] == together[row]
