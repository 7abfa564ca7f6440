"""A log as tables, CSV files or a workbook, that an import takes back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from koers.events.columns import TABLES, Record, recorded_cell
from koers.events.csvfile import write_table
from koers.events.edits import DEFINITIONS
from koers.events.errors import InputError
from koers.events.log import EventLog
from koers.events.model import (
    AbsencePlanned,
    CheckedIn,
    CheckInCorrected,
    Event,
    EventRetracted,
    InitiativeEstimated,
    InitiativePlanned,
    KeyResultRetargeted,
    KeyResultSet,
    NoteRedacted,
    Payload,
    RunWorkArrived,
    RunWorkDone,
    end_of,
)
from koers.events.sheets import write_workbook
from koers.events.tables import Days, refit


class _Row(NamedTuple):
    """A row to export: what it says, and when that was recorded."""

    record: Record
    recorded_at: datetime
    assumed: bool


def export_tables(log: EventLog, folder: Path) -> dict[str, int]:
    """Write a log's tables as CSV files into `folder` (made if it is not there); the rows written per table.

    An import of them into an empty log gives the same facts, known at the same times, as far as tables can say it:
    a correction is a later row for its key result and day, a retracted event no row, a definition its latest version
    recorded when it was first made. Dropped goals, started and finished initiatives, moves of capacity, guardrails,
    forecasts and scenarios have no table. Raises InputError if the folder holds a table already.
    """
    written = _tables(log)
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot be made a folder: {error.strerror or error}", str(folder)) from error
    for table in TABLES:
        if (folder / f"{table}.csv").exists():
            raise InputError("is there already: name another folder", str(folder / f"{table}.csv"))
    for name, found in written.items():
        write_table(folder / f"{name}.csv", TABLES[name], found)
    return {name: len(found) for name, found in written.items()}


def export_workbook(log: EventLog, path: Path) -> dict[str, int]:
    """Write the same tables as sheets of the new workbook `path`; the rows written per table. Raises InputError."""
    written = _tables(log)
    write_workbook(path, written)
    return {name: len(found) for name, found in written.items()}


def _tables(log: EventLog) -> dict[str, list[dict[str, Any]]]:
    """The rows of each table that has any."""
    rows = _rows(list(log.read()))
    days = Days([row.record for row in rows], {})
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for record, recorded_at, assumed in rows:
        day = days.of(record)
        told = assumed and day is not None and end_of(day) == recorded_at
        recorded_on = {} if told else {"recorded_on": recorded_cell(recorded_at)}
        tables[record.table.name].append(record.values | recorded_on)
    return {name: found for name, found in tables.items() if found}


def _when(event: Event) -> tuple[datetime, int]:
    return event.recorded_at, event.position or 0


def _rows(events: Sequence[Event]) -> list[_Row]:
    gone = {event.data.retracts for event in events if isinstance(event.data, EventRetracted)}
    redacted = {event.data.redacts for event in events if isinstance(event.data, NoteRedacted)}
    by_type: dict[type[Payload], list[Event]] = defaultdict(list)
    for event in events:
        if event.id not in gone:
            told = event.model_copy(update={"note": None}) if event.id in redacted else event
            by_type[type(event.data)].append(told)
    rows: list[_Row] = []
    for table in TABLES.values():
        if table.payload is KeyResultSet:
            rows += _goals(by_type[KeyResultSet], by_type[KeyResultRetargeted])
        elif table.payload is CheckedIn:
            rows += _check_ins(by_type[CheckedIn], by_type[CheckInCorrected])
        elif table.payload is RunWorkArrived:
            rows += _items(by_type[RunWorkArrived] + by_type[RunWorkDone])
        elif table.payload is AbsencePlanned:
            rows += _absences(by_type[AbsencePlanned])
        elif table.payload in DEFINITIONS:
            rows += _definitions(by_type[table.payload], by_type[InitiativeEstimated])
        elif table.payload is not KeyResultRetargeted:
            rows += [_row(event) for event in by_type[table.payload]]
    return rows


_HOME = {table.payload: table for table in TABLES.values()}


def _row(event: Event, data: Payload | None = None, recorded: Event | None = None) -> _Row:
    """The row of an event; `data` in place of its own, recorded when `recorded` was."""
    said, recorded = data or event.data, recorded or event
    table = _HOME[type(said)]
    values: dict[str, Any] = {table.key: event.name}
    values |= {name: value for name, value in said if name in table.columns and value not in (None, ())}
    if table.day and table.day not in table.payload.model_fields:
        values[table.day] = event.effective_on
    if event.note is not None:
        values["note"] = event.note
    return _Row(Record(table, values), recorded.recorded_at, bool(recorded.data.recorded_assumed))


def _histories(events: Iterable[Event]) -> list[list[Event]]:
    """The events of each subject as they became known, in the order the subjects came up."""
    found: dict[str, list[Event]] = {}
    for event in events:
        found.setdefault(event.subject, []).append(event)
    return [sorted(history, key=_when) for history in found.values()]


def _definitions(events: Sequence[Event], estimates: Sequence[Event]) -> Iterator[_Row]:
    for history in _histories(events):
        latest, data = history[-1], history[-1].data
        for estimate in sorted(estimates, key=_when) if isinstance(data, InitiativePlanned) else ():
            if estimate.subject == latest.subject and _when(estimate) > _when(latest):
                data = data.model_copy(update=estimate.data.model_dump(include={"low", "mode", "high"}))
        yield _row(latest, data, history[0])


def _fits(goal: KeyResultSet, target: float, due: date | None) -> bool:
    try:
        refit(goal, target, due)
    except ValidationError:
        return False
    return True


def _goals(settings: Sequence[Event], retargets: Sequence[Event]) -> list[_Row]:
    """Key results as last set, with their first target; that target's later values, where they fit, as re-targets."""
    rows, moved = [], list(retargets)
    goals: dict[str, KeyResultSet] = {}
    for history in _histories(settings):
        sets = [event.data for event in history if isinstance(event.data, KeyResultSet)]
        first, latest = sets[0], sets[-1]
        goals[history[0].name] = latest
        fits = _fits(latest, first.target, first.due)
        shape = refit(latest, first.target, first.due) if fits else latest
        rows.append(_row(history[-1], shape, history[0]))
        said = (shape.target, shape.due)
        for event, goal in zip(history[1:], sets[1:], strict=True):
            if (goal.target, goal.due) != said:
                said = (goal.target, goal.due)
                again = KeyResultRetargeted(target=goal.target, due=goal.due, recorded_assumed=goal.recorded_assumed)
                moved.append(event.model_copy(update={"data": again}))
    for event in sorted(moved, key=lambda event: event.position or 0):
        data, known = event.data, goals.get(event.name)
        if isinstance(data, KeyResultRetargeted) and known and _fits(known, data.target, data.due):
            rows.append(_row(event))
    return rows


def _check_ins(events: Sequence[Event], corrections: Sequence[Event]) -> list[_Row]:
    """Every check-in, and a further row for each correction of the one that holds for its day at that time."""
    versions = {event.id: [event] for event in events}
    for event in sorted(corrections, key=_when):
        if isinstance(event.data, CheckInCorrected) and event.data.corrects in versions:
            versions[event.data.corrects].append(event)
    steps: dict[tuple[str, date], list[tuple[Event, Event]]] = defaultdict(list)
    for origin, *later in versions.values():
        final = (later or [origin])[-1].effective_on
        for event in (origin, *later):
            if event.effective_on == final:
                steps[origin.subject, final].append((event, origin))
    told = []
    for day in steps.values():
        holder = None
        for event, origin in sorted(day, key=lambda step: _when(step[0])):
            holder = max(holder or origin, origin, key=_when)
            if holder is origin:
                told.append(event)
    return [_check_in_row(event) for event in sorted(told, key=lambda event: event.position or 0)]


def _check_in_row(event: Event) -> _Row:
    said = event.data.model_dump(exclude={"type", "corrects"})
    return _row(event, CheckedIn(**said))


def _absences(events: Sequence[Event]) -> Iterator[_Row]:
    """A row each. Of several for the same days, those after the first say when they were recorded: they are edits."""
    told = set()
    for event in events:
        row = _row(event)
        span = tuple(row.record.values[name] for name in ("team", "from", "until"))
        yield row._replace(assumed=row.assumed and span not in told)
        told.add(span)


def _items(events: Sequence[Event]) -> list[_Row]:
    """Run work: one row per item where one row says it, else a row for each time at which something became known."""
    rows: list[_Row] = []
    for history in _histories(events):
        told: list[_Row] = []
        known: dict[type[Payload], Event] = {}
        for recorded_at, news in groupby(history, key=lambda event: event.recorded_at):
            new: dict[type[Payload], Event] = {type(event.data): event for event in news}
            known |= new
            values = _item(known, new)
            if values and not (told and values == told[-1].record.values):
                assumed = all(event.data.recorded_assumed for event in new.values())
                told.append(_Row(Record(TABLES["run_work"], values), recorded_at, assumed))
        if len(told) == 2 and _one_row_says_it(*told):
            told = [told[0]._replace(record=told[1].record)]
        rows += told[:1] + [row._replace(assumed=False) for row in told[1:]]
    return rows


def _item(known: Mapping[type[Payload], Event], new: Mapping[type[Payload], Event]) -> dict[str, Any]:
    """What is known of an item, `new` just now, as a row; nothing before its arrival.

    The effort of a closed item is that of its closing. A closing that lies before the arrival is in no row.
    """
    came, done = known.get(RunWorkArrived), known.get(RunWorkDone)
    if came is None or not isinstance(came.data, RunWorkArrived):
        return {}
    values: dict[str, Any] = {"item": came.name, "team": came.data.team, "opened": came.effective_on}
    effort = came.data.effort_days
    if done and isinstance(done.data, RunWorkDone) and done.effective_on >= came.effective_on:
        values["closed"] = done.effective_on
        told_at_once = came.data.effort_days if new.keys() == {RunWorkArrived, RunWorkDone} else None
        effort = told_at_once if done.data.effort_days is None else done.data.effort_days
    return values if effort is None else values | {"effort_days": effort}


def _one_row_says_it(opened: _Row, closed: _Row) -> bool:
    if "effort_days" in opened.record.values or "closed" not in closed.record.values:
        return False
    if opened.record.values["opened"] != closed.record.values["opened"]:
        return False
    return (
        opened.assumed
        and closed.assumed
        and all(
            end_of(row.record.values[day]) == row.recorded_at for row, day in ((opened, "opened"), (closed, "closed"))
        )
    )
