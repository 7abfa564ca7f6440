"""What the page for leadership is made of: everything that is worked out before anything is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from koers.engine.backtest import backtest
from koers.engine.coupled import Coupled
from koers.engine.explain import explain
from koers.engine.explained import Explanation
from koers.engine.fan import Fan, fans
from koers.engine.forecast import Chances, Forecast, KeyResultForecast, foresee, weeks_before
from koers.engine.judge import Verdict, judge
from koers.engine.projections import goals, objectives, readings
from koers.engine.replay import Frames, view
from koers.engine.work import effort, kpi_values
from koers.events.model import CheckInCorrected, TeamFormed
from koers.scenarios.compare import Comparison, at, compare, last_due
from koers.scenarios.model import Scenario
from koers.scenarios.worth import Options, options

WEEKS = 13
"""Weeks that are looked back on, at most."""
MOVED = 0.05
"""A key result whose chance changed by this much within a week has moved."""
SHOWN = 8
"""Of those that moved, so many are shown and explained, the most moved first."""
ROUGH = 2_000
"""Futures that are enough for the weeks before the last, and for forecasts that are judged."""
EVERY = 28
"""Days between the past forecasts that are judged."""
BACK = 730
"""Days that they reach back."""
LOGGED = 26
"""Weeks of logged effort and of KPIs that are shown."""

Row = dict[str, Any]
Move = tuple[KeyResultForecast, float]
"""A key result, and its chance a week before."""
Readings = dict[str, list[Row]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to say of key results alone; `weeks`: what was said a week before, two, and so on."""

    forecast: Forecast
    weeks: tuple[Chances, ...]
    fans: Mapping[str, Fan]
    goals: Mapping[str, Row]
    objectives: Mapping[str, Row]
    readings: Mapping[str, Sequence[Row]]
    teams: Mapping[str, str]

    def chances(self, name: str) -> list[tuple[date, float]]:
        """The chance of a key result as said today, a week ago, and so on."""
        now = [(self.forecast.as_of, item.probability) for item in self.forecast.key_results if item.key_result == name]
        return now + [(week.as_of, week.probability[name]) for week in self.weeks if name in week.probability]


@dataclass(frozen=True, slots=True)
class Facts(Seen):
    """All that the page says; `moved`: key results whose chance moved within the week.

    `effort` and `kpis`: by team the share of running, and by KPI its values, on days. `explanations`: by key result,
    why it moved within the last week.
    """

    moved: Sequence[Move]
    effort: Mapping[str, Sequence[tuple[date, float]]]
    kpis: Mapping[str, Sequence[tuple[date, float]]]
    named: Sequence[Comparison]
    options: Options | None
    verdict: Verdict
    explanations: Mapping[str, Explanation]


def gather(
    recorded: Frames,
    as_of: date,
    known_at: datetime,
    scenarios: Sequence[Scenario],
    notes: Mapping[int, str],
    *,
    samples: int,
    seed: int,
    tell: Callable[[str], None] = lambda _stage: None,
) -> Facts:
    """Everything there is to say at the end of `as_of`, as known at `known_at`; `recorded` as read by `replay.typed`.

    `notes` are those of the log by position: frames have none. `tell` hears of what is being worked out.
    Raises InputError where a lever does not fit, KoersError where there are scenarios and no capacity is declared.
    """
    now, coupled = foresee(recorded, as_of, known_at, samples=samples, seed=seed)
    tell("trying decisions")
    named, found = _decisions(recorded, now, coupled, scenarios)
    tell("looking back week by week")
    goals_seen = look(recorded, now, notes)
    moved = movers(now, goals_seen.weeks)
    tell("explaining what moved, judging past forecasts")
    with ThreadPoolExecutor(1) as beside:
        explained = beside.submit(_explained, recorded, now, moved)
        verdict = _verdict(recorded, now)
        why = explained.result()
    frames = view(recorded, effective_until=as_of, known_until=known_at)
    return Facts(
        **{part.name: getattr(goals_seen, part.name) for part in fields(Seen)},
        moved=moved,
        effort=_effort(frames, as_of),
        kpis=_kpis(frames, as_of),
        named=named,
        options=found,
        verdict=verdict,
        explanations=why,
    )


def look(recorded: Frames, now: Forecast, notes: Mapping[int, str]) -> Seen:
    """What there is to say of the key results of a forecast; `recorded` and `notes` are of the log it was made of."""
    frames = view(recorded, effective_until=now.as_of, known_until=now.known_at)
    shown = {item.key_result: item for item in now.key_results}
    table = goals(frames).filter(pl.col("key_result").is_in(list(shown)))
    return Seen(
        forecast=now,
        weeks=_weeks(recorded, now),
        fans=fans(recorded, now),
        goals={row["key_result"]: row for row in table.iter_rows(named=True)},
        objectives={row["objective"]: row for row in objectives(frames).iter_rows(named=True)},
        readings=_readings(frames, shown, notes),
        teams={name: title for name, title in frames.of(TeamFormed).select("name", "title").iter_rows() if title},
    )


def _weeks(recorded: Frames, now: Forecast) -> tuple[Chances, ...]:
    """The week before as exactly as today, so that a difference is one; the others roughly."""
    begun = [(now.as_of - item.start).days // 7 for item in now.key_results]
    weeks = min(max(begun, default=0), WEEKS)
    if weeks < 1:
        return ()
    last = weeks_before(recorded, now, [1], now.samples)
    return (*last, *weeks_before(recorded, now, range(2, weeks + 1), min(now.samples, ROUGH)))


def movers(now: Forecast, weeks: Sequence[Chances]) -> list[Move]:
    """Key results whose chance moved within the week, with what it was; the most moved first."""
    before = weeks[0].probability if weeks else {}
    both = [(item, before[item.key_result]) for item in now.key_results if item.key_result in before]
    moved = [(item, was) for item, was in both if abs(item.probability - was) >= MOVED - 1e-9]
    return sorted(moved, key=lambda pair: (-abs(pair[0].probability - pair[1]), pair[0].key_result))


def _decisions(
    recorded: Frames, now: Forecast, coupled: Coupled | None, scenarios: Sequence[Scenario]
) -> tuple[list[Comparison], Options | None]:
    """What was asked for, and what a search finds; nothing of the latter without capacity."""
    if not now.capacity and not scenarios:
        return [], None
    until = last_due(scenarios)
    ground = at(recorded, now.as_of, now.known_at, samples=now.samples, seed=now.seed, until=until, coupled=coupled)
    known = ground.objectives, ground.others, ground.shown, ground.beside
    named = compare(ground.coupled, scenarios, *known) if scenarios else []
    return named, options(ground, {kr.key_result: kr.probability for kr in now.key_results if kr.attained is None})


def _readings(frames: Frames, shown: Iterable[str], notes: Mapping[int, str]) -> Readings:
    """The check-ins in force; the note of one that was corrected is that of its latest correction."""
    found: Readings = {name: [] for name in shown}
    rows = readings(frames).filter(pl.col("key_result").is_in(list(found)))
    corrections = frames.of(CheckInCorrected).drop_nulls("target").sort("recorded_at", "position")
    said_at = dict(corrections.select("target", "position").iter_rows())
    for row in rows.select("key_result", "effective_on", "value", "position").iter_rows(named=True):
        note = notes.get(said_at.get(row["position"], row["position"]))
        found[row["key_result"]].append(row | {"note": note})
    return found


def _effort(frames: Frames, as_of: date) -> dict[str, list[tuple[date, float]]]:
    """Share of running by team and week, at the end of the week."""
    spent = pl.col("run_days") + pl.col("change_days")
    recent = pl.col("week_start").is_between(as_of - timedelta(weeks=LOGGED), as_of - timedelta(days=4))
    rows = effort(frames).filter(recent & (spent > 0))
    found: dict[str, list[tuple[date, float]]] = {}
    for team, monday, share in rows.select("team", "week_start", pl.col("run_days") / spent).iter_rows():
        found.setdefault(team, []).append((min(monday + timedelta(days=6), as_of), share))
    return found


def _kpis(frames: Frames, as_of: date) -> dict[str, list[tuple[date, float]]]:
    found: dict[str, list[tuple[date, float]]] = {}
    recent = kpi_values(frames).filter(pl.col("effective_on") > as_of - timedelta(weeks=LOGGED))
    for kpi, day, value in recent.iter_rows():
        found.setdefault(kpi, []).append((day, value))
    return found


def _explained(recorded: Frames, now: Forecast, moved: Sequence[Move]) -> dict[str, Explanation]:
    """Why those that are shown moved within the last week."""
    about = {item.key_result for item, _ in moved[:SHOWN]}
    if not about:
        return {}
    since = now.as_of - timedelta(weeks=1)
    return explain(recorded, since, now.as_of, now.known_at, about=about, samples=now.samples, seed=now.seed)


def _verdict(recorded: Frames, now: Forecast) -> Verdict:
    """How past forecasts turned out, a few of each key result, by what was known when the forecast was made."""
    by_type = {name: frame.filter(pl.col("recorded_at") <= now.known_at) for name, frame in recorded.by_type.items()}
    known, since = Frames(by_type, recorded.log_position, recorded.log_head), now.as_of - timedelta(days=BACK)
    table = backtest(known, now.as_of, start=since, every=EVERY, samples=min(now.samples, ROUGH))
    return judge(table, known, now.as_of)
