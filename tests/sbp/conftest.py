"""The fixtures of boards that speak SBP. Without the extra `server` and `sbp-client`, these tests are left out."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from blackboard import Blackboard, ManualClock

if TYPE_CHECKING:
    from tests.support.served_board import Served

IS_INSTALLED = all(find_spec(name) is not None for name in ("sbp", "uvicorn", "starlette"))

collect_ignore_glob = [] if IS_INSTALLED else ["test_*.py"]


def pytest_report_header() -> str:
    return "" if IS_INSTALLED else "tests/sbp is left out: the extra 'server' or 'sbp-client' is not installed"


@pytest.fixture
def sbp_board(board_url: str) -> Iterator[Blackboard]:
    """Return a board in the name of a program, with a clock that the test moves."""
    with Blackboard.open(board_url, clock=ManualClock(), author="sbp", create=True) as board:
        yield board


@pytest.fixture
def sbp_served(board_url: str) -> Iterator[Served]:
    """Return a served board with SBP, in this process."""
    from tests.support.served_board import serve

    with serve(board_url, sbp=True) as served:
        yield served


@pytest.fixture(scope="module")
def sbp_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a server in a process of its own, which speaks SBP."""
    from tests.support.server_process import process

    folder = tmp_path_factory.mktemp("sbp")
    with process(
        folder, f"sqlite:///{folder}/board.db", "serve", "--listen", "127.0.0.1:0", file="[server]\nsbp = true\n"
    ) as (_, url):
        yield url
