"""Tickets in: the export of a help desk becomes run work of one team.

Columns `opened` and `resolved` (empty while open) hold dates or times, in UTC where they name no zone;
`effort_days?` are person-days. An item is named by the first of NAMED that is there; without one, by its team, its
time of opening and its number among those opened at that time. Other columns are left alone. A ticket counts as
recorded when it was opened and again when it was resolved, marked `recorded_assumed`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from koers.events.checks import check_item
from koers.events.columns import TABLES, Column, Record, Table, day, near, number, shown
from koers.events.csvfile import read_table
from koers.events.edits import IMPORTED, Fact, Ledger, content_of, name_id, settle, type_of
from koers.events.errors import InputError
from koers.events.log import EventLog, Head
from koers.events.model import Event, RunWorkArrived, RunWorkDone, TeamFormed, end_of
from koers.events.tables import Part, parts_of, refused

NAMED = ("ticket_id", "id", "key", "number")
"""Columns that may name a ticket, the first that is there wins."""
AHEAD = timedelta(hours=14)
"""A local time may lie so far ahead of UTC."""

Moment = date | datetime
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)


def moment(text: str) -> Moment:
    """A cell as a date, or as a time in UTC. Raises ValueError."""
    if not _TIME.fullmatch(text):
        return day(text)
    day(text[:10])
    try:
        found = datetime.fromisoformat(text.upper())
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{shown(text)} is no time: write it like 2026-03-31 17:00:00") from None


_COLUMNS = (
    *(Column(name, str, optional=True, empty=False, refers=()) for name in NAMED),
    Column("opened", moment, optional=False, empty=False, refers=()),
    Column("resolved", moment, optional=False, empty=True, refers=()),
    Column("effort_days", number, optional=True, empty=True, refers=()),
)
EXPORT = Table("tickets", RunWorkArrived, "opened", {column.name: column for column in _COLUMNS}, defines=False)


@dataclass(frozen=True)
class ImportedTickets:
    """What an import did: tickets that `arrived`, tickets `done` since they were known or at once, rows `already`
    known as they are, events that `corrected` what was known, whether the team was `formed`, and the log's head.
    """

    arrived: int
    done: int
    already: int
    corrected: int
    formed: bool
    head: Head


@dataclass(frozen=True, slots=True)
class _Ticket:
    """A row, and the same as a row of run_work.csv."""

    row: Record
    record: Record

    def when(self, column: str, now: datetime) -> tuple[date, datetime]:
        """The day a date or time of the row holds for, and when that counts as recorded."""
        said: Moment = self.row.values["opened" if column == "opened" else "resolved"]
        if isinstance(said, datetime):
            return min(said, now).date(), min(said, now)
        return said, min(end_of(said), now)


def import_tickets(log: EventLog, path: Path, team: str, *, now: datetime) -> ImportedTickets:
    """Take a CSV export of tickets into `log` as run work of `team`, all or nothing.

    Tickets known already add nothing, those resolved since add their closing; a changed day is a correction, recorded
    now. The team must be known, unless the log knows none at all: then it is formed. Raises InputError, with file,
    line and column, for the first thing that cannot be taken; then the log is as it was.
    """
    now = now.astimezone(UTC)
    rows = read_table(path, EXPORT, allow_extra=True)
    for row in rows:
        _check(row, now)
    ledger = Ledger.of(log.read())
    _check_team(team, ledger)
    tickets = list(_tickets(rows, team, ledger))
    for ticket in tickets:
        check_item(ticket.record, ledger)
    facts = [_fact(ticket, part, now) for ticket in tickets for part in parts_of(ticket.record)]
    settled = settle(facts, ledger, now)
    formed = [_team(team, facts)] if facts and not ledger.names["team"] else []
    if settled.events:
        log.append([*formed, *settled.events])
    new = [type(event.data) for event in settled.events if event.data.recorded_assumed]
    arrived, done = new.count(RunWorkArrived), new.count(RunWorkDone)
    return ImportedTickets(arrived, done, settled.already, settled.corrected, bool(formed), log.head())


def _check(row: Record, now: datetime) -> None:
    opened, resolved = row.values["opened"], row.values.get("resolved")
    for column in ("opened", "resolved"):
        said = row.values.get(column)
        if said is not None and (said > now + AHEAD if isinstance(said, datetime) else said > now.date()):
            raise row.refuse(column, f"{column} {_told(said)} lies in the future (today is {now.date()}, UTC)")
    if resolved is None:
        return
    both = isinstance(opened, datetime) and isinstance(resolved, datetime)
    if resolved < opened if both else _day(resolved) < _day(opened):
        raise row.refuse("resolved", f"resolved {_told(resolved)} lies before opened {_told(opened)}")


def _day(said: Moment) -> date:
    return said.date() if isinstance(said, datetime) else said


def _told(said: Moment) -> str:
    return said.replace(tzinfo=None).isoformat(" ") if isinstance(said, datetime) else said.isoformat()


def _check_team(team: str, ledger: Ledger) -> None:
    known = ledger.names["team"]
    if not team.strip():
        raise InputError("--team is empty: name the team that these tickets came to")
    if known and team not in known:
        raise InputError(
            f"--team {shown(team)} is not known{near(team, known) or '; add it to teams.csv, import that'}"
        )


def _tickets(rows: Sequence[Record], team: str, ledger: Ledger) -> Iterator[_Ticket]:
    """The rows with their items, those repeated as they are once."""
    key = next((name for name in NAMED if rows and name in rows[0].places), None)
    names = [str(row.values[key]) for row in rows] if key else _unnamed(rows, team, ledger)
    seen: dict[str, Record] = {}
    for row, name in zip(rows, names, strict=True):
        before = seen.setdefault(name, row)
        if before.values != row.values:
            raise row.refuse(
                key or "opened", f"{shown(name)} stands here and, with other content, in line {before.line}"
            )
        if before is row:
            for slot in ledger.slots.get((type_of(RunWorkArrived), f"item/{name}"), ()):
                if isinstance(slot.data, RunWorkArrived) and slot.data.team != team and not slot.retracted:
                    what = f"{shown(name)} is an item of team {slot.data.team} already: name tickets of two desks apart"
                    raise row.refuse(key or "opened", what)
            yield _Ticket(row, _as_run_work(row, name, team, row.places.get(key or "opened")))


def _as_run_work(row: Record, name: str, team: str, place: int | None) -> Record:
    said = {"item": name, "team": team, "opened": _day(row.values["opened"])}
    said |= {"closed": _day(row.values["resolved"])} if "resolved" in row.values else {}
    said |= {"effort_days": row.values["effort_days"]} if "effort_days" in row.values else {}
    places = {**row.places, "closed": row.places["resolved"], **({"item": place} if place else {})}
    return Record(TABLES["run_work"], said, row.source, row.line, places)


def _unnamed(rows: Sequence[Record], team: str, ledger: Ledger) -> list[str]:
    """Names for tickets without any. Of those opened at one time, rows that end as the log knows keep their name."""
    together: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        together[_told(row.values["opened"])].append(index)
    names = [""] * len(rows)
    for opened, group in together.items():
        free = [f"{team}/{opened}/{n + 1}" for n in range(len(group))]
        ends = {name: _end(name, ledger) for name in free if _known(name, ledger)}
        for index in list(group):
            resolved = rows[index].values.get("resolved")
            end = None if resolved is None else _day(resolved)
            same = next((name for name in free if name in ends and ends[name] == end), None)
            if same:
                names[index] = same
                free.remove(same)
                group.remove(index)
        for index, name in zip(sorted(group, key=lambda i: "resolved" not in rows[i].values), free, strict=True):
            names[index] = name
    return names


def _known(name: str, ledger: Ledger) -> bool:
    return (type_of(RunWorkArrived), f"item/{name}") in ledger.slots


def _end(name: str, ledger: Ledger) -> date | None:
    slots = ledger.slots.get((type_of(RunWorkDone), f"item/{name}"), ())
    return next((slot.last.effective_on for slot in slots if not slot.retracted), None)


def _fact(ticket: _Ticket, part: Part, now: datetime) -> Fact:
    record = ticket.record
    on, recorded_at = ticket.when(part.day, now)
    row_id = ("tickets", type_of(part.payload), record.values["team"], record.name, on.isoformat())
    try:
        data = part.payload(**part.fields, recorded_assumed=True)
        event = Event(
            id=name_id(*row_id, 0),
            subject=f"item/{record.name}",
            effective_on=on,
            recorded_at=recorded_at,
            actor=f"{IMPORTED}tickets",
            data=data,  # type: ignore[arg-type]  # a payload is one of the union
        )
    except ValidationError as error:
        raise refused(record, part, error) from None
    return Fact(record, event, content_of(event), row_id)


def _team(team: str, facts: Sequence[Fact]) -> Event:
    first = min((fact.event for fact in facts), key=lambda event: event.recorded_at)
    return Event(
        id=name_id("derived", f"team/{team}"),
        subject=f"team/{team}",
        effective_on=first.effective_on,
        recorded_at=first.recorded_at,
        actor=first.actor,
        data=TeamFormed(recorded_assumed=True),
    )
