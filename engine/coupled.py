"""Progress and capacity put together: the setting that futures are drawn from, as of a day.

Only staffed teams take part, those whose capacity the log declares; without one there is nothing to draw.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from koers.engine import elasticity, kernel, work
from koers.engine.ahead import Ahead
from koers.engine.beliefs import beliefs, paces
from koers.engine.capacity import Floats, Organisation
from koers.engine.futures import (
    KNOTS,
    AtDue,
    Setting,
    elasticities,
    gained,
    moved,
    reached,
)
from koers.engine.grading import over
from koers.engine.history import Account, Past, account, done, noticed, partly_done, past
from koers.engine.learning import Learnt, learn
from koers.engine.luck import Luck, Start, draw
from koers.engine.mornings import COUNTRY, mornings
from koers.engine.organisation import organisation
from koers.engine.outlook import CEILING, FLOOR
from koers.engine.own_noise import bounded, calibrated
from koers.engine.replay import Frames
from koers.engine.staffing import Staffing, staffing
from koers.engine.usual import Usual, usual
from koers.events.errors import KoersError

LEAST_PASTS = 1_024
"""Futures that what is usual is learnt from, at least."""
CHUNK, LEAST_CHUNK, ROOM = 10_000, 2_000, 6_000_000
"""Futures held at a time, at most and at least; in between, ROOM over the number of teams and key results."""
SHOWN = 4_000
"""Futures of a chunk whose weeks are kept: quantiles of weeks are taken from them."""
WEEKS = 13
"""Weeks to simulate where no key result says how long."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the futures of one chunk are read by, and they themselves."""

    setting: Setting
    now: Start  # where each begins
    size: Floats  # (team, replication) of run work: see `luck.sizes`
    recent: Floats  # (team,) run share expected of the last five mornings
    first: kernel.Futures  # week by week
    usual: Usual


@dataclass(frozen=True, slots=True)
class Coupled(Drawn):
    """The first chunk of futures, the rows of goals in the order of its axes, and which of them effort moves."""

    goals: pl.DataFrame
    readings: pl.DataFrame
    days: list[date]  # the mornings to come
    until: date  # the day futures end with
    movable: NDArray[np.bool_]  # not what is done already
    probability: Floats  # (2, key_result) of the target, and of counting as reached: what Progress says
    ahead: Ahead  # what Progress says of those on a trend
    staff: Staffing
    before: Past
    taught: Learnt
    seed: int
    samples: int

    @property
    def learnt_nothing(self) -> bool:
        """Whether the elasticity is still the prior."""
        return bool(np.array_equal(self.setting.elasticity, elasticity.PRIOR))

    def chunks(self) -> list[range]:
        """The replications, some at a time."""
        return chunks(self.samples, len(self.staff.teams) + self.goals.height)

    def at(self, chunk: range) -> Coupled:
        """The same for another chunk, that learns what is usual from its own futures: chunks are independent."""
        if chunk.start == 0:
            return self
        was = account(self.before, self.seed, chunk)
        found = _drawn(self.setting, self.before, was, self.movable, self.probability, self.seed, chunk)
        return replace(self, **{field.name: getattr(found, field.name) for field in fields(Drawn)})

    def luck(self, replication: int) -> Luck:
        """The draws of one future, and where it begins: what `reference.play` takes."""
        one = range(replication, replication + 1)
        return draw(self.setting.organisation, self.seed, one, account(self.before, self.seed, one).start)

    def futures(self, chunk: range) -> tuple[kernel.Futures, Floats, Floats]:
        """The futures of this chunk, or the first of them, the progress gained in each, and their elasticities."""
        drawn, e = self.first.up_to(len(chunk)), elasticities(self.setting, self.seed, chunk)
        return drawn, self._gained(self.setting, drawn, self.size[:, : len(chunk)], e), e

    def run(self, chunk: range, start: Start, org: Organisation) -> tuple[kernel.Futures, Floats]:
        """The same futures of another organisation, and the progress that is gained in each."""
        start = Start._make(part[:, : len(chunk)] for part in start)
        size, e = self.size[:, : len(chunk)], elasticities(self.setting, self.seed, chunk)
        drawn = kernel.run(org, self.seed, chunk, size=size, start=start, means=0)
        return drawn, self._gained(replace(self.setting, organisation=org), drawn, size, e)

    def _gained(self, setting: Setting, drawn: kernel.Futures, size: Floats, e: Floats) -> Floats:
        return self.of_movable(gained(setting, drawn, size, e))

    def of_movable(self, gain: Floats) -> Floats:
        """`gain` (key_result, replication) without that of key results that effort does not move, in place."""
        gain[~self.movable] = 0.0
        return gain


def probabilities(coupled: Coupled) -> Floats:
    """P(target met) of each key result over all futures, (key_result,), within FLOOR and CEILING."""
    total = np.zeros(coupled.goals.height)
    for chunk in coupled.chunks():
        some = coupled.at(chunk)
        _, gain, e = some.futures(chunk)
        total += reached(some.setting, gain, e).sum(axis=1)
    return np.clip(total / coupled.samples, FLOOR, CEILING)


def chunks(samples: int, rows: int) -> list[range]:
    """The replications in parts of nearly one size, for an organisation of so many teams and key results.

    Memory does not grow with the number of futures, and little with that of teams.
    """
    count = -(-samples // min(CHUNK, max(LEAST_CHUNK, ROOM // max(rows, 1))))
    edges = [samples * n // count for n in range(count + 1)]
    return [range(low, high) for low, high in pairwise(edges)]


def couple(
    frames: Frames,
    goals: pl.DataFrame,
    readings: pl.DataFrame,
    as_of: date,
    learnt: Learnt | None = None,
    *,
    samples: int = 10_000,
    seed: int = 0,
    country: str = COUNTRY,
    until: date | None = None,
    staff: Staffing | None = None,
) -> Coupled | None:
    """Everything futures are drawn from at the end of `as_of`; None where the log declares no capacity.

    `frames` is a view as of then; `goals` and `readings` are its projections; `learnt` and `staff` are what `learn` and
    `staffing` made of them, worked out here if None. Futures end with the last key result, or on a later day `until`.
    Raises KoersError without samples, and for a `country` whose public holidays are not known.
    """
    if samples < 1:
        raise KoersError(f"{samples} samples: a forecast needs at least one future")
    staff = staff or staffing(frames, as_of, country)
    if staff is None:
        return None
    learnt = learnt or learn(goals, readings, as_of)
    own = _moved(goals, staff, as_of)
    last = max([*own["due"], *([until] if until else [])], default=as_of + timedelta(weeks=WEEKS))
    days = mornings(as_of, last, country)
    said = beliefs(own, goals, readings, learnt, as_of)
    before = past(staff, goals, own)
    chunk = range(max(len(chunks(samples, len(staff.teams) + own.height)[0]), LEAST_PASTS))
    before, was = noticed(before, account(before, seed, chunk), seed, chunk)
    org = organisation(staff, own, days, paces(own, said.ahead, as_of, days))
    org = partly_done(org, done(before, staff, was.change)) if _begun(org) else org
    bare = _bare(org, said.at_due, _elasticity(frames, goals, readings, learnt, as_of))
    found = _drawn(bare, before, was, said.movable, said.probability, seed, chunk)
    return Coupled(
        **{field.name: getattr(found, field.name) for field in fields(Drawn)},
        goals=own,
        readings=readings,
        days=days,
        until=last,
        movable=said.movable,
        probability=said.probability,
        ahead=said.ahead,
        staff=staff,
        before=before,
        taught=learnt,
        seed=seed,
        samples=samples,
    )


def _elasticity(frames: Frames, goals: pl.DataFrame, readings: pl.DataFrame, learnt: Learnt, as_of: date) -> Floats:
    if learnt.elasticity is not None:
        return learnt.elasticity
    return elasticity.posterior(goals, readings, work.effort(frames), learnt.trend, as_of)


def _bare(org: Organisation, at_due: AtDue, found: Floats) -> Setting:
    """The setting before anything is played, with the elasticity as `found`."""
    count = len(org.key_results.key)
    return Setting(
        organisation=org,
        at_due=at_due,
        usual=np.ones((len(KNOTS), count)),
        typical=np.ones(count),
        elasticity=found,
        most=np.ones(count),
        assumed=np.full(count, np.nan),
        own=np.tile(at_due.scale, (len(elasticity.GRID), 1)),
        shift=np.zeros((2, len(elasticity.GRID), count)),
        scatter=np.zeros((count, 1)),
    )


def _begun(org: Organisation) -> bool:
    return bool(org.initiatives.begun.any())


def _drawn(
    bare: Setting, before: Past, was: Account, movable: NDArray[np.bool_], probability: Floats, seed: int, chunk: range
) -> Drawn:
    """Futures and what is usual in them; of `bare` the organisation, beliefs and elasticity count."""
    org = bare.organisation
    expected = usual(before, org, was, seed, chunk)
    setting = replace(bare, usual=expected.learnt.usual, typical=expected.learnt.typical, most=np.ones_like(bare.most))
    first = kernel.run(
        org, seed, chunk, size=was.size, rate=was.rate, start=was.start, means=kernel.LOST + 1, weekly=SHOWN
    )
    e = elasticities(setting, seed, chunk)
    unchanged = expected.unchanged(org, expected.learnt.scale)
    relative = moved(setting, unchanged, was.size, np.ones_like(e))
    relative[~movable] = 0.0
    setting = bounded(setting, relative)
    return Drawn(
        setting=calibrated(setting, relative, e, probability),
        now=was.start,
        size=was.size,
        recent=was.run_share,
        first=first,
        usual=expected,
    )


def _moved(goals: pl.DataFrame, staff: Staffing, as_of: date) -> pl.DataFrame:
    """The key results that effort of staffed teams goes to from now on."""
    kept = pl.col("dropped_on").is_null() | (pl.col("dropped_on") > as_of)
    own = goals.filter(~over(as_of) & kept & (pl.col("kind") != "control") & pl.col("team").is_in(staff.teams))
    return own.sort("key_result")
