"""How good the forecasts are on real goals, at every check-in, from what was recorded by then.

    python benchmarks/forecast_quality.py --data FOLDER [--workers N] [--peers] [--ablate]

FOLDER holds key_results.csv, check_ins.csv and outcomes.csv. Each goal counts once; probabilities are clipped to
[0.005, 0.995]. `--peers` adds AutoETS, AutoTheta and AutoARIMA of statsforecast and prophet (extra `bench`), with their
own intervals, on a fixed sample of forecasts. `--ablate` leaves out one stage after the other: what it earns is the
log score that is lost without it, per goal. The last line is one JSON object: data, goals, origins, brier, log,
coverage80 (by randomised PIT), coverage80_interval [low, high], slope, baselines {name: {brier, log}},
skill {name: [low, mid, high]}, seconds, peak_mb, and with `--ablate` stages {name: {brier, log, earns}}.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from koers.engine.backtest import KOERS, backtest
from koers.engine.executors import executor_for
from koers.engine.judge import CLIP, held, judge
from koers.engine.learning import STAGES
from koers.engine.replay import typed
from koers.engine.scoring import brier, difference, log_score, per_goal
from koers.events.memory import MemoryLog
from koers.events.tables import import_tables

END = date(2100, 1, 1)
"""Every goal has ended by then."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--ablate", action="store_true")
    given = parser.parse_args()
    log = MemoryLog()
    import_tables(log, [given.data], now=datetime.now(UTC))
    begun = time.perf_counter()
    recorded = typed(log)
    with executor_for(given.workers) as executor:
        table = backtest(recorded, END, executor=executor)
        took = time.perf_counter() - begun
        without = {
            s: backtest(recorded, END, stages=STAGES - {s}, executor=executor)
            for s in (sorted(STAGES) if given.ablate else ())
        }
    if given.peers:
        from slow_peers import with_peers  # beside this file

        table = with_peers(table, log)
    verdict = judge(table, recorded, END)
    own, *others = verdict.scores
    print(f"{given.data.name}: {own.goals} goals, {own.origins:,} forecasts in {took:.1f} s\n")
    print(f"{'method':20}{'forecasts':>10}{'Brier':>8}{'log':>8}   skill of koers (95 %)")
    for score in verdict.scores:
        skill = "" if score.skill is None else "  ".join("-" if v is None else f"{v:+.2f}" for v in score.skill)
        print(f"{score.method:20}{score.origins:10,}{score.brier:8.3f}{score.log:8.3f}   {skill}")
    stages = earned(table, without)
    for name, found in stages.items():
        low, mid, high = found["earns"]
        print(
            f"without {name:16}{found['brier']:14.3f}{found['log']:8.3f}   earns {mid:+.3f} [{low:+.3f}, {high:+.3f}]"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    shown = {key: getattr(own, key) for key in ("goals", "origins", "brier", "log", "coverage80")}
    slope = verdict.slope.slope if verdict.slope else None
    baselines = {score.method: {"brier": score.brier, "log": score.log} for score in others}
    skill_of = {score.method: list(score.skill) for score in others if score.skill}
    rest = {
        "coverage80_interval": covered(table),
        "slope": slope,
        "baselines": baselines,
        "skill": skill_of,
        "seconds": round(took, 1),
        "peak_mb": round(peak),
    }
    if given.ablate:
        rest["stages"] = stages
    print(json.dumps({"data": given.data.name, **shown, **rest}))


def own_rows(table: pl.DataFrame) -> pl.DataFrame:
    """The forecasts of koers, in one order, with their clipped log score."""
    rows = table.filter(pl.col("method") == KOERS).sort("key_result", "as_of")
    p = np.clip(rows["probability"].to_numpy(), CLIP, 1 - CLIP)
    y = rows["attained"].cast(pl.Float64).to_numpy()
    return rows.with_columns(brier=pl.Series(brier(p, y)), log=pl.Series(log_score(p, y)))


def covered(table: pl.DataFrame) -> list[float | None]:
    """The 95 % interval of how many outcomes the 80 % intervals hold, by a bootstrap over teams."""
    rows = own_rows(table)
    inside = held(rows)
    low, _, high = difference(inside, np.zeros_like(inside), rows["key_result"], rows["team"], seed=0)
    return [low, high]


def earned(table: pl.DataFrame, without: dict[str, pl.DataFrame]) -> dict[str, dict[str, Any]]:
    """Scores without each stage, and the log score that it earns: [low, mid, high], by a bootstrap over teams."""
    own, found = own_rows(table), {}
    goal, team = own["key_result"], own["team"]
    for name, rows in without.items():
        other = own_rows(rows)
        earns = difference(other["log"].to_numpy(), own["log"].to_numpy(), goal, team, seed=0)
        scores = {score: per_goal(goal, other[score].to_numpy()) for score in ("brier", "log")}
        found[name] = scores | {"earns": list(earns)}
    return found


if __name__ == "__main__":
    main()
