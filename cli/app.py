"""The commands. Thin: each one parses, calls the engine and prints; numeric libraries load inside."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from koers.cli.session import Session, print_json
from koers.events.errors import InputError, KoersError

if TYPE_CHECKING:
    from koers.engine.forecast import Forecast
    from koers.engine.replay import Frames

app = typer.Typer(
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
    Path | None, typer.Option("--out", metavar="FILE", help="Write the table to FILE.{parquet,csv,json} as well.")
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
def demo(ctx: typer.Context) -> None:
    """Write a synthetic organisation to koers-demo.db here, and forecast it."""
    from koers.scenarios.case.demo import AS_OF, demo_events

    session = Session("koers-demo.db", ctx.obj.clock)
    events = demo_events()
    _write_demo(session, events, AS_OF)
    typer.echo("A synthetic organisation: two teams, two past quarters and one under way. Everything in it is made up.")
    ctx.obj = session
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


def _write_demo(session: Session, events: list[Any], as_of: Any) -> None:  # noqa: ANN401
    from koers.events.errors import LogError
    from koers.events.sqlite import SqliteLog

    with SqliteLog(Path(session.url), create=True, as_of=as_of, clock=session.clock) as log:
        first = next(log.read(), None)
        if log.as_of != as_of or (first is not None and first.id != events[0].id):
            raise LogError(f"{session.url}: holds another log; move it away, or run the demo in another folder")
        log.append(events)


@app.command()
def init(ctx: typer.Context) -> None:
    """Make an empty log."""
    session: Session = ctx.obj
    if Path(session.url).exists():
        raise InputError("there is a file here already; name another with --log FILE", session.url)
    with session.open(create=True):
        typer.echo(f"Made an empty log, {session.url}. Next: koers import FOLDER")


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
    typer.echo(
        f"{done.added:,} rows added, {done.already:,} known already, {done.corrected:,} edited since."
    )
    if done.assumed:
        typer.echo(f"{done.assumed:,} facts carry no recording date: their own date is assumed.")
    typer.echo(f"{session.url} is at position {done.head.position:,}, head {done.head.hash[:12]}.")


@app.command()
def export(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder for the CSV tables; made if missing.")],
) -> None:
    """Write the log as CSV tables that `koers import` takes back."""
    from koers.events.tables import export_tables

    session: Session = ctx.obj
    with session.open() as log:
        written = export_tables(log, folder)
    for table, rows in written.items():
        typer.echo(f"{folder / (table + '.csv')}: {rows:,} rows")


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
    _told(event, f"{key_result} is at {value:g} on {event.effective_on}", json=json)


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
    _told(event, f"{event.name} was at {value:g} on {event.effective_on}", json=json)


def _told(event: Any, text: str, *, json: bool) -> None:  # noqa: ANN401
    if json:
        print_json({"event": event.id, "subject": event.subject, "effective_on": event.effective_on.isoformat()})
    else:
        typer.echo(f"{text}. Event {event.id}")


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
    from koers.cli.console import status_table, stdout
    from koers.cli.files import write_table
    from koers.engine.replay import replay
    from koers.engine.standing import standing

    session: Session = ctx.obj
    with session.open() as log:
        day, known = session.times(log, as_of.date() if as_of else None, _moment(known_at))
        rows = list(log.rows())
    table = standing(replay(rows, effective_until=day, known_until=known), day, cycle)
    if out:
        write_table(table, out)
    if json:
        print_json({"as_of": day.isoformat(), "key_results": table.to_dicts()})
        return
    console = stdout()
    console.print(f"As of {day}, known at {known:%Y-%m-%d %H:%M} UTC")
    if table.is_empty():
        console.print(_nothing(rows, day))
        return
    console.print(status_table(table.to_dicts()))
    for row in table.filter(table["warning"].is_not_null()).iter_rows(named=True):
        console.print(f"R {row['key_result']} is really running the business: {row['warning']}.", style="yellow")


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
    from koers.cli.console import stdout, working
    from koers.cli.files import write_table
    from koers.engine.forecast import forecast_from
    from koers.engine.replay import typed

    session: Session = ctx.obj
    with working("forecasting"):
        with session.open() as log:
            day, known = session.times(log, as_of.date() if as_of else None, _moment(known_at))
            rows = list(log.rows())
        recorded = typed(rows)
        result = forecast_from(recorded, day, known, cycle=cycle, samples=samples, seed=seed)
    if out:
        write_table(result.to_polars(), out)
    if json:
        print_json(result.to_dict())
        return
    console = stdout()
    console.print(f"As of {day}, known at {known:%Y-%m-%d %H:%M} UTC\n")
    if not result.key_results:
        console.print(_nothing(rows, day, result.warnings))
        return
    _print_forecast(result, recorded)


def _print_forecast(result: Forecast, recorded: Frames) -> None:
    from koers.cli.console import forecast_table, stdout
    from koers.engine.forecast import trajectories, week_before

    console = stdout()
    for part in forecast_table(result, week_before(recorded, result), trajectories(recorded, result)):
        console.print(part)
    for warning in result.warnings:
        console.print(f"Note: {warning}.", style="dim", soft_wrap=False)


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
    from koers.cli.console import score_table, stdout, watched
    from koers.cli.files import write_table
    from koers.engine.backtest import backtest as run
    from koers.engine.backtest import scores

    session: Session = ctx.obj
    with session.open() as log:
        day, _ = session.times(log, None, None)
        rows = list(log.rows())
    start = from_.date() if from_ else None
    table = run(rows, day, start=start, cycle=cycle, watch=lambda days: watched(days, "backtesting"))
    if out:
        write_table(table, out)
    found = scores(table)
    if json:
        print_json({"as_of": day.isoformat(), "scores": [score.to_dict() for score in found]})
        return
    console = stdout()
    console.print(f"As of {day}: key results that have ended, forecast anew at each of their check-ins\n")
    if not found:
        console.print("No key result with check-ins has ended yet: there is nothing to judge by.")
        return
    console.print(score_table(found))
    console.print("\nBrier and log score: lower is better; each key result counts once.", style="dim")


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no time: write 2026-11-24T09:30:00Z", param_hint="--known-at") from error
    if len(text) == len("2026-11-24"):
        from koers.events.model import end_of

        return end_of(moment.date())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _nothing(rows: list[Any], day: Any, said: tuple[str, ...] = ()) -> str:  # noqa: ANN401
    """One sentence for an empty table."""
    if not rows:
        return "The log is empty: `koers import FOLDER` takes in tables."
    first = min(row.recorded_at for row in rows)[:10]
    if day.isoformat() < first:
        return f"Nothing was recorded by {day}: the log begins on {first}."
    return (said[0] if said else f"no key result was under way on {day}") + "."


def main() -> None:
    """Run koers; an error people can act on is one line on stderr and exit code 1."""
    try:
        app()
    except KoersError as error:
        typer.echo(f"koers: {' '.join(str(error).split())}", err=True)
        sys.exit(1)
