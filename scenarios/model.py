"""A scenario: a name, a reason, and levers; each lever is one decision, or one thing that may happen.

What can be wrong in a lever by itself is found here, and so are levers that contradict each other. What needs a log (is
there such a team?) is found by those who pull the levers; `refuse` makes their errors look alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, WithJsonSchema, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ValidationInfo

from koers.events.errors import InputError
from koers.events.model import Key, KeyResultSet, Model, Number, Policy, Share, Text
from koers.events.policies import PARAMETERS, SETTINGS, Value, parse_policy
from koers.events.rules import MOST_INITIATIVE_DAYS, MOST_PEOPLE, broken_rule, check_absence
from koers.scenarios.added import Day, NewKeyResult
from koers.scenarios.base import Ending, ForGood, LeverBase, Place, refuse
from koers.scenarios.contradictions import contradiction

Team = Annotated[Key, Field(description="The team's name.")]
People = Annotated[float, Field(gt=0, le=MOST_PEOPLE, description="Full-time equivalents.")]
RampUp = Annotated[int, Field(ge=0, le=1_000, description="Calendar days until who comes counts in full.")]


class MoveCapacity(Ending):
    """People go from running to changing or back, in their team or to another; after `until` they are back."""

    kind: Literal["move_capacity"] = "move_capacity"
    team: Team
    to_team: Key | None = Field(None, description="The team they go to; without it they stay in theirs.")
    people: People
    to: Literal["run", "change"] = Field(description="The work they go to.")

    @model_validator(mode="after")
    def _elsewhere(self) -> MoveCapacity:
        if self.to_team == self.team:
            raise broken_rule("to_team", f"to_team is {self.team!r}, their own team: leave it out")
        return self


class Hire(Ending):
    """People join a team; after `until` they leave."""

    kind: Literal["hire"] = "hire"
    team: Team
    people: People
    ramp_up_days: RampUp | None = None


class Leave(Ending):
    """People leave a team; after `until` they are back, and `ramp_up_days` is how long it then takes them."""

    kind: Literal["leave"] = "leave"
    team: Team
    people: People
    ramp_up_days: RampUp | None = None


_PARAMETER_SCHEMA = {
    name: {"type": "string"}
    if allowed is None
    else {"type": "integer" if allowed.whole else "number", "minimum": allowed.low, "maximum": allowed.high}
    for name, allowed in {**PARAMETERS, **SETTINGS}.items()
}
Parameters = Annotated[
    dict[str, Value],
    WithJsonSchema({"type": "object", "properties": _PARAMETER_SCHEMA, "additionalProperties": False}),
]


class SetPolicy(Ending):
    """A team divides its mornings otherwise; after `until` as before. Policies and parameters: as in policies.csv."""

    kind: Literal["set_policy"] = "set_policy"
    team: Team
    policy: Policy
    parameters: Parameters = Field({}, validate_default=True, description="What the policy needs, and settings.")

    @field_validator("parameters", mode="plain")
    @classmethod
    def _fitting(cls, given: Any, info: ValidationInfo) -> dict[str, Value]:  # noqa: ANN401 - anything may be given
        if not isinstance(given, Mapping):
            raise broken_rule("parameters", "parameters are no table: write them like parameters = { share = 0.4 }")
        for name, value in given.items():
            if isinstance(value, bool) or not isinstance(value, float | int | str):
                raise broken_rule(f"parameters.{name}", f"parameter {name} is neither a number nor text")
        try:
            return parse_policy(info.data["policy"], given) if "policy" in info.data else {}
        except ValueError as error:
            raise broken_rule("parameters", str(error)) from None


class RunDemand(Ending):
    """Run work arrives `factor` times as much: 1.5 is half as much again."""

    kind: Literal["run_demand"] = "run_demand"
    team: Key | None = Field(None, description="The team; without it, every team.")
    factor: Annotated[float, Field(ge=0, le=100, description="1 changes nothing, 0 stops it.")]


class Absence(Ending):
    """A team misses person-days, spread over the mornings from `from` to `until`."""

    kind: Literal["absence"] = "absence"
    team: Team
    days: Annotated[float, Field(ge=0, le=1e9, description="Person-days of the whole team.")]

    @model_validator(mode="after")
    def _possible(self) -> Absence:
        if self.since and self.until and self.since <= self.until:
            check_absence(self.since, self.until, self.days)
        return self


class Retarget(ForGood):
    """A key result gets another target and, with `due`, another due date."""

    kind: Literal["retarget"] = "retarget"
    key_result: Key
    target: Number
    due: Day | None = Field(None, description="The new due date; without it, the old one.")

    @model_validator(mode="after")
    def _in_time(self) -> Retarget:
        if self.since and self.due and self.due < self.since:
            raise broken_rule("due", f"due {self.due} lies before from {self.since}")
        return self


class Drop(ForGood):
    """A key result is no longer pursued: its share of the effort goes to the others of its team."""

    kind: Literal["drop"] = "drop"
    key_result: Key


class Add(ForGood):
    """A key result that is not there yet: it takes its share of the team's effort."""

    kind: Literal["add"] = "add"
    key_result: NewKeyResult

    @property
    def name(self) -> str:
        """The new key result's name."""
        return self.key_result.key_result

    @property
    def goal(self) -> KeyResultSet:
        """What the log would say of it."""
        return self.key_result.goal


class Initiative(ForGood):
    """An initiative starts on another day (`start`), later (`delay`), or not at all (`drop`)."""

    kind: Literal["initiative"] = "initiative"
    initiative: Key
    start: Day | None = Field(None, description="The first day it may be worked on.")
    delay: Annotated[int, Field(ge=0, le=3_660)] | None = Field(None, description="Calendar days later than planned.")
    drop: bool = Field(False, description="It is given up.")

    @model_validator(mode="after")
    def _one_thing(self) -> Initiative:
        given = {"start": self.start is not None, "delay": self.delay is not None, "drop": self.drop}
        said = [name for name, is_said in given.items() if is_said]
        if not said:
            raise broken_rule("initiative", "nothing is to happen to it: give start, delay or drop = true")
        if len(said) > 1:
            raise broken_rule(said[-1], f"{' and '.join(said)} contradict each other: keep one")
        return self


class Automation(Ending):
    """A team spends person-days by `after`; from then on its run work arrives `run_demand_factor` times as much."""

    kind: Literal["automation"] = "automation"
    team: Team
    cost_days: Annotated[float, Field(ge=0, le=MOST_INITIATIVE_DAYS, description="Person-days that it takes.")]
    run_demand_factor: Annotated[Share, Field(description="What is left of the run work that arrives.")]
    after: Day = Field(description="The first day on which it works.")

    @model_validator(mode="after")
    def _works_in_time(self) -> Automation:
        if self.since and self.after <= self.since:
            raise broken_rule(
                "after", f"after {self.after} does not lie after from {self.since}: there is no time for it"
            )
        if self.until and self.until < self.after:
            raise broken_rule("until", f"until {self.until} lies before after {self.after}: it would never work")
        return self


class WipLimit(Ending):
    """A team works on at most so many initiatives at a time."""

    kind: Literal["wip_limit"] = "wip_limit"
    team: Team
    limit: Annotated[int, Field(ge=1, le=1_000_000_000, description="Initiatives at a time.")]


class Elasticity(ForGood):
    """What effort is worth is taken as known: 0, it does not matter; 1, half the effort is half the progress.

    A belief has no first day: `from` changes nothing here.
    """

    kind: Literal["elasticity"] = "elasticity"
    key_result: Key | None = Field(None, description="The key result; without it, every one that no lever names.")
    value: Share


Lever = Annotated[
    MoveCapacity
    | Hire
    | Leave
    | SetPolicy
    | RunDemand
    | Absence
    | Retarget
    | Drop
    | Add
    | Initiative
    | Automation
    | WipLimit
    | Elasticity,
    Field(discriminator="kind"),
]
KINDS: dict[str, type[LeverBase]] = {kind.model_fields["kind"].default: kind for kind in get_args(get_args(Lever)[0])}
"""The kinds of levers by name."""


def _numbered(levers: tuple[LeverBase, ...]) -> tuple[LeverBase, ...]:
    return tuple(lever.placed(Place(number)) for number, lever in enumerate(levers, 1))


class Scenario(Model):
    """Decisions to be compared with going on as planned."""

    name: Key = Field(description="What the scenario is called.")
    why: Text = Field(description="The question behind it.")
    lever: Annotated[tuple[Lever, ...], AfterValidator(_numbered)] = Field(
        (), strict=False, description="What changes: a table per lever."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        found = contradiction(self.lever)
        if found:
            raise PydanticCustomError("contradiction", "{message}", found)
        return self

    def refuse(self, lever: LeverBase, key: str, what: str) -> InputError:
        """The error that says what is wrong with `key` of a lever, with its file and line where it came from one."""
        return refuse(lever, key, what)
