"""`koers explain`: why a forecast moved."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import typer

from koers.cli.options import Day, Json, KeyResult, Samples, Seed
from koers.cli.session import print_json
from koers.events.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from koers.engine.explained import Explanation, Part
    from koers.engine.replay import Frames

WEEK = 7
TOLD = 0.005
"""Parts that moved less are told together."""


def explain(
    ctx: typer.Context,
    key_result: KeyResult,
    since: Day = None,
    until: Day = None,
    samples: Samples = 10_000,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Why a probability moved since DATE [a week before]: what became known, and what time did."""
    from koers.cli.console import say, stdout
    from koers.cli.patience import working

    with working("explaining"):
        recorded, last, known, _ = ctx.obj.read(until, None)
        first = since.date() if since else None
        title, found = explained(recorded, key_result, first, last, known, samples=samples, seed=seed)
    if json:
        print_json(asdict(found))
        return
    say(sentence(found, title))
    if found.parts:
        stdout().print(_table(found))


def explained(
    recorded: Frames,
    key_result: str,
    since: date | None,
    until: date,
    known: datetime,
    *,
    samples: int,
    seed: int,
) -> tuple[str, Explanation]:
    """The title of a key result, and why its probability moved; without `since`, in a week.

    Raises InputError where it is not in the log or has no forecast on both days.
    """
    from koers.engine.explain import explain as why
    from koers.engine.projections import goals
    from koers.events.columns import near

    titles = dict(goals(recorded).select("key_result", "title").iter_rows())
    if key_result not in titles:
        raise InputError(f"no key result {key_result} in the log{near(key_result, titles)}")
    first = since or until - timedelta(days=WEEK)
    found = why(recorded, first, until, known, about={key_result}, samples=samples, seed=seed).get(key_result)
    if found is None:
        raise InputError(f"{key_result} has no forecast on both {first} and {until}: choose days within its life")
    return str(titles[key_result]), found


def sentence(found: Explanation, title: str) -> str:
    """How far it moved."""
    from koers.cli.text import percent

    before, after = percent(found.before), percent(found.after)
    days = f"from {found.since} to {found.until}"
    if before == after:
        return f"{title}: {after} {days}, as before"
    return f"{title}: {'rose' if found.after > found.before else 'fell'} from {before} to {after} {days}"


def _table(found: Explanation) -> Table:
    """One line per part in points; small ones in one line, before time and relearning."""
    from rich.table import Table
    from rich.text import Text

    from koers.cli.text import plain

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    for when, text, delta in told_parts(found.parts):
        table.add_row(Text(f"  {when}"), Text(plain(text)), Text(f"{100 * delta:+.1f}"))
    return table


def told_parts(parts: tuple[Part, ...]) -> list[tuple[str, str, float]]:
    """What is told of the parts: the day, what became known, and what it moved; small ones together."""
    from koers.cli.text import counted

    news = [part for part in parts if part.on is not None]
    small = [part for part in news if abs(part.delta) < TOLD]
    lines = [(f"{part.on:%-d %b}", part.text, part.delta) for part in news if part not in small]
    if small:
        things = counted(len(small), "thing")
        lines.append(("", f"{things} of less than half a point each", sum(part.delta for part in small)))
    return lines + [("", part.text, part.delta) for part in parts if part.on is None]
