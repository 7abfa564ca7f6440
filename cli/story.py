"""What the terminal shows of one future: week by week per team, and what moved as sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from koers.cli.console import NARROW, cut
from koers.cli.text import number, plain

if TYPE_CHECKING:
    from koers.engine.story import Day, Move, Story, Work

PARTS = ("run", "change", "lost", "idle")
MOST = 3
"""Key results and initiatives named per week; the rest are counted."""


def story_parts(story: Story, width: int) -> Iterator[Text | Table]:
    """Each team's weeks, and what moved in them."""
    if not story.days:
        yield Text("No morning is to come before the last key result is due.")
        return
    for team in sorted({day.team for day in story.days}):
        days = [day for day in story.days if day.team == team]
        yield Text()
        yield cut(team, width, style="bold")
        yield from _team(days, story, width)
        yield _table([_row("in all", days)], width)
        yield Text(f"  {_shares(days)}")
    yield Text()
    about = "person-days; came: run work that arrived; open: backlog in the last evening; >: where change work went"
    yield Text(about, style="dim")


def _team(days: Sequence[Day], story: Story, width: int) -> Iterator[Text | Table]:
    yield _table([], width, head=True)
    for monday, week in groupby(days, key=lambda day: _monday(day.date)):
        own, team = list(week), days[0].team
        yield _table([_row(str(monday), own)], width)
        work = [w for w in story.work if w.team == team and _monday(w.date) == monday]
        if work:
            yield Text("  > ", style="dim").append_text(cut(_went(work), width - 4))
        for move in story.moves:
            if move.team == team and _monday(move.date) == monday:
                yield from _sentence(move, width)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _row(name: str, days: Sequence[Day]) -> list[str]:
    sums = [sum(getattr(day, part) for day in days) for part in PARTS]
    came = sum(day.arrived for day in days)
    people = sum(day.people for day in days) / len(days)
    return [name, *(_figure(value) for value in (people, *sums, came, days[-1].backlog))]


def _figure(value: float) -> str:
    """Person-days with one decimal, however many."""
    return f"{value:.1f}" if abs(value) < 9999.5 else number(value)


def _table(rows: Sequence[Sequence[str]], width: int, *, head: bool = False) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=head, header_style="dim")
    heads = ("  week of", "people", *PARTS, "came", "open")
    size = 7 if width >= NARROW else 6
    kept = [n for n in range(len(heads)) if width >= NARROW or n not in (1, 4, 5, 6)]
    for n in kept:
        table.add_column(heads[n], width=size if n else 12, no_wrap=True, justify="right" if n else "left")
    for row in rows:
        table.add_row(*(Text(f"  {row[n]}" if not n else row[n]) for n in kept))
    return table


def _went(work: Sequence[Work]) -> str:
    """Where a week's change work went, most first."""
    spent: Counter[str] = Counter()
    for item in work:
        spent[item.on] += item.days  # type: ignore[assignment]  # a Counter counts person-days as well
    named = [f"{number(round(days, 1))} {plain(on)}" for on, days in spent.most_common(MOST)]
    rest = sum(spent.values()) - sum(days for _, days in spent.most_common(MOST))
    more = [f"{number(round(rest, 1))} on {len(spent) - MOST} more"] if len(spent) > MOST else []
    return ", ".join([*named, *more])


def _sentence(move: Move, width: int) -> Iterator[Text]:
    """What moved and why, under its week; long ones wrap with a margin."""
    import textwrap

    what = plain(move.what)
    text = f"{move.date:%m-%d} {what[:1].upper()}{what[1:]}: {plain(move.why)}."
    for line in textwrap.wrap(text, max(width - 4, 20), subsequent_indent=" " * 6):
        yield Text(f"    {line}", style="yellow")


def _shares(days: Sequence[Day]) -> str:
    present = sum(getattr(day, part) for day in days for part in PARTS)
    if present <= 0:
        return "nobody was there"
    share = {part: sum(getattr(day, part) for day in days) / present for part in PARTS}
    return ", ".join(f"{part} {100 * share[part]:.0f}%" for part in PARTS if share[part] >= 0.005 or part in PARTS[:2])
