"""The addresses that the server may listen on, and the addresses that it refuses."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import socket
from collections.abc import MutableMapping
from pathlib import Path
from typing import NamedTuple

from blackboard.errors import UsageError, WorkError
from blackboard.settings.sections import ServerSection

BACKLOG = 1024
SOCKET_MODE = 0o660
"""The permissions of a Unix socket: its owner, and the group of a reverse proxy."""


class Address(NamedTuple):
    """A host and a port to listen on; port 0 lets the system choose one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `HOST:PORT`, where an IPv6 address has brackets.

        Raises:
            UsageError: The text is not an address.
        """
        found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]]+):(\d{1,5})", text)
        if found is None or int(found[2]) > 65_535:
            raise UsageError(f"{text!r} is not an address to listen on; write HOST:PORT, such as 127.0.0.1:8787")
        return cls(found[1].strip("[]"), int(found[2]))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def check_exposure(address: Address, settings: ServerSection) -> None:
    """Refuse to send tokens over a network in clear text.

    Raises:
        UsageError: Other machines reach the address, and neither TLS nor a proxy protects it.
    """
    if not (address.is_loopback or settings.tls_certificate or settings.behind_proxy):
        raise UsageError(
            f"other machines reach {address}, so tokens would cross the network in clear text; listen on 127.0.0.1,"
            " name a certificate with --tls-certificate and --tls-key, or add --behind-proxy if a proxy adds TLS"
        )


def listen_on(address: Address) -> socket.socket:
    """Return a socket that listens on an address.

    Raises:
        WorkError: The address cannot be used.
    """
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _cannot_listen(address, error) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _cannot_listen(address, error) from None
    return listener


def listen_on_path(path: Path) -> socket.socket:
    """Return a Unix socket that listens at a path. A socket without a listener is replaced.

    Raises:
        WorkError: The path cannot be used, or another process listens there.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if _is_dead_socket(path):
            path.unlink()
        before = os.umask(0o777 & ~SOCKET_MODE)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _cannot_listen(path, error) from None
    return listener


def _cannot_listen(where: Address | Path, error: OSError) -> WorkError:
    return WorkError(f"cannot listen on {where}: {error.strerror or error}")


FIRST_INHERITED = 3
"""The first descriptor that a service manager passes."""


def inherited_sockets(environment: MutableMapping[str, str]) -> list[socket.socket]:
    """Return the listening sockets that a service manager passed to this process, and forget them.

    The protocol is systemd's socket activation: https://www.freedesktop.org/software/systemd/man/sd_listen_fds.
    """
    number, process = environment.pop("LISTEN_FDS", ""), environment.pop("LISTEN_PID", "")
    environment.pop("LISTEN_FDNAMES", None)
    if process != str(os.getpid()) or not number.isdecimal():
        return []
    listeners = [socket.socket(fileno=FIRST_INHERITED + index) for index in range(int(number))]
    for listener in listeners:
        listener.set_inheritable(False)
    return listeners


def address_of(listener: socket.socket) -> Address | None:
    """Return where a socket listens; None for a Unix socket."""
    if listener.family == socket.AF_UNIX:
        return None
    host, port = listener.getsockname()[:2]
    return Address(host, port)


def _is_dead_socket(path: Path) -> bool:
    """Return whether a path is a socket without a listener, because its process has died."""
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as client:
        try:
            client.connect(str(path))
        except ConnectionRefusedError:
            return path.is_socket()
        except OSError:
            return False
    return False
