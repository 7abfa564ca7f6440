"""Levers with more or less to them: how strong one is, from nothing to the most."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from koers.engine.coupled import Coupled
from koers.events.columns import near
from koers.events.errors import InputError
from koers.scenarios.base import Place
from koers.scenarios.files import scenario_from_toml
from koers.scenarios.levers import pulled
from koers.scenarios.model import Scenario
from koers.scenarios.search_futures import key_result_of, team_of
from koers.scenarios.world import World, baseline

Lever = Any
"""One of the levers of `model`."""

STEPS = 1_000
"""Strengths from nothing to the most."""
STRENGTHS = {
    "move_capacity": ("people", 0.0),
    "hire": ("people", 0.0),
    "leave": ("people", 0.0),
    "set_policy": ("share", 0.0),
    "run_demand": ("factor", 1.0),
    "automation": ("run_demand_factor", 1.0),
    "absence": ("days", 0.0),
    "retarget": ("target", np.nan),
}
"""By kind of lever the key that says how strong it is, and its value at no strength; of a target, that in force."""


class Ladder(NamedTuple):
    """A lever from no strength to that given, in STEPS steps."""

    coupled: Coupled
    full: Lever
    key: str
    none: float
    most: float
    scenario: Scenario

    @property
    def from_nothing(self) -> bool:
        """Whether the lever at step 0 is none: a policy without a share is one all the same, and building costs."""
        return self.full.kind not in ("set_policy", "automation")

    def amount(self, step: int) -> float:
        """How strong it is at a step, in its own unit."""
        return float(f"{self.none + (self.most - self.none) * step / STEPS:.12g}")

    def lever(self, step: int) -> Lever:
        """The lever at a step."""
        amount = self.amount(step)
        if self.key == "share":
            return self.full.model_copy(update={"parameters": {**self.full.parameters, "share": amount}})
        return self.full.model_copy(update={self.key: amount})

    def world(self, step: int) -> World:
        """What the lever makes of the baseline at a step. Raises InputError where it does not fit."""
        return pulled(baseline(self.coupled), self.scenario.model_copy(update={"lever": (self.lever(step),)}))


def ladder(coupled: Coupled, lever: Lever) -> Ladder:
    """The strengths of a lever, up to that which it has. Raises InputError for one without."""
    scenario = Scenario(name="search", why="search", lever=(lever,))
    if lever.kind not in STRENGTHS or (lever.kind == "set_policy" and "share" not in lever.parameters):
        what = f"there is no more or less of it: name {', '.join(STRENGTHS)} (a policy: one with a share)"
        raise scenario.refuse(lever, "kind", what)
    key, none = STRENGTHS[lever.kind]
    most = lever.parameters["share"] if lever.kind == "set_policy" else getattr(lever, key)
    if lever.kind == "retarget":
        none = float(coupled.goals["target"][key_result_of(coupled, lever.key_result)] or 0.0)
    return Ladder(coupled, lever, key, none, float(most), scenario)


def lever_of(kind: str, said: Mapping[str, object], most: float) -> Lever:
    """A lever of that kind with `most` for its strength, and what else is said of it, by its keys in TOML.

    Raises InputError as a scenario file does, without a place.
    """
    if kind not in STRENGTHS:
        known = f"{near(kind, STRENGTHS)} (one of {', '.join(STRENGTHS)})"
        raise InputError(f"lever {kind!r} has no strength to search for{known}")
    key = STRENGTHS[kind][0]
    table: dict[str, object] = {"kind": kind, **{name: value for name, value in said.items() if value is not None}}
    if key == "share":
        given = table.get("parameters")
        table["parameters"] = {**(given if isinstance(given, Mapping) else {}), "share": most}
    else:
        table[key] = most
    lines = (f"{name} = {_toml(value)}\n" for name, value in table.items())
    try:
        text = 'name = "search"\nwhy = "search"\n[[lever]]\n' + "".join(lines)
        return scenario_from_toml(text).lever[0].placed(Place())
    except InputError as error:
        raise InputError(str(error).removeprefix(f"{error.where}: ").replace("lever 1 (", "lever (")) from None


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(str(name))} = {_toml(one)}" for name, one in value.items()) + " }"
    return value.isoformat() if isinstance(value, date) else json.dumps(value, ensure_ascii=False)


def most_of(coupled: Coupled, kind: str, said: Mapping[str, Any]) -> float:
    """What is looked at most, where nobody says: all people there are, as many newcomers, all capacity, no run work.

    Raises InputError where that hangs on something that is not there, or nothing can be said.
    """
    if kind in ("move_capacity", "leave", "hire") and said.get("team"):
        team = team_of(coupled, said["team"])
        days = baseline(coupled).days(said.get("from"), said.get("until"))
        people = coupled.setting.organisation.teams.people[team]
        return float((people[days] if days.any() else people).min())
    if kind == "retarget" and said.get("key_result"):
        return float(coupled.goals["baseline"][key_result_of(coupled, said["key_result"])] or 0.0)
    if kind == "absence":
        raise InputError("absence: say how many person-days at most (--at-most)")
    return 1.0 if kind in ("set_policy", "move_capacity", "leave", "hire") else 0.0
