"""A log takes back its own export: nothing is added, and an edited row is a correction recorded now."""

import csv
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from koers.engine.projections import readings
from koers.engine.replay import replay
from koers.events.export import export_tables
from koers.events.memory import MemoryLog
from koers.events.model import CheckInCorrected, end_of
from koers.events.tables import import_tables
from tests.small import AS_OF, demo_events

NOW = end_of(AS_OF)


@pytest.fixture
def log() -> MemoryLog:
    log = MemoryLog()
    log.append(demo_events())
    return log


def taken_back(log: MemoryLog, folder: Path) -> Path:
    export_tables(log, folder)
    import_tables(log, [folder], now=NOW)
    return folder


def test_an_export_taken_back_adds_nothing(log: MemoryLog, tmp_path: Path) -> None:
    before = log.head()
    taken_back(log, tmp_path / "tables")
    assert log.head() == before


def test_a_check_in_corrected_by_hand_stays_corrected_when_its_export_is_taken_back(
    log: MemoryLog, tmp_path: Path
) -> None:
    corrected = next(event for event in log if isinstance(event.data, CheckInCorrected))
    taken_back(log, tmp_path / "tables")
    values = readings(replay(log)).rows_by_key(["key_result", "effective_on"], named=True, unique=True)
    assert values[corrected.name, corrected.effective_on]["value"] == corrected.data.value  # type: ignore[union-attr]


def test_an_edited_row_of_an_export_is_a_correction_recorded_now(log: MemoryLog, tmp_path: Path) -> None:
    table = taken_back(log, tmp_path / "tables") / "check_ins.csv"
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    edited = next(row for row in rows if row["key_result"] == "q4-chat")
    edited["value"] = "11.25"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    later = datetime(2026, 11, 20, tzinfo=UTC)
    done = import_tables(log, [table], now=later)
    last = list(log)[-1]
    assert (done.added, done.corrected, last.recorded_at) == (0, 1, later)
    assert isinstance(last.data, CheckInCorrected)
    assert (last.data.value, last.effective_on) == (11.25, date.fromisoformat(edited["effective_on"]))
