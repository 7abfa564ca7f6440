"""A disk that fails: at every k-th call of SQLite, once or from then on, with an error or for want of room.

An append that fails leaves the batch whole or absent, and can be tried again on the same log and after opening anew.
The control keeps no journal, so that nothing can be rolled back.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import apsw

from koers.events.errors import LogError
from koers.events.log import EventLog, open_log
from tests.events.heard_files import Call, heard
from tests.events.trial_events import event

BATCHES = (1, 60, 2, 90)
KINDS = (apsw.IOError, apsw.FullError)
FULL_BATCH = 20


@dataclass
class Failed:
    """Failures tried, appends that were refused, and logs that had lost, torn or doubled something afterwards."""

    failures: int = 0
    refused: int = 0
    broken: int = 0


def failed(folder: Path, *pragmas: str, every: int = 1) -> Failed:
    """Fail every k-th call for k = 1, 1 + every, ... until there are no more calls; once and for good, in all kinds."""
    found = Failed()
    for kind in KINDS:
        for for_good in (False, True):
            for k in count(1, every):
                path = folder / f"{kind.__name__}-{for_good}-{k}.db"
                if not _tried(path, Failing(k, kind, for_good), pragmas, found):
                    break
    return found


class Failing:
    """What hears the calls, and fails the k-th; `for_good`: and all later ones."""

    def __init__(self, k: int, kind: type[apsw.Error], for_good: bool) -> None:
        self.left, self.kind, self.for_good = k, kind, for_good

    def __call__(self, _: Call) -> None:
        """Raise, if this is the call."""
        self.left -= 1
        if self.left == 0 or (self.for_good and self.left < 0):
            raise self.kind("the disk fails")


def _tried(path: Path, failing: Failing, pragmas: tuple[str, ...], found: Failed) -> bool:
    """Whether there was a k-th call."""
    with open_log(path, create=True) as log:
        log.append([event("first")])
    acknowledged = ["first"]
    with heard(failing, *pragmas), suppress(LogError), open_log(path) as log:
        for number, size in enumerate(BATCHES):
            ids = [f"{number}/{k}" for k in range(size)]
            if _appended(log, ids, found) or (not failing.for_good and _appended(log, ids, found)):
                acknowledged += ids
    found.failures += failing.left <= 0
    found.broken += not _sound(path, acknowledged)
    return failing.left <= 0


def _appended(log: EventLog, ids: list[str], found: Failed) -> bool:
    try:
        log.append([event(name, note="n" * 300) for name in ids])
    except LogError as error:
        found.refused += 1
        found.broken += "\n" in str(error)  # more than one line
        return False
    return True


def _sound(path: Path, acknowledged: list[str]) -> bool:
    """Whether a log verifies, holds what was acknowledged and whole batches, and takes the rest."""
    rest = [[f"{number}/{k}" for k in range(size)] for number, size in enumerate(BATCHES)]
    try:
        with open_log(path) as log:
            log.verify()
            ids = [row.id for row in log.rows()]
            whole = all(set(batch) <= set(ids) or not set(batch) & set(ids) for batch in rest)
            for batch in rest:
                log.append([event(name, note="n" * 300) for name in batch])
            full = log.verify().position == 1 + sum(BATCHES)
    except LogError:
        return False
    return whole and full and set(acknowledged) <= set(ids)


@dataclass
class Filled:
    """Events acknowledged on a disk that filled up, and of the batch that was refused those that were stored."""

    acknowledged: int
    torn: int


def filled(path: Path, room: Callable[[], object], *, careless: bool = False) -> Filled:
    """Append batches until there is no room left, then make `room` and append the rest. Raises AssertionError.

    `careless`: event by event.
    """
    acknowledged: list[str] = []
    with open_log(path, create=True) as log:
        for number in count():
            batch = [event(f"{number}/{k}", note="n" * 300) for k in range(FULL_BATCH)]
            try:
                for part in [[one] for one in batch] if careless else [batch]:
                    log.append(part)
            except LogError as error:
                told = str(error)
                break
            acknowledged += [one.id for one in batch]
        ids = [row.id for row in log.rows()]
    assert ids[: len(acknowledged)] == acknowledged
    assert "\n" not in told
    assert "nothing was stored" in told or "whole or not at all" in told
    room()
    with open_log(path) as log:
        assert log.verify().position == len(ids)
        log.append(batch)
        assert log.verify().position == len(acknowledged) + len(batch)
    return Filled(len(acknowledged), len(ids) - len(acknowledged))
