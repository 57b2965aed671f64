"""What the tests in a real browser share: where it is, and a page opened with the network cut."""

from __future__ import annotations

import shutil

import pytest


def browser_path() -> str | None:
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if result := shutil.which(name):
            return result
    return None


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    path = browser_path()
    if path is None:
        pytest.skip("no Chrome or Chromium on this machine")
    with playwright.sync_playwright() as running:
        chrome = running.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chrome
        chrome.close()


def serious_faults(page) -> list[tuple]:
    """Let axe look for serious faults with all details open; the rows of a table look alike, so five are enough."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    looked = axe.Axe().run(
        page, context={"exclude": [["tbody tr:nth-child(n+6)"]]}, options={"resultTypes": ["violations"]}
    )
    return [
        (fault["id"], fault["help"], [node["html"][:160] for node in fault["nodes"][:3]])
        for fault in looked.response["violations"]
        if fault["impact"] in ("serious", "critical")
    ]


def open_offline(browser, path, *, width=1280, height=900, figures=True, **context):
    """Open a page with the network cut; return it and all that went wrong."""
    opened = browser.new_context(offline=True, viewport={"width": width, "height": height}, **context)
    page, wrong = opened.new_page(), []
    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: (wrong.append("a dialog: " + dialog.message), dialog.dismiss()))
    own = path.resolve().as_uri()
    page.on("request", lambda r: None if r.url == own or r.url.startswith(("data:", "blob:")) else wrong.append(r.url))
    page.goto(own)
    if figures:
        page.wait_for_selector("html[data-drawn=all]", timeout=60_000)
        undrawn = "[...document.querySelectorAll('[data-figure]')].filter(d => !d.querySelector('.main-svg')).length"
        assert page.evaluate(undrawn) == 0
    if page.locator("#explorer-data").count():
        page.wait_for_selector("#explore[data-ready]", timeout=60_000)
    return page, wrong
