"""`koers verify`: whether the log is what it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from koers.cli.files import write_text
from koers.cli.options import Json
from koers.cli.session import Session, print_json
from koers.cli.text import counted, plain

if TYPE_CHECKING:
    from koers.events.heads import ExportedHead


def verify(
    ctx: typer.Context,
    head: Annotated[
        Path | None, typer.Option("--head", metavar="FILE", help="Hold the log against this head, exported before.")
    ] = None,
    export_head: Annotated[
        Path | None, typer.Option("--export-head", metavar="FILE", help="Write the head there, to be kept elsewhere.")
    ] = None,
    json: Json = False,
) -> None:
    """Check every event of the log: chain, positions, schema and file; and hold it against a head kept elsewhere."""
    from koers.cli.patience import working
    from koers.events import heads
    from koers.events.redaction import redacted

    session: Session = ctx.obj
    before = heads.read_head(head) if head else None
    with working("verifying"), session.open() as log:
        found = log.verify()
        own = heads.hold(log, before) if before else True
        gone = redacted(log.rows(until=found.position))
        text = heads.export_head(log, found, session.clock())
    if export_head:
        write_text(text, export_head)
    if json:
        said: dict[str, Any] = {"log": str(log.log_id), "position": found.position, "hash": found.hash}
        said["redacted"] = [{"event": note.event_id, "position": note.position, "by": note.by} for note in gone]
        said |= {"held": before.model_dump(mode="json") if before else None, "copy": not own}
        print_json(said | {"exported": str(export_head) if export_head else None})
        return
    typer.echo(f"{plain(session.shown)}: {counted(found.position, 'event')}, and every one is as it was appended.")
    for note in gone:
        typer.echo(f"The note of position {note.position:,} was redacted, at position {note.by:,}.")
    typer.echo(_held(before) if before else f"Its head is {found.hash[:12]}. {KEEP}")
    if before and not own:
        typer.echo(f"It was taken of log {before.log}, of which this log, {log.log_id}, is a copy up to there.")
    if export_head:
        typer.echo(f"{plain(str(export_head))} holds its head: keep it where whoever writes the log cannot.")


KEEP = "Only a head kept elsewhere (--export-head, later --head) shows a cut tail."


def _held(head: ExportedHead) -> str:
    return f"The head of {head.time:%Y-%m-%d %H:%M} UTC, position {head.position:,}, stands."
