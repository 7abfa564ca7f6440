"""Points drawn with characters: a chart for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

HEIGHT, WIDEST = 12, 64

Said = Callable[[float], str]


def chart(points: Sequence[tuple[float, float, str]], x: Said, y: Said, *, width: int) -> Iterator[str]:
    """Lines of a chart of points (across, up, mark), the last drawn on top; `x` and `y` say what the ends are."""
    across, up = _ends([point[0] for point in points]), _ends([point[1] for point in points])
    names = [y(up[1]), y(up[0])]
    margin = max(map(len, names))
    columns = max(min(width - margin - 3, WIDEST), 8)
    grid = [[" "] * columns for _ in range(HEIGHT)]
    for at, over, mark in points:
        grid[HEIGHT - 1 - _place(over, up, HEIGHT)][_place(at, across, columns)] = mark
    for n, row in enumerate(grid):
        name = names[0] if n == 0 else names[1] if n == HEIGHT - 1 else ""
        yield f"{name:>{margin}} |{''.join(row)}".rstrip()
    left, right = x(across[0]), x(across[1])
    yield " " * (margin + 1) + "+" + "-" * columns
    yield " " * (margin + 2) + left + right.rjust(columns - len(left))


def _ends(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low, low + 1.0)


def _place(value: float, ends: tuple[float, float], cells: int) -> int:
    return min(int((value - ends[0]) / (ends[1] - ends[0]) * cells), cells - 1)
