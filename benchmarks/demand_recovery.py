"""How often what is believed of run work covers the truth, on organisations drawn from the declared model.

    python benchmarks/demand_recovery.py [--organisations N]

For histories of several lengths, with and without efforts on tickets: the share of truths between the 10 % and 90 %
quantiles of the belief (.80 if it is right), its standard error over organisations, and the mean rank (.50). Without
efforts `mean size` covers less: `size_sd` leaves out what it shares with the rate, and person-days are what counts. The
last line is one JSON object: {name of the world: {quantity: [coverage, error, mean rank]}}.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "engine"))
from demand_trials import World, logged_places, places  # type: ignore[import-not-found]

WORLDS = {
    "6 weeks": World(weeks=6),
    "26 weeks": World(weeks=26),
    "104 weeks": World(weeks=104),
    "one team, 26 weeks, no efforts": World(weeks=26, teams=1, sized=0.0),
    "rare tickets, 52 weeks": World(weeks=52, rate=0.05),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--organisations", type=int, default=300)
    given = parser.parse_args()
    seeds = range(given.organisations)
    found = {name: judged([places(world, seed) for seed in seeds]) for name, world in WORLDS.items()}
    for weeks in (8, 52, 150):
        found[f"effort logged, {weeks} weeks"] = judged([logged_places(seed, weeks) for seed in seeds])
    for name, rows in found.items():
        print(f"{name:34}{'coverage':>10}{'error':>8}{'mean rank':>11}")
        for quantity, row in rows.items():
            print(f"  {quantity:32}{row[0]:10.3f}{row[1]:8.3f}{row[2]:11.3f}")
    print(json.dumps(found))


def judged(parts: list[dict[str, NDArray[np.float64]]]) -> dict[str, list[float]]:
    """Coverage, its error and the mean rank of each quantity; `parts`: ranks by organisation."""
    found = {}
    for name in parts[0]:
        rank = np.array([part[name] for part in parts])
        inside = ((rank > 0.1) & (rank < 0.9)).mean(axis=1)
        error = inside.std() / np.sqrt(len(parts))
        found[name] = [round(float(value), 4) for value in (inside.mean(), error, rank.mean())]
    return found


if __name__ == "__main__":
    main()
