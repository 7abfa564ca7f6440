"""A key result that only a scenario has: the columns of key_results.csv, under the rules of one that is imported."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from koers.events.columns import CADENCES, YEARS, near, shown
from koers.events.model import Direction, Key, KeyResultSet, Kind, Model, Number, Text
from koers.events.rules import broken_rule
from koers.events.tables import DEFAULTS


def _in_the_calendar(day: date) -> date:
    if day.year not in YEARS:
        raise PydanticCustomError("text", f"{day} lies outside the years {YEARS[0]} to {YEARS[-1]}")
    return day


def _days(cadence: object) -> object:
    if not isinstance(cadence, str):
        return cadence
    if cadence not in CADENCES:
        known = f"{near(cadence, CADENCES)} (a number of days, or one of {', '.join(CADENCES)})"
        raise broken_rule("cadence", f"cadence {shown(cadence)} is not known{known}")
    return CADENCES[cadence]


Day = Annotated[date, AfterValidator(_in_the_calendar)]
Cadence = Annotated[
    int,
    BeforeValidator(_days),
    Field(ge=1, le=366),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 366}, {"enum": list(CADENCES)}]}),
]


class NewKeyResult(Model):
    """A key result as a row of key_results.csv would set it."""

    key_result: Key = Field(description="Its name, which no other key result has.")
    title: Text
    objective: Key | None = None
    team: Key
    owner: Text | None = None
    cycle: Key
    unit: Text
    kind: Kind
    direction: Direction
    baseline: Number | None = Field(None, description="Where it stands at the start; control: none.")
    target: Number | None = Field(None, description="Control: the share of days inside its limits, 1 if not given.")
    start: Day
    due: Day
    commit: Number | None = None
    stretch: Number | None = None
    weight: Annotated[float, Field(gt=0, le=1e6)] | None = Field(None, description="Among its team's work; 1.")
    lower: Number | None = None
    upper: Number | None = None
    cadence: Cadence | None = Field(None, description="Days between check-ins, or a word; weekly.")

    @property
    def goal(self) -> KeyResultSet:
        """What the log would say of it, empty cells filled as on import. Raises ValidationError."""
        return KeyResultSet(**self._given())

    @model_validator(mode="after")
    def _sound(self) -> NewKeyResult:
        try:
            _ = self.goal
        except ValidationError as error:
            raise self._told(error) from None
        return self

    def _given(self) -> dict[str, Any]:
        given = {name: value for name, value in self if value is not None and name != "key_result"}
        return DEFAULTS.get(self.kind, {}) | given

    def _told(self, error: ValidationError) -> PydanticCustomError:
        """The first rule that is broken: types and ranges have been looked at before."""
        found = error.errors()[0]
        if found["type"] == "rule":
            return broken_rule(str(found["ctx"]["column"]), found["msg"])
        name = str(found["loc"][0])
        return broken_rule(name, f"a {self.kind} key result needs a {name}")
