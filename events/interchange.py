"""A log as a file of CloudEvents, one JSON object per line: out and back without loss, and in from other sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from koers.events.cloudevents import MOST_BYTES, cloudevent, read_cloudevents
from koers.events.errors import ConflictError, InputError
from koers.events.log import EventLog, Head, redacted_by
from koers.events.model import Row
from koers.events.newfile import new_file
from koers.events.redaction import clear

BATCH = 1_000


@dataclass(frozen=True)
class ImportedEvents:
    """What an import did: events `added` and `already` known, and the log's head afterwards."""

    added: int
    already: int
    head: Head


def export_events(log: EventLog, path: Path) -> int:
    """Write every event of `log` as a line of the new file `path`, and return how many there are.

    Read into an empty log they give the same positions, hashes and head. Raises InputError if the file is there
    already or cannot be written; then no part of it is left.
    """
    source = f"urn:uuid:{log.log_id}"
    count = 0
    with new_file(path) as file:
        for row in log.rows():
            line = (cloudevent(row, source, log.as_of) + "\n").encode()
            if len(line) > MOST_BYTES:
                raise InputError(f"the event at position {row.position} is longer than {MOST_BYTES:,} bytes", str(path))
            file.write(line)
            count += 1
    return count


def import_events(log: EventLog, paths: Sequence[Path]) -> ImportedEvents:
    """Take the CloudEvents in files, one per line, into `log`, all or nothing.

    Events the log holds already add nothing. Raises InputError, with file and line, for the first that cannot be
    taken: no event of koers, a copy whose chain breaks, an id that is known with other content.
    """
    reading = _Reading()
    try:
        added = log.append_rows(reading.batches(paths))
    except ConflictError as error:
        raise InputError(str(error), *reading.place(error.event_id)) from error
    if reading.redacts:  # even if nothing was added: an import before may have been cut off here
        clear(log, "import again")
    return ImportedEvents(added, reading.total - added, log.head())


class _Reading:
    """Batches of rows out of files, where the rows of the last batch stand, and whether any of them redacts a note."""

    def __init__(self) -> None:
        self.total = 0
        self.redacts = False
        self._file = ""
        self._batch: list[tuple[int, Row]] = []

    def batches(self, paths: Sequence[Path]) -> Iterator[list[Row]]:
        """The rows of all files, a batch at a time. Raises InputError."""
        for path in paths:
            self._file, lines = str(path), read_cloudevents(path)
            while batch := list(islice(lines, BATCH)):
                self._batch = batch
                self.total += len(batch)
                rows = [row for _, row in batch]
                self.redacts = self.redacts or bool(redacted_by(rows))
                yield rows

    def place(self, event_id: str) -> tuple[str, int | None]:
        """File and line of an event in the last batch."""
        return self._file, next((line for line, row in reversed(self._batch) if row.id == event_id), None)
