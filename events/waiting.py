"""Writers of one file queue: one lock on a sidecar file, asked for with an end to the patience.

SQLite's own locking has every writer look again now and then; the lock of the system wakes them in turn. The sidecar
stays: removing it would let two writers hold two locks of the same name.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a POSIX system: SQLite's own locking has to do
    fcntl = None  # type: ignore[assignment]

WAIT = 30.0
"""Seconds that another program may hold a log."""


@contextmanager
def queued(path: Path, seconds: float) -> Iterator[None]:
    """Hold the lock of the sidecar `path`. Raises TimeoutError after `seconds`, OSError if it cannot be opened."""
    with path.open("a") as file:
        if fcntl is not None and not _locked(file.fileno(), seconds):
            raise TimeoutError
        yield


def _locked(file: int, seconds: float) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _waited(file, seconds)
    return True


def _waited(file: int, seconds: float) -> bool:
    """Wait in a thread, as the system's waiting has no end: whoever gives up leaves a thread that lets go at once."""
    got, copy = threading.Event(), os.dup(file)

    def wait() -> None:
        fcntl.flock(copy, fcntl.LOCK_EX)
        got.set()
        os.close(copy)  # the lock stays for as long as `file` is open

    threading.Thread(target=wait, daemon=True).start()
    return got.wait(seconds)
