"""What the documents show is what the code does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from typer.main import get_command

import koers
from koers.cli.app import app
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


def test_the_weekly_script_runs_every_week_and_stops_at_another_log(tmp_path: Path) -> None:
    text = (ROOT / "docs/how-to.md").read_text(encoding="utf-8")
    files = dict(re.findall(r"```(?:csv|sh)\n# (\S+)\n(.*?)```", text, re.DOTALL))
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "check_ins.csv").write_text(files["check_ins.csv"], encoding="utf-8")
    (tmp_path / "key_results.csv").write_text(files["key_results.csv"], encoding="utf-8")
    (tmp_path / "weekly.sh").write_text(files["weekly.sh"].replace("/srv/okr", str(tmp_path)), encoding="utf-8")
    (tmp_path / "koers").write_text(f'#!/bin/sh\nexec {sys.executable} -m koers "$@"\n', encoding="utf-8")
    (tmp_path / "koers").chmod(0o755)
    env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "src")}

    def weekly() -> subprocess.CompletedProcess[str]:
        command = ["/bin/sh", str(tmp_path / "weekly.sh")]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)  # noqa: S603

    printed(tmp_path, "-m", "koers", "--log", "ours.db", "import", "key_results.csv")
    assert [weekly().returncode, weekly().returncode] == [0, 0]
    assert list(tmp_path.glob("page-*.html"))
    (tmp_path / "ours.db").unlink()
    printed(tmp_path, "-m", "koers", "--log", "ours.db", "import", "key_results.csv")
    stopped = weekly()
    assert stopped.returncode == 1
    assert stopped.stderr.startswith("koers: this is log ")


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


PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def test_every_link_between_documents_leads_somewhere() -> None:
    for document in PAGES:
        for target in re.findall(r"\]\(([^):]+)\)", document.read_text(encoding="utf-8")):
            path, _, section = target.partition("#")
            page = document.parent / path if path else document
            assert page.exists(), f"{document.name}: {target}"
            assert not section or section in sections(page), f"{document.name}: {target}"


def sections(page: Path) -> set[str]:
    """The anchors that a forge gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


CODE = re.compile(r"^```\w*\n.*?^```|^ {4}.*?$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"(?:^|[`\s/])koers ((?:--log \S+ )?[a-z-][^`|;\n]*)")


def commands(page: Path) -> list[str]:
    """What follows `koers` in the code of a page."""
    return [line for code in CODE.findall(page.read_text(encoding="utf-8")) for line in COMMAND.findall(code)]


def test_every_command_in_the_documents_is_one_that_koers_has() -> None:
    koers = get_command(app)
    told = {path.name: commands(path) for path in PAGES if path.name != "cli.md"}
    assert sum(map(len, told.values())) > 60
    unknown = [f"{name}: koers {line}" for name, lines in told.items() for line in lines if not known(koers, line)]
    assert unknown == []


def test_a_command_that_koers_has_not_is_found() -> None:
    koers = get_command(app)
    assert known(koers, "--log ours.db forecast --as-of 2026-01-01  # today")
    assert known(koers, "search frontier --team platform")
    assert not known(koers, "forcast")
    assert not known(koers, "forecast --since 2026-01-01")
    assert not known(koers, "search nowhere")


def known(command: Any, line: str) -> bool:  # noqa: ANN401 - typer's own
    """Whether the words of a line name commands and options that are there; prose and placeholders are let pass."""
    options = {"--help"} | {name for parameter in command.params for name in parameter.opts}
    words = re.sub(r"^--log \S+ ", "", line.partition("#")[0]).split()
    while words and hasattr(command, "commands"):
        if not re.fullmatch(r"[a-z-]+", words[0]) or words[0].startswith("-"):
            break
        if words[0] not in command.commands:
            return False
        command = command.commands[words.pop(0)]
        options |= {name for parameter in command.params for name in parameter.opts}
    return all(word.rstrip("]:,") in options for word in words if re.match(r"--[a-z]", word))
