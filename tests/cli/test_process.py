"""koers as a process of its own: start-up, pipes, signals, terminals."""

from __future__ import annotations

import json
import os
import pty
import re
import resource
import select
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.world import cells, environment, process, shown

HEAVY = (
    *("numpy", "scipy", "polars", "pydantic", "pydantic_core", "rich", "sqlite3"),
    *("numba", "simpy", "holidays", "koers.events.model"),
)
COMMANDS = (
    *("demo", "init", "import", "import-tickets", "export", "checkin", "correct", "redact", "verify"),
    *("status", "forecast", "capacity", "play", "whatif", "adopt", "backtest", "report", "explain", "simulate"),
    *("schema", "template", "doctor", "search"),
)
KOERS = (sys.executable, "-m", "koers", "--log", "koers-demo.db")


def loaded(code: str) -> set[str]:
    """The heavy modules that are there after `code`, in a fresh process."""
    code = f"import sys\n{code}\nprint(*[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    found = subprocess.run(  # noqa: S603
        [sys.executable, "-W", "error", "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    return set(found.stderr.split())


HELP = """
sys.argv = ["koers", "--help"]
from koers.cli.app import main
try:
    main()
except SystemExit as end:
    assert not end.code
"""


def test_help_loads_nothing_heavy() -> None:
    assert loaded(HELP) == set()


LIGHT = """
import sys
from koers.cli.lighter import lighten
lighten()
from scipy import special
names = [name for name in dir(special) if not name.startswith("_")]
light = {name: getattr(special, name) for name in names}
print(len(light) > 200, "scipy._lib._array_api" in sys.modules)
from scipy.special import logsumexp, ndtr
print(float(logsumexp([0.0])), float(ndtr(0.0)), "scipy._lib._array_api" in sys.modules)
print(all(getattr(special, name) is one for name, one in light.items()), special.__doc__.split()[1])
try: special.nothing
except AttributeError as error: print(error)
from scipy import stats
print(stats.norm.cdf(0.0))
"""


def test_a_command_loads_of_scipys_special_functions_no_more_than_it_uses() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.splitlines() == [
        "True False",
        "0.0 0.5 True",
        "True Special",
        "module 'scipy.special' has no attribute 'nothing'",
        "0.5",
    ]


AT_ONCE = """
from concurrent.futures import ThreadPoolExecutor
from scipy import special
names = ("softmax", "logsumexp", "comb", "roots_legendre") * 4
with ThreadPoolExecutor(16) as pool: list(pool.map(lambda name: getattr(special, name), names))
"""


@pytest.mark.parametrize("first", ["import scipy.special._basic", "import scipy.special._orthogonal", AT_ONCE])
def test_all_special_functions_are_there_whatever_asks_for_them_first(first: str) -> None:
    head = "import sys\nfrom koers.cli.lighter import lighten\nlighten()\n"
    tail = "\nfrom scipy.special import comb, roots_legendre, softmax\nprint(comb(5, 2), len(roots_legendre(2)))"
    command = [sys.executable, "-c", head + first + tail]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.split() == ["10.0", "2"]


def test_a_forecast_loads_neither_a_compiler_nor_support_for_other_array_libraries(demo: Path) -> None:
    code = (
        f"import sys; sys.argv = ['koers', '--log', {str(demo)!r}, 'forecast', '--json']\n"
        "from koers.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*[name in sys.modules for name in ('scipy.special', 'scipy._lib._array_api', 'numba')], file=sys.stderr)"
    )
    command = [sys.executable, "-c", code]
    for _ in range(2):  # the first may have had to compile
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stderr.split() == ["True", "False", "False"]


def test_help_of_a_search_loads_no_more_than_that_of_any_command() -> None:
    status, search = (
        loaded(HELP.replace('"--help"', f'{said}, "--help"')) for said in ('"status"', '"search", "reach"')
    )
    assert search <= status
    assert search <= {"pydantic", "pydantic_core"}  # which typer loads where it is there


def test_import_koers_loads_nothing_heavy_and_a_name_loads_its_home() -> None:
    assert loaded("import koers; dir(koers)") == set()
    assert "pydantic" in loaded("import koers; koers.Event")


def test_help_takes_at_most_three_tenths_of_a_second_more_than_python(here: Path) -> None:
    def median(*command: str) -> float:
        """Of processor time: what else runs on this machine does not count."""
        took = []
        for _ in range(5):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, *command], env=environment(), capture_output=True, check=True)  # noqa: S603
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            took.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
        return statistics.median(took)

    assert median("-m", "koers", "--help") - median("-c", "pass") < 0.3


def test_help_lists_every_command(here: Path) -> None:
    text = process(here, "--help").stdout
    assert re.findall(r"^  ([a-z-]+) ", text.split("Commands:")[1], re.MULTILINE) == list(COMMANDS)


SEARCHES = tuple(("search", what) for what in ("reach", "frontier", "deadline", "sensitivity"))


@pytest.mark.parametrize("command", [*((name,) for name in COMMANDS[:-1]), *SEARCHES], ids=" ".join)
def test_every_command_explains_itself(command: tuple[str, ...]) -> None:
    text = shown(*command, "--help")
    assert text.startswith("Usage: ")
    assert "--json" in text
    assert [line for line in text.splitlines() if cells(line) > 80] == []


def test_a_process_writes_results_to_stdout_and_messages_to_stderr(here: Path) -> None:
    demo = process(here, "demo")
    assert (demo.returncode, demo.stderr) == (0, "")
    said = process(here, "--log", "koers-demo.db", "forecast", "--json")
    assert (said.returncode, said.stderr) == (0, "")
    assert json.loads(said.stdout)["as_of"] == "2026-11-13"
    wrong = process(here, "--log", "none.db", "status")
    assert (wrong.returncode, wrong.stdout, wrong.stderr.count("\n")) == (1, "", 1)
    assert wrong.stderr.startswith("koers: none.db: ")
    assert process(here, "status", "--bogus").returncode == 2


def test_stdout_that_knows_only_ascii_gets_question_marks(demo: Path) -> None:
    found = process(demo.parent, "--log", "koers-demo.db", "forecast", PYTHONIOENCODING="ascii")
    assert (found.returncode, found.stderr) == (0, "")
    assert "Fleur   ????????" in found.stdout


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "command", [("status",), ("forecast",), ("backtest", "--from", "2026-09-20"), ("status", "--json"), ("--help",)]
)
def test_a_reader_that_stops_early_gets_no_traceback(demo: Path, command: tuple[str, ...], unbuffered: str) -> None:
    env = environment(PYTHONUNBUFFERED=unbuffered)
    ours = subprocess.Popen([*KOERS, *command], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603
    assert ours.stdout is not None
    ours.stdout.close()
    assert ours.stderr is not None
    with ours.stderr:
        assert ours.stderr.read() == b""
    assert ours.wait() in (0, 1)


def on_a_terminal(*command: str, columns: int = 80, **env: str) -> tuple[str, int]:
    """What a command shows on a terminal of its own (stdout and stderr), and its exit code."""
    ours, theirs = pty.openpty()
    told = {name: value for name, value in environment(TERM="xterm-256color", **env).items() if name != "COLUMNS"}
    size = f'stty columns {columns} rows 24; exec "$@"'
    shell = ["/bin/sh", "-c", size, "sh", *command]
    child = subprocess.Popen(  # noqa: S603
        shell, env=told, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    begun, seen = time.monotonic(), b""
    while time.monotonic() - begun < 30:
        if select.select([ours], [], [], 0.05)[0]:
            try:
                seen += os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
        elif child.poll() is not None:
            break
    os.close(ours)
    return seen.decode(), child.wait(5)


def test_a_terminal_gets_colour_and_its_own_width(demo: Path) -> None:
    text, code = on_a_terminal(*KOERS, "forecast", columns=100)
    assert code == 0
    assert "\x1b[31m" in text
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "\n").splitlines()
    assert max(map(cells, lines)) <= 100
    assert any("Colleagues trained in first-time-right" in line for line in lines)


def test_no_color_on_a_terminal_colours_nothing(demo: Path) -> None:
    text, code = on_a_terminal(*KOERS, "status", NO_COLOR="1")
    assert code == 0
    assert "\x1b" not in text


THE_END = """
import atexit, sys, threading, time
from koers.__main__ import command
sys.argv = ["koers", *sys.argv[2:]]
class Kept:
    def __del__(self): print("taken apart")
kept = Kept()
kept.itself = kept
atexit.register(print, "at exit")
"""
THREAD = """
threading.Thread(target=lambda: (time.sleep(0.5), print("a thread"))).start()
"""


@pytest.mark.parametrize(("thread", "more"), [("", []), (THREAD, ["a thread", "taken apart"])])
@pytest.mark.parametrize(("asked", "code"), [("--version", 0), ("--bogus", 2)])
def test_a_process_ends_at_once_with_all_said_and_called_unless_something_else_runs(
    thread: str, more: list[str], asked: str, code: int
) -> None:
    command = [sys.executable, "-c", THE_END + thread + "command()", "-", asked]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == code
    said = [line for line in done.stdout.splitlines() if not line.startswith("koers ")]
    assert sorted(said) == sorted(["at exit", *more])
    assert done.stderr.startswith("Usage: " if code else "")


@pytest.mark.parametrize(
    ("tool", "says"),
    [
        ("cProfile -m", "function calls"),
        ("trace --listfuncs --module", "functions called:"),
        ("pdb -c continue -c quit -m", "The program exited via sys.exit()"),
    ],
)
def test_who_watches_a_process_sees_its_end(here: Path, tool: str, says: str) -> None:
    command = [sys.executable, "-m", *tool.split(), "koers", "--version"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)  # noqa: S603
    assert "koers 0" in done.stdout
    assert says in done.stdout


HOST = """
import runpy, sys
sys.argv = ["koers", "--version"]
try: runpy.run_module("koers", run_name="__main__")
finally: print("and on")
"""


def test_who_runs_the_command_within_a_program_goes_on() -> None:
    done = subprocess.run([sys.executable, "-c", HOST], env=environment(), capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.endswith("\nand on\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", [("status",), ("status", "--json"), ("--version",)])
def test_a_full_disk_is_an_error_in_a_line(demo: Path, command: tuple[str, ...], unbuffered: str) -> None:
    env = environment(PYTHONUNBUFFERED=unbuffered)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*KOERS, *command], env=env, stdout=full, stderr=subprocess.PIPE, check=False)  # noqa: S603
    assert (done.returncode, done.stderr) == (
        1,
        b"koers: output: No space left on device; what was recorded before is in the log\n",
    )


INTERRUPTED = """
import os, signal
import koers.engine.backtest as engine
engine._origin = lambda *_: os.kill(os.getpid(), signal.SIGINT)
from koers.cli.app import main
main()
"""


def test_ctrl_c_in_a_backtest_ends_it_without_a_traceback(demo: Path) -> None:
    text, code = on_a_terminal(sys.executable, "-c", INTERRUPTED, "--log", "koers-demo.db", "backtest")
    assert code == 130
    assert "Traceback" not in text
    assert "straight line" not in text
