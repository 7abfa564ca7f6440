"""What a decision costs to look at: on the reference organisation, in one run; the last line is JSON.

    python benchmarks/whatif.py

Processor time of this process, the median of several runs, after the first forecast in it; the command line as a
process of its own, by the clock.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from capacity import seconds
from reference_organisation import AS_OF, events

from koers.engine.replay import typed
from koers.scenarios.compare import Ground, at
from koers.scenarios.levers import pulled
from koers.scenarios.model import Hire, MoveCapacity, RunDemand, Scenario, SetPolicy
from koers.scenarios.pairs import pair
from koers.scenarios.redone import Base, base
from koers.scenarios.search import reach
from koers.scenarios.search_deadline import deadline
from koers.scenarios.search_frontier import frontier
from koers.scenarios.sensitivity import sensitivity
from koers.scenarios.world import baseline

TEAMS = 6  # of a frontier
FENCED, GOAL, TARGET = "team-0001", "kr-0001-1-0", 0.3
CASE = "move-two.toml"
RUNS = 3


def move(team: str, people: float = 2.0) -> Scenario:
    """People of a team go from running to changing."""
    return decided(MoveCapacity(team=team, people=people, to="change"))


def decided(lever: Any) -> Scenario:  # noqa: ANN401 - any lever
    """A scenario of one lever."""
    return Scenario(name="timed", why="to time it", lever=(lever,))


def one_lever(ground: Ground, before: Base) -> None:
    """One lever on one team: every number that `koers whatif` says of it."""
    found = pair(before, pulled(baseline(ground.coupled), move("team-0003")), ground.objectives, ground.others)
    if found.nothing or "key_result/kr-0003-1-0" not in found.difference:
        raise SystemExit("the lever did nothing")


def frontiers(ground: Ground) -> None:
    """21 splits for each of TEAMS teams."""
    for n in range(TEAMS):
        (own,) = frontier(ground, f"team-{n:04}")
        if len(own.points) != 21 or not any(point.efficient for point in own.points):
            raise SystemExit("a frontier without its points")


def reached(ground: Ground) -> None:
    """The least number of people that brings a key result to a probability."""
    found = reach(ground, GOAL, TARGET, MoveCapacity(team=FENCED, people=5.0, to="change"))
    if found.amount is None or found.odds.probability < TARGET:
        raise SystemExit("the search did not get there")


def last_morning(ground: Ground) -> None:
    """The last morning on which people can still be moved."""
    if deadline(ground, move(FENCED, 4.0), 0.15, GOAL).last is None:
        raise SystemExit("no deadline was found")


def effects(ground: Ground) -> None:
    """Sobol effects of 12 inputs: what is not known of a team, and a lever."""
    found = sensitivity(ground, GOAL, move(FENCED))
    if len(found.influences) != 12 or found.sd == 0.0:
        raise SystemExit(f"{len(found.influences)} inputs, not 12")


def variance_ratios(ground: Ground, other: Ground) -> dict[str, float]:
    """Variance of deltas from independent draws over that of paired ones: the median over key results that move.

    By lever, each pulled on each team in turn, and `variance_ratio` over all of them; `other` is the same organisation
    under another seed. The more a lever changes, the less a future says of what it would have been without.
    """
    chunk = range(len(ground.coupled.chunks()[0]))
    here, there = base(ground.coupled, chunk), base(other.coupled, chunk)
    teams = ground.coupled.setting.organisation.teams.key
    found = {name: [r for team in teams for r in _ratios(here, there, of(team))] for name, of in LEVERS.items()}
    every = [r for ratios in found.values() for r in ratios]
    return {f"  {name}": float(np.median(ratios)) for name, ratios in found.items()} | {
        "variance_ratio": float(np.median(every))
    }


LEVERS: dict[str, Callable[[str], Scenario]] = {
    "one person moved": lambda team: move(team, 1.0),
    "two people moved": lambda team: move(team, 2.0),
    "one hired": lambda team: decided(Hire(team=team, people=1.0)),
    "30 % protected": lambda team: decided(SetPolicy(team=team, policy="ring_fence", parameters={"share": 0.3})),
    "10 % less run work": lambda team: decided(RunDemand(team=team, factor=0.9)),
}


def _ratios(here: Base, there: Base, scenario: Scenario) -> Iterator[float]:
    ours, theirs = (pair(of, pulled(baseline(of.coupled), scenario), {}, {}) for of in (here, there))
    place = here.coupled.setting.organisation.key_results.key.index
    for name, paired in ours.difference.items():
        if name.startswith("key_result/") and paired.any():
            k = place(name.removeprefix("key_result/"))
            after = there.chance[k] + theirs.difference[name]
            yield (float(here.chance[k].var()) + float(after.var())) / float(paired.var())


def cold_cli() -> float:
    """`koers whatif` on the case, each time a process of its own that reads the log and draws everything."""
    env = {name: value for name, value in os.environ.items() if name != "KOERS_LOG"}
    koers = [sys.executable, "-m", "koers"]
    scenario = str(files("koers.scenarios") / "case" / "scenarios" / CASE)
    with tempfile.TemporaryDirectory() as folder:

        def run(*said: str) -> str:
            out = subprocess.run([*koers, *said], cwd=folder, env=env, capture_output=True, text=True, check=True)  # noqa: S603
            return out.stdout

        run("demo")
        taken = []
        for _ in range(RUNS + 1):
            begin = time.perf_counter()
            told = json.loads(run("--log", str(Path(folder) / "koers-demo.db"), "whatif", scenario, "--json"))
            taken.append(time.perf_counter() - begin)
            if not any(row["detectable"] for row in told["scenarios"][0]["key_results"]):
                raise SystemExit("the case's what-if found nothing")
    return statistics.median(taken[1:])


def table() -> dict[str, float]:
    """Every promise, measured; and what the first what-if adds to a forecast, `base_s`."""
    recorded = typed(events())
    ground = at(recorded, AS_OF, None)
    chunk = range(len(ground.coupled.chunks()[0]))
    before = base(ground.coupled, chunk)
    timed: dict[str, Any] = {
        "base_s": lambda: base(ground.coupled, chunk),
        "frontier_s": lambda: frontiers(ground),
        "reach_s": lambda: reached(ground),
        "deadline_s": lambda: last_morning(ground),
        "sobol_s": lambda: effects(ground),
    }
    return {
        "one_lever_ms": 1e3 * seconds(lambda: one_lever(ground, before), runs=7),
        **{name: seconds(work, runs=RUNS) for name, work in timed.items()},
        **variance_ratios(ground, at(recorded, AS_OF, None, seed=1)),
        "cold_cli_s": cold_cli(),
    }


def main() -> None:
    """Print a table, and last one line of JSON."""
    found = table()
    for name, value in found.items():
        print(f"{name:22} {value:12,.3f}")
    print(json.dumps({name: round(value, 4) for name, value in found.items() if not name.startswith(" ")}))


if __name__ == "__main__":
    main()
