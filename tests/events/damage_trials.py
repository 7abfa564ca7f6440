"""A log that is damaged by a disk, or changed by somebody who can write its file: whether verify finds it.

Not counted as a change of an event: `appended_at`, which the hash leaves out. The control of damage is SQLite's own
check, that of tampering is verify without a head.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from koers.events.chain import digest_note, link
from koers.events.errors import LogError
from koers.events.heads import ExportedHead, hold
from koers.events.log import EMPTY, Head, _body_of, encode, open_log
from koers.events.model import Row
from tests.events.trial_events import NOW, event

PAGE = 4096
MOMENT = "2026-01-05T09:00:00.000000Z"


def written(path: Path, events: int) -> Path:
    """A log of so many events, some with notes."""
    with open_log(path, create=True, clock=lambda: NOW) as log:
        log.append(
            [event(f"event-{n:05}", n / 7, f"kr/k{n % 9}", f"note {n}" if n % 3 else None) for n in range(events)]
        )
    return path


@dataclass
class Damaged:
    """Copies that were damaged: `harmless` ones still hold every event; `missed` ones verify, and do not."""

    copies: int = 0
    found: int = 0
    harmless: int = 0
    missed: int = 0
    missed_by_control: int = 0


def damaged(folder: Path, copies: int, events: int = 150) -> Damaged:
    """Damage copies of a log, each in another way. An unchanged copy must verify."""
    original = written(folder / "log.db", events)
    content, rows, draws, found = original.read_bytes(), _rows(original), random.Random(copies), Damaged()
    path = folder / "copy.db"
    for number in range(copies):
        path.write_bytes(DAMAGES[number % len(DAMAGES)](bytearray(content), draws))
        found.copies += 1
        same = _rows(path) == rows
        if _verifies(path):
            found.harmless += same
            found.missed += not same
        else:
            found.found += 1
        found.missed_by_control += not same and _sqlite_is_content(path)
    path.write_bytes(content)
    if not _verifies(path):
        raise AssertionError("an unchanged copy does not verify")
    return found


def _verifies(path: Path, head: ExportedHead | None = None) -> bool:
    try:
        with open_log(path) as log:
            log.verify()
            if head:
                hold(log, head)
    except LogError as error:
        return "\n" in str(error)  # more than one line: as bad as a miss
    return True


def _rows(path: Path) -> list[Row] | None:
    try:
        with open_log(path) as log:
            return [row._replace(appended_at="") for row in log.rows()]
    except LogError:
        return None


def _sqlite_is_content(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path)) as db:
            return bool(db.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok")
    except (sqlite3.Error, UnicodeDecodeError):
        return False


def _flip(content: bytearray, draws: random.Random) -> bytes:
    content[draws.randrange(len(content))] ^= 1 << draws.randrange(8)
    return bytes(content)


def _zero(content: bytearray, draws: random.Random) -> bytes:
    size = draws.choice((1, 16, 512, PAGE))
    start = draws.randrange(len(content) // size) * size
    content[start : start + size] = bytes(size)
    return bytes(content)


def _swap(content: bytearray, draws: random.Random) -> bytes:
    a, b = (PAGE * page for page in draws.sample(range(len(content) // PAGE), 2))
    content[a : a + PAGE], content[b : b + PAGE] = content[b : b + PAGE], content[a : a + PAGE]
    return bytes(content)


def _cut(content: bytearray, draws: random.Random) -> bytes:
    size = draws.choice((1, 512, PAGE))
    return bytes(content[: size * draws.randrange(len(content) // size)])


def _text(content: bytearray, draws: random.Random) -> bytes:
    """Another character within the events' own bytes, where SQLite cannot see it."""
    at = content.find(b"event-", draws.randrange(len(content) - 600))
    content[(at if at > 0 else 600) + draws.randrange(200)] ^= 1
    return bytes(content)


DAMAGES = (_flip, _zero, _swap, _cut, _text)


@dataclass
class Tampered:
    """Changes of a log: `unnamed` ones are found at another position than the first that changed."""

    changes: int = 0
    found: int = 0
    unnamed: int = 0
    missed_by_control: int = 0


def tampered(folder: Path, changes: int, events: int = 40) -> Tampered:
    """Change copies of a log as somebody with an editor would, half of them with the chain computed anew."""
    original = written(folder / "log.db", events)
    with open_log(original) as log:
        rows = list(log.rows())
        head = ExportedHead(koers_head=1, log=log.log_id, position=events, hash=rows[-1].hash, time=NOW)
    draws, found, path = random.Random(changes), Tampered(), folder / "copy.db"
    for number in range(changes):
        path.write_bytes(original.read_bytes())
        changed, first = TAMPERINGS[number % len(TAMPERINGS)](rows, draws)
        anew = number // len(TAMPERINGS) % 2 == 1
        _store(path, _chained(changed) if anew else changed)
        found.changes += 1
        found.found += not _verifies(path, head)
        found.missed_by_control += _verifies(path)
        found.unnamed += not anew and _named(path, head) != first
    return found


def _store(path: Path, rows: list[Row]) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        (trigger,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'events_keep'").fetchone()
        db.execute("DROP TRIGGER events_keep")
        db.execute("DELETE FROM events")
        db.executemany(f"INSERT INTO events VALUES ({','.join('?' * len(Row._fields))})", rows)  # noqa: S608
        db.execute(trigger)


def _chained(rows: list[Row]) -> list[Row]:
    """The rows at positions 1, 2, 3 with hashes that fit."""
    head, chained = EMPTY, []
    for row in rows:
        digest = None if row.note is None else digest_note(row.note_salt or "", row.note)
        moved = row._replace(position=head.position + 1, note_digest=digest)
        chained.append(moved._replace(hash=link(head.hash, _body_of(moved))))
        head = Head(moved.position, chained[-1].hash)
    return chained


def _named(path: Path, head: ExportedHead) -> int | None:
    try:
        with open_log(path) as log:
            log.verify()
            hold(log, head)
    except LogError as error:
        words = str(error).replace(":", " ").split()
        return int(words[1]) if words[0] == "position" else None
    return None


Tampering = Callable[[list[Row], random.Random], tuple[list[Row], int]]


def _edit(rows: list[Row], draws: random.Random) -> tuple[list[Row], int]:
    """Another value in one column of one event."""
    at = draws.randrange(len(rows))
    column = draws.choice(("id", "subject", "effective_on", "recorded_at", "actor", "data", "note"))
    other: dict[str, Any] = {
        "id": f"forged-{at}",
        "subject": "kr/other",
        "effective_on": "2026-01-04",
        "recorded_at": "2026-01-05T10:00:00.000000Z",
        "actor": draws.choice((None, "somebody")),
        "data": '{"value":0.5}',
        "note": "another note",
    }
    changed = list(rows)
    changed[at] = rows[at]._replace(**{column: other[column]})
    return changed, at + 1


def _delete(rows: list[Row], draws: random.Random) -> tuple[list[Row], int]:
    """One event less; the next one is where it shows."""
    at = draws.randrange(len(rows) - 1)
    return rows[:at] + rows[at + 1 :], rows[at + 1].position


def _reorder(rows: list[Row], draws: random.Random) -> tuple[list[Row], int]:
    """Two events in each other's place."""
    a, b = sorted(draws.sample(range(len(rows)), 2))
    changed = list(rows)
    changed[a], changed[b] = rows[b]._replace(position=a + 1), rows[a]._replace(position=b + 1)
    return changed, a + 1


def _cut_tail(rows: list[Row], draws: random.Random) -> tuple[list[Row], int]:
    left = draws.randrange(len(rows))
    return rows[:left], left + 1


def _add(rows: list[Row], draws: random.Random) -> tuple[list[Row], int]:
    """An event slipped in, the others moved up."""
    at = draws.randrange(len(rows))
    forged = encode(event("forged", 9.0), at + 1, rows[at - 1].hash if at else EMPTY.hash, MOMENT, lambda: "00")
    moved = [row._replace(position=row.position + 1) for row in rows[at:]]
    return [*rows[:at], forged, *moved], at + 2


TAMPERINGS: tuple[Tampering, ...] = (_edit, _delete, _reorder, _cut_tail, _add)
