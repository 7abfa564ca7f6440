"""A forecast as of a day rests on nothing later: it equals the forecast on tables that end on that day."""

import math
from datetime import date, timedelta
from pathlib import Path

import pytest

from koers.engine.forecast import Forecast, KeyResultForecast, forecast
from koers.events.log import EventLog
from tests.real_goals import cut, imported

DAYS = [date(2021, 7, 1), date(2021, 9, 30), date(2021, 11, 15), date(2022, 1, 2), date(2022, 4, 10)]


@pytest.fixture(scope="module")
def tables(shared_data: Path) -> Path:
    return shared_data / "vaccination"


@pytest.fixture(scope="module")
def whole(tables: Path) -> EventLog:
    return imported(tables)


def difference(one: Forecast, other: Forecast) -> float:
    """The largest difference of any number of any key result; infinite if they speak of other key results."""
    if [item.key_result for item in one.key_results] != [item.key_result for item in other.key_results]:
        return math.inf
    return max(
        abs(a - b)
        for mine, theirs in zip(one.key_results, other.key_results, strict=True)
        for a, b in zip(numbers(mine), numbers(theirs), strict=True)
    )


def numbers(item: KeyResultForecast) -> list[float]:
    found = [*item.quantiles.values(), item.probability, item.probability_counts, item.expected_score]
    return [value for value in found if value is not None]


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_the_forecast_as_of_a_day_equals_the_one_on_tables_cut_off_there(
    tables: Path, whole: EventLog, day: date, tmp_path: Path
) -> None:
    on_cut = forecast(imported(cut(tables, day, tmp_path / "cut")), day)
    assert len(on_cut.key_results) > 40
    assert difference(forecast(whole, day), on_cut) <= 1e-12


def test_tables_cut_a_week_too_early_give_another_forecast(tables: Path, whole: EventLog, tmp_path: Path) -> None:
    short = imported(cut(tables, DAYS[2] - timedelta(days=7), tmp_path / "short"))
    assert difference(forecast(whole, DAYS[2]), forecast(short, DAYS[2])) > 1e-3
