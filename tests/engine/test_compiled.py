"""Machine code that is kept on disk: found by the next process, and only where it fits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = """
from koers.engine.compiled import Compiled

@Compiled
def twice(numbers):
    for n in range(len(numbers)):
        numbers[n] *= 2
"""
ASK = """
import sys
import numpy as np
from twice import twice
numbers = np.array([21])
twice(numbers)
print(numbers[0], "numba" in sys.modules)
"""


def said(folder: Path, ask: str = ASK) -> list[str]:
    """What a process prints: the number, and whether it had to compile."""
    env = os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", ask]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout.split()


def kept(folder: Path) -> list[Path]:
    return list((folder / "cache").iterdir())


def test_a_new_process_finds_the_machine_code_and_loads_no_compiler(tmp_path: Path) -> None:
    (tmp_path / "twice.py").write_text(MODULE)
    assert said(tmp_path) == ["42", "True"]
    assert said(tmp_path) == ["42", "False"]
    assert len(kept(tmp_path)) == 1


HELPER = """
FACTOR = 2

def times(number):
    return FACTOR * number
"""
USER = """
from helper import times
from koers.engine.compiled import Compiled

@Compiled
def twice(numbers):
    for n in range(len(numbers)):
        numbers[n] = times(numbers[n])
"""


def test_machine_code_is_made_anew_where_a_number_or_a_line_in_another_file_has_changed(tmp_path: Path) -> None:
    (tmp_path / "twice.py").write_text(USER)

    def with_helper(helper: str) -> list[str]:
        (tmp_path / "helper.py").write_text(helper)
        return said(tmp_path)

    assert with_helper(HELPER) == ["42", "True"]
    assert with_helper(HELPER) == ["42", "False"]
    assert with_helper(HELPER.replace("FACTOR = 2", "FACTOR = 3")) == ["63", "True"]
    assert with_helper(HELPER.replace("FACTOR * number", "FACTOR + number")) == ["23", "True"]
    assert len(kept(tmp_path)) == 1  # what no longer fits is written over


@pytest.mark.parametrize("damage", ["a byte", "the end", "everything"])
def test_damaged_machine_code_is_not_run_but_made_anew(tmp_path: Path, damage: str) -> None:
    (tmp_path / "twice.py").write_text(MODULE)
    said(tmp_path)
    (file,) = kept(tmp_path)
    whole = file.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    file.write_bytes({"a byte": flipped, "the end": whole[:-1], "everything": b""}[damage])
    assert said(tmp_path) == ["42", "True"]
    assert file.read_bytes() == whole
    assert said(tmp_path) == ["42", "False"]


def test_where_nothing_can_be_kept_it_is_compiled_each_time(tmp_path: Path) -> None:
    (tmp_path / "twice.py").write_text(MODULE)
    (tmp_path / "cache").write_text("not a folder")
    (tmp_path / "home").write_text("neither")
    ask = f"import os; os.environ['HOME'] = {str(tmp_path / 'home')!r}\n{ASK}"
    assert said(tmp_path, ask) == ["42", "True"]
    assert said(tmp_path, ask) == ["42", "True"]


EVERY_WAY = """
import numpy as np
from twice import twice
whole = np.arange(12).reshape(3, 4)
row, column, fixed = whole[1], whole[:, 1], np.ones(3)
twice(row)
twice(column)
twice(fixed)
print(*whole.ravel(), *fixed)
fixed.flags.writeable = False
for wrong in (fixed, [1], 1.0, np.int64(1)):
    try:
        twice(wrong)
    except Exception as error:
        print(type(error).__name__)
"""


def test_arrays_may_lie_in_any_way_and_what_is_not_taken_is_refused(tmp_path: Path) -> None:
    """Twice: as compiled, and as kept on disk."""
    (tmp_path / "twice.py").write_text(MODULE)
    for _ in range(2):
        found = said(tmp_path, EVERY_WAY)
        assert found[:15] == ["0", "2", "2", "3", "8", "20", "12", "14", "8", "18", "10", "11", *["2.0"] * 3]
        assert found[15:] == ["TypingError", "TypeError", "TypeError", "TypeError"]
