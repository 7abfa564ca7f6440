"""What a notebook shows of a result: a card of its own style, with the charts of the pages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from koers.cli.explain import sentence, told_parts
from koers.cli.report import says, words
from koers.cli.report.backtest import method_figure, reliability_figure
from koers.cli.report.decisions import Decision, asked
from koers.cli.report.details import detail
from koers.cli.report.names import Names, names
from koers.cli.report.page import render
from koers.cli.report.steps import steps
from koers.cli.report.strips import strip
from koers.cli.text import number, outlook, percent, plain

if TYPE_CHECKING:
    from markupsafe import Markup

    from koers.cli.report.facts import Seen
    from koers.engine.explained import Explanation
    from koers.engine.forecast import Forecast, KeyResultForecast
    from koers.engine.judge import Verdict
    from koers.scenarios.compare import Comparison

TITLE = 120
"""Cells of a title that are shown."""
LABEL = 42
"""Cells of what stands beside a number in a chart."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line: what it is about, a small picture, a number in its tone, and what goes with it."""

    title: str
    picture: Markup | None
    number: str
    tone: str
    aside: str


@dataclass(frozen=True, slots=True)
class Part:
    """Lines that belong together, what is said before them, and after."""

    title: str
    rows: tuple[Row, ...]
    leads: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """What is shown of a result, from top to bottom."""

    eyebrow: str
    headline: str
    leads: tuple[str, ...] = ()
    charts: tuple[Markup, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    parts: tuple[Part, ...] = ()

    def html(self) -> str:
        """The card as HTML; people's text in it is escaped."""
        return render("notebook.html.j2", card=self)


def _own(*of: object) -> str:
    """A name for the pictures of a card, so that two cards in one notebook do not share theirs."""
    return f"k{hashlib.sha256(repr(of).encode()).hexdigest()[:8]}"


def forecast_card(now: Forecast, before: Mapping[str, float]) -> Card:
    """The chance of each key result by objective; `before`: what it was a week earlier."""
    eyebrow = f"koers · forecast · as of {says.day(now.as_of)}"
    if not now.key_results:
        return Card(eyebrow, "There is no key result to speak of.", tuple(map(plain, now.warnings)))
    own = _own(now.as_of, now.known_at, now.log_head, now.seed, now.samples)
    groups: dict[str | None, list[Row]] = {}
    titles: dict[str | None, str] = {}
    for place, item in enumerate(now.key_results):
        titles[item.objective] = words.short(item.objective_title or item.objective or "Without an objective", TITLE)
        row = _chance(f"{own}-{place}", item, before.get(item.key_result))
        groups.setdefault(item.objective, []).append(row)
    found = says.count(now.key_results, now)
    expected = (
        f"Expected: {says.one(found.expected)} of {found.of:,} key results reached "
        f"({says.one(found.low)} to {says.one(found.high)} in 8 of 10 futures)."
    )
    parts = tuple(Part(titles[key], tuple(rows)) for key, rows in groups.items())
    return Card(eyebrow, says.headline(now), (expected,), parts=(*parts, *_noted(now.warnings)))


def _noted(warnings: Sequence[str]) -> Iterator[Part]:
    """What to read it with, if there is anything."""
    if warnings:
        yield Part("What to read it with", (), notes=tuple(f"Note: {plain(warning)}." for warning in warnings))


def _chance(name: str, item: KeyResultForecast, was: float | None) -> Row:
    title = words.short(item.title or item.key_result, TITLE)
    where = f"{number(item.value)}, target {says.quantity(item.target, words.short(item.unit, 20))}"
    if item.kind == "control":
        where = f"{number(item.value)}, to keep on {item.target:.0%} of days"
    if item.attained is not None:
        return Row(
            title, None, "reached" if item.attained else "missed", "likely" if item.attained else "unlikely", where
        )
    said = f"{percent(item.probability)}" + ("" if was is None else f"; a week ago {percent(was)}")
    picture = strip(name, said, item.probability, was)
    return Row(title, picture, percent(item.probability), outlook(item.probability), where)


def key_result_card(seen: Seen, item: KeyResultForecast) -> Card:
    """One key result: its course, its numbers and the latest notes."""
    now = seen.forecast
    own = _own(now.as_of, now.known_at, now.log_head, now.seed, now.samples, item.key_result)
    known = names(seen)
    told = detail(
        seen, Names(known.key_results, known.objectives, known.rails, known.teams, {item.key_result: own}), item
    )
    notes = tuple(f"{when}: {text}" for when, text in told.notes)
    eyebrow = f"koers · {item.key_result} · as of {says.day(now.as_of)}"
    return Card(
        plain(eyebrow), told.title, (told.said, *told.flags), (told.chart,), told.facts, (Part("", (), notes=notes),)
    )


def backtest_card(verdict: Verdict, as_of: date) -> Card:
    """How often what was said came true, and koers against what one would use instead."""
    eyebrow = f"koers · backtest · as of {says.day(as_of)}"
    first, rests = words.lead(verdict)
    if not verdict.scores:
        return Card(eyebrow, first, (rests,))
    own = _own(as_of, verdict)
    charts = [reliability_figure(verdict.reliability, f"{own}-r")] if verdict.reliability else []
    charts += [method_figure(verdict.scores[1:], f"{own}-m")] if len(verdict.scores) > 1 else []
    rows = tuple(
        Row(
            words.method(score.method),
            None,
            words.score(score.brier),
            "",
            f"log score {words.score(score.log)}, {words.goals(score.goals)}",
        )
        for score in verdict.scores
    )
    scores = Part("Brier score: 0 is perfect", rows, notes=(words.coverage_words(verdict.scores[0]),))
    findings = tuple(said for _, said in words.findings(verdict))
    return Card(eyebrow, first, (rests, *findings), tuple(charts), parts=(scores,))


def what_if_card(found: Sequence[Comparison], titles: Mapping[str, str], as_of: date, warnings: Sequence[str]) -> Card:
    """What each decision would change, most first, and what it costs."""
    own = _own(as_of, [(one.scenario, one.key_results) for one in found])
    known = Names(titles, titles, titles, {}, {})
    parts = tuple(_decided(asked(known, one, f"{own}-{place}")) for place, one in enumerate(found))
    how = (
        "Each decision is played in the same futures as going on as planned. The first interval is how well the "
        "simulation knows the difference (95 in 100); “may be” adds what is not known of the organisation."
    )
    return Card(
        f"koers · what if · as of {says.day(as_of)}",
        "What it would change, against going on as planned",
        (how,),
        parts=(*parts, *_noted(warnings)),
    )


def _decided(told: Decision) -> Part:
    rows = tuple(
        Row(change.title, change.strip, change.chances, "good" if change.good else "bad", change.said)
        for change in told.changes
    )
    return Part(told.title, rows, (told.why, told.gain), (told.rest, *told.costs))


def explanation_card(found: Explanation, title: str) -> Card:
    """Why a chance moved, step by step."""
    eyebrow = f"koers · why it moved · {says.day(found.since)} to {says.day(found.until)}"
    said = f"{sentence(found, words.short(title, TITLE))}."
    if not found.parts:
        return Card(eyebrow, said)
    taken = list(_taken(found))
    desc = "; ".join(f"{label}: {moved}" for label, _, moved in taken)
    before = (f"{says.day(found.since)}", found.before)
    chart = steps(_own(found), f"{title}: what moved its chance", desc, before, taken, says.day(found.until))
    return Card(eyebrow, said, charts=(chart,))


def _taken(found: Explanation) -> Iterator[tuple[str, float, str]]:
    for when, text, delta in told_parts(found.parts):
        yield words.short(f"{when}: {text}" if when else text, LABEL), delta, f"{says.signed(100 * delta, 1)}"
