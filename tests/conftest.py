"""Fixtures for all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("koers", deadline=None)  # how fast things are is told by benchmarks, not by a busy machine
settings.load_profile("koers")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, from KOERS_DATA or beside the repository; without it the test is skipped."""
    folder = Path(os.environ.get("KOERS_DATA", Path(__file__).resolve().parents[1] / "../shared/data"))
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is not there (name it with KOERS_DATA)")
    return folder.resolve()
