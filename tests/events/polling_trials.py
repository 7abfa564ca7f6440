"""Many writers on a server, some of whom roll back, and a reader that polls: what it misses.

The control numbers events by a sequence, as most tables do: a reader that polls by position passes over what commits
late.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from itertools import count, pairwise
from typing import Any, NamedTuple

import psycopg

from koers.events.log import open_log
from koers.events.postgres import PostgresLog
from tests.events.trial_events import PROCESSES, event, running, start


class Polled(NamedTuple):
    """What a reader that polls saw of what was stored."""

    stored: int
    rolled_back: int
    missed: int
    gaps: int


def polled_log(url: str, writers: int, seconds: float) -> Polled:
    """Run writers on a log, then hold what a polling reader saw against it. The log must verify afterwards."""
    with open_log(url, create=True) as log:
        found = _poll(url, writers, seconds, _write_log, lambda after: [row.position for row in log.rows(after)])
        if log.verify().position != found.stored:
            raise AssertionError("the head is not where the events end")
    return found


def polled_sequence(url: str, writers: int, seconds: float) -> Polled:
    """The same with positions out of a sequence."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("DROP TABLE IF EXISTS numbered")
        db.execute("CREATE TABLE numbered (position bigserial PRIMARY KEY, id text NOT NULL)")

        def read(after: int) -> list[int]:
            query = "SELECT position FROM numbered WHERE position > %s ORDER BY position"
            return [row[0] for row in db.execute(query, (after,))]

        return _poll(url, writers, seconds, _write_numbered, read)


def _poll(
    url: str, writers: int, seconds: float, write: Callable[..., None], read: Callable[[int], list[int]]
) -> Polled:
    until, undone = time.time() + seconds, PROCESSES.Value("i", 0)
    seen = [0]
    with running(start(write, url, n, until, undone) for n in range(writers)) as started:
        while any(process.is_alive() for process in started):
            seen += read(seen[-1])
        ended = [process.exitcode for process in started]
    if any(ended):
        raise AssertionError(f"writers ended with {ended}")
    seen += read(seen[-1])
    stored = read(0)
    gaps = sum(b != a + 1 for a, b in pairwise([0, *stored]))
    return Polled(len(stored), undone.value, len(set(stored) - set(seen)), gaps)


def _write_log(url: str, writer: int, until: float, undone: Any) -> None:  # noqa: ANN401 - a shared number
    draws = random.Random(writer)
    with PostgresLog(url) as log:
        for number in count():
            if time.time() > until:
                return
            batch = [event(f"{writer}-{number}-{k}") for k in range(draws.choice((1, 1, 3)))]
            with log._db.transaction() as transaction:
                log.append(batch)
                _change_mind(draws, transaction, undone)


def _write_numbered(url: str, writer: int, until: float, undone: Any) -> None:  # noqa: ANN401 - a shared number
    draws = random.Random(writer)
    with psycopg.connect(url, autocommit=True) as db:
        for number in count():
            if time.time() > until:
                return
            with db.transaction() as transaction:
                db.execute("INSERT INTO numbered (id) VALUES (%s)", (f"{writer}-{number}",))
                _change_mind(draws, transaction, undone)


def _change_mind(draws: random.Random, transaction: psycopg.Transaction, undone: Any) -> None:  # noqa: ANN401
    """Roll one transaction in a hundred back, after all was written."""
    if draws.random() < 0.01:
        with undone.get_lock():
            undone.value += 1
        raise psycopg.Rollback(transaction)
