"""How a backtest grows: 1,000 to 100,000 goals in ten cycles, 13 weekly check-ins each, everything learnt anew weekly.

    python benchmarks/backtest_growth.py [--most 100000] [--workers N]

Seconds, forecasts per second and peak memory of the process (each size in a process of its own). The last line is one
JSON object: {"1000": {seconds, forecasts, peak_mb}, ...}.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from collections.abc import Iterator
from datetime import date, timedelta

from koers.engine.backtest import KOERS, backtest
from koers.engine.draws import generator
from koers.engine.executors import executor_for
from koers.events.chain import timestamp
from koers.events.model import CheckedIn, KeyResultSet, Row, data_text, end_of

FIRST = date(2020, 1, 1)
CYCLES, WEEKS = 10, 13
SIZES = (1_000, 10_000, 100_000)


def rows(goals: int) -> Iterator[Row]:
    """Stored rows of `goals` key results; a log of this size need not be written to be read."""
    position = 0
    for cycle in range(CYCLES):
        start = FIRST + timedelta(days=7 * WEEKS * cycle)
        due = start + timedelta(days=7 * WEEKS - 1)
        draws = generator(1, "growth", cycle).random((goals // CYCLES, WEEKS + 1))
        steps = draws[:, :1] * 2.0 / WEEKS + 0.1 * (draws[:, 1:] - 0.5)
        for number, values in enumerate(100.0 * steps.cumsum(axis=1)):
            goal = KeyResultSet(
                title="t", team=f"t{number % 20}", cycle=f"c{cycle}", unit="u", kind="metric", direction="increase",
                baseline=0.0, target=100.0, start=start, due=due,
            )  # fmt: skip
            position += 1
            yield _row(position, f"kr/{cycle}-{number}", start, goal)
            for week, value in enumerate(values):
                position += 1
                day = start + timedelta(days=7 * week + 6)
                yield _row(position, f"kr/{cycle}-{number}", day, CheckedIn(value=float(value)))


def _row(position: int, subject: str, day: date, data: KeyResultSet | CheckedIn) -> Row:
    at = timestamp(end_of(day))
    return Row(
        position, str(position), data.type, subject, str(day), at, None, data_text(data), None, None, None, at, ""
    )


def measure(goals: int, workers: int) -> dict[str, float]:
    """Seconds, forecasts and peak memory of one backtest."""
    recorded = list(rows(goals))
    begun = time.perf_counter()
    with executor_for(workers) as executor:
        table = backtest(recorded, date(2100, 1, 1), executor=executor)
    took = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    forecasts = (table["method"] == KOERS).sum()
    return {"seconds": round(took, 1), "forecasts": int(forecasts), "peak_mb": round(peak)}


def _in_its_own_process(goals: int, workers: int, answer: multiprocessing.Queue[dict[str, float]]) -> None:
    answer.put(measure(goals, workers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=SIZES[-1])
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    found = {}
    print(f"{'goals':>10}{'forecasts':>12}{'seconds':>10}{'peak MB':>10}")
    for goals in [size for size in SIZES if size <= given.most]:
        answer: multiprocessing.Queue[dict[str, float]] = spawn.Queue()
        process = spawn.Process(target=_in_its_own_process, args=(goals, given.workers, answer))
        process.start()
        one = answer.get()
        process.join()
        found[str(goals)] = one
        print(f"{goals:10,}{one['forecasts']:12,}{one['seconds']:10.1f}{one['peak_mb']:10,}", flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
