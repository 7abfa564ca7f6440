"""The commands. Thin: each one parses, calls the engine and prints; numeric libraries load inside."""

from __future__ import annotations

import io
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from koers.cli.files import writable
from koers.cli.session import Session, nothing, print_json
from koers.cli.text import plain
from koers.events.errors import InputError, KoersError

if TYPE_CHECKING:
    from koers.engine.forecast import Forecast
    from koers.engine.replay import Frames
    from koers.events.model import Event


class Commands(TyperGroup):
    """The commands; an error people can act on is one line on stderr and exit code 1."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # noqa: ANN401 - what the command gives
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KoersError as error:
            typer.echo(f"koers: {plain(str(error))}", err=True)
            raise typer.Exit(1) from error


app = typer.Typer(
    cls=Commands,
    help="Are we on track, and what would change the answer? Forecasts for OKRs, from a log of check-ins.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE")]
AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=["%Y-%m-%d"], metavar="DATE", help="What held at the end of this day [today]."),
]
KnownAt = Annotated[
    str | None, typer.Option("--known-at", metavar="TIME", help="What was known then [the end of the as-of day].")
]
Cycle = Annotated[str | None, typer.Option("--cycle", metavar="C", help="Only the key results of this cycle.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", callback=writable, help="Write the table to FILE.{parquet,csv,json} as well."
    ),
]


@app.callback()
def start(
    ctx: typer.Context,
    log: Annotated[
        str, typer.Option("--log", envvar="KOERS_LOG", metavar="FILE|URL", help="The log to work on.")
    ] = "koers.db",
) -> None:
    """Are we on track, and what would change the answer? Forecasts for OKRs, from a log of check-ins."""
    given = ctx.obj if isinstance(ctx.obj, Session) else Session()
    ctx.obj = Session(log, given.clock)


@app.command()
def demo(ctx: typer.Context, json: Json = False) -> None:
    """Write a synthetic organisation to koers-demo.db here, and forecast it."""
    from koers.cli.record import write_demo
    from koers.scenarios.case.demo import AS_OF, demo_events

    ctx.obj = Session("koers-demo.db", ctx.obj.clock)
    write_demo(ctx.obj, demo_events(), AS_OF)
    if json:
        forecast(ctx, json=True)
        return
    typer.echo("A synthetic organisation: two teams, two past quarters and one under way.\nAll of it is made up.\n")
    forecast(ctx)
    typer.echo("\nIt is in koers-demo.db. Go on with:")
    for line in DEMO_NEXT:
        typer.echo(f"  koers --log koers-demo.db {line}")


DEMO_NEXT = (
    "status",
    "forecast --as-of 2026-10-23",
    "backtest",
    "checkin q4-chat 19 --confidence 0.6",
    "export demo-tables",
)


@app.command()
def init(ctx: typer.Context, json: Json = False) -> None:
    """Make an empty log."""
    session: Session = ctx.obj
    if Path(session.url).exists():
        raise InputError("there is a file here already; name another with --log FILE", session.url)
    with session.open(create=True):
        pass
    if json:
        print_json({"log": session.url})
    else:
        typer.echo(f"Made an empty log, {plain(session.url)}. Next: koers import FOLDER")


@app.command("import")
def import_(
    ctx: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Folders of CSV tables, or single tables.")],
    allow_extra: Annotated[bool, typer.Option("--allow-extra", help="Ignore columns koers does not know.")] = False,
    json: Json = False,
) -> None:
    """Take in CSV tables: all of them, or nothing. A second import adds only what changed."""
    from koers.cli.console import working
    from koers.events.tables import import_tables

    session: Session = ctx.obj
    with working("importing"), session.open(create=True) as log:
        done = import_tables(log, paths, now=session.now(log), allow_extra=allow_extra)
    if json:
        counts = {name: getattr(done, name) for name in ("added", "already", "corrected", "assumed")}
        print_json(counts | {"log_position": done.head.position, "log_head": done.head.hash})
        return
    typer.echo(f"{done.added:,} rows added, {done.already:,} known already, {done.corrected:,} edited since.")
    if done.assumed:
        typer.echo(f"{done.assumed:,} facts carry no recording date: their own date is assumed.")
    typer.echo(f"{plain(session.url)} is at position {done.head.position:,}, head {done.head.hash[:12]}.")


@app.command()
def export(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder for the CSV tables; made if missing.")],
    json: Json = False,
) -> None:
    """Write the log as CSV tables that `koers import` takes back."""
    from koers.events.export import export_tables

    session: Session = ctx.obj
    with session.open() as log:
        written = export_tables(log, folder)
    if json:
        print_json(written)
        return
    for table, rows in written.items():
        typer.echo(f"{plain(str(folder / table))}.csv: {rows:,} rows")


@app.command(context_settings={"ignore_unknown_options": True})
def checkin(
    ctx: typer.Context,
    key_result: Annotated[str, typer.Argument(metavar="KR")],
    value: Annotated[float, typer.Argument(metavar="VALUE", help="The value now, in the key result's unit.")],
    on: Day = None,
    confidence: Annotated[float | None, typer.Option(metavar="P", help="The owner's confidence, 0 to 1.")] = None,
    projection: Annotated[float | None, typer.Option(metavar="V", help="The final value the owner expects.")] = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT")] = None,
    json: Json = False,
) -> None:
    """Check in on a key result."""
    from koers.cli.record import check_in

    session: Session = ctx.obj
    said = {"value": value, "confidence": confidence, "projection": projection}
    with session.open() as log:
        event = check_in(log, key_result, session.now(log), on.date() if on else None, note, said)
    _told(event, f"{key_result} is at {value:,.10g} on {event.effective_on}", json=json)


@app.command(context_settings={"ignore_unknown_options": True})
def correct(
    ctx: typer.Context,
    event_id: Annotated[str, typer.Argument(metavar="EVENT_ID", help="The check-in's event id.")],
    value: Annotated[float, typer.Argument(metavar="VALUE", help="The value it should have said.")],
    json: Json = False,
) -> None:
    """Correct a check-in; what was said before stays in the log."""
    from koers.cli.record import correct as correct_check_in

    session: Session = ctx.obj
    with session.open() as log:
        event = correct_check_in(log, event_id, value, session.now(log))
    _told(event, f"{event.name} was at {value:,.10g} on {event.effective_on}", json=json)


def _told(event: Event, text: str, *, json: bool) -> None:
    if json:
        print_json({"event": event.id, "subject": event.subject, "effective_on": event.effective_on.isoformat()})
    else:
        typer.echo(f"{plain(text)}. Event {event.id}")


@app.command()
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
    from koers.engine.replay import replay
    from koers.engine.standing import standing

    rows, day, known, about = ctx.obj.read(as_of, known_at)
    table = standing(replay(rows, effective_until=day, known_until=known), day, cycle)
    if out:
        write_table(table, out)
    if json:
        print_json({"as_of": day.isoformat(), "key_results": table.to_dicts()})
        return
    say(about)
    if table.is_empty():
        say(nothing(rows, day, cycle))
        return
    console = stdout()
    for part in status_table(table.to_dicts(), console.width):
        console.print(part)


@app.command()
def forecast(
    ctx: typer.Context,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    cycle: Cycle = None,
    samples: Annotated[int, typer.Option(min=1, max=10_000_000, help="Futures to draw, where it takes any.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Names the draws.")] = 0,
    json: Json = False,
    out: Out = None,
) -> None:
    """The probability of reaching each key result by its due date."""
    from koers.cli.console import say, working
    from koers.cli.files import write_table
    from koers.engine.forecast import forecast_from
    from koers.engine.replay import typed

    with working("forecasting"):
        rows, day, known, about = ctx.obj.read(as_of, known_at)
        recorded = typed(rows)
        result = forecast_from(recorded, day, known, cycle=cycle, samples=samples, seed=seed)
    if out:
        write_table(result.to_polars(), out)
    if json:
        print_json(result.to_dict())
        return
    say(about)
    if not result.key_results:
        say(nothing(rows, day, cycle, result.warnings))
        return
    _print_forecast(result, recorded)


def _print_forecast(result: Forecast, recorded: Frames) -> None:
    from koers.cli.console import forecast_table, say, stdout
    from koers.engine.forecast import trajectories, week_before

    console = stdout()
    for part in forecast_table(result, week_before(recorded, result), trajectories(recorded, result), console.width):
        console.print(part)
    running = tuple(f"{item.key_result} is really running the business" for item in result.key_results if item.warning)
    for warning in result.warnings:
        if not warning.startswith(running):  # the table has said so
            say(f"Note: {warning}.", style="dim")


@app.command()
def backtest(
    ctx: typer.Context,
    from_: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], metavar="DATE", help="Origins from this day on.")
    ] = None,
    cycle: Cycle = None,
    json: Json = False,
    out: Out = None,
) -> None:
    """How good the forecasts would have been: at every check-in, from what was recorded by then."""
    from koers.cli.console import say, score_table, stdout, watched
    from koers.cli.files import write_table
    from koers.engine.backtest import backtest as run
    from koers.engine.backtest import scores

    rows, day, _, about = ctx.obj.read(None, None)
    start = from_.date() if from_ else None
    table = run(rows, day, start=start, cycle=cycle, watch=lambda days: watched(days, "backtesting"))
    if out:
        write_table(table, out)
    found = scores(table)
    if json:
        print_json({"as_of": day.isoformat(), "scores": [score.to_dict() for score in found]})
        return
    say(f"{about}: key results that have ended, forecast anew at each of their check-ins")
    if not found:
        say("No key result with check-ins has ended yet: there is nothing to judge by.")
        return
    console = stdout()
    console.print("", score_table(found, console.width), "", sep="\n")
    say("Brier and log score: lower is better; each key result counts once.", style="dim")


def main() -> None:
    """Run koers; a character that stdout cannot show becomes a question mark."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    app()
