"""Every page in a headless Chromium: a screenshot is left in the temporary folder, for a person to look at."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.browser.conftest import ARGUMENTS
from tests.ratchet.reports.make import HOSTILE, make_pages

pytestmark = pytest.mark.browser

WIDTH = 900
PAGES = make_pages()
BACKGROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 28)"}


@dataclass
class Seen:
    """What a browser made of a page."""

    messages: list[str]
    requests: list[str]
    backgrounds: dict[str, str]
    width: int


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    folder = tmp_path_factory.mktemp("pages")
    # In a thread of its own: another test's browser may hold the loop of this one.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(look_at_all, executable, folder).result(200)


def look_at_all(executable, folder):
    from playwright.sync_api import sync_playwright

    hostile = {f"planted-{name}": page for name, page in make_pages(HOSTILE).items()}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        tab = browser.new_page(viewport={"width": WIDTH, "height": 600})
        seen = {name: look_at(tab, folder / f"{name}.html", page()) for name, page in (PAGES | hostile).items()}
        browser.close()
    return seen


def look_at(tab, path, html):
    path.write_text(html, encoding="utf-8")
    messages, requests = [], []
    listeners = {
        "console": lambda message: messages.append(message.text),
        "dialog": lambda dialog: (messages.append(dialog.message), dialog.dismiss()),
        "request": lambda request: requests.append(request.url),
    }
    for event, listener in listeners.items():
        tab.on(event, listener)
    tab.emulate_media(color_scheme="light")
    tab.goto(path.as_uri())
    if path.stem in PAGES:
        tab.screenshot(path=path.with_suffix(".png"), full_page=True)
    width = tab.evaluate("document.body.scrollWidth")
    backgrounds = {}
    for scheme in BACKGROUNDS:
        tab.emulate_media(color_scheme=scheme)
        backgrounds[scheme] = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    for event, listener in listeners.items():
        tab.remove_listener(event, listener)
    return Seen(messages, [url for url in requests if url != path.as_uri()], backgrounds, width)


@pytest.mark.parametrize("name", [*PAGES, *(f"planted-{name}" for name in PAGES)])
def test_a_page_is_styled_fits_a_frame_and_fetches_nothing(seen, name):
    page = seen[name]
    assert page.messages == []
    assert page.requests == []
    assert page.backgrounds == BACKGROUNDS
    assert page.width <= WIDTH
