"""The fixture of a served board, for folders of tests that are left out without the extra `server`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.served_board import Served

IS_INSTALLED = find_spec("uvicorn") is not None and find_spec("starlette") is not None
"""Whether the extra `server` is installed."""


@pytest.fixture
def served(board_url: str) -> Iterator[Served]:
    """Return a served board."""
    from tests.support.served_board import serve

    with serve(board_url) as served:
        yield served
