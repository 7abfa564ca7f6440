"""Progress and capacity put together: the setting that futures are drawn from, as of a day.

Only staffed teams take part, those whose capacity the log declares; without one there is nothing to draw.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from koers.engine import elasticity, kernel, pace, trend, work
from koers.engine.capacity import Floats, Organisation
from koers.engine.futures import AtDue, Setting, calibrated, elasticities, gained, moved
from koers.engine.grading import over
from koers.engine.history import Account, Past, Usual, account, done, partly_done, past, usual, usual_effort
from koers.engine.luck import Luck, Start, draw, sizes
from koers.engine.mornings import COUNTRY, mornings, number_of
from koers.engine.organisation import organisation
from koers.engine.outlook import TRENDS, counts_at, learn, outlook
from koers.engine.replay import Frames
from koers.engine.staffing import Staffing, staffing
from koers.events.errors import KoersError

LEAST_PASTS = 1_024
"""Futures that what is usual is learnt from, at least."""
CHUNK = 10_000
"""Futures held at a time: memory does not grow with their number."""
BATCHES = 16
WEEKS = 13
"""Weeks to simulate where no key result says how long."""


@dataclass(frozen=True, slots=True)
class Coupled:
    """The setting of the futures, the rows of goals in the order of its axes, and which of them effort moves."""

    setting: Setting
    goals: pl.DataFrame
    movable: NDArray[np.bool_]  # not what is done already
    staff: Staffing
    before: Past
    now: Start  # where the first chunk of futures begins
    first: kernel.Futures  # those of the first chunk, week by week
    usual: Usual
    gain_se: Floats  # (key_result,) Monte Carlo error of the mean gain, progress
    hyper: pace.Hyper
    seed: int
    samples: int

    @property
    def learnt_nothing(self) -> bool:
        """Whether the elasticity is still the prior."""
        return bool(np.array_equal(self.setting.elasticity, elasticity.PRIOR))

    def chunks(self) -> Iterator[range]:
        """The replications, some at a time."""
        return (range(low, min(low + CHUNK, self.samples)) for low in range(0, self.samples, CHUNK))

    def start(self, chunk: range) -> Start:
        """Where some futures begin: each at the end of its own past."""
        if chunk.start == 0:
            return Start._make(part[:, : len(chunk)] for part in self.now)
        return account(self.before, self.seed, chunk).start

    def luck(self, replication: int) -> Luck:
        """The draws of one future, and where it begins: what `reference.play` takes."""
        one = range(replication, replication + 1)
        begin = account(self.before, self.seed, one).start
        return draw(self.setting.organisation, self.seed, one, begin)

    def futures(self, chunk: range) -> tuple[kernel.Futures, Floats]:
        """Some futures, and the progress that is gained in each; weeks only in the first chunk."""
        if chunk.start == 0:
            drawn = self.first.up_to(len(chunk))
            return drawn, self._gained(self.setting, drawn, chunk)
        return self.run(chunk, self.start(chunk), self.setting.organisation)

    def run(self, chunk: range, start: Start, org: Organisation) -> tuple[kernel.Futures, Floats]:
        """Some futures of an organisation, and the progress that is gained in each."""
        drawn = kernel.run(org, self.seed, chunk, start=start)
        return drawn, self._gained(replace(self.setting, organisation=org), drawn, chunk)

    def _gained(self, setting: Setting, drawn: kernel.Futures, chunk: range) -> Floats:
        size = sizes(setting.organisation, self.seed, chunk)
        gain = gained(setting, drawn, size, elasticities(setting, self.seed, chunk))
        return np.where(self.movable[:, None], gain, 0.0)


def couple(
    frames: Frames,
    goals: pl.DataFrame,
    readings: pl.DataFrame,
    as_of: date,
    hyper: pace.Hyper | None = None,
    *,
    samples: int = 10_000,
    seed: int = 0,
    country: str = COUNTRY,
) -> Coupled | None:
    """Everything futures are drawn from at the end of `as_of`; None where the log declares no capacity.

    `frames` is a view as of then; `goals` and `readings` are its projections; `hyper` is what `outlook.learn` made of
    them, learnt here if None. Raises KoersError without samples, and for a `country` whose public holidays are not
    known.
    """
    if samples < 1:
        raise KoersError(f"{samples} samples: a forecast needs at least one future")
    staff = staffing(frames, as_of, country)
    if staff is None:
        return None
    hyper = hyper or learn(goals, readings, as_of)
    own = _moved(goals, staff, as_of)
    last = max(own["due"], default=as_of + timedelta(weeks=WEEKS))
    days = mornings(as_of, last, country)
    at_due, probability, movable = _at_due(own, goals, readings, hyper, as_of)
    before, chunk = past(staff, goals, own), range(max(min(samples, CHUNK), LEAST_PASTS))
    org = organisation(staff, own, days, _pace(own, readings, hyper, as_of, days))
    was = account(before, seed, chunk)
    org = partly_done(org, done(before, staff, was.change))
    learnt = elasticity.posterior(goals, readings, work.effort(frames), hyper, as_of)
    expected = usual(before, org, was, seed, chunk)
    setting = Setting(
        organisation=org,
        at_due=at_due,
        usual=expected.effort,
        typical=expected.typical,
        elasticity=learnt,
        own=at_due.scale,
        shift=np.zeros((2, own.height)),
        scatter=np.zeros((own.height, 1)),
    )
    first = kernel.run(org, seed, chunk, size=was.size, start=was.start, weekly=True)
    e = elasticities(setting, seed, chunk)
    by_effort = np.where(movable[:, None], moved(setting, first.effort, was.size, e), 0.0)
    error = _gain_se(setting, was, expected, first.effort, e)
    setting = calibrated(setting, by_effort, probability)
    return Coupled(setting, own, movable, staff, before, was.start, first, expected, error, hyper, seed, samples)


def _gain_se(setting: Setting, was: Account, expected: Usual, effort: Floats, e: Floats) -> Floats:
    """Error of the mean of what `moved` says, (key_result,): by batches that each learn what is usual."""
    means = []
    for own in np.array_split(np.arange(effort.shape[1]), BATCHES):
        seen, then, later = (part[:, own] for part in (was.effort, *expected.played))
        usual_ = usual_effort(seen, then, later, was.size[:, own], setting.organisation)
        means.append(moved(replace(setting, usual=usual_), effort[:, own], was.size[:, own], e[own]).mean(axis=1))
    return np.asarray(np.std(means, axis=0, ddof=1) / np.sqrt(BATCHES))


def _moved(goals: pl.DataFrame, staff: Staffing, as_of: date) -> pl.DataFrame:
    """The key results that effort of staffed teams goes to from now on."""
    kept = pl.col("dropped_on").is_null() | (pl.col("dropped_on") > as_of)
    own = goals.filter(~over(as_of) & kept & (pl.col("kind") != "control") & pl.col("team").is_in(staff.teams))
    return own.sort("key_result")


def _at_due(
    own: pl.DataFrame, goals: pl.DataFrame, readings: pl.DataFrame, hyper: pace.Hyper, as_of: date
) -> tuple[AtDue, Floats, NDArray[np.bool_]]:
    """What Progress says, in the order of `own`: beliefs, probabilities (target, counts), and what effort can move."""
    count = own.height
    at = AtDue(*(np.full(count, fill) for fill in (0.0, 1.0, 3.0, 1.0, 1.0, np.nan)))
    probability = np.zeros((2, count))
    on_trend = own["kind"].is_in(TRENDS).to_numpy()
    rows = own.filter(on_trend)
    ahead, _ = trend.look_ahead(rows, readings, hyper, as_of)
    share = np.array([counts_at(ambition) for ambition in rows["ambition"]])
    belief = ahead.at_due
    counts = np.where(ahead.threshold > 0, share, 1.0) * ahead.threshold
    for part, values in zip(at, (belief.mean, belief.scale, belief.df, ahead.threshold, counts), strict=False):
        part[on_trend] = values
    probability[:, on_trend] = ahead.probability(), ahead.probability(share)
    binary = own.filter(~on_trend)
    seen = outlook(goals, readings, as_of, binary["key_result"], hyper)
    reached = {
        name: (p, on is None) for name, p, on in seen.select("key_result", "probability", "reach_on").iter_rows()
    }
    probability[:, ~on_trend] = [reached[name][0] for name in binary["key_result"]]
    at.hazard[~on_trend] = -np.log1p(-probability[0, ~on_trend])
    return (
        at,
        probability,
        on_trend | np.array([reached.get(name, (0, True))[1] for name in own["key_result"]], dtype=np.bool_),
    )


def _pace(own: pl.DataFrame, readings: pl.DataFrame, hyper: pace.Hyper, as_of: date, days: Sequence[date]) -> Floats:
    """Progress expected over the days up to each morning (key_result, day), where it is a rise.

    The last morning before due also takes the days up to due; a binary key result gains shares of the life it has left.
    """
    start, due = (np.array([number_of(day) for day in own[c]], dtype=np.float64)[:, None] for c in ("start", "due"))
    edge = np.array([number_of(day) for day in (as_of, *days)], dtype=np.float64)
    last = np.append(edge[1:], np.inf)[None, 1:] > due  # no later morning before due
    until = np.clip(np.where(last, due, edge[1:]), start, due)
    edges = np.hstack([np.maximum(start, edge[0]), until])
    on_trend = own["kind"].is_in(TRENDS).to_numpy()
    found = np.diff(edges, axis=1) / np.maximum(due - edges[:, :1], 1.0)
    found[on_trend] = np.diff(trend.expected(own.filter(on_trend), readings, hyper, edges[on_trend]), axis=1)
    return np.asarray(np.maximum(found, 0.0))
