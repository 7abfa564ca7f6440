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
from typing import IO, Any
from xml.parsers import expat

from koers.events.worksheet import Shared, Sheet, WorkbookError, unescaped

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

_NOT_FORMAT = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_DATES = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
_PERCENT = {9, 10}


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
    """A workbook: its sheets by name, and what they share."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        (book,) = self._related("", "/officeDocument").values()
        sheets: list[tuple[str, str]] = []
        from_1904 = False

        def start(tag: str, given: dict[str, str]) -> None:
            nonlocal from_1904
            if tag == "sheet":
                found = next(value for name, value in given.items() if name.endswith("}id"))
                sheets.append((given["name"], found))
            elif tag == "workbookPr":
                from_1904 = given.get("date1904") in ("1", "true")

        self._parse(book, start)
        paths = self._related(book, "/worksheet")
        self.sheets = [(name, paths[found]) for name, found in sheets if found in paths]
        texts = [text for path in self._related(book, "/sharedStrings").values() for text in self._texts(path)]
        shapes = [kind for path in self._related(book, "/styles").values() for kind in self._formats(path)]
        self._shared = Shared(texts, shapes, from_1904)

    def sheet(self, path: str, *, first: bool = False) -> Sheet:
        """A sheet, read; only up to its `first` line with a value, if that is all one needs."""
        sheet = Sheet(self._shared, first=first)
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
