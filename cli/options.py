"""Options that several commands share, and how an error leaves."""

from __future__ import annotations

import difflib
import errno
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from koers.cli.complete import key_results
from koers.cli.files import writable
from koers.cli.text import plain
from koers.events.errors import KoersError
from koers.events.urls import hidden

UsageError: Any = typer.BadParameter.__base__
"""The base of all that says koers was called wrongly; typer has no name for it."""


class Commands(TyperGroup):
    """The commands; an error people can act on is one line on stderr and exit code 1. No error holds a password."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # noqa: ANN401 - what the command gives
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KoersError as error:
            typer.echo(f"koers: {plain(hidden(str(error)))}", err=True)
            raise typer.Exit(1) from error
        except UsageError as error:
            error.message = hidden(error.message)
            raise


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


@contextmanager
def shown() -> Iterator[None]:
    """For a process of its own: output that cannot be written is an error in a line, unless its reader has stopped."""
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as error:
        if error.errno not in (*FULL, errno.EPIPE):
            raise
        if sys.stdout is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # where the rest goes as the process ends
        if error.errno != errno.EPIPE:
            typer.echo(f"koers: output: {error.strerror}; what was recorded before is in the log", err=True)
        raise SystemExit(1) from error


class WithNumbers(TyperCommand):
    """A command that takes negative numbers, and so lets pass what looks like a short option."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Parse; a long option that is not known is named, with one that is like it."""
        known = {name: parameter for parameter in self.get_params(ctx) for name in parameter.opts}
        valued = {name for name, parameter in known.items() if not getattr(parameter, "is_flag", False)}
        for before, arg in pairwise(["", *args]):
            name = arg.partition("=")[0]
            if arg == "--":
                break
            if name.startswith("--") and name not in known and before not in valued:
                ctx.fail(f"No such option: {plain(name)}{_meant(name, known)}")
        return super().parse_args(ctx, args)


def _meant(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=3)
    return f" (Possible options: {', '.join(near)})" if near else ""


def version(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        from koers import __version__

        typer.echo(f"koers {__version__}")
        raise typer.Exit


KeyResult = Annotated[str, typer.Argument(metavar="KR", help="The key result.", autocompletion=key_results)]
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
