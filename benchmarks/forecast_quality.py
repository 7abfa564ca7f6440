"""How good the forecasts are on real goals, at every check-in, from what was recorded by then.

    python benchmarks/forecast_quality.py --data FOLDER

FOLDER holds key_results.csv, check_ins.csv and outcomes.csv. The last line is one JSON object: data, goals, origins,
brier, log, coverage80, baselines. Each goal counts once; probabilities are clipped to [0.005, 0.995].
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import UTC, date, datetime
from pathlib import Path

from koers.engine.backtest import KOERS, backtest, scores
from koers.events.memory import MemoryLog
from koers.events.tables import import_tables

END = date(2100, 1, 1)
"""Every goal has ended by then."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    log = MemoryLog()
    import_tables(log, [data], now=datetime.now(UTC))
    begun = time.perf_counter()
    found = {score.method: score for score in scores(backtest(log, END))}
    print(f"{data.name}: backtest in {time.perf_counter() - begun:.1f} s")
    print(f"{'method':16}{'Brier':>8}{'log':>8}{'80 %':>8}")
    for score in found.values():
        held = "" if score.coverage80 is None else f"{score.coverage80:.3f}"
        print(f"{score.method:16}{score.brier:8.3f}{score.log:8.3f}{held:>8}")
    own = found.pop(KOERS)
    baselines = {name: {"brier": score.brier, "log": score.log} for name, score in found.items()}
    shown = {key: getattr(own, key) for key in ("goals", "origins", "brier", "log", "coverage80")}
    print(json.dumps({"data": data.name, **shown, "baselines": baselines}))


if __name__ == "__main__":
    main()
