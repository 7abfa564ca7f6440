"""A log as typed polars frames, one per event type: from its stored text to columns, checked against the schema.

The text of an event is held against a pattern made from its payload's fields, then read by polars' JSON reader: an
event that does not say what its type must say raises, it never becomes a number. That the text is what was recorded
is the hash chain's business (`koers verify`), and so are rules between fields and limits of numbers.
"""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import numpy as np
import numpy.typing as npt
import polars as pl

from koers.events.batches import SIZE, Batch
from koers.events.chain import GENESIS
from koers.events.errors import LogError
from koers.events.model import (
    PAYLOADS,
    CheckedIn,
    CheckInCorrected,
    EventRetracted,
    KpiObserved,
    Payload,
    RunWorkArrived,
    RunWorkDone,
)
from koers.events.upcast import all_current

PARTS = 20
"""Pieces of a frame, one per batch, that are made one: many small ones would take half as much memory again."""
ROWS = 1_000_000
"""A piece of a frame with more rows grows no further: it would be copied again and again."""
THREADS = 2
"""Threads that decode: polars and hashlib let go of the interpreter's lock."""

Lookup = Callable[[Sequence[str]], Mapping[str, int]]
"""Event ids to positions; ids that the log does not hold are left out."""

REFERS: dict[type[Payload], str] = {EventRetracted: "retracts", CheckInCorrected: "corrects"}
"""Events that name another, and the field that does; their frames have its position as `target`."""
REPEATED: dict[type[Payload], tuple[str, ...]] = {CheckedIn: ("name", "status"), KpiObserved: ("name",)}
"""Columns that say the same few words many times over: categorical, a quarter of the memory."""
SORTED = (CheckedIn, KpiObserved, RunWorkArrived, RunWorkDone)
"""What there is most of: a log's copy has it by name."""

ENVELOPE: dict[str, Any] = {
    "position": pl.UInt32,
    "name": pl.String,
    "effective_on": pl.Date,
    "recorded_at": pl.Datetime("us", "UTC"),
}
_TEXT = r'"(?:[^"\\]|\\.)*"'
_PATTERNS: dict[Any, str] = {
    pl.String: _TEXT,
    pl.Float64: r"-?[0-9][0-9.eE+-]*",
    pl.Int64: r"-?[0-9]+",
    pl.Boolean: r"(?:true|false)",
    pl.Date: r'"[0-9]{4}-[0-9]{2}-[0-9]{2}"',
    pl.List(pl.String): rf"\[(?:{_TEXT},?)*\]",
    pl.Object: rf'\{{(?:{_TEXT}|[^"{{}}\[\]])*\}}',
}


@dataclass(frozen=True, slots=True)
class Frames:
    """One typed frame per event type, rows in order of position (of SORTED types: in any order).

    Columns: position, name (the subject without its kind), effective_on, recorded_at, then the payload's fields;
    `target` where an event names another: that one's position, null if the log does not hold it. No ids and no notes:
    nothing is computed from them. `log_position` and `log_head` are the last position read and its hash, whatever is
    hidden.
    """

    by_type: dict[str, pl.DataFrame]
    log_position: int
    log_head: str

    def of(self, payload: type[Payload]) -> pl.DataFrame:
        """The events of one type; an empty frame with the same columns where there are none."""
        return self.by_type[type_of(payload)]

    def first_recorded(self) -> datetime:
        """When the first fact was recorded. Raises ValueError if there is none."""
        return min(frame["recorded_at"].min() for frame in self.by_type.values() if frame.height)  # type: ignore[type-var, return-value]

    def assumed(self) -> int:
        """How many facts carry a recording date that their source did not give."""
        return sum(int(frame["recorded_assumed"].fill_null(value=False).sum()) for frame in self.by_type.values())


def type_of(payload: type[Payload]) -> str:
    """The type string of a payload's events."""
    return str(payload.model_fields["type"].default)


def no_frames() -> Frames:
    """The frames of an empty log."""
    return Frames({name: pl.DataFrame(schema=schema_of(model)) for name, model in PAYLOADS.items()}, 0, GENESIS)


def grown(frames: Frames, batches: Iterable[Batch], position: int, head: str, lookup: Lookup) -> Frames:
    """`frames` and the events that follow them, the last of which is at `position` with the hash `head`.

    `lookup` knows the positions of all of them. Raises LogError, with the position, for an event that this version of
    koers cannot read.
    """
    parts: dict[str, list[pl.DataFrame]] = {name: [] for name in frames.by_type}
    whole: dict[str, list[pl.DataFrame]] = {name: [frame] for name, frame in frames.by_type.items()}
    for decoded in _ahead(batches):
        for name, part in decoded.items():
            parts[name].append(part)
            if len(parts[name]) > PARTS:
                parts[name] = [_joined(parts[name])]
                if parts[name][0].height > ROWS:
                    whole[name] += parts[name]
                    parts[name].clear()
    for name, rest in parts.items():
        whole[name] += [_joined(rest)] if rest else []
    by_type = {name: pl.concat(found, rechunk=False) for name, found in whole.items()}
    return _pointed(Frames(by_type, position, head), lookup)


def _joined(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """The first of the parts, grown by the others, each column in one piece."""
    first, *others = parts
    return first.extend(pl.concat(others, rechunk=True)) if others else first


def _ahead(batches: Iterable[Batch]) -> Iterator[dict[str, pl.DataFrame]]:
    """The frames of batches, in order; while some are decoded the next are read, and no more than THREADS wait."""
    with ThreadPoolExecutor(THREADS) as pool:
        begun: deque[Future[dict[str, pl.DataFrame]]] = deque()
        for batch in batches:
            if not begun and len(batch.positions) < SIZE:  # the only one: no thread is worth its start
                yield _decoded(batch)
                continue
            begun.append(pool.submit(_decoded, batch))
            if len(begun) > THREADS:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()


def day_key(frame: pl.DataFrame) -> npt.NDArray[np.signedinteger]:
    """One number per row that sorts by name (a categorical column, alphabetically) and day."""
    words = frame["name"].unique()
    codes = words.gather(words.cast(pl.String).arg_sort()).to_physical().to_numpy()
    days = frame["effective_on"].to_physical().to_numpy()
    first, last = (int(days.min()), int(days.max())) if len(days) else (0, 0)
    span = last - first + 1
    fits = len(codes) * span < 2**31  # half the memory
    rank = np.zeros(int(codes.max(initial=0)) + 1, dtype=np.int32 if fits else np.int64)
    rank[codes] = np.arange(len(codes))
    key: npt.NDArray[np.signedinteger] = rank[frame["name"].to_physical().to_numpy()]
    key *= span
    key += days
    key -= first
    return key


def day_order(frame: pl.DataFrame, key: npt.NDArray[np.signedinteger]) -> npt.NDArray[np.intp]:
    """The rows in order of their `day_key`, then of recording."""
    order: npt.NDArray[np.intp] = np.lexsort((frame["position"], frame["recorded_at"].to_physical(), key))
    return order


def _pointed(frames: Frames, lookup: Lookup) -> Frames:
    """The frames with the positions of events that others name, where they are not known yet."""
    names = {model: frames.of(model).filter(pl.col("target").is_null())[field] for model, field in REFERS.items()}
    wanted = pl.concat(list(names.values())).unique()
    found = lookup(wanted.to_list()) if len(wanted) else {}
    if not found:
        return frames
    known = {
        type_of(model): frames.of(model).with_columns(
            target=pl.coalesce(
                "target", pl.col(field).replace_strict(found, default=None, return_dtype=ENVELOPE["position"])
            )
        )
        for model, field in REFERS.items()
    }
    return Frames({**frames.by_type, **known}, frames.log_position, frames.log_head)


def _decoded(batch: Batch) -> dict[str, pl.DataFrame]:
    """The frames of a batch, for the types that are in it."""
    try:
        columns = [_strings(getattr(batch, name), name, batch.positions) for name in Batch._fields[1:]]
        table = pl.DataFrame([pl.Series("position", batch.positions, dtype=ENVELOPE["position"]), *columns])
        parts = table.partition_by("type", as_dict=True, include_key=False)
    except pl.exceptions.PolarsError as error:
        raise LogError(f"position {batch.positions[0]} or later: events cannot be read: {error}") from error
    typed: dict[str, list[pl.DataFrame]] = {}
    for (name,), part in parts.items():
        said, frame = _typed(part, str(name))
        typed.setdefault(said, []).append(frame)
    return {name: pl.concat(found).sort("position") if found[1:] else found[0] for name, found in typed.items()}


def _strings(text: str, name: str, positions: Sequence[int]) -> pl.Series:
    """A column of a batch. Raises LogError where an event has nothing in it."""
    column = pl.Series(name, [text]).str.json_decode(pl.List(pl.String)).explode()
    if column.null_count():
        raise LogError(f"position {positions[column.is_null().arg_max() or 0]}: the event has no {name}")
    return column


def _typed(table: pl.DataFrame, stored: str) -> tuple[str, pl.DataFrame]:
    """Events of one type as they were recorded, with typed columns; and its current version."""
    name = stored
    if stored not in PAYLOADS:
        name, data = all_current(stored, table["data"].to_list(), table.item(0, "position"))
        table = table.with_columns(data=pl.Series(data))
    model = PAYLOADS[name]
    sound = table["data"].str.contains(_pattern(model))
    if not sound.all():
        raise _unreadable(table, ~sound, name, "data")
    try:
        return name, _spread(table, model)
    except pl.exceptions.PolarsError as error:
        if table.height > 1:  # find the one at fault
            for n in range(table.height):
                _typed(table[n : n + 1], name)
        raise _unreadable(table, pl.Series([True]), name, "dates or data") from error


def _unreadable(table: pl.DataFrame, which: pl.Series, name: str, what: str) -> LogError:
    position = table["position"].filter(which).item(0)
    return LogError(f"position {position}: the {what} of an event {name} cannot be read: `koers verify` says more")


def _spread(table: pl.DataFrame, model: type[Payload]) -> pl.DataFrame:
    fields = _fields(model)
    plain = {name: dtype for name, dtype in fields.items() if dtype != pl.Object}
    wire = pl.Struct({name: pl.String if dtype == pl.Date else dtype for name, dtype in plain.items()})
    spread = table["data"].str.json_decode(wire).struct.unnest()
    columns = [
        table["position"],
        table["subject"].str.splitn("/", 2).struct.field("field_1").alias("name"),
        table["effective_on"].str.to_date("%Y-%m-%d"),
        _moments(table["recorded_at"]),
        *(spread[n].str.to_date("%Y-%m-%d") if d == pl.Date else spread[n] for n, d in plain.items()),
        *(table["data"].str.json_path_match(f"$.{n}").alias(n) for n in fields if n not in plain),
    ]
    if columns[1].null_count():
        raise _unreadable(table, columns[1].is_null(), type_of(model), "subject")
    if model in REFERS:
        columns.append(pl.Series("target", [None] * table.height, dtype=ENVELOPE["position"]))
    return pl.DataFrame(columns).select(pl.col(n).cast(dtype) for n, dtype in schema_of(model).items())


def _moments(text: pl.Series) -> pl.Series:
    """Times as a log stores them. A third of the work of reading the fraction by its format."""
    if not text.str.contains(r"^.{19}\.[0-9]{6}Z$").all():
        raise pl.exceptions.ComputeError("not a time with six decimals, in UTC")
    seconds = text.str.slice(0, 19).str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us").to_physical()
    micros = text.str.slice(20, 6).cast(pl.Int64)
    return (seconds + micros).cast(ENVELOPE["recorded_at"])


@cache
def schema_of(model: type[Payload]) -> dict[str, Any]:
    """The columns of a type's frame."""
    told = {name: pl.String if dtype == pl.Object else dtype for name, dtype in _fields(model).items()}
    refers = {"target": ENVELOPE["position"]} if model in REFERS else {}
    return ENVELOPE | told | refers | dict.fromkeys(REPEATED.get(model, ()), pl.Categorical)


@cache
def _pattern(model: type[Payload]) -> str:
    """What the canonical JSON of a payload looks like: its fields by name, those that have a default optional."""
    said = []
    for name, dtype in sorted(_fields(model).items()):
        one = rf'"{name}":{_PATTERNS[dtype]}(?:,|\}}$)'
        said.append(one if model.model_fields[name].is_required() else f"(?:{one})?")
    return rf"^\{{{''.join(said)}(?:\}}$|$)"


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
