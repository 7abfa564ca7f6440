"""Rolling origins: what koers would have said at each check-in, from what was recorded by then, and how it ended.

A key result has an origin at the end of every day on which it got a check-in, from its start to before it is due. At
an origin only what was recorded by its end is replayed, and every pooled number is learnt from that alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from koers.engine import baselines, pace
from koers.engine.grading import Days, days_of, final_value, given_up, meets, over
from koers.engine.outlook import QUANTILES, outlook
from koers.engine.projections import goals, readings
from koers.engine.replay import Frames, typed, view
from koers.engine.scoring import brier, log_score, per_goal
from koers.events.model import CheckedIn, Event, Row, end_of

KOERS = "koers"
SCHEMA = {
    "key_result": pl.String,
    "team": pl.String,
    "cycle": pl.String,
    "as_of": pl.Date,
    "due": pl.Date,
    "elapsed": pl.Float64,
    "value": pl.Float64,
    "baseline": pl.Float64,
    "target": pl.Float64,
    "probability": pl.Float64,
    "mean": pl.Float64,
    **dict.fromkeys(QUANTILES, pl.Float64),
    "outcome": pl.Float64,
    "attained": pl.Boolean,
    "attained_original": pl.Boolean,
    "method": pl.String,
}
"""Columns of a backtest; `elapsed` is the share of the life gone, baselines leave mean and quantiles empty."""

Progress = Callable[[list[date]], Iterable[date]]


@dataclass(frozen=True, slots=True)
class Score:
    """How one method did: each goal counts once; probabilities clipped to [0.005, 0.995]."""

    method: str
    goals: int
    origins: int
    brier: float
    log: float
    coverage80: float | None

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


def backtest(
    events: Iterable[Event | Row],
    until: date,
    *,
    start: date | None = None,
    cycle: str | None = None,
    watch: Progress = iter,
) -> pl.DataFrame:
    """One row per key result, origin and method (see SCHEMA), for key results resolved by the end of `until`.

    `start` and `cycle` narrow the origins and the key results down, not what is learnt from. `watch` is handed the
    origin days and yields them back (a progress bar).
    """
    recorded = typed(events)
    final = view(recorded, effective_until=until, known_until=end_of(until))
    graded = _resolved(goals(final), until, cycle)
    days = days_of(readings(final))
    by_day = _origins(recorded, graded, start, until)
    rows = [
        row
        for day in watch(sorted(by_day))
        for row in _rows_at(recorded, day, pl.Series(sorted(by_day[day]), dtype=pl.String), graded, days)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").sort("method", "key_result", "as_of")


def scores(table: pl.DataFrame, clip: float = 0.005) -> list[Score]:
    """The score of every method in a backtest, best log score first."""
    found: list[Score] = []
    for (method,), part in table.group_by("method"):
        p = np.clip(part["probability"].to_numpy(), clip, 1.0 - clip)
        y = part["attained"].cast(pl.Float64).to_numpy()
        inside = part.select((pl.col("outcome") >= pl.col("q10")) & (pl.col("outcome") <= pl.col("q90")))
        covered = inside.to_series().cast(pl.Float64).to_numpy()
        has = ~np.isnan(covered)
        name = part["key_result"]
        found.append(
            Score(
                method=str(method),
                goals=name.n_unique(),
                origins=part.height,
                brier=per_goal(name, brier(p, y)),
                log=per_goal(name, log_score(p, y)),
                coverage80=per_goal(name.filter(pl.Series(has)), covered[has]) if has.any() else None,
            )
        )
    return sorted(found, key=lambda score: (score.log, score.method))


def _resolved(table: pl.DataFrame, until: date, cycle: str | None) -> dict[str, dict[str, Any]]:
    """Key results whose end is known: due or dropped by `until`, or with an outcome."""
    known = over(until) | (pl.col("dropped_on") <= until)
    chosen = table.filter(known if cycle is None else known & (pl.col("cycle") == cycle))
    return {row["key_result"]: row for row in chosen.iter_rows(named=True)}


def _origins(recorded: Frames, graded: dict[str, Any], start: date | None, until: date) -> dict[date, set[str]]:
    """Days that may be origins, each with the key results that got a check-in on it."""
    got = recorded.of(CheckedIn).select("name", day=pl.col("recorded_at").dt.date()).unique()
    by_day: dict[date, set[str]] = {}
    for name, day in got.iter_rows():
        if name in graded and day <= until and (start is None or day >= start):
            by_day.setdefault(day, set()).add(name)
    return by_day


def _rows_at(
    recorded: Frames, day: date, wanted: pl.Series, graded: dict[str, dict[str, Any]], days: Days
) -> list[dict[str, Any]]:
    known = view(recorded, effective_until=day, known_until=end_of(day))
    table, values = goals(known), readings(known)
    running = table.filter(pl.col("start") <= day, (pl.col("dropped_on") > day).fill_null(value=True))
    wanted = wanted.filter(wanted.is_in(running["key_result"].implode()))
    seen = outlook(table, values, day, wanted, pace.fit).filter(pl.col("attained").is_null())
    stands = {row["key_result"]: row for row in table.iter_rows(named=True)}
    known_days = days_of(values)
    base_rate = baselines.base_rate(table, known_days, day)
    rows = []
    for row in seen.iter_rows(named=True):
        goal = stands[row["key_result"]]
        own = known_days.get(goal["key_result"], [])
        common = _grade(goal, graded[goal["key_result"]], days) | {
            "key_result": goal["key_result"],
            **{name: goal[name] for name in ("team", "cycle", "due", "baseline", "target")},
            "as_of": day,
            "elapsed": (day - goal["start"]).days / max((goal["due"] - goal["start"]).days, 1),
            "value": row["value"],
        }
        rows.append({**common, "method": KOERS, **{k: row[k] for k in ("probability", "mean", *QUANTILES)}})
        for method, p in baselines.probabilities(goal, own, day, base_rate).items():
            rows.append({**common, "method": method, "probability": p, "mean": None, **dict.fromkeys(QUANTILES)})
    return rows


def _grade(then: dict[str, Any], final: dict[str, Any], days: Days) -> dict[str, Any]:
    """Outcome and grades of a goal as it stood at an origin (`then`), by how it ended (`final`).

    An outcome-recorded grades the target it was recorded for; against another target its value is compared. Dropped
    before due is not attained.
    """
    own = days.get(then["key_result"], [])
    if final["outcome_on"] is not None:
        outcome, said = final["outcome_value"], final["outcome_attained"]
    else:
        outcome, said = final_value(final, own, then["due"]), None

    def attained(target: float) -> bool:
        if given_up(final, then["due"]):
            return False
        if said is not None and target == final["target"]:
            return bool(said)
        return meets(then, outcome, target)

    return {
        "outcome": outcome,
        "attained": attained(then["target"]),
        "attained_original": attained(then["first_target"]),
    }
