"""The lock that lets one hook at a time wait for the work of an agent, for each session of a coding agent.

A session runs its hook each time that it stops. Without a lock, a hook of each earlier stop would still wait, and each
of them would claim work.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blackboard.cli.cli_session import CommandSession
from blackboard.system.files.board_files import path_in, resolved
from blackboard.system.files.file_locks import try_lock
from blackboard.system.files.private_files import open_private

MAX_EVENT_CHARACTERS = 1_000_000


@contextmanager
def hook_lock(session: CommandSession, agent: str) -> Iterator[bool]:
    """Hold the lock of a session inside the context; yield True if this is the only hook of the session that waits.

    The lock ends with the process, however that ends.

    Args:
        session: The session of the command.
        agent: The agent whose work is waited for.
    """
    where = session.server_url or session.url
    path = path_in(where)
    named = [where if path is None else str(resolved(path)), agent, session.author or "", _session_id()]
    digest = hashlib.sha256(json.dumps(named).encode()).hexdigest()[:20]
    file = Path(tempfile.gettempdir()) / f"blackboard-{os.getuid()}-hook-{digest}.lock"
    handle = open_private(file, os.O_RDWR)
    try:
        yield try_lock(handle)
    finally:
        os.close(handle)


def _session_id() -> str:
    """Return the id of the session in the event that a coding agent gives its hook on stdin; "" if there is none."""
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        event = json.loads(sys.stdin.read(MAX_EVENT_CHARACTERS))
        if isinstance(event, dict):
            return str(event.get("session_id", ""))
    return ""
