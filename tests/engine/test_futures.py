"""How futures are read."""

from __future__ import annotations

import numpy as np
from scipy import special, stats

from koers.engine.futures import student


def test_the_table_of_student_t_is_exact_enough() -> None:
    df = np.array([2.0, 4.0, 4.0, 9.5])
    t = np.random.default_rng(0).standard_t(2, (4, 5_000)) * 5
    inside = np.abs(t) < 40
    found, slope = student(df, t)
    exact = special.stdtr(df[:, None], t)
    assert np.abs(found - exact)[inside].max() < 2e-6
    assert np.abs(found - exact).max() < 1e-3
    assert np.abs(slope - stats.t.pdf(t, df[:, None]))[inside].max() < 2e-3
