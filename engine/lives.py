"""What is known of the lives of key results on a trend, as arrays: the ground that all who forecast them stand on."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from koers.engine.grading import endings
from koers.engine.local_trend import Floats, Ints, Table, tabulate
from koers.engine.trend import day_numbers, scale_of, to_readings

PERCENT = ("%", "percent", "per cent", "pct")
"""How a unit begins whose values lie between 0 and 100."""


@dataclass(frozen=True, slots=True)
class Lives:
    """Key results in rows; times in durations from start (0) to the first due date (1), progress as first set."""

    table: Table  # readings, (series, reading)
    start: Floats  # days since 1970
    life: Floats  # days
    due: Floats  # durations
    baseline: Floats  # value
    way: Floats  # first target - baseline
    threshold: Floats  # progress that meets the target in force
    percent: NDArray[np.bool_]  # whether values lie between 0 and 100
    bounded: NDArray[np.bool_]  # whether values cannot fall below 0
    team: NDArray[np.object_]
    unit: NDArray[np.object_]
    ended: Floats  # days since 1970 at the end, infinite while it goes on
    end: Floats  # progress at the end, NaN while it goes on
    attained: NDArray[np.bool_]

    def take(self, rows: Ints) -> Lives:
        """These rows only."""
        parts = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name != "table"}
        return replace(self, table=self.table.take(rows), **parts)

    def by_content(self) -> Ints:
        """Rows by the day of the end and all else that is known of them but names: sums must not hang on those."""
        scale = (self.start, self.life, self.due, self.baseline, self.way, self.threshold)
        return np.lexsort((*self.table.x.T, *self.table.time.T, self.table.length, *scale, self.ended))

    def finished(self, today: float, most: int) -> Ints:
        """Rows that have ended by `today` (days since 1970), the last `most` or about, by day of the end.

        The order, and who is left out among those of one day, hang on content alone.
        """
        over = np.flatnonzero(self.ended <= today)
        over = over[self.take(over).by_content()]
        if len(over) > most:
            over = over[self.ended[over] >= self.ended[over[-most]]]
            over = over[:: -(-len(over) // (2 * most))]
        return over

    def last(self) -> Ints:
        """The column of each row's last reading, (series,)."""
        return np.maximum(self.table.length - 1, 0)

    def elapsed(self, time: Floats) -> Floats:
        """Share of the life from start to due that has gone at `time` (series,) durations."""
        return np.asarray(time / np.maximum(self.due, 1.0 / self.life))

    def progress_at(self, time: Floats) -> Floats:
        """Progress in force at the end of `time` (series,) durations, 0 before the first reading."""
        known = np.arange(self.table.x.shape[1]) < self.table.length[:, None]
        seen = (known & (self.table.time <= time[:, None])).sum(axis=1)
        return np.where(seen > 0, self.table.x[np.arange(len(seen)), np.maximum(seen - 1, 0)], 0.0)

    def limits(self) -> tuple[Floats, Floats]:
        """The least and the most progress that values allow, (series,) each."""
        none = np.full(len(self.way), np.inf)
        at_least = np.where(self.percent | self.bounded, -self.baseline / self.way, -none * np.sign(self.way))
        at_most = np.where(self.percent, (100.0 - self.baseline) / self.way, none * np.sign(self.way))
        return np.minimum(at_least, at_most), np.maximum(at_least, at_most)

    def nearness(self, x: Floats) -> Floats:
        """How near to where growth has to end, (series, reading), from 0: the value of a percentage that grows.

        Otherwise progress itself: past the target nobody is in a hurry.
        """
        whole = (self.percent & (self.way > 0))[:, None]
        value = (self.baseline[:, None] + x * self.way[:, None]) / 100.0
        return np.where(whole, np.clip(value, 0.0, 1.0), np.clip(x, 0.0, 1.5))


def lives_of(goals: pl.DataFrame, readings: pl.DataFrame, as_of: date) -> Lives:
    """The lives of `goals` on a trend (see `projections`) as of the end of `as_of`, in the order given."""
    scale = scale_of(goals)
    known = goals.join(endings(goals, readings, as_of).drop("kind"), on="key_result", how="left", maintain_order="left")
    over = known["attained"].is_not_null().to_numpy()
    ended = known.select(pl.min_horizontal("due", "outcome_on")).to_series()
    lowest = readings.group_by("key_result").agg(pl.col("value").min())
    least = goals.select("key_result").join(lowest, on="key_result", how="left", maintain_order="left")["value"]
    values = [scale.baseline, scale.baseline + scale.way, least.fill_null(np.inf).to_numpy()]
    unit = goals["unit"].str.strip_chars().str.to_lowercase()
    return Lives(
        table=tabulate(to_readings(goals, readings)),
        start=scale.start,
        life=scale.life,
        due=scale.time(day_numbers(goals["due"])),
        baseline=scale.baseline,
        way=scale.way,
        threshold=scale.progress(goals["target"].to_numpy()),
        percent=unit.str.contains("^(" + "|".join(PERCENT) + ")").to_numpy(),
        bounded=np.min(values, axis=0) >= 0.0,
        team=goals["team"].to_numpy(),
        unit=goals["unit"].to_numpy(),
        ended=np.where(over, day_numbers(ended), np.inf),
        end=np.where(over, scale.progress(known["value"].fill_null(known["baseline"]).to_numpy()), np.nan),
        attained=known["attained"].fill_null(value=False).to_numpy(),
    )
