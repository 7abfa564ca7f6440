"""What the terminal shows: tables that fit its width. People's text is never interpreted."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from koers.cli.text import Points, bar, number, outlook, percent, plain, points_moved, share_done, sparkline

if TYPE_CHECKING:
    from koers.engine.forecast import Forecast, KeyResultForecast, ObjectiveForecast

NARROW, WIDE = 72, 110
"""Below and above these widths tables say less and more."""
MARKS = ""
"""The head of the column of marks: it has none."""
FORECAST = (MARKS, "key result", "owner", "team", "progress", "now/target", "chance", "week", "rests on")
STATUS = (MARKS, "key result", "title", "owner", "value", "done", "last check-in")
RIGHT = ("now/target", "week", "value", "done")
WIDE_ONLY = ("title", "owner", "team", "progress", "last check-in", "week", "rests on")
EXPLAINED = {
    "prior": "prior: no check-in yet",
    "few check-ins": "few: under three check-ins",
    "control": "90%in: inside its limits on 90% of days",
}
COLOURS = {"likely": "green", "doubtful": "yellow", "unlikely": "red"}
RESTS = {"few check-ins": "few", "finished": "ended"}


def stdout() -> Console:
    """The console results go to. A pipe gets 80 columns unless COLUMNS says otherwise."""
    return _console()


def stderr() -> Console:
    """The console messages and progress go to."""
    return _console(stderr=True)


def _console(*, stderr: bool = False) -> Console:
    colours: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, color_system=colours)


def say(text: str, style: str = "") -> None:
    """A paragraph on stdout; people's text in it is made harmless."""
    stdout().print(Text(plain(text), style=style))


def forecast_table(
    forecast: Forecast,
    before: Mapping[str, float],
    points: Mapping[str, Points],
    width: int,
    under: Iterable[Text | Table] = (),
) -> Iterator[Text | Table]:
    """The forecast, grouped by objective, with what stands `under` them.

    `before`: probabilities a week ago; `points`: progress by day.
    """
    groups: dict[str | None, list[KeyResultForecast]] = {}
    for item in forecast.key_results:
        groups.setdefault(item.objective, []).append(item)
    cells = {
        item.key_result: _forecast_row(item, forecast.as_of, before, points, width) for item in forecast.key_results
    }
    one_team = all(len({item.team for item in group}) == 1 for group in groups.values())
    columns = _columns([head for head in FORECAST if head != "team" or not one_team], list(cells.values()), width)
    yield _table(columns, [], head=True)
    scores = {objective.objective: objective for objective in forecast.objectives}
    for name, group in groups.items():
        yield Text()
        yield _headline(group, scores.get(name or ""), width, team=one_team)
        yield _table(columns, [cells[item.key_result] for item in group])
    yield from under
    yield Text()
    yield from _legend(forecast.key_results, width)


def notes(forecast: Forecast) -> None:
    """The warnings of a forecast, but for those that its table has said."""
    running = tuple(
        f"{item.key_result} is really running the business" for item in forecast.key_results if item.warning
    )
    noted(warning for warning in forecast.warnings if not warning.startswith(running))


def noted(warnings: Iterable[str]) -> None:
    """Warnings, a line each."""
    for warning in warnings:
        say(f"Note: {warning}.", style="dim")


def _headline(group: list[KeyResultForecast], own: ObjectiveForecast | None, width: int, *, team: bool) -> Text:
    """An objective, its team if all share it, the chance of all and the score: the title gives way, not the numbers."""
    rest = Text()
    if team and width >= NARROW:
        rest.append(" · ").append_text(cut(group[0].team, 20))
    if own is not None:
        score = f", score {own.expected_score:.2f}" if width >= NARROW else ""
        reached = f"{sum(item.attained is True for item in group)} of {len(group)} reached"
        ended = all(item.attained is not None for item in group)
        rest.append(f" · {reached if ended else 'all reached ' + percent(own.probability_all)}{score}")
    title = plain(group[0].objective_title or "") or plain(group[0].objective or "") or "Without an objective"
    return cut(title, width - rest.cell_len, style="bold").append_text(rest)


def _forecast_row(
    item: KeyResultForecast, as_of: date, before: Mapping[str, float], points: Mapping[str, Points], width: int
) -> dict[str, Text]:
    ended = item.attained is not None
    chance = f"{percent(item.probability):>4}" + (f" {bar(item.probability, 4)}" if width >= NARROW else "")
    if ended:
        chance = "reached" if item.attained else "missed"
    colour = COLOURS[outlook(item.probability)]
    was = before.get(item.key_result)
    basis = item.rests_on if width >= WIDE else RESTS.get(item.rests_on, item.rests_on)
    return {
        MARKS: _marks(stale=item.stale, running=item.warning is not None, working=_costs(item)),
        "key result": Text(plain(item.title) or plain(item.key_result)),
        "owner": Text(plain(item.owner or "") or "–"),
        "team": Text(plain(item.team)),
        "progress": Text(sparkline(points.get(item.key_result, []), item.start, item.due, as_of)),
        "now/target": Text(f"{number(item.value)}/{_target(item)}"),
        "chance": Text(chance, style=colour),
        "week": Text("" if was is None or ended else points_moved(item.probability, was)),
        "rests on": Text(basis),
    }


def _target(item: KeyResultForecast) -> str:
    return f"{100 * item.target:.0f}%in" if item.kind == "control" else number(item.target)


def _marks(*, stale: object, running: object, working: object = False) -> Text:
    return Text(("!" if stale else "") + ("R" if running else "") + ("W" if working else ""), style="yellow")


def _costs(item: KeyResultForecast) -> bool:
    """Whether run work beyond what is usual costs a key result a point or more."""
    return item.lost_to_run_work is not None and item.lost_to_run_work >= 0.01


def _legend(items: Sequence[KeyResultForecast], width: int) -> Iterator[Text]:
    said = ["chance: of meeting the target when due"]
    if width >= NARROW:
        said = ["progress: start to due, · still to come", *said]
        said.append("week: change in a week, in points")
    found = {item.rests_on for item in items} | {item.kind for item in items}
    said += [words for name, words in EXPLAINED.items() if name in found]
    yield Text("; ".join(said), style="dim")
    yield from _notes([(item.title, item.warning) for item in items], stale=any(item.stale for item in items))
    for item in items:
        if _costs(item):
            points = f"{100 * (item.lost_to_run_work or 0):.0f}"
            lost = f": run work beyond what is usual costs {points} point{'' if points == '1' else 's'}"
            yield Text.assemble("W ", cut(item.title, 40), lost, style="yellow")


def status_table(rows: Sequence[Mapping[str, Any]], width: int) -> Iterator[Text | Table]:
    """Where key results stand: value, progress, last check-in."""
    cells = [
        {
            MARKS: _marks(stale=row["stale"], running=row["warning"]),
            "key result": Text(plain(row["key_result"])),
            "title": Text(plain(row["title"])),
            "owner": Text(plain(row["owner"] or "") or "–"),
            "value": Text(number(row["value"])),
            "done": Text(share_done(row["progress"])),
            "last check-in": Text(f"{row['last_on'] or 'none yet'}"),
        }
        for row in rows
    ]
    yield _table(_columns(STATUS, cells, width), cells, head=True)
    yield from _notes([(row["title"], row["warning"]) for row in rows], stale=any(row["stale"] for row in rows))


def _notes(warned: Iterable[tuple[str, str | None]], *, stale: bool) -> Iterator[Text]:
    """The marks that are there, explained."""
    if stale:
        yield Text("! check-in overdue", style="yellow")
    for title, warning in warned:
        if warning:
            name = cut(title, 40)
            yield Text.assemble("R ", name, f": really running the business; {plain(warning)}", style="yellow")


def cut(text: str, width: int, style: str = "") -> Text:
    """People's text, made harmless, in at most `width` cells."""
    cut = Text(plain(text), style=style)
    cut.truncate(max(width, 1), overflow="ellipsis")
    return cut


def _columns(heads: Sequence[str], rows: Sequence[Mapping[str, Text]], width: int) -> dict[str, int]:
    """The columns that fit, with their widths; the text of the widest one gives way."""
    kept = [head for head in heads if width >= NARROW or head not in WIDE_ONLY]
    widths = {head: max([cell_len(head), *(row[head].cell_len for row in rows)]) for head in kept}
    people = 20 if width >= WIDE else 8
    for head, most in (("owner", people), ("team", people), ("key result", 20 if "title" in kept else width)):
        if head in widths:
            widths[head] = min(widths[head], most)
    widths = {head: size for head, size in widths.items() if size}
    gives = "title" if "title" in widths else "key result"
    room = width - sum(size + 1 for head, size in widths.items() if head != gives)
    return widths | {gives: max(min(widths[gives], room), 4)}


def _table(columns: Mapping[str, int], rows: Sequence[Mapping[str, Text]], *, head: bool = False) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=head, header_style="dim")
    for name, size in columns.items():
        side: Literal["left", "right"] = "right" if name in RIGHT else "left"
        table.add_column(name, no_wrap=True, overflow="ellipsis", justify=side, width=size)
    for row in rows:
        table.add_row(*(row[name] for name in columns))
    return table
