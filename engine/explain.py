"""Why forecasts moved: the change split over what became known in between, in the order it became known.

From one day to the next three kinds of steps are taken, with all that key results share frozen as it was learnt by the
first day: time passes with nothing new; what was recorded on a day becomes known, one cause at a time; at the end, what
the log teaches is learnt again. Each step's difference is a part, so that the parts add up to the change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import polars as pl

from koers.engine.explained import Cause, Explanation, Part
from koers.engine.learning import Learnt, learn
from koers.engine.news import Known, only, told
from koers.engine.projections import goals, readings
from koers.engine.prospect import SAMPLES, chances
from koers.engine.replay import Frames, view
from koers.engine.staffing import Staffing, staffing
from koers.events.errors import KoersError
from koers.events.frames import type_of
from koers.events.model import (
    PAYLOADS,
    CheckedIn,
    CheckInCorrected,
    EventRetracted,
    ForecastIssued,
    KeyResultDropped,
    KeyResultRetargeted,
    KeyResultSet,
    NoteRedacted,
    OutcomeRecorded,
    Payload,
    RunWorkArrived,
    RunWorkDone,
    ScenarioAdopted,
    end_of,
)

CAUSES: dict[Cause, tuple[type[Payload], ...]] = {
    "check-in": (CheckedIn, CheckInCorrected, EventRetracted),
    "outcome": (OutcomeRecorded,),
    "target": (KeyResultSet, KeyResultRetargeted, KeyResultDropped),
    "run work": (RunWorkArrived, RunWorkDone),
}
"""Types of events by what they tell, in the order of a day's steps; all others tell of capacity and come last."""
SILENT = (ForecastIssued, ScenarioAdopted, NoteRedacted)
"""Types of events that move no forecast."""
NEGLIGIBLE = 1e-12
"""Of probability: parts below this are not told."""


def _by_cause() -> dict[Cause, tuple[str, ...]]:
    """Names of the types of events by cause."""
    named: dict[Cause, tuple[str, ...]] = {
        cause: tuple(type_of(model) for model in models) for cause, models in CAUSES.items()
    }
    taken = {name for names in named.values() for name in names} | {type_of(model) for model in SILENT}
    return named | {"capacity": tuple(name for name in PAYLOADS if name not in taken)}


TYPES = _by_cause()
STAFFED = (type_of(EventRetracted), *TYPES["run work"], *TYPES["capacity"])
"""Types of events that tell of capacity and run work, or take that back."""
Chances = dict[str, float]
State = tuple[date | int, ...]


def explain(
    recorded: Frames,
    since: date,
    until: date,
    known_at: datetime | None = None,
    *,
    about: Set[str] | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
) -> dict[str, Explanation]:
    """Why the probability of each key result moved from the end of `since` to the end of `until`.

    `recorded` is a log read by `replay.typed`; `known_at` (default: the end of `until`) hides what was recorded later.
    Only key results with a forecast on both days are in it. The parts of each add up to its change, to rounding. With
    `about`, those of these key results: what speaks of others alone is then one step, with what comes next or the last.
    Raises KoersError where `until` is not after `since`.
    """
    if until <= since:
        raise KoersError(f"nothing to explain from {since} to {until}: the second day must come after the first")
    last, known = known_at or end_of(until), dict.fromkeys(PAYLOADS, end_of(since))
    draw = _Draw(recorded, samples, seed)
    learnt, before = draw.learnt(since, known)
    now, parts = before, dict[str, list[Part]]()
    for day in _days(recorded, end_of(since), last):
        fresh = {cause: _fresh(recorded, types, known, min(end_of(day), last)) for cause, types in TYPES.items()}
        words = {
            cause: told(new, recorded) for cause, new in fresh.items() if any(f.height for f in new.by_type.values())
        }
        words = {cause: said for cause, said in words.items() if about is None or not about.isdisjoint(said)}
        if words:
            now = _step(parts, now, draw.chances(day, known, learnt), "time", "time passing", None)
        for cause, said in words.items():
            known |= dict.fromkeys(TYPES[cause], min(end_of(day), last))
            now = _step(parts, now, draw.chances(day, known, learnt), cause, _OTHERS[cause], day, said)
    now = _step(parts, now, draw.chances(until, known, learnt), "time", "time passing", None)
    known = dict.fromkeys(PAYLOADS, last)
    now = _step(parts, now, draw.chances(until, known, learnt), "other", "what was recorded of others", None)
    _, after = draw.learnt(until, known)
    _step(parts, now, after, "relearning", "what the log teaches, learnt again", None)
    return {
        name: Explanation(name, since, until, before[name], after[name], _told(parts.get(name, [])))
        for name in sorted(before.keys() & after.keys())
        if about is None or name in about
    }


_OTHERS: dict[Cause, str] = {
    "check-in": "check-ins of other key results",
    "outcome": "outcomes of other key results",
    "target": "other key results set, re-targeted or dropped",
    "run work": "run work of other teams",
    "capacity": "capacity, initiatives and KPIs",
}
"""What moved a key result that nothing new was said of."""


@dataclass(frozen=True, slots=True)
class _Draw:
    """Draws futures step by step, and once where two steps see the same."""

    recorded: Frames
    samples: int
    seed: int
    told: dict[State, Chances] = field(default_factory=dict)  # with what is learnt held still
    staffed: dict[State, Staffing | None] = field(default_factory=dict)

    def chances(self, day: date, known: Known, learnt: Learnt) -> Chances:
        """Probabilities at the end of `day` of what is `known`, with what was `learnt`, the same at each call."""
        seen = only(self.recorded, known)
        state = _state(day, seen, PAYLOADS)
        if state not in self.told:
            self.told[state] = self._said(seen, day, lambda *_: learnt)[0]
        return self.told[state]

    def learnt(self, day: date, known: Known) -> tuple[Learnt, Chances]:
        """What is learnt by the end of `day`, the elasticity of effort with it, and the probabilities then."""
        chances, learnt = self._said(only(self.recorded, known), day, learn)
        return learnt, chances

    def _said(
        self, seen: Frames, day: date, learn_from: Callable[[pl.DataFrame, pl.DataFrame, date], Learnt]
    ) -> tuple[Chances, Learnt]:
        frames = view(seen, effective_until=day)
        table, values = goals(frames), readings(frames)
        learnt = learn_from(table, values, day)
        state = _state(day, seen, STAFFED)
        if state not in self.staffed:
            self.staffed[state] = staffing(frames, day)
        staff = self.staffed[state]
        said, drawn = chances(frames, table, values, day, learnt, samples=self.samples, seed=self.seed, staff=staff)
        return said, learnt if drawn is None else replace(learnt, elasticity=drawn.setting.elasticity)


def _state(day: date, seen: Frames, types: Iterable[str]) -> State:
    """What is seen of these types of events at the end of a day: of each the first so many."""
    return (day, *(seen.by_type[name].height for name in types))


def _days(recorded: Frames, after: datetime, last: datetime) -> list[date]:
    """The days on which something was recorded."""
    within = (pl.col("recorded_at") > after) & (pl.col("recorded_at") <= last)
    silent = {type_of(model) for model in SILENT}
    parts = [f.filter(within)["recorded_at"].dt.date() for name, f in recorded.by_type.items() if name not in silent]
    return sorted(set(pl.concat(parts)))


def _fresh(recorded: Frames, types: tuple[str, ...], known: Known, until: datetime) -> Frames:
    """The events of `types` that become known by `until`; no others."""
    return Frames(
        {
            name: frame.filter((pl.col("recorded_at") > known[name]) & (pl.col("recorded_at") <= until))
            if name in types
            else frame.clear()
            for name, frame in recorded.by_type.items()
        },
        recorded.log_position,
        recorded.log_head,
    )


def _step(
    parts: dict[str, list[Part]],
    before: Chances,
    after: Chances,
    cause: Cause,
    text: str,
    day: date | None,
    words: dict[str, list[str]] | None = None,
) -> Chances:
    """Note what a step moved. A key result that is not spoken of after it stays as it was."""
    for name, was in before.items():
        delta = after.get(name, was) - was
        if abs(delta) > NEGLIGIBLE:
            parts.setdefault(name, []).append(Part(cause, ", ".join((words or {}).get(name, [text])), day, delta))
    return before | after


def _told(parts: list[Part]) -> tuple[Part, ...]:
    """What became known in its order, then the passing of time in one line, then relearning."""
    passing = [part for part in parts if part.cause == "time"]
    known = [part for part in parts if part.cause not in ("time", "relearning")]
    time = [replace(passing[0], delta=sum(part.delta for part in passing))] if passing else []
    return (*known, *time, *(part for part in parts if part.cause == "relearning"))
