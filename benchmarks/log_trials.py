"""The promises of the log, tried at full size; each line says what was tried, what broke, and what a control broke.

    python benchmarks/log_trials.py polling [--writers 16] [--seconds 600]

Exit code 1 if a promise broke, or if a control did not: a trial that cannot fail proves nothing. docs/log.md says what
each trial is; the functions are those of the tests, at other sizes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from inspect import signature
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.events import kill_trials, polling_trials
from tests.events.server import Server


def polling(writers: int = 16, seconds: int = 600) -> tuple[str, bool]:
    with Server() as server:
        found = polling_trials.polled_log(server.url, writers, seconds)
        control = polling_trials.polled_sequence(server.url, writers, min(seconds, 60))
    told = f"{found.stored:,} events of {writers} writers in {seconds} s, {found.rolled_back:,} transactions undone"
    broke = f"{found.missed} missed, {found.gaps} gaps"
    broke += f"; control, a sequence: {control.missed:,} of {control.stored:,} missed"
    return f"{told}: {broke}", found.missed == found.gaps == 0 < control.missed


def kill(kills: int = 1_000) -> tuple[str, bool]:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as other:
        found = kill_trials.killed_writers(Path(folder) / "log.db", Path(folder), kills)
        control = kill_trials.killed_writers(Path(other) / "log.db", Path(other), min(kills, 100), careless=True)
    return _killed(found, control)


def kill_server(kills: int = 100) -> tuple[str, bool]:
    with Server() as server, tempfile.TemporaryDirectory() as folder:
        found = kill_trials.killed_server(server.url, Path(folder), kills, server.kill, server.start)
    with Server() as server, tempfile.TemporaryDirectory() as folder:
        die, live = server.kill, server.start
        control = kill_trials.killed_server(server.url, Path(folder), min(kills, 20), die, live, careless=True)
    return _killed(found, control)


def _killed(found: kill_trials.Killed, control: kill_trials.Killed) -> tuple[str, bool]:
    told = f"{found.kills:,} kills, {found.in_flight} with a batch in flight; {found.acknowledged:,} acknowledged"
    told += f", {found.retried:,} retried: {found.lost} lost, {found.torn} torn, {found.doubled} doubled; control, that"
    told += f" acknowledges first: {control.lost} lost, {control.torn} torn, {control.doubled} doubled"
    broke = found.lost or found.torn or found.doubled
    return told, not broke and control.lost + control.torn > 0


TRIALS = {"polling": polling, "kill": kill, "kill-server": kill_server}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="trial", required=True)
    for name, trial in TRIALS.items():
        command = commands.add_parser(name)
        for size in signature(trial).parameters.values():
            command.add_argument(f"--{size.name}", type=int, default=size.default)
    given = vars(parser.parse_args())
    name = given.pop("trial")
    told, held = TRIALS[name](**given)
    print(f"{name}: {told}: {'held' if held else 'BROKEN'}")
    sys.exit(not held)


if __name__ == "__main__":
    main()
