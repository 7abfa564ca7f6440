"""The same bits wherever work runs: here, in threads, processes, or on a cluster that loses a worker."""

from __future__ import annotations

import builtins
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from koers.engine import executors
from koers.engine.backtest import METHODS, backtest
from koers.engine.executors import executor_for, run
from koers.events.errors import InputError, KoersError
from koers.events.model import Row
from tests.engine.organisations import BINARY, CONTROL, DECREASE, Fact, check_in, key_result, outcome, rows_of
from tests.engine.organisations import day as on

LAST = on(200)


@pytest.fixture(scope="module")
def log() -> list[Row]:
    """Goals of every kind in two quarters, so that the second is taught by the first; check-ins on 36 days."""
    facts: list[Fact] = []
    for quarter, first in enumerate((0, 70)):
        for n, fields in enumerate(
            ({}, {"target": 9.0}, DECREASE, {"baseline": 4.0, "kind": "milestone"}, CONTROL, BINARY)
        ):
            name = f"{quarter}-{n}"
            facts.append(key_result(name, first, **(fields | {"start": on(first), "due": on(first + 64)})))
            facts += [
                check_in(first + d, (d * (n + 3) % 17) / 2 + d / 9, name, confidence=0.7, projection=8.0)
                for d in range(2 + n % 2, 64, 7)
            ]
        facts.append(outcome(first + 60, 16.0, attained=True, name=f"{quarter}-0"))
    return rows_of(facts)


@pytest.fixture(scope="module")
def serial(log: list[Row]) -> pl.DataFrame:
    table = backtest(log, LAST)
    assert set(table["method"]) == set(METHODS)
    assert table["as_of"].n_unique() > 30
    return table


def test_threads_give_the_same_bits(log: list[Row], serial: pl.DataFrame) -> None:
    with ThreadPoolExecutor(3) as executor:
        assert_frame_equal(backtest(log, LAST, executor=executor), serial, check_exact=True)


def test_processes_give_the_same_bits(log: list[Row], serial: pl.DataFrame) -> None:
    with executor_for(2) as executor:
        assert executor is not None
        assert executor.submit(os.getpid).result() != os.getpid()
        assert_frame_equal(backtest(log, LAST, executor=executor), serial, check_exact=True)


def test_one_worker_is_this_process() -> None:
    with executor_for() as executor:
        assert executor is None


@pytest.mark.parametrize("executor", [None, "threads"])
def test_results_come_in_the_order_of_the_jobs(executor: str | None) -> None:
    def late(n: int) -> int:
        time.sleep(0.002 * (8 - n))
        return n

    with ThreadPoolExecutor(4) as pool:
        assert list(run(late, range(8), pool if executor else None)) == list(range(8))


def test_an_error_in_a_job_is_that_error() -> None:
    with ThreadPoolExecutor(1) as pool, pytest.raises(ZeroDivisionError):
        list(run(lambda n: 1 // n, [1, 0], pool))


def test_a_worker_that_is_killed_ends_in_one_clear_line() -> None:
    with (
        pytest.raises(KoersError, match="a worker process died") as caught,
        executor_for(2) as executor,
    ):
        list(run(signal.raise_signal, [signal.SIGKILL], executor))
    assert "\n" not in str(caught.value)


class Traced(Executor):
    """An executor that notes which process begins which job, and takes its time over it."""

    def __init__(self, inner: Executor, trace: Path) -> None:
        self.inner, self.trace = inner, trace

    def map(self, fn: Callable[..., Any], *jobs: Iterable[Any], **_: object) -> Iterator[Any]:
        trace = str(self.trace)

        def noted(number: int, job: Any) -> Any:  # noqa: ANN401
            import os
            import time

            with open(trace, "a") as file:  # noqa: PTH123
                file.write(f"{number} {os.getpid()}\n")
            time.sleep(0.03)
            return fn(job)

        (parts,) = jobs
        listed = list(parts)
        return self.inner.map(noted, range(len(listed)), listed)

    def begun(self) -> list[tuple[int, int]]:
        """(job, process) in the order in which they were begun."""
        return [(int(job), int(pid)) for job, pid in map(str.split, self.trace.read_text().splitlines())]


class Killer:
    """Kills the process that began a job last, when the fifth part is in."""

    def __init__(self, traced: Traced) -> None:
        self.traced = traced
        self.killed = 0
        self.at = self.total = 0

    def __call__(self, parts: Iterable[Any], total: int) -> Iterator[Any]:
        self.total = total
        for number, part in enumerate(parts):
            if number == 4:
                begun = self.traced.begun()
                self.killed, self.at = begun[-1][1], len(begun)
                os.kill(self.killed, signal.SIGKILL)
            yield part


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None, silence_logs=50
    ) as found:
        yield found


def test_a_cluster_that_loses_a_worker_gives_the_same_bits(
    cluster: Any,  # noqa: ANN401
    log: list[Row],
    serial: pl.DataFrame,
    tmp_path: Path,
) -> None:
    with executor_for(scheduler=cluster.scheduler_address) as executor:
        assert executor is not None
        traced = Traced(executor, tmp_path / "trace")
        killer = Killer(traced)
        table = backtest(log, LAST, executor=traced, watch=killer)
    begun = traced.begun()
    redone = {job for job, _ in begun if sum(job == other for other, _ in begun) > 1}
    assert killer.at < killer.total, "it was killed in the middle"
    assert all(pid != killer.killed for _, pid in begun[killer.at + 1 :]), "it was really killed"
    assert not alive(killer.killed)
    assert redone & {job for job, pid in begun if pid == killer.killed}, "what it had begun was done again"
    assert os.getpid() not in {pid for _, pid in begun}
    assert_frame_equal(table, serial, check_exact=True)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_cluster_gives_the_same_bits(cluster: Any, log: list[Row], serial: pl.DataFrame) -> None:  # noqa: ANN401
    with executor_for(scheduler=cluster.scheduler_address) as executor:
        assert_frame_equal(backtest(log, LAST, executor=executor), serial, check_exact=True)


def test_a_job_that_kills_every_worker_of_a_cluster_ends_in_one_clear_line(cluster: Any) -> None:  # noqa: ANN401
    with (
        pytest.raises(KoersError, match="cluster") as caught,
        executor_for(scheduler=cluster.scheduler_address) as executor,
    ):
        list(run(signal.raise_signal, [signal.SIGKILL], executor))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("scheduler", ["tcp://127.0.0.1:{port}", "nonsense", "tcp://127.0.0.1:none", "http://x", ""])
def test_a_scheduler_that_does_not_answer_is_said_at_once(scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(executors, "PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    begun = time.monotonic()
    with (
        pytest.raises(InputError, match="no dask scheduler answers at") as caught,
        executor_for(scheduler=scheduler.format(port=port)),
    ):
        pass
    assert time.monotonic() - begun < 3.0
    assert "\n" not in str(caught.value)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *how: Any) -> Any:  # noqa: ANN401
        if name.partition(".")[0] == "distributed":
            raise ImportError(name)
        return real(name, *how)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(InputError, match=r"pip install 'koers\[cluster\]'"), executor_for(scheduler="tcp://x:1"):
        pass


def test_a_port_that_listens_and_says_nothing_is_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        with (
            pytest.raises(InputError, match="no dask scheduler answers at"),
            executor_for(scheduler=f"tcp://127.0.0.1:{silent.getsockname()[1]}"),
        ):
            pass
    assert time.monotonic() - begun < 10
