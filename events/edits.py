"""What a log says already, and what changed in the tables since.

A *slot* is one row of a table as the log knows it: the event it came from and the edits of that row since. Rows are
compared with slots; what differs becomes a correction, a re-target or the same fact set anew, recorded now.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import NamedTuple

from koers.events.chain import canonical_json
from koers.events.columns import Record
from koers.events.model import (
    AbsencePlanned,
    Aligned,
    CheckedIn,
    CheckInCorrected,
    CycleOpened,
    Event,
    EventRetracted,
    InitiativeEstimated,
    InitiativePlanned,
    KeyResultRetargeted,
    KeyResultSet,
    KpiDefined,
    NoteRedacted,
    ObjectiveSet,
    OutcomeRecorded,
    Payload,
    RunWorkArrived,
    RunWorkDone,
    TeamFormed,
)

NAMESPACE = uuid.UUID("8f1d3c52-0f0b-5b5e-9a55-6b6f65727300")
IMPORTED = "import/"
DEFINITIONS = (CycleOpened, TeamFormed, ObjectiveSet, KeyResultSet, InitiativePlanned, KpiDefined)
DATELESS = (TeamFormed, ObjectiveSet, KpiDefined, KeyResultSet)
UNDATED_KEY = (OutcomeRecorded, RunWorkArrived, RunWorkDone)

Key = tuple[str, ...]


def name_id(*parts: object) -> str:
    """The event id that follows from `parts`."""
    return str(uuid.uuid5(NAMESPACE, canonical_json(parts)))


def type_of(payload: type[Payload]) -> str:
    """The type string of a payload's events."""
    return str(payload.model_fields["type"].default)


class Content(NamedTuple):
    """What a row says, for comparison. A redacted note says the same as any."""

    text: str
    note: str | None = None
    redacted: bool = False

    def same(self, other: Content) -> bool:
        """Whether both say the same."""
        return self.text == other.text and (self.note == other.note or self.redacted or other.redacted)


def content_of(event: Event, data: Payload | None = None) -> Content:
    """The content of an event (or of `data` in its place), as far as a row can say it and its key does not already."""
    said = (data or event.data).model_dump_json(exclude={"type", "recorded_assumed", "corrects"}, exclude_none=True)
    text = f"{event.effective_on} {said}" if isinstance(event.data, UNDATED_KEY) else said
    if not isinstance(event.data, CheckedIn | CheckInCorrected):
        return Content(text)
    return Content(text, event.note, event.note is None and event.note_digest is not None)


def key_of(event: Event) -> Key:
    """What rows for one and the same fact have in common."""
    data = event.data
    if isinstance(data, DEFINITIONS + UNDATED_KEY):
        return (data.type, event.subject)
    if isinstance(data, Aligned):
        return (data.type, event.subject, data.parent)
    return (data.type, event.subject, event.effective_on.isoformat())


@dataclass(slots=True)
class Slot:
    """A row of a table as the log knows it, whoever recorded it.

    `last` is the latest event that a table gave it, `imported` what that said, `in_force` what holds now; `history` is
    all that was ever said in its place, and when: an export writes each as a row.
    """

    origin: Event
    last: Event
    data: Payload
    imported: Content
    in_force: Content
    retracted: bool = False
    history: list[tuple[Content, datetime]] = field(default_factory=list)

    def edit(self, event: Event, data: Payload) -> None:
        """A later import said `data` instead."""
        self.last, self.data = event, data
        self.imported = self.in_force = content_of(event, data)


@dataclass(slots=True)
class Fact:
    """An event as one row says it, before it is known whether it is news; `row_id` names it but for its ordinal."""

    record: Record
    event: Event
    content: Content
    row_id: tuple[object, ...]

    def says(self, content: Content) -> bool:
        """Whether the row says what `content` does. The effort of a closed item is said when it is closed."""
        if isinstance(self.event.data, RunWorkArrived) and "closed" in self.record.values:
            return content.text.startswith(self.content.text.removesuffix("}"))
        return content.same(self.content)

    def is_one_of(self, history: Iterable[tuple[Content, datetime]]) -> bool:
        """Whether the row repeats what was said before and names the very time of that recording."""
        told = "recorded_on" in self.record.values
        return told and any(self.says(said) and self.event.recorded_at == when for said, when in history)


@dataclass
class Ledger:
    """What a log holds, as far as an import needs it.

    `names` are the known names per kind of subject, `days` the day each cycle, key result and objective starts on.
    """

    ids: set[str] = field(default_factory=set)
    names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    days: dict[str, date] = field(default_factory=dict)
    goals: dict[str, KeyResultSet] = field(default_factory=dict)
    slots: dict[Key, list[Slot]] = field(default_factory=lambda: defaultdict(list))
    _by_origin: dict[str, Slot] = field(default_factory=dict)
    _corrections: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    _gone: set[str] = field(default_factory=set)
    _redacted: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, events: Iterable[Event]) -> Ledger:
        """The ledger of a log's events, in order."""
        ledger = cls()
        for event in events:
            ledger._add(event)
        ledger._settle()
        return ledger

    def _add(self, event: Event) -> None:
        data = event.data
        self.ids.add(event.id)
        if isinstance(data, EventRetracted):
            self._gone.add(data.retracts)
        elif isinstance(data, NoteRedacted):
            self._redacted.add(data.redacts)
        elif isinstance(data, CheckInCorrected):
            self._corrections[data.corrects].append(event)
        else:
            self._take(event)
        if isinstance(data, DEFINITIONS):
            self.names[data.subject_kind].add(event.name)
            self.days.setdefault(event.subject, event.effective_on)
        if isinstance(data, CycleOpened | KeyResultSet):
            self.days[event.subject] = data.start
        if isinstance(data, KeyResultSet):
            self.goals[event.name] = data

    def _take(self, event: Event) -> None:
        """An event that a row can say: an edit of one, or one of its own."""
        data = event.data
        if event.actor == f"{IMPORTED}key_results" and isinstance(data, KeyResultRetargeted):
            self._revise((type_of(KeyResultSet), event.subject), event)
            return
        if isinstance(data, InitiativeEstimated):
            self._revise((type_of(InitiativePlanned), event.subject), event)
            return
        slots, content = self.slots[key_of(event)], content_of(event)
        for slot in slots:
            if isinstance(data, DEFINITIONS) or event.id == edit_id(slot, content):
                slot.edit(event, data)
                return
        slot = Slot(event, event, data, content, content)
        slots.append(slot)
        self._by_origin[event.id] = slot

    def _revise(self, key: Key, event: Event) -> None:
        said = event.data.model_dump(exclude={"type", "recorded_assumed"}, exclude_none=True)
        for slot in self.slots[key]:
            slot.edit(event, slot.data.model_copy(update=said))

    def _settle(self) -> None:
        for origin, corrections in self._corrections.items():
            if slot := self._by_origin.get(origin):
                _correct(slot, corrections, self._gone)
        for event_id in self._gone & self._by_origin.keys():
            self._by_origin[event_id].retracted = True
        for slot in self._by_origin.values() if self._redacted else ():
            if slot.last.id in self._redacted:
                slot.imported = slot.in_force = slot.imported._replace(redacted=True)


def _correct(slot: Slot, corrections: Sequence[Event], gone: set[str]) -> None:
    slot.history += [(content_of(event), event.recorded_at) for event in [slot.origin, *corrections]]
    for event in corrections:
        if (event.actor or "").startswith(IMPORTED):
            slot.edit(event, event.data)
    standing = [event for event in corrections if event.id not in gone]
    latest = max(standing, key=lambda e: (e.recorded_at, e.position or 0), default=slot.origin)
    slot.in_force = content_of(latest)


def edit_id(slot: Slot, content: Content) -> str:
    """The id of the event by which a row in `slot` comes to say `content`."""
    return _edited(slot.last.id, content)


def _edited(last: str, content: Content) -> str:
    return name_id("edit", last, content.text, content.note)


class Settled(NamedTuple):
    """What the tables add to a log: events in the order of the rows, and how many rows and edits that is."""

    events: list[Event]
    added: int
    already: int
    corrected: int


def settle(facts: Sequence[Fact], ledger: Ledger, now: datetime) -> Settled:
    """Compare rows with what the log knows of them.

    Per fact (a key result and day, a team and date, ...) rows that say what a slot says are known; of what is left,
    rows and slots pair in order as edits, further rows are new, further slots stay. A correction made by hand stands
    until the row itself changes, and a retracted row stays retracted.
    """
    groups: dict[Key, list[int]] = defaultdict(list)
    for index, fact in enumerate(facts):
        groups[key_of(fact.event)].append(index)
    news: dict[int, list[Event]] = {}
    edits = set()
    used = set(ledger.ids)
    for key, group in groups.items():
        rows, slots = _unmatched(_said_once(group, facts), facts, ledger.slots.get(key, []))
        for index, slot in zip(rows, slots, strict=False):
            news[index] = _edits(slot, facts[index], now)
            edits.add(index)
        for index in rows[len(slots) :]:
            news[index] = [_new(facts[index], used)]
    touched = {id(facts[i].record) for i in news.keys() - edits}
    known = {id(fact.record) for fact in facts} - {id(facts[i].record) for i in news}
    return Settled([event for i in sorted(news) for event in news[i]], len(touched), len(known), len(edits))


def _said_once(group: Sequence[int], facts: Sequence[Fact]) -> list[int]:
    """Rows of a definition or an item that repeat the row before say nothing more; other rows count each."""
    if not isinstance(facts[group[0]].event.data, (*DEFINITIONS, RunWorkArrived, RunWorkDone)):
        return list(group)
    kept: list[int] = []
    for index in group:
        if not kept or not facts[index].says(facts[kept[-1]].content):
            kept.append(index)
    return kept


def _unmatched(rows: Sequence[int], facts: Sequence[Fact], slots: Sequence[Slot]) -> tuple[list[int], list[Slot]]:
    """The rows and the standing slots that say different things."""
    left, free = list(rows), list(slots)
    for in_force in (True, False):
        for index in list(left):
            for slot in free:
                said = slot.in_force if in_force else slot.imported
                if (not in_force or not slot.retracted) and facts[index].says(said):
                    left.remove(index)
                    free.remove(slot)
                    break
    matched = [said for slot in slots if slot not in free for said in slot.history]
    left = [index for index in left if not facts[index].is_one_of(matched)]
    return left, [slot for slot in free if not slot.retracted]


def _new(fact: Fact, used: set[str]) -> Event:
    """The row's own event; its ordinal counts on if an edited row took the id."""
    event, ordinal = fact.event, 0
    while event.id in used:
        event = fact.event.model_copy(update={"id": name_id(*fact.row_id, ordinal)})
        ordinal += 1
    used.add(event.id)
    return event


def _edits(slot: Slot, fact: Fact, now: datetime) -> list[Event]:
    """The events by which a row in `slot` comes to say what `fact` does.

    An absence is named by its first and last day: one that ends on another day calls off the one before.
    """
    before, after = slot.data, fact.event.data
    if not isinstance(before, AbsencePlanned) or not isinstance(after, AbsencePlanned) or before.until == after.until:
        return [_edit(slot, slot.last.id, fact, now)]
    none = fact.event.model_copy(update={"data": before.model_copy(update={"days": 0.0})})
    off = _edit(slot, slot.last.id, replace(fact, event=none, content=content_of(none)), now)
    return [off, _edit(slot, off.id, fact, now)]


def _edit(slot: Slot, last: str, fact: Fact, now: datetime) -> Event:
    data = fact.event.data.model_copy(update={"recorded_assumed": None})
    day = now.astimezone(UTC).date() if isinstance(data, DATELESS) else fact.event.effective_on
    revised = _revision(slot, data)
    if isinstance(revised, InitiativeEstimated):
        day = now.astimezone(UTC).date()
    return Event(
        id=_edited(last, fact.content),
        subject=fact.event.subject,
        effective_on=day,
        recorded_at=now,
        actor=fact.event.actor,
        data=revised,  # type: ignore[arg-type]  # a payload is one of the union
        note=fact.event.note,
    )


def _revision(slot: Slot, data: Payload) -> Payload:
    """The payload that says what changed, where one is made for that; else all anew."""
    if isinstance(data, CheckedIn):
        said = data.model_dump(exclude={"type"})
        return CheckInCorrected(corrects=slot.origin.id, **said)
    before = dict(slot.data)
    changed = {name for name, value in data if before.get(name) != value} - {"recorded_assumed", "type"}
    if isinstance(data, KeyResultSet) and changed <= {"target", "due"}:
        return KeyResultRetargeted(target=data.target, due=data.due if "due" in changed else None)
    if isinstance(data, InitiativePlanned) and changed <= {"low", "mode", "high"}:
        return InitiativeEstimated(low=data.low, mode=data.mode, high=data.high)
    return data
