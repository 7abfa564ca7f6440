"""What it costs to copy a log: export and import of CloudEvents, on one core, beside what SQLite alone takes.

    python benchmarks/exchange.py [--events 200000]

Seconds are processor time, peak memory is that of a process that only imports. `insert_share` is the part of the import
that writing the same rows to the same table would take by itself. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from koers.events.interchange import export_events, import_events
from koers.events.model import CheckedIn, Event
from koers.events.sqlite import SqliteLog

BATCH = 10_000
FIRST = date(2020, 1, 1)


def check_ins(first: int, count: int) -> list[Event]:
    """Check-ins of 100 key results, every fifth with a note."""
    events = []
    for n in range(first, first + count):
        day = FIRST + timedelta(days=n % 2_000)
        said = CheckedIn(value=n / 7, confidence=0.5, projection=9.0)
        name, at = str(uuid.uuid5(uuid.NAMESPACE_OID, str(n))), datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        note = "as the survey says" if n % 5 == 0 else None
        events.append(
            Event(id=name, subject=f"kr/{n % 100}", effective_on=day, recorded_at=at, actor="ann", data=said, note=note)
        )
    return events


def seconds(action: Callable[[], object]) -> float:
    """Processor time of an action."""
    began = time.process_time()
    action()
    return time.process_time() - began


def take(folder: Path) -> dict[str, float]:
    """Import the copy in `folder`; run in a process of its own."""
    with SqliteLog(folder / "again.db", create=True) as log:
        took = seconds(lambda: import_events(log, [folder / "copy.jsonl"]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": took, "peak_mb": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--take", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.take:
        print(json.dumps(take(asked.take)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with SqliteLog(folder / "log.db", create=True) as log:
            for first in range(0, asked.events, BATCH):
                log.append(check_ins(first, min(BATCH, asked.events - first)))
            out = seconds(lambda: export_events(log, folder / "copy.jsonl"))
            rows, head = list(log.rows()), log.head()
        command = [sys.executable, __file__, "--take", name]
        done = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)  # noqa: S603
        with SqliteLog(folder / "again.db") as log:
            assert log.head() == head  # noqa: S101 - the work was done
        with SqliteLog(folder / "plain.db", create=True) as log:
            marks = ",".join("?" * len(rows[0]))
            with log._writing():
                insert = seconds(lambda: log._db.executemany(f"INSERT INTO events VALUES ({marks})", rows))  # noqa: S608
        told = {
            "events": asked.events,
            "export_events_per_s": round(asked.events / out),
            "import_events_per_s": round(asked.events / done["seconds"]),
            "import_peak_mb": round(done["peak_mb"]),
            "insert_share": round(insert / done["seconds"], 2),
            "mb": round((folder / "copy.jsonl").stat().st_size / 1e6),
        }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
