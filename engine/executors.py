"""Where work runs: here, in processes of this machine, or on a cluster; the results are the same bits."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from koers.events.errors import InputError

Job = TypeVar("Job")
Result = TypeVar("Result")


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
        from distributed import Client
    except ImportError as error:
        raise InputError("--scheduler needs the cluster extra: pip install 'koers[cluster]'") from error
    try:
        client = Client(scheduler, timeout="10s")  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise InputError(f"no dask scheduler answers at {scheduler}") from error
    with client, client.get_executor() as executor:  # type: ignore[no-untyped-call]
        yield executor


def run(work: Callable[[Job], Result], jobs: Iterable[Job], executor: Executor | None) -> Iterator[Result]:
    """The result of each job, in the order of the jobs, wherever they run."""
    return map(work, jobs) if executor is None else executor.map(work, jobs)
