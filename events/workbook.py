"""An .xlsx workbook as lines of text cells. Run as a process of its own, which limits what it may use:

    python -m koers.events.workbook TABLE... < FILE.xlsx

It prints JSON, one value per line: ``{"sheet": name}`` and its lines ``[number, [cell, ...]]`` for each sheet named
like a table, ``{"other": name}`` for each other sheet that is not empty; at the first cell that cannot be taken
``{"error": what}``, with sheet and place (line and column) where there are, and no more.

A workbook is a zip of XML (ECMA-376). Read here with the standard library, because readers of data frames lose what a
message needs: the cell's name, an error such as #N/A, a formula that was never computed, merged cells.
"""

from __future__ import annotations

import json
import posixpath
import re
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import IO, Any
from xml.parsers import expat

try:
    import resource
except ImportError:  # not a POSIX system: the parent's time limit has to do
    resource = None  # type: ignore[assignment]

MEMORY = 1_000_000_000
SECONDS = 60
WRITTEN = 100_000_000
"""Bytes a workbook may need while it is read, seconds of processor time, and bytes of text that come out."""
MOST_ENTRIES, MOST_UNZIPPED, MOST_RATIO = 2_000, 100_000_000, 200
"""Files in the zip, their bytes, and how many times as large as the zip they may be beyond the first 10 MB."""
MOST_COLUMNS, MOST_LINES = 200, 1_048_576

_CELL = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})", re.ASCII)
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_NOT_FORMAT = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_DATES = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
_PERCENT = {9, 10}


class WorkbookError(Exception):
    """What is wrong with a workbook, and with the cell in which line and column of a sheet."""

    def __init__(self, what: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(what)
        self.place = (line, column)


def workbook_lines(file: IO[bytes], tables: Sequence[str]) -> Iterator[Any]:
    """What a workbook says, as the module tells. Raises WorkbookError, and whatever a damaged zip or XML leads to."""
    with zipfile.ZipFile(file) as archive:
        _check_sizes(archive)
        book = _Book(archive)
        for name, path in book.sheets:
            if table_name(name) not in tables:
                if book.sheet(path, first=True).lines:
                    yield {"other": name}
                continue
            try:
                lines = book.sheet(path).lines
            except WorkbookError as error:
                yield {"error": str(error), "sheet": name, "place": error.place}
                return
            yield {"sheet": name}
            yield from lines


def table_name(sheet: str) -> str:
    """The table a sheet's name means: ``Check ins`` is ``check_ins``."""
    return re.sub(r"[ _-]+", "_", sheet.strip().lower())


def _check_sizes(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    unzipped, zipped = sum(e.file_size for e in entries), sum(e.compress_size for e in entries)
    if any(entry.flag_bits & 1 for entry in entries):
        raise WorkbookError("the file has a password: save it without")
    if len(entries) > MOST_ENTRIES or unzipped > MOST_UNZIPPED:
        raise WorkbookError(f"it unpacks to {len(entries):,} parts and {unzipped:,} bytes, too much for tables")
    if unzipped > 10_000_000 + MOST_RATIO * zipped:
        raise WorkbookError(f"it unpacks to {unzipped // max(zipped, 1):,} times its size: this is no honest workbook")


class _Book:
    """A workbook's parts: its sheets, shared texts, formats of cells and the day it counts from."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        (book,) = self._related("", "/officeDocument").values()
        sheets: list[tuple[str, str]] = []
        self.from_1904 = False

        def start(tag: str, given: dict[str, str]) -> None:
            if tag == "sheet":
                found = next(value for name, value in given.items() if name.endswith("}id"))
                sheets.append((given["name"], found))
            elif tag == "workbookPr":
                self.from_1904 = given.get("date1904") in ("1", "true")

        self._parse(book, start)
        paths = self._related(book, "/worksheet")
        self.sheets = [(name, paths[found]) for name, found in sheets if found in paths]
        self.texts = [text for path in self._related(book, "/sharedStrings").values() for text in self._texts(path)]
        self.formats = [kind for path in self._related(book, "/styles").values() for kind in self._formats(path)]

    def sheet(self, path: str, *, first: bool = False) -> _Sheet:
        """A sheet, read; only up to its `first` line with a value, if that is all one needs."""
        sheet = _Sheet(self, first=first)
        self._parse(path, sheet.start, sheet.end, sheet.said, lambda: first and bool(sheet.lines))
        if not first:
            sheet.check_merged()
        return sheet

    def _parse(
        self,
        path: str,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None] = lambda _: None,
        text: Callable[[str], None] = lambda _: None,
        done: Callable[[], bool] = lambda: False,
    ) -> None:
        parser = expat.ParserCreate(namespace_separator="}")
        parser.buffer_text = True
        parser.StartElementHandler = lambda tag, given: start(tag.rpartition("}")[2], given)
        parser.EndElementHandler = lambda tag: end(tag.rpartition("}")[2])
        parser.CharacterDataHandler = text
        parser.StartDoctypeDeclHandler = _no_doctype
        with self._archive.open(path) as part:
            while chunk := part.read(1 << 16):
                parser.Parse(chunk, False)
                if done():
                    return
        parser.Parse(b"", True)

    def _related(self, path: str, kind: str) -> dict[str, str]:
        """The parts that a part is related to, by relation id."""
        folder, name = posixpath.split(path)
        found: dict[str, str] = {}

        def start(tag: str, given: dict[str, str]) -> None:
            if tag == "Relationship" and given["Type"].endswith(kind):
                found[given["Id"]] = posixpath.normpath(posixpath.join("/", folder, given["Target"])).lstrip("/")

        self._parse(posixpath.join(folder, "_rels", f"{name}.rels"), start)
        return found

    def _texts(self, path: str) -> list[str]:
        found: list[str] = []
        parts: list[str] = []
        depth = {"t": 0, "rPh": 0}

        def start(tag: str, _: dict[str, str]) -> None:
            if tag in depth:
                depth[tag] += 1

        def end(tag: str) -> None:
            if tag in depth:
                depth[tag] -= 1
            elif tag == "si":
                found.append(unescaped("".join(parts)))
                parts.clear()

        def text(said: str) -> None:
            if depth["t"] and not depth["rPh"]:
                parts.append(said)

        self._parse(path, start, end, text)
        return found

    def _formats(self, path: str) -> list[str]:
        """What each style of cells makes of a number: "date", "percent" or ""."""
        codes: dict[int, str] = {}
        styles: list[int] = []
        within = [""]

        def start(tag: str, given: dict[str, str]) -> None:
            if tag == "numFmt":
                codes[int(given["numFmtId"])] = given.get("formatCode", "")
            elif tag == "xf" and within[0] == "cellXfs":
                styles.append(int(given.get("numFmtId", 0)))
            elif tag in ("cellXfs", "cellStyleXfs"):
                within[0] = tag

        self._parse(path, start)
        return [_kind(number, codes.get(number, "")) for number in styles]


def _no_doctype(*_: object) -> None:
    raise WorkbookError("it declares a document type: this is no workbook")


def _kind(number: int, code: str) -> str:
    shape = _NOT_FORMAT.sub("", code.partition(";")[0]).lower()
    if number in _PERCENT or "%" in shape:
        return "percent"
    return "date" if number in _DATES or ("general" not in shape and re.search("[ymdhs]", shape)) else ""


def unescaped(text: str) -> str:
    """A text with ``_x000D_`` and the like as the characters they stand for."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


class _Sheet:
    """A sheet being read: lines of text cells, those without any left out."""

    def __init__(self, book: _Book, *, first: bool) -> None:
        self.lines: list[tuple[int, list[str]]] = []
        self._book, self._first = book, first
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
            return self._book.texts[int(value)]
        if kind in ("str", "inlineStr"):
            return unescaped(value)
        if kind == "b":
            return "true" if value in ("1", "true") else "false"
        if kind == "d":
            return value.removesuffix("T00:00:00")
        style = int(self._given.get("s", 0))
        shape = self._book.formats[style] if style < len(self._book.formats) else ""
        return number_text(float(value), shape, from_1904=self._book.from_1904)


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


def main() -> None:
    """Read the workbook on standard input. Whatever is wrong with it comes out as one line."""
    if resource is not None:
        for limit, most in (
            (resource.RLIMIT_AS, MEMORY),
            (resource.RLIMIT_CPU, SECONDS),
            (resource.RLIMIT_FSIZE, WRITTEN),
        ):
            resource.setrlimit(limit, (most, most))
    try:
        for found in workbook_lines(sys.stdin.buffer, sys.argv[1:]):
            print(json.dumps(found))  # noqa: T201 - this is how it answers
    except WorkbookError as error:
        print(json.dumps({"error": str(error)}))  # noqa: T201
    except MemoryError:
        print(json.dumps({"error": f"it takes more than {MEMORY // 1_000_000} MB to read"}))  # noqa: T201
    except DAMAGE as error:
        print(json.dumps({"error": f"the workbook is damaged ({type(error).__name__}: {error!s:.80})"}))  # noqa: T201


DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    expat.ExpatError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""What a damaged zip or XML leads to, in the standard library and here."""

if __name__ == "__main__":
    main()
