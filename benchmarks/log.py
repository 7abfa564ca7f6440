"""What an append costs, beside the recorder of the library `eventsourcing`, in one run (extra: bench).

    python benchmarks/log.py [--folder FOLDER] [--singles 1000] [--batches 9]

The peer neither validates nor chains; it is given the same facts as one JSON text, and the same durability: journal
mode TRUNCATE, synchronous FULL. Both take turns; a ratio is that of the medians, 1 means as fast. What making the
events costs, which is where they are validated, is printed beside. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore

from koers.events.interchange import export_events, import_events
from koers.events.log import EventLog, open_log
from koers.events.model import CheckedIn, Event, data_text

BATCH = 10_000
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


def made(count: int) -> list[Event]:
    return [
        Event(
            id=str(uuid.uuid4()),
            subject=f"kr/key-result-{n % 100}",
            effective_on=date(2026, 1, 5),
            recorded_at=START + timedelta(seconds=n),
            actor="owner",
            data=CheckedIn(value=n / 7, confidence=0.5),
        )
        for n in range(count)
    ]


def told(event: Event) -> StoredEvent:
    """The same facts for the peer."""
    facts = {
        "subject": event.subject,
        "effective_on": event.effective_on.isoformat(),
        "recorded_at": event.recorded_at.isoformat(),
        "actor": event.actor,
        "data": json.loads(data_text(event.data)),
    }
    return StoredEvent(
        originator_id=uuid.UUID(event.id), originator_version=1, topic=event.type, state=json.dumps(facts).encode()
    )


def peer(path: Path) -> SQLiteApplicationRecorder:
    """A recorder as durable as koers."""
    store = SQLiteDatastore(str(path), pool_size=1)
    store.pool.is_journal_mode_wal = True  # it is not, and shall not be
    connection = store.pool.get_connection(is_writer=True)
    modes = [
        connection._sqlite_conn.execute(f"PRAGMA {p}").fetchone() for p in ("journal_mode=TRUNCATE", "synchronous")
    ]
    connection._sqlite_conn.execute("PRAGMA synchronous=FULL")
    store.pool.put_connection(connection)
    if modes[0][0] != "truncate":
        raise SystemExit(f"the peer's journal is {modes[0][0]}")
    recorder = SQLiteApplicationRecorder(store)
    recorder.create_table()
    return recorder


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def singles(log: EventLog, recorder: SQLiteApplicationRecorder, count: int) -> tuple[list[float], list[float]]:
    ours, theirs = [], []
    for event in made(count):
        stored = told(event)
        ours.append(seconds(lambda event=event: log.append([event])))  # type: ignore[misc]
        theirs.append(seconds(lambda stored=stored: recorder.insert_events([stored])))  # type: ignore[misc]
    return ours, theirs


def batches(log: EventLog, recorder: SQLiteApplicationRecorder, count: int) -> tuple[list[float], list[float]]:
    ours, theirs = [], []
    for _ in range(count):
        events = made(BATCH)
        stored = [told(event) for event in events]
        ours.append(seconds(lambda events=events: log.append(events)))  # type: ignore[misc]
        theirs.append(seconds(lambda stored=stored: recorder.insert_events(stored)))  # type: ignore[misc]
    return ours, theirs


def imported(folder: Path, count: int) -> float:
    """Events per second that come in out of CloudEvents, into an empty log: the best of three."""
    with open_log(folder / "from.db", create=True) as log:
        log.append(made(count))
        export_events(log, folder / "log.jsonl")
    least = float("inf")
    for n in range(3):
        with open_log(folder / f"to-{n}.db", create=True) as log:
            least = min(least, seconds(lambda log=log: import_events(log, [folder / "log.jsonl"])))  # type: ignore[misc]
    return count / least


def ratio(name: str, events: int, ours: list[float], theirs: list[float]) -> float:
    our, their = statistics.median(ours), statistics.median(theirs)
    print(f"{name}: koers {events / our:,.0f} events/s, eventsourcing {events / their:,.0f}; {their / our:.2f} x")
    return round(their / our, 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=None, help="where the logs are written [the system's]")
    parser.add_argument("--singles", type=int, default=1_000)
    parser.add_argument("--batches", type=int, default=9)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        recorder = peer(Path(name) / "peer.db")
        with open_log(Path(name) / "koers.db", create=True) as log:
            single = ratio("single appends", 1, *singles(log, recorder, given.singles))
            batch = ratio(f"batches of {BATCH:,}", BATCH, *batches(log, recorder, given.batches))
        recorder.datastore.close()
        came = imported(Path(name), 5 * BATCH)
    print(f"import of CloudEvents: {came:,.0f} events/s")
    print(f"making and validating: {BATCH / seconds(lambda: made(BATCH)):,.0f} events/s")
    figures = {"single_vs_eventsourcing": single, "batch10k_vs_eventsourcing": batch}
    print(json.dumps(figures | {"import_events_per_s": round(came)}))


if __name__ == "__main__":
    main()
