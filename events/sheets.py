"""Workbooks out: tables as sheets, which read back the same.

Text is written as text, never as a formula, and marked so that a spreadsheet keeps it so when it is edited.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from koers.events.columns import TABLES, Table, cell, letters, unguarded
from koers.events.errors import InputError
from koers.events.newfile import new_file

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

MOST_LINES, MOST_TEXT = 1_048_576, 32_767
"""Lines of a sheet and characters of a cell that a workbook can hold."""
FIRST = date(1900, 3, 1)
"""Before this day spreadsheets disagree on dates."""


def new_workbook(out: io.BytesIO) -> Workbook:
    """An empty workbook. Raises InputError where the library for it is missing."""
    try:
        from xlsxwriter import Workbook
    except ImportError:
        what = "writing workbooks needs xlsxwriter: pip install 'koers[xlsx]', or name a folder for CSV tables"
        raise InputError(what) from None
    return Workbook(out, {"in_memory": True, "strings_to_urls": False})


def write_workbook(path: Path, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Write tables as a new workbook. Raises InputError if it is there already, or cannot hold them or be written."""
    out = io.BytesIO()
    book = new_workbook(out)
    formats = Formats(book)
    for name, rows in tables.items():
        sheet, table = book.add_worksheet(name), TABLES[name]
        if len(rows) >= MOST_LINES:
            raise InputError(f"{name} has {len(rows):,} rows, more than a sheet holds: export to a folder", str(path))
        write_header(sheet, table, formats)
        for line, row in enumerate(rows, 2):
            for column, heading in enumerate(table.columns):
                value = row.get(heading)
                if value is not None and not write_cell(sheet, line - 1, column, value, formats):
                    what = f"{name}!{letters(column + 1)}{line}: a text of more than {MOST_TEXT:,} characters"
                    raise InputError(f"{what} does not fit a cell: export to a folder", str(path))
    book.close()
    with new_file(path) as file:
        file.write(out.getbuffer())


class Formats:
    """The formats of a workbook's cells."""

    def __init__(self, book: Workbook) -> None:
        self.heading = book.add_format({"bold": True, "bottom": 1})
        self.text = book.add_format({"quote_prefix": True})
        self.day = book.add_format({"num_format": "yyyy-mm-dd"})


def write_header(sheet: Worksheet, table: Table, formats: Formats) -> None:
    """The names of the columns, which stay in sight and are printed on every page."""
    for column, heading in enumerate(table.columns):
        sheet.write_string(0, column, heading, formats.heading)
        sheet.set_column(column, column, max(11, len(heading) + 2))
    sheet.freeze_panes(1, 1)
    sheet.repeat_rows(0)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)


def write_cell(sheet: Worksheet, line: int, column: int, value: object, formats: Formats) -> bool:
    """Write a value so that it reads back the same; whether it fits. Lines and columns count from 0 here."""
    if (
        isinstance(value, int | float) and not isinstance(value, bool) and float(f"{value:.16G}") == value
    ):  # all that xlsxwriter keeps
        return bool(sheet.write_number(line, column, value) == 0)
    if isinstance(value, date) and not isinstance(value, datetime) and value >= FIRST:
        moment = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - a workbook's dates have no zone
        return bool(sheet.write_datetime(line, column, moment, formats.day) == 0)
    text = unguarded(value) if isinstance(value, str) else cell(value)
    return bool(sheet.write_string(line, column, text, formats.text if text[:1] in "=+-@'" else None) == 0)
