"""The fixture of a served board. Without the extra `server`, the tests of this folder are left out."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.served_board import Served

IS_INSTALLED = find_spec("uvicorn") is not None and find_spec("starlette") is not None

collect_ignore_glob = [] if IS_INSTALLED else ["test_*.py"]


def pytest_report_header() -> str:
    return "" if IS_INSTALLED else "tests/server is left out: the extra 'server' is not installed"


@pytest.fixture
def served(board_url: str) -> Iterator[Served]:
    """Return a served board."""
    from tests.support.served_board import serve

    with serve(board_url) as served:
        yield served
