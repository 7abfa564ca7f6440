"""What the page for leadership costs: how large it is, and how long it takes beside the forecast.

    OPENBLAS_NUM_THREADS=1 python benchmarks/page_cost.py [--teams 20]

(as `koers` itself sets it).

A made-up organisation (`simulate` with work; 4 key results per team and cycle, 3 cycles). Processor seconds for the
forecast, for all that is worked out (forecasts of each week, past ones to judge by, the search for decisions), the same
by the clock (two threads share it), and for drawing the page from that, which must stay under 2 seconds; and the
size of the page, under 1 MB.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import UTC, datetime
from itertools import pairwise

from koers.cli.report.facts import gather
from koers.cli.report.leadership import leadership_page
from koers.engine.forecast import forecast_from
from koers.engine.replay import Frames, typed
from koers.engine.simulate import Settings, Work, simulate
from koers.events.memory import MemoryLog
from koers.events.model import end_of


def organisation(teams: int) -> tuple[Frames, Settings]:
    settings = Settings(teams=tuple(f"team-{n + 1}" for n in range(teams)), key_results=4, cycles=3, work=Work())
    log = MemoryLog(clock=lambda: datetime(2030, 1, 1, tzinfo=UTC))
    log.append(simulate(settings, 0))
    return typed(log.rows()), settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teams", type=int, default=20)
    recorded, settings = organisation(parser.parse_args().teams)
    day = settings.as_of
    forecast_from(recorded, day)  # what is compiled or read once is not counted
    marks = [time.process_time()]
    forecast_from(recorded, day)
    marks.append(time.process_time())
    began = time.perf_counter()
    facts = gather(recorded, day, end_of(day), [], {}, samples=10_000, seed=0)
    clock = round(time.perf_counter() - began, 2)
    marks.append(time.process_time())
    page = leadership_page(facts, "", "")
    marks.append(time.process_time())
    forecast, worked_out, drawn = (round(b - a, 2) for a, b in pairwise(marks))
    said = {"key_results": len(facts.forecast.key_results), "bytes": len(page.encode())}
    print(json.dumps(said | {"forecast": forecast, "worked out": worked_out, "by the clock": clock, "drawn": drawn}))


if __name__ == "__main__":
    main()
