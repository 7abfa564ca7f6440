"""The tutorial and the recipes show what their commands print: a reader who types them in order sees the same.

`python tests/test_tutorial.py` writes the output in both pages anew, from the commands that stand in them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "tutorial.md"
HOW_TO = ROOT / "docs" / "how-to.md"
BLOCK = re.compile(r"```(console|toml|csv|json)\n(.*?)```", re.DOTALL)
FILE = re.compile(r"# (\S+\.(?:toml|csv|jsonl))\n")
NEW = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=head )[0-9a-f]{12}")
"""What is new each time: the name of a check-in, and a head after what was recorded now."""


def played(page: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Each block of the page as it stands, and as it comes out when its files are written and its commands run."""
    env = os.environ | {"PYTHONPATH": str(ROOT / "src"), "COLUMNS": "80", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    env |= {"KOERS_LOG": "", "PYTHON": sys.executable}
    for found in BLOCK.finditer(page):
        language, text = found.groups()
        if language != "console":
            named = FILE.match(text)
            assert named, f"the first line of a file is its name: {text[:40]}"
            (folder / named[1]).write_text(text[named.end() :], encoding="utf-8")
            yield text, text
            continue
        commands = re.findall(r"^\$ (.*)$", text, re.MULTILINE)
        shown = []
        for command in commands:
            if command.startswith("export "):
                name, _, value = command.removeprefix("export ").partition("=")
                env[name] = value
            shown.append(f"$ {command}\n{_printed(command, folder, env)}")
        yield text, "".join(shown)


def _printed(command: str, folder: Path, env: dict[str, str]) -> str:
    """What a shell shows, without the blanks at the ends of lines."""
    script = f'koers() {{ "$PYTHON" -m koers "$@"; }}\n{command} 2>&1'
    done = subprocess.run(["/bin/bash", "-c", script], cwd=folder, env=env, capture_output=True, check=False)  # noqa: S603
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.decode().splitlines())


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="its commands are typed into bash")
@pytest.mark.parametrize("page", [PAGE, HOW_TO], ids=lambda page: page.stem)
def test_a_page_shows_what_its_commands_print(page: Path, tmp_path: Path) -> None:
    blocks = list(played(page.read_text(encoding="utf-8"), tmp_path))
    assert len(blocks) > 6
    for told, seen in blocks:
        assert NEW.sub("...", seen) == NEW.sub("...", told)


def test_the_tutorial_fits_a_terminal_and_leads_to_a_decision() -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = [line for _, block in BLOCK.findall(text) for line in block.splitlines()]
    assert [line for line in shown if len(line) > 80 and not line.startswith("koers: ")] == []
    commands = re.findall(r"^\$ koers (\w+)", text, re.MULTILINE)
    assert [*dict.fromkeys(commands)] == ["demo", "checkin", "forecast", "capacity", "whatif", "search", "adopt"]


def written_anew(page: str, folder: Path) -> str:
    """The page with what its commands print now."""
    fresh = iter([seen for _, seen in played(page, folder)])
    return BLOCK.sub(lambda m: f"```{m[1]}\n{next(fresh)}```", page)


if __name__ == "__main__":
    for path in (PAGE, HOW_TO):
        with tempfile.TemporaryDirectory() as made:
            path.write_text(written_anew(path.read_text(encoding="utf-8"), Path(made)), encoding="utf-8")
