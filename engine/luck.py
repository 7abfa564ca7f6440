"""What futures draw: for each team and week one word of bits and one level, for each future a few numbers more.

A word's bytes 0 to 6 choose the cell of demand on Monday to Sunday, byte 7 that of the week's absence. On shared
mornings all teams take their byte from one common word. Everything is named by (seed, purpose, key, replication, week).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from koers.engine.capacity import CELLS, Floats, Ints, Organisation
from koers.engine.draws import normals, stream, successive_normals, words

Words = NDArray[np.uint64]
Rows = slice | Ints
ABSENCE_BYTE = 7


class Start(NamedTuple):
    """Where futures begin: the evening before the first morning; (team, replication) unless said."""

    backlog: Floats  # person-days
    run_share: Floats  # on the morning before
    tripped: Ints  # see `capacity.Watch`: index into POLICIES, 0 (which never trips) where none has
    waiting: Ints
    standing: Floats  # person-days open besides, all along, which the team cannot work on; below 0 where fewer are open
    broken: NDArray[np.bool_]  # (guardrail, replication)


class Luck(NamedTuple):
    """The draws of some futures, the last axis; what a morning's demand is, see `capacity.Teams`."""

    start: Start
    word: Words  # (team, week, replication)
    bin: NDArray[np.int32]  # (team, week, replication) of the log level
    scale: Floats  # (team, week, replication) person-days per unit of the demand table
    size: Floats  # (team, replication) of run work, relative to the belief's middle
    todo: Floats  # (initiative, replication) person-days still to do


class Common(NamedTuple):
    """What all teams share, (week, replication)."""

    word: Words
    mask: Words  # all ones in the bytes of shared mornings


def sizes(org: Organisation, seed: int, replications: range) -> Floats:
    """The size of run work in each future, relative to the belief's middle: (team, replication)."""
    z = _once(org, seed, "size", replications)
    z *= org.teams.size_sd[:, None]
    return np.exp(z, out=z)


def rates(org: Organisation, seed: int, replications: range) -> Floats:
    """How many `rate_sd` the log rate of run work is from the belief's middle in each future: (team, replication)."""
    return _once(org, seed, "rate", replications)


def common(org: Organisation, seed: int, replications: range) -> Common:
    """What all teams share in the futures `replications`."""
    r, when = _numbers(replications), _weeks(org)
    word, chance = (words(stream(seed, purpose, ""), r, when) for purpose in ("shared", "shock"))
    by_day = chance.astype("<u8", copy=False).view(np.uint8)  # byte after byte
    mask = np.negative((by_day < round(org.shared_days * 256)).view(np.uint8)).view("<u8").astype(np.uint64, copy=False)
    mask &= np.uint64((1 << 8 * ABSENCE_BYTE) - 1)  # absence is never shared
    return Common(word, mask)


def at_rest(org: Organisation, futures: int) -> Start:
    """Every future begins as `org` says."""
    teams, rails = (len(part.key) for part in (org.teams, org.guardrails))
    return Start(
        backlog=np.repeat(org.teams.backlog[:, None], futures, axis=1),
        run_share=np.repeat(org.teams.run_share[:, None], futures, axis=1),
        tripped=np.zeros((teams, futures), dtype=np.int64),
        waiting=np.zeros((teams, futures), dtype=np.int64),
        standing=np.zeros((teams, futures)),
        broken=np.zeros((rails, futures), dtype=np.bool_),
    )


def draw(org: Organisation, seed: int, replications: range, start: Start | None = None) -> Luck:
    """The draws of the futures `replications`, for all teams and initiatives; at rest unless they `start` elsewhere."""
    begun = known(org, seed, replications, start or at_rest(org, len(replications)))
    teams, rails, plans = (np.arange(len(part.key)) for part in (org.teams, org.guardrails, org.initiatives))
    return draw_for(org, teams, rails, plans, seed, replications, begun, fill)


class Known(NamedTuple):
    """What is known of futures before the teams are looked at one by one."""

    size: Floats  # (team, replication) see `sizes`
    rate: Floats  # (team, replication) see `rates`
    start: Start
    common: Common


def known(org: Organisation, seed: int, replications: range, start: Start) -> Known:
    """What is drawn of futures, which `start` somewhere, before the teams are looked at one by one."""
    once = sizes(org, seed, replications), rates(org, seed, replications)
    return Known(*once, start, common(org, seed, replications))


class Source(NamedTuple):
    """What weeks are drawn from."""

    org: Organisation
    seed: int
    r: Ints  # (replication,) numbers of futures, one after the other
    when: Ints  # (week, 1) numbers of weeks, one after the other
    rate: Floats  # (team, replication) see `rates`
    common: Common


class Weeks(NamedTuple):
    """A team's weeks, (week, replication) each: see Luck."""

    word: Words
    bin: NDArray[np.int32]
    scale: Floats  # at a size of 1


Fill = Callable[[Source, int, Weeks], None]


def fill(source: Source, t: int, into: Weeks) -> None:
    """Draw a team's weeks."""
    org, seed, r, when, rate, common = source
    own = words(stream(seed, "demand", org.teams.key[t]), r, when)
    np.bitwise_xor(own, (own ^ common.word) & common.mask, out=into.word)
    _place(org, _level(org, t, seed, r, when) + org.teams.rate_sd[t] * rate[t], into.bin, into.scale)


def draw_for(
    org: Organisation,
    teams: Ints,
    rails: Ints,
    plans: Ints,
    seed: int,
    replications: range,
    known: Known,
    fill: Fill,
) -> Luck:
    """The draws for some `teams`, guardrails (`rails`) and initiatives (`plans`) alone, weeks by `fill` or its twin."""
    r, when = _numbers(replications), _weeks(org)
    source, shape = Source(org, seed, r, when, known.rate, known.common), (len(teams), len(when), len(r))
    luck = Luck(
        start=start_of(known.start, teams, rails),
        word=np.empty(shape, np.uint64),
        bin=np.empty(shape, np.int32),
        scale=np.empty(shape),
        size=known.size[teams],
        todo=_todo(org, plans, seed, r),
    )
    for n, t in enumerate(teams):
        fill(source, t, Weeks(luck.word[n], luck.bin[n], luck.scale[n]))
        luck.scale[n] *= luck.size[n]
    return luck


def start_of(start: Start, teams: Rows, rails: Rows) -> Start:
    """Where some teams and guardrails begin."""
    return Start._make(part[rails] if name == "broken" else part[teams] for name, part in start._asdict().items())


def _once(org: Organisation, seed: int, purpose: str, replications: range) -> Floats:
    """A standard normal draw for each team and future, (team, replication)."""
    keys = np.array([stream(seed, purpose, key) for key in org.teams.key], dtype=np.uint64)
    return normals(keys[:, None], _numbers(replications), 0)


def _weeks(org: Organisation) -> Ints:
    """Weeks since that of 1970-01-01, (week, 1): they name the draws."""
    return ((org.calendar.weeks + 3) // 7)[:, None]


def _numbers(replications: range) -> Ints:
    return np.arange(replications.start, replications.stop)


def _level(org: Organisation, t: int, seed: int, r: Ints, when: Ints) -> Floats:
    """Log level of a team's demand beyond the future's long-run rate, (week, replication): an AR(1) by the week.

    From the week that belief speaks of it is drawn forwards and, since it looks the same both ways, backwards.
    """
    teams, now, keep = org.teams, org.calendar.now, org.teams.level_keep[t]
    level = successive_normals(stream(seed, "level", teams.key[t]), r, when[:, 0])
    own = teams.level_mean[t] + teams.level_sd[t] * level[now]
    level *= teams.level_shake[t]
    level[now] = own
    for before, after in pairwise(level[now:]):
        after += keep * before
    for after, before in pairwise(level[now::-1]):
        before += keep * after
    return level


def _place(org: Organisation, level: Floats, bins: NDArray[np.int32], scale: Floats) -> None:
    """Fill in the bin of each level, and what a level is to the centre of its bin."""
    teams = org.teams
    found = level - teams.level_low
    found *= 1.0 / teams.level_step
    np.floor(found, out=found)
    np.clip(found, 0, teams.demand.shape[2] - 1, out=found)
    bins[...] = found
    found += 0.5
    found *= teams.level_step
    found += teams.level_low
    level -= found
    np.exp(level, out=scale)


def _todo(org: Organisation, plans: Ints, seed: int, r: Ints) -> Floats:
    keys = [org.initiatives.key[i] for i in plans]
    cells = [(words(stream(seed, "initiative", key), r, 0) >> np.uint64(56)).astype(np.int64) for key in keys]
    found = [org.initiatives.effort[i][cell] for i, cell in zip(plans, cells, strict=True)]
    return np.reshape(found, (len(found), len(r)))


def demand(org: Organisation, luck: Luck) -> Floats:
    """What is drawn for each morning, person-days: (team, day, replication); known arrivals where they are given."""
    teams, days = org.teams, org.calendar
    week, weekday = days.week, days.weekday
    cell = (luck.word[:, week] >> (8 * weekday).astype(np.uint64)[:, None]) & np.uint64(CELLS - 1)
    team = np.arange(len(teams.key))[:, None, None]
    drawn = teams.demand[team, weekday[:, None], luck.bin[:, week], cell.astype(np.int64)]
    drawn = drawn * luck.scale[:, week] * teams.factor[:, :, None]
    known = teams.given[:, :, None] * luck.size[:, None, :]
    return np.where(np.isnan(known), drawn, known)


def absent(org: Organisation, luck: Luck) -> Floats:
    """The share of those present that is away unplanned, (team, day, replication)."""
    cell = (luck.word[:, org.calendar.week] >> np.uint64(8 * ABSENCE_BYTE)).astype(np.int64)
    return np.asarray(org.teams.absence[np.arange(len(org.teams.key))[:, None, None], cell])
