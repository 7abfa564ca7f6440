"""A corpus of malformed files, from a seed, and what becomes of an import of each.

    python -m tests.malformed FOLDER write|koers|naive

`write` writes the corpus to FOLDER, `koers` imports every file of it into one log and prints JSON: the files that were
not met with a typed error and its place, the processor time of the slowest, and the peak memory of the process. `naive`
does so with readers that have not koers' care: the control.
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
import resource
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from koers.events.columns import TABLES, cell
from koers.events.errors import InputError
from koers.events.interchange import export_events, import_events
from koers.events.memory import MemoryLog
from koers.events.model import CheckedIn, Event
from koers.events.sheets import write_workbook
from koers.events.sqlite import SqliteLog
from koers.events.tables import import_tables
from koers.events.template import PAGES
from koers.events.tickets import import_tickets
from koers.scenarios.files import load_scenario

SEED = 20260410
NOW = datetime(2026, 4, 10, 9, tzinfo=UTC)
MORE: dict[str, dict[str, Any]] = {
    "alignments": {"child": "paid-same-day", "parent": "same-day", "relation": "supports"},
    "policies": {"team": "claims", "from": "2026-01-01", "policy": "run_first", "parameters": "{}"},
    "effort": {"team": "claims", "week_start": "2026-01-05", "run_days": 20.0, "change_days": 15.0},
    "run_work": {"item": "1", "team": "claims", "opened": "2026-01-05", "closed": "2026-01-07", "effort_days": 0.5},
    "kpis": {"kpi": "nps", "title": "NPS", "team": "claims", "unit": "points", "lower": 30.0},
    "kpi_values": {"kpi": "nps", "effective_on": "2026-01-31", "value": 41.0},
}
ROWS = {name: {key: cell(value) for key, value in page.example.items()} for name, page in PAGES.items()} | {
    name: {key: cell(value) for key, value in row.items()} for name, row in MORE.items()
}
NO_NUMBERS = ("1,5", "nan", "inf", "1e999", "0x10", "½", "1 000", "twelve", "--1", "1e", "٣")
NO_DAYS = (
    "31-12-2025",
    "2026-02-30",
    "2026-13-01",
    "2026-1-1",
    "46030",
    "0000-00-00",
    "20260101",
    "2500-01-01",
    "today",
)


class Case(NamedTuple):
    """A malformed file: which importer it is for, and whether what is wrong has a line."""

    path: Path
    importer: str
    placed: bool


def write_corpus(folder: Path) -> None:
    """Write the corpus, and what there is of it to `cases.json`."""
    chance = random.Random(SEED)
    cases = []
    for importer, made in (
        ("csv", _tables),
        ("tickets", _tickets),
        ("jsonl", _events),
        ("xlsx", _books),
        ("toml", _tomls),
    ):
        for number, (name, content, placed) in enumerate(made(chance)):
            path = folder / importer / str(number) / name
            cases.append((str(path), importer, placed))
            path.parent.mkdir(parents=True)
            path.write_bytes(content)
    (folder / "cases.json").write_text(json.dumps(cases))


Made = Iterator[tuple[str, bytes, bool]]


def _csv(header: list[str], rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    return out.getvalue().encode()


def _tables(chance: random.Random) -> Made:
    for name, table in TABLES.items():
        header, row = list(ROWS[name]), list(ROWS[name].values())
        rows = [row] * chance.randint(1, 5)
        needed = [n for n, column in enumerate(header) if not table.columns[column].optional]
        file, whole = f"{name}.csv", _csv(header, rows)
        gone = chance.choice(needed)
        yield file, _csv(header[:gone] + header[gone + 1 :], [r[:gone] + r[gone + 1 :] for r in rows]), True
        yield file, _csv([*header, "mood"], [[*r, "fine"] for r in rows]), True
        yield file, _csv([*header, header[0]], [[*r, r[0]] for r in rows]), True
        yield file, _csv(header, [*rows, row[:-1]]), True
        yield file, _csv(header, [*rows, [*row, "x", "y"]]), True
        yield file, whole.decode().encode("utf-16"), True
        yield file, whole + b'"never closed', True
        yield file, whole.replace(row[0].encode(), row[0].encode() + b"\0", 1), True
        yield file, whole.replace(row[0].encode(), b"\xe9\xff" + row[0].encode(), 1), True
        yield file, whole[: len(",".join(header)) - 3], True
        yield file, chance.choice((b"", b"\n\n\n", b"PK\x03\x04", b"\xff" * 99)), True
        for n, column in enumerate(header):
            kind = table.columns[column]
            bad = {"number": NO_NUMBERS, "whole": NO_NUMBERS, "share": NO_NUMBERS, "day": NO_DAYS}.get(
                kind.parse.__name__
            )
            if bad:
                yield file, _csv(header, [*rows[1:], [*row[:n], chance.choice(bad), *row[n + 1 :]]]), True
            if not kind.empty:
                yield file, _csv(header, [*rows[1:], [*row[:n], "", *row[n + 1 :]]]), True
            if kind.refers and not (column in ("team", "cycle") and name in ("objectives", "key_results")):
                yield file, _csv(header, [[*row[:n], "nobody", *row[n + 1 :]]]), True


def _tickets(chance: random.Random) -> Made:
    good = [
        ["t-1", "2026-01-05 08:40:25", "2026-01-07T10:00:00+01:00"],
        ["t-2", "2026-01-06", ""],
        ["t-3", "2026-01-06", ""],
    ]
    header = ["ticket_id", "opened", "resolved"]
    for _ in range(9):
        at = chance.randrange(3)
        for column, bad in (
            (1, chance.choice(NO_DAYS)),
            (1, ""),
            (1, "2026-05-01"),
            (2, chance.choice(NO_DAYS)),
            (2, "2025-12-31"),
            (1, "2026-01-05 25:61:00"),
            (2, "2026-01-07T10:00:00+99:00"),
            (0, ""),
            (0, "t\0"),
        ):
            rows = [list(row) for row in good]
            rows[at][column] = bad
            yield "export.csv", _csv(header, rows), True
        yield "export.csv", _csv(header, [*good, good[at][:2]]), True
        yield "export.csv", _csv(header, [*good, [*good[at][:2], "2026-02-01"], [*good[at][:2], "2026-02-02"]]), True
    yield "export.csv", _csv(header[:1] + header[2:], [row[:1] + row[2:] for row in good]), True


def _log() -> list[dict[str, Any]]:
    log = MemoryLog(clock=lambda: NOW)
    log.append(
        [
            Event(
                id=f"e-{n}",
                subject="kr/paid-same-day",
                effective_on=date(2026, 1, 5),
                recorded_at=NOW,
                data=CheckedIn(value=float(n)),
                note=f"note {n}",
            )
            for n in range(20)
        ]
    )
    path = Path(f".{os.getpid()}.jsonl")
    try:
        export_events(log, path)
        return [json.loads(line) for line in path.read_bytes().splitlines()]
    finally:
        path.unlink()


def _events(chance: random.Random) -> Made:
    whole = _log()
    fields = [name for name in whole[0] if name not in ("source", "notesalt")]
    nested = b'{"data":' * 3_000
    for turn in range(9):
        at = chance.randrange(1, len(whole) - 1)
        changes: list[list[dict[str, Any]]] = [
            whole[:at] + whole[at + 1 :],
            [*whole[:at], whole[at], *whole[at:]],
            [*whole[: at - 1], whole[at], whole[at - 1], *whole[at + 1 :]],
        ]
        wrong: Any = [None, 7, 1.5, [], {}, "x", True][turn % 7]
        for name in fields:
            damaged = dict(whole[at])
            damaged[name] = wrong if damaged[name] != wrong else "y"
            changes.append([*whole[:at], damaged, *whole[at + 1 :]])
        for lines in changes:
            yield "log.jsonl", "\n".join(map(json.dumps, lines)).encode(), True
        text = "\n".join(map(json.dumps, whole)).encode()
        for content in (
            text[: -chance.randint(1, 300)],
            text.replace(b'"value": ', b'"value": NaN, "was": ', at),
            text.replace(b"note ", b"not\xff ", at),
            b"\xff\xfe" + text.decode().encode("utf-16-le"),
            text.replace(b'"specversion"', nested, at),
            text.replace(b"\n", b"", 1),
            text + b"\n[]",
            b"[" + text.replace(b"\n", b",") + b"]",
        ):
            yield "log.jsonl", content, True


def _books(chance: random.Random) -> Made:
    path = Path(f".{os.getpid()}.xlsx")
    row = {**PAGES["check_ins"].example, "note": "n"}
    write_workbook(path, {"check_ins": [row] * 4})
    raw = path.read_bytes()
    path.unlink()
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    for _ in range(5):
        line = chance.randint(2, 5)
        place = f'<c r="C{line}">'.encode()
        for new in (
            b' t="e"><v>#N/A</v></c>',
            b"><f>1+1</f></c>",
            b' t="s"><v>99</v></c>',
            b"><v>1e999</v></c>",
            b"><v>x</v></c>",
        ):
            before, _, after = parts[sheet].partition(place)
            yield _book(parts | {sheet: before + place[:-1] + new + after.partition(b"</c>")[2]})
        for old, new in (
            (f'r="C{line}"'.encode(), b'r="C9"'),
            (f'r="C{line}"'.encode(), f'r="ZZ{line}"'.encode()),
            (f'r="A{line}"'.encode(), b'r="A0"'),
            (f'<row r="{line}"'.encode(), b'<row r="99999999"'),
            (b"</sheetData>", f'</sheetData><mergeCells><mergeCell ref="A{line}:B{line + 1}"/></mergeCells>'.encode()),
            (b"<sheetData>", b"<sheetData><sheetData"),
            (b"?>", b'?><!DOCTYPE x [<!ENTITY a "b">]>'),
        ):
            yield _book(parts | {sheet: parts[sheet].replace(old, new, 1)})
        gone = chance.choice([sheet, "xl/workbook.xml", "_rels/.rels", "xl/_rels/workbook.xml.rels"])
        yield _book({name: content for name, content in parts.items() if name != gone})
        spot = chance.randrange(len(raw) // 2)
        yield "book.xlsx", raw[: -chance.randint(30, 900)], False
        yield "book.xlsx", raw[:spot] + bytes(chance.randbytes(40)) + raw[spot + 40 :], False
        yield _book(parts | {"xl/workbook.xml": parts["xl/workbook.xml"].replace(b'"check_ins"', b'"check_outs"')})
        yield _book(parts | {sheet: b" " * chance.randint(40_000_000, 60_000_000)})
    yield _book(parts | {sheet: b" " * 400_000_000})
    yield "book.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(999), False
    yield "book.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), False


def _book(parts: dict[str, bytes]) -> tuple[str, bytes, bool]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return "book.xlsx", out.getvalue(), False


SCENARIO = 'name = "n"\nwhy = "w"\n\n[[lever]]\nkind = "hire"\nteam = "claims"\nfrom = 2026-11-24\npeople = 2\n'


def _tomls(chance: random.Random) -> Made:
    lines = SCENARIO.splitlines(keepends=True)
    for n, line in enumerate(lines):
        if line.strip():
            for bad in (
                "= =\n",
                '"""never closed\n',
                "[[[x]]]\n",
                "a.b.c.d.e.f.g.h.i.j = 1\n",
                "\x01\n",
                line[:-2] + "\n",
            ):
                if not (bad == line[:-2] + "\n" and line.startswith(("people", "from"))):
                    yield "s.toml", "".join([*lines[:n], bad, *lines[n + 1 :]]).encode(), False
    for old, new in (
        ('"hire"', '"hier"'),
        ('"hire"', "7"),
        ("people = 2", "people = nan"),
        ("people = 2", "people = 1e999"),
        ("people = 2", f"people = {'9' * 5_000}"),
        ("people = 2", 'people = "2"'),
        ("people = 2", f"people = {'[' * 3_000}"),
        ("people = 2", "people = -1"),
        ("2026-11-24", '"2026-11-24"'),
        ("2026-11-24", "2026-02-30"),
        ('name = "n"', "name = 1"),
        ('name = "n"\n', ""),
        ("[[lever]]", "[lever]"),
        ('team = "claims"', 'team = "claims"\nteam = "claims"'),
        ('team = "claims"', 'teem = "claims"'),
        ('team = "claims"', 'team = "\\u0000"'),
        ('team = "claims"', 'team = "\\ud800"'),
    ):
        yield "s.toml", SCENARIO.replace(old, new).encode(), False
    for _ in range(20):
        spot = chance.randrange(len(SCENARIO))
        yield "s.toml", SCENARIO[:spot].encode() + b"\xff" + SCENARIO[spot:].encode(), True
    yield "s.toml", SCENARIO.encode("utf-16"), True
    yield "s.toml", b"", False
    yield "s.toml", b"#" * 300_000, False


READERS: dict[str, Callable[[SqliteLog, Path], object]] = {
    "csv": lambda log, path: import_tables(log, [path], now=NOW),
    "xlsx": lambda log, path: import_tables(log, [path], now=NOW),
    "tickets": lambda log, path: import_tickets(log, path, "claims", now=NOW),
    "jsonl": lambda log, path: import_events(log, [path]),
    "toml": lambda _, path: load_scenario(path),
}


def _naive_table(_: SqliteLog, path: Path) -> None:
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            for name in row.keys() & {"value", "people", "days", "low"}:
                float(row[name])
            for name in row.keys() & {"start", "from", "effective_on", "opened"}:
                datetime.fromisoformat(row[name])


def _naive_book(_: SqliteLog, path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            archive.read(name)


NAIVE: dict[str, Callable[[SqliteLog, Path], object]] = {
    "csv": _naive_table,
    "tickets": _naive_table,
    "jsonl": lambda _, path: [json.loads(line)["data"]["value"] for line in path.open()],
    "xlsx": _naive_book,
    "toml": lambda _, path: tomllib.loads(path.read_text()),
}


def _peak_mb() -> int:
    """The most memory this program has held. ru_maxrss would count what held it before it was started, too."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return next(int(line.split()[1]) // 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))


def trial(folder: Path, readers: dict[str, Callable[[SqliteLog, Path], object]]) -> dict[str, Any]:
    """Import the corpus into one log that holds its neighbours already. What went wrong, per file, and what it took."""
    cases = [Case(Path(name), *more) for name, *more in json.loads((folder / "cases.json").read_bytes())]
    wrong: list[str] = []
    slowest = 0.0
    path = folder / f"{os.getpid()}.db"
    with SqliteLog(path, create=True) as log:
        for name in TABLES:
            (folder / f"{name}.csv").write_bytes(_csv(list(ROWS[name]), [list(ROWS[name].values())]))
        import_tables(log, [folder], now=NOW)
        head = log.head()
        for case in cases:
            began = sum(os.times()[:4])
            said = _said(readers[case.importer], log, case)
            slowest = max(slowest, sum(os.times()[:4]) - began)
            if log.head() != head:
                said, head = f"something of it was stored ({said})", log.head()
            if said:
                wrong.append(f"{case.path}: {said}")
        log.verify()
    peak = _peak_mb()
    return {"files": len(cases), "wrong": wrong, "slowest": round(slowest, 2), "peak_mb": peak}


def _said(reader: Callable[[SqliteLog, Path], object], log: SqliteLog, case: Case) -> str:
    """What is wrong with how a malformed file is met; nothing if it is refused as it should be."""
    try:
        reader(log, case.path)
    except InputError as error:
        place = error.where.removeprefix(str(case.path))
        if place == error.where or (case.placed and not place.startswith(":")):
            return f"no place: {error}"
        return "" if "\n" not in str(error) else f"more than a line: {error}"
    except Exception as error:  # what a user would see as a traceback
        return f"{type(error).__name__}: {error!s:.200}"
    return "it was taken"


if __name__ == "__main__":
    place, what = Path(sys.argv[1]), sys.argv[2]
    if what == "write":
        write_corpus(place)
    else:
        print(json.dumps(trial(place, {"koers": READERS, "naive": NAIVE}[what])))  # noqa: T201
