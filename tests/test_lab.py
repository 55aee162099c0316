"""The notebooks in a real JupyterLab: they open, run to the end, and show their figures."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nbformat import write as write_notebook
from nbformat.v4 import new_code_cell, new_notebook

from cohabit.files.storage import write_cohort
from cohabit.simulate import StudyDesign, simulate_cohort

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
SCREENSHOTS = os.environ.get("COHABIT_SCREENSHOTS")
"""A folder: what each notebook looks like at its end, for people to look at."""

MILLISECONDS = 600_000
"""For each wait; a quiet machine needs a twentieth, one that runs other things may not."""

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not REQUIRED, reason="no Chromium found; install it to run this test"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The folder that JupyterLab shows."""
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def lab(home):
    """A JupyterLab on copies of the notebooks; gives its address."""
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


READY = """name => {
    const notebook = window.jupyterapp?.shell.currentWidget;
    const session = notebook?.sessionContext;
    const idle = session?.isReady && session.session?.kernel?.status === 'idle';
    return idle && notebook.context?.path === name;
}"""
START = """() => {
    window.cohabitRun = {ended: false};
    window.jupyterapp.commands.execute('notebook:run-all-cells').finally(() => {
        window.cohabitRun.ended = true;
    });
}"""
READ = """() => {
    const cells = window.jupyterapp.shell.currentWidget.content.widgets;
    return cells.filter(cell => cell.model.type === 'code').map(cell => ({
        count: cell.model.executionCount,
        outputs: cell.model.outputs.toJSON(),
    }));
}"""
END = "window.jupyterapp?.shell.currentWidget?.sessionContext?.shutdown()"
DRAWN = """n => {
    const images = [...document.querySelectorAll('.jp-Notebook .jp-OutputArea img')];
    return images.length >= n && images.every(image => image.complete && image.naturalWidth > 0);
}"""

HEIGHT = "document.querySelector('.jp-Notebook').scrollHeight"
SCROLL = """top => document.querySelectorAll('.jp-Notebook, .jp-WindowedPanel-outer')
    .forEach(panel => panel.scrollTo(0, top))"""
TALLEST = 8000
"""Pixels of one picture; taller ones are slow to take."""


@pytest.fixture
def page(browser):
    """A page that remembers what its console complains of; its kernel ends with it."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(MILLISECONDS)
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda said: said.type == "error" and page.complaints.append(said.text))
    yield page
    page.evaluate(END)
    page.close()


def run_all(lab, page, name: str):
    """Open a notebook alone and run all its cells; wait for the last."""
    page.goto(f"{lab}lab/tree/{name}?reset")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.wait_for_function(READY, arg=name)
    page.evaluate(START)
    page.wait_for_function("window.cohabitRun.ended")


def take_pictures(page, name: str) -> None:
    """Keep what the notebook looks like, from its top to its end, where a folder is asked for."""
    if not SCREENSHOTS:
        return
    page.set_viewport_size({"width": 1280, "height": TALLEST})
    for number, top in enumerate(range(0, page.evaluate(HEIGHT), TALLEST - 200)):
        page.evaluate(SCROLL, top)
        page.wait_for_timeout(500)
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}_{number}.png")


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("path", CHOSEN, ids=lambda path: path.stem)
def test_notebook__runs_to_its_end_in_jupyterlab(lab, page, path):
    run_all(lab, page, path.name)
    cells = page.evaluate(READ)
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert [o["evalue"] for o in outputs if o["output_type"] == "error"] == []
    assert [cell["count"] for cell in cells] == list(range(1, len(cells) + 1)), "all cells ran"
    figures = [o for o in outputs if "image/png" in o.get("data", {})]
    source = path.read_text(encoding="utf-8")
    drawn = source.count("run.write_figure(") - source.count("explorers.explore_")
    assert len(figures) == drawn >= 2
    page.wait_for_function(DRAWN, arg=len(figures))
    spoken = "".join(o.get("text", "") for o in outputs if o["output_type"] == "stream")
    assert "Your turn" in spoken, "the exercises answer"
    take_pictures(page, path.stem)
    if "explorers." in source:
        turn_a_dial(page)
        take_pictures(page, f"{path.stem}_turned")


def test_explorers__redraw_when_a_dial_is_turned_in_jupyterlab(lab, home, page):
    """Those of notebooks 02, 05 and 16, in one kernel."""
    names = ("explore_partners", "explore_permutations", "explore_plan")
    calls = [new_code_cell(f"explorers.{name}();") for name in names]
    write_notebook(
        new_notebook(
            cells=[new_code_cell("from cohabit.course import explorers"), *calls],
            metadata=json.loads(PATHS[0].read_text(encoding="utf-8"))["metadata"],
        ),
        home / "explorer.ipynb",
    )
    run_all(lab, page, "explorer.ipynb")
    for place in range(len(names)):
        turn_a_dial(page, place)
    take_pictures(page, "explorers")


FOLLOWED = """([place, before]) => {
    const image = document.querySelectorAll('.widget-image')[place];
    return image.src !== before && image.complete && image.naturalWidth > 500;
}"""


def turn_a_dial(page, place: int = 0) -> None:
    """Move an explorer's last slider: the picture and the sentence follow, nothing complains."""
    image = page.locator(".widget-image").nth(place)
    image.wait_for()
    before = image.get_attribute("src")
    explorer = page.locator(".widget-vbox").filter(has=page.locator(".widget-image")).nth(place)
    said = explorer.locator("> .widget-html").inner_text()
    explorer.locator(".noUi-handle").last.focus()
    began = time.monotonic()
    page.keyboard.press("PageUp")
    page.wait_for_function(FOLLOWED, arg=[place, before])
    print(f"redrawn after {time.monotonic() - began:.2f} s")  # a busy machine needs longer
    assert explorer.locator("> .widget-html").inner_text() != said
    assert page.complaints == []
