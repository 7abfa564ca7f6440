"""A PostgreSQL server for the tests that need one: out of a wheel, in a folder of its own, gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.events.server import IN_MEMORY, Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A running server."""
    with Server(IN_MEMORY) as server:
        yield server


@pytest.fixture
def database(server: Server) -> str:
    """The URL of a database without a log."""
    with psycopg.connect(server.url, autocommit=True) as db:
        db.execute("SET client_min_messages TO error")
        db.execute("DROP SCHEMA IF EXISTS koers CASCADE")
    return server.url


@pytest.fixture
def folder() -> Iterator[Path]:
    """A temporary folder, in memory where that can be."""
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as name:
        yield Path(name)
