"""The commands that answer from a log: status, forecast, backtest."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from koers.cli.files import is_page
from koers.cli.options import AsOf, Cycle, Json, KnownAt, Out, Samples, Seed
from koers.cli.session import Session, nothing, print_json
from koers.cli.text import counted, plain

if TYPE_CHECKING:
    from koers.engine.forecast import Forecast
    from koers.engine.judge import Verdict
    from koers.engine.replay import Frames


def status(
    ctx: typer.Context,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    cycle: Cycle = None,
    json: Json = False,
    out: Out = None,
) -> None:
    """Where the key results stand: value, progress, and how fresh that is."""
    from koers.cli.console import say, status_table, stdout
    from koers.cli.files import write_table
    from koers.engine.replay import view
    from koers.engine.standing import standing

    recorded, day, known, about = ctx.obj.read(as_of, known_at)
    table = ctx.obj.with_ids(standing(view(recorded, day, known), day, cycle), "check_in")
    if out:
        write_table(table, out)
    if json:
        print_json({"as_of": day.isoformat(), "key_results": table.to_dicts()})
        return
    say(about)
    if table.is_empty():
        say(nothing(recorded, day, cycle))
        return
    console = stdout()
    for part in status_table(table.to_dicts(), console.width):
        console.print(part)


def forecast(
    ctx: typer.Context,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    cycle: Cycle = None,
    samples: Samples = 10_000,
    seed: Seed = 0,
    record: Annotated[bool, typer.Option("--record", help="Keep it in the log, to be scored later.")] = False,
    json: Json = False,
    out: Out = None,
) -> None:
    """The probability of reaching each key result by its due date."""
    from koers.cli.files import write_table
    from koers.cli.patience import working
    from koers.engine.forecast import forecast_from

    if record and (as_of or known_at):
        raise typer.BadParameter("a forecast is recorded when it is made: leave --as-of and --known-at out")
    with working("forecasting"):
        recorded, day, known, about = ctx.obj.read(as_of, known_at)
        result = forecast_from(recorded, day, known, cycle=cycle, samples=samples, seed=seed)
    if record:
        _record(ctx.obj, result)
    if out:
        write_table(result.to_polars(), out)
    if json:
        print_json(result.to_dict())
        return
    from koers.cli.console import say  # loads rich

    say(about)
    if not result.key_results:
        say(nothing(recorded, day, cycle, result.warnings))
        return
    _print_forecast(result, recorded)


def _record(session: Session, result: Forecast) -> None:
    from koers.cli.record import issue

    with session.open() as log:
        kept = issue(log, result, session.now(log))
    typer.echo(f"{counted(kept, 'forecast')} recorded in {plain(session.shown)}", err=True)


def _print_forecast(result: Forecast, recorded: Frames) -> None:
    from koers.cli.capacity import forecast_lines
    from koers.cli.console import forecast_table, notes, stdout
    from koers.engine.forecast import trajectories, weeks_before

    console = stdout()
    week, points = weeks_before(recorded, result, [1], result.samples)[0].probability, trajectories(recorded, result)
    for part in forecast_table(result, week, points, console.width, list(forecast_lines(result, console.width))):
        console.print(part)
    notes(result)


def backtest(
    ctx: typer.Context,
    from_: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], metavar="DATE", help="Origins from this day on.")
    ] = None,
    to: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], metavar="DATE", help="Origins up to this day.")
    ] = None,
    every: Annotated[
        str, typer.Option(metavar="check-in|7d", help="An origin at each check-in, or common ones so many days apart.")
    ] = "check-in",
    cycle: Cycle = None,
    issued: Annotated[
        bool, typer.Option("--issued", help="Score the forecasts recorded by forecast --record.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, max=256, metavar="N", help="Processes to share the work.")] = 1,
    scheduler: Annotated[
        str | None, typer.Option(metavar="tcp://...", help="A dask cluster to share the work (extra: cluster).")
    ] = None,
    json: Json = False,
    out: Out = None,
    page: Annotated[Path | None, typer.Option(metavar="FILE.html", callback=is_page, help="Draw it as a page.")] = None,
) -> None:
    """How often what koers says comes true: forecasts of key results that have ended, from what was known then."""
    from koers.cli.adopted import taken, taken_json, taken_lines
    from koers.cli.console import say
    from koers.cli.files import write_table
    from koers.cli.patience import watched
    from koers.engine.backtest import backtest as run
    from koers.engine.executors import executor_for
    from koers.engine.judge import judge
    from koers.engine.outlook import INSIDE

    apart = _days_apart(every)
    recorded, day, _, about = ctx.obj.read(None, None)
    with executor_for(workers, scheduler) as executor:
        table = run(
            recorded,
            day,
            start=from_.date() if from_ else None,
            end=to.date() if to else None,
            cycle=cycle,
            every=apart,
            issued=issued,
            executor=executor,
            watch=lambda parts, total: watched(parts, total, "backtesting"),
        )
    if out:
        write_table(table.drop(INSIDE), out)
    verdict = judge(table, recorded, day)
    if page:
        _write_page(verdict, day, recorded, page)
    found, before = taken(table, recorded, day)
    if json:
        print_json({"as_of": day.isoformat()} | verdict.to_dict() | taken_json(found, before))
        return
    say(about)
    _print_verdict(verdict, issued=issued)
    for line in taken_lines(found, before):
        say(line)


def _write_page(verdict: Verdict, day: date, recorded: Frames, page: Path) -> None:
    from koers import __version__
    from koers.cli.files import write_text
    from koers.cli.report.backtest import backtest_page

    at = recorded.log_position, recorded.log_head
    write_text(backtest_page(verdict, as_of=day, log_position=at[0], log_head=at[1], version=__version__), page)


def _print_verdict(verdict: Verdict, *, issued: bool) -> None:
    from koers.cli.console import say, stdout
    from koers.cli.verdict import verdict_parts

    if not verdict.scores:
        what = "a recorded forecast" if issued else "check-ins"
        say(f"No key result with {what} has ended yet: there is nothing to judge by.")
        return
    console = stdout()
    for part in verdict_parts(verdict, console.width):
        console.print(part)


def _days_apart(every: str) -> int | None:
    """Days between common origins, None for one at each check-in. Raises typer.BadParameter."""
    if every == "check-in":
        return None
    if every.endswith("d") and every[:-1].isdecimal() and 0 < int(every[:-1]) <= 3660:
        return int(every[:-1])
    raise typer.BadParameter(f"{every!r}: write check-in, or days such as 7d", param_hint="--every")
