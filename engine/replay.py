"""From events to typed frames, as of two times: what held by `effective_until`, as known by `known_until`.

Everything that reads a log reads these frames; nothing else looks at events. What was recorded later than
`known_until` does not exist here, corrections and retractions included. `effective_until` cuts evidence only: plans
known by then may lie ahead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime

import polars as pl

from koers.events.batches import batches_of
from koers.events.chain import GENESIS, timestamp
from koers.events.frames import Frames, grown, no_frames, type_of
from koers.events.model import EVIDENCE, CheckedIn, CheckInCorrected, Event, EventRetracted, Row, data_text

__all__ = ["Frames", "replay", "typed", "view"]

READING = ("value", "confidence", "projection", "status", "effective_on")
_EVIDENCE_TYPES = {type_of(model) for model in EVIDENCE}
_CHECKED_IN = type_of(CheckedIn)


def replay(
    events: Iterable[Event | Row],
    effective_until: date | None = None,
    known_until: datetime | None = None,
) -> Frames:
    """Replay `events` (in order of position) into frames of what was in force, as known.

    `effective_until` hides evidence that holds for a later day, `known_until` whatever was recorded after that time.
    Retracted events are gone; check-ins stand as corrected, under the original's id, position and recording.
    """
    return view(typed(events), effective_until, known_until)


def typed(events: Iterable[Event | Row]) -> Frames:
    """Every event as it was recorded, nothing hidden or corrected: what `view` can look at again and again.

    Events that no log has given a position yet count on from the one before. Raises LogError for an event that cannot
    be read.
    """
    given = list(events)
    rows = list(_placed(given))
    at = {row.id: row.position for row in rows}
    position, head = (given[-1].position or 0, given[-1].hash or "") if given else (0, GENESIS)
    return grown(no_frames(), batches_of(rows), position, head, lambda ids: {i: at[i] for i in ids if i in at})


def _placed(events: Iterable[Event | Row]) -> Iterator[Row]:
    """Events as rows, as far as a replay reads them."""
    position = 0
    for event in events:
        if isinstance(event, Row):
            yield event
            continue
        position = event.position or position + 1
        day, moment = event.effective_on.isoformat(), timestamp(event.recorded_at)
        said = (event.id, event.type, event.subject, day, moment, None, data_text(event.data), None, None, None)
        yield Row(position, *said, "", event.hash or "")


def view(recorded: Frames, effective_until: date | None = None, known_until: datetime | None = None) -> Frames:
    """What of `recorded` (see `typed`) was in force, as known; the arguments are those of `replay`.

    Of frames that the caller does not keep, the columns that change are let go one by one.
    """
    at, by_type = (recorded.log_position, recorded.log_head), dict(recorded.by_type)
    del recorded
    if known_until is not None:
        by_type = {name: _until(frame, "recorded_at", known_until) for name, frame in by_type.items()}
    hidden = _retracted(by_type[type_of(EventRetracted)])
    for name in by_type.keys() - {_CHECKED_IN}:
        by_type[name] = _without(by_type[name], hidden)
    by_type[_CHECKED_IN] = _corrected(by_type.pop(_CHECKED_IN), by_type[type_of(CheckInCorrected)], hidden)
    if effective_until is not None:
        by_type |= {name: _until(by_type[name], "effective_on", effective_until) for name in _EVIDENCE_TYPES}
    return Frames(by_type, *at)


def _until(frame: pl.DataFrame, time: str, last: date | datetime) -> pl.DataFrame:
    """The rows up to `last`; the frame itself, not a copy, if that is all of them."""
    late = frame[time] > last
    return frame.filter(~late) if late.any() else frame


def _without(frame: pl.DataFrame, hidden: pl.Series) -> pl.DataFrame:
    """The rows at other positions; the frame itself if that is all of them."""
    gone = frame["position"].is_in(hidden.implode())
    return frame.filter(~gone) if gone.any() else frame


def _retracted(retractions: pl.DataFrame) -> pl.Series:
    """Positions of events that a later one in force retracts. From last to first: a retraction may be retracted."""
    hidden: set[int] = set()
    for own, target in retractions.select("position", "target").drop_nulls().reverse().iter_rows():
        if own not in hidden and target < own:
            hidden.add(target)
    return pl.Series(sorted(hidden), dtype=retractions.schema["position"])


def _corrected(check_ins: pl.DataFrame, corrections: pl.DataFrame, hidden: pl.Series) -> pl.DataFrame:
    """Check-ins in force with the content of their latest correction; the original's place and times break ties."""
    latest = (
        corrections.drop_nulls("target")
        .sort("recorded_at", "position")
        .unique("target", keep="last", maintain_order=True)
        .select(pl.col("target").alias("position"), *READING)
        .cast({"status": pl.Categorical})
    )
    rows = check_ins["position"].is_in(latest["position"].implode()).arg_true()
    at = pl.DataFrame([check_ins["position"].gather(rows), rows.alias("row")]).join(latest, on="position")
    gone = check_ins["position"].is_in(hidden.implode())
    columns = check_ins.get_columns()
    del check_ins
    for n, column in enumerate(columns):
        said = column.scatter(at["row"], at[column.name]) if at.height and column.name in READING else column
        columns[n] = said.filter(~gone) if gone.any() else said
    return pl.DataFrame(columns)
