"""Tables as CSV files: reading with the place of every cell, writing what reads back the same."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from koers.events.columns import Record, Table, cell, near, shown
from koers.events.errors import InputError

MAX_BYTES = 500_000_000
_UNFIT = re.compile("[\x00\ud800-\udfff]")


def read_table(path: Path, table: Table, *, allow_extra: bool) -> list[Record]:
    """The rows of one CSV file. Raises InputError, with the place, for a file or cell that cannot be taken."""
    file = str(path)
    text, unfit = _text(path)
    records = _records(text, file)
    line, header = next(records, (1, []))
    if not any(header):
        raise InputError(f"the first line must name the columns: {','.join(table.columns)}", file, 1)
    if unfit:
        _check_fit(header, file, line)
    places = places_of(
        [name.strip() for name in header],
        table,
        lambda what, place: InputError(what, file, 1, place),
        None if allow_extra else "--allow-extra",
    )
    rows = []
    for line, cells in records:
        if not any(map(str.strip, cells)):
            continue
        if unfit:
            _check_fit(cells, file, line)
        if len(cells) != len(header):
            raise _ragged(cells, header, file, line)
        rows.append(Record(table, _values(table, places, cells, file, line), file, line, places))
    return rows


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


def _records(text: str, file: str) -> Iterator[tuple[int, list[str]]]:
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
            raise InputError(f"this is no CSV record ({error}): is a quote left open?", file, line) from error
        yield line, cells


def _check_fit(cells: Sequence[str], file: str, line: int) -> None:
    for place, text in enumerate(cells, 1):
        if found := _UNFIT.search(text):
            what = "a NUL byte: remove it" if found[0] == "\0" else "bytes that are no UTF-8: save it as CSV UTF-8"
            raise InputError(f"the cell holds {what}", file, line, place)


def places_of(
    header: Sequence[str], table: Table, refuse: Callable[[str, int | None], InputError], skip: str | None
) -> dict[str, int]:
    """Where each known column stands, from 1; `skip` is how to have unknown ones left out, None if they are.

    Raises what `refuse` makes of a message and a place, for a column that is unknown, missing or there twice.
    """
    places: dict[str, int] = {}
    for place, name in enumerate(header, 1):
        if name in places:
            raise refuse(f"column {name} stands twice (first as field {places[name]})", place)
        if name in table.columns:
            places[name] = place
        elif skip:
            hint = near(name, table.columns.keys() - set(header)) or f"; {table.name} has {', '.join(table.columns)}"
            raise refuse(f"column {shown(name)} is not known{hint} ({skip} skips unknown columns)", place)
    for column in table.columns.values():
        if column.name not in places and not column.optional:
            raise refuse(f"column {column.name} is missing{near(column.name, set(header) - places.keys())}", None)
    return places


def _ragged(cells: Sequence[str], header: Sequence[str], file: str, line: int) -> InputError:
    what = f"the row has {len(cells)} fields, the header {len(header)}: quote cells that hold the separator"
    return InputError(what, file, line, min(len(cells), len(header)) + 1)


def _values(table: Table, places: Mapping[str, int], cells: Sequence[str], file: str, line: int) -> dict[str, Any]:
    values = {}
    for name, place in places.items():
        try:
            value = table.columns[name].read(cells[place - 1])
        except ValueError as error:
            raise InputError(f"{name} {error}", file, line, place) from None
        if value is not None:
            values[name] = value
    return values


def write_table(path: Path, table: Table, rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows as a new CSV file. Raises InputError if it cannot be written or is there already."""
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(table.columns)
            writer.writerows([cell(row.get(column)) for column in table.columns] for row in rows)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", str(path)) from error
