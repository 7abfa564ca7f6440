"""The columnar copy of a log: what a replay would decode again, in one file beside the log, safe to delete.

The file holds typed frames (Arrow IPC, by polars) of the events up to a position: first the frames, then an index,
then the index's own digest. The index names the log, the position, the hash of the event there and the code that
decoded it; a copy is taken only if all four fit the log as it is now, so that of another log, another history or
another version nothing is taken. The index holds a CRC-32 of every part, checked before anything is parsed: it
finds every flipped bit and burst, and all but one in 4 thousand million of other accidents. Whatever does not fit is as
good as absent: the log is read instead, and the copy written anew.

That is no seal. Whoever may write the file could write its sums as well, so a copy is taken only if it belongs to the
log's owner or to us, and nobody may write it who may not write the log. Its owner could still make commands show other
numbers by it: `koers verify` reads the log alone, and deleting the copy costs one slow replay.
Notes, their salts and ids of events are not in it: nothing is computed from them, and a redaction has nothing to purge.
"""

from __future__ import annotations

import hashlib
import json
import os
import pkgutil
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import IO, Any

import polars as pl

from koers.events.batches import complete
from koers.events.frames import SORTED, THREADS, Frames, day_key, day_order, grown, no_frames, schema_of, type_of
from koers.events.log import EventLog, Head
from koers.events.model import PAYLOADS

POSIX = hasattr(os, "pread")
"""Elsewhere no copy is kept: there is no way for writers to keep out of each other's way."""
LEAST = 2_000
"""A tail of fewer events is decoded each time: that is as quick as reading a copy."""
SHARE = 8
"""A tail is decoded each time until it is this part of what the copy holds; then the copy is written anew."""
ROWS = 1_000_000
"""Most rows of a part of the file; parts are read side by side."""
CHUNK = 1 << 20
MAGIC = b"koers columnar copy\n"
_DIGITS = 64


def read_frames(log: EventLog) -> Frames:
    """All events of `log` as they were recorded (see `koers.engine.replay.view`), from its copy as far as that goes.

    The copy is written where that will save time, and can be; that it could not changes nothing. Raises LogError for
    an event that cannot be read.
    """
    path = log.path if POSIX else None
    frames = (_load(log, path) if path else None) or no_frames()
    kept = frames.log_position
    frames = caught_up(frames, log)
    if path and frames.log_position - kept >= max(LEAST, frames.log_position // SHARE):
        for model in SORTED:
            _order(frames.by_type, type_of(model))
        with suppress(OSError):
            _save(log, path, frames)
    return frames


def caught_up(frames: Frames, log: EventLog) -> Frames:
    """`frames`, read from `log` earlier, and what it recorded since: costs what is new. Raises LogError."""
    after, head = frames.log_position, log.head()
    if head.position == after:
        return frames
    batches = complete(log.batches(after, head.position), after, head.position)
    return grown(frames, batches, *head, lambda ids: log.positions(ids, head.position))


@cache
def _code() -> str:
    """What made the frames: a copy by other code is not taken. Raises OSError where koers comes without its source."""
    sources = [
        pkgutil.get_data("koers.events", name) or b"" for name in ("cache.py", "frames.py", "model.py", "upcast.py")
    ]
    return hashlib.sha256(b"".join([pl.__version__.encode(), *sources])).hexdigest()


def copied(log: EventLog) -> int | None:
    """How far the copy of `log` goes that a replay would take; None if there is no such copy."""
    frames = _load(log, log.path) if POSIX and log.path else None
    return frames.log_position if frames else None


def copy_of(path: Path) -> Path:
    """Where the copy of the log in the file `path` is."""
    return path.with_name(path.name + ".cache")


def _load(log: EventLog, path: Path) -> Frames | None:
    """The frames of the log's copy, or None if it has none that can be trusted."""
    try:
        with _opened(path) as file:
            index = _index(file)
            at = Head(index["position"], index["hash"])
            ours = (index["log"], index["code"]) == (str(log.log_id), _code())
            if not ours or _hash_at(log, at.position) != at.hash:
                return None
            parts: dict[str, list[pl.DataFrame]] = {name: [] for name in PAYLOADS}
            with ThreadPoolExecutor(THREADS) as pool:
                for name, frame in pool.map(partial(_part, file), index["parts"]):
                    parts[name].append(frame)
    except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
        return None
    by_type = {
        name: pl.concat(found, rechunk=False) if found else pl.DataFrame(schema=schema_of(PAYLOADS[name]))
        for name, found in parts.items()
    }
    return Frames(by_type, *at)


def _hash_at(log: EventLog, position: int) -> str | None:
    row = next(log.rows(position - 1, position), None)
    return row.hash if row else None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The copy, if nobody may have written it who may not write the log. Raises ValueError if somebody may."""
    if not copy_of(path).is_file():  # a pipe would be waited for
        raise ValueError("there is no copy")
    with copy_of(path).open("rb") as file:
        own, logs = os.fstat(file.fileno()), path.stat()
        if own.st_uid not in (os.geteuid(), logs.st_uid) or own.st_mode & 0o022 & ~logs.st_mode:
            raise ValueError("others may write the copy")
        yield file


def _index(file: IO[bytes]) -> dict[str, Any]:
    """The index at the end of the file. Raises ValueError if it is not whole."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - 8 - _DIGITS))
    size, digest = int.from_bytes(file.read(8), "big"), file.read(_DIGITS)
    text = _bytes(file, end - 8 - _DIGITS - size, size)
    if hashlib.sha256(text).hexdigest().encode() != digest:
        raise ValueError("the index is damaged")
    found: dict[str, Any] = json.loads(text)
    return found


def _part(file: IO[bytes], part: dict[str, Any]) -> tuple[str, pl.DataFrame]:
    """The type and the rows of a part of the file. Raises ValueError if they are not what was written."""
    text = _bytes(file, part["offset"], part["size"])
    if zlib.crc32(text) != part["crc32"]:
        raise ValueError("the copy is damaged")
    frame = pl.read_ipc(text)
    if dict(frame.schema) != schema_of(PAYLOADS[part["type"]]):
        raise ValueError("not the columns of its type")
    return part["type"], frame


def _bytes(file: IO[bytes], offset: int, size: int) -> bytes:
    """Part of the file. Raises ValueError if it is not so long."""
    if not 0 <= offset <= offset + size <= os.fstat(file.fileno()).st_size:
        raise ValueError("the copy is cut")
    return os.pread(file.fileno(), size, offset)


def _order(by_type: dict[str, pl.DataFrame], name: str) -> None:
    """Put events in the order in which they are asked for, so that no replay need sort them.

    Column by column, in place: there is no moment at which all of them are there twice.
    """
    order = _by_name(by_type[name])
    columns = by_type.pop(name).get_columns()
    for n, column in enumerate(columns):
        columns[n] = column.gather(order)
    by_type[name] = pl.DataFrame(columns)


def _by_name(frame: pl.DataFrame) -> pl.Series:
    """The rows in order of their names; where names are repeated, by day and recording as well."""
    if frame.schema["name"] == pl.Categorical:
        return pl.Series(day_order(frame, day_key(frame)), dtype=pl.UInt32)
    return frame.select("name").with_row_index("row").sort("name", maintain_order=True)["row"]


def _save(log: EventLog, path: Path, frames: Frames) -> None:
    """Put a new copy in the old one's place, unless another process is about to. Raises OSError."""
    new = path.with_name(path.name + ".cache.new")
    with _mine(new, path.stat().st_mode & 0o666) as file:
        if file is None:
            return
        try:
            _write(file, log, frames)
            file.flush()
            new.replace(copy_of(path))
        except BaseException:
            new.unlink()
            raise


@contextmanager
def _mine(path: Path, mode: int) -> Iterator[IO[bytes] | None]:
    """The empty file `path`, which no other process writes; None if one does."""
    import fcntl

    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            alone = os.fstat(file.fileno()).st_ino == path.stat().st_ino  # else its writer has just put it in place
        except OSError:
            alone = False
        if alone:
            file.truncate()
            os.fchmod(file.fileno(), mode)
        yield file if alone else None


def _crc32(file: IO[bytes], begin: int, end: int) -> int:
    """The sum of a stretch of the file, as it stands there."""
    found = 0
    for offset in range(begin, end, CHUNK):
        found = zlib.crc32(os.pread(file.fileno(), min(CHUNK, end - offset), offset), found)
    return found


def _write(file: IO[bytes], log: EventLog, frames: Frames) -> None:
    file.write(MAGIC)
    parts = []
    for name, frame in frames.by_type.items():
        for rows in frame.iter_slices(ROWS):
            begin = file.tell()
            rows.write_ipc(file)
            end = file.seek(0, os.SEEK_END)
            parts.append({"type": name, "offset": begin, "size": end - begin, "crc32": _crc32(file, begin, end)})
    about = {"log": str(log.log_id), "code": _code(), "position": frames.log_position, "hash": frames.log_head}
    index = json.dumps(about | {"parts": parts}).encode()
    file.write(index + len(index).to_bytes(8, "big") + hashlib.sha256(index).hexdigest().encode())
