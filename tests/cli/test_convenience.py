"""What people expect of any command: its version, completion, a hint after a slip."""

from __future__ import annotations

import shutil
import subprocess
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


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_the_script_that_completion_installs_is_one_that_bash_takes(here: Path) -> None:
    script = process(here, "--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1").stdout
    (here / "koers.bash").write_text(script)
    said = ["bash", "--norc", "-c", "source ./koers.bash && complete -p koers"]
    done = subprocess.run(said, cwd=here, env=environment(), capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip().endswith(" koers")
