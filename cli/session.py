"""What every command needs: the log, the time it is, and how results leave."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from koers.events.urls import shown

if TYPE_CHECKING:
    import polars as pl

    from koers.events.frames import Frames
    from koers.events.log import EventLog


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the command line: where the log is, and the clock."""

    url: str = "koers.db"
    clock: Callable[[], datetime] = field(default=_utc_now)

    def open(self, *, create: bool = False) -> EventLog:
        """The log. Raises LogError."""
        from koers.events.log import open_log

        return open_log(self.url, create=create, clock=self.clock)

    def exists(self) -> bool:
        """Whether something is where the log should be. Raises LogError if a server cannot be reached."""
        from koers.events.log import is_there

        return is_there(self.url)

    @property
    def shown(self) -> str:
        """Where the log is, fit to print: without a password."""
        return shown(self.url)

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

    def read(self, as_of: datetime | None, known_at: str | None) -> tuple[Frames, date, datetime, str]:
        """What the log recorded, the day and time a command means, and these in words. Raises LogError."""
        from koers.events.cache import read_frames

        moment = _moment(known_at)
        with self.open() as log:
            day, known = self.times(log, as_of.date() if as_of else None, moment)
            return read_frames(log), day, known, _when(log, day, known)

    def with_ids(self, table: pl.DataFrame, column: str) -> pl.DataFrame:
        """`table` with the ids of events in place of their positions in `column`. Raises LogError."""
        import polars as pl

        with self.open() as log:
            ids = {at: row.id for at in table[column].drop_nulls() for row in log.rows(at - 1, at)}
        return table.with_columns(pl.col(column).replace_strict(ids, default=None, return_dtype=pl.String))

    def notes(self) -> dict[int, str]:
        """The log's notes by position. Raises LogError."""
        with self.open() as log:
            return log.notes()


def _when(log: EventLog, day: date, known: datetime) -> str:
    """What a table holds for, as a sentence's beginning."""
    from koers.events.model import end_of

    own = ", the log's own date" if day == log.as_of else ""
    return f"As of {day}{own}" + ("" if known == end_of(day) else f", as known at {known:%Y-%m-%d %H:%M} UTC")


def _moment(text: str | None) -> datetime | None:
    """A time in UTC; a date means its end. Raises typer.BadParameter."""
    if text is None:
        return None
    import typer

    from koers.events.model import end_of

    with suppress(ValueError):
        return end_of(date.fromisoformat(text))
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"{text!r} is no time: write 2026-11-24T09:30:00Z", param_hint="--known-at") from error


def nothing(recorded: Frames, day: date, cycle: str | None, said: tuple[str, ...] = ()) -> str:
    """One sentence for an empty table."""
    if not recorded.log_position:
        return "The log is empty: `koers import FOLDER` takes in tables."
    first = recorded.first_recorded().date()
    if day < first:
        return f"Nothing was recorded by {day}: the log begins on {first}."
    of = f" of cycle {cycle}" if cycle is not None else ""
    why = said[0] if said else f"no key result{of} was under way on {day}"
    return f"{why[0].upper()}{why[1:]}."


def print_json(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """One JSON document on stdout."""
    print(json.dumps(value, ensure_ascii=False, allow_nan=False, default=str))  # noqa: T201
