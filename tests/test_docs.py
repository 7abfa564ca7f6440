"""What the documents show is what the code does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import koers
from koers.engine.demand_size import RUN_SHARE, RUN_SHARE_SD
from koers.engine.elasticity import NONE
from koers.engine.mornings import RAMP_UP
from koers.engine.staffing import SWITCH_LOSS, UNITS
from koers.events.columns import TABLES
from koers.events.policies import POLICIES, SETTINGS

ROOT = Path(__file__).resolve().parents[1]


def blocks(document: str, language: str = "text") -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL)


def printed(folder: Path, *command: str) -> str:
    """What Python prints in 80 columns, without the blanks at the ends of lines."""
    env = os.environ | {"PYTHONPATH": str(ROOT / "src"), "COLUMNS": "80", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([sys.executable, *command], cwd=folder, env=env, capture_output=True, check=True)  # noqa: S603
    return "\n".join(line.rstrip() for line in done.stdout.decode().splitlines()).rstrip()


def test_the_readme_shows_what_the_demo_prints(tmp_path: Path) -> None:
    assert blocks("README.md")[0].rstrip() == printed(tmp_path, "-m", "koers", "demo")


def test_the_readme_shows_what_capacity_prints(tmp_path: Path) -> None:
    printed(tmp_path, "-m", "koers", "simulate", "--out", "made-up.db", "--teams", "2", "--work")
    assert blocks("README.md")[1].rstrip() == printed(tmp_path, "-m", "koers", "--log", "made-up.db", "capacity")


def test_the_process_of_your_own_in_the_page_on_capacity_runs(tmp_path: Path) -> None:
    printed(tmp_path, "-m", "koers", "simulate", "--out", "made-up.db", "--work")
    (code,) = blocks("docs/capacity.md", "python")
    told = [re.findall(r"\d+", line) for line in printed(tmp_path, "-c", code).splitlines()]
    (_, planned), (_, otherwise) = [list(map(int, numbers)) for numbers in told]
    assert otherwise >= planned + 15, "the rework is seen"


def test_the_page_on_capacity_names_every_policy_and_unit_and_its_priors() -> None:
    text = (ROOT / "docs/capacity.md").read_text(encoding="utf-8")
    for name in (*POLICIES, *UNITS, *SETTINGS):
        assert f"`{name}`" in text or f"`{name} " in text, name
    assert f"`ramp_up_days` ({RAMP_UP} calendar days)" in text
    assert f"with probability .{10 * NONE:.0f} effort does not matter" in text
    assert f"`switch_loss` (.{100 * SWITCH_LOSS:.0f})" in text
    assert f".{100 * RUN_SHARE:.0f} ± .{100 * RUN_SHARE_SD:.0f}" in text


def test_the_page_on_tables_names_every_table_with_its_columns() -> None:
    (listed,) = blocks("docs/tables.md")
    told = dict(re.split(r"\.csv +", line) for line in listed.splitlines())
    taken = {
        name: ",".join(
            f"{c.name}{'?' if c.optional else ''}" for c in table.columns.values() if c.name != "recorded_on"
        )
        for name, table in TABLES.items()
    }
    assert told == taken


def test_the_page_on_python_runs_and_names_every_call(tmp_path: Path) -> None:
    calls = {
        "forecast",
        "explain",
        "what_if",
        "backtest",
        "load_scenario",
        "import_tables",
        "export_tables",
        "open_log",
    }
    text = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    assert calls <= set(koers.__all__)
    assert [name for name in calls if f"{name}(" not in text] == []
    _, scenario, tables = blocks("docs/python.md", "python")
    code = f"import koers\n{scenario}\n{tables}\nprint(two.lever[0].people, ours.head().position)"
    assert printed(tmp_path, "-c", code).split() == ["2.0", "5"]


def test_every_link_between_documents_leads_somewhere() -> None:
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
