"""Counts of a real help desk one week ahead, every third week of those that `benchmarks/run_work.py` forecasts."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from scipy import special

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "run_work.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_work", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rows(benchmark: ModuleType, shared_data: Path) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = benchmark.forecasts(benchmark.read(shared_data / "tickets"), "IT", weeks=63)
    return found


def test_the_80_percent_interval_covers_80_percent(benchmark: ModuleType, rows: dict[str, list[Any]]) -> None:
    low, _, high = benchmark.judged(rows)["coverage80"]
    assert low <= 0.8 <= high


def test_the_log_score_beats_that_of_independent_weeks(benchmark: ModuleType, rows: dict[str, list[Any]]) -> None:
    gain = benchmark.judged(rows)["gain"]
    for name in ("Poisson, all weeks", "Poisson, 52 weeks", "negative binomial, all weeks"):
        assert gain[name][0] > 0, name


def test_a_forecast_half_as_wide_is_found_to_cover_too_little(
    benchmark: ModuleType, rows: dict[str, list[Any]]
) -> None:
    narrow = [row._replace(below=_pushed(row.below), upto=_pushed(row.upto)) for row in rows["koers"]]
    assert benchmark.interval(benchmark.covered(narrow))[2] < 0.8


def _pushed(rank: float) -> float:
    """Where a normal law of half the width has the value that ranks so in the right one."""
    return float(special.ndtr(2 * special.ndtri(min(max(rank, 0.0), 1.0))))
