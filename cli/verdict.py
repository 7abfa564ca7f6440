"""A backtest on the terminal: how often what was said came true, and what koers adds to other ways of saying it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from koers.cli.text import counted, plain

if TYPE_CHECKING:
    from koers.engine.judge import Score, Slice, Verdict
    from koers.engine.reliability import Bin, Slope
    from koers.engine.scoring import Interval

NAMES = {
    "koers": "koers",
    "straight_line": "a straight line",
    "drift": "the last four steps",
    "base_rate": "the base rate",
    "logistic_reference": "goals like this one",
    "owner_confidence": "the owner's confidence",
    "owner_projection": "the owner's projection",
    "viva": "Viva's status",
    "ally": "Ally's status",
    "upraise": "UpRaise's status",
    "tability": "Tability's status",
    "oboard": "Oboard's status",
}
"""What people call the methods of a backtest."""
LEAN = 0.25
"""An intercept (log odds) from which probabilities are called too low or too high."""
AXIS = 41
"""Cells of the reliability plot where there is room: one for every 2.5 points."""
NARROW, WIDE = 72, 100
"""Below and above these widths tables say less and more."""
ENOUGH = 5
"""Key results in a bin of which a sentence can be said."""
SHOWN = 12
"""Teams shown at most."""


def headline(verdict: Verdict) -> str:
    """The finding in two sentences."""
    own = verdict.scores[0]
    near = [part for part in verdict.reliability if part.goals >= ENOUGH]
    middle = max(near, key=lambda part: (0.5 < part.forecast < 0.9, part.goals), default=None)
    goals = counted(own.goals, "key result that has", "key results that have")
    said = f"{goals} ended, forecast {counted(own.origins, 'time')}."
    if middle is None or own.goals < 2:
        return said
    return f"{said} When koers said about {middle.forecast:.0%}, it came true in {middle.attained:.0%} of the cases."


def verdict_parts(verdict: Verdict, width: int) -> Iterator[Text | Table]:
    """The report, part by part."""
    yield Text(headline(verdict), style="bold")
    worse = [NAMES.get(score.method, score.method) for score in verdict.scores if score.verdict == "koers is worse"]
    if worse:
        yield Text(f"koers is not better everywhere: {' and '.join(worse)} did better here.", style="yellow")
    yield Text("\nWhat was said, and how often it came true", style="bold")
    yield _reliability(verdict.reliability, width)
    if verdict.slope is not None:
        yield Text("┼ what was said, ● what came true, ─ where a perfect forecaster would land", style="dim")
        yield Text(f"Slope {verdict.slope.slope:.2f}: {_slope_words(verdict.slope)}.", style="dim")
    yield Text("\nkoers against what one would use instead", style="bold")
    yield _methods(verdict.scores, width)
    yield Text("skill: how much smaller the Brier score of koers is, with its 95% interval", style="dim")
    for name, heading in (("elapsed", "By time gone"), ("kind", "By kind"), ("team", "By team")):
        if len(verdict.slices[name]) > 1:
            yield Text(f"\n{heading}", style="bold")
            yield _slices(verdict.slices[name], width)
    yield Text("\n" + _notes(verdict), style="dim")


def _reliability(bins: Sequence[Bin], width: int) -> Table:
    axis = min(AXIS, max(width - 18, 11))
    heads = ["said", "came true", "0%" + "50%".center(axis - 6) + "100%", "key results", ""]
    table = _table(*heads[: 5 if width >= NARROW else 3], left=2)
    for part in bins:
        plot = [" "] * axis
        low, high, said, true = (_cell(s, axis) for s in (part.band_low, part.band_high, part.forecast, part.attained))
        plot[low : high + 1] = "─" * (high + 1 - low)
        plot[said] = "┼"
        plot[true] = "●"
        goals = f"{part.goals:.0f}" if part.goals >= 1 else "<1"
        row = (
            f"{part.forecast:.0%}",
            f"{part.attained:.0%}",
            "".join(plot),
            goals,
            "" if part.consistent else "outside",
        )
        table.add_row(*row[: len(table.columns)])
    return table


def _cell(share: float, axis: int) -> int:
    return round(min(max(share, 0.0), 1.0) * (axis - 1))


def _slope_words(slope: Slope) -> str:
    bold = "neither too bold nor too shy"
    if slope.slope < 0.85:
        bold = "too bold: too near 0 and 100%"
    elif slope.slope > 1.15:
        bold = "too shy: too near the middle"
    level = "" if abs(slope.intercept) < LEAN else f", and on the whole too {'low' if slope.intercept > 0 else 'high'}"
    return f"the probabilities were {bold}{level}"


def _methods(scores: Sequence[Score], width: int) -> Table:
    narrow = width < NARROW
    table = _table("method", "Brier", "") if narrow else _table("method", "Brier", "log", "skill of koers", "")
    for score in scores:
        name = Text(NAMES.get(score.method, score.method), style="bold" if score.skill is None else "")
        few = score.goals < scores[0].goals
        name.append(f" ({score.goals} of them)" if few and width >= WIDE else "*" if few else "")
        if narrow:
            table.add_row(name, f"{score.brier:.3f}", SHORT.get(score.verdict, ""))
        else:
            table.add_row(name, f"{score.brier:.3f}", f"{score.log:.3f}", _interval(score.skill), score.verdict)
    return table


SHORT = {"koers is better": "better", "koers is worse": "worse", "no detectable difference": "no diff."}


def _slices(parts: Sequence[Slice], width: int) -> Table:
    narrow = width < NARROW
    table = (
        _table("", "Brier", "log")
        if narrow
        else _table("", "key results", "Brier", "log", "skill over a straight line")
    )
    for part in sorted(parts, key=lambda part: -part.goals)[:SHOWN] if len(parts) > SHOWN else parts:
        name, brier, log = Text(plain(part.name)), f"{part.brier:.3f}", f"{part.log:.3f}"
        if narrow:
            table.add_row(name, brier, log)
        else:
            table.add_row(name, f"{part.goals}", brier, log, _interval(part.skill))
    return table


def _interval(interval: Interval | None) -> str:
    if interval is None or interval.mid is None:
        return ""
    if interval.low is None or interval.high is None:
        return f"{interval.mid:.0%} (too few to tell)"
    return f"{interval.mid:.0%} ({interval.low:.0%} to {interval.high:.0%})"


def _notes(verdict: Verdict) -> str:
    own = verdict.scores[0]
    notes = ["Brier and log score: lower is better; each key result counts once."]
    if any(score.goals < own.goals for score in verdict.scores):
        notes.append("* has something to say of some key results only, and is compared on those.")
    if own.coverage80 is not None:
        notes.append(f"The 80% ranges held {own.coverage80:.0%} of the final values.")
    if verdict.dropped and verdict.kept is not None:
        notes.append(
            f"Dropped before due and counted as not reached: {counted(verdict.dropped, 'key result')}; "
            f"without them: Brier {verdict.kept.brier:.3f}, log {verdict.kept.log:.3f}."
        )
    if verdict.assumed:
        notes.append(
            f"{counted(verdict.assumed, 'fact carries', 'facts carry')} an assumed recording date: "
            "if known later, this is too kind."
        )
    return "\n".join(notes)


def _table(*heads: str, left: int = 0) -> Table:
    """Columns to the right, but for the one at `left`, which is text."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    for index, head in enumerate(heads):
        is_text = index == left or index == len(heads) - 1
        table.add_column(head, justify="left" if is_text else "right", no_wrap=True, overflow="ellipsis")
    return table
