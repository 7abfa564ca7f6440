"""The page for leadership: are we on track, what moved, what would change it, and how far to trust that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from koers.cli.capacity import at_risk, broken_now
from koers.cli.report import says, words
from koers.cli.report.backtest import reliability_figure
from koers.cli.report.decisions import decisions
from koers.cli.report.details import details
from koers.cli.report.facts import SHOWN, Facts
from koers.cli.report.names import Names, names
from koers.cli.report.page import render
from koers.cli.report.running import balances, burdens, rails
from koers.cli.report.strips import strip
from koers.cli.text import Outlook, outlook, percent, points_moved
from koers.engine.judge import LINE

if TYPE_CHECKING:
    from markupsafe import Markup

    from koers.engine.explained import Part
    from koers.engine.forecast import Forecast, KeyResultForecast
    from koers.engine.judge import Verdict

CAUSES = 3
"""Causes of a change that are named, at most."""
FELT = 0.005
"""A cause that moved less is left out."""


@dataclass(frozen=True, slots=True)
class Line:
    """A key result in its objective: where its details are, its chance as a picture and as text."""

    anchor: str
    title: str
    strip: Markup | None
    chance: str
    tone: Outlook


@dataclass(frozen=True, slots=True)
class Card:
    """An objective with its key results, and what it comes to."""

    title: str
    why: str
    team: str
    tone: Outlook
    track: str
    said: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Objectives of one parent, and what they come to together."""

    title: str
    why: str
    said: str
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """A key result whose chance changed within the week, and why."""

    anchor: str
    title: str
    said: str
    strip: Markup
    causes: tuple[str, ...]


def leadership_page(facts: Facts, version: str, nothing: str) -> str:
    """The page as HTML; `nothing` is the sentence where there is no key result to speak of."""
    now, known = facts.forecast, names(facts, facts.named)
    return render(
        "leadership.html.j2",
        headline=says.headline(now) if now.key_results else nothing,
        any=bool(now.key_results),
        due=_next_due(now),
        figures=list(_figures(facts)) if now.key_results else [],
        groups=list(_groups(facts, known)),
        moved=_moved(facts, known),
        still=_still(facts),
        week_ago=says.day(facts.weeks[0].as_of) if facts.weeks else "",
        balances=list(balances(facts, known)),
        burdens=list(burdens(facts, known)),
        rails=list(rails(facts, known)),
        running=[_runs(known, item) for item in now.key_results if item.warning],
        decisions=decisions(facts, known),
        details=list(details(facts, known)),
        trust=_trust(facts.verdict),
        diagram=reliability_figure(facts.verdict.reliability) if _told(facts.verdict) else None,
        warnings=_warnings(now),
        as_of=now.as_of.isoformat(),
        day=says.day(now.as_of),
        known_at=f"{now.known_at:%Y-%m-%d %H:%M} UTC",
        log_position=f"{now.log_position:,}",
        log_head=now.log_head or words.NOTHING,
        seed=now.seed,
        samples=f"{now.samples:,}",
        config=now.config_hash,
        version=version,
    )


def _figures(facts: Facts) -> Iterator[tuple[str, str, str]]:
    """The numbers under the headline: a name, a number, and what goes with it."""
    now, items = facts.forecast, facts.forecast.key_results
    found = says.count(items, now)
    spread = f"{says.one(found.low)} to {says.one(found.high)} in 8 of 10 futures"
    yield "Expected to be reached", f"{says.one(found.expected)} of {found.of:,}", spread
    likely, *others = says.tally(items)
    yield likely[1], f"{likely[0]} of {found.of:,}", ", ".join(f"{number} {name.lower()}" for number, name in others)
    before = _before(facts)
    both = [(item.probability, before[item.key_result]) for item in items if item.key_result in before]
    if both:
        yield "Since last week", says.signed(sum(p - was for p, was in both), 1), "key results expected"
    rails = now.guardrails
    if rails:
        broken = sum(map(broken_now, rails))
        yield "Guardrails at risk", f"{sum(map(at_risk, rails))} of {len(rails)}", f"{broken or 'none'} broken now"


def _next_due(now: Forecast) -> str:
    """When the next key result is due, and in how many days."""
    coming = [item.due for item in now.key_results if item.attained is None]
    if not coming:
        return ""
    left = (min(coming) - now.as_of).days
    return f"{says.day(min(coming))}, in {left} day{'' if left == 1 else 's'}"


def _runs(known: Names, item: KeyResultForecast) -> tuple[str, str, str, str]:
    """A key result that is really running the business: anchor, title, owner, why."""
    key = item.key_result
    return known.anchor[key], known.title(key), words.short(item.owner or ""), words.short(item.warning or "", 200)


def _groups(facts: Facts, known: Names) -> Iterator[Group]:
    """Objectives by parent, those without one last; key results without an objective are a card of their own."""
    items = facts.forecast.key_results
    by_objective: dict[str | None, list[KeyResultForecast]] = {}
    for item in items:
        by_objective.setdefault(item.objective, []).append(item)
    parents = {name: facts.objectives.get(name or "", {}).get("parent") for name in by_objective}
    heads = {parent for parent in parents.values() if parent}
    home = {name: parent or (name if name in heads else None) for name, parent in parents.items()}
    for head in sorted(set(home.values()), key=lambda name: (name is None, name or "")):
        own = [name for name in by_objective if home[name] == head]
        cards = tuple(_card(facts, known, name, by_objective[name]) for name in own)
        row = facts.objectives.get(head or "", {})
        found = says.count([item for name in own for item in by_objective[name]])
        said = f"{says.one(found.expected)} of {says.key_results(found.of)} expected"
        yield Group(known.objective(head) if head else "", words.short(row.get("why") or "", 400), said, cards)


def _card(facts: Facts, known: Names, name: str | None, own: Sequence[KeyResultForecast]) -> Card:
    row, found = facts.objectives.get(name or "", {}), says.count(own)
    together = next((one.probability_all for one in facts.forecast.objectives if one.objective == name), None)
    ended = all(item.attained is not None for item in own)
    said = f"{says.one(found.expected)} of {found.of:,} {'reached' if ended else 'expected'}"
    if together is not None and not ended and found.of > 1:
        said += f"; all {found.of:,}: {percent(together)}"
    before = _before(facts)
    teams = list(dict.fromkeys(known.team(item.team) for item in own))
    return Card(
        title=known.objective(name) if name else "Without an objective",
        why=words.short(row.get("why") or "", 400),
        team=words.listing(teams) if len(teams) < 4 else f"{len(teams)} teams",
        tone=found.outlook,
        track=says.TRACK[found.outlook],
        said=said,
        lines=tuple(_line(known, item, before.get(item.key_result)) for item in own),
    )


def _before(facts: Facts) -> dict[str, float]:
    """The chance of each key result a week before."""
    return facts.weeks[0].probability if facts.weeks else {}


def _line(known: Names, item: KeyResultForecast, was: float | None) -> Line:
    title, anchor = known.title(item.key_result), known.anchor[item.key_result]
    if item.attained is not None:
        return Line(
            anchor, title, None, "reached" if item.attained else "missed", "likely" if item.attained else "unlikely"
        )
    said = f"{percent(item.probability)}, {says.SAID[outlook(item.probability)]}"
    said += "" if was is None else f"; a week ago {percent(was)}"
    return Line(
        anchor,
        title,
        strip(f"{anchor}-s", said, item.probability, was),
        percent(item.probability),
        outlook(item.probability),
    )


def _moved(facts: Facts, known: Names) -> list[Moved]:
    found = []
    for item, was in facts.moved[:SHOWN]:
        anchor = known.anchor[item.key_result]
        explained = facts.explanations.get(item.key_result)
        said = f"{says.points(item.probability, was)}, {percent(was)} → {percent(item.probability)}"
        picture = strip(f"{anchor}-m", said, item.probability, was)
        causes = tuple(_causes(explained.parts, int(points_moved(item.probability, was)))) if explained else ()
        found.append(Moved(anchor, known.title(item.key_result), said, picture, causes))
    return found


def _causes(parts: Sequence[Part], moved: int) -> Iterator[str]:
    """What moved it most, most first, in points that add up to those `moved`."""
    felt = sorted((part for part in parts if abs(part.delta) >= FELT), key=lambda part: -abs(part.delta))[:CAUSES]
    for part in felt:
        on = f" ({says.short_day(part.on)})" if part.on and says.short_day(part.on) not in part.text else ""
        yield f"{says.in_points(part.delta)} · {words.short(part.text, 160)}{on}"
    rest = moved - sum(round(100 * part.delta) for part in felt)
    if rest:
        yield f"{says.in_points(rest / 100)} · all else, and rounding"


def _still(facts: Facts) -> str:
    """What is said of those that did not move, or are not shown."""
    if not facts.weeks:
        return "There is no week before to compare with."
    before, movers = _before(facts), facts.moved
    still = sum(item.key_result in before for item in facts.forecast.key_results) - len(movers)
    new = sum(item.key_result not in before for item in facts.forecast.key_results)
    said = [f"{len(movers) - SHOWN:,} more moved by 5 points or more"] if len(movers) > SHOWN else []
    said += [f"{still:,} moved by less than 5 points"] if still else []
    said += [f"{new:,} {'was' if new == 1 else 'were'} not there a week ago"] if new else []
    return words.listing(said) + "." if said else ""


def _trust(verdict: Verdict) -> list[str]:
    """How past forecasts turned out: on average, at one chance, against a straight line, and how wide ranges were."""
    first, rests = words.lead(verdict)
    basis, _, sure = rests.partition(". ")
    if not _told(verdict):
        return [first, f"{basis.rstrip('.')}."]
    whole = [f"{basis}.", first, sure] if words.spoken(verdict) else [first, rests]
    kept = [text for text in (*whole, _against_line(verdict)) if text]
    return [*kept, words.coverage_words(verdict.scores[0]), words.assumed_words(verdict)]


def _told(verdict: Verdict) -> bool:
    """Whether enough has ended to say more than that it is too little."""
    return bool(verdict.scores) and verdict.scores[0].goals >= words.FEW


def _against_line(verdict: Verdict) -> str:
    """Whether koers did better than what one would draw with a ruler."""
    line = next((score for score in verdict.scores if score.method == LINE), None)
    if line is None:
        return ""
    tone, skill = words.score_tone(line), line.skill
    said = f"Against a straight line from start to target: {words.SAID[tone]}"
    if tone == "better" and skill is not None and None not in skill:
        low, mid, high = (words.share(value) for value in skill)
        said += f"; its Brier score, an error, is {mid} smaller ({low} to {high})"
    return f"{said}."


def _warnings(now: Forecast) -> list[str]:
    """What the forecast warns of, but for what the page says elsewhere."""
    elsewhere = {f"{item.key_result} is really running the business: {item.warning}" for item in now.key_results}
    kept = [text for text in now.warnings if text not in elsewhere and "assumed recording date" not in text]
    return [f"{words.short(text[0].upper() + text[1:], 400)}." for text in kept] if now.key_results else []
