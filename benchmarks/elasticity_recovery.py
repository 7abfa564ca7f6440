"""How well the effort elasticity is recovered: in the declared model, where that is wrong, and from simulated logs.

    python benchmarks/elasticity_recovery.py [--trials N] [--logs N]

First posteriors given the settings, 13 weekly readings of 8 key results of as many teams with weekly effort that
varies by half: `middle 80 %` is the share of truths whose rank lies in there, ties broken by chance (.80 where
truths come from the prior and the model is right), `interval` the share between the 10 % and 90 % quantiles, ends
included; mean and error (root mean square) are the posterior mean's; p is that of uniform ranks. Then posteriors from
logs of `koers.engine.simulate`, calm ones with a key result per team, and messy ones with four.
The last line is one JSON object: {name: {middle80, interval80, mean, error, p}, ...}.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from koers.engine import elasticity, learning, work
from koers.engine.elasticity import GRID, alone
from koers.engine.known_work import Work
from koers.engine.projections import goals, readings
from koers.engine.replay import replay
from koers.engine.simulate import METRICS, Settings, simulate

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "engine"))
from elasticity_trials import (  # type: ignore[import-not-found]
    World,
    covered,
    drawn,
    from_prior,
    inside,
    p_uniform,
    posteriors,
    ranks,
)

Floats = NDArray[np.float64]
CALM = {"lumpy": 0.0, "late": 0.0, "forgotten": 0.0, "wrong": 0.0, "retargeted": 0.0, "silent": 0.0}


def judged(name: str, found: Floats, e: Floats) -> tuple[str, dict[str, float]]:
    rank, mean = ranks(found, e, 3), found @ GRID
    values = (inside(rank), covered(found, e), mean.mean(), np.sqrt(((mean - e) ** 2).mean()), p_uniform(rank))
    shown = dict(zip(("middle80", "interval80", "mean", "error", "p"), map(float, values), strict=True))
    print(f"{name:58}" + "".join(f"{shown[key]:12.3f}" for key in list(shown)[:4]) + f"{shown['p']:12.1e}", flush=True)
    return name, shown


def worlds(trials: int) -> Iterator[tuple[str, dict[str, float]]]:
    base = World(trials)
    e, h = from_prior(trials, 1), base.hyper
    seen = drawn(base, e, 2)
    yield judged("right model, e from the prior", posteriors(base, *seen), e)
    for truth in (0.0, 0.3, 0.5, 0.7, 1.0):
        fixed = np.full(trials, truth)
        yield judged(f"right model, e = {truth}", posteriors(base, *drawn(base, fixed, 2)), fixed)
    wrong = {
        "sigma taken for twice as large": replace(h, scale=2 * h.scale),
        "sigma taken for half as large": replace(h, scale=h.scale / 2),
        "noise of readings taken for four times as large": replace(h, reading=4 * h.reading),
        "noise of readings taken for a quarter": replace(h, reading=h.reading / 4),
        "wandering of paces taken for a quarter": replace(h, wander=h.wander / 4),
        "drift taken for half as fast": replace(h, drift=h.drift / 2),
    }
    for name, other in wrong.items():
        yield judged(name, posteriors(base, *seen, other), e)
    odd = {
        "surprises normal, not Student-t": {"normal": True},
        "e differs by .3 from key result to key result": {"differ": 0.3},
        "logged effort off by 30 %": {"blurred": 0.3},
        "effort follows a shortfall, 20 % per deviation": {"chasing": 0.2},
    }
    for name, settings in odd.items():
        world = replace(base, **settings)  # type: ignore[arg-type]
        yield judged(name, posteriors(world, *drawn(world, e, 2)), e)
    for shared in (0.0, 0.25, 0.5, 0.75):
        for each in (4, 8):
            world = replace(base, teams=3, each=each, shared=shared)
            both = drawn(world, e, 2)
            name = f"3 teams of {each} key results, surprises shared by {shared}"
            yield judged(f"{name}, no discount", posteriors(world, *both), e)
            yield judged(f"{name}, discounted", posteriors(world, *both, power=float(alone(each))), e)


def from_logs(
    name: str, settings: Settings, logs: int, *, finished: bool = False, learnt: bool = False
) -> tuple[str, dict[str, float]]:
    """Posteriors from `logs` logs, their elasticities from the prior; of key results that have ended only, if asked."""
    e, found = from_prior(logs, 9), []
    for n, truth in enumerate(e):
        now = replace(settings, work=replace(settings.work or Work(), elasticity=float(truth)))
        frames = replay(simulate(now, 1_000 + n), now.as_of)
        table, said = goals(frames), readings(frames)
        hyper = learning.learn(table, said, now.as_of).trend if learnt else now.hyper
        table = table.filter(pl.col("due") <= now.as_of) if finished else table
        found.append(elasticity.posterior(table, said, work.effort(frames), hyper, now.as_of))
    return judged(name, np.array(found), e)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--logs", type=int, default=1_000)
    given = parser.parse_args()
    print(f"{'':58}{'middle 80 %':>12}{'interval':>12}{'mean':>12}{'error':>12}{'p':>12}")
    found = dict(worlds(given.trials))
    names = tuple(f"t{n}" for n in range(8))
    messy = Settings(teams=names, cycles=2, measures=METRICS, work=Work(size=(6.0, 8.0)))
    calm = replace(messy, key_results=1, **CALM)  # type: ignore[arg-type]
    full = replace(calm, work=Work(size=(6.0, 8.0), logged=1.0))
    found |= [
        from_logs("logs, calm, every week logged, ended key results", full, given.logs, finished=True),
        from_logs("logs, calm, every week logged, running ones too", full, given.logs),
        from_logs("logs, calm, 95 % of weeks logged, settings learnt", calm, given.logs, learnt=True),
        from_logs("logs, messy, four per team, settings learnt", messy, given.logs, learnt=True),
    ]
    print(json.dumps({name: {key: round(v, 4) for key, v in values.items()} for name, values in found.items()}))


if __name__ == "__main__":
    main()
