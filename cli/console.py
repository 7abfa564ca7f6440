"""What the terminal shows: tables that fit 80 columns, sparklines, bars. People's text is never interpreted."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from koers.engine.backtest import Score
    from koers.engine.forecast import Forecast, KeyResultForecast

BLOCKS = "▁▂▃▄▅▆▇█"
SPARK = 8
WIDE = 110
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
"""Control characters, and marks that turn the writing direction: neither belongs in a cell."""

Points = list[tuple[date, float]]


def plain(text: str) -> str:
    """People's text without control characters."""
    return CONTROL.sub(" ", text)


def number(value: float | None) -> str:
    """A value in at most seven characters: 1234.5 as 1,234, 56,789 as 56.8k, a million as 1.0M."""
    if value is None:
        return "–"
    for size, mark in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            scaled = value / (1e3 if mark == "k" else size)
            return f"{scaled:.{0 if abs(scaled) >= 100 else 1}f}{mark}"
    if value and abs(value) < 0.01:
        return f"{value:.0e}"
    text = f"{value:,.{0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(probability: float) -> str:
    """A probability as people read it; the ends are said as such."""
    if probability <= 0.01:
        return "<1%"
    return ">99%" if probability >= 0.99 else f"{100 * probability:.0f}%"


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


def stdout() -> Console:
    """The console results go to. A pipe gets 80 columns unless COLUMNS says otherwise."""
    return Console(highlight=False, markup=False, emoji=False)


def stderr() -> Console:
    """The console messages and progress go to."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def watched(days: Sequence[date], what: str, patience: float = 1.0) -> Iterator[date]:
    """Yield `days`, with a progress bar on stderr once they take longer than `patience` seconds."""
    begun = time.monotonic()
    with Progress(console=stderr(), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(what, total=len(days), visible=False)
        for day in days:
            yield day
            progress.update(task, advance=1, visible=time.monotonic() - begun > patience)


@contextmanager
def working(what: str) -> Iterator[None]:
    """A spinner on stderr, on a terminal, while something takes its time."""
    if not sys.stderr.isatty():
        yield
        return
    with stderr().status(what):
        yield


def forecast_table(
    forecast: Forecast, before: Mapping[str, float], points: Mapping[str, Points]
) -> Iterator[Text | Table]:
    """The forecast, grouped by objective. `before`: probabilities a week ago; `points`: progress by day."""
    wide = stdout().width >= WIDE
    scores = {objective.objective: objective for objective in forecast.objectives}
    cells = [_cells(item, forecast.as_of, before, points, wide=wide) for item in forecast.key_results]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    groups: dict[str | None, Table] = {}
    for item, row in zip(forecast.key_results, cells, strict=True):
        if item.objective not in groups:
            name = plain(item.objective_title or item.objective or "Without an objective")
            head = Text(name, style="bold", overflow="ellipsis", no_wrap=True)
            if own := scores.get(item.objective or ""):
                all_reached = percent(own.probability_all)
                head.append(f"  P(all) {all_reached}, expected score {own.expected_score:.2f}", style="dim")
            groups[item.objective] = _group_table(widths, wide=wide)
            groups[item.objective].title = head
        groups[item.objective].add_row(*row)
    yield from groups.values()
    if groups:
        yield Text(LEGEND, style="dim")


LEGEND = """\
progress: start to due, · still to come; P: chance of meeting the target at due
+/-: points in a week; !: check-in overdue; R: really running the business"""


def _group_table(widths: list[int], *, wide: bool) -> Table:
    table = Table(
        box=None,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        header_style="dim",
        title_justify="left",
        title_style="",
        expand=True,
    )
    heads = ("key result", "owner", "team", "progress", "value/target", "P", "+/-", "rests on")
    for head, width in zip(heads, widths, strict=True):
        cap = 20 if wide else 8
        table.add_column(
            head,
            no_wrap=True,
            overflow="ellipsis",
            justify="right" if head in ("value/target", "+/-") else "left",
            ratio=1 if head == "key result" else None,
            width={"owner": min(width, cap), "team": min(width, cap)}.get(head, max(width, len(head))),
        )
    table.columns[0].width = None
    return table


def _cells(
    item: KeyResultForecast, as_of: date, before: Mapping[str, float], points: Mapping[str, Points], *, wide: bool
) -> list[Text]:
    ended = item.attained is not None
    chance = f"{percent(item.probability):>4} {bar(item.probability, 4)}"
    if ended:
        chance = "reached" if item.attained else "missed"
    colour = "green" if item.probability >= 0.7 else "red" if item.probability < 0.4 else "yellow"
    was = before.get(item.key_result)
    moved = "" if was is None or ended else f"{round(100 * (item.probability - was)):+d}"
    basis = item.rests_on if wide else RESTS.get(item.rests_on, item.rests_on)
    marks = ("!" if item.stale else "") + ("R" if item.warning else "")
    return [
        Text(plain(item.title)),
        Text(plain(item.owner or "–")),
        Text(plain(item.team)),
        Text(sparkline(points.get(item.key_result, []), item.start, item.due, as_of)),
        Text(f"{number(item.value)}/{_target(item)}"),
        Text(chance, style=colour),
        Text("0" if moved in ("+0", "-0") else moved),
        Text(f"{basis} {marks}"),
    ]


RESTS = {"few check-ins": "few", "finished": "ended"}


def _target(item: KeyResultForecast) -> str:
    return f"{100 * item.target:.0f}%in" if item.kind == "control" else number(item.target)


def status_table(rows: Iterable[Mapping[str, object]]) -> Table:
    """Where key results stand: value, progress, last check-in."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim", expand=True)
    table.add_column("key result", no_wrap=True, overflow="ellipsis", max_width=20)
    table.add_column("title", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("owner", no_wrap=True, overflow="ellipsis", max_width=8)
    table.add_column("value", no_wrap=True, justify="right", min_width=7)
    table.add_column("progress", no_wrap=True, justify="right", min_width=8)
    table.add_column("last check-in", no_wrap=True, min_width=13)
    for row in rows:
        progress = row["progress"]
        done = f"{100 * progress:.0f}%" if isinstance(progress, float) else "–"
        marks = (" !" if row["stale"] else "") + (" R" if row["warning"] else "")
        value = row["value"]
        table.add_row(
            Text(plain(str(row["key_result"]))),
            Text(plain(str(row["title"]))),
            Text(plain(str(row["owner"] or "–"))),
            Text(number(value if isinstance(value, float) else None)),
            Text(done),
            Text(f"{row['last_on'] or 'none yet'}{marks}"),
        )
    return table


def score_table(scores: Sequence[Score]) -> Table:
    """Methods of a backtest, best log score first."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("method")
    for head in ("goals", "origins", "Brier", "log score", "80% interval holds"):
        table.add_column(head, justify="right")
    for score in scores:
        held = "–" if score.coverage80 is None else f"{100 * score.coverage80:.0f}%"
        cells = (f"{score.goals}", f"{score.origins}", f"{score.brier:.3f}", f"{score.log:.3f}", held)
        table.add_row(Text(score.method, style="bold" if score.method == "koers" else ""), *cells)
    return table
