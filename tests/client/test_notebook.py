"""The notebook of the documentation, executed as a reader would."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from aifutures_site.environment import PROJECT
from tests.client.conftest import PASSWORD

NOTEBOOK = PROJECT / "deploy" / "client" / "first_analysis.ipynb"


@pytest.fixture
def reader(url, tmp_path, monkeypatch):
    """The environment of a reader with an account."""
    told = {"AIFUTURES_URL": url, "AIFUTURES_USER": "ada", "AIFUTURES_PASSWORD": PASSWORD}
    path = os.pathsep.join([str(NOTEBOOK.parent / "src"), os.environ.get("PYTHONPATH", "")])
    for name, value in {**told, "AIFUTURES_ITERATIONS": "8192", "PYTHONPATH": path}.items():
        monkeypatch.setenv(name, value)
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path


def test_it_is_stored_without_outputs():
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def test_it_runs_an_analysis_plots_it_and_asks_what_if(reader: Path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(reader)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    shown = [output["data"] for output in outputs if "data" in output]
    said = "".join(output.get("text", "") for output in outputs)
    assert sum("image/png" in data for data in shown) == 3
    assert "succeeded: 100% of 8,192 iterations" in said
    assert sum("change" in data.get("text/html", "") for data in shown) == 1
    assert not any(output.get("name") == "stderr" for output in outputs), said
