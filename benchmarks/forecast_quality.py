"""How good the forecasts are on real goals, at every check-in, from what was recorded by then.

    python benchmarks/forecast_quality.py --data FOLDER [--workers N] [--peers]

FOLDER holds key_results.csv, check_ins.csv and outcomes.csv. Each goal counts once; probabilities are clipped to
[0.005, 0.995]. `--peers` adds AutoETS, AutoTheta and AutoARIMA of statsforecast and prophet (extra `bench`), with their
own intervals, on a fixed sample of forecasts. The last line is one JSON object: data, goals, origins, brier, log,
coverage80, slope, baselines {name: {brier, log}}, skill {name: [low, mid, high]}, seconds, peak_mb.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from datetime import UTC, date, datetime
from pathlib import Path

from koers.engine.backtest import backtest
from koers.engine.executors import executor_for
from koers.engine.judge import judge
from koers.engine.replay import typed
from koers.events.memory import MemoryLog
from koers.events.tables import import_tables

END = date(2100, 1, 1)
"""Every goal has ended by then."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--peers", action="store_true")
    given = parser.parse_args()
    log = MemoryLog()
    import_tables(log, [given.data], now=datetime.now(UTC))
    begun = time.perf_counter()
    with executor_for(given.workers) as executor:
        table = backtest(log, END, executor=executor)
    took = time.perf_counter() - begun
    if given.peers:
        from slow_peers import with_peers  # beside this file

        table = with_peers(table, log)
    verdict = judge(table, typed(log), END)
    own, *others = verdict.scores
    print(f"{given.data.name}: {own.goals} goals, {own.origins:,} forecasts in {took:.1f} s\n")
    print(f"{'method':20}{'forecasts':>10}{'Brier':>8}{'log':>8}   skill of koers (95 %)")
    for score in verdict.scores:
        skill = "" if score.skill is None else "  ".join("-" if v is None else f"{v:+.2f}" for v in score.skill)
        print(f"{score.method:20}{score.origins:10,}{score.brier:8.3f}{score.log:8.3f}   {skill}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    shown = {key: getattr(own, key) for key in ("goals", "origins", "brier", "log", "coverage80")}
    slope = verdict.slope.slope if verdict.slope else None
    baselines = {score.method: {"brier": score.brier, "log": score.log} for score in others}
    skill_of = {score.method: list(score.skill) for score in others if score.skill}
    rest = {
        "slope": slope,
        "baselines": baselines,
        "skill": skill_of,
        "seconds": round(took, 1),
        "peak_mb": round(peak),
    }
    print(json.dumps({"data": given.data.name, **shown, **rest}))


if __name__ == "__main__":
    main()
