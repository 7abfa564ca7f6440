"""The reference of the command line is what `--help` says, of every command.

`python tests/test_cli_reference.py` writes it anew, below the mark in docs/cli.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from typer.main import get_command

from koers.cli.app import EXIT_CODES, app

PAGE = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
MARK = "<!-- From here on: `python tests/test_cli_reference.py` -->\n"


def commands(command: Any, path: str, above: Any = None) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - typer's own
    """Every command under `command`, itself first, with its help in 80 columns."""
    context = command.make_context(path.rpartition(" ")[2], [], parent=above, resilient_parsing=True)
    context.terminal_width = 80
    yield path, command.get_help(context)
    for name in getattr(command, "commands", {}):
        yield from commands(command.commands[name], f"{path} {name}", context)


def reference() -> str:
    with mock.patch.dict("os.environ", {"COLUMNS": "80", "KOERS_LOG": ""}):
        parts = [
            f"\n## {path}\n\n```text\n{text.rstrip()}\n```\n" for path, text in commands(get_command(app), "koers")
        ]
    return "".join(parts)


def page() -> tuple[str, str]:
    written, mark, generated = PAGE.read_text(encoding="utf-8").partition(MARK)
    assert mark
    return written, generated


def test_the_reference_is_what_help_says() -> None:
    assert page()[1] == reference()


def test_the_reference_has_every_command_and_fits_a_page() -> None:
    text = reference()
    names = re.findall(r"^## koers ?(.*)$", text, re.MULTILINE)
    assert {"", "forecast", "doctor", "search", "search reach"} <= set(names)
    assert EXIT_CODES in text
    assert [line for line in text.splitlines() if len(line) > 80] == []


def test_what_is_written_by_hand_names_every_exit_code_and_environment_variable() -> None:
    written = page()[0]
    for word in ("| 0 |", "| 1 |", "| 2 |", "`KOERS_LOG`", "`NO_COLOR`", "`COLUMNS`", "--install-completion"):
        assert word in written, word


if __name__ == "__main__":
    PAGE.write_text(page()[0] + MARK + reference(), encoding="utf-8")
