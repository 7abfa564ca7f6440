"""What all levers have in common: their days, and where they stand, which is no part of what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from koers.events.errors import InputError
from koers.events.model import Model
from koers.events.rules import broken_rule
from koers.scenarios.added import Day


@dataclass(frozen=True, slots=True)
class Place:
    """Where a lever stands: its number in the scenario (from 1), and line and column of its table and of its keys."""

    number: int | None = None
    file: str = ""
    line: int | None = None
    keys: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def of(self, key: str) -> tuple[int | None, int | None]:
        """Line and column of `key` (``parameters.share`` for one in a table), else of what it stands in."""
        while key and key not in self.keys:
            key = key.rpartition(".")[0]
        return self.keys.get(key, (self.line, None))


class LeverBase(Model):
    """What all levers have: the first day (`since`, in TOML `from`) and, if they can end, the last (`until`).

    Without `from`, a lever is pulled on the day after the as-of day. Where a lever stands in a file is no part of it:
    levers that say the same are equal.
    """

    model_config = ConfigDict(populate_by_name=True)
    since: Day | None = Field(None, alias="from", description="The first day; without it, the day after the as-of day.")
    _place: Place = PrivateAttr(default_factory=Place)

    @property
    def place(self) -> Place:
        """Where the lever stands."""
        return self._place

    def placed(self, place: Place) -> Self:
        """This lever, standing at `place`."""
        copy = self.model_copy()
        copy._place = place
        return copy

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LeverBase) and type(self) is type(other) and dict(self) == dict(other)

    def __hash__(self) -> int:
        values = (frozenset(value.items()) if isinstance(value, dict) else value for _, value in self)
        return hash((type(self), *values))


class Ending(LeverBase):
    """A lever that holds from a day up to a day."""

    until: Day | None = Field(None, description="The last day, included; without it, as long as is forecast.")

    @model_validator(mode="after")
    def _in_order(self) -> Ending:
        if self.since and self.until and self.until < self.since:
            raise broken_rule("until", f"until {self.until} lies before from {self.since}")
        return self


class ForGood(LeverBase):
    """A lever that nothing ends."""

    @property
    def until(self) -> None:
        """There is no last day."""
        return


def refuse(lever: LeverBase, key: str, what: str) -> InputError:
    """The error that says what is wrong with `key` of a lever, with its file and line where it came from one."""
    place = lever.place
    number = f"lever {place.number}" if place.number else "lever"
    return InputError(f"{number} ({getattr(lever, 'kind', '')}): {what}", place.file, *place.of(key))
