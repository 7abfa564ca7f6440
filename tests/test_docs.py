"""What the documents show is what the code does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from koers.events.columns import TABLES

ROOT = Path(__file__).resolve().parents[1]


def blocks(document: str) -> list[str]:
    return re.findall(r"```text\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL)


def test_the_readme_shows_what_the_demo_prints(tmp_path: Path) -> None:
    env = os.environ | {"PYTHONPATH": str(ROOT / "src"), "COLUMNS": "80", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "koers", "demo"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, check=True)  # noqa: S603
    printed = "\n".join(line.rstrip() for line in done.stdout.decode().splitlines())
    assert blocks("README.md")[0].rstrip() == printed.rstrip()


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


def test_every_link_between_documents_leads_somewhere() -> None:
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
