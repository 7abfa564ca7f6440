"""Tables in memory: whatever speaks Arrow (polars, pandas, pyarrow, duckdb) goes the way of a CSV file's rows.

A value is written as the cell of a CSV file would hold it, then read as such: the same row, whichever way it comes,
becomes the same event.
"""

from __future__ import annotations

from datetime import datetime, time
from typing import Any, Protocol

import polars as pl

from koers.events.columns import TABLES, Record, Table, cell, near, shown
from koers.events.csvfile import places_of
from koers.events.errors import InputError

PLAIN = (pl.String, pl.Categorical, pl.Enum, pl.Boolean, pl.Date, pl.Datetime, pl.Null)
"""Types of columns that are taken, beside numbers."""


class ArrowTable(Protocol):
    """Anything that hands out its columns by the Arrow PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """A stream of the table's rows."""


def read_frame(name: str, given: ArrowTable, *, allow_extra: bool) -> list[Record]:
    """The rows of a table in memory. Raises InputError, naming table and row, for what cannot be taken."""
    if name not in TABLES:
        hint = near(name, TABLES) or f"; koers takes {', '.join(TABLES)}"
        raise InputError(f"{shown(name)} is not a table{hint}")
    table, frame = TABLES[name], _frame(name, given)
    places = places_of(
        frame.columns, table, lambda what, _: InputError(what, name), "allow_extra=True" if not allow_extra else None
    )
    for column in places:
        kind = frame.schema[column]
        if not (kind.is_numeric() or kind in PLAIN):
            raise InputError(f"column {column} holds {kind}: make it text, numbers, dates or truth values", name)
    return [
        Record(table, _values(table, row, name, number), name, number, unit="row")
        for number, row in enumerate(frame.select(places.keys()).iter_rows(named=True), 1)
        if any(value is not None and value != "" for value in row.values())
    ]


def _frame(name: str, given: ArrowTable) -> pl.DataFrame:
    if not hasattr(given, "__arrow_c_stream__"):
        what = f"{type(given).__name__} is no table: give a polars, pandas, pyarrow or duckdb one (__arrow_c_stream__)"
        raise InputError(what, name)
    try:
        return pl.DataFrame(given)
    except Exception as error:  # what lies behind the interface is not ours, nor what it raises
        raise InputError(f"cannot be read as a table: {error}", name) from error


def _values(table: Table, row: dict[str, Any], name: str, number: int) -> dict[str, Any]:
    values = {}
    for column, given in row.items():
        text, where = _text(given), f"{name}, row {number}"
        if "\0" in text:
            raise InputError(f"{column} holds a NUL byte: remove it", where)
        try:
            value = table.columns[column].read(text)
        except ValueError as error:
            raise InputError(f"{column} {error}", where) from None
        if value is not None:
            values[column] = value
    return values


def _text(value: object) -> str:
    """A value as a cell. Text stays as it is; a time at midnight without a zone is how pandas keeps a date."""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        whole = value.tzinfo is None and value.time() == time.min
        return (value.date() if whole else value).isoformat()
    return cell(value)
