"""The processor time of processes on this machine, which other programs change less than rates."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["of_processes", "of_sessions"]

SESSIONS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
"""The sessions on the database of a session, without this session."""


def of_processes(pids: Iterable[int], name: str | None = None) -> float:
    """Return the seconds of processor time that processes have used so far. Those that have ended count nothing.

    With `name`, only processes of this program count.
    """
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            program, _, rest = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")
            if name is None or program.endswith(f"({name}"):
                user, system = rest.split()[11:13]
                ticks += int(user) + int(system)
    return ticks / os.sysconf("SC_CLK_TCK")


def of_sessions(session: Any) -> float:
    """Return the processor time of the sessions on the database of a session; 0 if its database server is not local."""
    return of_processes((pid for (pid,) in session.execute(SESSIONS).fetchall()), "postgres")
