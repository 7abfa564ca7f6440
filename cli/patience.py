"""What is shown on stderr while something takes its time; rich is loaded only for a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


def watched(parts: Iterable[Item], total: int, what: str, patience: float = 1.0) -> Iterator[Item]:
    """Yield `parts`, on a terminal with a progress bar once they take longer than `patience` seconds."""
    if not sys.stderr.isatty():
        yield from parts
        return
    from rich.progress import Progress

    from koers.cli.console import stderr

    begun = time.monotonic()
    with Progress(console=stderr(), transient=True) as progress:
        task = progress.add_task(what, total=total, visible=False)
        for part in parts:
            yield part
            progress.update(task, advance=1, visible=time.monotonic() - begun > patience)


@contextmanager
def working(what: str) -> Iterator[Callable[[str], None]]:
    """On a terminal a spinner, while something takes its time; what it yields tells of another stage."""
    if not sys.stderr.isatty():
        yield lambda _stage: None
        return
    from koers.cli.console import stderr

    with stderr().status(what) as status:
        yield status.update
