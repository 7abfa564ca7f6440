"""What the page for leadership says, in words that can be read aloud in a meeting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from koers.cli.report import words
from koers.cli.text import Outlook, number, outlook, percent, points_moved

if TYPE_CHECKING:
    from koers.engine.forecast import Forecast, KeyResultForecast
    from koers.scenarios.compare import Effect

SAID: dict[Outlook, str] = {"likely": "likely", "doubtful": "in doubt", "unlikely": "unlikely"}
TRACK: dict[Outlook, str] = {"likely": "On track", "doubtful": "Partly on track", "unlikely": "Not on track"}
RESTS = {
    "prior": "no check-in yet: a declared assumption",
    "few check-ins": "fewer than three check-ins",
    "trend": "its own check-ins",
    "finished": "how it ended",
}
RANGE = (0.1, 0.9)


@dataclass(frozen=True, slots=True)
class Count:
    """How many key results are expected to be reached, of how many, and the range of 8 of 10 futures."""

    expected: float
    low: float
    high: float
    of: int

    @property
    def outlook(self) -> Outlook:
        """What the share of them comes to."""
        return outlook(self.expected / self.of) if self.of else "unlikely"


def count(items: Sequence[KeyResultForecast], forecast: Forecast | None = None) -> Count:
    """The expected number reached of `items`; of all of a `forecast` with capacity, as its futures say together.

    Else the range takes key results as independent.
    """
    whole = forecast.overall if forecast else None
    if whole is not None and whole.key_results == len(items):
        return Count(whole.expected_reached, whole.reached_low, whole.reached_high, len(items))
    chances = [item.probability for item in items]
    mass = np.ones(1)
    for chance in chances:
        mass = np.convolve(mass, [1.0 - chance, chance])
    low, high = (float(np.searchsorted(mass.cumsum(), level)) for level in RANGE)
    return Count(float(sum(chances)), low, high, len(items))


def headline(forecast: Forecast) -> str:
    """Are we on track, in one sentence. `forecast` has key results."""
    items = forecast.key_results
    if all(item.attained is not None for item in items):
        reached = sum(item.attained is True for item in items)
        return f"The cycle is over: {reached} of {key_results(len(items))} {'was' if reached == 1 else 'were'} reached."
    found = count(items, forecast)
    if found.of == 1:
        said = f"the one key result is {SAID[found.outlook]} to be reached, {in_ten(found.expected)}"
        return f"{TRACK[found.outlook]}: {said}."
    return f"{TRACK[found.outlook]}: we expect to reach {about(found.expected)} of {found.of:,} key results."


def about(expected: float) -> str:
    """An expected number as whole ones: 8 or 9."""
    whole, part = divmod(expected, 1.0)
    if expected < 0.25:
        return "none"
    if 0.25 <= part <= 0.75:
        return f"{whole:,.0f} or {whole + 1:,.0f}"
    return f"about {expected:,.0f}"


def in_ten(chance: float) -> str:
    """A chance as a count of ten, the ends as such."""
    ends = percent(chance)
    return f"a chance of {ends}" if ends in ("<1%", ">99%") else words.in_ten(chance)


def key_results(number: int) -> str:
    """So many key results."""
    return words.goals(number)


def one(value: float) -> str:
    """A number with at most one decimal."""
    return number(round(value, 1))


def quantity(value: float, unit: str) -> str:
    """A value with its unit: 26%, 20 calls."""
    return f"{number(value)}%" if unit == "%" else f"{number(value)} {unit}".rstrip()


def day(when: date) -> str:
    """13 November 2026."""
    return f"{when.day} {when:%B} {when.year}"


def short_day(when: date) -> str:
    """13 Nov."""
    return f"{when.day} {when:%b}"


def points(now: float, was: float) -> str:
    """The change between two chances as they are shown, in points: +13 points."""
    moved = points_moved(now, was)
    if moved == "0":
        return "unchanged" if percent(now) == percent(was) else "less than a point"
    return in_points(float(moved) / 100.0)


def in_points(delta: float) -> str:
    """A change of a chance in points: +13 points."""
    moved = signed(100 * delta)
    return f"{moved} point{'' if moved[1:] == '1' else 's'}"


def signed(value: float, digits: int = 0) -> str:
    """A difference with its sign; none as 0."""
    text = f"{value:+.{digits}f}"
    return text.replace("-", words.MINUS) if float(text) else "0"


def between(low: float, high: float, digits: int = 0) -> str:
    """From where to where; once if both ends read the same."""
    ends = signed(low, digits), signed(high, digits)
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def difference(effect: Effect) -> str:
    """What an effect on a chance comes to, with its intervals in points."""
    if not effect.detectable:
        return "no detectable difference"
    exact = between(100 * effect.low, 100 * effect.high)
    model = between(100 * effect.model_low, 100 * effect.model_high)
    interval = "" if exact == signed(100 * effect.delta) else f"{exact}; "
    return f"{in_points(effect.delta)} ({interval}may be {model})"


def gain(effect: Effect) -> str:
    """What a decision does to the number reached."""
    if not effect.detectable:
        return "No detectable difference in the number reached."
    exact = between(effect.low, effect.high, 2)
    model = between(effect.model_low, effect.model_high, 2)
    digits = 1 if abs(effect.delta) >= 0.05 else 2
    before, after = (f"{value:.{digits}f}" for value in (effect.baseline, effect.scenario))
    return (
        f"{signed(effect.delta, digits)} key results: {before} expected as planned, {after} with it "
        f"(interval {exact}; may be {model})."
    )


def tally(items: Sequence[KeyResultForecast]) -> list[tuple[int, str]]:
    """How many are likely, in doubt, unlikely, reached and missed: the likely first, of the others those there are."""
    going = [outlook(item.probability) for item in items if item.attained is None]
    ended = [
        (sum(item.attained is met for item in items), name) for met, name in ((True, "Reached"), (False, "Missed"))
    ]
    others = [(going.count("doubtful"), "In doubt"), (going.count("unlikely"), "Unlikely"), *ended]
    kept = [pair for pair in others if pair[0]]
    return [(going.count("likely"), "Likely"), *kept] if going or not kept else kept
