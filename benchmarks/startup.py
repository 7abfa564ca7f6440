"""What a command costs before and beside its work: whole processes, beside a Python that does nothing.

    python benchmarks/startup.py [--runs 9]

The commands run on the log of `koers demo` in a folder of their own, in turn, so that what else the machine does falls
on all alike. Medians, in seconds: `wall`, and `cpu` (user and system). `forecast (first)` has no copy of the log and
reads it whole. The last line is JSON; `over_python` is `cpu` beyond `python -c pass`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

LOG = "koers-demo.db"
COMMANDS: dict[str, tuple[str, ...]] = {
    "python -c pass": ("-c", "pass"),
    "import koers": ("-c", "import koers"),
    "--version": ("-m", "koers", "--version"),
    "--help": ("-m", "koers", "--help"),
    "status": ("-m", "koers", "--log", LOG, "status"),
    "forecast (first)": ("-m", "koers", "--log", LOG, "forecast"),
    "forecast": ("-m", "koers", "--log", LOG, "forecast"),
}
BARE = next(iter(COMMANDS))


def run(folder: Path, *command: str) -> tuple[float, float]:
    """Wall and processor seconds of a process that must go well."""
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}  # as once installed
    env = os.environ | compiled | {"KOERS_LOG": "", "COLUMNS": "80"}
    before, began = _processor(), time.perf_counter()
    subprocess.run([sys.executable, *command], cwd=folder, env=env, capture_output=True, check=True)  # noqa: S603
    return time.perf_counter() - began, _processor() - before


def _processor() -> float:
    """Seconds of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(folder: Path, runs: int) -> dict[str, dict[str, float]]:
    """Every command, `runs` times, the whole list in turn; one round before that does not count."""
    run(folder, "-m", "koers", "demo")
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for number in range(runs + 1):
        for name, command in COMMANDS.items():
            if name.endswith("(first)"):
                (folder / f"{LOG}.cache").unlink(missing_ok=True)
            once = run(folder, *command)
            if number:
                took[name].append(once)
    found = {name: _medians(times) for name, times in took.items()}
    return {name: one | {"over_python": one["cpu"] - found[BARE]["cpu"]} for name, one in found.items()}


def _medians(times: list[tuple[float, float]]) -> dict[str, float]:
    return {"wall": median(wall for wall, _ in times), "cpu": median(cpu for _, cpu in times)}


def main() -> None:
    """Print a table, and last one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = measured(Path(name), asked.runs)
    print(f"{'':18} {'wall':>7} {'cpu':>7} {'over python':>12}")
    for command, one in found.items():
        print(f"{command:18} {one['wall']:7.3f} {one['cpu']:7.3f} {one['over_python']:12.3f}")
    print(json.dumps({name: {key: round(value, 3) for key, value in one.items()} for name, one in found.items()}))


if __name__ == "__main__":
    main()
