"""The fixture of a board. Without the extras `mcp` and `server`, the tests of this folder are left out."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from blackboard import Blackboard

IS_INSTALLED = all(find_spec(name) is not None for name in ("mcp", "uvicorn", "starlette"))

collect_ignore_glob = [] if IS_INSTALLED else ["test_*.py"]


def pytest_report_header() -> str:
    return "" if IS_INSTALLED else "tests/mcp_server is left out: the extras 'mcp' and 'server' are not installed"


@pytest.fixture
def shared_board(board_url: str) -> Iterator[Blackboard]:
    """Return a board with a remote agent and a clock that the test moves."""
    from tests.mcp_server.sessions import open_board

    with open_board(board_url) as board:
        yield board
