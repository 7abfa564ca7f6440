"""The known model behind a synthetic log: which organisation is made up, and how its progress moves.

Progress moves by the model of `local_trend`: from one planned reading to the next it is Student-t around the filter's
forecast, which is that model with its unknowns integrated out. With `steady`, each key result keeps the sigma it
starts with, and progress is normal given it. Where run work is made up too (`known_work`), a rise that is expected
from one planned reading to the next is multiplied by 1 + e (change effort / its mean over the key result's life - 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy import special

from koers.engine import local_trend
from koers.engine.draws import uniform
from koers.engine.known_work import Work, ratios
from koers.engine.local_trend import Floats, Hyper, State, advance, update
from koers.engine.pace import DEFAULT
from koers.events.model import Direction, Kind

LIMIT = 1e3  # progress stays within: tails are heavy, numbers in a log are not boundless
SLACK = 10  # cadences after the end of a cycle by which all of it is recorded, and more
RATES = ("lumpy", "late", "forgotten", "wrong", "retargeted", "silent", "confident", "projected")


class Measure(NamedTuple):
    """What a key result measures. Baseline and way are drawn between two values and rounded to `digits`.

    The way is target - baseline, negative where less is better. A control kind has limits: its level is drawn between
    the two values of `baseline` and shaken by one between those of `way`.
    """

    title: str
    unit: str
    kind: Kind
    baseline: tuple[float, float]
    way: tuple[float, float]
    digits: int
    lower: float | None = None
    upper: float | None = None

    @property
    def direction(self) -> Direction:
        """The direction that goes with the way or the limits."""
        if self.kind != "control":
            return "increase" if self.way[0] > 0 else "decrease"
        if self.lower is None:
            return "maintain_below"
        return "maintain_above" if self.upper is None else "maintain_between"


METRICS = (
    Measure("Requests handled without a call", "%", "metric", (10, 50), (15, 40), 1),
    Measure("Median lead time of a change", "days", "metric", (9, 20), (-7, -3), 2),
    Measure("Net promoter score", "points", "metric", (-40, -10), (15, 35), 1),
    Measure("Result per month", "kEUR", "metric", (-250, -50), (60, 300), 0),
    Measure("Share of letters sent back", "share", "metric", (0.08, 0.2), (-0.07, -0.04), 4),
    Measure("Temperature of the cold store", "degrees C", "metric", (-14, -8), (-9, -5), 2),
    Measure("People who log in per month", "people", "metric", (2_000, 90_000), (1_000, 20_000), 0),
)
MEASURES = (
    *METRICS,
    Measure("Guides written by their users", "guides", "milestone", (0, 0), (8, 24), 0),
    Measure("Pilot runs", "done", "binary", (0, 0), (1, 1), 0),
    Measure("Phone answered within a minute", "%", "control", (80, 88), (2, 5), 1, lower=80.0),
    Measure("Hours to restore a service", "hours", "control", (3, 4), (0.3, 1), 2, upper=4.0),
    Measure("Stock of spare parts", "weeks", "control", (4, 6), (0.5, 1.5), 1, lower=3.0, upper=7.0),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What organisation to make up. Rates are shares, within [0, 1]. Raises ValueError for what makes no log.

    `bias`: of owners who say p, a share p' is right with logit p' = bias[0] + bias[1] logit p (Buehler et al. 1994,
    and our inference); `mood` is the spread of logit p from one check-in to the next. The rates are our inference.
    """

    teams: tuple[str, ...] = ("team-1", "team-2", "team-3", "team-4")  # keys: draws hang on them, and on nothing else
    cycles: int = 5  # the last one is under way
    key_results: int = 4  # per team and cycle
    first_day: date = date(2025, 1, 1)
    days: int = 91  # per cycle
    cadence: int = 7  # days between planned check-ins
    measures: tuple[Measure, ...] = MEASURES
    hyper: Hyper = DEFAULT
    steady: bool = False  # whether a key result keeps its sigma
    lumpy: float = 0.15  # key results whose progress is reported in steps
    late: float = 0.15  # check-ins recorded 1 day to 2 cadences after the day they hold for
    forgotten: float = 0.1  # check-ins
    wrong: float = 0.03  # check-ins whose value is corrected 1 day to 2 cadences later
    retargeted: float = 0.3  # of key results behind schedule in mid-life: these get an easier target
    silent: float = 0.1  # key results without an outcome recorded: their last check-in is graded
    confident: float = 0.8  # check-ins that give a confidence
    projected: float = 0.4  # check-ins that give a projection
    bias: tuple[float, float] = (-0.5, 0.6)
    mood: float = 0.3
    work: Work | None = None  # run work, capacity and effort: None for a log without

    def __post_init__(self) -> None:
        if not all(self.teams) or not 0 < len(self.teams) == len(set(self.teams)):
            raise ValueError("teams need names, each its own")
        if min(self.cycles, self.key_results) < 1 or self.days < 2 or not self.measures:
            raise ValueError("a log needs a cycle of two days, a key result and a measure")
        if not 1 <= self.cadence <= 366:
            raise ValueError("a cadence is 1 to 366 days")
        for name in RATES:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share, from 0 to 1")
        if self.bias[1] <= 0 or self.mood < 0:
            raise ValueError("bias needs a slope above 0, and mood cannot be negative")
        if self.cycles * self.days > (date.max - self.first_day).days - SLACK * self.cadence:
            raise ValueError("the last cycle would end after the year 9999")

    def cycle_days(self, nth: int) -> tuple[date, date]:
        """First and last day of a cycle, counted from 0."""
        first = self.first_day + timedelta(days=nth * self.days)
        return first, first + timedelta(days=self.days - 1)

    @property
    def as_of(self) -> date:
        """The middle of the last cycle: nothing is recorded later."""
        return self.cycle_days(self.cycles - 1)[0] + timedelta(days=self.days // 2)


class Point(NamedTuple):
    """A planned reading, and what can be known from it of the end: its centre and scale, all in progress."""

    day: date
    x: float
    centre: float
    scale: float  # 0 at due
    df: float  # of a Student-t; infinite where sigma is known

    def chance(self, target: float) -> float:
        """P(x at due >= target)."""
        t = (self.centre - target) / self.scale if self.scale else math.copysign(math.inf, self.x - target)
        return float(special.ndtr(t) if math.isinf(self.df) else special.stdtr(self.df, t))


def path(s: Settings, seed: int, key: str, start: date, due: date, change: Floats | None = None) -> list[Point]:
    """Progress at each planned check-in and at due, as it is, with what its owner could know of the end by then.

    `change` is effort on each day of (start, due], in any unit; the owner expects the usual of what is to come.
    """
    h, life = local_trend.Settings.of(s.hyper), (due - start).days
    df = math.inf if s.steady else s.hyper.df
    shape = (s.hyper.df + 1) / 2
    own = s.hyper.scale**2 * shape / max(special.gammaincinv(shape, uniform(seed, "sigma", key)), 1e-12)
    state, found = local_trend.start(np.array(0.0), h), []
    offsets = [0, *range(s.cadence, life, s.cadence), life]
    pulls = [1.0] * len(offsets) if change is None or s.work is None else ratios(change, offsets)
    for (before, offset), pull in zip(pairwise(offsets), pulls, strict=False):
        level = state.level
        state = advance(state, np.array((offset - before) / life), h)
        if s.work is not None:
            rise = np.maximum(state.level - level, 0.0)
            state = state._replace(level=state.level + s.work.elasticity * rise * (pull - 1))
        u = uniform(seed, "step", key, offset)
        step = special.ndtri(u) if s.steady else special.stdtrit(df, u)
        x = float(np.clip(state.level + step * _scale(s, state, own), -LIMIT, LIMIT))
        state = update(state, np.array(x), h)
        then = advance(state, np.array(1 - offset / life), h)
        known = (float(then.level), _scale(s, then, own)) if offset < life else (x, 0.0)
        found.append(Point(start + timedelta(days=offset), x, *known, df))
    return found


def _scale(s: Settings, state: State, own: float) -> float:
    """Of a reading of the state; `own` is the sigma^2 that a steady key result keeps."""
    return math.sqrt((state.var_level + s.hyper.reading) * (own if s.steady else state.scale2))
