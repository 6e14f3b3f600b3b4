"""Reports how a worker of pytest-xdist died in a test: by which signal, and what its threads ran.

pytest-xdist only says that it crashed. A worker writes its threads to a file, because the output of a run may be cut.
"""

from __future__ import annotations

import faulthandler
import signal
import tempfile
from pathlib import Path
from typing import Any

import pytest


class LostWorkers:
    """The reports of the workers of one run that died, in the process that controls them."""

    def __init__(self) -> None:
        self._reports: list[str] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Remember how a worker ended, and the file that it left."""
        path = _path(node.workerinput)
        if error:
            end = node.gateway._io.popen.wait(10)  # noqa: SLF001 -- pytest-xdist tells no more
            how = signal.Signals(-end).name if end < 0 else f"exit status {end}"
            threads = path.read_text("utf-8", "replace") if path.exists() else ""
            self._reports.append(f"worker {node.workerinput['workerid']} ended with {how}: {error}\n{threads}")
        path.unlink(missing_ok=True)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the reports last, where a cut output still shows them."""
        for report in self._reports:
            terminalreporter.write_line(report)


def register(config: pytest.Config) -> None:
    """Write the threads of a worker that dies to its file, and report on it where the workers are controlled."""
    if hasattr(config, "workerinput"):
        # The file stays open until the process ends, so that its last moments are also covered.
        faulthandler.enable(_path(config.workerinput).open("w"))
    else:
        config.pluginmanager.register(LostWorkers())


def _path(workerinput: dict[str, Any]) -> Path:
    return Path(tempfile.gettempdir()) / f"pytest-{workerinput['testrunuid']}-{workerinput['workerid']}.threads"
