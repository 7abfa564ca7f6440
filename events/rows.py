"""Rows of a table out of lines of cells, whatever file they stand in; what is wrong is told with its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from koers.events.columns import Record, Source, Table, near, shown
from koers.events.errors import InputError

Lines = Iterable[tuple[int, list[str]]]
"""Lines of cells, each with its number in the file or sheet."""

_UNFIT = re.compile("[\x00\ud800-\udfff]")


def fit(lines: Lines, source: Source) -> Iterator[tuple[int, list[str]]]:
    """The lines, held against NUL and bytes that are no UTF-8. Raises InputError."""
    for line, cells in lines:
        for place, text in enumerate(cells, 1):
            if found := _UNFIT.search(text):
                what = "a NUL byte: remove it" if found[0] == "\0" else "bytes that are no UTF-8: save it as CSV UTF-8"
                raise source.refuse(f"the cell holds {what}", line, place)
        yield line, cells


def read_rows(lines: Lines, table: Table, source: Source, *, allow_extra: bool) -> list[Record]:
    """The rows under a header. Raises InputError, with the place, for what cannot be taken."""
    return list(_rows(iter(lines), table, source, allow_extra=allow_extra))


def _rows(
    lines: Iterator[tuple[int, list[str]]], table: Table, source: Source, *, allow_extra: bool
) -> Iterator[Record]:
    first, header = next(lines, (1, []))
    if not any(header):
        raise source.refuse(f"the first line must name the columns: {','.join(table.columns)}", first)
    places = _places([name.strip() for name in header], table, source, first, allow_extra=allow_extra)
    for line, cells in lines:
        if not any(map(str.strip, cells)):
            continue
        if len(cells) != len(header):
            raise _ragged(cells, header, source, line)
        yield Record(table, _values(table, places, cells, source, line), source, line, places)


def _places(header: Sequence[str], table: Table, source: Source, line: int, *, allow_extra: bool) -> dict[str, int]:
    places: dict[str, int] = {}
    for place, name in enumerate(header, 1):
        if source.sheet and not name:  # a workbook may leave columns empty
            continue
        if name in places:
            raise source.refuse(f"column {name} stands twice (first as field {places[name]})", line, place)
        if name in table.columns:
            places[name] = place
        elif not allow_extra:
            hint = near(name, table.columns.keys() - set(header)) or f"; {table.name} has {', '.join(table.columns)}"
            skip = "allow_extra=True" if source.unit == "row" else "--allow-extra"
            what = f"column {shown(name)} is not known{hint} ({skip} skips unknown columns)"
            raise source.refuse(what, line, place)
    for column in table.columns.values():
        if column.name not in places and not column.optional:
            what = f"column {column.name} is missing{near(column.name, set(header) - places.keys())}"
            raise source.refuse(what, line)
    return places


def _ragged(cells: Sequence[str], header: Sequence[str], source: Source, line: int) -> InputError:
    what = f"the row has {len(cells)} fields, the header {len(header)}: quote cells that hold the separator"
    return source.refuse(what, line, min(len(cells), len(header)) + 1)


def _values(table: Table, places: Mapping[str, int], cells: Sequence[str], source: Source, line: int) -> dict[str, Any]:
    values = {}
    for name, place in places.items():
        try:
            value = table.columns[name].read(cells[place - 1])
        except ValueError as error:
            raise source.refuse(f"{name} {error}", line, place) from None
        if value is not None:
            values[name] = value
    return values
