"""Tables in: CSV files, workbooks and tables in memory become events.

A row's recording time is its `recorded_on`. Without one, a key result counts as recorded at its start and another
fact at its own date, marked `recorded_assumed`. What has no date of its own takes one from the import: an objective
the start of its cycle; an initiative without start the start of its key result; an alignment that of its child; a KPI
its earliest value, else the day of its team; a team the earliest dated row that names it (a KPI's value does not name
a team); whatever is left over, today. No recording time lies after `now`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from koers.events.chain import canonical_json
from koers.events.checks import Names, check_rows, known_names
from koers.events.columns import TABLES, Record, Table, cell, near, shown
from koers.events.csvfile import read_table
from koers.events.edits import IMPORTED, Fact, Ledger, content_of, edit_id, name_id, settle, type_of
from koers.events.errors import InputError
from koers.events.log import EventLog, Head
from koers.events.model import (
    CycleOpened,
    Event,
    KeyResultRetargeted,
    KeyResultSet,
    ObjectiveSet,
    Payload,
    RunWorkDone,
    TeamFormed,
    end_of,
)
from koers.events.xlsx import read_workbook

if TYPE_CHECKING:
    from koers.events.arrow import ArrowTable

WORKBOOKS = (".xlsx", ".xls", ".xlsm")
DEFAULTS = {"control": {"target": 1.0}, "binary": {"baseline": 0.0, "target": 1.0}, "milestone": {"baseline": 0.0}}
"""What an empty cell of a key result of this kind stands for."""


@dataclass(frozen=True)
class Imported:
    """What an import did: rows `added` and `already` known, events that `corrected` rows edited since the last
    import, facts whose recording date was `assumed`, and the log's head afterwards.
    """

    added: int
    already: int
    corrected: int
    assumed: int
    head: Head


def import_tables(
    log: EventLog, tables: Sequence[Path] | Mapping[str, ArrowTable], *, now: datetime, allow_extra: bool = False
) -> Imported:
    """Take tables into `log`, all or nothing: folders of CSV files, single files named like the tables, workbooks;
    or tables in memory by name, anything with `__arrow_c_stream__`.

    Rows the log knows add nothing; rows edited since the last import become corrections, re-targets or the same fact
    anew, recorded now. A cycle or team that only key results name (or objectives, for teams) is made from those.
    `allow_extra` skips unknown columns. Raises InputError, with file, line and column (in memory: table and
    row), for the first thing that cannot be taken; then the log is as it was.
    """
    now = now.astimezone(UTC)
    records = _records(tables, allow_extra=allow_extra)
    ledger = Ledger.of(log.read())
    names = known_names(records, ledger)
    check_rows(records, names, ledger)
    settled = settle(_Builder(records, ledger, names, now).facts(), ledger, now)
    events = [*_derived(settled.events, ledger, now), *settled.events]
    if events:
        log.append(events)
    assumed = sum(1 for event in events if event.data.recorded_assumed)
    return Imported(settled.added, settled.already, settled.corrected, assumed, log.head())


def _records(tables: Sequence[Path] | Mapping[str, ArrowTable], *, allow_extra: bool) -> list[Record]:
    """All rows, in the order of the tables."""
    if isinstance(tables, Mapping):
        rows = _in_memory(tables, allow_extra=allow_extra)
    else:
        rows = _in_files(tables, allow_extra=allow_extra)
    order = list(TABLES)
    return sorted(rows, key=lambda row: order.index(row.table.name))


def _in_memory(tables: Mapping[str, ArrowTable], *, allow_extra: bool) -> list[Record]:
    from koers.events.arrow import read_arrow  # polars, which CSV files do without

    return [row for name, given in tables.items() for row in read_arrow(name, given, allow_extra=allow_extra)]


def _in_files(paths: Sequence[Path], *, allow_extra: bool) -> list[Record]:
    """The rows in all files that `paths` stand for, each file once."""
    found: dict[Path, list[Record]] = {}
    for path in map(Path, paths):
        for file in _inside(path) if path.is_dir() and path.suffix.lower() != ".csv" else [path]:
            if file.resolve() not in found:
                found[file.resolve()] = _rows_in(file, allow_extra=allow_extra)
    return [row for rows in found.values() for row in rows]


def _rows_in(path: Path, *, allow_extra: bool) -> list[Record]:
    if path.suffix.lower() in WORKBOOKS:
        return read_workbook(path, allow_extra=allow_extra)
    return read_table(path, _table_of(path), allow_extra=allow_extra)


def _inside(folder: Path) -> list[Path]:
    try:
        files = sorted(p for p in folder.iterdir() if p.suffix.lower() == ".csv" and not p.name.startswith("."))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", str(folder)) from error
    if not files:
        raise InputError(f"no tables in this folder: koers takes {', '.join(TABLES)} (.csv)", str(folder))
    return files


def _table_of(path: Path) -> Table:
    if path.suffix.lower() != ".csv":
        what = "not a CSV file or a folder of them, nor an .xlsx: name a CSV file like a table, such as check_ins.csv"
        raise InputError(what, str(path))
    if path.stem not in TABLES:
        hint = near(path.stem, TABLES) or f"; koers takes {', '.join(TABLES)}"
        raise InputError(f"{shown(path.stem)} is not a table{hint}", str(path))
    return TABLES[path.stem]


class Days:
    """The day each row holds for, as the module's docstring says. `known`: what the log says of subjects."""

    def __init__(self, records: Sequence[Record], known: Mapping[str, date]) -> None:
        self._days = dict(known)
        self._starts(records)
        earliest: dict[str, date] = {}
        for record in records:
            named = {"kpi_values": "kpi", "kpis": ""}.get(record.table.name, "team")
            day = self.of(record) if named in record.values and record.table.name != "teams" else None
            if day is not None:
                subject = f"{named}/{record.values[named]}"
                earliest[subject] = min(day, earliest.get(subject, day))
        self._days |= earliest

    def _starts(self, records: Sequence[Record]) -> None:
        for record in records:
            if record.table.name in ("cycles", "key_results") and record.day:
                self._days[f"{record.table.payload.subject_kind}/{record.name}"] = record.day
        spans: dict[str, date] = {}
        for record in records:
            if record.table.name == "key_results" and record.day:
                cycle = f"cycle/{record.values['cycle']}"
                spans[cycle] = min(record.day, spans.get(cycle, record.day))
        self._days = spans | self._days
        for record in records:
            start = self._days.get(f"cycle/{record.values['cycle']}") if record.table.name == "objectives" else None
            if start:
                self._days[f"objective/{record.name}"] = start

    def of(self, record: Record) -> date | None:
        """The day of `record`, None if nothing gives it one."""
        if record.day:
            return record.day
        name, values = record.name, record.values
        subjects = {
            "objectives": (f"objective/{name}",),
            "initiatives": (f"kr/{values.get('key_result')}",),
            "alignments": (f"kr/{name}", f"objective/{name}"),
            "teams": (f"team/{name}",),
            "kpis": (f"kpi/{name}", f"team/{values.get('team')}"),
        }[record.table.name]
        return next((self._days[subject] for subject in subjects if subject in self._days), None)


class Part(NamedTuple):
    """An event that a row stands for: its payload's type and fields, and the column of its date."""

    payload: type[Payload]
    day: str
    fields: dict[str, Any]


class _Builder:
    """Rows become facts; everything about a row that can be wrong by itself is found here."""

    def __init__(self, records: Sequence[Record], ledger: Ledger, names: Names, now: datetime) -> None:
        self._records, self._names, self._now = records, names, now
        self._days = Days(records, ledger.days)
        self._goals = dict(ledger.goals)
        self._seen: Counter[tuple[str, ...]] = Counter()

    def facts(self) -> list[Fact]:
        """The facts of all rows, in order. Raises InputError."""
        return [self._fact(record, part) for record in self._records for part in parts_of(record)]

    def _fact(self, record: Record, part: Part) -> Fact:
        assumed = None if "recorded_on" in record.values else True
        try:
            data = part.payload(**part.fields, recorded_assumed=assumed)
            if isinstance(data, KeyResultRetargeted):
                refit(self._goals[record.name], data.target, data.due)
            elif isinstance(data, KeyResultSet):
                self._goals[record.name] = data
            row_id = (record.table.name, type_of(part.payload), canonical_json(record.canonical()))
            event = self._event(record, part, data, row_id)
        except ValidationError as error:
            raise refused(record, part, error) from None
        return Fact(record, event, content_of(event), row_id)

    def _event(self, record: Record, part: Part, data: Payload, row_id: tuple[str, ...]) -> Event:
        day = record.values.get(part.day) or self._days.of(record) or self._now.date()
        self._seen[row_id] += 1
        return Event(
            id=name_id(*row_id, self._seen[row_id] - 1),
            subject=self._subject(record, data),
            effective_on=day,
            recorded_at=_recorded_at(record, day, self._now),
            actor=IMPORTED + record.table.name,
            data=data,  # type: ignore[arg-type]  # a payload is one of the union
            note=record.values.get("note"),
        )

    def _subject(self, record: Record, data: Payload) -> str:
        kind = data.subject_kind or ("kr" if record.name in self._names["kr"] else "objective")
        return f"{kind}/{record.name}"


def parts_of(record: Record) -> Iterator[Part]:
    """The events a row stands for. The effort of a closed item of run work is known when it is closed."""
    table, values = record.table, record.values
    fields = {name: value for name, value in values.items() if name in table.payload.model_fields}
    if table.name == "key_results":
        fields = DEFAULTS.get(values["kind"], {}) | fields
    effort = {"effort_days": fields.pop("effort_days", None)} if table.name == "run_work" else {}
    if "closed" in values:
        yield Part(table.payload, table.day, fields)
        yield Part(RunWorkDone, "closed", effort)
    else:
        yield Part(table.payload, table.day, fields | effort)


def _recorded_at(record: Record, day: date, now: datetime) -> datetime:
    given = record.values.get("recorded_on", day)
    moment = given.astimezone(UTC) if isinstance(given, datetime) else end_of(given)
    if "recorded_on" in record.values and moment.date() > now.date() + timedelta(days=1):
        raise record.refuse("recorded_on", f"recorded_on {given} lies in the future (today is {now.date()}, UTC)")
    return min(moment, now)


def refit(goal: KeyResultSet, target: float, due: date | None) -> KeyResultSet:
    """`goal` with another target and due date. Raises ValidationError if that makes no sound key result."""
    return KeyResultSet(**{**dict(goal), "target": target, "due": due or goal.due})


def refused(record: Record, part: Part, error: ValidationError) -> InputError:
    """The first thing pydantic found, as what, where and what to do."""
    found = error.errors()[0]
    field = str(found["ctx"]["column"] if found["type"] == "rule" else found["loc"][0])
    column = {"effective_on": part.day, "subject": record.table.key}.get(field, field)
    if record.table.name == "targets" and column not in record.table.columns:
        column = "target"
    value = shown(cell(record.values.get(column)))
    limits = found.get("ctx", {})
    bounds = {"ge": "below", "gt": "not above", "le": "above", "lt": "not below"}
    for limit, words in bounds.items():
        if limit in limits:
            return record.refuse(column, f"{column} {value} is {words} {limits[limit]}")
    if found["type"] == "missing":
        return record.refuse(column, f"{column} is empty: a value is needed here")
    if found["type"] == "literal_error":
        choices = _choices(part.payload, column)
        what = f"{column} {value} is not known{near(value.strip(chr(39)), choices)} (one of {', '.join(choices)})"
        return record.refuse(column, what)
    return record.refuse(column, found["msg"] if found["type"] == "rule" else f"{column} {value}: {found['msg']}")


def _choices(payload: type[Payload], column: str) -> list[str]:
    return list(getattr(payload.model_fields[column].annotation, "__args__", ()))


def _derived(events: Sequence[Event], ledger: Ledger, now: datetime) -> list[Event]:
    """The cycles and teams that new key results (for teams also objectives) name and nothing else gives."""
    defined = {event.subject for event in events if isinstance(event.data, CycleOpened | TeamFormed)}
    teams: dict[str, list[Event]] = defaultdict(list)
    cycles: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if isinstance(event.data, KeyResultSet):
            cycles[event.data.cycle].append(event)
        if isinstance(event.data, KeyResultSet | ObjectiveSet):
            teams[event.data.team].append(event)
    made = [_cycle(name, naming, ledger, now) for name, naming in cycles.items() if f"cycle/{name}" not in defined] + [
        _made(f"team/{name}", naming, min(e.effective_on for e in naming), TeamFormed(recorded_assumed=True))
        for name, naming in teams.items()
        if f"team/{name}" not in defined and name not in ledger.names["team"]
    ]
    return [event for event in made if event]


def _made(subject: str, naming: Sequence[Event], day: date, data: CycleOpened | TeamFormed) -> Event:
    recorded_at = min(event.recorded_at for event in naming)
    actor = naming[0].actor
    return Event(
        id=name_id("derived", subject),
        subject=subject,
        effective_on=day,
        recorded_at=recorded_at,
        actor=actor,
        data=data,
    )


def _cycle(name: str, naming: Sequence[Event], ledger: Ledger, now: datetime) -> Event | None:
    """The cycle from its key results' first start to their last due; one made so before grows, recorded now."""
    goals = [event.data for event in naming if isinstance(event.data, KeyResultSet)]
    start, end = min(goal.start for goal in goals), max(goal.due for goal in goals)
    subject = f"cycle/{name}"
    if name not in ledger.names["cycle"]:
        return _made(subject, naming, start, CycleOpened(start=start, end=end, recorded_assumed=True))
    slot = next(iter(ledger.slots.get((type_of(CycleOpened), subject), [])), None)
    if slot is None or slot.last.actor != f"{IMPORTED}key_results" or not isinstance(slot.data, CycleOpened):
        return None
    grown = CycleOpened(start=min(start, slot.data.start), end=max(end, slot.data.end))
    if (grown.start, grown.end) == (slot.data.start, slot.data.end):
        return None
    event = _made(subject, naming, grown.start, grown)
    return event.model_copy(update={"id": edit_id(slot, content_of(event)), "recorded_at": now})
