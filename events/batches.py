"""Stored events by column, as a replay takes them: a column of text is one JSON array, not a Python object per row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from koers.events.errors import LogError
from koers.events.model import Row

SIZE = 25_000
"""Events in a batch: what reading holds in memory at a time."""


class Batch(NamedTuple):
    """Events in order of position; every other field is a JSON array of their text."""

    positions: Sequence[int]
    type: str
    subject: str
    effective_on: str
    recorded_at: str
    data: str


def batches_of(rows: Iterable[Row]) -> Iterator[Batch]:
    """Rows in batches."""
    rest = iter(rows)
    while chunk := list(islice(rest, SIZE)):
        columns = ([getattr(row, name) for row in chunk] for name in Batch._fields[1:])
        yield Batch([row.position for row in chunk], *map(json.dumps, columns))


def complete(batches: Iterable[Batch], after: int, until: int) -> Iterator[Batch]:
    """The batches, if they hold every position in ``after < position <= until``. Raises LogError if they do not."""
    for batch in batches:
        first, last = batch.positions[0], batch.positions[-1]
        if first != after + 1 or last - first + 1 != len(batch.positions):
            raise LogError(f"after position {after}: an event is missing or out of order: `koers verify` says more")
        after = last
        yield batch
    if after != until:
        raise LogError(f"position {after + 1}: the event is missing: `koers verify` says more")
