"""Every test here runs in a folder of its own; the demo's log and one with capacity are written once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from koers.cli.record import write_demo
from koers.cli.session import Session
from tests.cli.staffed import staffed_log
from tests.cli.world import NOW
from tests.small import AS_OF, demo_events


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def written_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's log; not to be changed."""
    path = tmp_path_factory.mktemp("demo") / "koers-demo.db"
    write_demo(Session(str(path), lambda: NOW), demo_events(), AS_OF)
    return path


@pytest.fixture
def demo(here: Path, written_demo: Path) -> Path:
    """The demo's log in the working folder."""
    return Path(shutil.copy(written_demo, here / "koers-demo.db"))


@pytest.fixture(scope="session")
def written_staffed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with capacity; not to be changed."""
    return staffed_log(tmp_path_factory.mktemp("staffed") / "koers.db")


@pytest.fixture
def staffed(here: Path, written_staffed: Path) -> Path:
    """A log with capacity in the working folder: the one commands take."""
    return Path(shutil.copy(written_staffed, here / "koers.db"))
