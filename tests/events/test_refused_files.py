"""A log that is locked, read-only, full or on a network: one clear line, and the log as it was."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from koers.events import mounts, sqlite, waiting
from koers.events.errors import LogError
from koers.events.log import open_log
from koers.events.mounts import over_network
from tests.cli import world
from tests.events.test_log import check_in


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of one event."""
    return _make(tmp_path / "log.db")


def _make(path: Path) -> Path:
    with open_log(path, create=True) as log:
        log.append([check_in("a")])
    return path


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits longer than a moment."""
    monkeypatch.setattr(sqlite, "WAIT", 0.1)
    connect = sqlite._connect
    monkeypatch.setattr(sqlite, "_connect", lambda path, mode, wait=0.1: connect(path, mode, wait))


def _append_one(path: Path) -> None:
    with open_log(path) as log:
        log.append([check_in("b")])


@pytest.mark.parametrize("lock", ["EXCLUSIVE", "IMMEDIATE"])
@pytest.mark.usefixtures("impatient")
def test_a_log_that_another_program_keeps_locked_says_so_and_stays(path: Path, lock: str) -> None:
    before = path.read_bytes()
    with closing(sqlite._connect(path, "rw")) as other:
        other.execute(f"BEGIN {lock}")
        with pytest.raises(LogError, match=r"log\.db: another program has held this log.*nothing was changed"):
            _append_one(path)
        other.execute("ROLLBACK")
    assert path.read_bytes() == before
    with open_log(path) as log:
        assert log.append([check_in("b")]) == [2]


@pytest.mark.usefixtures("impatient")
def test_a_writer_that_never_ends_is_not_waited_for_and_one_that_ends_is(path: Path) -> None:
    sidecar = path.with_name("log.db.lock")
    with open_log(path) as log:
        with waiting.Queue(sidecar).turn(1), pytest.raises(LogError, match="another program has held this log"):
            log.append([check_in("b")])
        held, ended = threading.Event(), threading.Event()

        def hold() -> None:
            with waiting.Queue(sidecar).turn(1):
                held.set()
                ended.wait(0.03)

        other = threading.Thread(target=hold)
        other.start()
        held.wait()
        assert log.append([check_in("b")]) == [2]
        other.join()


READ_ONLY = """
import os, sys
from koers.events.errors import LogError
from koers.events.log import open_log
from tests.events.test_log import check_in
if os.geteuid() == 0:
    os.setuid(65534)
with open_log(sys.argv[1]) as log:
    print(log.verify().position)
    try:
        log.append([check_in("b")])
    except LogError as error:
        print(error)
"""


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody may look into."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:  # the parents of other folders are closed to other users
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_log_that_can_only_be_read_is_read_and_takes_nothing(public: Path) -> None:
    path = public / "log.db"
    _make(path)
    for file in public.iterdir():
        file.chmod(0o444)
    before = path.read_bytes()
    code = [sys.executable, "-c", READ_ONLY, str(path)]
    told = subprocess.run(code, capture_output=True, text=True, check=True, cwd=world.SOURCE.parent).stdout  # noqa: S603
    assert told.splitlines() == [
        "1",
        f"{path}: this log can only be read here; nothing was stored: file and folder must be writable",
    ]
    assert path.read_bytes() == before


FULL = """
import resource, signal, sys
from pathlib import Path
from tests.events.failing_trials import filled
size = 64 * 1024
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
careless = sys.argv[2:] == ["careless"]
found = filled(Path(sys.argv[1]), lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard)), careless=careless)
print(found.acknowledged > 0, found.torn > 0)
"""


@pytest.mark.parametrize(("how", "torn"), [((), False), (("careless",), True)])
def test_where_there_is_no_room_a_batch_is_refused_whole_unless_it_is_appended_event_by_event(
    tmp_path: Path, how: tuple[str, ...], torn: bool
) -> None:
    code = [sys.executable, "-c", FULL, str(tmp_path / "log.db"), *how]
    done = subprocess.run(code, capture_output=True, text=True, check=False, cwd=world.SOURCE.parent)  # noqa: S603
    assert (done.stdout, done.stderr) == (f"True {torn}\n", "")


MOUNTINFO = r"""
22 1 0:5 / / rw - ext4 /dev/sda rw
23 22 0:6 / /home/team rw shared:1 - nfs4 server:/team rw
24 22 0:7 / /mnt/our\040share rw,relatime - cifs //server/share rw
25 23 0:8 / /home/team/local rw - ext4 /dev/sdb rw
26 22 0:9 / /mnt/both rw - nfs server:/x rw
27 22 0:9 / /mnt/both rw - tmpfs tmpfs rw
""".strip()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/team/koers.db", "nfs4"),
        ("/home/team/a/b/koers.db", "nfs4"),
        ("/mnt/our share/koers.db", "cifs"),
        ("/home/teams/koers.db", None),
        ("/home/team/local/koers.db", None),
        ("/mnt/both/koers.db", None),
        ("/koers.db", None),
    ],
)
def test_a_file_system_over_a_network_is_known_by_the_mount_it_is_under(path: str, kind: str | None) -> None:
    assert over_network(Path(path), MOUNTINFO) == kind


def test_a_log_on_a_network_is_refused_and_left_as_it_is(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(f"{MOUNTINFO}\n30 22 0:9 / {path.parent.resolve()} rw - nfs4 server:/x rw\n")
    monkeypatch.setattr(mounts, "MOUNTS", table)
    monkeypatch.setattr(sqlite, "MOUNTS", table)
    before = path.read_bytes()
    for command in (("status",), ("verify",), ("init",), ("import", ".")):
        assert "network file system (nfs4)" in world.refused("--log", path, *command) or command == ("init",)
    assert "network file system" in world.refused("--log", path.with_name("new.db"), "init")
    assert path.read_bytes() == before
    assert not path.with_name("new.db").exists()
