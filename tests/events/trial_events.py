"""What the trials of the log append, and how their processes are started."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from multiprocessing.process import BaseProcess
from typing import Any

from koers.events.model import CheckedIn, Event

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAY = date(2026, 1, 5)
PROCESSES = multiprocessing.get_context("forkserver")  # forked off a process that has no threads, modules loaded
PROCESSES.set_forkserver_preload(["koers.events.postgres", "koers.events.sqlite", __name__])


def event(name: str, value: float = 1.0, subject: str = "kr/trial", note: str | None = None) -> Event:
    """A check-in with this event id."""
    data = CheckedIn(value=value)
    return Event(id=name, subject=subject, effective_on=DAY, recorded_at=NOW, actor="trial", data=data, note=note)


def start(work: Callable[..., None], *given: Any) -> BaseProcess:  # noqa: ANN401 - whatever the work takes
    """A process that does `work`."""
    process = PROCESSES.Process(target=work, args=given, daemon=True)
    process.start()
    return process


def kill(process: BaseProcess) -> None:
    """End a process at once, wherever it is."""
    if process.pid is not None and process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    process.join()


@contextmanager
def running(processes: Iterable[BaseProcess]) -> Iterator[list[BaseProcess]]:
    """Processes that are gone at the end, however that comes."""
    started = list(processes)
    try:
        yield started
    finally:
        for process in started:
            kill(process)
