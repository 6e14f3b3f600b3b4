"""The soak runs beside the other tests, because it mostly waits. Its figures are read at their end."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NAME = "test_two_minutes_of_faults_lose_and_double_nothing"
MINUTES = "2"


class BackgroundSoak:
    """A soak that one of the test processes starts, and any of them can wait for.

    Args:
        folder: A folder that no other run of the tests has.
    """

    def __init__(self, folder: Path) -> None:
        self._lock, self._report, self._progress = (folder / name for name in ("lock", "report", "progress"))

    def start(self) -> None:
        """Start the soak. It holds a lock until it ends."""
        self._lock.parent.mkdir(mode=0o700)
        lock = os.open(self._lock, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.set_inheritable(lock, True)
        opened = os.O_CREAT | os.O_WRONLY
        os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "tests.soak", "--minutes", MINUTES],
            {**os.environ, "PYTHONPATH": str(ROOT)},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 1, str(self._report), opened, 0o600),
                (os.POSIX_SPAWN_OPEN, 2, str(self._progress), opened, 0o600),
            ],
        )
        os.close(lock)

    def result(self) -> tuple[str, str]:
        """Wait for the end of the soak, and return its report, which is empty if it failed, and its progress."""
        with self._lock.open("r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
        result = self._report.read_text().strip(), self._progress.read_text()
        shutil.rmtree(self._lock.parent)
        return result


def _soak_of(config: pytest.Config) -> BackgroundSoak:
    number = _worker(config).get("testrunuid", os.getpid())
    return BackgroundSoak(Path(tempfile.gettempdir()) / f"blackboard-soak-{number}")


def _worker(config: pytest.Config) -> dict[str, Any]:
    """Return what pytest-xdist says about this process; nothing if the tests run in one process."""
    return getattr(config, "workerinput", {})


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move the test that waits for the soak to the end."""
    items.sort(key=lambda item: item.name == NAME)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the soak, in one process, if its test will run."""
    config = session.config
    is_first = _worker(config).get("workerid", "gw0") == "gw0"
    if is_first and not config.option.collectonly and any(item.name == NAME for item in session.items):
        _soak_of(config).start()


@pytest.fixture
def background_soak(request: pytest.FixtureRequest) -> BackgroundSoak:
    """Return the soak that runs beside the tests."""
    return _soak_of(request.config)
