"""Every event koers knows: one envelope, and one frozen, strict payload per type.

An event says that something held (`effective_on`) and when the organisation recorded it (`recorded_at`). Payloads
form one union, told apart by `type`, a string that carries its version: ``koers.checked-in.v1``. Stored data never
names a Python class.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Annotated, ClassVar, Literal, NamedTuple, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from koers.events.chain import canonical_json, flat_json
from koers.events.policies import parse_policy
from koers.events.rules import (
    MOST_INITIATIVE_DAYS,
    MOST_ITEM_DAYS,
    MOST_PEOPLE,
    MOST_WEEK_DAYS,
    at_most,
    broken_rule,
    check_absence,
    is_stored,
)


def _plain_text(text: str) -> str:
    if "\x00" in text:
        raise PydanticCustomError("text", "text holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("text", "text holds half a character (a lone surrogate)") from None
    return text


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise PydanticCustomError("time", "a time needs its zone, for example 2026-11-24T09:30:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("time", "a time must lie within the years 1 to 9999, UTC") from None


def end_of(day: date) -> datetime:
    """The last microsecond of `day`, UTC: a date, where a time is meant, means the end of that day."""
    return datetime.combine(day, time.max, UTC)


Text = Annotated[str, AfterValidator(_plain_text)]
Key = Annotated[Text, Field(min_length=1, max_length=200)]
Moment = Annotated[datetime, AfterValidator(_utc)]
Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0, le=1e12)]
Number = Annotated[float, Field(ge=-1e15, le=1e15)]
People = Annotated[float, Field(ge=0, le=1e6), at_most(MOST_PEOPLE, "the most people a team may have")]
ItemDays = Annotated[Amount, at_most(MOST_ITEM_DAYS, "the most person-days an item of run work may take")]
InitiativeDays = Annotated[Amount, at_most(MOST_INITIATIVE_DAYS, "the most person-days an initiative may take")]
WeekDays = Annotated[Amount, at_most(MOST_WEEK_DAYS, "the most person-days a team can work in a week")]

LEAST_WAY = 1e-9
"""A way from baseline to target that is shorter is none: of the target, or of 1 where that is smaller."""

Kind = Literal["metric", "milestone", "binary", "control"]
Direction = Literal["increase", "decrease", "maintain_above", "maintain_below", "maintain_between"]
Ambition = Literal["committed", "aspirational"]
Policy = Literal["run_first", "ring_fence", "fixed_split", "buffer", "threshold", "rotation", "freeze"]


class Model(BaseModel):
    """Base of all stored values: immutable, no coercion, no unknown fields, finite numbers only."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class Payload(Model):
    """What an event says. `recorded_assumed` marks a recording date that the source did not give."""

    subject_kind: ClassVar[str] = ""
    recorded_assumed: bool | None = None


class CycleOpened(Payload):
    """A cycle (quarter, sprint, year) and its days, both included."""

    subject_kind: ClassVar[str] = "cycle"
    type: Literal["koers.cycle-opened.v1"] = "koers.cycle-opened.v1"
    start: date
    end: date

    @model_validator(mode="after")
    def _ordered(self) -> CycleOpened:
        if self.end < self.start:
            raise broken_rule("end", f"end {self.end} lies before start {self.start}")
        return self


class CycleClosed(Payload):
    """A cycle whose outcomes are final."""

    subject_kind: ClassVar[str] = "cycle"
    type: Literal["koers.cycle-closed.v1"] = "koers.cycle-closed.v1"


class TeamFormed(Payload):
    """A team."""

    subject_kind: ClassVar[str] = "team"
    type: Literal["koers.team-formed.v1"] = "koers.team-formed.v1"
    title: Text | None = None


class ObjectiveSet(Payload):
    """An objective: where to, and why."""

    subject_kind: ClassVar[str] = "objective"
    type: Literal["koers.objective-set.v1"] = "koers.objective-set.v1"
    title: Text
    why: Text | None = None
    team: Key
    cycle: Key
    ambition: Ambition = "aspirational"
    parent: Key | None = None


class KeyResultSet(Payload):
    """A key result: how one would see that the objective is reached. `cadence` is days between check-ins."""

    subject_kind: ClassVar[str] = "kr"
    type: Literal["koers.key-result-set.v1"] = "koers.key-result-set.v1"
    title: Text
    objective: Key | None = None
    team: Key
    owner: Text | None = None
    cycle: Key
    unit: Text
    kind: Kind
    direction: Direction
    baseline: Number | None = None
    target: Number
    start: date
    due: date
    commit: Number | None = None
    stretch: Number | None = None
    weight: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    lower: Number | None = None
    upper: Number | None = None
    cadence: Annotated[int, Field(ge=1, le=366)] = 7

    @model_validator(mode="after")
    def _sound(self) -> KeyResultSet:
        if self.due < self.start:
            raise broken_rule("due", f"due {self.due} lies before start {self.start}")
        if (self.kind == "control") != self.direction.startswith("maintain"):
            raise broken_rule(
                "direction", f"kind {self.kind} does not go with direction {self.direction}: control means maintain_*"
            )
        if self.kind == "control":
            _check_limits(self)
        else:
            _check_scale(self)
        return self


def _check_limits(goal: KeyResultSet) -> None:
    needed = {
        "maintain_above": ("lower",),
        "maintain_below": ("upper",),
        "maintain_between": ("lower", "upper"),
    }[goal.direction]
    for name in needed:
        if getattr(goal, name) is None:
            raise broken_rule(name, f"direction {goal.direction} needs a value for {name}")
    if goal.lower is not None and goal.upper is not None and goal.upper <= goal.lower:
        raise broken_rule("upper", f"upper {goal.upper:g} is not above lower {goal.lower:g}")
    if goal.baseline is not None:
        raise broken_rule("baseline", "a control key result has no baseline: leave it empty")
    if not 0 < goal.target <= 1:
        raise broken_rule("target", "the target of a control key result is the share of days inside, above 0 up to 1")


def _check_scale(goal: KeyResultSet) -> None:
    if goal.baseline is None:
        raise broken_rule("baseline", f"a {goal.kind} key result needs a baseline")
    if abs(goal.target - goal.baseline) < LEAST_WAY * max(1.0, abs(goal.target)):
        raise broken_rule("target", f"baseline and target are both {goal.target:g}: there is nothing to change")
    if (goal.target > goal.baseline) != (goal.direction == "increase"):
        raise broken_rule(
            "direction",
            f"from baseline {goal.baseline:g} to target {goal.target:g} is no {goal.direction}",
        )


class KeyResultRetargeted(Payload):
    """A new target, and possibly a new due date, from `effective_on` on."""

    subject_kind: ClassVar[str] = "kr"
    type: Literal["koers.key-result-retargeted.v1"] = "koers.key-result-retargeted.v1"
    target: Number
    due: date | None = None


class KeyResultDropped(Payload):
    """A key result that is no longer pursued."""

    subject_kind: ClassVar[str] = "kr"
    type: Literal["koers.key-result-dropped.v1"] = "koers.key-result-dropped.v1"


class Aligned(Payload):
    """The subject (a key result or objective) contributes to, or supports, its parent."""

    type: Literal["koers.aligned.v1"] = "koers.aligned.v1"
    parent: Key
    relation: Literal["contributes", "supports"]


class OutcomeRecorded(Payload):
    """How a key result ended; overrides what its check-ins say."""

    subject_kind: ClassVar[str] = "kr"
    type: Literal["koers.outcome-recorded.v1"] = "koers.outcome-recorded.v1"
    value: Number
    attained: bool | None = None


class _Reading(Payload):
    value: Number
    confidence: Share | None = None
    projection: Number | None = None
    status: Text | None = None


class CheckedIn(_Reading):
    """A reading of a key result, with what its owner expects."""

    subject_kind: ClassVar[str] = "kr"
    type: Literal["koers.checked-in.v1"] = "koers.checked-in.v1"


class CheckInCorrected(_Reading):
    """What an earlier check-in (`corrects`: its event id) should have said, in full."""

    subject_kind: ClassVar[str] = "kr"
    type: Literal["koers.check-in-corrected.v1"] = "koers.check-in-corrected.v1"
    corrects: Key


class EventRetracted(Payload):
    """An earlier event (`retracts`: its id) that should not have been recorded."""

    type: Literal["koers.event-retracted.v1"] = "koers.event-retracted.v1"
    retracts: Key


class NoteRedacted(Payload):
    """An earlier event (`redacts`: its id) whose note is blanked; its digest stays in the chain."""

    type: Literal["koers.note-redacted.v1"] = "koers.note-redacted.v1"
    redacts: Key


class _Estimate(Payload):
    low: InitiativeDays
    mode: InitiativeDays
    high: InitiativeDays

    @model_validator(mode="after")
    def _three_points(self) -> _Estimate:
        if not self.low <= self.mode <= self.high:
            raise broken_rule("mode", f"low {self.low:g}, mode {self.mode:g}, high {self.high:g} are not in order")
        return self


class InitiativePlanned(_Estimate):
    """Change work for a key result: person-days as low, mode, high; `impact` in its unit, `lag` in days."""

    subject_kind: ClassVar[str] = "initiative"
    type: Literal["koers.initiative-planned.v1"] = "koers.initiative-planned.v1"
    title: Text
    team: Key
    key_result: Key
    impact: Number | None = None
    lag: Annotated[int, Field(ge=0, le=3660)] | None = None
    depends_on: tuple[Key, ...] = ()
    start: date | None = None


class InitiativeEstimated(_Estimate):
    """A new estimate of an initiative's person-days."""

    subject_kind: ClassVar[str] = "initiative"
    type: Literal["koers.initiative-estimated.v1"] = "koers.initiative-estimated.v1"


class InitiativeStarted(Payload):
    """Work on an initiative began."""

    subject_kind: ClassVar[str] = "initiative"
    type: Literal["koers.initiative-started.v1"] = "koers.initiative-started.v1"


class InitiativeFinished(Payload):
    """An initiative is done."""

    subject_kind: ClassVar[str] = "initiative"
    type: Literal["koers.initiative-finished.v1"] = "koers.initiative-finished.v1"


class InitiativeDropped(Payload):
    """An initiative was given up."""

    subject_kind: ClassVar[str] = "initiative"
    type: Literal["koers.initiative-dropped.v1"] = "koers.initiative-dropped.v1"


class RunWorkArrived(Payload):
    """An item of run work came in; `effort_days` are person-days."""

    subject_kind: ClassVar[str] = "item"
    type: Literal["koers.run-work-arrived.v1"] = "koers.run-work-arrived.v1"
    team: Key
    effort_days: ItemDays | None = None


class RunWorkDone(Payload):
    """An item of run work was closed; `effort_days` are the person-days it took."""

    subject_kind: ClassVar[str] = "item"
    type: Literal["koers.run-work-done.v1"] = "koers.run-work-done.v1"
    effort_days: ItemDays | None = None


class _Limits(Payload):
    lower: Number | None = None
    upper: Number | None = None

    @model_validator(mode="after")
    def _apart(self) -> _Limits:
        if self.lower is not None and self.upper is not None and self.upper <= self.lower:
            raise broken_rule("upper", f"upper {self.upper:g} is not above lower {self.lower:g}")
        return self


class KpiDefined(_Limits):
    """A measure of running the business."""

    subject_kind: ClassVar[str] = "kpi"
    type: Literal["koers.kpi-defined.v1"] = "koers.kpi-defined.v1"
    title: Text
    team: Key
    unit: Text


class KpiObserved(Payload):
    """A reading of a KPI."""

    subject_kind: ClassVar[str] = "kpi"
    type: Literal["koers.kpi-observed.v1"] = "koers.kpi-observed.v1"
    value: Number


class GuardrailSet(_Limits):
    """Limits a KPI must keep while the organisation changes."""

    subject_kind: ClassVar[str] = "kpi"
    type: Literal["koers.guardrail-set.v1"] = "koers.guardrail-set.v1"


class CapacitySet(Payload):
    """People in a team from `effective_on` on (full-time equivalents)."""

    subject_kind: ClassVar[str] = "team"
    type: Literal["koers.capacity-set.v1"] = "koers.capacity-set.v1"
    people: People


class AbsencePlanned(Payload):
    """Person-days a team will miss from `effective_on` up to `until`, both included."""

    subject_kind: ClassVar[str] = "team"
    type: Literal["koers.absence-planned.v1"] = "koers.absence-planned.v1"
    until: date
    days: Amount


class PolicySet(Payload):
    """How a team divides its mornings between run and change work, from `effective_on` on.

    What the parameters may be is in koers.events.policies.
    """

    subject_kind: ClassVar[str] = "team"
    type: Literal["koers.policy-set.v1"] = "koers.policy-set.v1"
    policy: Policy
    parameters: dict[Key, Number | Text] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fitting(self, info: ValidationInfo) -> PolicySet:
        if not is_stored(info):
            try:
                parse_policy(self.policy, self.parameters)
            except ValueError as error:
                raise broken_rule("parameters", str(error)) from None
        return self


class EffortLogged(Payload):
    """Person-days a team spent on run and change in the week that starts on `effective_on`."""

    subject_kind: ClassVar[str] = "team"
    type: Literal["koers.effort-logged.v1"] = "koers.effort-logged.v1"
    run_days: WeekDays
    change_days: WeekDays


class CapacityMoved(Payload):
    """People moved to running or changing, within a team or to another."""

    subject_kind: ClassVar[str] = "team"
    type: Literal["koers.capacity-moved.v1"] = "koers.capacity-moved.v1"
    people: Annotated[People, Field(gt=0)]
    to: Literal["run", "change"]
    to_team: Key | None = None


class ForecastIssued(Payload):
    """What koers said of a key result, so that it can be scored when the cycle closes."""

    subject_kind: ClassVar[str] = "kr"
    type: Literal["koers.forecast-issued.v1"] = "koers.forecast-issued.v1"
    as_of: date
    known_at: Moment
    log_position: int
    log_head: Text
    seed: int
    samples: int
    config_hash: Text
    probability: Share
    quantiles: dict[Key, Number]


class ScenarioAdopted(Payload):
    """A scenario that leadership decided to carry out; `scenario` is its TOML text."""

    subject_kind: ClassVar[str] = "scenario"
    type: Literal["koers.scenario-adopted.v1"] = "koers.scenario-adopted.v1"
    scenario: Text


Data = Annotated[
    CycleOpened
    | CycleClosed
    | TeamFormed
    | ObjectiveSet
    | KeyResultSet
    | KeyResultRetargeted
    | KeyResultDropped
    | Aligned
    | OutcomeRecorded
    | CheckedIn
    | CheckInCorrected
    | EventRetracted
    | NoteRedacted
    | InitiativePlanned
    | InitiativeEstimated
    | InitiativeStarted
    | InitiativeFinished
    | InitiativeDropped
    | RunWorkArrived
    | RunWorkDone
    | KpiDefined
    | KpiObserved
    | GuardrailSet
    | CapacitySet
    | AbsencePlanned
    | PolicySet
    | EffortLogged
    | CapacityMoved
    | ForecastIssued
    | ScenarioAdopted,
    Field(discriminator="type"),
]


class Row(NamedTuple):
    """An event as a log stores it: text only, `data` being the exact canonical JSON that was hashed."""

    position: int
    id: str
    type: str
    subject: str
    effective_on: str
    recorded_at: str
    actor: str | None
    data: str
    note: str | None
    note_salt: str | None
    note_digest: str | None
    appended_at: str
    hash: str


class Event(Model):
    """Envelope and data. The log gives `position`, `appended_at`, `hash` and, to a note, its salt and digest."""

    id: Key
    subject: Key
    effective_on: date
    recorded_at: Moment
    actor: Key | None = None
    data: Data
    note: Text | None = None
    note_salt: str | None = None
    note_digest: str | None = None
    position: int | None = None
    appended_at: Moment | None = None
    hash: str | None = None

    @property
    def type(self) -> str:
        """The versioned type string, such as ``koers.checked-in.v1``."""
        return self.data.type

    @property
    def name(self) -> str:
        """The subject without its kind: ``kr/growth`` is ``growth``."""
        return self.subject.partition("/")[2]

    @model_validator(mode="after")
    def _addressed(self, info: ValidationInfo) -> Event:
        kind, _, name = self.subject.partition("/")
        if not name or (self.data.subject_kind and kind != self.data.subject_kind):
            raise broken_rule("subject", f"{self.type} needs a subject {self.data.subject_kind or 'kind'}/NAME")
        if isinstance(self.data, EVIDENCE) and self.effective_on > self.recorded_at.date():
            raise broken_rule(
                "effective_on",
                f"{self.effective_on} lies after its recording on {self.recorded_at.date()}: evidence cannot",
            )
        if isinstance(self.data, AbsencePlanned) and not is_stored(info):
            check_absence(self.effective_on, self.data.until, self.data.days)
        return self


EVIDENCE = (CheckedIn, CheckInCorrected, OutcomeRecorded, KpiObserved, RunWorkArrived, RunWorkDone, EffortLogged)

PAYLOADS: dict[str, type[Payload]] = {
    model.model_fields["type"].default: model for model in get_args(get_args(Data)[0])
}


SORTED = {model: sorted(set(model.model_fields) - {"type"}) for model in PAYLOADS.values()}


def data_text(data: Payload) -> str:
    """The payload as the canonical JSON that is stored and hashed: no `type`, nothing that is None."""
    flat = flat_json(SORTED[type(data)], data.__dict__)
    return flat or canonical_json(data.model_dump(mode="json", exclude={"type"}, exclude_none=True))
