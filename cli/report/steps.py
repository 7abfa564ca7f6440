"""How a chance went from one day to another, step by step: a chart of what moved it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from koers.cli.report.svg import WIDTH, Scale, box, line, svg, text
from koers.cli.text import percent

if TYPE_CHECKING:
    from markupsafe import Markup

ROW, BAR = 34, 9
"""Height of a step, and of its bar."""
EDGE = 6
"""Margin on either side."""
FOOT = 20

Step = tuple[str, float, str]
"""What moved a chance, by how much (-1 to 1), and that in words."""


def steps(name: str, title: str, desc: str, before: tuple[str, float], taken: Sequence[Step], after: str) -> Markup:
    """From a chance `before` (its name and value, 0 to 1) over the steps taken, a bar each, to one named `after`."""
    x = Scale(0.0, 1.0, EDGE, WIDTH - EDGE)
    bottom = ROW * (len(taken) + 2)
    parts = [line("grid", x(share), 0, x(share), bottom) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    parts += [
        text("tick", x(share), bottom + 14, said, anchor)
        for share, said, anchor in ((0.0, "0", "start"), (0.5, "50%", "middle"), (1.0, "100%", "end"))
    ]
    label, now = before
    parts += _bar("whole", label, percent(now), (0.0, now), x, 0)
    for place, (label, delta, said) in enumerate(taken, 1):
        parts.append(_join(x(now), ROW * place))
        parts += _bar("up" if delta > 0 else "down", label, said, (now, now + delta), x, ROW * place)
        now += delta
    parts.append(_join(x(now), bottom - ROW))
    parts += _bar("whole", after, percent(now), (0.0, now), x, bottom - ROW)
    return svg(name, title, desc, bottom + FOOT, parts)


def _bar(kind: str, label: str, said: str, ends: tuple[float, float], x: Scale, top: float) -> Iterator[Markup]:
    """A line of the chart: its words, and below them the bar."""
    low, high = x(min(ends)), x(max(ends))
    yield text("label", EDGE, top + 12, label)
    yield text("number", WIDTH - EDGE, top + 12, said, "end")
    yield box(f"step {kind}", low, top + 17, max(high, low + 1.0), top + 17 + BAR)


def _join(x: float, top: float) -> Markup:
    """A dotted line to the bar of the line at `top`, from the one before."""
    return line("join", x, top + 17 + BAR - ROW, x, top + 17)
