"""Hundreds of malformed files over every importer: each refused in one line with its place, and nothing stored."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(folder: Path, what: str) -> str:
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    command = [sys.executable, "-W", "error", "-m", "tests.malformed", str(folder), what]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True).stdout  # noqa: S603


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    run(folder, "write")
    return folder


def test_every_malformed_file_is_refused_with_its_place_and_nothing_of_it_stored(corpus: Path) -> None:
    done: dict[str, Any] = json.loads(run(corpus, "koers"))
    kinds = Counter(importer for _, importer, _ in json.loads((corpus / "cases.json").read_bytes()))
    assert done["wrong"] == []
    assert done["files"] == sum(kinds.values()) >= 500
    assert {kind for kind, files in kinds.items() if files >= 80} == {"csv", "tickets", "jsonl", "xlsx", "toml"}
    assert done["slowest"] < 2
    assert done["peak_mb"] < 300


def test_readers_without_that_care_fail_the_same_trial(corpus: Path) -> None:
    done: dict[str, Any] = json.loads(run(corpus, "naive"))
    told = Counter(said.partition(": ")[2].partition(":")[0] for said in done["wrong"])
    assert told["it was taken"] > 100
    assert sum(told.values()) - told["it was taken"] > 100
    assert done["peak_mb"] > 300
