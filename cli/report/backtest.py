"""The page of a backtest: how often what koers said came true, for people who decide by it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from koers.cli.report import words
from koers.cli.report.charts import Mark, Tone, interval_chart, reliability_diagram
from koers.cli.report.page import render

if TYPE_CHECKING:
    from datetime import date

    from markupsafe import Markup

    from koers.engine.judge import Score, Slice, Verdict
    from koers.engine.reliability import Bin
    from koers.engine.scoring import Interval

SHOWN = 30
"""Lines of a part at most: those with most goals."""
PARTS = {
    "elapsed": ("By share of the time gone", "time gone", "At the start of a key result little is known; later, more."),
    "kind": ("By kind of key result", "kind", ""),
    "team": ("By team", "team", "Of many teams a few look better or worse by chance alone."),
}
"""Heading, head of the column and a note, of each part."""
ABOUT = {
    "straight_line": "90% where progress keeps up with the time gone, else 10%",
    "drift": "the pace of the last four steps goes on, with its spread",
    "base_rate": "the share of all key results that were reached so far, whatever this one does",
    "logistic_reference": "how earlier goals with the same progress at the same time ended",
    "owner_confidence": "what the owner said at the latest check-in",
    "owner_projection": "90% where the final value that the owner expects meets the target, else 10%",
}
STATUS = "a product's status, worth the share of earlier key results with that status that were reached"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: its name, what it comes to, and its numbers as text."""

    name: str
    tone: Tone | None
    said: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the forecasts: a chart, the same in a table, and notes."""

    key: str
    heading: str
    head: str
    notes: tuple[str, ...]
    rows: tuple[Row, ...]
    chart: Markup


def backtest_page(verdict: Verdict, *, as_of: date, log_position: int, log_head: str, version: str) -> str:
    """One HTML page with the verdict, made of the log at this position, as of the end of a day."""
    sentence, rests = words.lead(verdict)
    own, rivals = verdict.scores[:1], sorted(verdict.scores[1:], key=_gained)
    return render(
        "backtest.html.j2",
        sentence=sentence,
        rests=rests,
        judged=bool(verdict.scores),
        findings=words.findings(verdict),
        bins=[_bin_row(part) for part in verdict.reliability],
        diagram=reliability_figure(verdict.reliability),
        methods=[_method_row(score) for score in (*own, *rivals)],
        differ=[words.method(score.method) for score in rivals if _differ(score)],
        rivals=method_figure(rivals),
        about=_about(rivals),
        sections=[_section(key, verdict.slices[key]) for key in PARTS if len(verdict.slices.get(key, ())) > 1],
        trust=_trust(verdict),
        as_of=as_of.isoformat(),
        log_position=f"{log_position:,}",
        log_head=log_head or words.NOTHING,
        version=version,
    )


def _bin_row(part: Bin) -> Row:
    band = f"{words.share(part.band_low)} to {words.share(part.band_high)}"
    cells = (words.share(part.attained), band, words.count(part.goals))
    return Row(words.share(part.forecast), "even" if part.consistent else "worse", words.bin_words(part), cells)


def reliability_figure(bins: Sequence[Bin], name: str = "reliability") -> Markup:
    """What was said against how often it came true, told in words as well; `name` is unique on a page."""
    told = (f"said {words.share(part.forecast)}, came true {words.share(part.attained)}" for part in bins)
    desc = f"On the diagonal, what was said came true as often as said. {'; '.join(told)}."
    return reliability_diagram(name, "What koers said, and how often it came true", desc, bins)


def _method_row(score: Score) -> Row:
    numbers = (words.score(score.brier), words.score(score.log), f"{score.goals:,}")
    if score.skill is None:
        return Row(words.method(score.method), None, "", ("", "", *numbers))
    tone = words.score_tone(score)
    cells = (words.within(relative(score.gain)), words.within(score.skill), *numbers)
    return Row(words.method(score.method), tone, words.SAID[tone], cells)


def relative(gain: Interval | None) -> Interval | None:
    """A gain in log score as how much more probability koers gave to what then happened."""
    if gain is None:
        return None
    return type(gain)(*(None if value is None else math.expm1(min(value, 100.0)) for value in gain))


def _differ(score: Score) -> bool:
    """Whether the two scores say different things of a method, and both say something."""
    tones = {words.score_tone(score), words.tone_of(score.skill)}
    return score.skill is not None and len(tones) > 1 and "few" not in tones


def method_figure(rivals: Sequence[Score], name: str = "methods") -> Markup:
    """koers against each method, what it gains most on last; `name` is unique on a page."""
    scores = sorted(rivals, key=_gained)
    marks = [_mark(words.method(score.method), relative(score.gain), words.score_tone(score)) for score in scores]
    desc = "How much more probability koers gave to what then happened, with its 95% interval."
    return interval_chart(name, "koers against what one would use instead", _told(desc, marks), marks)


def _gained(score: Score) -> float:
    mid = score.gain.mid if score.gain else None
    return math.inf if mid is None or math.isnan(mid) else mid


def _mark(name: str, interval: Interval | None, tone: Tone) -> Mark:
    low, mid, high = interval or (None, None, None)
    return Mark(words.short(name, 28), low, mid, high, tone, words.more(mid))


def _told(desc: str, marks: Iterable[Mark]) -> str:
    return f"{desc} {'; '.join(f'{mark.label} {mark.said}, {words.SAID[mark.tone]}' for mark in marks)}."


def _about(scores: Sequence[Score]) -> list[tuple[str, str]]:
    """What each method does that is not plain from its name."""
    names = [score.method for score in scores]
    told = [(words.method(name), ABOUT[name]) for name in ABOUT if name in names]
    rules = [words.method(name) for name in names if words.is_status(name)]
    return [*told, (words.listing(rules), STATUS)] if rules else told


def _section(key: str, parts: Sequence[Slice]) -> Section:
    heading, head, note = PARTS[key]
    shown = sorted(parts, key=lambda part: -part.goals)[:SHOWN] if len(parts) > SHOWN else list(parts)
    hidden = [part for part in parts if part not in shown]
    rows = [_slice_row(key, part) for part in shown]
    marks = [_mark(row.name, part.skill, words.tone_of(part.skill)) for row, part in zip(rows, shown, strict=True)]
    desc = _told("How much smaller koers' Brier score is than that of a straight line, with its 95% interval.", marks)
    notes = tuple(text for text in (note, _hidden(hidden)) if text)
    return Section(key, heading, head, notes, tuple(rows), interval_chart(f"by-{key}", heading, desc, marks))


def _slice_row(key: str, part: Slice) -> Row:
    tone = words.tone_of(part.skill)
    cells = (words.within(part.skill), words.score(part.brier), words.score(part.log), f"{part.goals:,}")
    said = words.SAID[tone] if part.skill else "a straight line says nothing here"
    return Row(words.slice_name(key, part), tone, said, cells)


def _hidden(parts: Sequence[Slice]) -> str:
    if not parts:
        return ""
    worse = sum(words.tone_of(part.skill) == "worse" for part in parts)
    return f"{len(parts):,} more with fewer key results are not shown; koers is worse in {worse or 'none'} of them."


def _trust(verdict: Verdict) -> list[str]:
    if not verdict.scores:
        return []
    own = verdict.scores[0]
    slope = words.slope_words(verdict.slope, verdict.slope_by_row)
    return [slope, words.coverage_words(own), words.dropped_words(verdict), words.assumed_words(verdict)]
