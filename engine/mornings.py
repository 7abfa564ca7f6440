"""The mornings to come, and who is there: business days, people as they come, go and learn, and absence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Any

import numpy as np
from scipy import special

from koers.engine.capacity import CELLS, Calendar, Floats
from koers.events.errors import KoersError

COUNTRY = "NL"
RAMP_UP = 182
"""Calendar days until somebody new contributes in full, from nothing: the middle of 3 to 9 months (survey)."""
ABSENCE = 0.05
"""Share of people away unplanned: sick leave in the Netherlands was 5.2 to 5.6 % in 2022-2024 (CBS)."""
EPOCH = date(1970, 1, 1)


def number_of(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def mornings(after: date, until: date, country: str = COUNTRY) -> list[date]:
    """Business days in (after, until], ascending: no weekends, no public holidays of `country` (ISO 3166 code).

    None where `until` is not after `after`. Raises KoersError for a country whose holidays are not known.
    """
    free = frozenset[date]().union(*(_holidays(country, year) for year in range(after.year, until.year + 1)))
    days = (after + timedelta(days=n) for n in range(1, (until - after).days + 1))
    return [day for day in days if day.weekday() < 5 and day not in free]


@cache
def _holidays(country: str, year: int) -> frozenset[date]:
    known = _country(country.strip().upper())
    if known is None:
        raise KoersError(
            f"country {country!r}: its public holidays are not known; name it by its ISO 3166 code, such as {COUNTRY}"
        )
    return frozenset(known(years=year))


@cache
def _country(code: str) -> Any:  # noqa: ANN401
    """The class of a country's holidays, None where there is none; without its package, which loads those of all."""
    from holidays.registry import COUNTRIES  # loads in a twentieth of a second: only where mornings are asked for

    module, name = next(((module, name) for module, (name, *codes) in COUNTRIES.items() if code in codes), (None, ""))
    package = find_spec("holidays.countries")
    if module is None or package is None:
        return None
    spec = PathFinder.find_spec(f"{package.name}.{module}", package.submodule_search_locations)
    if spec is None or spec.loader is None:
        return None
    alone = module_from_spec(spec)
    spec.loader.exec_module(alone)
    return getattr(alone, name)


def calendar_of(days: Sequence[date], as_of: date) -> Calendar:
    """The calendar of ascending mornings, before and after `as_of`; it holds the week of the day after that."""
    day = np.array([number_of(d) for d in days], dtype=np.int64)
    monday = day - (day + 3) % 7
    now = number_of(as_of) + 1 - (number_of(as_of) + 4) % 7
    weeks = np.arange(min(now, monday.min(initial=now)), max(now, monday.max(initial=now)) + 1, 7)
    week = (monday - weeks[0]) // 7
    return Calendar(day=day, week=week, weeks=weeks, weekday=(day + 3) % 7, now=int(now - weeks[0]) // 7)


def joined(first: Calendar, then: Calendar, count: int) -> Calendar:
    """The first `count` mornings of one calendar, and all of one that goes on from there; `now` is the first's."""
    day = np.concatenate([first.day[:count], then.day])
    weeks = np.arange(first.weeks[0], max(first.weeks[-1], then.weeks[-1]) + 1, 7)
    monday = day - (day + 3) % 7
    return Calendar(day=day, week=(monday - weeks[0]) // 7, weeks=weeks, weekday=(day + 3) % 7, now=first.now)


def effective_people(rows: Sequence[tuple[date, float]], days: Sequence[date], ramp_up: int = RAMP_UP) -> Floats:
    """Effective people by morning, (day,): those in `rows` (from a day on; ascending), less ramp-up.

    People are new where a team grows beyond its largest size of the last `ramp_up` days; its first size is not new.
    Who leaves is a cross-section of the team.
    """
    cohorts: list[tuple[date | None, float]] = []  # (since when, people); None: fully ramped up
    people = np.zeros(len(days))
    for n, (since, size) in enumerate(rows):
        before = sum(count for _, count in cohorts)
        recent = [s for d, s in rows[:n] if d > since - timedelta(days=ramp_up)]
        held = [s for d, s in rows[:n] if d <= since - timedelta(days=ramp_up)][-1:]
        known = max([*recent, *held], default=size)
        if size < before:
            cohorts = [(start, count * size / before) for start, count in cohorts]
        else:
            new = min(max(size - known, 0.0), size - before)
            cohorts += [(None, size - before - new), (since, new)]
        until = rows[n + 1][0] if n + 1 < len(rows) else date.max
        for column, day in enumerate(days):
            if since <= day < until:
                people[column] = sum(count * _ramped(start, day, ramp_up) for start, count in cohorts)
    return people


def _ramped(since: date | None, day: date, ramp_up: int) -> float:
    if since is None or ramp_up <= 0:
        return 1.0
    return min((day - since).days / ramp_up, 1.0)


def planned_absence(
    absences: Iterable[tuple[date, date, float]], days: Sequence[date], country: str = COUNTRY
) -> Floats:
    """Person-days of planned absence by morning, (day,): each (since, until, days) spread over its mornings."""
    away = np.zeros(len(days))
    for first, until, missed in absences:
        spread = set(mornings(first - timedelta(days=1), until, country))
        if spread:
            away += np.array([day in spread for day in days], dtype=np.float64) * (missed / len(spread))
    return away


def unplanned_absence(people: float) -> Floats:
    """Share of a team away for a week, (cell,): beta with mean ABSENCE, as spread as that of so many people."""
    size = max(people, 1.0)
    middle = (np.arange(CELLS) + 0.5) / CELLS
    cells: Floats = special.betaincinv(ABSENCE * size, (1 - ABSENCE) * size, middle)
    scaled: Floats = cells * (ABSENCE / cells.mean())
    return scaled
