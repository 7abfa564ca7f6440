"""How a team may divide its mornings between run and change work: the policies, their parameters and their limits.

Every policy also takes settings of the team. What is said anew must fit (`parse_policy`); what a log holds already is
read as far as it fits (`read_policy`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Value = float | int | str


@dataclass(frozen=True, slots=True)
class Range:
    """What a parameter may be: a number within low..high, `whole` or not."""

    low: float
    high: float
    whole: bool = False

    def holds(self, value: object) -> bool:
        """Whether `value` is such a number."""
        if isinstance(value, bool) or not isinstance(value, float | int):
            return False
        return self.low <= value <= self.high and (not self.whole or float(value).is_integer())

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} from {self.low:g}" + (f" to {self.high:g}" if self.high < 1e9 else " up")


_SHARE, _AMOUNT, _COUNT = Range(0, 1), Range(0, 1e9), Range(1, 1e9, whole=True)

POLICIES: dict[str, tuple[str, ...]] = {
    "run_first": (),
    "ring_fence": ("share",),
    "fixed_split": ("share",),
    "buffer": ("share", "days"),
    "threshold": ("share", "upper", "lower"),
    "rotation": ("people",),
    "freeze": ("share", "guardrail"),
}
"""The parameters that each policy needs."""

PARAMETERS: dict[str, Range | None] = {
    "share": _SHARE,
    "days": _AMOUNT,
    "upper": _AMOUNT,
    "lower": _AMOUNT,
    "people": _AMOUNT,
    "guardrail": None,
}
"""Parameters and their ranges; None is the name of a KPI."""

SETTINGS: dict[str, Range] = {
    "switch_loss": _SHARE,
    "wip_limit": _COUNT,
    "ramp_up_days": Range(0, 1_000),
    "failure_demand": Range(0, 10),
    "overdue_after": _COUNT,
}
"""Settings of the team that any policy may carry, and their ranges."""

_ALSO_SAID = {"n": "people"}  # as in rotation(n)


@dataclass(frozen=True, slots=True)
class ReadPolicy:
    """A stored policy as far as it fits; `faults` says what did not, one sentence each."""

    policy: str
    parameters: dict[str, Value]
    faults: tuple[str, ...]


def parse_policy(policy: str, parameters: Mapping[str, object]) -> dict[str, Value]:
    """The parameters of a policy that is said anew: shares and amounts as float, whole numbers as int, names as text.

    Units: share, switch_loss 0-1 of capacity; days, overdue_after mornings; upper, lower person-days of backlog per
    person; people full-time equivalents; ramp_up_days calendar days; failure_demand extra arrivals per share of
    backlog overdue; wip_limit initiatives. Raises ValueError that says what does not fit and what to do.
    """
    needed = _needed(policy)
    for name in parameters:
        if name not in needed and name not in SETTINGS:
            raise ValueError(_unknown(policy, name, parameters))
    for name in needed:
        if name not in parameters:
            raise ValueError(f"{policy} needs {_list(needed)}: {name} is missing")
    parsed = {name: _value(name, value) for name, value in parameters.items()}
    if fault := _crossed(parsed):
        raise ValueError(fault)
    return parsed


def read_policy(policy: str, parameters: Mapping[str, object]) -> ReadPolicy:
    """A policy out of a log, which may be older than the rules: what does not fit is left out, and said.

    A policy that then lacks what it needs protects nothing: it is read as run_first. Never raises.
    """
    faults: list[str] = []
    fitting: dict[str, Value] = {}
    needed = POLICIES.get(policy, ())
    for name, value in parameters.items():
        try:
            if name not in needed and name not in SETTINGS:
                raise ValueError(_unknown(policy, name, parameters))  # noqa: TRY301 - told as the others are
            fitting[name] = _value(name, value)
        except ValueError as error:
            faults.append(str(error))
    unfit = _unfit(policy, fitting)
    if unfit:
        settings = {name: value for name, value in fitting.items() if name in SETTINGS}
        return ReadPolicy("run_first", settings, (*faults, f"{unfit}; it is read as run_first"))
    return ReadPolicy(policy, fitting, tuple(faults))


def _unfit(policy: str, fitting: Mapping[str, Value]) -> str:
    """Why a policy cannot work with these parameters, if so."""
    if policy not in POLICIES:
        return f"policy {policy!r} is not known"
    lacking = [name for name in POLICIES[policy] if name not in fitting]
    return f"{policy} lacks {_list(lacking)}" if lacking else _crossed(fitting)


def _needed(policy: str) -> tuple[str, ...]:
    if policy not in POLICIES:
        raise ValueError(f"policy {policy!r} is not known (one of {', '.join(POLICIES)})")
    return POLICIES[policy]


def _value(name: str, value: object) -> Value:
    allowed = PARAMETERS[name] if name in PARAMETERS else SETTINGS[name]
    if allowed is None:
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"{name} {value!r} is no name: write that of a KPI, in quotes")
        return value
    if not allowed.holds(value) or not isinstance(value, float | int):
        quoted = ", without quotes" if isinstance(value, str) else ""
        raise ValueError(f"{name} {value!r} does not fit: write {allowed}{quoted}")
    return int(value) if allowed.whole else float(value)


def _crossed(parsed: Mapping[str, Value]) -> str:
    """What is wrong between the limits of a threshold, if anything."""
    upper, lower = parsed.get("upper"), parsed.get("lower")
    if isinstance(upper, float) and isinstance(lower, float) and upper < lower:
        return f"upper {upper:g} is below lower {lower:g}: a threshold trips above upper and holds until below lower"
    return ""


def _unknown(policy: str, name: str, given: Iterable[str]) -> str:
    allowed = [*POLICIES.get(policy, ()), *SETTINGS]
    left = [other for other in allowed if other not in set(given)]
    alias = _ALSO_SAID.get(name)
    close = [alias] if alias in allowed else difflib.get_close_matches(name, left, n=1, cutoff=0.6)
    hint = f"; did you mean {close[0]}?" if close else f"; {policy} takes {', '.join(allowed)}"
    return f"parameter {name!r} is not one of {policy}{hint}"


def _list(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
