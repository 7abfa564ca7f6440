"""Small charts for a line of text: a chance between nothing and all, and where something has been going."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from markupsafe import Markup

from koers.cli.report.svg import Scale, diamond, dot, known, line, svg, trace
from koers.cli.text import Outlook, outlook

STRIP, HIGH = 180, 20
"""Width and height of a strip."""
SPARK = 140, 34


def strip(name: str, title: str, now: float, before: float | None = None, *, risk: bool = False) -> Markup:
    """A chance on a line from 0 to 1, and what it was: a filled dot is likely, a ring in doubt, a diamond unlikely.

    A `risk` is drawn the other way round: what is likely is bad.
    """
    x, middle = Scale(0.0, 1.0, 8.0, STRIP - 8.0), HIGH / 2
    parts = [line("track", x(0.0), middle, x(1.0), middle)]
    parts += [line("notch", x(share), middle - 3, x(share), middle + 3) for share in (0.0, 0.5, 1.0)]
    if before is not None and known(before):
        parts += [line("way", x(before), middle, x(now), middle), dot("was", x(before), middle, 3)]
    parts.append(mark(x(now), middle, outlook(now, risk=risk)))
    return svg(name, title, "", HIGH, parts, width=STRIP, kind="strip")


def mark(x: float, y: float, kind: Outlook) -> Markup:
    """The sign for what a chance comes to."""
    return diamond(f"sign {kind}", x, y, 6.5) if kind == "unlikely" else dot(f"sign {kind}", x, y, 5)


def spark(
    name: str, title: str, points: Sequence[tuple[date, float]], limits: Sequence[float], *, floor: float | None = None
) -> Markup:
    """Values over time as a thin line that ends in a dot, and limits to keep as dashed lines."""
    width, height = SPARK
    values = [value for _, value in points]
    low, high = min([*values, *limits, *([] if floor is None else [floor])]), max([*values, *limits])
    y = Scale(low, high, height - 5.0, 5.0)
    x = Scale(points[0][0].toordinal(), points[-1][0].toordinal(), 5.0, width - 5.0)
    parts = [line("limit", 2.0, y(limit), width - 2.0, y(limit)) for limit in limits]
    drawn = [(x(day.toordinal()), y(value)) for day, value in points]
    parts += [trace("value", drawn), dot("now", *drawn[-1], 2.5)]
    return svg(name, title, "", height, parts, width=width, kind="spark")
