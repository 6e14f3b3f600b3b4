"""Tells systemd how the daemon is, in its datagram protocol; says nothing where nobody asked to be told.

The watchdog is fed from the daemon's loop and from nowhere else: a loop that is stuck is not fed for, and is restarted.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping
from typing import Self

__all__ = ["Watchdog"]

LONGEST_STATUS = 200


class Watchdog:
    """One service manager's socket, or none.

    Args:
        address: the path of the socket; one that begins with @ has no name in the file system.
        interval: microseconds between two signs of life that it wants; None if it wants none.
    """

    def __init__(self, address: str | None = None, interval: int | None = None) -> None:
        self._address = None if address is None else ("\0" + address[1:] if address.startswith("@") else address)
        self.interval = interval
        """Twice as often as it is asked for, as the protocol advises."""
        if interval is not None:
            self.interval = max(1, interval // 2)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """The one that the service manager names; what is meant for another process is not taken."""
        address = environment.get("NOTIFY_SOCKET")
        if not address or address[0] not in "/@":
            return cls()
        pid, text = environment.get("WATCHDOG_PID", str(os.getpid())), environment.get("WATCHDOG_USEC", "")
        wanted = text.isdecimal() and int(text) > 0 and pid == str(os.getpid())
        return cls(address, int(text) if wanted else None)

    def ready(self, status: str) -> None:
        """The daemon serves."""
        self._send(f"READY=1\nSTATUS={_line(status)}")

    def alive(self) -> None:
        """The loop came by."""
        if self.interval is not None:
            self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line for a person."""
        self._send(f"STATUS={_line(text)}")

    def stopping(self) -> None:
        """The daemon comes to its end."""
        self._send("STOPPING=1")

    def _send(self, text: str) -> None:
        if self._address is None:
            return
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as one,
        ):
            one.setblocking(False)
            one.sendto(text.encode("utf-8", "replace"), self._address)


def _line(text: str) -> str:
    return " ".join(text.split())[:LONGEST_STATUS]
