"""Mornings: business days by hand, and the laws they keep over any span."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from koers.engine.mornings import EPOCH, mornings, number_of
from koers.events.errors import KoersError

DAYS = st.dates(date(2000, 1, 1), date(2049, 12, 31))
SPANS = st.tuples(DAYS, st.integers(0, 200)).map(lambda span: (span[0], span[0] + timedelta(days=span[1])))


def test_a_week_without_holidays_has_five_mornings() -> None:
    assert mornings(date(2026, 3, 1), date(2026, 3, 8)) == [date(2026, 3, n) for n in range(2, 7)]


def test_the_first_day_is_left_out_and_the_last_is_in() -> None:
    assert mornings(date(2026, 3, 2), date(2026, 3, 3)) == [date(2026, 3, 3)]
    assert mornings(date(2026, 3, 2), date(2026, 3, 2)) == []
    assert mornings(date(2026, 3, 9), date(2026, 3, 2)) == []


def test_dutch_holidays_are_no_mornings_and_liberation_day_is_free_every_fifth_year() -> None:
    days_off = {
        date(2026, 4, 3),
        date(2026, 4, 6),
        date(2026, 4, 27),
        date(2026, 5, 14),
        date(2026, 5, 25),
    }  # Good Friday, Easter Monday, King's Day, Ascension, Whit Monday
    spring = set(mornings(date(2026, 3, 31), date(2026, 5, 31)))
    assert not spring & days_off
    assert date(2026, 5, 5) in spring
    assert date(2025, 5, 5) not in mornings(date(2025, 5, 1), date(2025, 5, 9))
    assert len(spring) == 43 - 5


def test_the_turn_of_the_year_knows_the_holidays_of_both_years() -> None:
    found = mornings(date(2025, 12, 24), date(2026, 1, 4))
    assert found == [date(2025, 12, 29), date(2025, 12, 30), date(2025, 12, 31), date(2026, 1, 2)]


def test_other_countries_have_other_mornings() -> None:
    thanksgiving, kings_day = date(2026, 11, 26), date(2026, 4, 27)
    for country in ("US", "us"):
        free = mornings(date(2026, 1, 1), date(2026, 12, 31), country)
        assert thanksgiving not in free
        assert kings_day in free


@pytest.mark.parametrize("country", ["NL", "BE", "DE", "GB", "USA", "IN", "ID", "PR"])
def test_mornings_keep_the_holidays_that_their_library_knows(country: str) -> None:
    for year in (2024, 2027):
        after, until = date(year - 1, 12, 31), date(year, 12, 31)
        days = [after + timedelta(days=n) for n in range(1, (until - after).days + 1)]
        free = holidays.country_holidays(country, years=year)
        assert mornings(after, until, country) == [day for day in days if day.weekday() < 5 and day not in free]


@pytest.mark.parametrize("country", ["XX", "", "Holland"])
def test_a_country_whose_holidays_are_not_known_is_named(country: str) -> None:
    with pytest.raises(KoersError, match=f"country '{country}': its public holidays are not known"):
        mornings(date(2026, 1, 1), date(2026, 1, 2), country)


@given(SPANS, st.integers(0, 200))
def test_mornings_of_a_span_are_those_of_its_parts(span: tuple[date, date], at: int) -> None:
    after, until = span
    middle = min(after + timedelta(days=at), until)
    assert mornings(after, until) == mornings(after, middle) + mornings(middle, until)


@given(SPANS)
def test_mornings_ascend_on_working_days_and_at_most_five_a_week(span: tuple[date, date]) -> None:
    after, until = span
    found = mornings(after, until)
    assert found == sorted(set(found))
    assert all(after < day <= until and day.weekday() < 5 for day in found)
    assert len(found) <= 5 * ((until - after).days // 7) + min((until - after).days % 7, 5)


@given(DAYS)
def test_days_are_numbered_from_1970_on(day: date) -> None:
    assert EPOCH + timedelta(days=number_of(day)) == day


def test_holidays_are_loaded_only_where_mornings_are_asked_for() -> None:
    code = "import sys; import koers.engine.mornings; sys.exit('holidays' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603
