"""One sheet of a workbook, as it is read: lines of text cells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

MOST_COLUMNS, MOST_LINES = 200, 1_048_576

_CELL = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})", re.ASCII)
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


class WorkbookError(Exception):
    """What is wrong with a workbook, and with the cell in which line and column of a sheet."""

    def __init__(self, what: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(what)
        self.place = (line, column)


@dataclass(frozen=True)
class Shared:
    """What the sheets of a workbook share: texts, what each style makes of a number, and the day it counts from."""

    texts: Sequence[str]
    shapes: Sequence[str]
    from_1904: bool


def unescaped(text: str) -> str:
    """A text with ``_x000D_`` and the like as the characters they stand for."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


class Sheet:
    """A sheet being read: lines of text cells, those without any left out."""

    def __init__(self, shared: Shared, *, first: bool) -> None:
        self.lines: list[tuple[int, list[str]]] = []
        self._shared, self._first = shared, first
        self._merged: list[str] = []
        self._line = self._column = 0
        self._cells: list[str] = []
        self._given: dict[str, str] = {}
        self._parts: list[str] | None = None
        self._value: str | None = None
        self._formula = False
        self._hushed = 0

    def start(self, tag: str, given: dict[str, str]) -> None:
        """An element begins."""
        if tag == "row":
            self._begin_line(int(given.get("r", self._line + 1)))
        elif tag == "c":
            self._given, self._value, self._formula = given, None, False
            self._column = self._column_of(given.get("r"))
        elif tag in ("v", "t") and not self._hushed:
            self._parts = []
        elif tag == "f":
            self._formula = True
        elif tag == "rPh":
            self._hushed += 1
        elif tag == "mergeCell":
            self._merged.append(given["ref"])

    def said(self, text: str) -> None:
        """Text within an element."""
        if self._parts is not None:
            self._parts.append(text)

    def end(self, tag: str) -> None:
        """An element ends."""
        if tag in ("v", "t") and self._parts is not None:
            self._value = (self._value or "") + "".join(self._parts)
            self._parts = None
        elif tag == "c":
            text = self._text()
            if text:
                self._cells += [""] * (self._column - len(self._cells) - 1)
                self._cells.append(text)
        elif tag == "row" and self._cells:
            self.lines.append((self._line, self._cells))
            self._cells = []
        elif tag == "rPh":
            self._hushed -= 1

    def check_merged(self) -> None:
        """Refuse merged cells in the table. Raises WorkbookError."""
        for ref in self._merged:
            found = _CELL.match(ref)
            if found and self.lines and int(found[2]) >= self.lines[0][0]:
                what = f"the cells {ref} are merged: unmerge them, each row says its own"
                raise WorkbookError(what, int(found[2]), _number(found[1]))

    def _begin_line(self, line: int) -> None:
        if not self._line < line <= MOST_LINES:
            raise WorkbookError(f"the sheet is damaged: line {line} follows {self._line}")
        self._line, self._column, self._cells = line, 0, []

    def _column_of(self, name: str | None) -> int:
        found = _CELL.fullmatch(name or "")
        column = self._column + 1
        if found:
            column = _number(found[1])
        if column <= self._column or (name and not found) or (found and int(found[2]) != self._line):
            raise WorkbookError(f"the sheet is damaged: cell {name!s:.20} in line {self._line}")
        return column

    def _text(self) -> str:
        kind, value = self._given.get("t", "n"), self._value
        if self._first:
            return value or ""
        if self._formula and (value is None or (not value and kind != "str")):
            what = "the formula was never computed: open the workbook and save it, or paste the value"
            raise WorkbookError(what, self._line, self._column)
        if not value:
            return ""
        if kind == "e":
            raise WorkbookError(f"the cell holds the error {value:.20}", self._line, self._column)
        if self._column > MOST_COLUMNS:
            raise WorkbookError(
                f"a value stands beyond column {MOST_COLUMNS}: no table is so wide", self._line, self._column
            )
        return self._plain(kind, value)

    def _plain(self, kind: str, value: str) -> str:
        if kind == "s":
            return self._shared.texts[int(value)]
        if kind in ("str", "inlineStr"):
            return unescaped(value)
        if kind == "b":
            return "true" if value in ("1", "true") else "false"
        if kind == "d":
            return value.removesuffix("T00:00:00")
        style = int(self._given.get("s", 0))
        shape = self._shared.shapes[style] if style < len(self._shared.shapes) else ""
        return number_text(float(value), shape, from_1904=self._shared.from_1904)


def _number(letters: str) -> int:
    """The number of the column that a spreadsheet names so: A is 1."""
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number


def number_text(value: float, shape: str, *, from_1904: bool = False) -> str:
    """A number as the text of a cell in a table: as a date (of a time, in UTC) or percentage if it has that shape."""
    if shape == "date" and (moment := _moment(value, from_1904=from_1904)):
        return moment.date().isoformat() if moment.time() == time.min else f"{moment.isoformat()}Z"
    if shape == "percent":
        return f"{number_text(float(f'{100 * value:.15g}'), '')}%"
    return repr(value).removesuffix(".0")


def _moment(value: float, *, from_1904: bool) -> datetime | None:
    """The time a workbook's number stands for, None if it is none: it counts days, and a 29 February 1900 too many."""
    if not 1 <= value < 2_958_466 or (60 <= value < 61 and not from_1904):
        return None
    first = date(1904, 1, 1) if from_1904 else date(1899, 12, 31 if value < 60 else 30)
    try:
        return datetime.combine(first, time.min) + timedelta(seconds=round(value * 86_400))
    except OverflowError:
        return None
