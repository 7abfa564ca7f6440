"""Writers of one file queue at a sidecar file, with an end to their patience.

SQLite's own locking has every writer look again now and then. Here one that waits is woken when its turn comes; it also
holds a second lock, shared, which shows that somebody waits. Whoever is done then pauses for a moment: it would else be
back before the woken one is awake, again and again. The sidecar stays: removing it would let two writers hold two locks
of the same name.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a POSIX system: SQLite's own locking has to do
    fcntl = None  # type: ignore[assignment]

WAIT = 30.0
"""Seconds that another program may hold a log."""
PAUSE = 0.006
"""Seconds, longer than it takes to wake somebody."""


class Queue:
    """The writers of one file, at the sidecar `path`; the sidecar is opened when it is first needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    @contextmanager
    def turn(self, seconds: float) -> Iterator[None]:
        """Write alone. Raises TimeoutError after `seconds`, OSError if the sidecar cannot be opened."""
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        if fcntl is not None and not _locked(self._file, seconds):
            self.close()
            raise TimeoutError
        try:
            yield
        finally:
            if fcntl is not None:
                _leave(self._file)

    def close(self) -> None:
        """Let go of the sidecar."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    __del__ = close


def _leave(file: int) -> None:
    fcntl.flock(file, fcntl.LOCK_UN)
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # somebody waits
        time.sleep(PAUSE)
    else:
        fcntl.lockf(file, fcntl.LOCK_UN)


def _locked(file: int, seconds: float) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _waited(file, seconds)
    return True


def _waited(file: int, seconds: float) -> bool:
    """Wait in a thread, as the system's waiting has no end.

    Who gives up closes `file`: the thread then has the last copy, and lets go of the lock when it gets it.
    """
    got, copy = threading.Event(), os.dup(file)

    def wait() -> None:
        fcntl.flock(copy, fcntl.LOCK_EX)
        got.set()
        os.close(copy)

    fcntl.lockf(file, fcntl.LOCK_SH)
    threading.Thread(target=wait, daemon=True).start()
    try:
        return got.wait(seconds)
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN)
