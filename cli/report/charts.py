"""Charts as SVG text, by small pure functions. Colours and sizes of text come from the page's style, by class.

Text put in is escaped. A point beyond its scale stands at the scale's end, a missing one (None, NaN) is left out, so
nothing lies outside the view box. Charts are drawn 340 wide: at that width text is as large as the page's own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from markupsafe import Markup

if TYPE_CHECKING:
    from koers.engine.reliability import Bin

Tone = Literal["better", "even", "worse", "few"]
WIDTH = 340
SMALLEST, LARGEST = 3.5, 11.0
"""Radius of a dot for next to no goals, and for the most."""
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 14, 46
"""Margins of a square chart."""
EDGE = 22
"""Margin of an interval chart, on either side."""
HEAD, ROW, FOOT = 18, 40, 28
"""Heights in an interval chart."""
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high` onto coordinates from `start` to `end`; values beyond stand at the ends.

    One value wide, it puts everything in the middle. ValueError where an end is not finite.
    """

    low: float
    high: float
    start: float
    end: float

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.low, self.high, self.start, self.end))):
            raise ValueError("a scale has finite ends")

    def __call__(self, value: float) -> float:
        """The coordinate of a value; not of NaN."""
        if math.isnan(value):
            raise ValueError("NaN has no place on a scale")
        if self.high == self.low:
            return (self.start + self.end) / 2.0
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


@dataclass(frozen=True, slots=True)
class Mark:
    """A line of an interval chart: an estimate in its interval, what it means, and its number as text."""

    label: str
    low: float | None
    mid: float | None
    high: float | None
    tone: Tone
    said: str


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from `low` to `high`, evenly spaced, at most `most` (2 or more) of them."""
    if not high > low:
        return [low]
    rough = (high - low) / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * step for step in (*STEPS, 20.0) if _within(low, high, size * step) <= most)
    first = math.ceil(low / step - 1e-9)
    return [(first + index) * step + 0.0 for index in range(_within(low, high, step))]


def _within(low: float, high: float, step: float) -> int:
    return math.floor(high / step + 1e-9) - math.ceil(low / step - 1e-9) + 1


def known(value: float | None) -> bool:
    """Whether there is a number to draw; an infinite one is drawn at the end of its scale."""
    return value is not None and not math.isnan(value)


def svg(name: str, title: str, desc: str, height: float, parts: Iterable[Markup]) -> Markup:
    """A picture with a title and a description for those who cannot see it; `name` is unique on its page."""
    head = Markup(
        '<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" role="img" '
        'aria-labelledby="{2}-title {2}-desc"><title id="{2}-title">{3}</title><desc id="{2}-desc">{4}</desc>'
    )
    return head.format(WIDTH, _n(height), name, title, desc) + Markup("\n").join(parts) + Markup("</svg>")


def line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    """A straight line of a class."""
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(kind, _n(x1), _n(y1), _n(x2), _n(y2))


def text(kind: str, x: float, y: float, said: str, anchor: str = "start", *, turned: bool = False) -> Markup:
    """A line of text of a class, from, around or up to x; `turned` reads upwards."""
    turn = Markup(' transform="rotate(-90 {} {})"').format(_n(x), _n(y)) if turned else ""
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}"{}>{}</text>').format(
        kind, _n(x), _n(y), anchor, turn, said
    )


def box(kind: str, left: float, top: float, right: float, bottom: float) -> Markup:
    """A rectangle of a class, at least 2 high so that it is seen."""
    height = max(bottom - top, 2.0)
    y = (top + bottom - height) / 2.0
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
        kind, _n(left), _n(y), _n(right - left), _n(height)
    )


def dot(kind: str, x: float, y: float, radius: float, said: str) -> Markup:
    """A circle of a class that says what it is where a pointer rests on it."""
    return Markup('<circle class="{}" cx="{}" cy="{}" r="{}"><title>{}</title></circle>').format(
        kind, _n(x), _n(y), _n(radius), said
    )


def polygon(kind: str, points: Iterable[tuple[float, float]], said: str = "") -> Markup:
    """A closed shape of a class, with its name where it has one."""
    name = Markup("<title>{}</title>").format(said) if said else Markup("")
    corners = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
    return Markup('<polygon class="{}" points="{}">{}</polygon>').format(kind, corners, name)


def diamond(kind: str, x: float, y: float, radius: float, said: str) -> Markup:
    """A square on its corner, as wide as a circle of that radius."""
    return polygon(kind, [(x - radius, y), (x, y - radius), (x + radius, y), (x, y + radius)], said)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


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
        yield text("tick", x(value), bottom + 16, f"{100 * value:+.0f} %" if value else "0", "middle")


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
