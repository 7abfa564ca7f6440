"""The capacity model: what it takes, and one morning's decisions as small pure functions.

Effort is in person-days, shares are of a team's present capacity, one business day is one morning. `reference` runs
these functions as SimPy processes; `kernel` is their compiled twin. Both read an `Organisation`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

POLICIES = ("run_first", "ring_fence", "fixed_split", "buffer", "threshold", "rotation", "freeze")
MEASURES = ("backlog_per_person", "backlog_age")
CELLS = 256  # of a table of draws
NEVER = -1  # of days that have not come
DUST = 1e-9  # person-days: less backlog than this is rounding


@dataclass(frozen=True, slots=True)
class Policy:
    """How a team divides its mornings. `share` is what run work may not touch; the rest only some policies use."""

    kind: str = "run_first"
    share: float = 0.0  # of present capacity, within [0, 1]
    days: float = 0.0  # buffer: mornings in a row that may end with backlog before the share falls to 0
    upper: float = math.inf  # threshold: backlog, person-days per person, above which the share falls to 0
    lower: float = 0.0  # threshold: and below which it is back
    people: float = 0.0  # rotation: people on run duty
    guardrail: int = NEVER  # freeze: index of the guardrail


@dataclass(frozen=True, slots=True)
class Calendar:
    """The mornings to come, ascending; all (day,)."""

    day: Ints  # days since 1970-01-01
    week: Ints  # 0, 1, 2, ...: index of the Monday-to-Sunday week among `weeks`
    weeks: Ints  # (week,) Mondays, days since 1970-01-01, consecutive from that of the first day to come
    weekday: Ints  # 0 = Monday
    now: int  # index of the week for which the belief about the level of demand holds


@dataclass(frozen=True, slots=True)
class Teams:
    """The teams and what comes their way. Cells of a table are conditional means, so that means are exact.

    Demand of a morning in which the log level is l: with `cell` drawn and `bin` the level's,
    demand[team, weekday, bin, cell] x exp(l - centre of the bin) x size x factor.
    """

    key: tuple[str, ...]  # names the draws
    people: Floats  # (team, day) effective people: ramped up
    away: Floats  # (team, day) person-days of planned absence
    absence: Floats  # (team, cell) share of those present that is away unplanned, for a week
    demand: Floats  # (team, weekday, bin, cell) person-days
    factor: Floats  # (team, day) on demand: 1 unless a decision changes it
    given: Floats  # (team, day) person-days that arrived, where known: NaN where they are drawn
    level_low: float  # log level at the lower edge of the first bin
    level_step: float  # width of a bin, in logs
    level_mean: Floats  # (team,) belief about the log level in the week `calendar.now`
    level_sd: Floats  # (team,)
    level_keep: Floats  # (team,) AR(1) coefficient from week to week, within [0, 1)
    level_shake: Floats  # (team,) sd of the weekly innovation
    rate_sd: Floats  # (team,) sd of the log of the long-run rate: one draw per future
    size_sd: Floats  # (team,) sd of the log of person-days per unit of demand: one draw per future
    backlog: Floats  # (team,) person-days open before the first morning; they count as arrived the morning before
    run_share: Floats  # (team,) run share on the morning before the first one
    policies: tuple[Policy, ...]
    policy: Ints  # (team, day) index into policies
    switch_loss: Floats  # (team,) share of capacity lost per unit of change in the run share
    failure_demand: Floats  # (team,) extra demand per share of backlog that is overdue
    overdue_after: Ints  # (team,) mornings, >= 1
    wip_limit: Ints  # (team,) initiatives in progress at a time


@dataclass(frozen=True, slots=True)
class Guardrails:
    """Limits on a team's backlog at the end of a morning; all (guardrail,)."""

    key: tuple[str, ...]
    team: Ints
    measure: Ints  # index into MEASURES; age counts mornings since the oldest open work arrived
    upper: Floats  # broken above this


@dataclass(frozen=True, slots=True)
class KeyResults:
    """The key results that effort goes to, and their own dynamics; (key_result,) unless said."""

    key: tuple[str, ...]
    team: Ints
    weight: Floats
    active: NDArray[np.bool_]  # (key_result, day) whether it, or what follows when it is due, claims effort
    due: Ints  # days since 1970-01-01
    pace: Floats  # (key_result, day) progress expected over the days up to this morning, >= 0; 0 outside its life


@dataclass(frozen=True, slots=True)
class Initiatives:
    """Planned change work, in order of priority; (initiative,) unless said."""

    key: tuple[str, ...]
    team: Ints
    key_result: Ints  # NEVER where its team declares no capacity
    weight: Floats  # of its claim on the team's change work: that of its key result
    effort: Floats  # (initiative, cell) person-days still to do: equally likely conditional means, ascending
    start: Ints  # day since 1970-01-01 from which it may be worked on
    begun: NDArray[np.bool_]  # whether it is in progress already
    lag: Ints  # calendar days from finishing to impact
    impact: Floats  # progress, 0 where none is stated
    needs: NDArray[np.bool_]  # (initiative, initiative): the row waits for the column


@dataclass(frozen=True, slots=True)
class Organisation:
    """Everything a future is a function of, besides its draws."""

    calendar: Calendar
    teams: Teams
    guardrails: Guardrails
    key_results: KeyResults
    initiatives: Initiatives
    shared_days: float  # share of mornings on which all teams meet the same quantile of their demand


class Watch(NamedTuple):
    """What a policy remembers from morning to morning."""

    tripped: str = ""  # the kind of policy under which the share has fallen to 0; another begins anew
    waiting: int = 0  # mornings in a row that ended with backlog


class Split(NamedTuple):
    """Where a morning's capacity went, person-days: run + change + lost + idle = present."""

    run: float
    change: float
    lost: float
    idle: float


def present(people: float, away: float, absent: float) -> float:
    """Capacity of a morning, person-days: effective people less planned absence, times those not `absent` (0-1)."""
    return max(people - away, 0.0) * (1.0 - absent)


def arriving(drawn: float, backlog: float, overdue: float, failure_demand: float) -> float:
    """Run work that arrives, person-days: what is drawn, and more where work is left lying."""
    return drawn * (1.0 + failure_demand * (overdue / backlog if backlog > DUST else 0.0))


def older(backlog: float, recent: float) -> float:
    """Backlog that was there before the `recent` arrivals, person-days: work is done in the order it came."""
    left = backlog - recent
    return left if left > DUST else 0.0


def per_person(work: float, people: float) -> float:
    """Open run `work`, person-days per effective person; infinite where there is some and nobody."""
    if people > 0.0:
        return work / people
    return math.inf if work > DUST else 0.0


def watched(policy: Policy, watch: Watch, load: float) -> Watch:
    """What is remembered this morning; `load` is the open work per person, arrivals included."""
    tripped = watch.tripped == policy.kind
    if policy.kind == "buffer":
        tripped = watch.waiting > 0 and (tripped or watch.waiting >= policy.days)
    elif policy.kind == "threshold":
        tripped = load > policy.upper or (tripped and load >= policy.lower)
    else:
        tripped = False
    return Watch(policy.kind if tripped else "", watch.waiting)


def protected(policy: Policy, people: float, *, tripped: bool, broken: bool) -> float:
    """The share of present capacity that run work may not touch; `broken`: the policy's guardrail was, yesterday."""
    if policy.kind == "run_first" or tripped or (policy.kind == "freeze" and broken):
        return 0.0
    if policy.kind == "rotation":
        return max(1.0 - policy.people / people, 0.0) if people > 0.0 else 0.0
    return policy.share


def split(
    policy: Policy, capacity: float, backlog: float, share: float, run_share_before: float, switch_loss: float
) -> Split:
    """How the morning's `capacity` is spent. Moving between running and changing costs `switch_loss` of what moves.

    What run work leaves of its part goes to change work, except under a fixed split, where it is idle, and pays for
    the switching first.
    """
    run = min(backlog, (1.0 - share) * capacity)
    rest = capacity - run
    moved = abs(run_share(run, capacity, run_share_before) - run_share_before)
    lost = min(rest, switch_loss * moved * capacity)
    change = rest - lost
    if policy.kind == "fixed_split":
        change = min(change, share * capacity)
    return Split(run, change, lost, rest - lost - change)


def run_share(run: float, capacity: float, before: float) -> float:
    """Share of capacity that went to run work; as it was `before` where nobody was there."""
    return run / capacity if capacity > 0.0 else before


def in_progress(ready: list[bool], begun: list[bool], limit: int) -> list[bool]:
    """Which of a team's initiatives are worked on: those begun, then others that are ready, in order, to the limit."""
    free = limit - sum(r and b for r, b in zip(ready, begun, strict=True))
    chosen = []
    for is_ready, has_begun in zip(ready, begun, strict=True):
        new = is_ready and not has_begun and free > 0
        free -= new
        chosen.append(is_ready and (has_begun or new))
    return chosen
