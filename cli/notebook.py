"""The Python face: the questions of the command line as calls, on a log or on plain events.

A log that carries its own date (the demo's does) is asked as of that date; any other as of now. `as_of` is a date, or
text such as "2026-11-13".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import fields
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from koers.cli import results
from koers.cli.session import Session
from koers.engine.forecast import forecast_from
from koers.engine.prospect import SAMPLES
from koers.engine.replay import Frames, typed
from koers.events.cache import read_frames
from koers.events.columns import day as day_of
from koers.events.errors import InputError
from koers.events.log import EventLog, notes_of
from koers.events.memory import MemoryLog
from koers.events.model import Event, Row

if TYPE_CHECKING:
    from koers.events import tables as importing
    from koers.events.arrow import ArrowTable
    from koers.scenarios.model import Scenario

Events = Iterable[Event | Row]
Day = date | str


def forecast(
    log: EventLog | Events,
    as_of: Day | None = None,
    known_at: datetime | None = None,
    *,
    cycle: str | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
) -> results.Forecast:
    """The probability of every key result that is under way at the end of `as_of`, or of all of `cycle`.

    `known_at` (default: the end of `as_of`) hides what was recorded later. `samples` and `seed` name the futures of
    the capacity model. Raises InputError for a day that is none, LogError for a log that cannot be read.
    """
    given = log if isinstance(log, EventLog) else list(log)
    recorded, (day, known) = _read(given), _times(given, as_of, known_at)
    found = forecast_from(recorded, day, known, cycle=cycle, samples=samples, seed=seed)
    notes = given.notes() if isinstance(given, EventLog) else notes_of(given)
    return results.Forecast(**_parts(found), recorded=recorded, notes=notes)


def explain(
    log: EventLog | Events,
    key_result: str,
    since: Day | None = None,
    as_of: Day | None = None,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
) -> results.Explanation:
    """Why the probability of a key result moved from the end of `since` (default: a week before) to that of `as_of`.

    Raises InputError where the key result is not in the log or has no forecast on both days.
    """
    from koers.cli.explain import explained

    recorded, (day, known) = _read(log), _times(log, as_of, None)
    first = None if since is None else _day(since, "since")
    title, found = explained(recorded, key_result, first, day, known, samples=samples, seed=seed)
    return results.Explanation(**_parts(found), title=title)


def what_if(
    log: EventLog | Events,
    scenarios: Scenario | str | Path | Sequence[Scenario | str | Path],
    as_of: Day | None = None,
    known_at: datetime | None = None,
    *,
    precision: float = 0.01,
    samples: int = SAMPLES,
    seed: int = 0,
) -> results.WhatIf:
    """What scenarios would change, in the same futures as going on as planned.

    A scenario is one from `load_scenario`, or its file, or the name of one of the demo's. Raises InputError where a
    file or a lever does not fit, KoersError where the log declares no capacity.
    """
    from koers.cli.effects import titles
    from koers.scenarios import compare
    from koers.scenarios.files import load_scenario
    from koers.scenarios.model import Scenario

    asked = [scenarios] if isinstance(scenarios, Scenario | str | Path) else scenarios
    loaded = [one if isinstance(one, Scenario) else load_scenario(one) for one in asked]
    recorded, (day, known) = _read(log), _times(log, as_of, known_at)
    found, warnings = compare.what_if(recorded, day, known, loaded, samples=samples, seed=seed, precision=precision)
    return results.WhatIf(day, tuple(found), tuple(warnings), titles(recorded, day, known, loaded))


def backtest(
    log: EventLog | Events | Frames,
    until: Day | None = None,
    *,
    start: Day | None = None,
    end: Day | None = None,
    cycle: str | None = None,
    every: int | None = None,
    issued: bool = False,
    executor: Executor | None = None,
) -> results.Backtest:
    """How often what koers says comes true: forecasts of key results that ended by `until`, from what was known then.

    `every` puts common origins that many days apart, in place of one at each check-in; `issued` scores the forecasts
    kept in the log. `start`, `end` and `cycle` narrow origins and key results down. `executor` shares out the work.
    """
    from koers.engine import backtest as origins
    from koers.engine.judge import judge
    from koers.engine.outlook import INSIDE

    recorded, (last, _) = _read(log), _times(log, until, None)
    first, final = (None if one is None else _day(one, name) for one, name in ((start, "start"), (end, "end")))
    table = origins.backtest(
        recorded, last, start=first, end=final, cycle=cycle, every=every, issued=issued, executor=executor
    )
    return results.Backtest(last, table.drop(INSIDE), judge(table, recorded, last))


def import_tables(
    log: EventLog,
    tables: str | Path | Sequence[str | Path] | Mapping[str, ArrowTable],
    *,
    now: datetime | None = None,
    allow_extra: bool = False,
) -> importing.Imported:
    """Take tables into `log`, all or nothing: CSV files, folders of them and workbooks, or tables in memory by name.

    A table in memory is anything with `__arrow_c_stream__`: polars, pandas, pyarrow, duckdb. Rows the log knows add
    nothing, edited ones become corrections, recorded `now` (default: the log's present). Raises InputError, naming the
    table and the row, for the first thing that cannot be taken; then the log is as it was.
    """
    from koers.events import tables as importing

    moment = now or Session().now(log)
    if isinstance(tables, Mapping):
        return importing.import_tables(log, tables, now=moment, allow_extra=allow_extra)
    paths = [tables] if isinstance(tables, str | Path) else tables
    return importing.import_tables(log, [Path(path) for path in paths], now=moment, allow_extra=allow_extra)


def _read(log: EventLog | Events | Frames) -> Frames:
    """What was recorded; of a log by its columnar copy, where it has one."""
    if isinstance(log, Frames):
        return log
    return read_frames(log) if isinstance(log, EventLog) else typed(log)


def _times(log: object, as_of: Day | None, known_at: datetime | None) -> tuple[date, datetime]:
    """The day and time that are meant; plain events have no date of their own."""
    day = None if as_of is None else _day(as_of, "as_of")
    return Session().times(log if isinstance(log, EventLog) else MemoryLog(), day, known_at)


def _day(given: Day, what: str) -> date:
    if isinstance(given, datetime):
        return given.date()
    if isinstance(given, date):
        return given
    try:
        return day_of(given)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what}: {error}") from None


def _parts(found: object) -> dict[str, Any]:
    """The fields of a result, to say it again with more."""
    return {part.name: getattr(found, part.name) for part in fields(found)}  # type: ignore[arg-type]
