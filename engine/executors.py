"""Where work runs: here, in processes of this machine, or on a cluster; the results are the same bits."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from koers.events.errors import InputError, KoersError

Job = TypeVar("Job")
Result = TypeVar("Result")

PATIENCE = 5.0
"""Seconds that a scheduler gets to answer."""


@contextmanager
def executor_for(workers: int = 1, scheduler: str | None = None) -> Iterator[Executor | None]:
    """An executor for `workers` processes, or for the dask cluster at `scheduler` (tcp://host:port); None: run here.

    Raises InputError if the cluster extra is not installed or the scheduler does not answer.
    """
    if scheduler is not None:
        with _cluster(scheduler) as executor:
            yield executor
    elif workers > 1:
        # spawn: polars' threads do not survive a fork
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as executor:
            yield executor
    else:
        yield None


@contextmanager
def _cluster(scheduler: str) -> Iterator[Executor]:
    try:
        from distributed import CancelledError, Client, KilledWorker
    except ImportError as error:
        raise InputError("--scheduler needs the cluster extra: pip install 'koers[cluster]'") from error
    try:
        asyncio.run(asyncio.wait_for(_greet(scheduler), PATIENCE))
        client = Client(scheduler, timeout=PATIENCE)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise InputError(f"no dask scheduler answers at {scheduler}") from error
    try:
        with client, client.get_executor() as executor:  # type: ignore[no-untyped-call]
            yield executor
    except (KilledWorker, CancelledError) as error:
        raise KoersError(f"the cluster at {scheduler} lost too many workers: is their memory too small?") from error


async def _greet(scheduler: str) -> None:
    """Exchange a word with a scheduler: a client would wait for ever for one that listens and says nothing."""
    from distributed.comm.core import connect

    comm = await connect(scheduler)  # type: ignore[no-untyped-call]
    await comm.close()


def run(work: Callable[[Job], Result], jobs: Iterable[Job], executor: Executor | None) -> Iterator[Result]:
    """The result of each job, in the order of the jobs, wherever they run.

    Raises KoersError if a worker process died; a dask cluster does the work of a dead worker again.
    """
    try:
        yield from map(work, jobs) if executor is None else executor.map(work, jobs)
    except BrokenExecutor as error:
        raise KoersError("a worker process died, perhaps for want of memory: try again with fewer --workers") from error
