"""What every command needs: the log, the time it is, and how results leave."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from koers.events.log import EventLog
    from koers.events.sqlite import SqliteLog


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the command line: where the log is, and the clock."""

    url: str = "koers.db"
    clock: Callable[[], datetime] = field(default=_utc_now)

    def open(self, *, create: bool = False) -> SqliteLog:
        """The log. Raises LogError."""
        from koers.events.log import open_log

        return open_log(self.url, create=create, clock=self.clock)

    def now(self, log: EventLog) -> datetime:
        """The present of a log: the end of its own as-of date if it carries one, else the clock's time."""
        from koers.events.model import end_of

        return end_of(log.as_of) if log.as_of else self.clock()

    def times(self, log: EventLog, as_of: date | None, known_at: datetime | None) -> tuple[date, datetime]:
        """The as-of day and known-at time a command means: given, or the log's own, or now."""
        from koers.events.model import end_of

        if as_of is not None:
            return as_of, known_at or end_of(as_of)
        now = self.now(log)
        return now.date(), known_at or now


def print_json(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """One JSON document on stdout."""
    print(json.dumps(value, ensure_ascii=False, allow_nan=False, default=str))  # noqa: T201
