"""The notebook and the page of the client, run against a real service: workers train what they submit."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

from backprop_evo.client import Client
from backprop_evo.records.states import SearchState
from backprop_evo.settings import Settings
from tests.e2e.cluster import Cluster
from tests.serving import serving

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "examples" / "service.ipynb"
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "client.md").read_text(), re.DOTALL)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(cluster: Cluster) -> Iterator[str]:
    with serving(Settings(home=cluster.home, poll_s=0.1), cluster.store) as address:
        yield address


def test_the_notebook_keeps_no_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    cells = [each for each in notebook.cells if each.cell_type == "code"]
    assert cells
    assert all(each.outputs == [] and each.execution_count is None for each in cells)


def test_the_notebook_runs_from_top_to_bottom(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROP_EVO_API_URL", address)
    # The kernel finds the packages that this process found.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=240, kernel_name="python3").execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    kinds = {kind for output in shown for kind in output.get("data", ())}
    assert {"text/html", "text/latex"} <= kinds
    assert any("<progress" in output.get("data", {}).get("text/html", "") for output in shown)
    assert any("<table>" in output.get("data", {}).get("text/html", "") for output in shown)
    assert not [output for output in shown if output.get("name") == "stderr"]
    with Client(address) as client:
        (search,) = [each for each in client.searches.list() if each.spec.name == "from a notebook"]
    assert search.state is SearchState.COMPLETED


def test_the_page_s_examples_run_from_top_to_bottom(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(BLOCKS) >= 8
    names: dict[str, Any] = {}
    for block in BLOCKS:
        exec(block.replace("http://127.0.0.1:8000", address), names)  # noqa: S102
    told = capsys.readouterr().out
    assert "completed 4\n" in told
    assert "trials must be" in told
    assert names["report"].startswith("#")
    assert len(names["frame"]) == len(names["board"])
