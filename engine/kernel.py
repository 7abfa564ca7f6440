"""The compiled futures of an organisation: the same model as `reference`, ten thousand at a time.

Futures are named by their number: what one is does not depend on how many are asked for, nor on threads or chunks.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import NamedTuple

import numpy as np

from koers.engine.capacity import NEVER, Floats, Ints, Organisation
from koers.engine.groups import WIDTH, Bools, Group, Members, group, luck_of, members, rows
from koers.engine.luck import Fill, Known, Luck, Start, at_rest, common, draw_for, rates, sizes

COLUMNS = ("lost", "run", "change", "idle", "arrived", "backlog")
"""Of a morning: person-days of each kind, run work that arrived, and backlog in the evening."""
CAPACITY, LOST = 4, COLUMNS.index("lost")  # columns that sum to the capacity there is; and the one of switching

Mill = Callable[[Group, Luck, "Out", int], None]


class Out(NamedTuple):
    """What a mill fills for one group; the last axis is the future unless said."""

    effort: Floats  # (key_result, replication) sum over mornings of pace x person-days of effort
    landed: Floats  # (key_result, replication) impact of initiatives that have shown by due, progress
    broken: Ints  # (guardrail, replication) the first morning in whose evening it was broken, or NEVER
    finished: Ints  # (initiative, replication) the morning on which it was done, or NEVER
    backlog: Floats  # (team, replication) in the evening of the marked morning; as the next four: see `luck.Start`
    run_share: Floats  # (team, replication)
    tripped: Ints  # (team, replication)
    waiting: Ints  # (team, replication)
    alarm: Bools  # (guardrail, replication) whether it was broken
    run: Floats  # (team, week, replication) person-days of run work done; of as many futures as asked for
    present: Floats  # (team, week, replication) capacity, person-days
    left: Floats  # (team, week, replication) open run work after the week's last morning, person-days
    sums: Floats  # (team, block, day, column) over the futures of a block of WIDTH; columns that are asked for
    days: Floats  # (team, day, column, replication); without days unless asked for
    shares: Floats  # (team, day, replication) the share that run work could not touch; as days
    goal_days: Floats  # (key_result, day, replication) person-days of effort; as days


class Futures(NamedTuple):
    """Futures of the whole organisation: see Out. `mean` (team, day, column) is over them, of the first COLUMNS."""

    effort: Floats
    landed: Floats
    broken: Ints
    finished: Ints
    backlog: Floats
    run_share: Floats
    tripped: Ints
    waiting: Ints
    alarm: Bools
    run: Floats
    present: Floats
    left: Floats
    mean: Floats
    days: Floats
    shares: Floats
    goal_days: Floats

    @property
    def marked(self) -> Start:
        """Where they stand in the evening of the marked morning, with nothing open but backlog."""
        standing = np.zeros_like(self.backlog)
        return Start(self.backlog, self.run_share, self.tripped, self.waiting, standing, self.alarm)

    def up_to(self, count: int) -> Futures:
        """The first of them; `mean` stays that of all."""
        parts = self._asdict()
        mean = parts.pop("mean")
        return Futures(mean=mean, **{name: part[..., :count] for name, part in parts.items()})


def run(
    org: Organisation,
    seed: int,
    replications: range,
    *,
    size: Floats | None = None,
    rate: Floats | None = None,
    start: Start | None = None,
    mark: int = -1,
    means: int = len(COLUMNS),
    weekly: int = 0,
    efforts: bool = False,
    detail: bool = False,
    executor: Executor | None = None,
) -> Futures:
    """The futures numbered `replications`, with mornings on average, `means` of COLUMNS, every week of the first
    `weekly` of them, with `efforts` every day's effort on key results, with `detail` every day in full.

    `size` and `rate` (team, replication) take the place of what `luck` draws, `start` that of where `org` stands;
    `mark` is the morning (from the end, if below 0) after which backlog and run share are noted. An `executor` of
    threads works on groups of teams at the same time; the numbers are the same.
    """
    known = Known(
        sizes(org, seed, replications) if size is None else size,
        rates(org, seed, replications) if rate is None else rate,
        start or at_rest(org, len(replications)),
        common(org, seed, replications),
    )

    def drawn(own: Members) -> Luck:
        return draw_for(org, own.teams, own.guardrails, own.initiatives, seed, replications, known, fill)

    fill, mill = machine()
    out = _empty(org, len(replications), means=means, weekly=weekly, efforts=efforts or detail, detail=detail)
    return _all(org, drawn, mill, out, mark, executor)


def follow(
    org: Organisation, luck: Luck, *, means: int = len(COLUMNS), weekly: int = 0, detail: bool = False
) -> Futures:
    """What happens to `org` under these draws; see `run`."""
    out = _empty(org, luck.word.shape[2], means=means, weekly=weekly, efforts=detail, detail=detail)
    return _all(org, lambda own: luck_of(luck, own), machine()[1], out)


def _all(
    org: Organisation,
    luck: Callable[[Members], Luck],
    mill: Mill,
    out: Out,
    mark: int = -1,
    executor: Executor | None = None,
) -> Futures:
    at = mark % max(len(org.calendar.day), 1)
    each = executor.map if executor else map
    for _ in each(lambda own: _one(org, own, luck(own), mill, out, at), members(org)):
        pass
    known = out._asdict()
    return Futures(mean=known.pop("sums").sum(axis=1) / out.effort.shape[1], **known)


def machine() -> tuple[Fill, Mill]:
    """What draws and what plays: compiled, or in NumPy where numba is missing."""
    try:
        from koers.engine.mill import mill
        from koers.engine.mill_luck import fill
    except ImportError:
        from koers.engine.lanes import mill
        from koers.engine.luck import fill
    return fill, mill


def _one(org: Organisation, own: Members, luck: Luck, mill: Mill, out: Out, mark: int) -> None:
    """Fill the rows of one group."""
    place = {axis: rows(getattr(own, axis)) for axis in Members._fields}
    part = Out._make(getattr(out, name)[place[axis]] for name, axis in AXES.items())
    for name, blank in BLANK.items():
        getattr(part, name).fill(blank)
    mill(group(org, own), luck, part, mark)
    for name, axis in AXES.items():
        if not isinstance(place[axis], slice):  # not a view
            getattr(out, name)[place[axis]] = getattr(part, name)


AXES = {
    "effort": "key_results",
    "landed": "key_results",
    "broken": "guardrails",
    "finished": "initiatives",
    "backlog": "teams",
    "run_share": "teams",
    "tripped": "teams",
    "waiting": "teams",
    "alarm": "guardrails",
    "run": "teams",
    "present": "teams",
    "left": "teams",
    "sums": "teams",
    "days": "teams",
    "shares": "teams",
    "goal_days": "key_results",
}
"""What each field of Out has a row for."""
BLANK = dict.fromkeys(("effort", "backlog", "run_share", "tripped", "waiting", "alarm"), 0)
BLANK |= dict.fromkeys(("broken", "finished"), NEVER)
"""What a group fills its rows with first: on its thread, and just before they are needed."""


def _empty(org: Organisation, futures: int, *, means: int, weekly: int, efforts: bool, detail: bool) -> Out:
    """A place for what is found: see BLANK. All else is 0, and no memory until it is used."""
    teams, goals, days = len(org.teams.key), len(org.key_results.key), len(org.calendar.day)
    weeks, told = (teams, len(org.calendar.weeks), min(weekly, futures)), days if detail else 0
    return Out(
        effort=np.empty((goals, futures)),
        landed=np.zeros((goals, futures)),
        broken=np.empty((len(org.guardrails.key), futures), dtype=np.int64),
        finished=np.empty((len(org.initiatives.key), futures), dtype=np.int64),
        backlog=np.empty((teams, futures)),
        run_share=np.empty((teams, futures)),
        tripped=np.empty((teams, futures), dtype=np.int64),
        waiting=np.empty((teams, futures), dtype=np.int64),
        alarm=np.empty((len(org.guardrails.key), futures), dtype=np.bool_),
        run=np.zeros(weeks),
        present=np.zeros(weeks),
        left=np.zeros(weeks),
        sums=np.zeros((teams, -(-futures // WIDTH), days, means)),
        days=np.zeros((teams, told, len(COLUMNS), futures)),
        shares=np.zeros((teams, told, futures)),
        goal_days=np.zeros((goals, days if efforts else 0, futures)),
    )
