"""Options that several commands share, and how an error leaves."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from koers.cli.files import writable
from koers.cli.text import plain
from koers.events.errors import KoersError


class Commands(TyperGroup):
    """The commands; an error people can act on is one line on stderr and exit code 1."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # noqa: ANN401 - what the command gives
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KoersError as error:
            typer.echo(f"koers: {plain(str(error))}", err=True)
            raise typer.Exit(1) from error


Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE")]
AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=["%Y-%m-%d"], metavar="DATE", help="What held at the end of this day [today]."),
]
KnownAt = Annotated[
    str | None, typer.Option("--known-at", metavar="TIME", help="What was known then [the end of the as-of day].")
]
Cycle = Annotated[str | None, typer.Option("--cycle", metavar="C", help="Only the key results of this cycle.")]
Samples = Annotated[int, typer.Option(min=1, max=10_000_000, help="Futures to draw, where it takes any.")]
Seed = Annotated[int, typer.Option(min=0, help="Names the draws.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", callback=writable, help="Write the table to FILE.{parquet,csv,json} as well."
    ),
]
