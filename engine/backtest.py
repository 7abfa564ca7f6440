"""Rolling origins: what koers would have said at each check-in, from what was recorded by then, and how it ended.

A key result has an origin at the end of every day on which it got a check-in, from its start to before it is due. At
an origin only what was recorded by its end is replayed, and every pooled number is learnt from that alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

import polars as pl

from koers.engine import baselines
from koers.engine.baselines import Said
from koers.engine.executors import run
from koers.engine.grading import Days, Goal, days_of, endings, final_value, given_up, meets, over, progress
from koers.engine.learning import STAGES, learn
from koers.engine.outlook import INSIDE, QUANTILES
from koers.engine.peers import LOGISTIC, RULES, learnt
from koers.engine.projections import goals, readings
from koers.engine.prospect import SAMPLES, prospect
from koers.engine.replay import Frames, typed, view
from koers.events.model import CheckedIn, Event, ForecastIssued, KeyResultRetargeted, KeyResultSet, Row, end_of

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
    **dict.fromkeys(INSIDE, pl.Float64),
}
"""Columns of a backtest; `elapsed` is the share of the life gone, baselines leave mean and quantiles empty.

The last two are for the judge alone: see `outlook.INSIDE`; forecasts that were issued do not have them.
"""

GIVEN = (KOERS, "base_rate", "straight_line", "drift", "owner_confidence", "owner_projection")
"""Methods whose probability is known at the origin itself; the others are taught by the rows of earlier origins."""
METHODS = (*GIVEN, *RULES, LOGISTIC)
JOBS = 48
"""Parts that a backtest is cut into where it runs on an executor."""

Origins = list[tuple[date, tuple[str, ...]]]
Item = TypeVar("Item")
Watch = Callable[[Iterable[Item], int], Iterable[Item]]


def unwatched(parts: Iterable[Item], _total: int) -> Iterable[Item]:
    """No progress bar."""
    return parts


@dataclass(frozen=True, slots=True)
class _Job:
    """Some origin days, each with the key results that have an origin on it; `asked` are forecast, from `since` on."""

    recorded: Frames
    days: tuple[tuple[date, tuple[str, ...]], ...]
    asked: pl.Series
    since: date
    stages: frozenset[str]
    samples: int


@dataclass(frozen=True, slots=True)
class _Origin:
    """What was said at the end of one day, how far all stood, and how goals known by then to have ended had ended."""

    rows: pl.DataFrame
    stood: pl.DataFrame
    endings: pl.DataFrame


def backtest(
    events: Iterable[Event | Row] | Frames,
    until: date,
    *,
    start: date | None = None,
    end: date | None = None,
    cycle: str | None = None,
    every: int | None = None,
    issued: bool = False,
    stages: frozenset[str] = STAGES,
    samples: int = SAMPLES,
    executor: Executor | None = None,
    watch: Watch[list[_Origin]] = unwatched,
) -> pl.DataFrame:
    """One row per key result, origin and method (see SCHEMA), for key results resolved by the end of `until`.

    `events` may be read already, by `replay.typed`. `every` puts common origins that many days apart on the calendar
    (7: Sundays) in place of one at each check-in; `issued` takes the forecasts that were recorded in the log, in place
    of those that would have been made. `start`, `end` and `cycle` narrow origins and key results down, not what is
    learnt from. Forecasts are made with these `stages` and `samples`. Days are shared out over `executor`; the result
    does not depend on it. `watch` is handed the finished parts and their number, and yields the parts back (a progress
    bar).
    """
    recorded = events if isinstance(events, Frames) else typed(events)
    final = view(recorded, effective_until=until, known_until=end_of(until))
    graded = _resolved(goals(final), until, cycle)
    said, last = _issued(final), min(until, end or until)
    days = _origins(said if issued else _check_ins(recorded), last)
    if every is not None and not issued:
        days = _common_origins(recorded, last, every)
    parts = _parts(days if graded else [], JOBS if executor else len(days))
    asked = pl.Series(graded.keys(), dtype=pl.String)
    jobs = [_Job(recorded, part, asked, start or date.min, stages, samples) for part in parts]
    origins = [origin for part in watch(run(_work, jobs, executor), len(jobs)) for origin in part]
    rows = _with_grades(origins, graded, days_of(readings(final)))
    if issued and rows.height:
        rows = rows.drop(KOERS, "mean", *QUANTILES, *INSIDE).join(
            said, on=["key_result", "as_of"], maintain_order="left"
        )
    return _long(_with_learnt(rows, origins)).sort("method", "key_result", "as_of")


def _resolved(table: pl.DataFrame, until: date, cycle: str | None) -> dict[str, Goal]:
    """Key results whose end is known: due or dropped by `until`, or with an outcome."""
    known = over(until) | (pl.col("dropped_on") <= until)
    chosen = table.filter(known if cycle is None else known & (pl.col("cycle") == cycle))
    return {row["key_result"]: row for row in chosen.iter_rows(named=True)}


def _check_ins(recorded: Frames) -> pl.DataFrame:
    """Which key result got a check-in on which day: the day of its recording."""
    return recorded.of(CheckedIn).select(
        key_result=pl.col("name").cast(pl.String), as_of=pl.col("recorded_at").dt.date()
    )


def _issued(recorded: Frames) -> pl.DataFrame:
    """What people saw: the last forecast issued per key result and day, by a column for each number."""
    wire = pl.Struct(dict.fromkeys(QUANTILES, pl.Float64))
    return (
        recorded.of(ForecastIssued)
        .filter(pl.col("recorded_at").dt.date() == pl.col("as_of"))
        .unique(["name", "as_of"], keep="last", maintain_order=True)
        .with_columns(pl.col("quantiles").str.json_decode(wire))
        .unnest("quantiles")
        .select("as_of", *QUANTILES, pl.col("probability").alias(KOERS), key_result="name")
        .with_columns(pl.lit(None, pl.Float64).alias(name) for name in ("mean", *INSIDE))
    )


def _origins(found: pl.DataFrame, last: date) -> Origins:
    """Days up to `last` that may be origins, each with its key results."""
    by_day: dict[date, list[str]] = {}
    for name, day in found.select("key_result", "as_of").unique().sort("key_result").iter_rows():
        if day <= last:
            by_day.setdefault(day, []).append(name)
    return [(day, tuple(by_day[day])) for day in sorted(by_day)]


def _common_origins(recorded: Frames, last: date, every: int) -> Origins:
    """Days whose ordinal `every` divides, each with all key results: no key result moves the origins of another."""
    sets, moved = recorded.of(KeyResultSet), recorded.of(KeyResultRetargeted)
    if sets.is_empty():
        return []
    first = -(-min(sets["start"]).toordinal() // every) * every
    ends = min(last, max([*sets["due"], *moved["due"].drop_nulls()]))
    names = tuple(sets["name"].unique().sort())
    return [(date.fromordinal(day), names) for day in range(first, ends.toordinal() + 1, every)]


def _parts(days: Origins, count: int) -> Iterator[tuple[tuple[date, tuple[str, ...]], ...]]:
    """The days in `count` parts of about the same size, in order."""
    size = -(-len(days) // count) if days else 1
    return (tuple(days[begin : begin + size]) for begin in range(0, len(days), size))


def _work(job: _Job) -> list[_Origin]:
    return [_origin(job, day, names) for day, names in job.days]


def _origin(job: _Job, day: date, names: tuple[str, ...]) -> _Origin:
    """Everything that depends on what was known at the end of `day`, and nothing else; rows for those asked alone."""
    asked = job.asked if day >= job.since else job.asked.clear()
    known = view(job.recorded, effective_until=day, known_until=end_of(day))
    table, values = goals(known), readings(known)
    life = (pl.col("due") - pl.col("start")).dt.total_days().clip(lower_bound=1)
    running = table.filter(
        pl.col("key_result").is_in(names),
        pl.col("start") <= day,
        (pl.col("dropped_on") > day).fill_null(value=True),
        ~over(day),
    ).with_columns(as_of=pl.lit(day), elapsed=(pl.lit(day) - pl.col("start")).dt.total_days() / life)
    wanted = running.filter(pl.col("key_result").is_in(asked.implode()))
    ended = endings(table, values, day)
    own = values.filter(pl.col("key_result").is_in(running["key_result"].implode()))
    days = days_of(own)
    if wanted.is_empty():
        return _Origin(wanted.clear(), _stood(running, days), ended)
    learnt = learn(table, values, day, job.stages)
    found = prospect(known, table, values, day, wanted, learnt, samples=job.samples)
    seen = found.seen.rename({"probability": KOERS})
    stands = seen.join(running, on="key_result", maintain_order="left")
    said = {name: Said(c, p) for name, c, p in own.select("key_result", "confidence", "projection").iter_rows()}
    extra = [
        baselines.probabilities(goal, days.get(goal["key_result"], []), said.get(goal["key_result"], Said()), day)
        for goal in stands.iter_rows(named=True)
    ]
    rows = stands.with_columns(base_rate=pl.lit(baselines.base_rate(ended["attained"])))
    return _Origin(
        rows.hstack(pl.DataFrame(extra, schema=dict.fromkeys(GIVEN[2:], pl.Float64))), _stood(running, days), ended
    )


def _stood(running: pl.DataFrame, days: Days) -> pl.DataFrame:
    """How far each key result was, and how much of its life had gone."""
    last = {name: values[-1][1] for name, values in days.items()}
    reached = [progress(goal, last.get(goal["key_result"])) for goal in running.iter_rows(named=True)]
    return running.select(
        "key_result", "as_of", "elapsed", progress=pl.Series(reached, dtype=pl.Float64).fill_null(0.0)
    )


def _with_grades(origins: Sequence[_Origin], graded: dict[str, Goal], days: Days) -> pl.DataFrame:
    """The rows of all origins, with how each key result ended, against its target as known at the origin."""
    parts = []
    for origin in origins:
        if origin.rows.is_empty():
            continue
        grades = [_grade(goal, graded[goal["key_result"]], days) for goal in origin.rows.iter_rows(named=True)]
        parts.append(origin.rows.drop("attained").hstack(pl.DataFrame(grades, schema=_GRADES)))
    return pl.concat(parts) if parts else pl.DataFrame()


_GRADES = {name: SCHEMA[name] for name in ("outcome", "attained", "attained_original")}


def _with_learnt(rows: pl.DataFrame, origins: Sequence[_Origin]) -> pl.DataFrame:
    """The rows with the baselines that learn from how far goals stood that were known to have ended by each origin."""
    if rows.is_empty():
        return rows
    stood = pl.concat([origin.stood for origin in origins])
    code = {name: index for index, name in enumerate(stood["key_result"].unique().sort())}
    known: dict[int, dict[int, bool]] = {}
    for origin in origins:
        if origin.stood.height:
            pairs = origin.endings.select("key_result", "attained").iter_rows()
            today = {code[name]: attained for name, attained in pairs if name in code}
            known[origin.stood["as_of"].to_physical()[0]] = today
    found = learnt(
        stood["progress"].to_numpy(),
        stood["elapsed"].to_numpy(),
        stood["key_result"].replace_strict(code, return_dtype=pl.Int64).to_numpy(),
        stood["as_of"].to_physical().to_numpy(),
        known,
    )
    said = stood.select("key_result", "as_of", **{name: pl.Series(p) for name, p in found.items()})
    return rows.join(said, on=["key_result", "as_of"], how="left", maintain_order="left")


def _long(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per method; only koers has a mean and quantiles."""
    parts = [pl.DataFrame(schema=SCHEMA)]
    for method in METHODS if rows.height else ():
        part = rows.with_columns(probability=pl.col(method), method=pl.lit(method))
        if method != KOERS:
            part = part.with_columns(
                pl.lit(None, dtype=pl.Float64).alias(name) for name in ("mean", *QUANTILES, *INSIDE)
            )
        parts.append(part.filter(pl.col("probability").is_not_null()).select(SCHEMA.keys()))
    return pl.concat(parts)


def _grade(then: Goal, final: Goal, days: Days) -> dict[str, Any]:
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
