"""The parts of charts: scales, ticks and SVG elements. Colours and sizes of text come from the page's style, by class.

Text put in is escaped. A point beyond its scale stands at the scale's end, a missing one (None, NaN) is left out by who
draws, so nothing lies outside the view box.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

WIDTH = 340
"""Charts are drawn this wide unless said otherwise: at that width text is as large as the page's own."""
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


def svg(
    name: str,
    title: str,
    desc: str,
    height: float,
    parts: Iterable[Markup],
    *,
    width: float = WIDTH,
    kind: str = "chart",
) -> Markup:
    """A picture of a class, with a title and a description for those who cannot see it; `name` is unique on a page."""
    head = Markup(
        '<svg class="{kind}" viewBox="0 0 {w} {h}" role="img" aria-labelledby="{name}-t{more}">'
        '<title id="{name}-t">{title}</title>{desc}'
    )
    said = Markup('<desc id="{}-d">{}</desc>').format(name, desc) if desc else ""
    more = f" {name}-d" if desc else ""
    shown = head.format(kind=kind, w=at(width), h=at(height), name=name, more=more, title=title, desc=said)
    return shown + Markup("").join(parts) + Markup("</svg>")


def line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    """A straight line of a class."""
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(kind, at(x1), at(y1), at(x2), at(y2))


def text(kind: str, x: float, y: float, said: str, anchor: str = "start", *, turned: bool = False) -> Markup:
    """A line of text of a class, from, around or up to x; `turned` reads upwards."""
    turn = Markup(' transform="rotate(-90 {} {})"').format(at(x), at(y)) if turned else ""
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}"{}>{}</text>').format(
        kind, at(x), at(y), anchor, turn, said
    )


def box(kind: str, left: float, top: float, right: float, bottom: float) -> Markup:
    """A rectangle of a class, at least 2 high so that it is seen."""
    height = max(bottom - top, 2.0)
    y = (top + bottom - height) / 2.0
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
        kind, at(left), at(y), at(right - left), at(height)
    )


def dot(kind: str, x: float, y: float, radius: float, said: str = "") -> Markup:
    """A circle of a class that says what it is where a pointer rests on it."""
    return Markup('<circle class="{}" cx="{}" cy="{}" r="{}">{}</circle>').format(
        kind, at(x), at(y), at(radius), _named(said)
    )


def polygon(kind: str, points: Iterable[tuple[float, float]], said: str = "") -> Markup:
    """A closed shape of a class, with its name where it has one."""
    return Markup('<polygon class="{}" points="{}">{}</polygon>').format(kind, _corners(points), _named(said))


def trace(kind: str, points: Iterable[tuple[float, float]]) -> Markup:
    """A line of a class through points."""
    return Markup('<polyline class="{}" points="{}"/>').format(kind, _corners(points))


def _named(said: str) -> Markup:
    return Markup("<title>{}</title>").format(said) if said else Markup("")


def _corners(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{at(x)},{at(y)}" for x, y in points)


def diamond(kind: str, x: float, y: float, radius: float, said: str = "") -> Markup:
    """A square on its corner, as wide as a circle of that radius."""
    return polygon(kind, [(x - radius, y), (x, y - radius), (x + radius, y), (x, y + radius)], said)


def at(value: float) -> str:
    """A coordinate as text: a tenth is exact enough."""
    return f"{value:.1f}".removesuffix(".0")
