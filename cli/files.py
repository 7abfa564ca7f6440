"""Tables to files, by their ending; text that a spreadsheet would run as a formula is defused."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from koers.events.errors import InputError
from koers.events.urls import hidden, is_address

if TYPE_CHECKING:
    import polars as pl

FORMULA = re.compile(r"^[=+\-@\t\r]")


def writable(path: Path | None) -> Path | None:
    """`path` if a table may go there, said before anything is computed. Raises InputError."""
    return _fit(path, (".parquet", ".csv", ".json"), ".parquet, .csv or .json")


def is_page(path: Path | None) -> Path | None:
    """`path` if a page may go there, said before anything is computed. Raises InputError."""
    return _fit(path, (".html", ".htm"), ".html")


def _fit(path: Path | None, endings: tuple[str, ...], named: str) -> Path | None:
    if path is not None and path.suffix.lower() not in endings:
        raise InputError(f"name a file that ends in {named}", str(path))
    if path is not None and not path.parent.is_dir():
        raise InputError(f"cannot be written: there is no folder {path.parent}", str(path))
    return path


def on_disk(path: Path) -> Path:
    """`path` if it is one, and no address of a server. Raises InputError."""
    if is_address(path):
        what = "this is the address of a server: name a file or folder here; --log takes an address"
        raise InputError(what, hidden(str(path)))
    return path


def write_text(text: str, path: Path) -> None:
    """Write a page. Raises InputError if it cannot be written."""
    _write(text.encode(), path)


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Write `frame` as .parquet, .csv or .json. Raises InputError if it cannot be written."""
    whole = BytesIO()  # polars does not say of every file that a disk was full
    if path.suffix.lower() == ".parquet":
        frame.write_parquet(whole)
    elif path.suffix.lower() == ".csv":
        _defused(frame).write_csv(whole)
    else:
        frame.write_json(whole)
    _write(whole.getvalue(), path)


def _write(content: bytes, path: Path) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", str(path)) from error


def _defused(frame: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    text = pl.col(pl.String)
    return frame.with_columns(pl.when(text.str.contains(FORMULA.pattern)).then("'" + text).otherwise(text).name.keep())
