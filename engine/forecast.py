"""From a log to the probability of each key result and objective, as of a day and as known at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, is_dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from koers.engine import pace
from koers.engine.caveats import about_capacity, progress_alone
from koers.engine.coupled import Coupled
from koers.engine.ends import Overall
from koers.engine.grading import days_of, progress
from koers.engine.joint import Guardrail, TeamCapacity
from koers.engine.outlook import FLOOR, QUANTILES
from koers.engine.projections import goals, readings, running
from koers.engine.prospect import SAMPLES, chances, prospect
from koers.engine.replay import Frames, typed, view
from koers.engine.staffing import capacity_from
from koers.engine.standing import is_stale, under_way
from koers.events.chain import canonical_json, timestamp
from koers.events.model import Event, Row, end_of

MODEL = "blend-2+capacity-4"
"""Changes whenever the same log would get other numbers."""


@dataclass(frozen=True, slots=True)
class KeyResultForecast:
    """One key result. Values, target and quantiles in its unit; probabilities in [0.01, 0.99].

    `probability_se` is the Monte Carlo error: 0 where the answer is exact. `lost_to_run_work` is the probability that
    run work beyond the usual costs, None where effort does not move it. `reach_on` is the expected first passage, None
    if the expected path does not get there. `attained` is None until the key result has ended.
    """

    key_result: str
    title: str
    objective: str | None
    objective_title: str | None
    team: str
    owner: str | None
    unit: str
    kind: str
    direction: str
    baseline: float | None
    start: date
    value: float | None
    progress: float | None
    target: float
    due: date
    weight: float
    probability: float
    probability_se: float
    probability_counts: float
    rests_on: str
    attained: bool | None
    stale: bool
    mean: float | None
    quantiles: dict[str, float | None]
    expected_score: float
    reach_on: date | None
    warning: str | None
    lost_to_run_work: float | None


@dataclass(frozen=True, slots=True)
class ObjectiveForecast:
    """An objective: P(all its key results are reached), and the weighted mean of their expected scores.

    Where no capacity is declared its key results are taken as independent, which is said in the forecast's warnings.
    """

    objective: str
    title: str | None
    probability_all: float
    expected_score: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """What koers says at the end of `as_of`, from what was known at `known_at`, and what it rests on."""

    as_of: date
    known_at: datetime
    log_position: int
    log_head: str
    seed: int
    samples: int
    config_hash: str
    key_results: tuple[KeyResultForecast, ...]
    objectives: tuple[ObjectiveForecast, ...]
    guardrails: tuple[Guardrail, ...]
    capacity: tuple[TeamCapacity, ...]
    overall: Overall | None  # None where no capacity is declared
    warnings: tuple[str, ...]

    def to_polars(self) -> pl.DataFrame:
        """The key results as a frame, one row each, quantiles as columns."""
        rows = [asdict(item) for item in self.key_results]
        return pl.DataFrame([row | row.pop("quantiles") for row in rows], infer_schema_length=None)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values, dates and times as ISO text."""
        plain = {name: getattr(self, name) for name in ("log_position", "log_head", "seed", "samples", "config_hash")}
        return {
            "as_of": self.as_of.isoformat(),
            "known_at": timestamp(self.known_at),
            **plain,
            "key_results": [_plain(item) for item in self.key_results],
            "objectives": [_plain(item) for item in self.objectives],
            "guardrails": [_plain(item) for item in self.guardrails],
            "capacity": [_plain(item) for item in self.capacity],
            "overall": _plain(self.overall),
            "warnings": list(self.warnings),
        }


def forecast(
    events: Iterable[Event | Row],
    as_of: date,
    known_at: datetime | None = None,
    *,
    cycle: str | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Forecast:
    """Forecast every key result that is under way at the end of `as_of`, or all of `cycle`.

    `known_at` (default: the end of `as_of`) hides what was recorded later. Key results of a running cycle that have
    ended stay in, graded. `samples` and `seed` name the futures of the capacity model; without capacity events the
    answer is exact and does not depend on them.
    """
    return forecast_from(typed(events), as_of, known_at, cycle=cycle, samples=samples, seed=seed)


def forecast_from(
    recorded: Frames,
    as_of: date,
    known_at: datetime | None = None,
    *,
    cycle: str | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Forecast:
    """The forecast of a log already read by `replay.typed`: for several origins, read once."""
    return foresee(recorded, as_of, known_at, cycle=cycle, samples=samples, seed=seed)[0]


def foresee(
    recorded: Frames,
    as_of: date,
    known_at: datetime | None = None,
    *,
    cycle: str | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
) -> tuple[Forecast, Coupled | None]:
    """As `forecast_from`, and what its futures were drawn from; None where no capacity is declared."""
    known = known_at or end_of(as_of)
    frames = view(recorded, effective_until=as_of, known_until=known)
    table, values = goals(frames), readings(frames)
    wanted = under_way(table, as_of, cycle)
    found = prospect(frames, table, values, as_of, wanted, samples=samples, seed=seed)
    warned = running(frames, wanted, values)
    joined = wanted.join(found.seen, on="key_result").sort(*_ORDER)
    items = tuple(_key_result(row, as_of, warned) for row in joined.iter_rows(named=True))
    known_from = None if found.coupled else capacity_from(recorded, known)
    said = Forecast(
        as_of=as_of,
        known_at=known,
        log_position=frames.log_position,
        log_head=frames.log_head,
        seed=seed,
        samples=samples,
        config_hash=config_hash(samples),
        key_results=items,
        objectives=_objectives(items, found.joint.all_reached if found.joint else {}),
        guardrails=found.joint.guardrails if found.joint else (),
        capacity=found.joint.teams if found.joint else (),
        overall=found.joint.overall if found.joint else None,
        warnings=_warnings(frames, table, items, as_of, cycle, found.coupled, known_from),
    )
    return said, found.coupled


_ORDER = (pl.col("objective").is_null(), "objective", "key_result")


class Chances(NamedTuple):
    """The probabilities that were to be said at the end of a day, by key result."""

    as_of: date
    probability: dict[str, float]


def weeks_before(recorded: Frames, now: Forecast, weeks: Iterable[int], samples: int) -> list[Chances]:
    """What was to be said so many weeks before `now`, as known at the end of that day."""
    found = []
    for day in (now.as_of - timedelta(weeks=week) for week in weeks):
        frames = view(recorded, effective_until=day, known_until=min(now.known_at, end_of(day)))
        table, values = goals(frames), readings(frames)
        found.append(Chances(day, chances(frames, table, values, day, samples=samples, seed=now.seed)[0]))
    return found


def trajectories(recorded: Frames, now: Forecast) -> dict[str, list[tuple[date, float]]]:
    """Progress by day of every key result in a forecast, as known at `now`."""
    frames = view(recorded, effective_until=now.as_of, known_until=now.known_at)
    table, shown = goals(frames), {item.key_result for item in now.key_results}
    days = days_of(readings(frames).filter(pl.col("key_result").is_in(list(shown))))
    return {
        goal["key_result"]: [(day, progress(goal, value) or 0.0) for day, value in days.get(goal["key_result"], [])]
        for goal in table.iter_rows(named=True)
        if goal["key_result"] in shown
    }


def config_hash(samples: int) -> str:
    """Names the model and its settings: two forecasts with the same log, times, seed and hash are the same."""
    settings = {"model": MODEL, "samples": samples, "prior": asdict(pace.DEFAULT)}
    return hashlib.sha256(canonical_json(settings).encode()).hexdigest()[:16]


def _key_result(row: dict[str, Any], as_of: date, warned: dict[str, str]) -> KeyResultForecast:
    own = {name: row[name] for name in KeyResultForecast.__dataclass_fields__ if name in row}
    going = row["attained"] is None and row["start"] <= as_of
    return KeyResultForecast(
        **own,
        stale=going and is_stale(row["last_on"], row["start"], row["cadence"], as_of),
        quantiles={name: row[name] for name in QUANTILES},
        warning=warned.get(row["key_result"]),
    )


def _objectives(items: tuple[KeyResultForecast, ...], together: dict[str, float]) -> tuple[ObjectiveForecast, ...]:
    groups: dict[str, list[KeyResultForecast]] = {}
    for item in items:
        if item.objective is not None:
            groups.setdefault(item.objective, []).append(item)
    return tuple(
        ObjectiveForecast(
            objective=name,
            title=group[0].objective_title,
            probability_all=together.get(name, max(float(np.prod([kr.probability for kr in group])), FLOOR)),
            expected_score=float(np.average([kr.expected_score for kr in group], weights=[kr.weight for kr in group])),
        )
        for name, group in sorted(groups.items())
    )


def _warnings(
    frames: Frames,
    table: pl.DataFrame,
    items: tuple[KeyResultForecast, ...],
    as_of: date,
    cycle: str | None,
    coupled: Coupled | None,
    known_from: date | None,
) -> tuple[str, ...]:
    said = []
    if not items:
        said.append(_nothing(table, as_of, cycle))
    said += [f"{kr.key_result} is really running the business: {kr.warning}" for kr in items if kr.warning]
    if coupled is not None:
        said += about_capacity(coupled, {kr.team for kr in items})
    elif items:
        said.append(progress_alone([kr.objective for kr in items], known_from))
    if assumed := frames.assumed():
        said.append(f"{assumed} {'fact carries' if assumed == 1 else 'facts carry'} an assumed recording date")
    return tuple(said)


def _nothing(table: pl.DataFrame, as_of: date, cycle: str | None) -> str:
    if cycle is not None:
        return f"no key result of cycle {cycle} was known on {as_of}"
    coming = table.filter(pl.col("start") > as_of)["start"].sort()
    after = f"; the next one starts on {coming[0]}" if len(coming) else ""
    return f"no key result was under way on {as_of}{after}"


def _plain(value: Any) -> Any:  # noqa: ANN401
    """As JSON takes it. `asdict` would copy every number for itself, which takes longer than to tell them."""
    if is_dataclass(value):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return dict(value)
    return value.isoformat() if isinstance(value, date) else value
