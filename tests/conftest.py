"""What every test stands on: a clock that stands still, an environment without secrets, no way off the machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import settings

from blackboard.clock import ManualClock

# The same examples at every run, so that a red build means a change and not luck; `thorough` looks for new ones.
settings.register_profile("repeatable", deadline=None, max_examples=80, derandomize=True, database=None)
settings.register_profile("thorough", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--crash-runs", type=int, default=1000, help="processes that the crash test kills (make crash N=...)"
    )


@pytest.fixture
def crash_runs(request: pytest.FixtureRequest) -> int:
    """How many processes the crash test kills: a thousand in `make test`, more in `make crash`."""
    return int(request.config.getoption("--crash-runs"))


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
