"""What the capacity simulation costs: on one core, in one run, against the SimPy reference of the same model.

    python benchmarks/capacity.py            the table of the reference organisation; the last line is JSON
    python benchmarks/capacity.py --growth   time and memory for more teams and more futures
    python benchmarks/capacity.py --ciw      the part of the model that Ciw can express (extra: bench)

Processor time of this process, the median of several runs; SimPy on a few futures, scaled up. By the clock: two
threads, the fastest of many turns each; and the first answer, which is a process of its own on one core.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from first_answer import first_answer
from reference_organisation import AS_OF, events

from koers.engine import kernel, lanes
from koers.engine.capacity import Floats
from koers.engine.coupled import CHUNK, Coupled, couple
from koers.engine.draws import normals, words
from koers.engine.futures import alone, elasticities, gained, own_scale, reached, usual_effort
from koers.engine.groups import members
from koers.engine.luck import Luck, at_rest, draw_for, fill, known, rates, sizes, start_of
from koers.engine.motion import Motion, Noise, motion, noise, streams
from koers.engine.paths import paths
from koers.engine.projections import goals, readings
from koers.engine.reference import play
from koers.engine.reference_paths import Walk
from koers.engine.replay import Frames, typed, view
from koers.events.model import end_of

FUTURES, THREADS = 10_000, 2
PLAYED = 10  # futures of the SimPy reference
TURNS = 40  # of one thread and two: a second core is not free all the time


def seconds(work: Callable[[], Any], runs: int = 5, *, wall: bool = False) -> float:
    """Median of the time that `work` takes, after one run that is not counted."""
    clock = time.perf_counter if wall else time.process_time
    work()
    taken = []
    for _ in range(runs):
        begin = clock()
        work()
        taken.append(clock() - begin)
    return statistics.median(taken)


def world(teams: int = 20, samples: int = FUTURES) -> tuple[Frames, Coupled, Motion]:
    """The reference organisation, ready to be drawn from."""
    return coupled_from(view(typed(events(teams)), AS_OF, end_of(AS_OF)), samples)


def coupled_from(frames: Frames, samples: int) -> tuple[Frames, Coupled, Motion]:
    """An organisation, ready to be drawn from."""
    table, values = goals(frames), readings(frames)
    coupled = couple(frames, table, values, AS_OF, samples=samples)
    if coupled is None:
        raise SystemExit("no capacity in the reference organisation")
    calendar = coupled.setting.organisation.calendar
    return frames, coupled, motion(coupled.goals, values, coupled.taught, coupled.staff.as_of, calendar)


def simpy_paths(coupled: Coupled, moving: Motion, count: int) -> None:
    """Whole paths in SimPy, draws ready."""
    for n in range(count):
        _play(coupled, moving, *DRAWN[n])


DRAWN: dict[int, tuple[Any, ...]] = {}


def _prepare(coupled: Coupled, count: int) -> None:
    """Draws of the SimPy futures: their time is not SimPy's."""
    org = coupled.setting.organisation
    for n in range(count):
        one = range(n, n + 1)
        size, e = sizes(org, coupled.seed, one), elasticities(coupled.setting, coupled.seed, one)
        keys = org.key_results.key
        DRAWN[n] = (
            coupled.luck(n),
            noise(coupled.seed, keys, org.calendar.day, org.key_results.due, n),
            float(e[0]),
            usual_effort(org, coupled.setting.usual, size)[:, 0],
            own_scale(coupled.setting, e)[:, 0] / coupled.setting.at_due.scale,
        )


def _play(coupled: Coupled, moving: Motion, luck: Luck, drawn: Noise, e: float, usual: Floats, kept: Floats) -> None:
    walk = Walk(coupled.setting, moving, drawn, e, usual, kept)
    play(coupled.setting.organisation, luck, extra=[walk.process])
    if walk.end.shape != (len(coupled.goals),) or not np.isfinite(walk.end).all():
        raise SystemExit("the SimPy reference did not do its work")


def probability(coupled: Coupled, executor: ThreadPoolExecutor | None = None) -> Floats:
    """P(reached) of every key result from FUTURES futures, draws included.

    On threads sizes and rates, some groups of teams each (see `kernel.run`), and then a part of the futures each.
    """
    org, seed, samples = coupled.setting.organisation, coupled.seed, coupled.samples
    edges = np.linspace(0, samples, THREADS + 1 if executor else 2).astype(int).tolist()
    parts = [range(low, high) for low, high in pairwise(edges)]
    each: Callable[..., Any] = executor.map if executor else map
    size, rate = each(lambda draw: draw(org, seed, range(samples)), (sizes, rates))
    drawn = kernel.run(org, seed, range(samples), size=size, rate=rate, start=coupled.now, means=0, executor=executor)
    return np.asarray(np.sum(list(each(partial(_chances, coupled, drawn, size), parts)), axis=0) / samples)


def _chances(coupled: Coupled, drawn: kernel.Futures, size: Floats, some: range) -> Floats:
    """The sum over some futures."""
    own = slice(some.start, some.stop)
    part = drawn._replace(effort=drawn.effort[:, own], landed=drawn.landed[:, own])
    e = elasticities(coupled.setting, coupled.seed, some)
    return np.asarray(reached(coupled.setting, gained(coupled.setting, part, size[:, own], e), e).sum(axis=1))


def random_numbers(coupled: Coupled) -> None:
    """Every number that the paths draw, by the same named streams, and nothing else."""
    org = coupled.setting.organisation
    when = np.arange(len(org.calendar.day) + 1)[:, None]
    teams, rails, plans = (np.arange(len(part.key)) for part in (org.teams, org.guardrails, org.initiatives))
    compiled, _ = kernel.machine()
    for low in range(0, FUTURES, 500):
        some, r = range(low, low + 500), np.arange(low, low + 500)
        begun = known(org, coupled.seed, some, at_rest(org, 500))
        draw_for(org, teams, rails, plans, coupled.seed, some, begun, compiled)
        for key in streams(coupled.seed, org.key_results.key):
            normals(int(key[3]), r, when)
            words(int(key[3]), r, when)
            for once in (0, 1, 2, 4):
                normals(int(key[once]), r, 0)


def with_numpy(work: Callable[[], Any]) -> float:
    """Time of `work` where numba is missing."""
    compiled = kernel.machine
    kernel.machine = lambda: (fill, lanes.mill)
    try:
        return seconds(work, runs=3)
    finally:
        kernel.machine = compiled


def one_team(coupled: Coupled) -> Callable[[], Any]:
    """One team gets two more people: its futures again, probabilities, and quantiles of its weeks."""
    org, chunk = coupled.setting.organisation, range(coupled.samples)
    start = coupled.now
    e = elasticities(coupled.setting, coupled.seed, chunk)
    people = org.teams.people.copy()
    people[3] += 2.0
    changed = replace(org, teams=replace(org.teams, people=people))
    own = next(group for group in members(org) if 3 in group.teams)
    begin = start_of(start, own.teams, own.guardrails)

    def work() -> None:
        setting = alone(replace(coupled.setting, organisation=changed), own)
        own_size = sizes(setting.organisation, coupled.seed, chunk)
        org = setting.organisation
        found = kernel.run(org, coupled.seed, chunk, size=own_size, start=begin, means=0, weekly=FUTURES)
        reached(setting, gained(setting, found, own_size, e), e).mean(axis=1)
        share = np.divide(found.run, found.present, out=np.zeros_like(found.run), where=found.present > 0)
        np.quantile(np.sort(share, axis=2), (0.1, 0.5, 0.9), axis=2)

    return work


def table() -> dict[str, float]:
    """Every promise, measured."""
    _, coupled, moving = world()
    _prepare(coupled, PLAYED)
    start = coupled.now
    one = seconds(lambda: simpy_paths(coupled, moving, PLAYED), runs=3) / PLAYED * FUTURES
    path = seconds(lambda: paths(coupled.setting, moving, coupled.seed, range(FUTURES), start), runs=3)
    chance = seconds(lambda: probability(coupled))
    drawn = seconds(lambda: random_numbers(coupled), runs=3)
    plain = with_numpy(lambda: probability(coupled))
    with ThreadPoolExecutor(THREADS) as pool:
        both = [[seconds(partial(probability, coupled, on), 1, wall=True) for on in (None, pool)] for _ in range(TURNS)]
    alone, shared = np.min(both, axis=0).tolist()
    return {
        "simpy_s": one,
        "path_s": path,
        "probability_s": chance,
        "rng_s": drawn,
        "path_vs_simpy": one / path,
        "probability_vs_simpy": one / chance,
        "probability_vs_rng": chance / drawn,
        "numpy_vs_simpy": one / plain,
        "two_threads": alone / shared,
        "one_team_ms": 1e3 * seconds(one_team(coupled)),
        "first_answer_warm_s": first_answer(cold=False),
        "first_answer_cold_s": first_answer(cold=True),
    }


def growth() -> list[dict[str, float]]:
    """Seconds and peak memory (MB, of the process so far) for teams and futures, learning what is usual included."""
    world(1, 100)  # numba has loaded
    found = []
    for teams, futures in (
        (1, 10_000),
        (10, 1_000),
        (10, 10_000),
        (10, 100_000),
        (10, 1_000_000),
        (100, 10_000),
        (1_000, 10_000),
    ):
        frames = view(typed(events(teams)), AS_OF, end_of(AS_OF))
        begin = time.process_time()
        _, coupled, _ = coupled_from(frames, futures)
        for chunk in coupled.chunks():
            some = coupled.at(chunk)
            _, gain, e = some.futures(chunk)
            reached(some.setting, gain, e).mean(axis=1)
        taken = time.process_time() - begin
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        found.append({"teams": teams, "futures": futures, "seconds": taken, "peak_mb": peak})
        print(f"{teams:6,} teams {futures:10,} futures {taken:8.2f} s {peak:8,.0f} MB")
    return found


def on_one_core() -> None:
    """Begin anew without threads of OpenBLAS, which `koers` does without, too: they are counted as work."""
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"OPENBLAS_NUM_THREADS": "1"})  # noqa: S606


def main() -> None:
    """Print a table, and last one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--growth", action="store_true", help="time and memory for more teams and more futures")
    parser.add_argument("--ciw", action="store_true", help="the part of the model that Ciw can express")
    given = parser.parse_args()
    if given.growth:
        print(json.dumps({"growth": growth(), "chunk": CHUNK}))
        return
    if given.ciw:
        from ciw_peer import compared

        print(json.dumps(compared(world()[1].setting.organisation)))
        return
    found = table()
    for name, value in found.items():
        print(f"{name:24} {value:12,.3f}")
    print(json.dumps({name: round(value, 4) for name, value in found.items()}))


if __name__ == "__main__":
    on_one_core()
    main()
