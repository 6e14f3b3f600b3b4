"""A real browser for tests: the Chromium of the system."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.bounds import BOUND_SECONDS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    from tests.support.served_board import Served

NAMES = ("chromium", "chromium-browser", "google-chrome")
READER = ("read", "operate", "answer", "sql", "deposit")
"""The scopes of a person who may see and do what pages show."""
REQUIRED = "BLACKBOARD_REQUIRE_BROWSER"
"""The variable that turns a missing browser into a failure."""


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Open a browser without a window; skip the test if there is none."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        reason = f"there is no browser on the PATH: {', '.join(NAMES)}"
        if os.environ.get(REQUIRED):
            pytest.fail(reason)
        pytest.skip(reason)
    sync_playwright = pytest.importorskip("playwright.sync_api").sync_playwright
    # In a container, and for root, Chromium has no sandbox of its own. The pages of these tests come from this machine.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
            timeout=BOUND_SECONDS * 1000,
        )
        try:
            yield browser
        finally:
            browser.close()


def new_tab(browser: Browser, **context: Any) -> BrowserContext:
    """Open a tab with its own cookies, in which nothing waits longer than the bound of tests."""
    tab = browser.new_context(**context)
    tab.set_default_timeout(BOUND_SECONDS * 1000)
    return tab


@contextmanager
def opened(
    browser: Browser,
    served: Served,
    address: str,
    *,
    may: tuple[str, ...] = READER,
    width: int = 1440,
    expected: str = "",
    **context: Any,
) -> Iterator[Page]:
    """Open a page, and check that the browser says nothing about it, apart from what is expected."""
    token = served.client(*may).headers["authorization"]
    tab = new_tab(
        browser,
        base_url=served.url,
        extra_http_headers={"Authorization": token},
        viewport={"width": width, "height": 900},
        **context,
    )
    page = tab.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    try:
        page.goto(address)
        page.wait_for_selector("#connection[data-state=live]")
        yield page
        assert [text for text in said if not expected or expected not in text] == []
    finally:
        tab.close()
