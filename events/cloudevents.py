"""Rows of a log as CloudEvents 1.0, and lines of CloudEvents as rows.

Attributes are `id`, `source` (the log's id), `type`, `subject`, `time` (= recorded_at) and the extensions
`effectiveon`, `actor`, `appendedat`, `position`, `hash`, `notesalt`, `notedigest` and `asof` (a log's own date). `data`
is the payload that was hashed; a note stands in it as `note`: attributes may hold no line breaks and nothing private.

Lines with `position` and `hash` are a copy of a log: each is held against the chain as it is read. Lines without are
events of another source: their `time` is when they were recorded, `effectiveon` is that day and `actor` is `source`
unless given, and attributes koers does not know are left alone.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from json.encoder import encode_basestring as _text
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from koers.events.chain import canonical_json, timestamp
from koers.events.columns import near, shown
from koers.events.errors import InputError, LogError
from koers.events.log import EMPTY, Head, decode, walk
from koers.events.model import PAYLOADS, Event, Row, data_text

MOST_BYTES = 4_000_000
"""The longest line that is read or written."""

_OPTIONAL = ("actor", "notesalt", "notedigest", "appendedat")


def cloudevent(row: Row, source: str, as_of: date | None) -> str:
    """A row of the log `source` as a line, without its end."""
    given = (row.actor, row.note_salt, row.note_digest, row.appended_at)
    more = "".join(
        f',"{name}":{_text(value)}' for name, value in zip(_OPTIONAL, given, strict=True) if value is not None
    )
    more += f',"asof":"{as_of}"' if as_of else ""
    note = "" if row.note is None else f'{"," if len(row.data) > 2 else ""}"note":{_text(row.note)}'
    return (
        f'{{"specversion":"1.0","id":{_text(row.id)},"source":{_text(source)},"type":{_text(row.type)},'
        f'"subject":{_text(row.subject)},"time":{_text(row.recorded_at)},"effectiveon":{_text(row.effective_on)},'
        f'"position":{row.position},"hash":{_text(row.hash)}{more},"data":{row.data[:-1]}{note}}}}}'
    )


def read_cloudevents(path: Path) -> Iterator[tuple[int, Row]]:
    """The events in a file of CloudEvents with their line numbers: as rows, those of another source without a place.

    Raises InputError, with the line, for the first that cannot be taken.
    """
    file, head, copied = str(path), EMPTY, None
    for number, line in _lines(path):
        found = _object(line, file, number)
        if copied is None:
            copied = "hash" in found or "position" in found
        try:
            row = _copied(found, line, head) if copied else _foreign(_object(line, file, number, _STRICT_JSON))
        except _LineError as error:
            raise InputError(str(error), file, number) from error
        head = Head(row.position, row.hash)
        yield number, row
    if copied is None:
        raise InputError("there are no events in this file", file)


def own_date(path: Path) -> date | None:
    """The own date of the log that a file of CloudEvents is a copy of, as its first line says it. Raises InputError."""
    for number, line in _lines(path):
        try:
            said = _object(line, str(path), number).get("asof")
            return None if said is None else date.fromisoformat(said)
        except (TypeError, ValueError):
            raise InputError("asof is no date", str(path), number) from None
    return None


class _LineError(Exception):
    """What is wrong with a line."""


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no finite number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{shown(next(name for name in names if names.count(name) > 1))} stands twice")
    return found


_JSON = json.JSONDecoder(parse_constant=_no_constant)
_STRICT_JSON = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_once)
"""Twice as slow, and needed only where no hash says what a line means."""


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers; empty ones are left out. Raises InputError."""
    file = str(path)
    try:
        with path.open("rb") as lines:
            number = 0
            while line := lines.readline(MOST_BYTES + 1):
                number += 1
                if number == 1:
                    line = _unmarked(line, file)
                if len(line) > MOST_BYTES:
                    raise InputError(f"the line is longer than {MOST_BYTES:,} bytes", file, number)
                if line.strip():
                    yield number, line
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file) from error


def _unmarked(line: bytes, file: str) -> bytes:
    if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in line[:2]:
        raise InputError("this is UTF-16: save it as UTF-8", file, 1, 1)
    return line.removeprefix(codecs.BOM_UTF8)


def _object(line: bytes, file: str, number: int, decoder: json.JSONDecoder = _JSON) -> dict[str, Any]:
    try:
        found = decoder.decode(line.decode())
    except UnicodeDecodeError as error:
        raise InputError("this is not UTF-8 from here on", file, number, error.start + 1) from None
    except json.JSONDecodeError as error:
        what = f"this is no JSON ({error.msg}): one CloudEvent per line; is the file cut off?"
        raise InputError(what, file, number, error.colno) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"this JSON cannot be taken: {error}", file, number) from None
    if not isinstance(found, dict):
        raise InputError("this is no JSON object: write one CloudEvent per line", file, number)
    return found


def _copied(found: dict[str, Any], line: bytes, previous: Head) -> Row:
    """A line of another log's copy as the row it was there. Raises _LineError where it does not follow `previous`."""
    data, note = _content(found, line)
    row = Row._make([*map(found.get, _PLACED), data, note, *map(found.get, _SAID_BY_THE_LOG)])
    if type(row.position) is not int:
        raise _LineError(f"position is no whole number but {row.position!s:.40}")
    if type(row.type) is not str:
        raise _LineError(_not_text(row))
    try:
        decode(row)
        written = _DAY.fullmatch(row.effective_on) and _TIME.fullmatch(row.recorded_at + row.appended_at)
        walk(iter((row,)), previous)
    except LogError as error:
        raise _LineError(_reason(error)) from error
    except TypeError:
        raise _LineError(_not_text(row)) from None
    if not written:
        raise _LineError("effectiveon, time or appendedat is not written as koers does")
    return row


_PLACED = ("position", "id", "type", "subject", "effectiveon", "time", "actor")
_SAID_BY_THE_LOG = ("notesalt", "notedigest", "appendedat", "hash")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z){2}", re.ASCII)
_NAMES = {"effective_on": "effectiveon", "recorded_at": "time", "note_salt": "notesalt", "note_digest": "notedigest"}
_NAMES |= {"appended_at": "appendedat"}


def _not_text(row: Row) -> str:
    needed = ("type", "effective_on", "recorded_at", "appended_at")
    name = next((name for name in needed if not isinstance(getattr(row, name), str)), "an attribute")
    return f"{_NAMES.get(name, name)} is missing or no text"


def _reason(error: LogError) -> str:
    return _said(error.__cause__) if isinstance(error.__cause__, ValidationError) else str(error)


def _said(error: ValidationError) -> str:
    """The first thing pydantic found."""
    first = error.errors()[0]
    if first["type"] == "rule":
        return str(first["msg"])
    within = () if error.title == Event.__name__ else ("data",)
    where = ".".join(map(str, (*within, *first["loc"])))
    return f"{_NAMES.get(where, where)} does not fit: {first['msg']}"


def _content(found: dict[str, Any], line: bytes = b"") -> tuple[str, str | None]:
    """The payload as canonical JSON, and the note. Raises _LineError.

    As koers writes it, the payload ends the line; it is then taken as it stands there, which costs less.
    """
    if found.get("specversion") != "1.0":
        raise _LineError(f"specversion is {found.get('specversion')!s:.40}: this is no CloudEvent 1.0")
    data = found.get("data")
    if not isinstance(data, dict):
        raise _LineError("data is no JSON object")
    note = data.pop("note", None)
    if note is None and next(reversed(found)) == "data" and (text := line.partition(b',"data":')[2]):
        return text.rstrip()[:-1].decode(), None
    if note is not None and not isinstance(note, str):
        raise _LineError("note is no text")
    try:
        return canonical_json(data), note
    except ValueError as error:
        raise _LineError(f"data cannot be taken: {error}") from None


def _foreign(found: dict[str, Any]) -> Row:
    """A line of another source as a row without a place, held against the rules of today. Raises _LineError."""
    data, note = _content(found)
    if "hash" in found or "position" in found:
        raise _LineError("this line has a position or a hash, the first has none: import them apart")
    payload = PAYLOADS.get(str(found.get("type")))
    if payload is None:
        kind = shown(str(found.get("type")))
        raise _LineError(f"event type {kind} is not known{near(kind[1:-1], PAYLOADS)}")
    recorded_at = _moment(found.get("time"))
    try:
        event = Event(
            id=found.get("id"),  # type: ignore[arg-type]  # pydantic says what is wrong
            subject=found.get("subject"),  # type: ignore[arg-type]
            effective_on=_day(found["effectiveon"]) if "effectiveon" in found else recorded_at.date(),
            recorded_at=recorded_at,
            actor=found.get("actor", found.get("source")),
            data=payload.model_validate_json(data),  # type: ignore[arg-type]  # one of the union
            note=note,
            note_salt=found.get("notesalt"),
            note_digest=found.get("notedigest"),
        )
    except ValidationError as error:
        raise _LineError(_said(error)) from error
    return Row(
        position=0,
        id=event.id,
        type=event.type,
        subject=event.subject,
        effective_on=event.effective_on.isoformat(),
        recorded_at=timestamp(event.recorded_at),
        actor=event.actor,
        data=data_text(event.data),
        note=event.note,
        note_salt=event.note_salt,
        note_digest=event.note_digest,
        appended_at="",
        hash="",
    )


def _moment(said: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(said))
    except ValueError:
        raise _LineError(f"time {shown(str(said))} is no time: when was this recorded?") from None
    if found.tzinfo is None:
        raise _LineError(f"time {shown(str(said))} needs its zone, for example 2026-11-24T09:30:00Z")
    return found


def _day(said: object) -> date:
    try:
        return date.fromisoformat(str(said))
    except ValueError:
        raise _LineError(f"effectiveon {shown(str(said))} is no date: write 2026-11-24") from None
