"""The JSON Schema of an event: it takes every line that koers writes, and koers refuses what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from koers.events.cloudevents import cloudevent
from koers.events.errors import InputError
from koers.events.interchange import export_events, import_events
from koers.events.memory import MemoryLog
from koers.events.model import PAYLOADS
from koers.events.schemas import event_schema
from koers.scenarios.case.events import case_events
from tests.events.test_upcast import everything
from tests.json_schema import fits

SCHEMA = event_schema()
LINE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "a",
    "source": "https://okr.example/",
    "type": "koers.checked-in.v1",
    "subject": "kr/growth",
    "time": "2026-11-24T09:30:00Z",
    "data": {"value": 3.0, "confidence": 0.5, "note": "as heard"},
}


def every_type() -> list[str]:
    """One event of every type, as lines."""
    return [cloudevent(row, "urn:uuid:a", None) for row in everything().rows()]


def test_the_schema_takes_every_line_that_koers_writes(tmp_path: Path) -> None:
    log = MemoryLog()
    log.append(case_events())
    export_events(log, tmp_path / "case.jsonl")
    case = (tmp_path / "case.jsonl").read_text(encoding="utf-8").splitlines()[::5]
    lines = [*map(json.loads, [*case, *every_type()])]
    assert [line["id"] for line in lines if not fits(line, SCHEMA, SCHEMA)] == []
    assert {line["type"] for line in lines} == set(PAYLOADS)


def imported(folder: Path, line: dict[str, Any]) -> None:
    (folder / "one.jsonl").write_text(json.dumps(line), encoding="utf-8")
    import_events(MemoryLog(), [folder / "one.jsonl"])


def test_a_line_of_another_source_fits_and_is_taken(tmp_path: Path) -> None:
    assert fits(LINE, SCHEMA, SCHEMA)
    imported(tmp_path, LINE)


@pytest.mark.parametrize(
    "change",
    [
        {"specversion": "0.3"},
        {"id": ""},
        {"type": "koers.checked-out.v1"},
        {"subject": "team/growth"},
        {"subject": "growth"},
        {"time": "soon"},
        {"effectiveon": "24-11-2026"},
        {"data": []},
        {"data": {"value": "3"}},
        {"data": {"value": 3.0, "confidence": 1.5}},
        {"data": {"value": 1e16}},
        {"data": {"confidence": 0.5}},
        {"data": {"value": 3.0, "colour": "green"}},
        {"data": {"value": 3.0, "note": 7}},
    ],
    ids=str,
)
def test_koers_refuses_what_the_schema_refuses(tmp_path: Path, change: dict[str, Any]) -> None:
    assert not fits(LINE | change, SCHEMA, SCHEMA)
    with pytest.raises(InputError, match=re.escape("one.jsonl:1: ")):
        imported(tmp_path, LINE | change)


def test_every_type_is_described_with_its_own_subject() -> None:
    assert len(SCHEMA["oneOf"]) == len(PAYLOADS) == len(SCHEMA["properties"]["type"]["enum"])
    assert all(part["description"] for part in SCHEMA["$defs"].values())
    assert "null" not in json.dumps(SCHEMA)
