"""Only the loop of the daemon sends signs of life to systemd."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from blackboard import Blackboard, Daemon, Mark, agent, strength
from blackboard.daemon import DaemonEventDetails
from blackboard.daemon.service_manager import ServiceManager
from tests.support.bounds import BOUND_SECONDS
from tests.support.threads import join_all


class Smoke(Mark, kind="smoke", on_repeat="separate"):
    pass


@agent(watches=strength(Smoke) >= 0.5)
def watchman(marks: Any, context: Any) -> None:
    """Absorb the marks."""


class Manager:
    """The socket of the service manager."""

    def __init__(self, folder: str) -> None:
        self.address = str(Path(folder) / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.setblocking(False)

    def received(self) -> list[str]:
        result = []
        while True:
            try:
                result.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return result

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager() -> Iterator[Manager]:
    with TemporaryDirectory(dir="/tmp") as folder:
        manager = Manager(folder)
        yield manager
        manager.close()


@pytest.fixture
def watched(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> Manager:
    """Return a service manager that requires signs of life of this process."""
    monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    return manager


def test_a_daemon_reports_its_start_its_life_and_its_stop(board: Blackboard, watched: Manager) -> None:
    Daemon(board, [watchman]).run(until_quiescent=True)
    received = watched.received()
    assert received[0].startswith("READY=1\nSTATUS=serves ")
    assert "WATCHDOG=1" in received
    assert received[-1] == "STOPPING=1"


def test_the_loop_reports_at_least_twice_per_required_interval(manager: Manager) -> None:
    service_manager = ServiceManager.of({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "4000000"})
    assert service_manager.interval == 2_000_000


def test_a_stuck_loop_sends_no_sign_of_life(board: Blackboard, watched: Manager) -> None:
    daemon = Daemon(board, [watchman])
    stuck, go_on = threading.Event(), threading.Event()

    def listener(event: str, details: DaemonEventDetails) -> None:
        if event == "claimed":  # in the thread of the loop
            stuck.set()
            assert go_on.wait(BOUND_SECONDS)

    daemon.on_event.append(listener)
    board.session.classes.add([Smoke])
    thread = threading.Thread(target=lambda: daemon.run(until_quiescent=True))
    board.deploy(watchman)
    board.deposit(Smoke(subject="kitchen"))
    thread.start()
    assert stuck.wait(BOUND_SECONDS)
    watched.received()
    board.deposit(Smoke(subject="cellar"))  # other threads continue; the loop does not
    assert watched.received() == []
    go_on.set()
    join_all(thread)
    assert "WATCHDOG=1" in watched.received()


@pytest.mark.parametrize(
    "environment",
    [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "nonsense"}, {"NOTIFY_SOCKET": "/nowhere/at/all"}],
)
def test_without_a_listener_nothing_is_sent(environment: dict[str, str]) -> None:
    service_manager = ServiceManager.of({**environment, "WATCHDOG_USEC": "soon"})
    service_manager.report_ready("fine")
    service_manager.report_alive()
    service_manager.report_stopping()
    assert service_manager.interval is None


def test_settings_for_another_process_are_ignored(manager: Manager) -> None:
    pid = str(os.getpid() + 1)
    service_manager = ServiceManager.of(
        {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "1000", "WATCHDOG_PID": pid}
    )
    service_manager.report_alive()
    assert manager.received() == []
    service_manager.report_status("line\nWATCHDOG=1")
    assert manager.received() == ["STATUS=line WATCHDOG=1"]
