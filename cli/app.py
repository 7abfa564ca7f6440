"""The commands, those that add to a log here. Thin: each parses, calls and prints; numeric libraries load inside."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from koers.cli.answers import backtest, forecast, status
from koers.cli.doctor import doctor
from koers.cli.exchange import export, holds_events, take_events, template
from koers.cli.explain import explain
from koers.cli.files import on_disk
from koers.cli.futures import capacity, play
from koers.cli.leadership import report
from koers.cli.lighter import lighten
from koers.cli.options import Commands, Day, Json, KeyResult, WithNumbers, version
from koers.cli.schema import schema
from koers.cli.search import search
from koers.cli.session import Session, print_json
from koers.cli.text import counted, plain
from koers.cli.verify import verify
from koers.cli.whatif import adopt, whatif
from koers.events.errors import InputError
from koers.events.urls import on_server

if TYPE_CHECKING:
    from koers.events.model import Event


EXIT_CODES = "Exit code: 0 fine; 1 the input or the log is at fault; 2 called wrongly."

app = typer.Typer(
    cls=Commands,
    help="Are we on track, and what would change the answer? Forecasts for OKRs, from a log of check-ins.",
    no_args_is_help=True,
    epilog=EXIT_CODES,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def start(
    ctx: typer.Context,
    log: Annotated[
        str, typer.Option("--log", envvar="KOERS_LOG", metavar="FILE|URL", help="The log to work on.")
    ] = "koers.db",
    version: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Are we on track, and what would change the answer? Forecasts for OKRs, from a log of check-ins."""
    given = ctx.obj if isinstance(ctx.obj, Session) else Session()
    ctx.obj = Session(log, given.clock)


@app.command()
def demo(ctx: typer.Context, json: Json = False) -> None:
    """Write a synthetic organisation to koers-demo.db here, forecast it, and try a decision."""
    from koers.cli.record import write_demo
    from koers.scenarios.case.events import AS_OF, case_events

    ctx.obj = Session("koers-demo.db", ctx.obj.clock)
    write_demo(ctx.obj, case_events(), AS_OF)
    if json:
        forecast(ctx, json=True)
        return
    typer.echo("A synthetic insurer: six teams, eight past quarters and one under way.\nAll of it is made up.\n")
    forecast(ctx)
    typer.echo()
    whatif(ctx, [Path("move-two")])
    typer.echo("\nIt is in koers-demo.db. Go on with:")
    for line in DEMO_NEXT:
        typer.echo(f"  koers --log koers-demo.db {line}")


DEMO_NEXT = (
    "status",
    "forecast --as-of 2026-10-23",
    "capacity",
    "explain 26q4-nights",
    "whatif protect-thirty hire-in-december",
    "search frontier --team platform",
    "report --out page.html --scenario move-two",
    "checkin 26q4-chat 19 --confidence 0.6",
    "export demo-tables",
)


@app.command()
def init(ctx: typer.Context, json: Json = False) -> None:
    """Make an empty log."""
    session: Session = ctx.obj
    if session.exists():
        what = "log" if on_server(session.url) else "file"
        raise InputError(f"there is a {what} here already; name another with --log", session.shown)
    with session.open(create=True):
        pass
    if json:
        print_json({"log": session.shown})
    else:
        typer.echo(f"Made an empty log, {plain(session.shown)}. Next: koers import FOLDER")


@app.command("import")
def import_(
    ctx: typer.Context,
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Folders of CSV tables, .csv, .xlsx; or .jsonl.")
    ],
    allow_extra: Annotated[bool, typer.Option("--allow-extra", help="Ignore columns koers does not know.")] = False,
    json: Json = False,
) -> None:
    """Take in tables or CloudEvents: all of them, or nothing. A second import adds only what changed."""
    from koers.cli.patience import working
    from koers.events.memory import MemoryLog
    from koers.events.tables import import_tables

    session: Session = ctx.obj
    if holds_events(paths):
        take_events(session, paths, json=json)
        return
    with working("importing"):
        if not session.exists():  # tried in memory first: bad input leaves no empty log behind
            import_tables(MemoryLog(), paths, now=session.clock(), allow_extra=allow_extra)
        with session.open(create=True) as log:
            done = import_tables(log, paths, now=session.now(log), allow_extra=allow_extra)
    if json:
        counts = {name: getattr(done, name) for name in ("added", "already", "corrected", "assumed")}
        print_json(counts | {"log_position": done.head.position, "log_head": done.head.hash})
        return
    typer.echo(f"{counted(done.added, 'row')} added, {done.already:,} known already, {done.corrected:,} edited since.")
    if done.assumed:
        facts = counted(done.assumed, "fact carries", "facts carry")
        typer.echo(f"{facts} no recording date: their own date is assumed.")
    typer.echo(f"{plain(session.shown)} is at position {done.head.position:,}, head {done.head.hash[:12]}.")


@app.command("import-tickets")
def import_tickets(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV export: columns opened, resolved.")],
    team: Annotated[str, typer.Option("--team", metavar="T", help="The team whose run work these tickets are.")],
    json: Json = False,
) -> None:
    """Take in a help desk's tickets as run work: all of them, or nothing. A later export adds what changed."""
    from koers.cli.patience import working
    from koers.events.memory import MemoryLog
    from koers.events.tickets import import_tickets

    session: Session = ctx.obj
    with working("importing"):
        if not session.exists():  # tried in memory first: bad input leaves no empty log behind
            import_tickets(MemoryLog(), file, team, now=session.clock())
        with session.open(create=True) as log:
            done = import_tickets(log, file, team, now=session.now(log))
    if json:
        counts = {name: getattr(done, name) for name in ("arrived", "done", "already", "corrected", "formed")}
        print_json({"team": team} | counts | {"log_position": done.head.position, "log_head": done.head.hash})
        return
    told = f"Tickets: {done.arrived:,} arrived, {done.done:,} resolved"
    typer.echo(f"{told}; {done.already:,} known already, {done.corrected:,} edited since.")
    if done.formed:
        typer.echo(f"The log knew no team: {plain(team)} is one now.")
    typer.echo(f"{plain(session.shown)} is at position {done.head.position:,}, head {done.head.hash[:12]}.")


app.command()(export)


@app.command(cls=WithNumbers, context_settings={"ignore_unknown_options": True})
def checkin(
    ctx: typer.Context,
    key_result: KeyResult,
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


@app.command(cls=WithNumbers, context_settings={"ignore_unknown_options": True})
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


@app.command()
def redact(
    ctx: typer.Context,
    event_id: Annotated[str, typer.Argument(metavar="EVENT_ID", help="The event whose note goes.")],
    json: Json = False,
) -> None:
    """Take an event's note out of the log for good; all else stays, and `verify` still holds."""
    from koers.events.redaction import redact as redact_note

    session: Session = ctx.obj
    with session.open() as log:
        done = redact_note(log, event_id, session.now(log))
    if json:
        print_json({"redacted": done})
    elif done:
        typer.echo(f"The note of {counted(len(done), 'event')} is gone: it cannot be brought back.")
    else:
        typer.echo("The note was gone already.")


def _told(event: Event, text: str, *, json: bool) -> None:
    if json:
        print_json({"event": event.id, "subject": event.subject, "effective_on": event.effective_on.isoformat()})
    else:
        typer.echo(f"{plain(text)}. Event {event.id}")


for answer in (verify, status, forecast, capacity, play, whatif, adopt, backtest, report, explain):
    app.command()(answer)


@app.command()
def simulate(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The log to write; it must not be there yet.")],
    teams: Annotated[int, typer.Option(min=1, max=1_000, help="Teams.")] = 4,
    cycles: Annotated[int, typer.Option(min=1, max=100, help="Cycles, the last one under way.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Names the draws: the same seed, the same log.")] = 0,
    work: Annotated[bool, typer.Option("--work", help="With run work, capacity and what effort went where.")] = False,
    json: Json = False,
) -> None:
    """Write a synthetic log from a known model, to try koers on."""
    from koers.cli.patience import working
    from koers.engine.simulate import Settings, Work, simulate
    from koers.events.sqlite import SqliteLog

    if on_disk(out).exists():
        raise InputError("there is a file here already; name another with --out FILE", str(out))
    names = tuple(f"team-{n + 1}" for n in range(teams))
    settings = Settings(teams=names, cycles=cycles, work=Work() if work else None)
    with working("simulating"):
        events = simulate(settings, seed)
        with SqliteLog(out, create=True, as_of=settings.as_of, clock=ctx.obj.clock) as log:
            log.append(events)
    if json:
        print_json({"log": str(out), "synthetic": True, "events": len(events), "as_of": settings.as_of, "seed": seed})
        return
    typer.echo(f"{plain(str(out))} is a synthetic log: {counted(len(events), 'event')}, all of them made up.")
    typer.echo(f"It stands at {settings.as_of}. Next: koers --log {plain(str(out))} forecast")


for tool in (schema, template, doctor):
    app.command()(tool)
app.add_typer(search, name="search")


def main() -> None:
    """Run koers; a character that stdout cannot show becomes a question mark."""
    lighten()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    app(prog_name="koers")
