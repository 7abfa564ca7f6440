"""The charts of a backtest, as SVG: pure functions of what they show."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from koers.cli.report.svg import WIDTH, Scale, box, diamond, dot, known, line, polygon, svg, text, ticks

if TYPE_CHECKING:
    from markupsafe import Markup

    from koers.engine.reliability import Bin

Tone = Literal["better", "even", "worse", "few"]
SMALLEST, LARGEST = 3.5, 11.0
"""Radius of a dot for next to no goals, and for the most."""
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 14, 46
"""Margins of a square chart."""
EDGE = 22
"""Margin of an interval chart, on either side."""
HEAD, ROW, FOOT = 18, 40, 28
"""Heights in an interval chart."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A line of an interval chart: an estimate in its interval, what it means, and its number as text."""

    label: str
    low: float | None
    mid: float | None
    high: float | None
    tone: Tone
    said: str


def reliability_diagram(name: str, title: str, desc: str, bins: Sequence[Bin]) -> Markup:
    """What was said against how often it came true: dots sized by goals, bands for a calibrated forecaster."""
    side = WIDTH - LEFT - RIGHT
    x, y = Scale(0.0, 1.0, LEFT, LEFT + side), Scale(0.0, 1.0, TOP + side, TOP)
    drawn = [part for part in bins if known(part.forecast) and known(part.attained)]
    parts = [*_square_axes(x, y), *(_band(part, x, y) for part in drawn)]
    parts.append(line("diagonal", x(0.0), y(0.0), x(1.0), y(1.0)))
    most = max((part.goals for part in drawn), default=1.0)
    parts += [_bin_dot(part, x, y, most) for part in sorted(drawn, key=lambda part: -part.goals)]
    return svg(name, title, desc, TOP + side + BOTTOM, parts)


def _square_axes(x: Scale, y: Scale) -> Iterator[Markup]:
    for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        yield line("grid", x(share), y(0.0), x(share), y(1.0))
        yield line("grid", x(0.0), y(share), x(1.0), y(share))
        yield text("tick", x(share), y(0.0) + 18, f"{100 * share:.0f}", "middle")
        yield text("tick", x(0.0) - 8, y(share) + 4, f"{100 * share:.0f}", "end")
    yield text("axis", x(0.5), y(0.0) + 38, "what koers said, %", "middle")
    yield text("axis", 12, y(0.5), "how often it came true, %", "middle", turned=True)


def _band(part: Bin, x: Scale, y: Scale) -> Markup:
    return box("band", x(part.low), y(part.band_high), x(part.high), y(part.band_low))


def _bin_dot(part: Bin, x: Scale, y: Scale, most: float) -> Markup:
    radius = max(LARGEST * math.sqrt(max(part.goals, 0.0) / most) if most > 0.0 else 0.0, SMALLEST)
    said = f"said {part.forecast:.0%}, came true {part.attained:.0%}, {part.goals:.0f} key results"
    if part.consistent:
        return dot("dot", x(part.forecast), y(part.attained), radius, said)
    return diamond("dot outside", x(part.forecast), y(part.attained), radius, said)


def interval_chart(name: str, title: str, desc: str, marks: Sequence[Mark], furthest: float = 1.0) -> Markup:
    """Estimates in their intervals, a line each, around 0: left koers is worse, right better.

    The scale reaches the farthest end, yet not beyond `furthest` on either side; arrows show where more is cut off.
    """
    ends = [value for mark in marks for value in (mark.low, mark.mid, mark.high) if value is not None and known(value)]
    reach = [min(max(value, -furthest), furthest) for value in ends]
    x = Scale(min([-0.1, *reach]), max([0.1, *reach]), EDGE, WIDTH - EDGE)
    bottom = HEAD + ROW * len(marks)
    parts = [*_interval_axis(x, bottom)]
    for index, mark in enumerate(marks):
        parts += _interval_row(mark, x, HEAD + ROW * index)
    return svg(name, title, desc, bottom + FOOT, parts)


def _interval_axis(x: Scale, bottom: float) -> Iterator[Markup]:
    yield text("side", 4, 11, "◂ koers worse")
    yield text("side", WIDTH - 4, 11, "koers better ▸", "end")
    for value in ticks(x.low, x.high):
        yield line("zero" if value == 0.0 else "grid", x(value), HEAD, x(value), bottom)
        yield text("tick", x(value), bottom + 16, f"{100 * value:+.0f}%" if value else "0", "middle")


def _interval_row(mark: Mark, x: Scale, top: float) -> Iterator[Markup]:
    middle = top + 26
    if top > HEAD:
        yield line("between", 4, top, WIDTH - 4, top)
    yield text("label", 4, top + 14, mark.label)
    yield text("number", WIDTH - 4, top + 14, mark.said, "end")
    if mark.low is not None and mark.high is not None and known(mark.low) and known(mark.high):
        yield line(f"span {mark.tone}", x(mark.low), middle, x(mark.high), middle)
    yield from _arrows(mark, x, middle)
    if mark.mid is not None and known(mark.mid):
        yield _point(mark, x(mark.mid), middle)


def _arrows(mark: Mark, x: Scale, y: float) -> Iterator[Markup]:
    """An arrow at either end beyond which there is more, outside the point where that stands there itself."""
    values = [value for value in (mark.low, mark.mid, mark.high) if value is not None and known(value)]
    for way, end in ((-1, x.low), (1, x.high)):
        if any(way * (value - end) > 0.0 for value in values):
            beside = 7.0 if mark.mid is not None and way * (mark.mid - end) > 0.0 else 0.0
            start = x(end) + way * beside
            yield polygon(f"arrow {mark.tone}", [(start + way * 7, y), (start, y - 5), (start, y + 5)])


def _point(mark: Mark, x: float, y: float) -> Markup:
    """A filled dot is better, a diamond worse, a ring neither."""
    if mark.tone == "worse":
        return diamond("point worse", x, y, 6, mark.said)
    return dot(f"point {mark.tone}", x, y, 5, mark.said)
