"""The notebook in the documents runs from top to bottom, shows what it promises, and is kept without output."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def read() -> Any:  # noqa: ANN401 - a notebook's node
    return nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The cells of code once all have run, in a kernel and a folder of their own."""
    folder = tmp_path_factory.mktemp("notebook")
    found = read()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", str(ROOT / "src"))
        patched.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        patched.setenv("IPYTHONDIR", str(folder / "ipython"))
        NotebookClient(found, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    return [cell for cell in found.cells if cell.cell_type == "code"]


def shown(cell: Any, kind: str = "text/html") -> str:  # noqa: ANN401 - a notebook's node
    return "".join(str(one.data.get(kind, "")) for one in cell.outputs if one.output_type == "execute_result")


def test_the_notebook_is_kept_without_output() -> None:
    kept = [cell for cell in read().cells if cell.cell_type == "code"]
    assert len(kept) > 8
    assert all(cell.outputs == [] and cell.execution_count is None for cell in kept)


def test_every_cell_of_the_notebook_runs_and_shows_something(cells: list[Any]) -> None:
    for cell in cells:
        assert [one.output_type for one in cell.outputs] == ["execute_result"], cell.source


@pytest.mark.parametrize(
    ("begins", "picture", "said"),
    [
        ("now = koers.forecast", "strip", "on track"),
        ("nights = now.key_result", "chart", "Night calls per month"),
        ("koers.explain", "chart", "what the log teaches"),
        ("koers.what_if", "strip", "Move two people"),
        ("past = koers.backtest", "chart", "koers better"),
    ],
)
def test_results_in_the_notebook_show_themselves_with_charts(
    cells: list[Any], begins: str, picture: str, said: str
) -> None:
    (cell,) = [cell for cell in cells if cell.source.startswith(begins)]
    html = shown(cell)
    assert f'<svg class="{picture}"' in html
    assert said.lower() in html.lower()


def test_the_notebook_refuses_a_cell_that_is_no_number_and_the_mended_table_moves_the_forecast(
    cells: list[Any],
) -> None:
    refused, mended = [cell for cell in cells if "import_tables" in cell.source]
    assert "check_ins, row 2: value 'twenty' is no number" in shown(refused, "text/plain")
    assert float(shown(mended, "text/plain")) > 0.01
