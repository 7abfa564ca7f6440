"""The hash chain: every event's hash covers the one before, so that an edit, a gap or a swap shows.

    hash = SHA-256(previous hash, as 64 hexadecimal digits, then the body), in hexadecimal; before the first: 64 zeros
    body = canonical JSON of actor, data, effective_on, id, note_digest, recorded_at, subject, type
    note_digest = SHA-256(salt, as its hexadecimal digits, then the note in UTF-8), in hexadecimal; null without a note

Canonical JSON is UTF-8 with keys sorted by code point, no white space, characters beyond ASCII as themselves and
numbers as Python writes them (shortest digits that round-trip; a float always with a point or exponent). A note and
its salt stand beside the event: they can be blanked without breaking the chain.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from json.encoder import encode_basestring
from math import isfinite
from typing import Any

GENESIS = "0" * 64


def canonical_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """`value` as canonical JSON. Raises ValueError for NaN and infinity."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def timestamp(moment: datetime) -> str:
    """A time as stored: UTC, microseconds, fixed width, so that text order is time order."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="microseconds")[:-6] + "Z"


@lru_cache(maxsize=4096)
def iso(day: date) -> str:
    """A day as stored."""
    return day.isoformat()


def digest_note(salt: str, note: str) -> str:
    """The salted digest that stands for a note in the chain."""
    return hashlib.sha256(salt.encode() + note.encode()).hexdigest()


def body(
    id: str,  # noqa: A002 - the envelope's own word
    type: str,  # noqa: A002
    subject: str,
    effective_on: str,
    recorded_at: str,
    actor: str | None,
    data: str,
    note_digest: str | None,
) -> str:
    """The text that is hashed. `data` is canonical JSON already and enters as it is."""
    quoted = encode_basestring  # canonical JSON of a text, without the many calls that would be most of an append
    return (
        f'{{"actor":{"null" if actor is None else quoted(actor)},"data":{data},"effective_on":{quoted(effective_on)},'
        f'"id":{quoted(id)},"note_digest":{"null" if note_digest is None else quoted(note_digest)},'
        f'"recorded_at":{quoted(recorded_at)},"subject":{quoted(subject)},"type":{quoted(type)}}}'
    )


def flat_json(names: Iterable[str], values: Mapping[str, Any]) -> str | None:
    """Canonical JSON of `values` under sorted `names`, None left out; nothing if one of them is not a plain value."""
    parts = []
    for name in names:
        value = values[name]
        kind = type(value)
        if kind is float and isfinite(value):
            parts.append(f'"{name}":{value!r}')
        elif kind is str:
            parts.append(f'"{name}":{encode_basestring(value)}')
        elif kind is bool:
            parts.append(f'"{name}":{"true" if value else "false"}')
        elif value is not None:
            return None
    return f"{{{','.join(parts)}}}"


def link(previous: str, text: str) -> str:
    """The hash of a body that follows the hash `previous`."""
    return hashlib.sha256(f"{previous}{text}".encode()).hexdigest()
