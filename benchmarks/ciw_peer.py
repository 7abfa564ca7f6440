"""Ciw on the part of the model that it can express: one team that runs first, ticket by ticket, nobody changing."""

from __future__ import annotations

import time

import ciw
import numpy as np

from koers.engine import kernel
from koers.engine.capacity import Organisation
from koers.engine.groups import alone, members

DAYS, PEOPLE, PER_DAY, SIZE = 65, 6, 7.2, 0.5  # tickets of half a day take .6 of six people
CIW_PATHS, KERNEL_PATHS = 40, 10_000


def ciw_paths(count: int) -> float:
    """Seconds for one path of DAYS days with Ciw."""
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(rate=PER_DAY)],
        service_distributions=[ciw.dists.Lognormal(mean=np.log(SIZE) - 0.485**2 / 2, sd=0.485)],
        number_of_servers=[PEOPLE],
    )
    begin, done = time.process_time(), 0
    for seed in range(count):
        ciw.seed(seed)
        simulation = ciw.Simulation(network)
        simulation.simulate_until_max_time(DAYS)
        done += len(simulation.get_all_records())
    if done < count * DAYS * PER_DAY * 0.8:
        raise SystemExit("Ciw did not do its work")
    return (time.process_time() - begin) / count


def kernel_path(org: Organisation) -> float:
    """Seconds for one path of a team with the compiled kernel."""
    one = alone(org, members(org)[0])
    kernel.run(one, 0, range(KERNEL_PATHS))
    begin = time.process_time()
    kernel.run(one, 0, range(KERNEL_PATHS))
    return (time.process_time() - begin) / KERNEL_PATHS


def compared(org: Organisation) -> dict[str, float]:
    """Both, and their ratio."""
    peer, ours = ciw_paths(CIW_PATHS), kernel_path(org)
    return {"ciw_ms_per_team_path": 1e3 * peer, "kernel_ms_per_team_path": 1e3 * ours, "kernel_vs_ciw": peer / ours}
