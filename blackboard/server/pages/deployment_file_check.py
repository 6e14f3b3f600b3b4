"""The check of the server's deployment file, in a child process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from blackboard.errors import WorkError

CHECK_SECONDS = 60
"""How long a check of the file may take."""


def check_file(file: Path | None, database: str) -> Mapping[str, Any]:
    """Return what `blackboard check --against-board --json` says of the deployment file of the server.

    The agents of the file are imported in a child process, so that this process keeps the code that it has.

    Args:
        file: The deployment file; None for the file in the current folder.
        database: The board.

    Raises:
        WorkError: The check took too long, or ended without a result.
    """
    place = [] if file is None else ["--config", str(file)]
    command = [sys.executable, "-m", "blackboard", *place, "--database", database]
    try:
        done = subprocess.run(
            [*command, "check", "--against-board", "--json"],
            check=False,
            capture_output=True, text=True, timeout=CHECK_SECONDS, stdin=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if name != "BLACKBOARD_URL"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise WorkError(
            f"the check took longer than {CHECK_SECONDS} s; run 'blackboard check --against-board' on the server"
        ) from None
    try:
        return dict(json.loads(done.stdout))
    except ValueError:
        raise WorkError(done.stderr.strip().removeprefix("error: ") or "the check ended without a result") from None
