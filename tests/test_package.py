"""What is installed: built from a copy of what git tracks, looked into; and the public names."""

from __future__ import annotations

import configparser
import importlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

import koers

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("events", "engine", "scenarios", "cli")
PUBLIC = {
    "Event",
    "EventLog",
    "Forecast",
    "KoersError",
    "MemoryLog",
    "Scenario",
    "backtest",
    "explain",
    "export_tables",
    "forecast",
    "import_tables",
    "load_scenario",
    "open_log",
    "replay",
    "what_if",
}


def tracked() -> list[Path]:
    """The files git tracks or would track, links as links."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    names = sorted(set(found.stdout.split("\0")[:-1]))
    return [path for path in map(Path, names) if os.path.lexists(ROOT / path)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a wheel, an sdist, and in `again/` the wheel made from that sdist."""
    if int(version("setuptools").split(".")[0]) < 77:
        pytest.skip("setuptools is older than pyproject.toml asks for: pip install -e '.[dev]'")
    folder = tmp_path_factory.mktemp("build")
    for path in tracked():
        (folder / "copy" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / "copy" / path, follow_symlinks=False)
    build(folder / "copy", folder, "--wheel", "--sdist")
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # not yet in 3.11.3
        archive.extractall(folder / "unpacked", **safely)  # type: ignore[arg-type]  # noqa: S202 - our own archive
    build(next((folder / "unpacked").iterdir()), folder / "again", "--wheel")
    yield folder
    shutil.rmtree(folder)


def build(source: Path, target: Path, *kinds: str) -> None:
    command = [sys.executable, "-m", "build", "--no-isolation", *kinds, "--outdir", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr


def names(folder: Path) -> set[str]:
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize("way", ["", "again"])
def test_the_wheel_holds_every_module_under_koers_and_nothing_else(built: Path, way: str) -> None:
    kinds = (".py", ".css", ".j2", ".toml")
    modules = {f"koers/{path.as_posix()}" for path in tracked() if path.suffix in kinds and path.parts[0] in PACKAGES}
    face = {"koers/__init__.py", "koers/__main__.py", "koers/py.typed"}
    found = names(built / way)
    assert {name for name in found if not name.startswith("koers-")} == modules | face
    assert len(modules) > 25


@pytest.mark.parametrize("way", ["", "again"])
def test_the_wheel_carries_its_licence_its_command_and_its_name_alone(built: Path, way: str) -> None:
    (wheel,) = (built / way).glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        info = f"koers-{koers.__version__}.dist-info"
        assert archive.read(f"{info}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
        assert archive.read(f"{info}/top_level.txt").split() == [b"koers"]
        commands = configparser.ConfigParser()
        commands.read_string(archive.read(f"{info}/entry_points.txt").decode())
        assert dict(commands["console_scripts"]) == {"koers": "koers.__main__:command"}
        assert f"Version: {koers.__version__}\n" in archive.read(f"{info}/METADATA").decode()


def test_the_wheel_works_without_its_source(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    env = os.environ | {"PYTHONPATH": str(wheel), "HOME": str(tmp_path)}  # machine code is kept there
    code = "import koers, koers.cli.app; print(koers.__file__); koers.cli.app.main()"
    command = [sys.executable, "-W", "error", "-c", code, "demo"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(str(wheel))
    assert "synthetic" in done.stdout


def test_the_public_names_are_these_and_each_is_there() -> None:
    assert set(koers.__all__) == PUBLIC
    assert set(dir(koers)) == PUBLIC | {"__version__"}
    for name in PUBLIC:
        home = importlib.import_module(koers._HOMES[name])
        assert getattr(koers, name) is getattr(home, name)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = koers.nonsense
    namespace: dict[str, object] = {}
    exec("from koers import *", namespace)  # noqa: S102
    assert namespace.keys() - {"__builtins__"} == PUBLIC


def test_python_m_koers_is_the_koers_command() -> None:
    command = [sys.executable, "-m", "koers", "--help"]
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    assert "koers" in subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout  # noqa: S603


def test_no_file_names_this_machine_or_a_place_to_download_from() -> None:
    home = str(Path.home())
    places = [re.escape(str(ROOT)), r"/tmp/\w+/bin", "index-url"]  # noqa: S108
    places += [re.escape(home)] if len(home) > 5 else [re.escape(home) + r"/"]
    unwanted = re.compile("|".join(places))
    found = []
    for path in tracked():
        if (ROOT / path).is_file() and path != Path("tests/test_package.py"):
            lines = (ROOT / path).read_text(encoding="utf-8", errors="replace").splitlines()
            found += [f"{path}:{n}: {line}" for n, line in enumerate(lines, 1) if unwanted.search(line)]
    assert found == []
