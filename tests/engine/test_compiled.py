"""Machine code that is kept on disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MODULE = """
from koers.engine.compiled import whole

@whole
def twice(number):
    return 2 * number
"""
ASK = """
import sys
from twice import twice
print(twice(21), sum(twice.stats.cache_hits.values()), "numba.np.npyimpl" in sys.modules)
"""


def test_a_new_process_finds_the_machine_code_without_loading_the_compiler(tmp_path: Path) -> None:
    (tmp_path / "twice.py").write_text(MODULE)
    env = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def said() -> list[str]:
        command = [sys.executable, "-c", ASK]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)  # noqa: S603
        return done.stdout.split()

    assert said() == ["42", "0", "True"]  # compiled
    assert said() == ["42", "1", "False"]


HELPER = """
from koers.engine.compiled import part

FACTOR = 2

@part
def times(number):
    return FACTOR * number
"""
USER = """
from helper import times
from koers.engine.compiled import whole

@whole
def twice(number):
    return times(number)
"""


def test_machine_code_is_made_anew_where_a_number_or_a_line_in_another_file_has_changed(tmp_path: Path) -> None:
    (tmp_path / "twice.py").write_text(USER)
    env = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}

    def said(helper: str) -> list[str]:
        (tmp_path / "helper.py").write_text(helper)
        command = [sys.executable, "-c", ASK]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)  # noqa: S603
        return done.stdout.split()[:2]

    assert said(HELPER) == ["42", "0"]
    assert said(HELPER) == ["42", "1"]
    assert said(HELPER.replace("FACTOR = 2", "FACTOR = 3")) == ["63", "0"]
    assert said(HELPER.replace("FACTOR * number", "FACTOR + number")) == ["23", "0"]
