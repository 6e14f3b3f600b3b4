"""What remote workers finish over HTTP is applied once, although servers, workers and daemons are killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.processes
def test_remote_work_is_applied_once_under_kills(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.server.remote_kills", str(tmp_path), "6", "7"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-5000:]
    assert sum(json.loads(done.stdout.splitlines()[-1]).values()) == 6
