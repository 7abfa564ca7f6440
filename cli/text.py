"""Values as short text: numbers, percentages, bars, sparklines; and people's text, made harmless."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal

BLOCKS = "▁▂▃▄▅▆▇█"
SPARK = 8
HIDDEN = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # a terminal's colours and cursor moves
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # its titles, links and strings
    r"|[\x00-\x1f\x7f-\x9f]"  # control characters
    r"|[\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"  # marks that turn or break a line, unseen
)

Points = Sequence[tuple[date, float]]
Outlook = Literal["likely", "doubtful", "unlikely"]
LIKELY, UNLIKELY = 70, 40
"""In per cent as printed: from here on a chance is likely; below this, unlikely."""


def plain(text: str) -> str:
    """People's text on one line, without what a terminal would obey; half characters as a question mark."""
    return " ".join(HIDDEN.sub(" ", text).encode(errors="replace").decode().split())


def counted(count: int, one: str, many: str = "") -> str:
    """So many of something: 1 event, 1,000 events; `many` where an s is not all that changes."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def number(value: float | None) -> str:
    """A value in at most eight characters: 1234.5 as 1,234, 56,789 as 56.8k, a million as 1M; none as –."""
    if value is None or not math.isfinite(value):
        return "–"
    if abs(value) >= 9.995e15:
        return f"{value:.0e}"
    if abs(value) >= 9999.5:
        rounded = float(f"{value:.3g}")
        size, mark = next((size, mark) for size, mark in SIZES if abs(rounded) >= size)
        return f"{rounded / size:.4g}{mark}"
    if 0 < abs(value) < 0.1:
        return f"{value:.2g}" if abs(value) >= 1e-4 else f"{value:.0e}"
    text = f"{value + 0.0:,.{0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


SIZES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def percent(probability: float) -> str:
    """A probability as people read it; the ends are said as such."""
    if probability <= 0.01:
        return "<1%"
    return ">99%" if probability >= 0.99 else f"{whole(probability)}%"


def whole(probability: float) -> int:
    """The number that `percent` prints, or would but for the ends: whatever is said of a chance goes by this."""
    return round(100 * probability)


def outlook(chance: float, *, risk: bool = False) -> Outlook:
    """What a chance comes to in a word; of a `risk`, what the chance of being spared does."""
    said = 100 - whole(chance) if risk else whole(chance)
    return "likely" if said >= LIKELY else "unlikely" if said < UNLIKELY else "doubtful"


def share_done(progress: float | None) -> str:
    """Progress as a percentage of the way, in at most six characters; 100% only where the target is met."""
    if progress is None or math.isnan(progress):
        return "–"
    if abs(progress) >= 9.99:
        return ">999%" if progress > 0 else "<-999%"
    return f"{math.floor(100 * progress + 1e-9)}%"


def points_moved(now: float, was: float) -> str:
    """The change of a probability in percentage points."""
    moved = whole(now) - whole(was)
    return f"{moved:+d}" if moved else "0"


def bar(share: float, width: int = 5) -> str:
    """A horizontal bar for a share of 0-1, in eighths of a cell."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + ("▏▎▍▌▋▊▉"[rest - 1] if rest else "")).ljust(width)


def sparkline(points: Points, start: date, due: date, as_of: date, width: int = SPARK) -> str:
    """Progress against time: one block per slice of the life, · for what is still to come, blank where unknown."""
    life = max((due - start).days, 1)
    cells = []
    for cell in range(width):
        ends = start + timedelta(days=round(life * (cell + 1) / width))
        begins = start + timedelta(days=round(life * cell / width))
        seen = [x for day, x in points if day <= min(ends, as_of)]
        if begins > as_of or (begins == as_of and cell):
            cells.append("·")
        elif not seen:
            cells.append(" ")
        else:
            cells.append(BLOCKS[round(min(max(seen[-1], 0.0), 1.0) * (len(BLOCKS) - 1))])
    return "".join(cells)


def run_of(values: Sequence[float], top: float, width: int) -> str:
    """Values between 0 and `top`, one block each; more than `width` of them are averaged into that many."""
    cells = min(width, len(values))
    edges = [round(n * len(values) / cells) for n in range(cells + 1)] if cells else [0]
    shares = [sum(values[a:b]) / (b - a) / top if top > 0 else 0.0 for a, b in pairwise(edges)]
    return "".join(BLOCKS[round(min(max(share, 0.0), 1.0) * (len(BLOCKS) - 1))] for share in shares)
