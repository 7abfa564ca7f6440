"""A command line with a fixed clock, and small logs to point it at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
import uuid
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from koers.cli.app import app
from koers.cli.session import Session
from koers.events.log import open_log
from koers.events.model import CheckedIn, CycleClosed, CycleOpened, Data, Event, KeyResultSet, ObjectiveSet

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
START, DUE = date(2026, 10, 1), date(2026, 12, 31)
SOURCE = Path(__file__).resolve().parents[2] / "src"


def koers(*args: object, columns: int = 80, **env: str) -> Result:
    """Run a command in this process, at NOW."""
    told = {"COLUMNS": str(columns), "KOERS_LOG": "", "FORCE_COLOR": "", "NO_COLOR": ""} | env
    return CliRunner().invoke(app, [str(arg) for arg in args], obj=Session(clock=lambda: NOW), env=told)


def shown(*args: object, columns: int = 80, **env: str) -> str:
    """What a command that goes well prints; nothing goes to stderr."""
    result = koers(*args, columns=columns, **env)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


def told(*args: object) -> Any:  # noqa: ANN401 - any JSON value
    """The one JSON document a command prints: strict JSON, on one line."""
    text = shown(*args)
    assert text.count("\n") == 1
    return json.loads(text, parse_constant=_no_constant)


def _no_constant(name: str) -> float:
    raise AssertionError(f"{name} is not JSON")


def refused(*args: object) -> str:
    """What a command says that cannot do it: one line on stderr, nothing on stdout, exit code 1."""
    result = koers(*args)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("koers: ")
    assert result.stderr.splitlines(keepends=True) == [result.stderr]
    assert result.stderr.endswith("\n")
    return result.stderr[len("koers: ") : -1]


def misused(*args: object) -> str:
    """What a command says that was called wrongly: usage on stderr, nothing on stdout, exit code 2."""
    result = koers(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: ")
    return result.stderr


def process(folder: Path, *args: object, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    command = [sys.executable, "-W", "error", "-m", "koers", *map(str, args)]
    return subprocess.run(  # noqa: S603
        command, cwd=folder, env=environment(**env), capture_output=True, encoding="utf-8", timeout=60, check=False
    )


def environment(**env: str) -> dict[str, str]:
    """A plain one: 80 columns, no log named, colours neither forced nor forbidden, output kept back as usual."""
    unset = ("KOERS_LOG", "NO_COLOR", "FORCE_COLOR", "PYTHONUNBUFFERED")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    return kept | {"PYTHONPATH": str(SOURCE), "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"} | env


def event(subject: str, day: date, data: Data, note: str | None = None) -> Event:
    """An event recorded at noon of its day."""
    at = datetime.combine(day, time(12), UTC)
    name = uuid.uuid5(uuid.NAMESPACE_OID, f"{subject} {data.type} {day}")
    return Event(id=str(name), subject=subject, effective_on=day, recorded_at=at, data=data, note=note)


def goal(name: str, **said: Any) -> Event:  # noqa: ANN401 - any field
    """A key result from START to DUE, of objective `o`."""
    fields: dict[str, Any] = {
        "title": name.title(),
        "objective": "o",
        "team": "t",
        "owner": "Ann",
        "cycle": "2026-Q4",
        "unit": "%",
        "kind": "metric",
        "direction": "increase",
        "baseline": 0.0,
        "target": 10.0,
        "start": START,
        "due": DUE,
    }
    return event(f"kr/{name}", START, KeyResultSet(**fields | said))


def objective(name: str = "o", title: str = "Better", team: str = "t") -> Event:
    """An objective of 2026-Q4."""
    return event(f"objective/{name}", START, ObjectiveSet(title=title, team=team, cycle="2026-Q4"))


def check_ins(name: str, *values: float) -> list[Event]:
    """Weekly check-ins from START on."""
    return [
        event(f"kr/{name}", START + timedelta(weeks=week), CheckedIn(value=value)) for week, value in enumerate(values)
    ]


def write_log(path: Path, events: Iterable[Event]) -> Path:
    """A log of these events, with its cycle."""
    opened = event("cycle/2026-Q4", START, CycleOpened(start=START, end=DUE))
    with open_log(path, create=True, clock=lambda: NOW) as log:
        log.append([opened, *events])
    return path


def closed() -> Event:
    """The cycle, closed early."""
    return event("cycle/2026-Q4", date(2026, 11, 20), CycleClosed())


def cells(line: str) -> int:
    """The columns a line takes on a terminal, by Unicode's own tables."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in line)
    return len(line) + wide - sum(unicodedata.category(char) in ("Mn", "Me", "Cf") for char in line)
