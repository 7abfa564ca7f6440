"""Logs and workbooks as files: events in and out as CloudEvents, tables out as CSV or a workbook, a template."""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from koers.cli.files import on_disk
from koers.cli.options import Json
from koers.cli.session import Session, print_json
from koers.cli.text import counted, plain
from koers.events.errors import InputError, LogError
from koers.events.urls import on_server

if TYPE_CHECKING:
    from koers.events.interchange import ImportedEvents

EVENTS = ".jsonl"


def holds_events(paths: Sequence[Path]) -> bool:
    """Whether files are CloudEvents; False for tables. Raises InputError for a mixture."""
    found = {path.suffix.lower() == EVENTS for path in paths}
    if len(found) > 1:
        raise InputError(f"CloudEvents ({EVENTS}) and tables are imported apart: one after the other")
    return found == {True}


def take_events(session: Session, paths: Sequence[Path], *, json: bool) -> None:
    """Take in CloudEvents, all or nothing, and tell."""
    from koers.cli.patience import working
    from koers.events.interchange import import_events

    with working("importing"):
        if session.exists():
            with session.open() as log:
                done = import_events(log, paths)
        else:
            done = _restore_on_server(session, paths) if on_server(session.url) else _restore(session, paths)
    if json:
        counts = {"added": done.added, "already": done.already}
        print_json(counts | {"log_position": done.head.position, "log_head": done.head.hash})
        return
    typer.echo(f"{counted(done.added, 'event')} added, {done.already:,} known already.")
    typer.echo(f"{plain(session.shown)} is at position {done.head.position:,}, head {done.head.hash[:12]}.")


def _restore(session: Session, paths: Sequence[Path]) -> ImportedEvents:
    """Make the log beside its place and put it there when it is whole: bad input leaves none behind."""
    from koers.events.cloudevents import own_date
    from koers.events.interchange import import_events
    from koers.events.newfile import keep_name
    from koers.events.sqlite import SqliteLog

    path = Path(session.url)
    as_of = own_date(paths[0])
    try:
        with tempfile.TemporaryDirectory(prefix=".koers-", dir=path.absolute().parent) as folder:
            made = Path(folder, path.name)
            with SqliteLog(made, create=True, as_of=as_of, clock=session.clock) as log:
                done = import_events(log, paths)
            os.link(made, path)
        keep_name(path)
    except FileExistsError:
        raise LogError(f"{path}: somebody made a log here meanwhile: import again") from None
    except OSError as error:
        raise LogError(f"{path}: cannot be made: {error.strerror or error}") from error
    return done


def _restore_on_server(session: Session, paths: Sequence[Path]) -> ImportedEvents:
    """Make the log once every line has been looked at: bad input leaves none behind."""
    from koers.events.cloudevents import own_date, read_cloudevents
    from koers.events.interchange import import_events
    from koers.events.postgres import PostgresLog

    for path in paths:
        deque(read_cloudevents(path), maxlen=0)
    with PostgresLog(session.url, create=True, as_of=own_date(paths[0]), clock=session.clock) as log:
        return import_events(log, paths)


def export(
    ctx: typer.Context,
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER|FILE", help="A folder for CSV tables, FILE.xlsx for a workbook, FILE.jsonl for every event."
        ),
    ],
    json: Json = False,
) -> None:
    """Write the log as CSV tables, a workbook or CloudEvents (a full copy); `koers import` takes each back."""
    from koers.events.export import export_tables, export_workbook
    from koers.events.interchange import export_events

    session: Session = ctx.obj
    kind = on_disk(path).suffix.lower()
    with session.open() as log:
        if kind == EVENTS:
            written = {"events": export_events(log, path)}
        else:
            written = export_workbook(log, path) if kind == ".xlsx" else export_tables(log, path)
    if json:
        print_json(written)
        return
    for table, rows in written.items():
        if kind == EVENTS:
            typer.echo(f"{plain(str(path))}: {counted(rows, 'event')}")
        else:
            place = f"{path}, {table}" if kind == ".xlsx" else f"{path / table}.csv"
            typer.echo(f"{plain(place)}: {counted(rows, 'row')}")


def template(
    out: Annotated[Path, typer.Option("--out", metavar="FILE.xlsx", help="The workbook to write; it must be new.")],
    json: Json = False,
) -> None:
    """Write a workbook to fill in: goals, check-ins, capacity, with notes and lists to choose from."""
    from koers.events.template import write_template

    write_template(out)
    if json:
        print_json({"template": str(out)})
        return
    typer.echo(f"Fill in {plain(str(out))}, then: koers import {plain(str(out))}")
