"""Writers that are killed and start again with what they cannot know was stored.

Each batch is named by its writer and number. A writer notes what it begins and what was acknowledged, outside the log;
when it starts again, it appends the last batches once more. The controls acknowledge before they append, event by
event, or name what they retry anew.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from itertools import count, pairwise
from pathlib import Path
from typing import NamedTuple

from koers.events.errors import LogError
from koers.events.log import EventLog, open_log
from koers.events.model import Event
from koers.events.urls import on_server
from tests.events.trial_events import event, kill, running, start

RETRIED = 20  # batches that a writer appends again when it starts


class Killed(NamedTuple):
    """What kills did: `in_flight` at a kill, `torn`: in the log in part, `doubled`: in it twice."""

    kills: int
    in_flight: int
    retried: int
    acknowledged: int
    lost: int
    torn: int
    doubled: int


def killed_writers(url: str | Path, folder: Path, kills: int, writers: int = 4, *, careless: bool = False) -> Killed:
    """Kill writers of a log one at a time, at any moment; then read it. Notes go to `folder`."""
    with open_log(url, create=True):
        pass
    draws = random.Random(kills)
    with running(start(_write, url, folder / str(n), n, careless) for n in range(writers)) as started:
        for _ in range(kills):
            chosen = draws.randrange(writers)
            _wait_for_more(folder / str(chosen))
            time.sleep(draws.uniform(0, 0.04))
            kill(started[chosen])
            started[chosen] = start(_write, url, folder / str(chosen), chosen, careless)
        for n in range(writers):
            _wait_for_more(folder / str(n))
    return judged(url, [folder / str(n) for n in range(writers)], kills)


def killed_server(
    url: str, folder: Path, kills: int, die: Callable[[], None], live: Callable[[], None], *, careless: bool = False
) -> Killed:
    """Kill the server of a log over and over while four writers go on; then read it."""
    with open_log(url, create=True):
        pass
    draws, notes = random.Random(kills), [folder / str(n) for n in range(4)]
    with running(start(_write, url, notes[n], n, careless) for n in range(4)):
        for _ in range(kills):
            for note in notes:
                _wait_for_more(note)
            time.sleep(draws.uniform(0, 0.1))
            die()
            live()
        for note in notes:
            _wait_for_more(note)
    return judged(url, notes, kills)


def judged(url: str | Path, notes: list[Path], kills: int) -> Killed:
    """Hold a log against the notes of its writers. It must verify."""
    with open_log(url) as log:
        log.verify()
        events = list(log.read())
    found = Counter(_batch_of(e.id) for e in events)
    said = [line.split() for note in notes for line in [*note.read_text().splitlines(), "end -"]]
    acknowledged = {batch for kind, batch in said if kind == "ack"}
    whole = {batch for batch, size in found.items() if size == _size(batch)}
    what = Counter((_batch_of(e.id), e.data.model_dump()["value"]) for e in events)
    return Killed(
        kills=kills,
        in_flight=sum(one[0] == "begin" and two[0] != "ack" for one, two in pairwise(said)),
        retried=sum(kind == "again" for kind, _ in said),
        acknowledged=len(acknowledged),
        lost=len(acknowledged - set(found)),
        torn=len(set(found) - whole),
        doubled=sum(times - 1 for times in what.values()),
    )


def _write(url: str | Path, note: Path, writer: int, careless: bool) -> None:
    """Append batches for ever, those first of which it cannot know whether they are in the log."""
    begun = sum(line.startswith("begin") for line in note.read_text().splitlines()) if note.exists() else 0
    life, log = str(os.getpid()) if careless else "", None
    with note.open("a", buffering=1) as file:
        for number in count(max(0, begun - RETRIED)):
            batch = f"{writer}-{number}"
            file.write(f"{'again' if number < begun else 'begin'} {batch}\n")
            events = [event(f"{batch}/{k}{life}", float(k)) for k in range(_size(batch))]
            if careless:
                file.write(f"ack {batch}\n")
            parts = [[e] for e in events] if careless else [events]
            log = _appended(url, log, parts, lambda batch=batch: file.write(f"again {batch}\n"))  # type: ignore[misc]
            if not careless:
                file.write(f"ack {batch}\n")


def _appended(
    url: str | Path, log: EventLog | None, batches: list[list[Event]], again: Callable[[], object]
) -> EventLog:
    """Append until it is acknowledged; the log it went to, opened anew where a server went away."""
    while True:
        try:
            log = log or open_log(url)
            for batch in batches:
                log.append(batch)
        except LogError:
            if not on_server(url):
                raise
            log = None
            again()
            time.sleep(0.05)
        else:
            return log


def _wait_for_more(note: Path, seconds: float = 60) -> None:
    """Until a writer has got something acknowledged since it was last looked at."""
    until, size = time.time() + seconds, note.stat().st_size if note.exists() else 0
    while not note.exists() or note.stat().st_size <= size:
        if time.time() > until:
            raise AssertionError(f"writer {note.name} stands still")
        time.sleep(0.001)


def _size(batch: str) -> int:
    """Events of a batch, by its name."""
    return int(batch.split("-")[1]) % 4 + 1


def _batch_of(event_id: str) -> str:
    return event_id.partition("/")[0]
