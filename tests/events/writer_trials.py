"""Many processes that write one file: how long they wait for each other, and who wins a race.

The control of waiting leaves out the queue before the file, so that SQLite's own locking decides; that of the race
appends without an expected version.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from koers.events.errors import VersionError
from koers.events.log import open_log
from koers.events.sqlite import SqliteLog
from koers.events.waiting import Queue
from tests.events.trial_events import PROCESSES, event, running, start


class Waited(NamedTuple):
    """Appends of many processes: positions that are missing or out of a writer's own order, and the longest wait."""

    appends: int
    gaps: int
    worst: float


def waited(path: Path, writers: int, appends: int, *, queue: bool = True) -> Waited:
    """Let processes append one event at a time to one log, as fast as they can; seconds."""
    _made(path)
    longest, barrier = PROCESSES.Queue(), PROCESSES.Barrier(writers)
    with running(start(_append_many, path, n, appends, queue, barrier, longest) for n in range(writers)) as started:
        worst = max(longest.get(timeout=600) for _ in started)
    with open_log(path) as log:
        log.verify()
        rows = [(row.position, row.id) for row in log.rows()]
    own = [[int(name.split("-")[1]) for _, name in rows if name.startswith(f"{n}-")] for n in range(writers)]
    gaps = sum(position != n for n, (position, _) in enumerate(rows, 1)) + sum(o != list(range(appends)) for o in own)
    return Waited(len(rows), gaps, worst)


def _made(path: Path) -> None:
    with open_log(path, create=True):
        pass


def _append_many(path: Path, writer: int, appends: int, queue: bool, barrier: Any, longest: Any) -> None:  # noqa: ANN401
    worst = 0.0
    unqueued = mock.patch.object(Queue, "turn", return_value=nullcontext())
    with nullcontext() if queue else unqueued, open_log(path) as log:
        barrier.wait()
        for number in range(appends):
            begin = time.perf_counter()
            log.append([event(f"{writer}-{number}")])
            worst = max(worst, time.perf_counter() - begin)
    longest.put(worst)


class Raced(NamedTuple):
    """Rounds of a race for one expected version, and those that not exactly one process won."""

    rounds: int
    undecided: int


def raced(path: Path, racers: int, rounds: int, *, expecting: bool = True) -> Raced:
    """Let processes append to one subject at once, all of them expecting the same last event; round after round."""
    _made(path)
    barrier = PROCESSES.Barrier(racers)
    won = [PROCESSES.Array("i", rounds, lock=False) for _ in range(racers)]
    with running(start(_race, path, n, rounds, expecting, barrier, won[n]) for n in range(racers)) as started:
        for process in started:
            process.join(1_200)
        ended = [process.exitcode for process in started]
    if any(code != 0 for code in ended):
        raise AssertionError(f"racers ended with {ended}")
    with open_log(path) as log:
        stored = log.verify().position
    undecided = sum(sum(wins) != 1 for wins in zip(*won, strict=True))
    if expecting and stored != rounds:
        raise AssertionError(f"{stored} events of {rounds} rounds")
    return Raced(rounds, undecided)


def _race(path: Path, racer: int, rounds: int, expecting: bool, barrier: Any, won: Any) -> None:  # noqa: ANN401
    with SqliteLog(path) as log:
        for number in range(rounds):
            version = log.head().position
            barrier.wait()
            try:
                log.append([event(f"{racer}-{number}")], {"kr/trial": version} if expecting else None)
                won[number] = 1
            except VersionError as error:
                if (error.subject, error.expected) != ("kr/trial", version) or error.actual <= version:
                    raise
            barrier.wait()
