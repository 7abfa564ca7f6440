"""Machine code that is kept on disk: found by the next process, and only where it fits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]

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
from typing import NamedTuple
import numpy as np

FACTOR, TABLE, KIND = 2, (0, 0), np.int64

def same(number):
    return number

def other(number):
    return number + 1

def times(number):
    more, less = 0, 0
    return which(KIND(FACTOR * same(number))) + more - less + TABLE[0] + other(-1)

which = same

class Work(NamedTuple):
    numbers: np.ndarray
    others: np.ndarray
"""
USER = """
from helper import Work, times
from koers.engine.compiled import Compiled

@Compiled
def each(work):
    for n in range(len(work.numbers)):
        work.numbers[n] = times(work.numbers[n])

def twice(numbers):
    each(Work(numbers=numbers, others=numbers + 1))
"""
CHANGES = {
    "a number": ("KIND = 2,", "KIND = 3,", "63"),
    "an operation": ("FACTOR * same(number)", "FACTOR + same(number)", "23"),
    "one of the numbers of a line": ("more, less = 0, 0", "more, less = 0, 1", "41"),
    "a table": ("2, (0, 0)", "2, (5, 0)", "47"),
    "a type": ("np.int64\n", "np.float64\n", "42"),
    "which of two functions": ("which = same", "which = other", "43"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_machine_code_is_made_anew_where_another_file_that_it_is_made_from_has_changed(
    tmp_path: Path, what: str
) -> None:
    (tmp_path / "twice.py").write_text(USER)
    (tmp_path / "helper.py").write_text(HELPER)
    assert said(tmp_path) == ["42", "True"]
    assert said(tmp_path) == ["42", "False"]
    old, new, found = CHANGES[what]
    assert old in HELPER
    (tmp_path / "helper.py").write_text(HELPER.replace(old, new))
    assert said(tmp_path) == [found, "True"]
    assert len(kept(tmp_path)) == 1  # what no longer fits is written over


def test_fields_in_another_order_are_other_arguments(tmp_path: Path) -> None:
    (tmp_path / "twice.py").write_text(USER)
    first, second = "    numbers: np.ndarray\n", "    others: np.ndarray\n"
    for helper in (HELPER, HELPER.replace(first + second, second + first)):
        (tmp_path / "helper.py").write_text(helper)
        assert said(tmp_path) == ["42", "True"]


@pytest.mark.parametrize("thing", ["np.zeros(3)", "[1, 2]", "(np.zeros(3), 1)", "ctypes", "ctypes.CDLL(None).labs"])
def test_what_could_change_unseen_is_not_for_machine_code(tmp_path: Path, thing: str) -> None:
    head = f"import ctypes, numpy as np\nTHING = {thing}\n"
    (tmp_path / "twice.py").write_text(head + MODULE.replace("*= 2", "*= 2 if THING is None else 3"))
    with pytest.raises(subprocess.CalledProcessError) as error:
        said(tmp_path)
    assert "twice names THING, and nobody would see if that changed" in error.value.stderr


@pytest.mark.parametrize("broken", ["raise ImportError('Numba needs an older NumPy')", "class config: DISABLE_JIT = 1"])
def test_where_numba_cannot_be_loaded_or_does_not_compile_numpy_does_the_same(tmp_path: Path, broken: str) -> None:
    (tmp_path / "numba").mkdir()
    ask = """
import sys
from koers.engine.kernel import run
from tests.engine.worlds import random_organisation
found = run(random_organisation(3), 1, range(600), weekly=600, detail=True)
print(*(repr(float(part.sum())) for part in found), "numba.core" in sys.modules)
"""
    env = os.environ | {"PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "HOME": str(tmp_path)}

    def told() -> list[str]:
        command = [sys.executable, "-c", ask]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)  # noqa: S603
        return done.stdout.split()

    (tmp_path / "numba" / "__init__.py").write_text(broken)
    plain = told()
    assert plain[-1] == "False"
    (tmp_path / "numba" / "__init__.py").unlink()
    (tmp_path / "numba").rmdir()
    compiled = told()
    assert compiled[-1] == "True"
    np.testing.assert_allclose(np.array(plain[:-1], dtype=float), np.array(compiled[:-1], dtype=float), rtol=1e-9)


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
for wrong in (fixed, [1], (1,), 1.0, np.int64(1), 1 << 64):
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
        assert found[15:] == ["TypingError", *["TypeError"] * 5]
