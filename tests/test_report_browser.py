"""The report in a real browser: phone and desktop, filter, search, enlarge."""

import os
import shutil

import pandas as pd
import pytest
from test_report import run  # noqa: F401

from cohabit.run.report import build_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
REQUIRED = os.environ.get("COHABIT_REQUIRE_BROWSER") == "1"

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not REQUIRED, reason="no Chromium found; install it to run this test"
)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, run):  # noqa: F811
    """Open the report at a width; collects what the page says and what it asks for."""
    address = build_report(run).as_uri()
    opened = []

    def open_page(width: int, height: int = 900):
        context = browser.new_context(viewport={"width": width, "height": height})
        page = context.new_page()
        page.complaints, page.asked = [], []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(address)
        opened.append(context)
        return page

    yield open_page
    for context in opened:
        context.close()


def test_page__never_scrolls_sideways_and_asks_nobody(open_page):
    page = open_page(320)
    page.evaluate("document.querySelectorAll('details').forEach(node => { node.open = true; })")
    for width in (320, 390, 768, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, width
    assert page.complaints == []
    assert all(url.startswith(("file:", "data:")) for url in page.asked)


def test_page__cards_filter_the_claims(open_page):
    page = open_page(1280)
    page.click(".card.disagrees")
    shown = page.locator("table.claims tbody tr:visible")
    assert [row.get_attribute("id") for row in shown.all()] == ["claim-05.b"]
    assert page.inner_text("#shown") == "1 of 4 claims"
    page.click(".card.disagrees")
    assert shown.count() == 4


def test_page__search_finds_claims_and_opens_notebooks(open_page):
    page = open_page(390)
    page.fill("#search", "too late")
    assert page.locator("article.notebook:visible").count() == 1
    assert page.locator("#notebook-07 pre.error").is_visible()
    assert page.locator("table.claims tbody tr:visible").count() == 0


def test_page__a_figure_enlarges_by_keyboard_and_closes(open_page):
    page = open_page(1280)
    page.goto(page.url + "#notebook-05")
    page.locator("button.enlarge").first.focus()
    page.keyboard.press("Enter")
    viewer = page.locator("#viewer")
    assert viewer.is_visible()
    assert viewer.locator("img").get_attribute("alt") == 'Points in "seven" clouds.'
    page.keyboard.press("Escape")
    assert not viewer.is_visible()


def test_page__text_stands_out_from_what_is_behind_it(open_page):
    page = open_page(1280)
    page.evaluate("document.querySelectorAll('details').forEach(node => { node.open = true; })")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = pd.Series(page.evaluate(CONTRASTS))
        assert len(found) > 20
        assert found.min() >= 4.5, (scheme, found[found < 4.5].to_dict())


CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d");
  const rgb = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const linear = (v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const [x, y, z] = [r, g, b].map((v) => linear(v / 255));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = rgb(getComputedStyle(node).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return [255, 255, 255];
  };
  const found = {};
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !node.offsetParent || node.closest("svg")) continue;
    const [a, b] = [light(rgb(getComputedStyle(node).color)), light(behind(node))];
    const key = `${node.tagName}.${node.className} ${node.textContent.trim().slice(0, 20)}`;
    found[key] = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }
  return found;
}"""
