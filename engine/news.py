"""What became known, in a few words for each key result that it may move."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import polars as pl

from koers.engine.replay import Frames
from koers.events.model import (
    AbsencePlanned,
    CapacityMoved,
    CapacitySet,
    CheckedIn,
    CheckInCorrected,
    EffortLogged,
    KeyResultDropped,
    KeyResultRetargeted,
    KeyResultSet,
    OutcomeRecorded,
    Payload,
    PolicySet,
    RunWorkArrived,
    RunWorkDone,
)

Known = Mapping[str, datetime]
"""Per type of event the time up to which what was recorded is known."""


def only(recorded: Frames, known: Known) -> Frames:
    """What of `recorded` is known."""
    seen = {name: frame.filter(pl.col("recorded_at") <= known[name]) for name, frame in recorded.by_type.items()}
    return Frames(seen, recorded.log_position, recorded.log_head)


def told(fresh: Frames, everything: Frames) -> dict[str, list[str]]:
    """What the events of `fresh` tell, in words, by the key result they are about or whose team they are about."""
    found: dict[str, list[str]] = {}
    for name, words in _of_goals(fresh):
        found.setdefault(name, []).append(words)
    sets = everything.of(KeyResultSet).unique("name", keep="last", maintain_order=True)
    members: dict[str, list[str]] = {}
    for name, team in sets.select("name", "team").iter_rows():
        members.setdefault(team, []).append(name)
    for team, words in _of_teams(fresh, everything):
        for name in members.get(team, []):
            found.setdefault(name, []).append(words)
    return found


def _of_goals(fresh: Frames) -> list[tuple[str, str]]:
    found = [(n, f"check-in of {_day(d)}: {v:g}") for n, d, v in _columns(fresh, CheckedIn, "effective_on", "value")]
    found += [
        (n, f"corrected for {_day(d)}: {v:g}") for n, d, v in _columns(fresh, CheckInCorrected, "effective_on", "value")
    ]
    found += [(n, f"outcome {v:g}") for n, v in _columns(fresh, OutcomeRecorded, "value")]
    for n, target, due in _columns(fresh, KeyResultRetargeted, "target", "due"):
        found.append((n, f"target {target:g}" + (f", due {_day(due)}" if due else "")))
    found += [
        (n, f"set: target {t:g}, due {_day(due)}") for n, t, due in _columns(fresh, KeyResultSet, "target", "due")
    ]
    return found + [(n, "dropped") for (n,) in _columns(fresh, KeyResultDropped)]


def _of_teams(fresh: Frames, everything: Frames) -> list[tuple[str, str]]:
    found = [(n, f"{p:g} people from {_day(d)}") for n, d, p in _columns(fresh, CapacitySet, "effective_on", "people")]
    found += [(n, f"{d:g} person-days of absence") for n, d in _columns(fresh, AbsencePlanned, "days")]
    found += [(n, f"policy {p.replace('_', ' ')}") for n, p in _columns(fresh, PolicySet, "policy")]
    for name, people, to, to_team in _columns(fresh, CapacityMoved, "people", "to", "to_team"):
        moved = f"{people:g} people moved to {to}" + (f" in {to_team}" if to_team else "")
        found += [(team, moved) for team in {name, to_team or name}]
    for name, run, change in _columns(fresh, EffortLogged, "run_days", "change_days"):
        found.append((name, f"effort logged: {run:g} days run, {change:g} change"))
    team_of = dict(_columns(everything, RunWorkArrived, "team"))
    came = fresh.of(RunWorkArrived)["team"].value_counts(sort=True)
    found += [(team, f"{count} item{'s' if count > 1 else ''} of run work came in") for team, count in came.iter_rows()]
    done = pl.Series([team_of.get(name) for name in fresh.of(RunWorkDone)["name"]], dtype=pl.String).drop_nulls()
    return found + [(team, f"{count} done") for team, count in done.value_counts(sort=True).iter_rows()]


def _columns(frames: Frames, payload: type[Payload], *names: str) -> list[tuple]:  # type: ignore[type-arg]
    return list(frames.of(payload).select("name", *names).iter_rows())


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"
