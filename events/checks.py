"""What rows must keep with each other and with the log: names known, facts said once, sizes that fit, no circles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from pydantic_core import PydanticCustomError

from koers.events.columns import TABLES, Record, near, shown
from koers.events.edits import Ledger, type_of
from koers.events.errors import InputError
from koers.events.model import CapacitySet, InitiativePlanned, RunWorkArrived, RunWorkDone
from koers.events.rules import check_absence

Names = Mapping[str, set[str]]


def check_rows(records: Sequence[Record], names: Names, ledger: Ledger) -> None:
    """Check rows against each other and the log. Raises InputError for the first that cannot be taken."""
    _check_single(records)
    _check_references(records, names)
    for record in records:
        if record.table.name == "run_work":
            check_item(record, ledger)
    _check_absences(records, ledger)
    _check_circles(records, ledger)


def known_names(records: Iterable[Record], ledger: Ledger) -> Names:
    """The names per kind of subject that the rows define, or the log does."""
    names = defaultdict(set, {kind: set(known) for kind, known in ledger.names.items()})
    for record in records:
        if record.table.defines:
            names[record.table.payload.subject_kind].add(record.name)
        if record.table.name in ("key_results", "objectives"):
            names["team"].add(record.values["team"])
        if record.table.name == "key_results":
            names["cycle"].add(record.values["cycle"])
    return names


def _check_single(records: Iterable[Record]) -> None:
    """What a table defines, it defines once, and an item is told once; a row may be repeated as it is.

    An item may have further rows that say in `recorded_on` when else something was known of it, as exports do.
    """
    first: dict[tuple[object, ...], Record] = {}
    for record in records:
        if record.table.defines or record.table.name == "run_work":
            before = first.setdefault((record.table.name, record.name), record)
            if not record.table.defines and "recorded_on" in record.values:
                before = first.setdefault((record.name, record.values["recorded_on"]), record)
            if before.values != record.values:
                same = before.source == record.source
                where = before.spot if same else f"{before.source.file}:{before.line}"
                what = f"{shown(record.name)} stands here and, with other content, in {where}: keep one"
                raise record.refuse(record.table.key, what)


def check_item(record: Record, ledger: Ledger) -> None:
    """Refuse an item that is closed before it is opened, by its row or by what the log says of its closing."""
    opened, closed = record.values["opened"], record.values.get("closed")
    if closed is not None:
        if closed < opened:
            raise record.refuse("closed", f"closed {closed} lies before opened {opened}: correct one of them")
        return
    subject = f"item/{record.name}"
    came, went = (ledger.slots.get((type_of(kind), subject), ()) for kind in (RunWorkArrived, RunWorkDone))
    if any(slot.last.effective_on == opened for slot in came):  # no news, whatever an older koers took in
        return
    for slot in went:
        if slot.last.effective_on < opened and not slot.retracted:
            known = f"opened {opened} lies after its closing on {slot.last.effective_on}, which the log knows"
            raise record.refuse("opened", f"{known}: correct it, or give another item a name of its own")


def _check_references(records: Iterable[Record], names: Names) -> None:
    for record in records:
        for column in record.table.columns.values():
            value = record.values.get(column.name) if column.refers else None
            for name in value if isinstance(value, tuple) else () if value is None else (value,):
                if not any(name in names[kind] for kind in column.refers):
                    raise _unknown(record, column.name, column.refers, name, names)
        if record.table.name == "policies":
            _check_guardrail(record, names)


def _check_guardrail(record: Record, names: Names) -> None:
    kpi = record.values.get("parameters", {}).get("guardrail")
    if isinstance(kpi, str) and kpi not in names["kpi"]:
        raise _unknown(record, "parameters", ("kpi",), kpi, names, "guardrail")


def _unknown(record: Record, column: str, kinds: Sequence[str], name: str, names: Names, what: str = "") -> InputError:
    hint = near(name, set().union(*(names[kind] for kind in kinds)))
    homes = " or ".join(f"{t.name}.csv" for t in TABLES.values() if t.defines and t.payload.subject_kind in kinds)
    return record.refuse(column, f"{what or column} {shown(name)} is not known{hint or f'; add it to {homes}'}")


def _check_absences(records: Iterable[Record], ledger: Ledger) -> None:
    """No more days than the team's people can miss, where they are known, and each absence once."""
    people = _most_people(records, ledger)
    said: dict[tuple[object, ...], Record] = {}
    for record in records:
        if record.table.name != "absences":
            continue
        values = record.values
        team, first, until = (values[name] for name in ("team", "from", "until"))
        if most := people.get(team):
            try:
                check_absence(first, until, values["days"], most)
            except PydanticCustomError as error:
                raise record.refuse((error.context or {})["column"], error.message()) from None
        before = said.setdefault((team, first, until, values.get("recorded_on", record.source)), record)
        if before is not record and "recorded_on" not in values:
            what = f"{before.spot} has an absence of {team} from {first} to {until} too: write their sum in one row"
            raise record.refuse("days", what)


def _most_people(records: Iterable[Record], ledger: Ledger) -> dict[str, float]:
    """The largest size per team that is declared."""
    most: dict[str, float] = {}
    sizes = [
        (slot.origin.name, slot.data.people)
        for slots in ledger.slots.values()
        for slot in slots
        if isinstance(slot.data, CapacitySet)
    ]
    sizes += [(r.values["team"], r.values["people"]) for r in records if r.table.name == "capacity"]
    for team, people in sizes:
        most[team] = max(people, most.get(team, 0.0))
    return most


def _check_circles(records: Iterable[Record], ledger: Ledger) -> None:
    """Initiatives that wait for each other, over the rows and the log; a circle of the log's own is let be."""
    rows = {record.name: record for record in records if record.table.name == "initiatives"}
    if not rows:
        return
    waits: dict[str, set[str]] = {}
    for slots in ledger.slots.values():
        for slot in slots:
            if isinstance(slot.data, InitiativePlanned) and not slot.retracted:
                waits[slot.origin.name] = set(slot.data.depends_on)
    waits |= {name: set(record.values.get("depends_on", ())) for name, record in rows.items()}
    while circle := _circle(waits):
        first = next((name for name in rows if name in circle), None)
        if first is None:
            waits[circle[0]].discard(circle[1])
            continue
        at = circle.index(first)
        path = " -> ".join([*circle[at:], *circle[:at], first])
        raise rows[first].refuse("depends_on", f"depends_on goes round in a circle: {path}; take one of them out")


def _circle(waits: Mapping[str, set[str]]) -> list[str]:
    """Names that wait each for the next, and the last for the first; empty if there is no circle."""
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found[:0:-1]
    return []
