"""Each key result on the page for leadership: its course, its numbers, and what people noted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from koers.cli.report import says, words
from koers.cli.report.names import Names
from koers.cli.report.over_time import Course, course
from koers.cli.text import Outlook, number, outlook, percent

if TYPE_CHECKING:
    from markupsafe import Markup

    from koers.cli.report.facts import Seen
    from koers.engine.forecast import KeyResultForecast

NOTES = 3
"""Notes of a key result that are shown, the latest first."""
NOTE = 280
"""Cells of a note that are shown."""
HISTORY = timedelta(days=30)
"""How long before its start the check-ins of a key result are shown."""


@dataclass(frozen=True, slots=True)
class Detail:
    """A key result: its chance in words, its course as a picture, facts by name, notes by day."""

    anchor: str
    title: str
    tone: Outlook
    said: str
    chart: Markup
    facts: tuple[tuple[str, str], ...]
    flags: tuple[str, ...]
    notes: tuple[tuple[str, str], ...]
    more: int


def details(facts: Seen, known: Names) -> Iterator[Detail]:
    """Every key result, in the order of the forecast."""
    return (detail(facts, known, item) for item in facts.forecast.key_results)


def detail(facts: Seen, known: Names, item: KeyResultForecast) -> Detail:
    """One key result of a forecast."""
    noted = [(row["effective_on"], row["note"]) for row in facts.readings[item.key_result] if row["note"]]
    notes = [(says.short_day(when), words.short(text, NOTE)) for when, text in reversed(noted)]
    kept = [(when, text) for when, text in notes if text]
    return Detail(
        anchor=known.anchor[item.key_result],
        title=known.title(item.key_result),
        tone=_tone(item),
        said=_said(facts, item),
        chart=_chart(facts, known, item),
        facts=tuple(_numbers(facts, known, item)),
        flags=tuple(_flags(item)),
        notes=tuple(kept[:NOTES]),
        more=max(len(kept) - NOTES, 0),
    )


def _tone(item: KeyResultForecast) -> Outlook:
    if item.attained is not None:
        return "likely" if item.attained else "unlikely"
    return outlook(item.probability)


def _said(facts: Seen, item: KeyResultForecast) -> str:
    """How likely it is, and since last week."""
    if item.attained is not None:
        return "Reached." if item.attained else "Missed."
    found = says.in_ten(item.probability)
    exact = "" if "chance" in found else f" ({percent(item.probability)})"
    said = f"{says.SAID[outlook(item.probability)].capitalize()}: {found}{exact}"
    was = next((chance for _, chance in facts.chances(item.key_result)[1:2]), None)
    return f"{said}; {says.points(item.probability, was)} in a week." if was is not None else f"{said}."


def _chart(facts: Seen, known: Names, item: KeyResultForecast) -> Markup:
    goal, as_of = facts.goals[item.key_result], facts.forecast.as_of
    control = item.kind == "control"
    chances = facts.chances(item.key_result)[::-1]
    it = Course(
        start=item.start,
        due=item.due,
        as_of=as_of,
        check_ins=[
            (row["effective_on"], row["value"])
            for row in facts.readings[item.key_result]
            if row["effective_on"] >= item.start - HISTORY
        ],
        target=None if control else item.target,
        limits=[goal[name] for name in ("lower", "upper") if control and goal[name] is not None],
        fan=facts.fans.get(item.key_result),
        chances=chances,
        bounds=_bounds(facts, item),
    )
    anchor = known.anchor[item.key_result]
    past = f"{len(it.check_ins)} check-ins, the last {number(item.value)}"
    weekly = ", ".join(percent(chance) for _, chance in chances[-6:])
    desc = f"{past}; {_target(facts, item)} by {says.day(item.due)}. {_expected(facts, item)} Chance by week: {weekly}."
    return course(f"{anchor}-c", f"{known.title(item.key_result)}: where it is going", desc, it)


def _bounds(facts: Seen, item: KeyResultForecast) -> tuple[float, float]:
    """What no value goes beyond, by all that is known: below nothing, or above all of a percentage."""
    known = [value for value in (item.baseline, item.target, item.value) if value is not None]
    known += [row["value"] for row in facts.readings[item.key_result]]
    high = 100.0 if item.unit.strip() == "%" and max(known) <= 100.0 else math.inf
    return (0.0 if min(known) >= 0.0 else -math.inf), high


def _target(facts: Seen, item: KeyResultForecast) -> str:
    """What is wanted."""
    unit = words.short(item.unit, 30)
    if item.kind != "control":
        return f"target {says.quantity(item.target, unit)}"
    goal = facts.goals[item.key_result]
    edges = [
        f"{said} {says.quantity(goal[name], unit)}"
        for name, said in (("lower", "at least"), ("upper", "at most"))
        if goal[name] is not None
    ]
    return f"{' and '.join(edges)} on {item.target:.0%} of days"


def _expected(facts: Seen, item: KeyResultForecast) -> str:
    """Where it may end, in a sentence."""
    if item.attained is not None or item.kind == "binary":
        return ""
    return f"In 8 of 10 futures it ends at {_range(facts, item)}."


def _range(facts: Seen, item: KeyResultForecast) -> str:
    """From where to where 8 of 10 futures end, as exactly as the way to the target deserves."""
    low, high = (item.quantiles[name] or 0.0 for name in ("q10", "q90"))
    if item.kind == "control":
        return f"{low:.0%} to {high:.0%} of days inside"
    least, most = _bounds(facts, item)
    way = abs(item.target - (item.baseline or 0.0)) or 1.0
    digits = max(0, math.ceil(-math.log10(way / 50.0)))
    return f"{number(round(max(low, least), digits))} to {number(round(min(high, most), digits))}"


def _numbers(facts: Seen, known: Names, item: KeyResultForecast) -> Iterator[tuple[str, str]]:
    unit = words.short(item.unit, 30)
    yield "Now", says.quantity(item.value, unit) if item.value is not None else "no check-in yet"
    yield "Target", _target(facts, item).removeprefix("target ")
    yield "Due", says.day(item.due)
    if item.attained is None and item.kind != "binary":
        yield "Ends at (8 in 10)", _range(facts, item)
    if item.key_result in facts.fans:
        yield "Gets there", f"about {says.day(item.reach_on)}" if item.reach_on else "not on this course"
    yield "Rests on", says.RESTS.get(item.rests_on, item.rests_on)
    yield "Owner", words.short(item.owner or "", 60) or "nobody named"
    yield "Team", known.team(item.team)
    if item.objective:
        yield "Objective", known.objective(item.objective)


def _flags(item: KeyResultForecast) -> Iterator[str]:
    if item.stale:
        yield "Check-in overdue."
    if item.warning:
        yield f"Really running the business: {words.short(item.warning, 200)}."
    if item.lost_to_run_work is not None and item.lost_to_run_work >= 0.01:
        points = f"{100 * item.lost_to_run_work:.0f}"
        yield f"Run work beyond what is usual costs {points} point{'' if points == '1' else 's'}."
