"""Real goals (WHO's vaccination targets) as a log, and as tables physically cut off on a day."""

from __future__ import annotations

import csv
from collections.abc import Collection
from datetime import UTC, date, datetime
from pathlib import Path

from koers.events.memory import MemoryLog
from koers.events.tables import import_tables

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RECORDED = {"key_results": "start", "check_ins": "recorded_on", "outcomes": "recorded_on"}


def imported(folder: Path) -> MemoryLog:
    log = MemoryLog()
    import_tables(log, [folder], now=NOW)
    return log


def teams_of(tables: Path) -> list[str]:
    with (tables / "key_results.csv").open(newline="") as source:
        return sorted({row["team"] for row in csv.DictReader(source)})


def cut(tables: Path, day: date, into: Path, teams: Collection[str] | None = None) -> Path:
    """The tables with only the rows recorded by `day`, of key results recorded by then (of these teams)."""
    into.mkdir()
    known: set[str] = set()
    for name, recorded in RECORDED.items():
        with (
            (tables / f"{name}.csv").open(newline="") as source,
            (into / f"{name}.csv").open("w", newline="") as target,
        ):
            reader = csv.DictReader(source)
            rows = [row for row in reader if row[recorded] <= day.isoformat()]
            if name == "key_results":
                known |= {row["key_result"] for row in rows if teams is None or row["team"] in teams}
            writer = csv.DictWriter(target, reader.fieldnames or [])
            writer.writeheader()
            writer.writerows(row for row in rows if row["key_result"] in known)
    return into
