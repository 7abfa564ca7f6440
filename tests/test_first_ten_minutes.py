"""The page on the first ten minutes shows what its commands print; a benchmark of that name writes and times it."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BENCHMARK = runpy.run_path(str(ROOT / "benchmarks" / "first_ten_minutes.py"))
PAGE = (ROOT / "docs" / "first-ten-minutes.md").read_text(encoding="utf-8")


def same(text: str) -> str:
    """`text` without the head of the log: notes have salts, by chance."""
    return re.sub(r"head [0-9a-f]{12}", "head ...", text)


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="its commands are typed into bash")
def test_the_first_ten_minutes_show_what_their_commands_print(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    blocks = list(BENCHMARK["played"](PAGE, tmp_path, sys.executable))
    assert [block.step for block in blocks if same(block.seen) != same(block.told)] == []
    commands = [block.told.split()[2] for block in blocks if block.kind == "console"]
    assert commands == ["template", "import", "forecast", "whatif", "report"]
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Branches with the new form" in page
    assert "Two only change" in page


def test_every_step_with_a_command_has_its_time() -> None:
    found = BENCHMARK["TIMES"].search(PAGE)
    timed = re.findall(r"^\| (.+) \| [\d,.]+ s \|$", found[0], re.MULTILINE)
    steps = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)
    assert timed == [*steps, "all of it"]
