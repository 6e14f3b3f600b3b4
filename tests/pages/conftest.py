"""The fixtures of the pages. Without the extra `server`, the tests of this folder are left out."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.support.served_fixture import IS_INSTALLED
from tests.support.served_fixture import served as served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

collect_ignore_glob = [] if IS_INSTALLED and find_spec("jinja2") else ["test_*.py"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a real browser, which `.ci/run` installs. Elsewhere its tests are skipped where there is none.

    It ends with its module: while it is open, an event loop runs in this thread, and no other test could start one.
    """
    from tests.pages.browsers import open_browser

    with open_browser() as browser:
        yield browser
