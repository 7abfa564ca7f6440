"""What a replay costs: a log read into frames, and every projection of them that `status` and `forecast` read.

    python benchmarks/replay.py [--events 1000000] [--large 5000000] [--folder FOLDER]

Everything is measured in one run on one synthetic log (`ledger.py` says of what events); the last line is JSON:

- cold_vs_scan: no columnar copy there. Reads the log, decodes it, writes the copy, takes the view of the last day and
  makes every projection; in times of what SQLite needs for `SELECT sum(length(data))` over the same table.
- cold_vs_eventsourcing: how many times faster that is than the library `eventsourcing` going through as many events of
  the same content by its SQLite recorder's notifications, `json.loads` of each state, the last of each aggregate kept
  in a dict. That is the least it can do: no domain objects are made, no transcoding, nothing is projected.
- warm_vs_scan: the same as cold, but from the copy.
- tail_ms: catching up with 100 more events, from the frames of the events before to frames of all, in milliseconds.
  Projections are made anew after it, as they are in warm.
- peak_mb_5m: the most memory that the cold replay of the large log held, Python and polars included, in MiB, by
  VmHWM of a process of its own (Linux).

Times are wall-clock, the best of several, the scan's in between. What is not in them: starting Python, importing
polars, and opening the log. Libraries are asked for the same as by the command (`cli.lighter.LIBRARIES`).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger import DAYS, FIRST, add_events, make_log

from koers.cli.lighter import LIBRARIES
from koers.engine import projections, work
from koers.engine.replay import view
from koers.events.cache import caught_up, copy_of, read_frames
from koers.events.log import EventLog, open_log
from koers.events.model import end_of

if TYPE_CHECKING:
    from eventsourcing.sqlite import SQLiteApplicationRecorder

LAST = FIRST + timedelta(days=DAYS)
PROJECTIONS = (
    *(work.capacity, work.absences, work.policies, work.moves, work.effort, work.run_work),
    *(work.initiatives, work.kpis, work.kpi_values),
    *(projections.goals, projections.readings),
)
TAIL = 100
PAGE = 10_000


def replayed(log: EventLog) -> int:
    """Replay into every projection; the rows they have."""
    frames = view(read_frames(log), LAST, end_of(LAST))
    return sum(projection(frames).height for projection in PROJECTIONS)


def best(times: int, *tasks: Callable[[], object]) -> list[float]:
    """The least seconds of each task, done in turn so many times."""
    found = [float("inf")] * len(tasks)
    for _ in range(times):
        for n, task in enumerate(tasks):
            begun = time.perf_counter()
            task()
            found[n] = min(found[n], time.perf_counter() - begun)
    return found


def scan(path: Path) -> Callable[[], object]:
    """What SQLite needs to look at the text of every event."""
    import sqlite3

    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    return lambda: db.execute("SELECT sum(length(data)) FROM events").fetchone()


def peer(path: Path, log: EventLog) -> Callable[[], object]:
    """The same events in the SQLite recorder of `eventsourcing`, and going through them."""
    from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore

    there = path.exists()
    recorder = SQLiteApplicationRecorder(SQLiteDatastore(str(path), originator_id_type="text"))
    if not there:
        recorder.create_table()
        _fill(recorder, log)

    def through() -> int:
        state: dict[str, Any] = {}
        start = 1
        while page := recorder.select_notifications(start=start, limit=PAGE):
            for event in page:
                state[str(event.originator_id)] = json.loads(event.state)
            start = page[-1].id + 1
        return len(state)

    return through


def _fill(recorder: SQLiteApplicationRecorder, log: EventLog) -> None:
    from eventsourcing.persistence import StoredEvent

    versions: dict[str, int] = {}
    page: list[StoredEvent] = []
    for row in log.rows():
        versions[row.subject] = version = versions.get(row.subject, 0) + 1
        page.append(StoredEvent(row.subject, version, row.type, row.data.encode()))
        if len(page) == PAGE:
            recorder.insert_events(page)
            page = []
    recorder.insert_events(page)


def peak(path: Path) -> float:
    """The most memory a process held that replayed the log in `path`, MiB."""
    copy_of(path).unlink(missing_ok=True)
    done = subprocess.run([sys.executable, __file__, "--peak", str(path)], capture_output=True, text=True, check=True)  # noqa: S603
    return float(done.stdout)


def measured(events: int, large: int, folder: Path) -> dict[str, float]:
    """All figures; logs that `folder` holds already are taken as they are."""
    path, big = folder / f"{events}.db", folder / f"{large}.db"
    for one, count in ((path, events), (big, large)):
        if not one.exists():
            make_log(one, count)
    memory = peak(big)  # first: a process counts what the one that starts it holds at that moment
    with open_log(path) as log:
        through = peer(folder / f"{events}-peer.db", log)

        def cold() -> None:
            copy_of(path).unlink(missing_ok=True)
            replayed(log)

        cold_s, scan_s, peer_s = best(3, cold, scan(path), through)
        warm_s, scan_again = best(9, lambda: replayed(log), scan(path))
        scan_s = min(scan_s, scan_again)
        print(f"scan {scan_s:.3f} s, cold {cold_s:.3f}, eventsourcing {peer_s:.3f}, warm {warm_s:.3f}")
        known = read_frames(log)
        add_events(path, TAIL, seed=log.head().position)
        (tail_s,) = best(9, lambda: caught_up(known, log))
        (behind_s,) = best(5, lambda: replayed(log))
        print(f"warm with {TAIL} events that the copy does not hold: {behind_s:.3f} s")
    return {
        "cold_vs_scan": round(cold_s / scan_s, 2),
        "cold_vs_eventsourcing": round(peer_s / cold_s, 2),
        "warm_vs_scan": round(warm_s / scan_s, 2),
        "tail_ms": round(1_000 * tail_s, 2),
        "peak_mb_5m": round(memory, 1),
    }


def peak_mb() -> float:
    """The most memory this process has held; ru_maxrss would count the one that started it, too."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--events", type=int, default=1_000_000)
    options.add_argument("--large", type=int, default=5_000_000, help="events of the log whose memory is measured")
    options.add_argument("--folder", type=Path, help="where to keep the logs; default: a folder that is thrown away")
    options.add_argument("--peak", type=Path, help=argparse.SUPPRESS)
    given = options.parse_args()
    if not os.environ["_RJEM_MALLOC_CONF"].endswith(LIBRARIES["_RJEM_MALLOC_CONF"]):  # polars puts its own before it
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | LIBRARIES)  # noqa: S606
    if given.peak:
        with open_log(given.peak) as log:
            replayed(log)
        print(peak_mb())
        return
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measured(given.events, given.large, given.folder or Path(folder))))


if __name__ == "__main__":
    main()
