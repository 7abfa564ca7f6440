"""Power loss: a log is written through a file system that takes notes, and crash states are made out of the notes.

What a file was told before its last sync is on the disk. Of what it was told since, each sector of 512 bytes may have
come there or not, and so may a new length, a file that was made and one that was deleted. Each crash state is opened
by koers as it is. The controls keep their journal in ways that SQLite offers and koers does not use.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from koers.events.errors import LogError
from koers.events.log import open_log
from tests.events.heard_files import Call, heard
from tests.events.trial_events import event

SECTOR = 512
BATCHES = (1, 3, 1, 40, 2, 1, 120, 1)


@dataclass
class Crashed:
    """Crash states: those with a journal, and those in which something acknowledged was lost or a batch torn."""

    states: int = 0
    with_journal: int = 0
    lost: int = 0
    torn: int = 0
    unreadable: int = 0


def recorded(folder: Path, *pragmas: str) -> list[Call]:
    """What the file system is told while koers makes a log and appends batches to it."""
    calls: list[Call] = []
    with heard(calls.append, *pragmas), open_log(folder / "log.db", create=True) as log:
        calls.append(Call("ack"))
        for number, size in enumerate(BATCHES):
            log.append([event(f"{number}/{k}", note="n" * 300) for k in range(size)])
            calls.append(Call("ack"))
    return [call for call in calls if call.what != "read"]


@dataclass
class _Disk:
    """A file as it is on the disk for certain, and what it was told since."""

    content: bytes | None = None
    pending: list[Call] = field(default_factory=list)


def crash(calls: list[Call], draws: random.Random) -> dict[str, bytes]:
    """The files as they may be found after the power failed just after these calls."""
    disks: dict[str, _Disk] = {}
    for call in calls:
        disk = disks.setdefault(call.file, _Disk())
        disk.pending.append(call)
        if call.what == "sync" or (call.what == "delete" and call.offset):
            disk.content, disk.pending = _told(disk.content, disk.pending), []
    found = {}
    for name, disk in disks.items():
        share = draws.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        content = _told(disk.content, [part for call in disk.pending for part in _parts(call, share, draws)])
        if content is not None:
            found[name] = content
    return found


def _parts(call: Call, share: float, draws: random.Random) -> Iterator[Call]:
    if call.what != "write":
        return iter([call] if draws.random() < share else [])
    sectors = range(0, len(call.data), SECTOR)
    written = [at for at in sectors if draws.random() < share]
    return (call._replace(offset=call.offset + at, data=call.data[at : at + SECTOR]) for at in written)


def _told(content: bytes | None, calls: list[Call]) -> bytes | None:
    """A file's content after these calls; None where there is no such file."""
    now = None if content is None else bytearray(content)
    for call in calls:
        if call.what == "delete":
            now = None
        elif call.what in ("make", "write", "truncate"):
            now = bytearray() if now is None else now
        if now is not None and call.what == "truncate":
            del now[call.offset :]
        if now is not None and call.what == "write":
            now.extend(bytes(max(0, call.offset - len(now))))
            now[call.offset : call.offset + len(call.data)] = call.data
    return None if now is None else bytes(now)


def crashed(calls: list[Call], states: int, folder: Path) -> Crashed:
    """Open crash states at moments spread over the calls, and hold each against what was acknowledged by then."""
    draws, found = random.Random(states), Crashed()
    for state in range(states):
        moment = state * len(calls) // states + 1
        for path in folder.iterdir():
            path.unlink()
        for name, content in crash([c for c in calls[:moment] if c.file], draws).items():
            (folder / name).write_bytes(content)
        _judge(folder / "log.db", sum(c.what == "ack" for c in calls[:moment]), found)
    return found


def _judge(path: Path, acknowledged: int, found: Crashed) -> None:
    found.states += 1
    hot = path.with_name("log.db-journal")
    found.with_journal += hot.exists() and hot.stat().st_size > SECTOR
    try:
        with open_log(path, create=not acknowledged) as log:
            log.verify()
            ids = [row.id for row in log.rows()]
    except LogError:
        found.unreadable += 1
        return
    batches = [f"{number}/{k}" for number, size in enumerate(BATCHES) for k in range(size)]
    ends = [sum(BATCHES[:number]) for number in range(len(BATCHES) + 1)]
    found.torn += ids != batches[: len(ids)] or len(ids) not in ends
    found.lost += len(ids) < ends[max(acknowledged - 1, 0)]
