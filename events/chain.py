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
from datetime import UTC, datetime
from typing import Any

GENESIS = "0" * 64


def canonical_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """`value` as canonical JSON. Raises ValueError for NaN and infinity."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def timestamp(moment: datetime) -> str:
    """A time as stored: UTC, microseconds, fixed width, so that text order is time order."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def digest_note(salt: str, note: str) -> str:
    """The salted digest that stands for a note in the chain."""
    return hashlib.sha256(salt.encode() + note.encode()).hexdigest()


def body(  # the envelope is what it is
    *,
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
    envelope = canonical_json(
        {
            "effective_on": effective_on,
            "id": id,
            "note_digest": note_digest,
            "recorded_at": recorded_at,
            "subject": subject,
            "type": type,
        }
    )
    return f'{{"actor":{canonical_json(actor)},"data":{data},{envelope[1:]}'


def link(previous: str, text: str) -> str:
    """The hash of a body that follows the hash `previous`."""
    return hashlib.sha256(previous.encode() + text.encode()).hexdigest()
