"""Old versions: what was released once reads the same for ever, with the same hashes; a newer version says to update.

The golden files were written by `python -m tests.events.test_upcast FILE` of the release in their name; a release adds
one, and none is ever changed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from koers.events import upcast
from koers.events.cache import read_frames
from koers.events.chain import canonical_json
from koers.events.errors import LogError
from koers.events.log import decode, walk
from koers.events.memory import MemoryLog
from koers.events.model import PAYLOADS, CheckedIn, Row
from koers.events.upcast import STEPS, Step, current
from tests.events.test_log import EXAMPLES, check_in, salting, ticking

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.jsonl"))


def everything() -> MemoryLog:
    """One event of every type, and notes."""
    log = MemoryLog(clock=ticking(), salt=salting())
    for number, data in enumerate(EXAMPLES.values()):
        event = check_in(f"event-{number}", note="één notitie" if number % 7 == 0 else None)
        log.append([event.model_copy(update={"data": data, "subject": f"{data.subject_kind or 'kr'}/x"})])
    return log


def stored(path: Path) -> list[tuple[Row, dict[str, Any]]]:
    """The rows of a golden file, each with what it read as when it was written."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [(Row(**line["row"]), line["reads"]) for line in lines]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: str(path.stem))
def test_a_released_version_reads_the_same_with_the_same_hashes(path: Path) -> None:
    rows = stored(path)
    assert walk(row for row, _ in rows).position == len(rows) >= 30
    for row, reads in rows:
        assert json.loads(decode(row).model_dump_json()) == reads


def test_the_golden_file_of_this_version_holds_every_type_as_it_is_written_today() -> None:
    rows = [row for row, _ in stored(GOLDEN[-1])]
    assert {row.type for row in rows} == set(PAYLOADS)
    assert rows == list(everything().rows())


OLD = check_in("old")
STEP: dict[str, Step] = {
    "koers.checked-in.v-1": ("koers.checked-in.v0", lambda data: {"percent": data["text"].rstrip("%")}),
    "koers.checked-in.v0": ("koers.checked-in.v1", lambda data: {"value": float(data["percent"]) / 100}),
}


def old_row(kind: str, data: dict[str, Any]) -> Row:
    log = MemoryLog(clock=ticking())
    log.append([OLD])
    return log._rows[0]._replace(type=kind, data=canonical_json(data))


def test_an_old_version_is_read_through_every_step_to_the_current_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upcast, "STEPS", STEP)
    row = old_row("koers.checked-in.v-1", {"text": "40%"})
    assert current(row).data == '{"value":0.4}'
    assert decode(row).data == CheckedIn(value=0.4)
    assert decode(row).hash == row.hash


def test_columns_are_read_through_the_same_steps_in_the_order_of_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[str, dict[str, Any]]] = [
        ("v0", {"percent": "10"}),
        ("v1", {"value": 0.2}),
        ("v-1", {"text": "30%"}),
        ("v0", {"percent": "40"}),
    ]
    log = MemoryLog()
    log._rows = [
        old_row(f"koers.checked-in.{kind}", data)._replace(position=n) for n, (kind, data) in enumerate(said, 1)
    ]
    with pytest.raises(LogError, match=r"event type koers\.checked-in\.v0 is not known"):
        read_frames(log)
    monkeypatch.setattr(upcast, "STEPS", STEP)
    found = read_frames(log).of(CheckedIn)
    assert found["position"].to_list() == [1, 2, 3, 4]
    assert found["value"].to_list() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert found["value"].to_list() == [e.data.value for e in log.read() if isinstance(e.data, CheckedIn)]


def test_a_current_version_is_the_row_itself() -> None:
    row = old_row("koers.checked-in.v1", {"value": 1.0})
    assert current(row) is row


def test_every_step_leads_to_a_type_that_is_known() -> None:
    for kind, (following, _) in STEPS.items():
        assert kind not in PAYLOADS
        assert following in STEPS or following in PAYLOADS


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("koers.checked-in.v2", "not known to this version of koers, which reads koers.checked-in.v1: update koers"),
        ("koers.party-held.v1", "not known to this version of koers: update koers"),
        ("nonsense", "not known to this version of koers: update koers"),
    ],
)
def test_a_version_that_is_not_known_says_to_update_koers(kind: str, told: str) -> None:
    with pytest.raises(LogError, match=rf"^position 1: event type {kind} is {told}$"):
        decode(old_row(kind, {}))


def write(path: Path) -> None:
    """Write the golden file of this version."""
    lines = [{"row": row._asdict(), "reads": json.loads(decode(row).model_dump_json())} for row in everything().rows()]
    path.write_text("".join(canonical_json(line) + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
