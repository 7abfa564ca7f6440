"""A large log made fast, for benchmarks: rows as the log would store them, chain included, straight into SQLite."""

from __future__ import annotations

import itertools
import random
import sqlite3
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from koers.events.chain import body, canonical_json, digest_note, link
from koers.events.model import Row
from koers.events.sqlite import SqliteLog

FIRST = date(2020, 1, 6)
DAYS = 2_000
PER_GOAL = 48
"""Check-ins of a key result: weekly, for most of a year."""
TEAMS, KPIS = 50, 200
MIX = {"checked-in": 56.0, "check-in-corrected": 0.6, "event-retracted": 0.2, "kpi-observed": 17.0}
MIX |= {"run-work-arrived": 13.0, "run-work-done": 12.0, "effort-logged": 1.2}
"""Per cent of the events, by type; a tenth of the check-ins carries a note."""


class Said(NamedTuple):
    """What an event says."""

    type: str
    subject: str
    day: date
    data: dict[str, Any]
    note: str | None = None
    recorded: date | None = None


class Items(NamedTuple):
    """What later events go on from: how many items came and were done, and the last check-ins with their positions."""

    arrived: Iterator[int]
    done: Iterator[int]
    recent: deque[tuple[int, Said]]


def make_log(path: Path, events: int, seed: int = 0) -> None:
    """Write a log of `events` events to the file `path`."""
    with SqliteLog(path, create=True) as log:
        head = log.head()
    _insert(path, _rows(list(_plans(events)), *head, events, random.Random(seed)))  # noqa: S311


def add_events(path: Path, events: int, seed: int = 1) -> None:
    """Add so many events to the log in the file `path`."""
    with SqliteLog(path) as log:
        head = log.head()
    _insert(path, _rows([], *head, events, random.Random(seed)))  # noqa: S311


def _insert(path: Path, rows: Iterator[Row]) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA synchronous=OFF")
        db.executemany(f"INSERT INTO events VALUES ({','.join('?' * len(Row._fields))})", rows)  # noqa: S608


def event_id(position: int) -> str:
    """The id of the event at a position, so that later ones can name it."""
    return str(uuid.UUID(int=position * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128))


def _plans(events: int) -> Iterator[Said]:
    """The key results, objectives, KPIs and teams that the rest is about."""
    end = str(FIRST + timedelta(days=DAYS))
    goal = {"baseline": 0.0, "cadence": 7, "cycle": "c", "direction": "increase", "due": end, "kind": "metric"}
    goal |= {"start": str(FIRST), "target": 100.0, "unit": "points", "weight": 1.0}
    for n in range(_goals(events)):
        own = {"title": f"Key result {n}", "objective": f"objective-{n // 4}", "team": f"team-{n % TEAMS}"}
        yield Said("key-result-set", f"kr/{n:06d}", FIRST, goal | own)
        if n % 4 == 0:
            said = {"title": f"Objective {n // 4}", "team": own["team"], "cycle": "c", "ambition": "committed"}
            yield Said("objective-set", f"objective/objective-{n // 4}", FIRST, said)
    for n in range(KPIS):
        kpi = {"title": f"KPI {n}", "team": f"team-{n % TEAMS}", "unit": "days", "upper": 90.0}
        yield Said("kpi-defined", f"kpi/kpi-{n}", FIRST, kpi)
    for n in range(TEAMS):
        yield Said("capacity-set", f"team/team-{n}", FIRST, {"people": 7.0})


def _goals(events: int) -> int:
    return max(1, int(events * MIX["checked-in"] / 100 / PER_GOAL))


def _rows(plans: list[Said], position: int, head: str, count: int, rng: random.Random) -> Iterator[Row]:
    first, goals = position, _goals(position + count)
    items = Items(itertools.count(first), itertools.count(first), deque(maxlen=1_000))
    while position < first + count:
        position += 1
        done = position - first
        said = plans[done - 1] if done <= len(plans) else _happening(goals, DAYS * done // count, items, rng)
        if said.type == "checked-in":
            items.recent.append((position, said))
        time = f"{said.recorded or said.day}T{rng.randrange(8, 18):02d}:{rng.randrange(60):02d}:00.000000Z"
        salt = f"{rng.getrandbits(256):064x}" if said.note else None
        told: dict[str, Any] = {
            "id": event_id(position),
            "type": f"koers.{said.type}.v1",
            "subject": said.subject,
            "effective_on": str(said.day),
            "recorded_at": time,
            "actor": "import/check_ins",
            "data": canonical_json(said.data),
            "note_digest": digest_note(salt, said.note) if said.note and salt else None,
        }
        head = link(head, body(**told))
        yield Row(position=position, note=said.note, note_salt=salt, appended_at=time, hash=head, **told)


def _happening(goals: int, since: int, items: Items, rng: random.Random) -> Said:
    """One more event, `since` days after the first."""
    (kind,) = rng.choices(list(MIX), list(MIX.values()))
    day, value = FIRST + timedelta(days=since), round(100 * rng.random(), 1)
    if kind in ("check-in-corrected", "event-retracted") and items.recent:
        position, was = rng.choice(items.recent)
        if kind == "event-retracted":
            return Said(kind, was.subject, day, {"retracts": event_id(position)})
        return Said(kind, was.subject, was.day, {"value": value, "corrects": event_id(position)}, recorded=day)
    if kind == "kpi-observed":
        return Said(kind, f"kpi/kpi-{rng.randrange(KPIS)}", day, {"value": value})
    if kind == "effort-logged":
        return Said(kind, f"team/team-{rng.randrange(TEAMS)}", day, {"run_days": value, "change_days": value})
    if kind == "run-work-arrived":
        return Said(kind, f"item/{next(items.arrived)}", day, {"team": f"team-{rng.randrange(TEAMS)}"})
    if kind == "run-work-done":
        return Said(kind, f"item/{next(items.done)}", day, {})
    note = f"why it is {value}" if rng.random() < 0.1 else None
    said = {"value": value, "confidence": round(rng.random(), 1), "projection": round(100 * rng.random(), 1)}
    return Said("checked-in", f"kr/{rng.randrange(goals):06d}", day, said, note)
