"""Rules on what is said anew. What a log holds already was said under the rules of its day and stays readable.

Models check these rules wherever they are made, except when a stored event is read (context `STORED`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import AfterValidator, ValidationInfo
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from datetime import date

STORED = {"stored": True}
"""Validation context of an event that a log holds."""

SATURDAY, SUNDAY = 5, 6
MOST_PEOPLE = 100_000
MOST_ITEM_DAYS = 10_000
MOST_INITIATIVE_DAYS = 1_000_000
MOST_WEEK_DAYS = 7 * MOST_PEOPLE


def broken_rule(column: str, message: str) -> PydanticCustomError:
    """A rule between fields that does not hold; `column` is the field a person would change."""
    return PydanticCustomError("rule", "{message}", {"message": message, "column": column})


def is_stored(info: ValidationInfo) -> bool:
    """Whether what is validated comes out of a log."""
    return info.context is STORED


def at_most(limit: float, what: str) -> AfterValidator:
    """A field that is refused above `limit`; `what` says of what and in which unit that is."""

    def check(value: float, info: ValidationInfo) -> float:
        if value > limit and not is_stored(info):
            name = str(info.field_name)
            raise broken_rule(name, f"{name} {value:,.15g} is above {limit:,}, {what}: is it in another unit?")
        return value

    return AfterValidator(check)


def check_absence(first: date, until: date, days: float, people: float = MOST_PEOPLE) -> None:
    """Refuse an absence that ends before it begins, in which nobody works, or that `people` are too few to miss.

    Public holidays are not known here, so any day from Monday to Friday is one of work. Raises a broken rule.
    """
    if until < first:
        raise broken_rule("until", f"until {until} lies before the first day {first}")
    if days > 0 and first.weekday() >= SATURDAY and (until - first).days <= SUNDAY - first.weekday():
        raise broken_rule("from", f"from {first} until {until} holds no morning, only a weekend: name other days")
    most = people * ((until - first).days + 1)
    if days > most:
        told = f"{people:,.10g} people can miss from {first} to {until} ({most:,.10g} person-days)"
        raise broken_rule("days", f"days {days:,.10g} are more than {told}: write person-days of the whole team")
