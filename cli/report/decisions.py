"""What would change the answer, on the page for leadership: scenarios that were named, and what a search found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from koers.cli.capacity import figure, people
from koers.cli.effects import LITTLE
from koers.cli.report import says, words
from koers.cli.report.names import Names, name_of
from koers.cli.report.strips import strip
from koers.cli.text import percent
from koers.scenarios.model import MoveCapacity

if TYPE_CHECKING:
    from markupsafe import Markup

    from koers.cli.report.facts import Facts
    from koers.scenarios.compare import Comparison, Effect
    from koers.scenarios.worth import Option

SHOWN = 6
"""Effects of one decision that are shown, at most."""
FOUND = 5
"""Decisions of a search that are shown, at most."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a decision does to one key result or guardrail: before and after as a picture and in words."""

    title: str
    strip: Markup
    chances: str
    said: str
    good: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision: what it is and why, what it changes, and what that costs."""

    title: str
    why: str
    gain: str
    changes: tuple[Change, ...]
    rest: str
    costs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decisions:
    """Those asked about and those found, and what is to be said of the search."""

    named: tuple[Decision, ...]
    found: tuple[Decision, ...]
    said: str


def decisions(facts: Facts, known: Names) -> Decisions:
    """Everything there is to decide on."""
    found = facts.options.worth[:FOUND] if facts.options else ()
    named = tuple(asked(known, one, f"what-{n}") for n, one in enumerate(facts.named, 1))
    return Decisions(
        named=named,
        found=tuple(_found(known, option, f"found-{n}") for n, option in enumerate(found, 1)),
        said=_searched(facts),
    )


def asked(known: Names, one: Comparison, name: str) -> Decision:
    """A decision that was asked about, by its own name and reason; `name` is unique on a page."""
    return _decision(known, one, name_of(one.scenario.name), words.short(one.scenario.why, 600), name)


def _searched(facts: Facts) -> str:
    """What the search tried, and what to make of it."""
    if facts.options is None:
        return "No capacity is known, so there is nothing that a decision could be tried on."
    tried, worth = facts.options.tried, len(facts.options.worth)
    if not tried:
        return "A search found no decision to try: no key result is in doubt or lost that effort could move."
    how = (
        f"A search tried {tried} decisions: the fewest people moved to changing that make a key result likely, and "
        "giving up one that is lost."
    )
    if not worth:
        return f"{how} None of them brings a tenth of a key result more: none is worth taking."
    return f"{how} {worth} {'is' if worth == 1 else 'are'} worth a tenth of a key result or more{_best(worth)}."


def _best(worth: int) -> str:
    return f"; the best {FOUND} are shown" if worth > FOUND else ""


def _found(known: Names, option: Option, name: str) -> Decision:
    """A decision that a search found, with a name and a reason."""
    (lever,) = option.comparison.scenario.lever
    title = known.title(option.key_result)
    if not isinstance(lever, MoveCapacity):
        before = percent(option.comparison.key_results[option.key_result].baseline)
        why = f"It is as good as lost ({before}); its share of the effort goes to the other key results of the team."
        return _decision(known, option.comparison, f"Give up “{title}”", why, name)
    effect = option.comparison.key_results[option.key_result]
    who = people(lever.people)
    why = f"The fewest that make “{title}” likely: from {percent(effect.baseline)} to {percent(effect.scenario)}."
    what = f"Move {who} of {known.team(lever.team)} from running to changing"
    return _decision(known, option.comparison, what, why, name)


def _decision(known: Names, one: Comparison, title: str, why: str, name: str) -> Decision:
    dropped = {lever.key_result for lever in one.scenario.lever if lever.kind == "drop"}
    kept = {key: effect for key, effect in one.key_results.items() if key not in dropped}
    felt, rest = _felt(kept)
    broken, unmoved = _felt(one.guardrails)
    changes = [_change(known, key, kept[key], f"{name}-{n}") for n, key in enumerate(felt[:SHOWN], 1)]
    changes += [
        _change(known, key, one.guardrails[key], f"{name}-g{n}", risk=True) for n, key in enumerate(broken[:SHOWN], 1)
    ]
    more = [f"{len(felt) - SHOWN:,} more change as well"] if len(felt) > SHOWN else []
    left = [f"{rest:,} other key result{'' if rest == 1 else 's'}"] if rest else []
    left += [f"{unmoved:,} guardrail{'' if unmoved == 1 else 's'}"] if unmoved else []
    more += [f"no detectable difference for {words.listing(left)}"] if left else []
    text = "; ".join(more)
    return Decision(
        title=title,
        why=why,
        gain="It changes nothing: with these levers all stays as planned."
        if one.nothing
        else says.gain(one.overall["reached"]),
        changes=tuple(changes),
        rest=f"{text[:1].upper()}{text[1:]}." if text else "",
        costs=tuple(_costs(known, one)),
    )


def _felt(effects: Mapping[str, Effect]) -> tuple[Sequence[str], int]:
    """What can be detected, most first, and how many cannot."""
    found = [key for key, effect in effects.items() if effect.detectable]
    return sorted(found, key=lambda key: (-abs(effects[key].delta), key)), len(effects) - len(found)


def _change(known: Names, key: str, effect: Effect, name: str, *, risk: bool = False) -> Change:
    before, after = (percent(value) for value in (effect.baseline, effect.scenario))
    chances = f"{before} → {after}"
    picture = strip(name, f"from {before} to {after}", effect.scenario, effect.baseline, risk=risk)
    title = f"Risk: {known.rail(key)}" if risk else known.title(key)
    return Change(title, picture, chances, says.difference(effect), (effect.delta > 0) != risk)


def _costs(known: Names, one: Comparison) -> Iterator[str]:
    """What it does to running the business, team by team."""
    for row in one.running:
        said = []
        if abs(row.backlog.delta) >= LITTLE:
            said.append(
                f"work waiting at the end {figure(row.backlog.baseline)} → {figure(row.backlog.scenario)} person-days"
            )
        if abs(row.lost) >= LITTLE:
            said.append(f"{says.signed(row.lost, 1)} person-days of switching")
        if said:
            yield f"{known.team(row.team)}: {', '.join(said)}"
