"""Tables as CSV files: reading with the place of every cell, writing what reads back the same."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from koers.events.columns import Record, Source, Table, cell
from koers.events.errors import InputError
from koers.events.rows import fit, read_rows

MAX_BYTES = 500_000_000


def read_table(path: Path, table: Table, *, allow_extra: bool) -> list[Record]:
    """The rows of one CSV file. Raises InputError, with the place, for a file or cell that cannot be taken."""
    text, unfit = _text(path)
    source = Source(str(path))
    lines = _records(text, source)
    return read_rows(fit(lines, source) if unfit else lines, table, source, allow_extra=allow_extra)


def _text(path: Path) -> tuple[str, bool]:
    """The file's text, and whether it holds bytes or characters that do not belong there."""
    file = str(path)
    try:
        if path.is_dir():
            raise InputError("this is a folder, not a CSV file", file)
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"the file is larger than {MAX_BYTES // 1_000_000} MB: split it", file)
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file) from error
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in raw[:2]:
        raise InputError("this is UTF-16: save it as CSV UTF-8", file, 1, 1)
    raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        return raw.decode(), b"\0" in raw
    except UnicodeDecodeError:
        return raw.decode(errors="surrogateescape"), True


def _records(text: str, source: Source) -> Iterator[tuple[int, list[str]]]:
    """Each record with its first physical line."""
    first = re.split("[\r\n]", text, maxsplit=1)[0]
    delimiter = ";" if ";" in first and "," not in first else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise source.refuse(f"this is no CSV record ({error}): is a quote left open?", line) from error
        yield line, cells


def write_table(path: Path, table: Table, rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows as a new CSV file. Raises InputError if it cannot be written or is there already."""
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(table.columns)
            writer.writerows([cell(row.get(column)) for column in table.columns] for row in rows)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", str(path)) from error
