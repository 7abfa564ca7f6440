"""A log in memory: for tests and notebooks, and the oracle of the other storages."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime

from koers.events.log import EMPTY, Clock, EventLog, Head, Salt, Stored, admit, adopt, decode, redacted_by
from koers.events.model import Event, Row


class MemoryLog(EventLog):
    """An event log that ends with its process."""

    def __init__(self, *, as_of: date | None = None, clock: Clock | None = None, salt: Salt | None = None) -> None:
        self.log_id = uuid.uuid4()
        self.as_of = as_of
        self._rows: list[Row] = []
        self._clock = clock or (lambda: datetime.now(UTC))
        self._salt = salt or secrets.token_hex

    def append(self, events: Sequence[Event], expected: Mapping[str, int] | None = None) -> list[int]:
        """See EventLog.append."""
        stored = Stored(
            self.head(), {row.id: row for row in self._rows}, {row.subject: row.position for row in self._rows}
        )
        rows, positions = admit(events, stored, expected, self._clock, self._salt)
        self._add(rows)
        return positions

    def append_rows(self, batches: Iterable[Sequence[Row]]) -> int:
        """See EventLog.append_rows."""
        stored = Stored(self.head(), {row.id: row for row in self._rows}, {})
        rows = adopt((row for batch in batches for row in batch), stored, self._clock, self._salt)
        self._add(rows)
        return len(rows)

    def _add(self, rows: Sequence[Row]) -> None:
        gone = set(redacted_by(rows))
        self._rows.extend(rows)
        if gone:
            self._rows = [row._replace(note=None, note_salt=None) if row.id in gone else row for row in self._rows]

    def rows(self, after: int = 0, until: int | None = None) -> Iterator[Row]:
        """See EventLog.rows."""
        end = len(self._rows) if until is None else max(until, 0)
        yield from self._rows[max(after, 0) : end]

    def head(self) -> Head:
        """See EventLog.head."""
        return Head(self._rows[-1].position, self._rows[-1].hash) if self._rows else EMPTY

    def find(self, event_id: str) -> Event | None:
        """See EventLog.find."""
        return next((decode(row) for row in self._rows if row.id == event_id), None)
