"""Levers that cannot all be meant.

Levers claim things: the policy of a team, the fate of a key result. Two claims to one thing on a common day contradict
each other; levers that add up (people, absence, factors on run work) claim nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from koers.scenarios.model import Lever

_IN_TURN = "on common days: let one end (until) before the other begins (from)"


class _Claim(NamedTuple):
    """A claim of lever `number` to `thing` by way of `key`; `stance`: claims of one stance go together."""

    thing: tuple[str, ...]
    first: date
    last: date
    number: int
    key: str
    told: str
    stance: str | None = None


def contradiction(levers: Sequence[Lever]) -> dict[str, Any] | None:
    """The first two levers that contradict each other: their numbers `first`, `second`, the `key` of the second that
    a person would change, `what` they both do, and all that as a `message`. None if all can be meant.
    """
    claims: dict[tuple[str, ...], list[_Claim]] = defaultdict(list)
    for number, lever in enumerate(levers, 1):
        for claim in _claims(lever, number):
            claims[claim.thing].append(claim)
    pairs = [pair for claimed in claims.values() for pair in _overlaps(claimed)]
    if not pairs:
        return None
    first, second = min(pairs, key=lambda pair: (pair[1].number, pair[0].number))
    names = " and ".join(f"lever {claim.number} ({levers[claim.number - 1].kind})" for claim in (first, second))
    found = {"first": first.number, "second": second.number, "key": second.key, "what": second.told}
    return found | {"message": f"{names} {second.told}"}


def _overlaps(claims: list[_Claim]) -> Iterator[tuple[_Claim, _Claim]]:
    """Pairs that share a day, lower number first. Sorted by first day, some pair does only if two neighbours do."""
    for one, other in pairwise(sorted(claims, key=lambda claim: (claim.first, claim.number))):
        if other.first <= one.last and (one.stance is None or one.stance != other.stance):
            yield (one, other) if one.number < other.number else (other, one)


def _claims(lever: Lever, number: int) -> Iterator[_Claim]:
    """What a lever claims. Without `from` it begins on the day after the as-of day, which is before any other."""
    first, last = lever.since or date.min, lever.until or date.max
    for thing, key, told in _on_its_days(lever):
        yield _Claim(thing, first, last, number, key, f"{told} {_IN_TURN}")
    for thing, key, told in _for_good(lever):
        yield _Claim(thing, date.min, date.max, number, key, f"{told}: keep one")
    if lever.kind == "move_capacity" and lever.to_team is None:
        told = f"move people of team {lever.team!r} both ways on the same days: keep what is left of it"
        yield _Claim(("move", lever.team, str(first), str(last)), first, last, number, "to", told, lever.to)


def _on_its_days(lever: Lever) -> Iterator[tuple[tuple[str, str], str, str]]:
    if lever.kind == "set_policy":
        yield ("policy", lever.team), "policy", f"both set the policy of team {lever.team!r}"
        if "wip_limit" in lever.parameters:
            yield ("wip", lever.team), "parameters.wip_limit", f"both set the wip_limit of team {lever.team!r}"
    elif lever.kind == "wip_limit":
        yield ("wip", lever.team), "limit", f"both set the wip_limit of team {lever.team!r}"


def _for_good(lever: Lever) -> Iterator[tuple[tuple[str, str], str, str]]:
    if lever.kind in ("retarget", "drop"):
        yield ("key result", lever.key_result), "key_result", f"both decide on key result {lever.key_result!r}"
    elif lever.kind == "add":
        yield ("key result", lever.name), "key_result.key_result", f"both decide on key result {lever.name!r}"
    elif lever.kind == "initiative":
        yield ("initiative", lever.initiative), "initiative", f"both decide on initiative {lever.initiative!r}"
    elif lever.kind == "elasticity":
        whose = "of every key result" if lever.key_result is None else f"of key result {lever.key_result!r}"
        yield ("elasticity", lever.key_result or ""), "value", f"both set the elasticity {whose}"
