"""Facts, the logs made of them, and strategies for whole organisations: what the engine's tests share.

A fact is an event before it has a position. A test changes facts (mirrors, renames, shifts them) and makes a log again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from hypothesis import strategies as st

from koers.events.memory import MemoryLog
from koers.events.model import (
    CheckedIn,
    CheckInCorrected,
    Event,
    EventRetracted,
    KeyResultDropped,
    KeyResultRetargeted,
    KeyResultSet,
    OutcomeRecorded,
    Payload,
    Row,
)

FIRST = date(2026, 1, 5)
Fields = dict[str, Any]

CONTROL: Fields = {"kind": "control", "direction": "maintain_above", "lower": 5.0, "baseline": None, "target": 0.75}
BINARY: Fields = {"kind": "binary", "target": 1.0}
DECREASE: Fields = {"direction": "decrease", "baseline": 20.0, "target": 4.0}


def day(n: int) -> date:
    return FIRST + timedelta(days=n)


def at(n: int, hour: int = 12) -> datetime:
    return datetime.combine(day(n), time(hour), UTC)


@dataclass(frozen=True)
class Fact:
    """What an event says. `id` is given by `log_of` where it is empty."""

    subject: str
    on: date
    recorded_at: datetime
    data: Payload
    id: str = ""

    @property
    def name(self) -> str:
        return self.subject.partition("/")[2]


def fact(subject: str, on: int, data: Payload, recorded: int | datetime | None = None, id: str = "") -> Fact:  # noqa: A002
    moment = recorded if isinstance(recorded, datetime) else at(on if recorded is None else recorded)
    return Fact(subject, day(on), moment, data, id)


def key_result(name: str = "a", on: int = 0, recorded: int | datetime | None = None, **fields: Any) -> Fact:  # noqa: ANN401
    """A key result from 0 to 16 in 64 days, unless `fields` say otherwise."""
    usual: Fields = {
        "title": name.upper(),
        "team": "t",
        "cycle": "q",
        "unit": "points",
        "kind": "metric",
        "direction": "increase",
        "baseline": 0.0,
        "target": 16.0,
        "start": day(0),
        "due": day(64),
    }
    return fact(f"kr/{name}", on, KeyResultSet(**(usual | fields)), recorded)


def check_in(
    on: int,
    value: float,
    name: str = "a",
    recorded: int | datetime | None = None,
    id: str = "",  # noqa: A002
    **said: Any,  # noqa: ANN401
) -> Fact:
    return fact(f"kr/{name}", on, CheckedIn(value=value, **said), recorded, id)


def check_ins(values: Iterable[float], name: str = "a", first: int = 7, every: int = 7) -> list[Fact]:
    return [check_in(first + every * i, value, name) for i, value in enumerate(values)]


def correction(of: str, on: int, value: float, name: str = "a", recorded: int | datetime | None = None) -> Fact:
    return fact(f"kr/{name}", on, CheckInCorrected(corrects=of, value=value), recorded)


def retraction(of: str, on: int, name: str = "a", id: str = "") -> Fact:  # noqa: A002
    return fact(f"kr/{name}", on, EventRetracted(retracts=of), id=id)


def retarget(
    on: int, target: float, due: int | None = None, name: str = "a", recorded: int | datetime | None = None
) -> Fact:
    data = KeyResultRetargeted(target=target, due=None if due is None else day(due))
    return fact(f"kr/{name}", on, data, recorded)


def dropped(on: int, name: str = "a", recorded: int | datetime | None = None) -> Fact:
    return fact(f"kr/{name}", on, KeyResultDropped(), recorded)


def outcome(
    on: int, value: float, attained: bool | None = None, name: str = "a", recorded: int | datetime | None = None
) -> Fact:
    return fact(f"kr/{name}", on, OutcomeRecorded(value=value, attained=attained), recorded)


def memory_log(facts: Sequence[Fact]) -> MemoryLog:
    log = MemoryLog(clock=lambda: at(0), salt=lambda: "00")
    log.append(
        [
            Event(
                id=f.id or f"e{i}",
                subject=f.subject,
                effective_on=f.on,
                recorded_at=f.recorded_at,
                data=f.data,  # type: ignore[arg-type]  # a payload is one of the union
            )
            for i, f in enumerate(facts)
        ]
    )
    return log


def log_of(*facts: Fact | Iterable[Fact]) -> list[Event]:
    """The events of a log that holds these facts, in this order."""
    flat = [f for part in facts for f in ([part] if isinstance(part, Fact) else part)]
    return list(memory_log(flat).read())


def rows_of(facts: Sequence[Fact]) -> list[Row]:
    return list(memory_log(facts).rows())


def changed(f: Fact, **fields: Any) -> Fact:  # noqa: ANN401
    """The fact with other payload fields."""
    return replace(f, data=f.data.model_copy(update=fields))


GOALS: tuple[Fields, ...] = ({}, DECREASE, {"baseline": 4.0, "kind": "milestone"}, CONTROL, BINARY)
QUARTERS = st.integers(-40, 120).map(lambda n: n / 4)  # exact in binary, as are their sums and differences
MOMENTS = st.tuples(st.integers(0, 80), st.integers(0, 9).map(lambda n: max(n - 6, 0)), st.sampled_from([9, 12]))
ACTIONS = ("read", "read", "read", "read", "correct", "retract", "retarget", "drop", "end", "reset")


@st.composite
def messy_facts(draw: st.DrawFn, most: int = 24) -> list[Fact]:
    """One to three key results of any kind, and what happens to them: read late, corrected, retracted, re-targeted."""
    facts = [_set(draw, name, draw(st.integers(0, 4))) for name in draw(st.sampled_from(["a", "ab", "abc"]))]
    for _ in range(draw(st.integers(0, most))):
        facts.append(replace(_happens(draw, facts), id=f"e{len(facts)}"))
    return [replace(f, id=f"e{i}") for i, f in enumerate(facts)]


def _set(draw: st.DrawFn, name: str, start: int) -> Fact:
    fields = draw(st.sampled_from(GOALS))
    due = start + draw(st.sampled_from([0, 20, 40, 64]))
    return key_result(name, start, at(start, 9), **(fields | {"start": day(start), "due": day(due)}))


def _happens(draw: st.DrawFn, facts: list[Fact]) -> Fact:
    action = draw(st.sampled_from(ACTIONS))
    on, delay, hour = draw(MOMENTS)
    moment = at(on + delay, hour)
    earlier = draw(st.sampled_from(facts))
    subject, value = f"kr/{earlier.name}", draw(QUARTERS)
    goal = next(f.data for f in reversed(facts) if f.subject == subject and isinstance(f.data, KeyResultSet))
    reads = [i for i, f in enumerate(facts) if f.subject == subject and isinstance(f.data, CheckedIn)]
    if action == "correct" and reads:
        of = f"e{draw(st.sampled_from(reads))}"
        return fact(subject, on, CheckInCorrected(corrects=of, value=value), moment)
    if action == "retract":
        return fact(subject, on, EventRetracted(retracts=f"e{facts.index(earlier)}"), moment)
    if action == "retarget":
        target = draw(st.sampled_from([0.25, 1.0])) if goal.kind == "control" else value
        due = draw(st.none() | st.integers(0, 90).map(day))
        return fact(subject, on, KeyResultRetargeted(target=target, due=due), moment)
    if action == "drop":
        return fact(subject, on, KeyResultDropped(), moment)
    if action == "end":
        return fact(
            subject, on, OutcomeRecorded(value=value, attained=draw(st.sampled_from([None, True, False]))), moment
        )
    if action == "reset":
        return replace(_set(draw, earlier.name, draw(st.integers(0, 4))), on=day(on), recorded_at=moment)
    return fact(subject, on, CheckedIn(value=value, confidence=draw(st.sampled_from([None, 0.5]))), moment)


@st.composite
def organisations(draw: st.DrawFn) -> list[Fact]:
    """Messy facts, and beside them key results that are read each week as most are: enough to learn from."""
    facts = draw(messy_facts(10))
    for name in "xyz"[: draw(st.integers(0, 3))]:
        fields = draw(st.sampled_from(GOALS))
        values = draw(st.lists(QUARTERS, max_size=8))
        facts += [key_result(name, **fields), *check_ins(values, name)]
    return [replace(f, id=f"e{i}") for i, f in enumerate(facts)]
