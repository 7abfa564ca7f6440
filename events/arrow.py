"""Tables in memory: whatever speaks Arrow (polars, pandas, pyarrow, duckdb) goes the way of a CSV file's rows.

A value is written as the cell of a CSV file would hold it, then read as such: the same row, whichever way it comes,
becomes the same event.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time
from typing import Protocol

import polars as pl

from koers.events.columns import TABLES, Record, Source, Table, cell, near, shown
from koers.events.errors import InputError
from koers.events.rows import read_rows

PLAIN = (pl.String, pl.Categorical, pl.Enum, pl.Boolean, pl.Date, pl.Datetime, pl.Null)
"""Types of columns that are taken, beside numbers."""


class ArrowTable(Protocol):
    """Anything that hands out its columns by the Arrow PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """A stream of the table's rows."""


def read_arrow(name: str, given: ArrowTable, *, allow_extra: bool) -> list[Record]:
    """The rows of a table in memory. Raises InputError, naming table and row, for what cannot be taken."""
    if name not in TABLES:
        hint = near(str(name), TABLES) or f"; koers takes {', '.join(TABLES)}"
        raise InputError(f"{shown(str(name))} is not a table{hint}")
    table, source, frame = TABLES[name], Source(name, unit="row"), _frame(name, given)
    return read_rows(_lines(frame, table, source), table, source, allow_extra=allow_extra)


def _frame(name: str, given: ArrowTable) -> pl.DataFrame:
    if not hasattr(given, "__arrow_c_stream__"):
        what = f"{type(given).__name__} is no table: give a polars, pandas, pyarrow or duckdb one (__arrow_c_stream__)"
        raise InputError(what, name)
    try:
        return pl.DataFrame(given)
    except Exception as error:  # what lies behind the interface is not ours, nor what it raises
        raise InputError(f"cannot be read as a table: {error}", name) from error


def _lines(frame: pl.DataFrame, table: Table, source: Source) -> Iterator[tuple[int, list[str]]]:
    """The names of the columns, then the rows from 1; unknown columns, where they may be there, are empty."""
    yield 0, frame.columns
    unknown = [name for name in frame.columns if name.strip() not in table.columns]
    frame = frame.with_columns(pl.lit("").alias(name) for name in unknown)
    for name, kind in frame.schema.items():
        if not (kind.is_numeric() or kind in PLAIN):
            raise source.refuse(f"column {name} holds {kind}: make it text, numbers, dates or truth values")
    for number, row in enumerate(frame.iter_rows(), 1):
        cells = [_text(value) for value in row]
        for name, text in zip(frame.columns, cells, strict=True):
            if "\0" in text:
                raise source.refuse(f"{name} holds a NUL byte: remove it", number)
        yield number, cells


def _text(value: object) -> str:
    """A value as a cell. Text stays as it is; a time at midnight without a zone is how pandas keeps a date."""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        whole = value.tzinfo is None and value.time() == time.min
        return (value.date() if whole else value).isoformat()
    return cell(value)
