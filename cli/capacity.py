"""What the terminal shows of capacity: teams by week, guardrails, and the lines of it under a forecast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from koers.cli.console import NARROW, cut
from koers.cli.text import number, percent, plain, run_of, whole

if TYPE_CHECKING:
    from datetime import date

    import polars as pl

    from koers.engine.ends import Overall
    from koers.engine.forecast import Forecast
    from koers.engine.joint import Guardrail, TeamCapacity, Week

SPARK = 13
"""Weeks that a sparkline shows, one block each; more are drawn together."""
MARGIN = 2
BAND = 20


def no_capacity(known_from: date | None) -> str:
    """Why there is nothing to say, and what to do, of a log whose capacity is known from a later day, or never."""
    from koers.engine.staffing import PLAN_AHEAD

    why, what = (
        "No capacity is declared in this log",
        "import capacity.csv (team,from,people), and what there is of run_work.csv, effort.csv and policies.csv",
    )
    if known_from:
        why, what = f"Capacity is declared in this log, but known only from {known_from}", PLAN_AHEAD
    return f"{why}, so there is nothing to say of run work and change work: {what}."


def capacity_parts(forecast: Forecast, width: int, *, weeks: bool) -> Iterator[Text | Table]:
    """Each team's capacity, summarised or by week, and the guardrails. `forecast.capacity` is not empty."""
    for team in forecast.capacity:
        yield _headline(team, width)
        yield _by_week(team.weeks, width) if weeks else _summary(team, width)
        if team.lost > 0.05:
            yield Text(f"  switching costs {figure(team.lost)} person-days until {_until(team)}", style="dim")
        yield Text()
    yield from _guardrails(forecast, width)
    yield Text(_legend(forecast.capacity), style="dim")


def _legend(teams: Sequence[TeamCapacity]) -> str:
    weeks = [week for team in teams for week in team.weeks]
    if not weeks:
        return "No morning is to come before the last key result is due."
    return (
        "run share: of the capacity that is there (now: in the last five mornings, or as last logged); "
        "backlog: person-days at the end of a week; in brackets: 80 of 100 futures"
    )


def _headline(team: TeamCapacity, width: int) -> Text:
    basis = "run work as assumed" if team.rests_on == "prior" else f"run work from {team.rests_on}"
    rest = f" · {people(team.people)} · {team.policy.replace('_', ' ')}"
    if width >= NARROW:
        rest += f" · {basis}"
    return cut(team.team, width - len(rest), style="bold").append(rest, style="not bold")


def people(count: float) -> str:
    """A number of people."""
    return "nobody" if count == 0 else "one person" if count == 1 else f"{number(count)} people"


def _until(team: TeamCapacity) -> str:
    return f"the week of {team.weeks[-1].week_start}" if team.weeks else "now"


def _summary(team: TeamCapacity, width: int) -> Table:
    """Run share and backlog: now, week by week, next week and in the last one."""
    weeks, shown = team.weeks, ends(team.weeks)
    if width < NARROW:
        shown = shown[-1:]
    top = max([team.backlog, *(week.backlog for week in weeks)], default=0.0)
    rows = (
        ("", "now", "by week" if weeks else "", *(f"week of {week.week_start}" for week in shown)),
        (
            "run share",
            f"{100 * team.run_share:.0f}%",
            run_of([week.run_share for week in weeks], 1.0, SPARK),
            *(f"{100 * week.run_share:.0f}% ({share_range(week)})" for week in shown),
        ),
        (
            "backlog",
            figure(team.backlog),
            run_of([week.backlog for week in weeks], top, SPARK),
            *(f"{figure(week.backlog)} ({backlog_range(week)})" for week in shown),
        ),
    )
    table = _grid()
    for n in range(len(rows[0])):
        if width >= NARROW or n != 2:
            table.add_column(justify="right" if n == 1 else "left", no_wrap=True, min_width=(11, 6, 13, 18, 18)[n])
    for n, row in enumerate(rows):
        cells = [cell for column, cell in enumerate(row) if width >= NARROW or column != 2]
        cells[0] = f"  {cells[0]}"
        table.add_row(*map(Text, cells), style="" if n else "dim")
    return table


def figure(days: float) -> str:
    """Person-days with one decimal, as long as they are few."""
    return f"{days:.1f}" if abs(days) < 999.95 else number(days)


def ends(weeks: Sequence[Week]) -> Sequence[Week]:
    """The first and the last week, once each."""
    return [weeks[0], weeks[-1]] if len(weeks) > 1 else weeks


def share_range(week: Week) -> str:
    """The middle four fifths of a week's run share."""
    return f"{100 * week.run_share_low:.0f}-{100 * week.run_share_high:.0f}%"


def backlog_range(week: Week) -> str:
    """The middle four fifths of the backlog at a week's end."""
    return f"{figure(week.backlog_low)}-{figure(week.backlog_high)}"


def _by_week(weeks: Sequence[Week], width: int) -> Table:
    """A row per week, with the range of the run share drawn."""
    table, wide = _grid(), width >= NARROW
    for justify in ("left", "right", "left", "left", "right", "left") if wide else ("left", "right", "left", "right"):
        table.add_column(justify=justify, no_wrap=True)
    heads = ("  week of", "run", "range", f"0%{'100%':>{BAND - 2}}", "backlog", "range")
    table.add_row(*_kept(heads, wide=wide), style="dim")
    for week in weeks:
        share = (f"{100 * week.run_share:.0f}%", share_range(week), band(week))
        row = (f"  {week.week_start}", *share, figure(week.backlog), backlog_range(week))
        table.add_row(*_kept(row, wide=wide))
    return table


def _kept(cells: Sequence[str], *, wide: bool) -> list[Text]:
    return [Text(cell) for n, cell in enumerate(cells) if wide or n not in (3, 5)]


def band(week: Week) -> str:
    """The run share between 0 and 1: its range as a line, its mean as a block."""
    low, high, mean = (
        min(int(share * BAND), BAND - 1) for share in (week.run_share_low, week.run_share_high, week.run_share)
    )
    return "".join("█" if n == mean else "─" if low <= n <= high else "·" for n in range(BAND))


def _grid() -> Table:
    return Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)


def _guardrails(forecast: Forecast, width: int) -> Iterator[Text]:
    """Every guardrail: what it is now, its limits, and how likely it breaks."""
    if not forecast.guardrails:
        return
    yield Text("Guardrails", style="bold")
    titles = {item.key_result: item.title for item in forecast.key_results}
    for rail in forecast.guardrails:
        end = f" · {plain(rail.team)} · {limits(rail)} · {risk(rail, forecast)}"
        yield _sentence(rail.title, end, width, style="yellow" if at_risk(rail) else "")
        for name, both in rail.both.items():
            if name in titles:
                yield _sentence(titles[name], f": reached, and it holds {percent(both)}", width, MARGIN + 2)
    yield Text()


def _sentence(title: str, end: str, width: int, margin: int = MARGIN, style: str = "") -> Text:
    """A title and what is said of it, on one line: the title gives way; then the end wraps."""
    room = max(width - margin - len(end), 12)
    return Text(" " * margin, style=style).append_text(cut(title, room)).append(end)


def at_risk(rail: Guardrail) -> bool:
    """Whether a guardrail is broken by its latest value, or more likely than one in twenty to break."""
    return broken_now(rail) or whole(rail.risk or 0.0) >= 5


def broken_now(rail: Guardrail) -> bool:
    """Whether the latest value is outside the limits."""
    if rail.value is None:
        return False
    low = -float("inf") if rail.lower is None else rail.lower
    high = float("inf") if rail.upper is None else rail.upper
    return not low <= rail.value <= high


def limits(rail: Guardrail) -> str:
    """What is wanted of a guardrail, and what it is now."""
    if rail.lower is not None and rail.upper is not None:
        wanted = f"{number(rail.lower)} to {number(rail.upper)}"
    else:
        wanted = f"at least {number(rail.lower)}" if rail.lower is not None else f"at most {number(rail.upper)}"
    known = "no value yet" if rail.value is None else f"last {number(rail.value)}"
    return f"{wanted}, {known}{', broken' if broken_now(rail) else ''}"


def risk(rail: Guardrail, forecast: Forecast) -> str:
    """How likely a guardrail breaks before the horizon."""
    if rail.risk is None:
        return "not simulated"
    weeks = next((team.weeks for team in forecast.capacity if team.team == rail.team), ())
    return f"breaks {percent(rail.risk)}" if weeks else "no morning to come"


def capacity_table(forecast: Forecast) -> pl.DataFrame:
    """A row per team and week to come, for a spreadsheet; a team without weeks has one row."""
    import polars as pl

    from koers.engine.joint import TeamCapacity, Week

    own, weekly = ([*kind.__dataclass_fields__] for kind in (TeamCapacity, Week))
    own.remove("weeks")
    names = [f"{name}_now" if name in weekly else name for name in own]
    rows = [
        [*(getattr(team, name) for name in own), *(getattr(week, name, None) for name in weekly)]
        for team in forecast.capacity
        for week in team.weeks or (None,)
    ]
    text = ("team", "policy", "rests_on")
    schema = {name: pl.String if name in text else pl.Float64 for name in [*names, *weekly]} | {"week_start": pl.Date}
    return pl.DataFrame(rows, schema=schema, orient="row")


def forecast_lines(forecast: Forecast, width: int) -> Iterator[Text | Table]:
    """What stands under the objectives of a forecast: everything together, guardrails at risk, a line per team."""
    if forecast.overall is None:
        return
    yield Text()
    if forecast.overall.key_results:
        yield from _overall(forecast.overall)
    for rail in forecast.guardrails:
        if at_risk(rail):
            end = f" ({plain(rail.team)}): {limits(rail)}, {risk(rail, forecast)}"
            yield _sentence(rail.title, end, width, 0, style="yellow")
    yield _lines(forecast.capacity, width)


def _overall(overall: Overall) -> Iterator[Text]:
    reached = f"{number(round(overall.expected_reached, 1))} of {overall.key_results} key results reached"
    spread = f"{number(round(overall.reached_low, 1))} to {number(round(overall.reached_high, 1))}"
    score = f"score {overall.expected_score:.2f} ({overall.score_low:.2f} to {overall.score_high:.2f})"
    text = f"Expected: {reached} ({spread} in 80 of 100 futures), {score}."
    if overall.lost_to_run_work >= 0.05:
        text += f" Run work beyond what is usual costs {number(round(overall.lost_to_run_work, 1))} of them."
    yield Text(text)


def _lines(teams: Sequence[TeamCapacity], width: int) -> Table:
    """A line per team: run share and backlog, now and to be expected."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_row(
        *map(Text, ("capacity", "run share", "backlog" if width < NARROW else "backlog, person-days")), style="dim"
    )
    for team in teams:
        share, backlog = f"{100 * team.run_share:>3.0f}%", figure(team.backlog)
        if team.weeks:
            share += f" > {100 * sum(week.run_share for week in team.weeks) / len(team.weeks):.0f}%"
            backlog += f" > {figure(team.weeks[-1].backlog)}"
        table.add_row(cut(team.team, max(12, width - 40)), Text(share), Text(backlog))
    return table
