"""A file system between SQLite and the disk that hears of every call, and may fail it.

SQLite comes from apsw here, because the one in Python takes no file system. koers is as it is: only the way it connects
is exchanged, and what apsw raises becomes what the SQLite in Python raises.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import apsw

from koers.events import sqlite


class Call(NamedTuple):
    """A call of SQLite: write, truncate, sync, make, delete or read, with the file's name."""

    what: str
    file: str = ""
    offset: int = 0
    data: bytes = b""


Hear = Callable[[Call], None]


class _File(apsw.VFSFile):
    def __init__(self, name: Any, flags: list[int], hear: Hear) -> None:  # noqa: ANN401 - apsw's own
        self._hear, self.name = hear, Path(name.filename() if hasattr(name, "filename") else name).name
        super().__init__("", name, flags)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802, ANN401 - SQLite's names
        self._hear(Call("write", self.name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._hear(Call("truncate", self.name, size))
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._hear(Call("sync", self.name))
        super().xSync(flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        self._hear(Call("read", self.name, offset))
        return super().xRead(amount, offset)


class _Files(apsw.VFS):
    def __init__(self, hear: Hear) -> None:
        self._hear = hear
        super().__init__("heard", "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802, ANN401
        if flags[0] & apsw.SQLITE_OPEN_CREATE:
            self._hear(Call("make", Path(name.filename() if hasattr(name, "filename") else name).name))
        return _File(name, flags, self._hear)

    def xDelete(self, name: str, sync: bool) -> None:  # noqa: N802
        self._hear(Call("delete", Path(name).name, int(sync)))
        super().xDelete(name, sync)


class _Connection:
    """As much of a connection of the SQLite in Python as koers uses."""

    def __init__(self, path: Path, mode: str, pragmas: Iterable[str]) -> None:
        flags = apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        self._pragmas = tuple(pragmas)
        with _raised():
            self._db = apsw.Connection(f"{path.as_uri()}?mode={mode}", flags=flags, vfs="heard")

    def execute(self, statement: str, values: Iterable[Any] = ()) -> apsw.Cursor:
        with _raised():
            if statement == "BEGIN IMMEDIATE":
                for pragma in self._pragmas:
                    self._db.execute(f"PRAGMA {pragma}")
            return self._db.execute(statement, tuple(values))

    def executemany(self, statement: str, rows: Iterable[Any]) -> None:
        with _raised():
            self._db.executemany(statement, rows)

    @property
    def in_transaction(self) -> bool:
        return self._db.in_transaction

    def close(self) -> None:
        with _raised():
            self._db.close()


@contextmanager
def _raised() -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        raise sqlite3.OperationalError(str(error)) from error


@contextmanager
def heard(hear: Hear, *pragmas: str) -> Iterator[None]:
    """Logs opened in here tell `hear` of every call before it is done; `pragmas` replace the ones koers sets."""
    files = _Files(hear)
    try:
        with mock.patch.object(sqlite, "_connect", lambda path, mode, _=0: _Connection(path, mode, pragmas)):
            yield
    finally:
        files.unregister()
