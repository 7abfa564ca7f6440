"""From events to typed frames, as of two times: what held by `effective_until`, as known by `known_until`.

Everything that reads a log reads these frames; nothing else looks at events. What was recorded later than
`known_until` does not exist here, corrections and retractions included. `effective_until` cuts evidence only: plans
known by then may lie ahead.
"""

from __future__ import annotations

import types
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import polars as pl

from koers.events.chain import GENESIS, timestamp
from koers.events.model import EVIDENCE, PAYLOADS, Event, Payload, Row, data_text

CHECKED_IN = "koers.checked-in.v1"
CORRECTED = "koers.check-in-corrected.v1"
RETRACTED = "koers.event-retracted.v1"

ENVELOPE = {
    "position": pl.Int64,
    "id": pl.String,
    "type": pl.String,
    "subject": pl.String,
    "effective_on": pl.String,
    "recorded_at": pl.String,
    "data": pl.String,
    "note": pl.String,
}
READING = ("value", "confidence", "projection", "status", "note", "effective_on")
_EVIDENCE_TYPES = {model.model_fields["type"].default for model in EVIDENCE}


@dataclass(frozen=True, slots=True)
class Frames:
    """One typed frame per event type, rows in order of position.

    Columns: position, id, name (the subject without its kind), effective_on, recorded_at, note, then the payload's
    fields. `log_position` and `log_head` are the last position read and its hash, whatever is hidden.
    """

    by_type: dict[str, pl.DataFrame]
    log_position: int
    log_head: str

    def of(self, payload: type[Payload]) -> pl.DataFrame:
        """The events of one type; an empty frame with the same columns where there are none."""
        return self.by_type[payload.model_fields["type"].default]

    def assumed(self) -> int:
        """How many facts carry a recording date that their source did not give."""
        return sum(int(frame["recorded_assumed"].fill_null(value=False).sum()) for frame in self.by_type.values())


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
    """Every event as it was recorded, nothing hidden or corrected: what `view` can look at again and again."""
    rows = list(map(_columns, events))
    table = pl.DataFrame([row[:-1] for row in rows], schema=ENVELOPE, orient="row")
    by_type = {name: _typed(table.filter(pl.col("type") == name), model) for name, model in PAYLOADS.items()}
    return Frames(by_type, *((rows[-1][0], rows[-1][-1]) if rows else (0, GENESIS)))


def view(recorded: Frames, effective_until: date | None = None, known_until: datetime | None = None) -> Frames:
    """What of `recorded` (see `typed`) was in force, as known; the arguments are those of `replay`."""
    by_type = recorded.by_type
    if known_until is not None:
        by_type = {name: frame.filter(pl.col("recorded_at") <= known_until) for name, frame in by_type.items()}
    hidden = _retracted(by_type)
    if hidden:
        by_type = {name: frame.filter(~pl.col("id").is_in(hidden)) for name, frame in by_type.items()}
    by_type = by_type | {CHECKED_IN: _corrected(by_type[CHECKED_IN], by_type[CORRECTED])}
    if effective_until is not None:
        cut = {name: by_type[name].filter(pl.col("effective_on") <= effective_until) for name in _EVIDENCE_TYPES}
        by_type = by_type | cut
    return Frames(by_type, recorded.log_position, recorded.log_head)


def _columns(event: Event | Row) -> tuple[Any, ...]:
    """The values of ENVELOPE, then the hash."""
    if isinstance(event, Row):
        effective_on, recorded_at, data = event.effective_on, event.recorded_at, event.data
    else:
        effective_on, recorded_at = event.effective_on.isoformat(), timestamp(event.recorded_at)
        data = data_text(event.data)
    return (
        event.position or 0,
        event.id,
        event.type,
        event.subject,
        effective_on,
        recorded_at,
        data,
        event.note,
        event.hash or "",
    )


def _retracted(by_type: dict[str, pl.DataFrame]) -> list[str]:
    """Ids of events that a later one in force retracts. From last to first: a retraction can itself be retracted."""
    retractions = by_type[RETRACTED]
    if retractions.is_empty():
        return []
    targets = retractions["retracts"].implode()
    found = [frame.filter(pl.col("id").is_in(targets)).select("id", "position") for frame in by_type.values()]
    position_of = dict(pl.concat(found).iter_rows())
    hidden: set[str] = set()
    for position, own, target in retractions.select("position", "id", "retracts").reverse().iter_rows():
        if own not in hidden and position_of.get(target, position) < position:
            hidden.add(target)
    return sorted(hidden)


def _corrected(check_ins: pl.DataFrame, corrections: pl.DataFrame) -> pl.DataFrame:
    """Check-ins with the content of their latest correction; the original's id and times still break ties."""
    if corrections.is_empty():
        return check_ins
    latest = (
        corrections.sort("recorded_at", "position")
        .unique("corrects", keep="last", maintain_order=True)
        .select("corrects", pl.lit(value=True).alias("found"), *(pl.col(c).alias(f"{c}_now") for c in READING))
    )
    joined = check_ins.join(latest, left_on="id", right_on="corrects", how="left", maintain_order="left")
    now = [pl.when(pl.col("found")).then(pl.col(f"{c}_now")).otherwise(pl.col(c)).alias(c) for c in READING]
    return joined.with_columns(now).select(check_ins.columns)


def _typed(table: pl.DataFrame, model: type[Payload]) -> pl.DataFrame:
    """Rows of one event type, its data spread over typed columns."""
    fields = _fields(model)
    plain = {name: dtype for name, dtype in fields.items() if dtype != pl.Object}
    wire = pl.Struct({name: pl.String if dtype == pl.Date else dtype for name, dtype in plain.items()})
    spread = table["data"].str.json_decode(wire).struct.unnest() if plain else pl.DataFrame()
    return pl.DataFrame(
        [
            table["position"],
            table["id"],
            table["subject"].str.splitn("/", 2).struct.field("field_1").alias("name"),
            table["effective_on"].str.to_date("%Y-%m-%d"),
            table["recorded_at"].str.to_datetime("%Y-%m-%dT%H:%M:%S%.6fZ", time_unit="us", time_zone="UTC"),
            table["note"],
            *(spread[n].str.to_date("%Y-%m-%d") if d == pl.Date else spread[n] for n, d in plain.items()),
            *(table["data"].str.json_path_match(f"$.{n}").alias(n) for n in fields if n not in plain),
        ]
    )


@cache
def _fields(model: type[Payload]) -> dict[str, Any]:
    """Payload fields and their polars types; Object marks a mapping, which stays JSON text."""
    return {n: _dtype(f.annotation) for n, f in model.model_fields.items() if n != "type"}


def _dtype(annotation: Any) -> Any:  # noqa: ANN401 - annotations have no better type
    origin = get_origin(annotation)
    if origin is Annotated:
        return _dtype(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return _dtype(next(a for a in get_args(annotation) if a is not type(None)))
    if origin is Literal:
        return pl.String
    if origin is tuple:
        return pl.List(pl.String)
    if origin is dict:
        return pl.Object
    simple = {str: pl.String, float: pl.Float64, int: pl.Int64, bool: pl.Boolean, date: pl.Date, datetime: pl.String}
    return simple[annotation]
