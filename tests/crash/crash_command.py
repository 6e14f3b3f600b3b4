"""The command `python -m tests.crash`, run by tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.bounds import BOUND_SECONDS

__all__ = ["crashing"]

ROOT = Path(__file__).parents[2]


@contextmanager
def crashing(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run the harness in its own session, which ends with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crash", "--json", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(BOUND_SECONDS)
