"""The known model of running and changing behind a synthetic log: run work that arrives, and what change is left.

Each morning items arrive, as many as a negative binomial says by weekday and by the level of the week, each with a
lognormal size. The team divides its morning by `capacity.split`; run work is done in the order it came. What a team
spends on change is what moves its key results (see `known_model.path`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from koers.engine.capacity import DUST, Floats, Policy, protected, split
from koers.engine.draws import normal, uniform
from koers.engine.mornings import COUNTRY, mornings, number_of

WEEKDAY = (1.25, 1.1, 1.0, 0.9, 0.75)
"""Arrivals by weekday over their mean, Monday first."""
BUSIEST = 500.0  # expected arrivals a morning, at most: a log is to be read
MOST = 10_000  # arrivals a morning, at most: tails are long
LEAST = 0.001  # person-days that an item takes, at least
POLICIES = ("run_first", "ring_fence", "fixed_split")
RUN_FIRST = Policy()
RANGES = ("people", "load", "size")
SHARES = ("load", "sized", "logged", "switch_loss", "elasticity")


@dataclass(frozen=True, slots=True)
class Work:
    """How much there is to run and who is there; of two values, each team's is drawn in between, evenly.

    Raises ValueError for what cannot be. Spread, scatter and level follow a help desk of 2010-13 (computed), `load` and
    `switch_loss` what is told of run shares and of people on two things; the rest is our inference.
    """

    people: tuple[float, float] = (4.0, 10.0)  # whole numbers
    load: tuple[float, float] = (0.4, 0.7)  # run work expected per person-day there is
    size: tuple[float, float] = (0.3, 0.8)  # mean person-days of an item
    spread: float = 0.5  # sd of the log of an item's size
    scatter: float = 2.8  # variance of a morning's arrivals over their mean, where that is the team's rate
    level_keep: float = 0.7  # AR(1) coefficient of the log level from week to week
    level_sd: float = 0.4  # of the log level
    policy: Policy = RUN_FIRST
    switch_loss: float = 0.17  # share of capacity lost per unit of change in the run share
    elasticity: float = 0.5  # of progress with respect to change effort
    sized: float = 0.9  # items whose effort is told when they are closed
    logged: float = 0.95  # weeks whose effort is logged
    country: str = COUNTRY  # whose holidays are kept

    def __post_init__(self) -> None:
        for name in RANGES:
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name} lies between two values above 0, the lower one first")
        for name in SHARES:
            if not 0 <= np.min(getattr(self, name)) <= np.max(getattr(self, name)) <= 1:
                raise ValueError(f"{name} is a share, from 0 to 1")
        if not (min(self.spread, self.level_sd) >= 0 and self.scatter > 1 and 0 <= self.level_keep < 1):
            raise ValueError("spread and level_sd are 0 or more, scatter above 1, level_keep from 0 to below 1")
        if self.policy.kind not in POLICIES:
            raise ValueError(f"policy is one of {', '.join(POLICIES)}")
        if self.people[0] < 1 or self.people[1] * self.load[1] / self.size[0] > BUSIEST:
            raise ValueError(f"a team has a person, and expects no more than {BUSIEST:g} items a morning")


class Truth(NamedTuple):
    """What a log of this team should teach. A morning's arrivals have mean rate x weekday x exp(log level - sd^2 / 2).

    So the level's mean over time is 1, and `rate` is what is expected in the long run.
    """

    people: float
    rate: float  # items per morning
    shape: float  # of the negative binomial: variance mean + mean^2 / shape
    size: float  # mean person-days of an item
    spread: float  # sd of the log of an item's size
    weekday: tuple[float, ...]  # factors on the rate, Monday first
    level_keep: float
    level_sd: float  # of the log level in the long run; its weekly shake has this times sqrt(1 - keep^2)
    elasticity: float


class Item(NamedTuple):
    """An item of run work."""

    key: str
    opened: date
    closed: date | None  # None: not while we looked
    effort: float  # person-days


class Morning(NamedTuple):
    """How a morning was spent, person-days, and what was left open at its end."""

    day: date
    run: float
    change: float
    backlog: float


class Told(NamedTuple):
    """All that happened to a team's work."""

    truth: Truth
    items: list[Item]
    mornings: list[Morning]

    def change(self, after: date, until: date) -> Floats:
        """Person-days of change effort per calendar day of (after, until], even over each week."""
        weekly = self.weeks()
        days = [after + timedelta(days=n + 1) for n in range((until - after).days)]
        return np.array([weekly.get(monday_of(day), (0.0, 0.0))[1] / 7 for day in days])

    def weeks(self) -> dict[date, tuple[float, float]]:
        """Person-days of run and change by the week's Monday, of weeks with a morning."""
        found: dict[date, tuple[float, float]] = {}
        for day, run, change, _ in self.mornings:
            so_far = found.get(monday_of(day), (0.0, 0.0))
            found[monday_of(day)] = (so_far[0] + run, so_far[1] + change)
        return found


def monday_of(day: date) -> date:
    """The Monday of its week."""
    return day - timedelta(days=day.weekday())


def truth(work: Work, seed: int, team: str) -> Truth:
    """The team's own numbers."""

    def drawn(name: str) -> float:
        low, high = getattr(work, name)
        return float(low + (high - low) * uniform(seed, name, team))

    people, size = float(round(drawn("people"))), drawn("size")
    rate = people * drawn("load") / size
    return Truth(
        people=people,
        rate=rate,
        shape=rate / (work.scatter - 1),
        size=size,
        spread=work.spread,
        weekday=WEEKDAY,
        level_keep=work.level_keep,
        level_sd=work.level_sd,
        elasticity=work.elasticity,
    )


def told(work: Work, seed: int, team: str, first: date, until: date) -> Told:
    """The team's mornings in the weeks from `first` to `until`; a later end changes nothing before it."""
    own, begin, until = truth(work, seed, team), monday_of(first), monday_of(until) + timedelta(days=6)
    days = mornings(begin - timedelta(days=1), until, work.country)
    level = _levels(own, seed, team, begin, until)
    queue: deque[list[float]] = deque()  # of [number of the item, person-days left]
    items: list[Item] = []
    spent: list[Morning] = []
    before = work.load[0]
    for day in days:
        for item in _arrivals(own, seed, team, day, level[monday_of(day)]):
            queue.append([len(items), item.effort])
            items.append(item)
        backlog = sum(left for _, left in queue)
        share = protected(work.policy, own.people, tripped=False, broken=False)
        run, change, _, _ = split(work.policy, own.people, backlog, share, before, work.switch_loss)
        for number in worked_off(queue, run):
            items[number] = items[number]._replace(closed=day)
        spent.append(Morning(day, run, change, backlog - run))
        before = run / own.people
    return Told(own, items, spent)


def _levels(own: Truth, seed: int, team: str, begin: date, until: date) -> dict[date, float]:
    """Log level by Monday."""
    found, level, sd = {}, 0.0, own.level_sd
    for n in range((until - begin).days // 7 + 1):
        monday = begin + timedelta(weeks=n)
        level = own.level_keep * level + sd * normal(seed, "work level", team, number_of(monday))
        sd = own.level_sd * float(np.sqrt(1 - own.level_keep**2))
        found[monday] = level
    return found


def _arrivals(own: Truth, seed: int, team: str, day: date, level: float) -> Iterator[Item]:
    mean = own.rate * own.weekday[day.weekday()] * float(np.exp(level - own.level_sd**2 / 2))
    for n in range(negative_binomial(uniform(seed, "arrivals", team, number_of(day)), mean, own.shape)):
        z = normal(seed, "size", team, number_of(day), n)
        effort = own.size * float(np.exp(own.spread * z - own.spread**2 / 2))
        yield Item(f"{team}-{day:%Y%m%d}-{n + 1}", day, None, round(max(effort, LEAST), 3))


def negative_binomial(u: float, mean: float, shape: float) -> int:
    """The number not exceeded with probability `u`: negative binomial, variance mean + mean^2 / shape."""
    count, chance = 0, (shape / (shape + mean)) ** shape
    total = chance
    while total < u and count < MOST:
        chance *= (shape + count) / (count + 1) * mean / (shape + mean)
        count, total = count + 1, total + chance
    return count


def worked_off(queue: deque[list[float]], effort: float) -> Iterator[int]:
    """Takes person-days off a queue of [number, person-days left], oldest first: the numbers of what is done."""
    while queue and queue[0][1] <= effort + DUST:
        number, left = queue.popleft()
        effort -= left
        yield int(number)
    if queue:
        queue[0][1] -= max(effort, 0.0)


def ratios(daily: Floats, offsets: list[int]) -> list[float]:
    """Effort over its mean, `daily` (day,), in each stretch between the days `offsets`, from 0 on; 1 where all is 0."""
    usual = daily.mean()
    return [float(daily[a:b].mean() / usual) if usual > 0 else 1.0 for a, b in pairwise(offsets)]
