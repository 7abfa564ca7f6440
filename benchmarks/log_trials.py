"""The promises of the log, tried at full size; each line says what was tried, what broke, and what a control broke.

    python benchmarks/log_trials.py kill [--kills 1000]
    python benchmarks/log_trials.py all

Exit code 1 if a promise broke, or if a control did not: a trial that cannot fail proves nothing. docs/log.md says what
each trial is; the functions are those of the tests, at other sizes. TMPDIR says where the files go.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from inspect import signature
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.events import damage_trials, failing_trials, kill_trials, polling_trials, power_trials, writer_trials
from tests.events.server import Server

Found = TypeVar("Found")
Told = tuple[str, bool]
"""What a trial found, in words, and whether the promise held and the control broke it."""


def kill(kills: int = 1_000) -> Told:
    found = _in_folder(lambda folder: kill_trials.killed_writers(folder / "log.db", folder, kills))
    fewer = min(kills, 100)
    control = _in_folder(lambda folder: kill_trials.killed_writers(folder / "log.db", folder, fewer, careless=True))
    return _killed(found, control)


def kill_server(kills: int = 100) -> Told:
    return _killed(_server_killed(kills), _server_killed(min(kills, 20), careless=True))


def _server_killed(kills: int, *, careless: bool = False) -> kill_trials.Killed:
    with Server() as server:
        trial = partial(kill_trials.killed_server, server.url, kills=kills, die=server.kill, live=server.start)
        return _in_folder(lambda folder: trial(folder, careless=careless))


def _killed(found: kill_trials.Killed, control: kill_trials.Killed) -> Told:
    told = f"{found.kills:,} kills, {found.in_flight} with a batch in flight; {found.acknowledged:,} acknowledged"
    told += f", {found.retried:,} retried: {found.lost} lost, {found.torn} torn, {found.doubled} doubled; control, that"
    told += f" acknowledges first: {control.lost} lost, {control.torn} torn, {control.doubled} doubled"
    broke = found.lost or found.torn or found.doubled
    return told, not broke and control.lost + control.torn > 0


def power(states: int = 20_000) -> Told:
    found = _in_folder(lambda folder: _crashed(folder, states))
    deleting = _in_folder(lambda folder: _crashed(folder, 2_000, "journal_mode=DELETE"))
    normal = _in_folder(lambda folder: _crashed(folder, 2_000, "synchronous=NORMAL"))
    told = f"{found.states:,} crash states, {found.with_journal:,} with a journal: {found.lost} lost, {found.torn} torn"
    told += f", {found.unreadable} unreadable; controls of {deleting.states:,}: journal deleted {deleting.lost} lost"
    told += f", synchronous=NORMAL {normal.lost} lost"
    return told, not (found.lost or found.torn or found.unreadable) and min(deleting.lost, normal.lost) > 0


def _crashed(folder: Path, states: int, *pragmas: str) -> power_trials.Crashed:
    calls = power_trials.recorded(folder, *pragmas)
    (folder / "crashed").mkdir()
    return power_trials.crashed(calls, states, folder / "crashed")


def disk_error(every: int = 1) -> Told:
    found = _in_folder(lambda folder: failing_trials.failed(folder, every=every))
    control = _in_folder(lambda folder: failing_trials.failed(folder, "journal_mode=OFF", every=every))
    told = (
        f"{found.failures:,} failures, once and for good, {found.refused:,} appends refused: {found.broken} logs broken"
    )
    return (
        f"{told}; control, without a journal: {control.broken} of {control.failures}",
        found.broken == 0 < control.broken,
    )


def disk_full(kilobytes: int = 256) -> Told:
    """A small file system in memory; takes the right to mount one."""
    found, control = _filled(kilobytes), _filled(kilobytes, careless=True)
    told = (
        f"{kilobytes} kB filled with {found.acknowledged} events: of the batch refused {found.torn} stored, all others"
    )
    told += f" kept, the rest taken with more room; control, event by event: {control.torn} stored"
    return told, found.torn == 0 < control.torn


def _filled(kilobytes: int, *, careless: bool = False) -> failing_trials.Filled:
    with tempfile.TemporaryDirectory() as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder]
        subprocess.run(mount, check=True)  # noqa: S603
        more = ["mount", "-o", f"remount,size={4 * kilobytes}k", folder]
        room = partial(subprocess.run, more, check=True)
        try:
            return failing_trials.filled(Path(folder) / "log.db", room, careless=careless)
        finally:
            subprocess.run(["umount", folder], check=True)  # noqa: S603, S607


def damage(copies: int = 10_000) -> Told:
    found = _in_folder(lambda folder: damage_trials.damaged(folder, copies))
    told = f"{found.copies:,} damaged copies: {found.found:,} found, {found.harmless:,} without a change to an event"
    told += f", {found.missed} missed; control, SQLite's own check: {found.missed_by_control:,} missed"
    return told, found.missed == 0 < found.missed_by_control


def tamper(changes: int = 1_000) -> Told:
    found = _in_folder(lambda folder: damage_trials.tampered(folder, changes))
    told = f"{found.changes:,} changes: {found.found:,} found, {found.unnamed} of them at another position"
    told += f"; control, without a head: {found.missed_by_control} missed"
    return told, found.found == found.changes and found.unnamed == 0 < found.missed_by_control


def writers(processes: int = 32, appends: int = 1_000) -> Told:
    found = _in_folder(lambda folder: writer_trials.waited(folder / "log.db", processes, appends))
    fewer = min(appends, 100)
    control = _in_folder(lambda folder: writer_trials.waited(folder / "log.db", processes, fewer, queue=False))
    told = f"{found.appends:,} appends of {processes} processes: {found.gaps} gaps"
    told += f", worst wait {1_000 * found.worst:,.0f} ms"
    told += f"; control, without a queue, {control.appends:,} appends: worst wait {1_000 * control.worst:,.0f} ms"
    return told, found.gaps == 0 and found.worst < min(1, control.worst)


def race(racers: int = 32, rounds: int = 1_000) -> Told:
    found = _in_folder(lambda folder: writer_trials.raced(folder / "log.db", racers, rounds))
    fewer = min(rounds, 20)
    control = _in_folder(lambda folder: writer_trials.raced(folder / "log.db", racers, fewer, expecting=False))
    told = f"{found.rounds:,} rounds of {racers} racers: {found.undecided} not won by exactly one"
    told += f"; control, without an expected version: {control.undecided} of {control.rounds}"
    return told, found.undecided == 0 < control.undecided


def polling(writers: int = 16, seconds: int = 600) -> Told:
    with Server() as server:
        found = polling_trials.polled_log(server.url, writers, seconds)
        control = polling_trials.polled_sequence(server.url, writers, min(seconds, 60))
    told = f"{found.stored:,} events of {writers} writers in {seconds} s, {found.rolled_back:,} transactions undone"
    told += f": {found.missed} missed, {found.gaps} gaps"
    told += f"; control, a sequence: {control.missed:,} of {control.stored:,} missed"
    return told, found.missed == found.gaps == 0 < control.missed


def _in_folder(trial: Callable[[Path], Found]) -> Found:
    with tempfile.TemporaryDirectory() as folder:
        return trial(Path(folder))


TRIALS: dict[str, Callable[..., Told]] = {
    "kill": kill,
    "kill-server": kill_server,
    "power": power,
    "disk-error": disk_error,
    "disk-full": disk_full,
    "damage": damage,
    "tamper": tamper,
    "writers": writers,
    "race": race,
    "polling": polling,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="trial", required=True)
    commands.add_parser("all")
    for name, trial in TRIALS.items():
        command = commands.add_parser(name)
        for size in signature(trial).parameters.values():
            command.add_argument(f"--{size.name}", type=int, default=size.default)
    sizes = vars(parser.parse_args())
    chosen = sizes.pop("trial")
    held = True
    for name in TRIALS if chosen == "all" else [chosen]:
        told, good = TRIALS[name](**sizes)
        print(f"{name}: {told}: {'held' if good else 'BROKEN'}", flush=True)
        held = held and good
    sys.exit(not held)


if __name__ == "__main__":
    main()
