"""What people expect of any command: its version, completion, a hint after a slip."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from koers import __version__
from tests.cli.test_process import COMMANDS
from tests.cli.world import environment, goal, koers, misused, process, shown, write_log


def offered(folder: Path, typed: str) -> list[str]:
    """What bash is told after a tab at the end of `typed`."""
    words = typed.split(" ")
    env = {"_KOERS_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    done = process(folder, **env)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_the_version_is_told_and_nothing_else_done(here: Path) -> None:
    assert shown("--version") == f"koers {__version__}\n"
    assert shown("--version", "init") == f"koers {__version__}\n"
    assert list(here.iterdir()) == []


def test_help_tells_what_exit_codes_mean() -> None:
    assert shown("--help").endswith("Exit code: 0 fine; 1 the input or the log is at fault; 2 called wrongly.\n")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (("forcast",), "forecast"),
        (("chekcin", "x", "1"), "checkin"),
        (("search", "frontir"), "frontier"),
        (("forecast", "--smaples", "3"), "--samples"),
        (("checkin", "x", "1", "--confidance", "0.5"), "--confidence"),
        (("checkin", "--confidance=0.5", "x", "1"), "--confidence"),
        (("correct", "x", "1", "--jsno"), "--json"),
    ],
)
def test_after_a_slip_what_was_meant_is_named(said: tuple[str, ...], meant: str) -> None:
    assert meant in misused(*said).splitlines()[-1]


def test_a_note_may_look_like_an_option_and_a_value_may_be_negative(demo: Path) -> None:
    said = shown("--log", demo, "checkin", "q4-train", "-2", "--note", "--confidance", "--json")
    assert '"subject": "kr/q4-train"' in said
    assert koers("--log", demo, "checkin", "--json", "--", "q4-train", "-3").exit_code == 0


def test_a_tab_completes_commands_options_and_key_results(demo: Path) -> None:
    here = demo.parent
    assert set(offered(here, "koers ")) == set(COMMANDS)
    assert offered(here, "koers forec") == ["forecast"]
    assert offered(here, "koers forecast --as") == ["--as-of"]
    assert "q4-train" in offered(here, "koers --log koers-demo.db checkin q4-t")
    assert "q4-train" in offered(here, "koers --log koers-demo.db search reach q4-t")


def test_a_tab_without_a_log_or_on_a_server_offers_nothing(here: Path) -> None:
    assert offered(here, "koers checkin 2") == []
    assert offered(here, "koers --log postgresql://nowhere.invalid/x checkin 2") == []
    assert list(here.iterdir()) == []


def test_a_tab_offers_no_name_that_a_shell_would_run(here: Path) -> None:
    write_log(here / "koers.db", [goal("a$(touch harm)"), goal("a`b`"), goal("a b"), goal("a-1"), goal("--log")])
    assert offered(here, "koers checkin ") == ["a-1"]


ASKED = {
    "bash": """
source ./koers.bash
COMP_WORDS=($TYPED) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_koers_completion koers
printf '%s\\n' "${COMPREPLY[@]}"
complete -p koers >&2
""",
    "zsh": """
compdef() { print -u2 -r -- $* }
_arguments() { print -r -- $* }
source ./koers.zsh
words=(${=TYPED}) CURRENT=${#words}
_koers_completion
""",
    "fish": """
source ./koers.fish
complete -C $TYPED
complete -c koers >&2
""",
}
"""What a shell does with the script that completion installs: it takes it, tells of it on stderr, and then of a tab
after TYPED. Of zsh the parts that need a line editor are played."""
PLAIN = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}


@pytest.fixture
def on_path(here: Path) -> str:
    """A PATH on which `koers` is this one."""
    command = here / "bin" / "koers"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m koers "$@"\n')
    command.chmod(0o755)
    return f"{command.parent}:{os.environ['PATH']}"


@pytest.mark.parametrize(
    "shell",
    [pytest.param(s, marks=pytest.mark.skipif(not shutil.which(s), reason=f"there is no {s} here")) for s in ASKED],
)
def test_a_shell_takes_the_script_that_completion_installs_and_offers_what_it_says(
    demo: Path, on_path: str, shell: str
) -> None:
    here = demo.parent
    script = process(here, "--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1").stdout
    (here / f"koers.{shell}").write_text(script)

    def after_a_tab(typed: str) -> str:
        env = environment(PATH=on_path, TYPED=typed)
        said = [shell, *PLAIN[shell], "-c", ASKED[shell]]
        done = subprocess.run(said, cwd=here, env=env, capture_output=True, text=True, check=True)  # noqa: S603
        assert "koers" in done.stderr
        return done.stdout

    said = after_a_tab("koers forec")
    assert "forecast" in said
    assert "checkin" not in said
    assert "q4-train" in after_a_tab("koers --log koers-demo.db checkin q4-t")
