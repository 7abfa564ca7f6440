"""Workbooks in: sheets named like the tables, read by a process of its own that may use only so much.

A small file can unpack to more than any machine holds; a workbook is therefore never opened in this process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from koers.events.columns import TABLES, Record, Source, near, shown
from koers.events.errors import InputError
from koers.events.rows import Lines, fit, read_rows
from koers.events.workbook import SECONDS, table_name

MAX_BYTES = 50_000_000
README = "read me"
"""A sheet of this name explains and is no table."""

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def read_workbook(path: Path, *, allow_extra: bool) -> list[Record]:
    """The rows of all tables in a workbook. Raises InputError, with sheet and cell, for what cannot be taken."""
    file = str(path)
    with _opened(path) as book, tempfile.TemporaryFile() as out:
        _read_apart(book, out, file)
        out.seek(0)
        sheets = _Sheets(out, file)
        rows: list[Record] = []
        for name in sheets.names(allow_extra=allow_extra):
            source, table = Source(file, name), TABLES[table_name(name)]
            lines = fit(_filled(sheets.lines(), source, allow_extra=allow_extra), source)
            rows += read_rows(lines, table, source, allow_extra=allow_extra)
    return rows


def _opened(path: Path) -> IO[bytes]:
    """The file, if it looks like a workbook. Raises InputError."""
    file = str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"the file is larger than {MAX_BYTES // 1_000_000} MB: split it", file)
        book = path.open("rb")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file) from error
    start = book.read(8)
    if start.startswith(_ZIP):
        book.seek(0)
        return book
    with book:
        if start == _OLE and _ENCRYPTED in book.read():
            raise InputError("the workbook has a password: save it without", file)
    old = "this is an old .xls: save it as .xlsx" if start == _OLE else "this is no .xlsx workbook: save it as one"
    raise InputError(old, file)


def _read_apart(book: IO[bytes], out: IO[bytes], file: str) -> None:
    """Let another process read `book` into `out`. Raises InputError if it could not."""
    command = [sys.executable, "-m", "koers.events.workbook", *TABLES]
    home = str(Path(__file__).parents[2])
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))}
    try:
        done = subprocess.run(  # noqa: S603
            command, stdin=book, stdout=out, stderr=subprocess.DEVNULL, env=env, timeout=2 * SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"it takes more than {2 * SECONDS} seconds to read: split it", file) from None
    if done.returncode:
        raise InputError("it takes more memory or time to read than a workbook of tables should: split it", file)


class _Sheets:
    """What the other process told, sheet by sheet."""

    def __init__(self, out: IO[bytes], file: str) -> None:
        self._told = map(json.loads, out)
        self._file = file
        self._next: Any = next(self._told, None)

    def names(self, *, allow_extra: bool) -> Iterator[str]:
        """The sheets that are tables, each to be read before the next. Raises InputError for others."""
        seen: dict[str, str] = {}
        others = []
        while self._next is not None:
            told, self._next = self._next, next(self._told, None)
            if "error" in told:
                raise Source(self._file, told.get("sheet", "")).refuse(told["error"], *told.get("place", ()))
            if "other" in told:
                others.append(told["other"])
                continue
            before = seen.setdefault(table_name(told["sheet"]), told["sheet"])
            if before != told["sheet"]:
                raise InputError(f"sheets {shown(before)} and {shown(told['sheet'])} are one table", self._file)
            yield told["sheet"]
        self._check_others([name for name in others if name.strip().lower() != README], allow_extra=allow_extra)
        if not seen:
            raise InputError(f"no sheet is named like a table: koers takes {', '.join(TABLES)}", self._file)

    def _check_others(self, others: list[str], *, allow_extra: bool) -> None:
        if others and not allow_extra:
            hint = near(table_name(others[0]), TABLES) or "; --allow-extra skips other sheets"
            raise InputError(f"sheet {shown(others[0])} is not a table{hint}", self._file)

    def lines(self) -> Lines:
        """The lines of the sheet that was named last."""
        while isinstance(self._next, list):
            line, cells = self._next
            yield line, cells
            self._next = next(self._told, None)


def _filled(lines: Lines, source: Source, *, allow_extra: bool) -> Lines:
    """Lines as wide as their header. A value in a column without a name is refused, or left out with `allow_extra`."""
    header: list[str] = []
    for line, cells in lines:
        header = header or cells
        for place, text in enumerate(cells, 1):
            nameless = place > len(header) or not header[place - 1].strip()
            if nameless and text.strip() and not allow_extra:
                raise source.refuse("a value stands in a column without a name", line, place)
        yield line, [*cells[: len(header)], *[""] * (len(header) - len(cells))]
