"""A newcomer's first ten minutes, typed by a program: install, template, import, forecast, what-if, report, each timed.

    python benchmarks/first_ten_minutes.py

Takes docs/first-ten-minutes.md: installs a clone of this repository into a new virtual environment, fills in the
workbook with the page's tables, runs its commands, and writes what they print and how long each step took into it.
Seconds are those of the clock, and depend on the machine and on what pip has in its cache. The last line is JSON.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

import openpyxl

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "first-ten-minutes.md"
BLOCK = re.compile(
    r"^## (?P<step>[^\n]*)$|^```(?P<kind>sh|csv|toml|console)\n(?P<text>.*?)```$", re.DOTALL | re.MULTILINE
)
TIMES = re.compile(r"<!-- times -->\n.*?<!-- end -->", re.DOTALL)


class Played(NamedTuple):
    """A block of the page: in which step, what it holds, what it should hold, and how long that took."""

    step: str
    kind: str
    told: str
    seen: str
    seconds: float


def played(page: str, folder: Path, python: str) -> Iterator[Played]:
    """The page's blocks as they come out, in order: its files are written and its commands run in `folder`.

    `koers` is that of `python`. Blocks of `sh` are left to the caller.
    """
    step = ""
    for found in BLOCK.finditer(page):
        if found["step"]:
            step = found["step"]
            continue
        kind, told = found["kind"], found["text"]
        seen, began = told, time.perf_counter()
        if kind == "csv":
            fill_in(folder / "ours.xlsx", told)
        elif kind == "toml":
            name, _, text = told.partition("\n")
            (folder / name.removeprefix("# ")).write_text(text, encoding="utf-8")
        elif kind == "console":
            command = told.splitlines()[0]
            seen = f"{command}\n{printed(command.removeprefix('$ '), folder, python)}"
        yield Played(step, kind, told, seen, time.perf_counter() - began)


def fill_in(workbook: Path, table: str) -> None:
    """Type a table into the sheet that its first line names, under the columns that it names."""
    name, _, lines = table.partition(": ")
    head, *rows = lines.splitlines()
    book = openpyxl.load_workbook(workbook)
    places = {cell.value: cell.column for cell in book[name][1]}
    for line, row in enumerate(rows, 2):
        for column, text in zip(head.split(","), row.split(","), strict=True):
            book[name].cell(line, places[column], typed(text))
    book.save(workbook)


def typed(text: str) -> str | float | date | None:
    """What a spreadsheet makes of what is typed into a cell."""
    for kind in (float, date.fromisoformat):
        try:
            return kind(text)
        except ValueError:
            continue
    return text or None


def printed(command: str, folder: Path, python: str) -> str:
    """What a shell shows in 80 columns, without the blanks at the ends of lines. The command must go well."""
    env = os.environ | {
        "COLUMNS": "80",
        "NO_COLOR": "1",
        "PYTHONIOENCODING": "utf-8",
        "KOERS_LOG": "",
        "PYTHON": python,
    }
    script = f'koers() {{ "$PYTHON" -m koers "$@"; }}\n{command} 2>&1'
    done = subprocess.run(["/bin/bash", "-c", script], cwd=folder, env=env, capture_output=True, check=True)  # noqa: S603
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.decode().splitlines())


def installed(page: str, folder: Path) -> tuple[str, float]:
    """The Python of a new virtual environment with koers in it, and what installing it took."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)  # noqa: S603, S607
    (command,) = (found["text"] for found in BLOCK.finditer(page) if found["kind"] == "sh")
    began = time.perf_counter()
    subprocess.run(["/bin/bash", "-c", command], cwd=folder, check=True)  # noqa: S603
    return str(folder / ".venv" / "bin" / "python"), time.perf_counter() - began


def table(took: dict[str, float]) -> str:
    """The times as a table, with what they were taken on."""
    rows = [f"| {step} | {seconds:,.1f} s |" for step, seconds in took.items()]
    total = f"| all of it | {sum(took.values()):,.1f} s |"
    busy = f"{os.cpu_count()} cores with a load of {os.getloadavg()[0]:.0f}"
    where = f"By the clock, on {busy}; Python {platform.python_version()}, {platform.system()}."
    return "\n".join(["<!-- times -->", "| step | |", "|---|---|", *rows, total, "", where, "<!-- end -->"])


def main() -> None:
    """Write the page anew and print the times, last as JSON."""
    page = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made, "desk")
        folder.mkdir()
        python, seconds = installed(page, Path(made, "koers"))
        took = {"Install": seconds}
        for block in played(page, folder, python):
            page = page.replace(block.told, block.seen)
            if block.kind == "console":
                took[block.step] = took.get(block.step, 0.0) + block.seconds
    PAGE.write_text(TIMES.sub(lambda _: table(took), page), encoding="utf-8")
    for step, seconds in took.items():
        print(f"{step:26} {seconds:8.1f} s")
    print(json.dumps({step: round(seconds, 2) for step, seconds in took.items()}))


if __name__ == "__main__":
    main()
