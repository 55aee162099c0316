"""The notebooks in a real JupyterLab: they open, run to the end, and show their figures."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cohabit.simulate import StudyDesign, simulate_cohort
from cohabit.storage import write_cohort

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
REQUIRED = os.environ.get("COHABIT_REQUIRE_BROWSER") == "1"
ROOT = Path(__file__).resolve().parents[1]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EVERY = os.environ.get("COHABIT_EVERY_NOTEBOOK") == "1"
CHOSEN = [path for path in PATHS if EVERY or path.name.startswith("02_")]
QUIET = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}
MILLISECONDS = 240_000

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not REQUIRED, reason="no Chromium found; install it to run this test"
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab on copies of the notebooks; gives its address."""
    home = tmp_path_factory.mktemp("lab")
    for path in PATHS:
        shutil.copy(path, home / path.name)
    for name, settings in QUIET.items():
        place = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(settings), encoding="utf-8")
    folders = {
        "COHABIT_ROOT": str(ROOT),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "OPENBLAS_NUM_THREADS": "1",
    }
    options = ["--no-browser", "--allow-root", "--IdentityProvider.token=", "--port=0"]
    options += [f"--ServerApp.root_dir={home}", "--LabApp.expose_app_in_browser=True"]
    command = [sys.executable, "-m", "jupyter", "lab", *options]
    with (home / "log.txt").open("w") as log:
        server = subprocess.Popen(command, env={**os.environ, **folders}, stdout=log, stderr=log)
        try:
            yield _find_address(home, server)
        finally:
            server.terminate()
            server.wait(20)


def _find_address(home: Path, server: subprocess.Popen) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        for path in (home / "runtime").glob("jpserver-*.json"):
            return json.loads(path.read_text(encoding="utf-8"))["url"]
        time.sleep(0.2)
    raise AssertionError((home / "log.txt").read_text())


@pytest.fixture(scope="module")
def data():
    """The cohort that the notebooks read when run by hand."""
    folder = ROOT / "data" / "synthetic" / "study"
    if not (folder / "cohort.json").exists():
        write_cohort(simulate_cohort(StudyDesign.preset("study"), seed=1), folder)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


RUN_ALL = """async () => {
    const notebook = window.jupyterapp.shell.currentWidget;
    await notebook.sessionContext.ready;
    await window.jupyterapp.commands.execute('notebook:run-all-cells');
    const outputs = [];
    for (const cell of notebook.content.widgets) {
        if (cell.model.type === 'code') { outputs.push(cell.model.outputs.toJSON()); }
    }
    return outputs;
}"""


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("path", CHOSEN, ids=lambda path: path.stem)
def test_notebook__runs_to_its_end_in_jupyterlab(lab, browser, path):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(MILLISECONDS)
    page.goto(f"{lab}lab/tree/{path.name}")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext?.isReady")
    outputs = [output for cell in page.evaluate(RUN_ALL) for output in cell]
    assert [o["evalue"] for o in outputs if o["output_type"] == "error"] == []
    figures = [o for o in outputs if "image/png" in o.get("data", {})]
    shown = page.locator(".jp-Notebook .jp-OutputArea img").count()
    assert shown >= len(figures) >= 3
    spoken = "".join(o.get("text", "") for o in outputs if o["output_type"] == "stream")
    assert "Your turn" in spoken, "the exercises answer"
    page.close()
