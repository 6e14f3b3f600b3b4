"""The service manager that started the daemon: the daemon reports its state to it by the datagram protocol of systemd.

Only the loop of the daemon sends signs of life: if it hangs, the service manager restarts the daemon.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping
from typing import Self

from blackboard.durations import Duration

MAX_STATUS_CHARACTERS = 200
"""The largest number of characters in a status."""


class ServiceManager:
    """The service manager of this process, if there is one. The process reports its state there.

    Args:
        address: The path of the socket; a leading @ stands for the abstract namespace.
        interval: The longest time between two signs of life, in microseconds; None if none is required.
    """

    def __init__(self, address: str | None = None, interval: Duration | None = None) -> None:
        self._address = None if address is None else ("\0" + address[1:] if address.startswith("@") else address)
        self.interval = None if interval is None else max(1, interval // 2)
        """Microseconds between two signs of life: half the required interval, as the protocol advises."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Return the service manager that the environment names.

        Signs of life are required if the environment asks for them, and does not ask another process.
        """
        address = environment.get("NOTIFY_SOCKET")
        if not address or address[0] not in "/@":
            return cls()
        pid, text = environment.get("WATCHDOG_PID", str(os.getpid())), environment.get("WATCHDOG_USEC", "")
        wanted = text.isdecimal() and int(text) > 0 and pid == str(os.getpid())
        return cls(address, int(text) if wanted else None)

    def report_ready(self, status: str) -> None:
        """Report that the daemon runs."""
        self._send(f"READY=1\nSTATUS={_line(status)}")

    def report_alive(self) -> None:
        """Send a sign of life, if one is required."""
        if self.interval is not None:
            self._send("WATCHDOG=1")

    def report_status(self, text: str) -> None:
        """Report a status line for people."""
        self._send(f"STATUS={_line(text)}")

    def report_stopping(self) -> None:
        """Report that the daemon stops."""
        self._send("STOPPING=1")

    def _send(self, text: str) -> None:
        if self._address is None:
            return
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection,
        ):
            connection.setblocking(False)
            connection.sendto(text.encode("utf-8", "replace"), self._address)


def _line(text: str) -> str:
    return " ".join(text.split())[:MAX_STATUS_CHARACTERS]
