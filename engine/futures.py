"""What a future of the organisation does to progress: what is expected of a key result given its effort.

The noise of a key result's own progress is not drawn: given effort it is Student-t, so each future gives a probability.
Arrays of futures are (key_result, replication).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from koers.engine import elasticity, groups
from koers.engine.capacity import Floats, Ints, Organisation
from koers.engine.draws import stream, uniforms
from koers.engine.groups import Members, rows_by_team
from koers.engine.kernel import Futures
from koers.engine.luck import Rows
from koers.engine.student import above, below

KNOTS = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
"""Normal deviates of the size of run work at which usual effort is worked out; linear between."""
GROUPS = 50
"""Equally likely groups of futures whose mean gains stand for all."""
HELD = 100_000  # numbers worked on at a time: few enough for a cache, enough for threads not to wait for each other


class AtDue(NamedTuple):
    """What Progress says of key results at due, (key_result,); effort moves it."""

    mean: Floats  # progress
    scale: Floats  # progress
    df: Floats
    threshold: Floats  # progress that meets the target in force
    counts: Floats  # progress at which it counts as reached
    hazard: Floats  # of binary ones: -log P(not done by due), else NaN
    lift: Floats  # expected score beyond that of the Student-t that stands for what Progress says


@dataclass(frozen=True, slots=True)
class Setting:
    """All that futures are drawn from, and how they are read. What a decision changes is `organisation` and `at_due`.

    `own` is the scale of progress at due that remains when effort's usual scatter is taken out, the more of it the
    more effort matters; `shift` what is added to progress so that under usual scatter the probability of the target
    (and of `counts`) is that of Progress, whatever the elasticity. Both by the elasticities of GRID.
    """

    organisation: Organisation
    at_due: AtDue
    usual: Floats  # (knot, key_result) person-days per morning
    typical: Floats  # (key_result,) usual effort whatever the size of run work: what a change is measured against
    elasticity: Floats  # (grid,) probabilities
    most: Floats  # (key_result,) elasticity that its noise leaves room for
    assumed: Floats  # (key_result,) elasticity that a decision assumes, NaN where it is drawn
    own: Floats  # (elasticity, key_result)
    shift: Floats  # (2, elasticity, key_result)
    scatter: Floats  # (key_result, group) what effort usually adds, around 0: see `grouped`


def alone(setting: Setting, own: Members) -> Setting:
    """The setting of these members alone: see `groups.alone`."""
    k = own.key_results
    return replace(
        setting,
        organisation=groups.alone(setting.organisation, own),
        at_due=AtDue._make(part[k] for part in setting.at_due),
        usual=setting.usual[:, k],
        typical=setting.typical[k],
        most=setting.most[k],
        assumed=setting.assumed[k],
        own=setting.own[:, k],
        shift=setting.shift[:, :, k],
        scatter=setting.scatter[k],
    )


def elasticities(setting: Setting, seed: int, replications: range) -> Floats:
    """The elasticity of each future, (replication,): a draw of its posterior, see `elasticity.quantile`."""
    u = uniforms(stream(seed, "elasticity", ""), np.arange(replications.start, replications.stop), 0)
    return elasticity.quantile(setting.elasticity, u)


def moved(setting: Setting, effort: Floats, sizes: Floats, e: Floats) -> Floats:
    """Progress by due that effort adds to what was expected; for binary ones in shares of their hazard.

    e x sum of expected gains x (effort - usual effort) / typical effort, usual being that at this size of run work:
    what is not known of it was not known all along. `effort` (that sum of gains x effort) and `sizes`
    (team, replication) are those of the futures, `e` (replication,) their elasticities.
    """
    usual = usual_effort(setting.organisation, setting.usual, sizes)
    return beyond_usual(setting, effort, usual, setting.typical[:, None], e)


def beyond_usual(setting: Setting, effort: Floats, usual: Floats, typical: Floats, e: Floats) -> Floats:
    """As `moved`, with `usual` (key_result, replication) and `typical` effort as given; `usual` is used up."""
    way = setting.organisation.key_results.pace.sum(axis=1)[:, None]
    for rows in some_rows(*usual.shape):
        part = usual[rows]
        part *= way[rows]
        np.subtract(effort[rows], part, out=part)
        part /= typical[rows]
        part *= elasticity_of(setting, e, rows)
    return usual


def elasticity_of(setting: Setting, e: Floats, rows: slice = slice(None)) -> Floats:
    """Elasticities of some key results: those drawn, as far as they can be, or the one that is assumed."""
    found, assumed = np.minimum(e, setting.most[rows, None]), setting.assumed[rows]
    found[~np.isnan(assumed)] = assumed[~np.isnan(assumed), None]
    return np.asarray(found)


def gained(setting: Setting, futures: Futures, sizes: Floats, e: Floats) -> Floats:
    """Progress by due beyond what was expected: what effort adds, and impacts of initiatives beyond expected gains."""
    return with_landed(setting, futures.landed, moved(setting, futures.effort, sizes, e))


def with_landed(setting: Setting, landed: Floats, gain: Floats) -> Floats:
    """`gain`, and what initiatives bring by due (`landed`) beyond expected gains; in place."""
    if setting.organisation.initiatives.key:
        way = setting.organisation.key_results.pace.sum(axis=1)
        gain += np.maximum(landed - way[:, None], 0.0)
    return gain


def usual_effort(org: Organisation, by_knot: Floats, sizes: Floats) -> Floats:
    """Usual effort in each future, person-days per morning: by its team's size of run work.

    `by_knot` (knot, key_result) is that at KNOTS.
    """
    found = np.empty((len(org.key_results.key), sizes.shape[1]))
    for t, own in rows_by_team(org.key_results.team):
        found[own] = by_knot[:, own].T @ by_size(org, t, sizes[t])
    return found


def by_size(org: Organisation, team: int, sizes: Floats) -> Floats:
    """(knot, replication) weights of linear interpolation between KNOTS, which lie one apart, for `sizes` of a team."""
    z = np.log(sizes) / max(org.teams.size_sd[team], 1e-12)
    near = np.abs(np.clip(z, KNOTS[0], KNOTS[-1]) - KNOTS[:, None])
    return np.asarray(np.maximum(1.0 - near, 0.0))


def own_scale(setting: Setting, e: Floats) -> Floats:
    """Scale of each key result's own noise at due in futures with elasticities `e`; progress."""
    return _read(setting, setting.own, slice(None), _on_grid(e))


def _on_grid(e: Floats) -> tuple[Ints, Floats]:
    """The cell of GRID that each elasticity lies in, and how far."""
    place = np.clip(e, 0.0, 1.0) * (len(elasticity.GRID) - 1)
    cell = np.minimum(place.astype(np.int64), len(elasticity.GRID) - 2)
    return cell, place - cell


def _read(setting: Setting, table: Floats, rows: Rows, place: tuple[Ints, Floats]) -> Floats:
    """Some rows of `table` (elasticity, key_result) at drawn or assumed elasticities, linear in between."""
    (cell, beyond), known = place, np.ascontiguousarray(table[:, rows].T)
    found = known.take(cell, axis=1, mode="clip")
    rise = np.diff(known, axis=1).take(cell, axis=1, mode="clip")
    rise *= beyond
    found += rise
    for row, assumed in enumerate(setting.assumed[rows]):
        if not np.isnan(assumed):
            found[row] = np.interp(assumed, elasticity.GRID, known[row])
    return found


def some_rows(count: int, futures: int) -> Iterator[slice]:
    """All rows of so many futures, no more at a time than stay in the processor's cache."""
    step = max(HELD // max(futures, 1), 1)
    yield from (slice(first, first + step) for first in range(0, count, step))


def _alike(law: Floats, futures: int) -> Iterator[Rows]:
    """Rows of one `law` (key_result,), some at a time."""
    for own in (np.flatnonzero(law == one) for one in np.unique(law)):
        yield from (groups.rows(own[some]) for some in some_rows(len(own), futures))


def reached(setting: Setting, gain: Floats, e: Floats, at: int = 0) -> Floats:
    """P(target met at due | future), or with `at` 1 P(it counts as reached); `e` (replication,) are elasticities."""
    found, place, due = np.empty_like(gain), _on_grid(e), setting.at_due
    for rows in _alike(np.where(np.isnan(due.hazard), due.df, np.inf), gain.shape[1]):
        found[rows] = _reached(setting, rows, gain[rows], place, at)
    return found


def _reached(setting: Setting, rows: Rows, gain: Floats, place: tuple[Ints, Floats], at: int = 0) -> Floats:
    """Of key results of one law, (row, replication)."""
    due, lifted = setting.at_due, _read(setting, setting.shift[at], rows, place)
    lifted += gain
    hazard, threshold = due.hazard[rows], (due.counts if at else due.threshold)[rows]
    if not np.isnan(hazard[0]):
        return np.asarray(-np.expm1(-hazard[:, None] * np.maximum(1.0 + lifted, 0.0)))
    lifted += (due.mean[rows] - threshold)[:, None]
    lifted /= _read(setting, setting.own, rows, place)
    return below(float(due.df[rows][0]), lifted)


def scores(setting: Setting, gain: Floats, e: Floats) -> Floats:
    """Expected score at due in each future: the share of the way to the target, from 0 to 1."""
    found, place, due = np.empty_like(gain), _on_grid(e), setting.at_due
    whole = np.isnan(due.hazard) & (due.threshold > 0) & np.isfinite(due.threshold)
    law = np.where(np.isnan(due.hazard), np.where(whole, -due.df, due.df), np.inf)
    for rows in _alike(law, gain.shape[1]):
        if whole[rows][0]:
            way, df = due.threshold[rows, None], float(due.df[rows][0])
            centre, scale = (due.mean[rows, None] + gain[rows]) / way, _read(setting, setting.own, rows, place) / way
            part = above(df, scale, centre) - above(df, scale, centre - 1.0)
            part += due.lift[rows, None]
            np.clip(part, 0.0, 1.0, out=part)
            found[rows] = part
        else:
            found[rows] = _reached(setting, rows, gain[rows], place)
    return found


def grouped(gain: Floats, count: int = GROUPS) -> Floats:
    """Gains in order, as the means of so many groups of equal weight, or of each: (key_result, group)."""
    found = np.empty((len(gain), min(gain.shape[1], count)))
    for rows in some_rows(*gain.shape):
        found[rows] = _grouped(np.sort(gain[rows], axis=1), count)
    return found


def _grouped(ordered: Floats, count: int) -> Floats:
    n = ordered.shape[1]
    if n <= count:
        return ordered
    edge = np.arange(count + 1) * (n / count)
    cell = np.minimum(edge.astype(np.int64), n - 1)
    total = np.add.reduceat(ordered, cell[:-1], axis=1)
    total[:, -1] -= ordered[:, -1]  # what lies before an edge within a cell comes next
    total += np.diff((edge - cell) * ordered[:, cell], axis=1)
    return np.asarray(total / (n / count))
