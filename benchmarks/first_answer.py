"""How long a leader waits for `koers forecast`: a process of its own, on one core. Used by `capacity.py`."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from reference_organisation import AS_OF, events

from koers.events.sqlite import SqliteLog

FIRST = """
import os, sys
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
sys.argv[1:] = ["--log", sys.argv[1], "forecast", "--json", "--as-of", sys.argv[2]]
from koers.__main__ import command
command()
"""


def first_answer(*, cold: bool) -> float:
    """`koers forecast` on one core, from the start of its process to the end; machine code kept, or to be made.

    Python's bytecode is there, as after an installation.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reference.db"
        with SqliteLog(path, create=True) as log:
            log.append(events())
        env = os.environ | {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(Path(folder) / "bytecode")}
        env["HOME"] = folder  # nor is machine code kept there
        taken = []
        for n in range(6):
            env["NUMBA_CACHE_DIR"] = str(Path(folder) / (f"cache-{n}" if cold else "cache"))
            command = [sys.executable, "-c", FIRST, str(path), AS_OF.isoformat()]
            begin = time.perf_counter()
            out = subprocess.run(command, env=env, capture_output=True, text=True, check=True)  # noqa: S603
            taken.append(time.perf_counter() - begin)
            if len(json.loads(out.stdout)["key_results"]) != 100:
                raise SystemExit("the first answer is not whole")
        return statistics.median(taken[1:])
