"""Charts over time: where a key result may end and how likely it has been, and the share of running in a team."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from markupsafe import Markup

from koers.cli.report.strips import mark
from koers.cli.report.svg import WIDTH, Scale, dot, line, polygon, svg, text, ticks, trace
from koers.cli.text import number, outlook

if TYPE_CHECKING:
    from koers.engine.fan import Fan

Points = Sequence[tuple[date, float]]
LEFT, RIGHT = 44, 12
"""Margins of a chart over time."""
VALUES = 20, 148
"""Top and bottom of the values of a key result."""
CHANCES = 178, 222
"""Top and bottom of its chances."""
BELOW = 18
"""Room for the days below a chart."""
BEYOND = 1.5
"""How far a fan may reach beyond all else, as a share of that: what lies further is cut off."""
DOTS = 40
"""Check-ins that get a dot each; more are a line."""
APART = 34
"""Room between two names of months, at least."""


@dataclass(frozen=True, slots=True)
class Course:
    """What there is to draw of a key result; `target` and `limits` as lines, `chances` as they were said then."""

    start: date
    due: date
    as_of: date
    check_ins: Points
    target: float | None
    limits: Sequence[float]
    fan: Fan | None
    chances: Points
    bounds: tuple[float, float] = (-math.inf, math.inf)  # beyond which no value makes sense


def course(name: str, title: str, desc: str, it: Course) -> Markup:
    """Check-ins up to today, the fan of what may come with the target and the due date; below, the chance over time."""
    first = min([it.start, *(day for day, _ in it.check_ins)])
    x = _days(max(first, it.start - timedelta(days=30)), max(it.due, it.as_of))
    top, bottom = VALUES
    values = _values(it)
    y = Scale(*_span(values, it), bottom, top)
    parts = [*_ground(it, x, y), *_fan(it, x, y), *_wanted(it, x, y), *_past(it, x, y)]
    parts += _chances(it, x)
    parts += _months(x, CHANCES[1])
    return svg(name, title, desc, CHANCES[1] + BELOW, parts)


def _days(first: date, last: date) -> Scale:
    return Scale(first.toordinal(), max(last.toordinal(), first.toordinal() + 1), LEFT, WIDTH - RIGHT)


def _values(it: Course) -> list[float]:
    seen = [value for _, value in it.check_ins]
    return [*seen, *([] if it.target is None else [it.target]), *it.limits]


def _span(values: Sequence[float], it: Course) -> tuple[float, float]:
    """The values to show: all that is known, and the fan as far as that is not much more."""
    ends = [end for name in ("q10", "q90") for end in (it.fan.quantiles[name] if it.fan else ())]
    if not values:
        values = ends or [0.0, 1.0]
    low, high = min(values), max(values)
    room = (high - low or abs(high) or 1.0) * BEYOND
    low = max(min([low, *ends]), low - room)
    high = min(max([high, *ends]), high + room)
    low, high = max(low, it.bounds[0]), min(high, it.bounds[1])
    return (low, high) if high > low else (low - room, high + room)


def _ground(it: Course, x: Scale, y: Scale) -> Iterator[Markup]:
    """What stands behind: values, today, the due date and the target."""
    own = sorted({*_values(it)})
    for value in own if it.fan is None and len(own) == 2 else ticks(y.low, y.high, 4):
        yield line("grid", x(x.low), y(value), x(x.high), y(value))
        yield text("tick", LEFT - 6, y(value) + 4, number(value), "end")
    top, bottom = VALUES[0], CHANCES[1]
    if it.as_of < it.due:
        yield line("today", x(it.as_of.toordinal()), top - 6, x(it.as_of.toordinal()), bottom)
    yield line("due", x(it.due.toordinal()), top - 6, x(it.due.toordinal()), bottom)
    today = x(it.as_of.toordinal())
    due = x(it.due.toordinal())
    if it.as_of < it.due and due - today > 2 * APART:
        yield text("tick", today, top - 9, "today", "middle")
    yield text("tick", min(due + 8, WIDTH), top - 9, "due", "end")


def _wanted(it: Course, x: Scale, y: Scale) -> Iterator[Markup]:
    """The target, or the limits to keep, each with its name where there is room for it."""
    for value, said in [(it.target, "target"), *((limit, "limit") for limit in it.limits)]:
        if value is not None:
            yield line("target", x(x.low), y(value), x(x.high), y(value))
            below = y(value) < VALUES[0] + 12
            name = f"{said} {number(value)}"
            if it.limits:
                yield text("aim", x(x.high) - 3, y(value) + (13 if below else -5), name, "end")
            else:
                yield text("aim", x(x.low) + 3, y(value) + (13 if below else -5), name)


def _fan(it: Course, x: Scale, y: Scale) -> Iterator[Markup]:
    if it.fan is None:
        return
    days: list[date] = list(it.fan.days)
    begins: Points = it.check_ins[-1:]
    for low, high, kind, said in (
        ("q10", "q90", "fan wide", "8 of 10 futures end between these"),
        ("q25", "q75", "fan narrow", "half of all futures"),
    ):
        under = [*begins, *zip(days, it.fan.quantiles[low], strict=True)]
        over = [*begins, *zip(days, it.fan.quantiles[high], strict=True)]
        yield polygon(kind, _at([*under, *reversed(over)], x, y), said)
    yield trace("middle", _at([*begins, *zip(days, it.fan.quantiles["q50"], strict=True)], x, y))


def _at(points: Points, x: Scale, y: Scale) -> list[tuple[float, float]]:
    return [(x(day.toordinal()), y(value)) for day, value in points]


def _past(it: Course, x: Scale, y: Scale) -> Iterator[Markup]:
    if not it.check_ins:
        return
    drawn = _at(it.check_ins, x, y)
    yield trace("value", drawn)
    for place in drawn if len(drawn) <= DOTS else drawn[-1:]:
        yield dot("reading", *place, 2.5)


def _chances(it: Course, x: Scale) -> Iterator[Markup]:
    """How likely it was, week by week, between nothing and all."""
    top, bottom = CHANCES
    y = Scale(0.0, 1.0, bottom, top)
    yield text("side", LEFT - 6, top - 9, "chance", "end")
    for share in (0.0, 0.5, 1.0):
        yield line("grid", x(x.low), y(share), x(x.high), y(share))
        if share != 0.5:
            yield text("tick", LEFT - 6, y(share) + 4, f"{100 * share:.0f}%", "end")
    drawn = _at(it.chances, x, y)
    if drawn:
        yield trace("chance", drawn)
        yield mark(*drawn[-1], outlook(it.chances[-1][1]))


def _months(x: Scale, bottom: float) -> Iterator[Markup]:
    """The first of each month, or of each quarter or year where months stand too close."""
    first, last = date.fromordinal(int(x.low)), date.fromordinal(int(x.high))
    months = [
        date(year, month, 1)
        for year in range(first.year, last.year + 1)
        for month in range(1, 13)
        if first <= date(year, month, 1) <= last
    ]
    every = next((n for n in (1, 3, 6, 12, 60) if len(months) / n * APART <= x.end - x.start), 120)
    shown = [day for day in months if (12 * day.year + day.month - 1) % every == 0]
    for day in shown:
        yield line("notch", x(day.toordinal()), bottom, x(day.toordinal()), bottom + 4)
        said = f"{day:%b}" if every < 12 and (day.month > 1 or len(shown) < 3) else f"{day.year}"
        place = min(max(x(day.toordinal()), LEFT + 4), WIDTH - RIGHT - 8)
        yield text("tick", place, bottom + 15, said, "middle")
    if not shown:
        yield text("tick", LEFT, bottom + 15, f"{first.day} {first:%b}")
        yield text("tick", WIDTH - RIGHT, bottom + 15, f"{last.day} {last:%b}", "end")


@dataclass(frozen=True, slots=True)
class Shares:
    """Share of a team's time that running takes: as logged by week, and to be expected (low, middle, high)."""

    logged: Points
    expected: Mapping[date, tuple[float, float, float]]
    as_of: date


def balance(name: str, title: str, desc: str, it: Shares) -> Markup:
    """The share of running over the weeks gone and to come, with the range of 8 of 10 futures."""
    weeks = [*(day for day, _ in it.logged), *it.expected, it.as_of]
    x, top, bottom = _days(min(weeks), max(weeks)), 16.0, 104.0
    y = Scale(0.0, 1.0, bottom, top)
    parts = []
    for share in (0.0, 0.5, 1.0):
        parts.append(line("grid", x(x.low), y(share), x(x.high), y(share)))
        parts.append(text("tick", LEFT - 6, y(share) + 4, f"{100 * share:.0f}%", "end"))
    begins: Points = it.logged[-1:] if it.expected else ()
    ends = {n: [*begins, *((day, row[n]) for day, row in it.expected.items())] for n in range(3)}
    if it.expected:
        parts.append(polygon("fan wide", _at([*ends[0], *reversed(ends[2])], x, y), "8 of 10 futures"))
        parts.append(trace("middle", _at(ends[1], x, y)))
    parts.append(line("today", x(it.as_of.toordinal()), top - 6, x(it.as_of.toordinal()), bottom))
    if x(x.high) - x(it.as_of.toordinal()) > APART / 2:
        parts.append(text("tick", x(it.as_of.toordinal()), top - 8, "today", "middle"))
    if it.logged:
        parts += [trace("value", _at(it.logged, x, y)), dot("reading", *_at(it.logged[-1:], x, y)[0], 2.5)]
    return svg(name, title, desc, bottom + BELOW, [*parts, *_months(x, bottom)])
