"""How the case records what happened: an id from what is said, and a time of the day."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time

from koers.events.model import Data, Event

NAMESPACE = uuid.UUID("5b0c7c1e-0d7e-5c8a-9b57-6b6f65727324")


def at(day: date, hour: int) -> datetime:
    """An hour of a day, UTC."""
    return datetime.combine(day, time(hour), UTC)


def event(subject: str, day: date, data: Data, recorded: datetime, note: str | None = None) -> Event:
    """What holds from `day` on, as recorded at a time; the same content has the same id."""
    name = uuid.uuid5(NAMESPACE, f"{subject} {data.type} {day} {recorded} {data.model_dump_json()}")
    return Event(
        id=str(name), subject=subject, effective_on=day, recorded_at=recorded, actor="case", data=data, note=note
    )
