"""Heads taken out of the log's reach: what a log is held against, so that a cut tail or a rewritten past shows.

A chain shows every change that was made without computing it anew. Who can write the file can also compute it anew, or
cut the end off; then only a head kept elsewhere tells.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from koers.events.chain import canonical_json
from koers.events.errors import InputError, LogError
from koers.events.log import EMPTY, EventLog, Head
from koers.events.model import Model, Moment

MOST_BYTES = 10_000


class ExportedHead(Model):
    """Where a log stood at `time`: the position and hash of its last event."""

    koers_head: Literal[1]
    log: uuid.UUID
    position: Annotated[int, Field(ge=0)]
    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    time: Moment


def export_head(log: EventLog, head: Head, now: datetime) -> str:
    """The text of a head file."""
    said = ExportedHead(koers_head=1, log=log.log_id, position=head.position, hash=head.hash, time=now)
    return canonical_json(said.model_dump(mode="json")) + "\n"


def read_head(path: Path) -> ExportedHead:
    """The head in a file that `koers verify --export-head` wrote. Raises InputError."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES)
        return ExportedHead.model_validate_json(content)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", str(path)) from error
    except ValidationError as error:
        raise InputError("this is no exported head; `koers verify --export-head FILE` writes one", str(path)) from error


def hold(log: EventLog, exported: ExportedHead) -> bool:
    """Hold a log that verifies against a head. Raises LogError with the first position that is wrong or gone.

    A hash covers every event up to it, so the head of a log holds for a copy under another id as well, as an import of
    its export makes one; returned is whether this is the very log. The head of an empty log fits every log: it is held
    against that one only.
    """
    own = log.log_id == exported.log
    end, on = log.head().position, f"on {exported.time:%Y-%m-%d %H:%M} UTC"
    row = next(log.rows(exported.position - 1, exported.position), None)
    if (own or exported.position) and (row.hash if row else EMPTY.hash) == exported.hash:
        return own
    if not own:
        raise LogError(
            f"this is log {log.log_id}, which ends at {end}: neither log {exported.log}, whose head that is, nor a"
            f" whole copy of it, as at position {exported.position} it does not hold what that one held {on}"
        )
    if end < exported.position:
        raise LogError(
            f"position {end + 1}: gone; the log ends at {end}, and at position {exported.position:,} {on}:"
            " its tail was cut off"
        )
    raise LogError(
        f"position {exported.position}: not the event it was {on}:"
        " events up to there were changed, and the chain computed anew"
    )
