"""`koers doctor`: what koers runs on, and whether the log is well."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import typer

from koers.cli.options import Json
from koers.cli.session import Session, print_json
from koers.cli.text import counted, plain
from koers.events.errors import LogError, MissingError

if TYPE_CHECKING:
    from koers.events.log import EventLog

LIBRARIES = ("numpy", "scipy", "polars", "pydantic", "numba", "simpy", "typer", "rich", "jinja2", "holidays")
EXTRAS = {"psycopg": ("postgres", "logs on a PostgreSQL server"), "xlsxwriter": ("xlsx", "workbooks out")}
LEAST_FREE = 100_000_000
"""Bytes; with fewer left, it is said."""


class Finding(NamedTuple):
    """One line: what was looked at, how it is, and that in words."""

    what: str
    state: Literal["fine", "advice", "fault"]
    said: str


def doctor(ctx: typer.Context, json: Json = False) -> None:
    """Look after koers itself: versions, the log's health, its copy, and where it is stored."""
    from koers.cli.patience import working

    session: Session = ctx.obj
    named = ctx.find_root().get_parameter_source("log")
    with working("looking"):
        found = [*_versions(), *_of_log(session, named=named is not None and named.name != "DEFAULT")]
    well = all(finding.state != "fault" for finding in found)
    if json:
        print_json({"well": well, "findings": [finding._asdict() for finding in found]})
    else:
        for finding in found:
            typer.echo(f"{finding.state:<6}  {finding.what:<10}  {plain(finding.said)}")
    if not well:
        raise typer.Exit(1)


def _versions() -> Iterator[Finding]:
    from koers import __version__

    yield Finding("koers", "fine", __version__)
    yield Finding("python", "fine", f"{platform.python_version()}, {platform.system()} {platform.machine()}")
    for name in LIBRARIES:
        found = _installed(name)
        yield Finding(name, "fine", found) if found else Finding(name, "advice", "is missing: install koers again")
    for name, (extra, needed) in EXTRAS.items():
        missing = f"not installed; {needed} need it: pip install 'koers[{extra}]'"
        yield Finding(name, "fine", _installed(name) or missing)


def _installed(name: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _of_log(session: Session, *, named: bool) -> Iterator[Finding]:
    """The log's health, its copy and its storage; that there is none is a fault only if it was `named`."""
    try:
        with session.open() as log:
            stored = log.storage()
            yield Finding("storage", "advice" if " off" in stored else "fine", stored)
            if log.path:
                yield from _place(log.path)
            head = log.verify()
            own = f"; it stands at {log.as_of}, its own date" if log.as_of else ""
            events = f"{counted(head.position, 'event')}, every one as it was appended{own}"
            yield Finding("log", "fine", f"{session.shown}: {events}")
            if log.path:
                yield _copy(log, log.path, head.position)
    except MissingError as error:
        yield Finding("log", "fault" if named else "advice", str(error))
    except LogError as error:
        yield Finding("log", "fault", str(error))


def _place(path: Path) -> Iterator[Finding]:
    """Whether the folder and the disk let the log grow."""
    folder = path.absolute().parent
    if not os.access(path, os.W_OK) or not os.access(folder, os.W_OK):
        yield Finding("place", "advice", f"{folder}: the log can be read, not added to: no right to write here")
    elif (free := _free(folder)) < LEAST_FREE:
        yield Finding("place", "advice", f"{folder}: the disk is nearly full, {free // 1_000_000} MB are left")
    else:
        yield Finding("place", "fine", f"{folder}: on this machine, can be written, {_size(free)} left")


def _free(folder: Path) -> int:
    from shutil import disk_usage

    return disk_usage(folder).free


def _size(count: int) -> str:
    return f"{count / 1e9:,.0f} GB" if count >= 1e9 else f"{count // 1_000_000} MB"


def _copy(log: EventLog, path: Path, last: int) -> Finding:
    """The columnar copy beside the log: how far it goes, or why there is none."""
    from koers.events.cache import LEAST, copied, copy_of

    name = copy_of(path).name
    if (until := copied(log)) is not None:
        return Finding("cache", "fine", f"{name}: holds {until:,} of {counted(last, 'event')}")
    if copy_of(path).exists():
        return Finding("cache", "advice", f"{name}: does not fit and is not used; the next forecast writes it anew")
    why = "the next forecast writes one" if last >= LEAST else f"a log of fewer than {LEAST:,} events needs none"
    return Finding("cache", "fine", f"{name}: not there; {why}")
