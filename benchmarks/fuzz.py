"""Coverage-guided fuzzing of everything koers reads (extra: bench, for atheris).

    python benchmarks/fuzz.py --parser csv|tickets|cloudevents|xlsx|toml [--minutes 10] [--keep FOLDER]

Starts from valid files, minds which lines of koers a change reaches, and takes `--minutes` of processor time. Anything
but a typed error, and anything that takes more than 2 seconds, is a finding: its input goes to `--keep`, and the
command ends with 1. The last line is JSON. Workbooks are fuzzed part by part, zipped afresh, in this process: the
limits of the process that reads them do not help here.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import resource
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["koers.events", "koers.scenarios"]):
    from koers.events.columns import TABLES, cell
    from koers.events.errors import KoersError
    from koers.events.interchange import export_events, import_events
    from koers.events.memory import MemoryLog
    from koers.events.sheets import write_workbook
    from koers.events.tables import import_tables
    from koers.events.template import PAGES
    from koers.events.tickets import import_tickets
    from koers.events.workbook import DAMAGE, workbook_lines
    from koers.events.worksheet import WorkbookError
    from koers.scenarios.files import scenario_from_toml

NOW = datetime(2026, 4, 10, 9, tzinfo=UTC)
MOST_SECONDS = 2.0
MORE: dict[str, dict[str, Any]] = {
    "alignments": {"child": "paid-same-day", "parent": "same-day", "relation": "supports"},
    "policies": {"team": "claims", "from": "2026-01-01", "policy": "buffer", "parameters": {"share": 0.4, "days": 3.0}},
    "effort": {"team": "claims", "week_start": "2026-01-05", "run_days": 20.0, "change_days": 15.0},
    "run_work": {"item": "1", "team": "claims", "opened": "2026-01-05", "closed": "2026-01-07", "effort_days": 0.5},
    "kpis": {"kpi": "nps", "title": "NPS", "team": "claims", "unit": "points", "lower": 30.0},
    "kpi_values": {"kpi": "nps", "effective_on": "2026-01-31", "value": 41.0},
}
ROWS = {name: dict(page.example) for name, page in PAGES.items()} | MORE
PARTS = ("xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/sharedStrings.xml", "xl/styles.xml", "_rels/.rels")

Target = Callable[[bytes], object]


def as_csv(name: str) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(ROWS[name])
    writer.writerow([cell(value) for value in ROWS[name].values()])
    return out.getvalue().encode()


def tables(folder: Path) -> tuple[Target, list[bytes]]:
    """The first byte says which table it is; the others are valid."""
    names = list(TABLES)
    for name in names:
        (folder / f"{name}.csv").write_bytes(as_csv(name))

    def target(data: bytes) -> None:
        path = folder / f"{names[data[0] % len(names)]}.csv"
        before = path.read_bytes()
        path.write_bytes(data[1:])
        try:
            import_tables(MemoryLog(), [folder], now=NOW)
        finally:
            path.write_bytes(before)

    return target, [bytes([n]) + as_csv(name) for n, name in enumerate(names)]


def tickets(folder: Path) -> tuple[Target, list[bytes]]:
    path = folder / "tickets.csv"

    def target(data: bytes) -> None:
        path.write_bytes(data)
        import_tickets(MemoryLog(), path, "claims", now=NOW)

    seeds = (
        b"ticket_id,opened,resolved,effort_days\n1,2026-01-05 08:40:25,2026-01-07T10:00:00+01:00,0.5\n2,2026-01-06,,\n",
        b"opened;resolved\n2026-01-05;2026-01-05\n2026-01-05;\n",
    )
    return target, list(seeds)


def cloudevents(folder: Path) -> tuple[Target, list[bytes]]:
    path = folder / "log.jsonl"
    log = MemoryLog()
    for name in TABLES:
        (folder / f"{name}.csv").write_bytes(as_csv(name))
    import_tables(log, [folder], now=NOW)
    export_events(log, path)
    copied = path.read_bytes().splitlines(keepends=True)
    names = ("position", "hash", "appendedat")
    foreign = [{key: value for key, value in json.loads(line).items() if key not in names} for line in copied]

    def target(data: bytes) -> None:
        path.write_bytes(data)
        import_events(MemoryLog(), [path])

    return target, [b"".join(copied), b"".join(copied[:2]), *(json.dumps(found).encode() for found in foreign)]


def xlsx(folder: Path) -> tuple[Target, list[bytes]]:
    """The first byte says which part it is; the others are valid."""
    path = folder / "seed.xlsx"
    write_workbook(path, {"check_ins": [ROWS["check_ins"], ROWS["check_ins"] | {"note": "=a_x000D_b", "value": 1e-7}]})
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}

    def target(data: bytes) -> None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, content in (parts | {PARTS[data[0] % len(PARTS)]: data[1:]}).items():
                archive.writestr(name, content)
        with suppress(WorkbookError, *DAMAGE):
            json.dumps(list(workbook_lines(out, list(TABLES))))

    return target, [bytes([n]) + parts[name] for n, name in enumerate(PARTS)]


def toml(folder: Path) -> tuple[Target, list[bytes]]:
    del folder
    home = Path(__file__).parent.parent / "scenarios/case/scenarios"
    seeds = [path.read_bytes() for path in sorted(home.glob("*.toml"))]
    return lambda data: scenario_from_toml(data.decode(errors="surrogateescape"), "fuzz.toml"), seeds


PARSERS = {"csv": tables, "tickets": tickets, "cloudevents": cloudevents, "xlsx": xlsx, "toml": toml}


class Trial:
    """Runs a parser on one input after the other until the time is up, and keeps what it should not have done."""

    def __init__(self, parser: str, target: Target, minutes: float, keep: Path) -> None:
        self._parser, self._target, self._seconds, self._keep = parser, target, 60 * minutes, keep
        self._runs = 0
        self._findings: dict[str, str] = {}

    def run(self, data: bytes) -> None:
        """One input."""
        began = time.process_time()
        if began > self._seconds:
            self._end(began)
        self._runs += 1
        with suppress(KoersError):
            try:
                self._target(data or b"\0")
            except KoersError:
                raise
            except Exception as error:  # whatever comes out is the finding
                frame = traceback.extract_tb(error.__traceback__)[-1]
                self._found(f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}", data)
        if time.process_time() - began > MOST_SECONDS:
            self._found("slow", data)

    def _found(self, what: str, data: bytes) -> None:
        if what not in self._findings:
            self._findings[what] = path = str(self._keep / f"{self._parser}-{len(self._findings)}")
            Path(path).write_bytes(data)
            print(f"{what}: {path}", flush=True)

    def _end(self, seconds: float) -> None:
        told = {
            "parser": self._parser,
            "executions": self._runs,
            "cpu_minutes": round(seconds / 60, 2),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "findings": sorted(self._findings),
        }
        print(json.dumps(told), flush=True)
        os._exit(bool(self._findings))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parser", choices=PARSERS, required=True)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--keep", type=Path, default=Path())
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work, corpus = Path(name, "work"), Path(name, "corpus")
        work.mkdir()
        corpus.mkdir()
        target, seeds = PARSERS[asked.parser](work)
        for number, seed in enumerate(seeds):
            (corpus / str(number)).write_bytes(seed)
        trial = Trial(asked.parser, target, asked.minutes, asked.keep)
        options = ["-verbosity=0", "-max_len=16384", "-timeout=60", "-rss_limit_mb=0"]
        atheris.Setup([sys.argv[0], *options, str(corpus)], trial.run)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
