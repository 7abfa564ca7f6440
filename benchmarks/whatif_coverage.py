"""How often the intervals of a what-if hold what very many futures say, and what pairing is worth.

    python benchmarks/whatif_coverage.py [--seeds N] [--futures N]

Three staffed teams of a simulated log, and five scenarios. Every seed draws its futures anew and says `low` and `high`
of each probability and of what is expected overall; the truth is one run of 100,000 futures. `held` is the share of
seeds in which an interval holds it, .95 if intervals are right; `sd` the spread of (difference - truth) in standard
errors, 1 if they are; `halved` the share held by intervals of half the width, which must be found out: .67.
`least` is that of the worst number, `p` how likely one of so many is as bad if all are right. `variance_ratio`:
differences of independent draws over paired ones, median over the key results that a scenario moves. The last line is
one JSON object: {held, least, p, halved, variance_ratio, numbers, seeds, futures, seconds}.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict

import numpy as np
import polars as pl
from scipy.stats import binom

from koers.engine.projections import goals
from koers.engine.replay import Frames, typed
from koers.engine.simulate import Settings, Work, simulate
from koers.engine.standing import under_way
from koers.events.memory import MemoryLog
from koers.scenarios.compare import Comparison, Effect, what_if
from koers.scenarios.files import scenario_from_toml
from koers.scenarios.model import Scenario

SETTINGS = Settings(teams=("a", "b", "c"), cycles=3, work=Work())
TRUTH_SEED, TRUTH = 10**6, 10_000  # times ten, see compare.LIMIT
SURE = 1.959963984540054


def scenarios(moved: str, retargeted: str, target: float) -> list[Scenario]:
    """One of each sort: more people, more run work, another policy, a key result less, an easier target."""
    levers = {
        "hire": 'kind = "hire"\nteam = "a"\npeople = 2\nramp_up_days = 0',
        "busy": 'kind = "run_demand"\nfactor = 1.3',
        "fence": 'kind = "set_policy"\nteam = "c"\npolicy = "ring_fence"\nparameters = { share = 0.5 }',
        "drop": f'kind = "drop"\nkey_result = "{moved}"',
        "easier": f'kind = "retarget"\nkey_result = "{retargeted}"\ntarget = {target}',
    }
    return [
        scenario_from_toml(f'name = "{name}"\nwhy = "to see"\n[[lever]]\n{lever}\n') for name, lever in levers.items()
    ]


def numbers(found: Comparison) -> dict[str, Effect]:
    chances = found.key_results | found.objectives | found.guardrails
    return chances | {f"overall {name}": effect for name, effect in found.overall.items()}


def compared(recorded: Frames, asked: list[Scenario], samples: int, seed: int, precision: float) -> list[Comparison]:
    return what_if(recorded, SETTINGS.as_of, None, asked, samples=samples, seed=seed, precision=precision).comparisons


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--futures", type=int, default=500)
    given = parser.parse_args()
    begun = time.perf_counter()
    log = MemoryLog(as_of=SETTINGS.as_of)
    log.append(simulate(SETTINGS, 0))
    recorded = typed(log.rows())
    known = under_way(goals(recorded), SETTINGS.as_of).filter(pl.col("kind") == "metric")
    easy = known.row(0, named=True)
    target = easy["baseline"] + 0.8 * (easy["target"] - easy["baseline"])
    asked = scenarios(known.filter(pl.col("team") == "b")["key_result"][0], easy["key_result"], target)
    truth = compared(recorded, asked, TRUTH, TRUTH_SEED, 1e-9)
    told = defaultdict(list)
    for seed in range(given.seeds):
        for n, one in enumerate(compared(recorded, asked, given.futures, seed, 1.0)):
            for name, effect in numbers(one).items():
                told[n, name].append(effect)
    report(told, truth, given.seeds, given.futures, begun)


def report(
    told: dict[tuple[int, str], list[Effect]], truth: list[Comparison], seeds: int, futures: int, begun: float
) -> None:
    """A line per number that a scenario moves, then all of them."""
    held, halved, ratios = [], [], []
    for (n, name), effects in told.items():
        true = numbers(truth[n])[name]
        if true.high == true.low:
            continue
        off = np.array([effect.delta - true.delta for effect in effects])
        half = np.array([(effect.high - effect.low) / 2 for effect in effects])
        held.append(float((np.abs(off) <= half).mean()))
        halved.append(float((np.abs(off) <= half / 2).mean()))
        line = f"{truth[n].scenario.name:8}{name:24}{true.delta:+8.3f}  held {held[-1]:.3f}"
        if name in truth[n].key_results and true.detectable:
            apart = [a.scenario - b.baseline for a, b in zip(effects, effects[1:] + effects[:1], strict=True)]
            ratios.append(float(np.var(apart) / np.var([effect.delta for effect in effects])))
            line += f"  independent / paired {ratios[-1]:.1f}"
        with np.errstate(divide="ignore", invalid="ignore"):
            print(f"{line}  sd {np.nanstd(off / half * SURE):.2f}")
    least = min(held)
    p = 1 - (1 - binom.cdf(round(least * seeds), seeds, 0.95)) ** len(held)
    shown = {"held": np.mean(held), "least": least, "p": p, "halved": np.mean(halved)}
    shown |= {"variance_ratio": np.median(ratios)}
    counts = {"numbers": len(held), "seeds": seeds, "futures": futures}
    print(
        json.dumps(
            {k: round(float(v), 4) for k, v in shown.items()} | counts | {"seconds": time.perf_counter() - begun}
        )
    )


if __name__ == "__main__":
    main()
