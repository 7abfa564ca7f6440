"""What a forecast costs, for 10 to 10,000 key results with 13 weekly check-ins each.

    python benchmarks/forecast_cost.py

Seconds for `forecast` on a log in memory (reading the rows, replay, learning, forecasting), the median of three; `unit`
is the time over that of SQLite-free work nobody can avoid: parsing the same rows' JSON with the standard library. The
last line is one JSON object: {"10": {seconds, ratio}, ...}.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from koers.engine.draws import normal
from koers.engine.forecast import forecast
from koers.events.memory import MemoryLog
from koers.events.model import CheckedIn, Event, KeyResultSet, end_of

START, DUE, AS_OF = date(2026, 7, 1), date(2026, 12, 31), date(2026, 9, 30)
SIZES = (10, 100, 1_000, 10_000)
WEEKS = 13


def organisation(size: int) -> MemoryLog:
    """`size` key results that move at their own pace, checked in on weekly."""
    log = MemoryLog(clock=lambda: datetime(2026, 9, 30, tzinfo=UTC))
    events = []
    for number in range(size):
        subject, pace = f"kr/k{number}", 0.7 + 0.3 * normal(1, "pace", number)
        goal = KeyResultSet(
            title="t", team="t", cycle="c", unit="u", kind="metric", direction="increase", baseline=0, target=100,
            start=START, due=DUE,
        )  # fmt: skip
        events.append(_event(f"{number}", subject, START, goal))
        value = 0.0
        for week in range(1, WEEKS + 1):
            value += 100 * (pace / 26 + 0.02 * normal(1, "step", number, week))
            events.append(
                _event(f"{number}-{week}", subject, START + timedelta(days=7 * week - 1), CheckedIn(value=value))
            )
    log.append(events)
    return log


def _event(key: str, subject: str, day: date, data: KeyResultSet | CheckedIn) -> Event:
    return Event(id=key, subject=subject, effective_on=day, recorded_at=end_of(day), data=data)


def seconds(work: Callable[[], object]) -> float:
    """Median of three runs."""
    found = []
    for _ in range(3):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return statistics.median(found)


def main() -> None:
    forecast(organisation(3), AS_OF)
    found = {}
    print(f"{'key results':>12}{'seconds':>10}{'x parsing its JSON':>20}")
    for size in SIZES:
        rows = list(organisation(size).rows())
        took = seconds(lambda rows=rows: forecast(rows, AS_OF))  # type: ignore[misc]
        limit = seconds(lambda rows=rows: [json.loads(row.data) for row in rows])  # type: ignore[misc]
        print(f"{size:12,}{took:10.3f}{took / limit:20.1f}")
        found[str(size)] = {"seconds": round(took, 3), "ratio": round(took / limit, 1)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
