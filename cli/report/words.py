"""Numbers as people say them, and what a verdict comes to in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from koers.cli.text import counted, outlook, plain, whole
from koers.cli.verdict import LEAN, NAMES

if TYPE_CHECKING:
    from koers.cli.report.charts import Tone
    from koers.engine.judge import Score, Slice, Verdict
    from koers.engine.reliability import Bin, Slope
    from koers.engine.scoring import Interval

MINUS = "\N{MINUS SIGN}"
NOTHING = "–"
FEW = 5
"""Goals below which nothing is read from a share."""
EARLY = 30
"""Goals below which a verdict is a first impression."""
STEEP = 0.15
"""Distance of the slope from 1 from which probabilities are called too bold or too shy; as in the terminal."""
MORE, FEWER = "more came true", "fewer came true"
TONES: dict[str, Tone] = {"koers is better": "better", "koers is worse": "worse", "no detectable difference": "even"}
SAID: dict[Tone, str] = {
    "better": "koers is better",
    "even": "no detectable difference",
    "worse": "koers is worse",
    "few": "too few goals to tell",
}


def share(value: float | None) -> str:
    """A share of 0-1 in per cent; only what is exactly none or all is called 0 or 100."""
    if value is None or not math.isfinite(value):
        return NOTHING
    said = whole(value)
    if said == 0 and value > 0:
        return "<1%"
    return ">99%" if said == 100 and value < 1 else f"{said}%"


def in_ten(value: float) -> str:
    """A share as a count of ten, by the number that is printed of it; "almost" where ten would be another outlook."""
    if value <= 0.0 or value >= 1.0:
        return "none" if value <= 0.0 else "all of them"
    said = whole(value)
    if not 5 <= said < 95:
        return "fewer than 1 in 20" if said < 5 else "at least 19 in 20"
    if not 8 <= said < 93:
        return f"about {1 if said < 8 else 19} in 20"
    tens = (said + 4) // 10
    return f"{'about' if outlook(tens / 10) == outlook(value) else 'almost'} {tens} in 10"


def more(value: float | None) -> str:
    """A relative difference in per cent, with its sign."""
    if value is None or math.isnan(value):
        return NOTHING
    if abs(value) >= 9.995:
        return f"under {MINUS}999%" if value < 0 else "over +999%"
    said = f"{100 * value:+.{0 if abs(value) >= 0.0095 else 1}f}"
    return f"{'0' if float(said) == 0.0 else said.replace('-', MINUS)}%"


def within(interval: Interval | None) -> str:
    """An interval of relative differences: the middle, and from where to where."""
    if interval is None or interval.mid is None:
        return NOTHING
    if interval.low is None or interval.high is None:
        return more(interval.mid)
    low, high = (more(end).removesuffix("%") for end in (interval.low, interval.high))
    return f"{more(interval.mid)} ({low} to {high})"


def score(value: float | None) -> str:
    """A Brier or log score."""
    return NOTHING if value is None or not math.isfinite(value) else f"{value:.3f}"


def count(value: float) -> str:
    """A number of goals, which a bin may hold parts of."""
    return "<1" if 0.0 < value < 0.5 else f"{value:,.0f}"


def goals(number: int) -> str:
    """A number of key results."""
    return counted(number, "key result")


def short(text: str, cells: int = 60) -> str:
    """People's text made harmless, in at most that many cells."""
    text = plain(text)
    return text if cell_len(text) <= cells else set_cell_size(text, cells - 1).rstrip() + "…"


def method(name: str) -> str:
    """What people call a method."""
    return NAMES.get(name) or short(name.replace("_", " "), 32)


def is_status(name: str) -> bool:
    """Whether a method is the status rule of a product."""
    return method(name).endswith("status")


def listing(parts: Sequence[str]) -> str:
    """One, two and three."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def tone_of(skill: Interval | None) -> Tone:
    """What an interval of the skill allows to say."""
    if skill is None or skill.low is None or skill.high is None:
        return "few"
    return "better" if skill.low > 0 else "worse" if skill.high < 0 else "even"


def score_tone(score: Score) -> Tone:
    """What the judge says of koers against a method."""
    return TONES.get(score.verdict, "few")


def spoken(verdict: Verdict) -> Bin | None:
    """The bin to speak of: between 50 and 90 % the one with most goals, else of all; None where all are thin."""
    large = [part for part in verdict.reliability if part.goals >= FEW]
    return max(large, key=lambda part: (0.5 < part.forecast < 0.9, part.goals), default=None)


def lead(verdict: Verdict) -> tuple[str, str]:
    """The finding in a sentence a leader understands, and what it rests on."""
    if not verdict.scores or not verdict.reliability:
        return (
            "No key result with check-ins has ended yet: there is nothing to judge koers by.",
            "Come back when a cycle has closed.",
        )
    own = verdict.scores[0]
    weight = sum(part.goals for part in verdict.reliability)
    said = sum(part.goals * part.forecast for part in verdict.reliability) / weight
    came = sum(part.goals * part.attained for part in verdict.reliability) / weight
    average = f"koers said {share(said)} on average and {share(came)} came true."
    rests = f"Over {goals(own.goals)} that {'has' if own.goals == 1 else 'have'} ended, forecast {own.origins:,} times"
    first = _first(spoken(verdict), own, average)
    rest = f"{rests}: too thin to speak of one probability by itself." if first == average else f"{rests}, {average}"
    return first, f"{rest} {_how_sure(verdict, own)}"


def _first(part: Bin | None, own: Score, average: str) -> str:
    if own.goals < FEW:
        return f"Only {goals(own.goals)} ended so far: too few to say how far koers can be trusted."
    if part is None:
        return average
    return (
        f"When koers said about {share(part.forecast)}, it came true in {share(part.attained)} of cases, "
        f"{in_ten(part.attained)}."
    )


def _how_sure(verdict: Verdict, own: Score) -> str:
    if own.goals < FEW:
        return "Read what follows as a table of facts, not as a verdict."
    bins = verdict.reliability
    low, high = (sum(bin_words(part) == said for part in bins) for said in (MORE, FEWER))
    off = [f"in {low} it came true more often"] * (low > 0) + [f"in {high} less often"] * (high > 0)
    found = (
        f"In {len(bins) - low - high} of {len(bins)} groups of forecasts what came true lies where it would if every "
        f"probability were right{'; ' + listing(off) if off else ''}."
    )
    return f"{found} Few key results have ended: these numbers can still move a lot." if own.goals < EARLY else found


def findings(verdict: Verdict) -> list[tuple[Tone, str]]:
    """koers against the rest in sentences, what it is not better at first."""
    found: dict[Tone, list[str]] = {"worse": [], "even": [], "few": [], "better": []}
    for rival in verdict.scores[1:]:
        found[score_tone(rival)].append(method(rival.method))
    told: list[tuple[Tone, str]] = []
    if found["worse"]:
        told.append(("worse", f"koers did worse than {listing(found['worse'])}."))
    told += [("worse", text) for text in _weak_spots(verdict)]
    if found["even"]:
        told.append(("even", f"No detectable difference between koers and {listing(found['even'])}."))
    if found["few"]:
        told.append(("few", f"Too few key results to tell koers from {listing(found['few'])}."))
    if found["better"]:
        told.append(("better", f"koers did better than {listing(found['better'])}."))
    return told


def _weak_spots(verdict: Verdict) -> list[str]:
    """Where a straight line was the better guide."""
    told = []
    for name, words in (("elapsed", "with {} of the time gone"), ("kind", "on key results of kind {}")):
        worse = [part for part in verdict.slices.get(name, ()) if tone_of(part.skill) == "worse"]
        where = listing([slice_name(name, part) for part in worse]) if worse else ""
        told += [f"koers did worse than a straight line {words.format(where)}."] if worse else []
    teams = verdict.slices.get("team", ())
    worse = [part for part in teams if tone_of(part.skill) == "worse"]
    if worse:
        named = listing(
            [short(part.name, 32) for part in worse[:3]] + ([f"{len(worse) - 3} more"] if worse[3:] else [])
        )
        told.append(f"It did worse than a straight line for {len(worse)} of {len(teams)} teams: {named}.")
    return told


def slice_name(group: str, part: Slice) -> str:
    """What people call a part of the forecasts."""
    return part.name.replace("-", "–") if group == "elapsed" else short(part.name)


def bin_words(part: Bin) -> str:
    """Whether what came true is what was said."""
    if part.consistent:
        return "as said"
    return MORE if part.attained > part.forecast else FEWER


def slope_words(slope: Slope | None, by_row: Slope | None) -> str:
    """Too bold, too shy, or neither."""
    if slope is None:
        return "There is no slope yet: it needs forecasts that differ, and key results both reached and missed."
    bold = "neither too bold nor too shy"
    if abs(slope.slope - 1.0) > STEEP:
        bold = "too bold: too near 0 and 100" if slope.slope < 1.0 else "too shy: too near the middle"
        bold += "%" if slope.slope < 1.0 else ""
    lean = "" if abs(slope.intercept) < LEAN else f", and on the whole too {'low' if slope.intercept > 0 else 'high'}"
    again = "" if by_row is None else f" Counting every forecast alike it is {_decimal(by_row.slope)}."
    return f"Slope {_decimal(slope.slope)} (1 is right): probabilities were {bold}{lean}.{again}"


def _decimal(value: float) -> str:
    return ">10" if value > 10 else f"{value:.2f}".replace("-", MINUS)


def coverage_words(own: Score) -> str:
    """Whether the 80 % ranges held 80 %."""
    held = own.coverage80
    if held is None:
        return "There is no final value yet to hold against the 80% ranges."
    noise = max(0.03, 2.0 * math.sqrt(0.16 / max(own.goals, 1)))
    fits = "about right" if abs(held - 0.8) <= noise else "too narrow" if held < 0.8 else "wider than they need to be"
    if own.goals < FEW:
        fits = "too few to tell"
    return f"The 80% ranges held {share(held)} of the final values: {fits}."


def dropped_words(verdict: Verdict) -> str:
    """What key results dropped before due do to the scores."""
    if not verdict.dropped:
        return "No key result was dropped before it was due."
    one = verdict.dropped == 1
    were = f"{goals(verdict.dropped)} {'was' if one else 'were'} dropped before due and count{'s' if one else ''}"
    if verdict.kept is None:
        return f"{were} as not attained; without {'it' if one else 'them'} nothing is left to score."
    kept = verdict.kept
    return (
        f"{were} as not attained. Without {'it' if one else 'them'}: {goals(kept.goals)}, "
        f"Brier {score(kept.brier)}, log score {score(kept.log)}."
    )


def assumed_words(verdict: Verdict) -> str:
    """What the backtest rests on where recording dates are missing."""
    if not verdict.assumed:
        return "Every fact carries the date on which it was recorded."
    facts = counted(verdict.assumed, "fact carries", "facts carry")
    return f"{facts} an assumed recording date: if known later, this is too kind."
