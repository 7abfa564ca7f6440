"""A PostgreSQL server for the tests that need one: out of a wheel, in a folder of its own, gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.events.server import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A running server."""
    with Server() as server:
        yield server


@pytest.fixture
def database(server: Server) -> str:
    """The URL of a database without a log."""
    with psycopg.connect(server.url, autocommit=True) as db:
        db.execute("SET client_min_messages TO error")
        db.execute("DROP SCHEMA IF EXISTS koers CASCADE")
    return server.url
